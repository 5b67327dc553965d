//! Changes of the schema out of the sight of a transaction's snapshot, by clients of the optimistic
//! engine and past it: whoever meets one is told that the schema has changed, and nobody else is
//! told anything.

use tokio_postgres::Client;

use crate::gateway::{SCHEMA_CHANGED, Served, says};
use crate::raw::Raw;

const TABLES: &str = "create table t (a int primary key, b text unique, c int check (c > 0)); \
                      insert into t values (1, 'x', 1); \
                      create table other (a int primary key); insert into other values (7)";

async fn tables() -> (Served, Client, Client) {
    let served = Served::start().await;
    served.outsider().await.batch_execute(TABLES).await.unwrap();
    let (alice, bob) = (served.client().await, served.client().await);
    (served, alice, bob)
}

/// Definitions that the catalog has no longer, or has otherwise, while the snapshot still shows the
/// old ones.
const CHANGES: [&str; 7] = [
    "alter table t drop constraint t_b_key",
    "alter table t drop constraint t_c_check",
    "alter table t drop column c",
    "alter table t rename column c to d",
    "alter table t alter column c type bigint",
    "alter table t rename to u",
    "drop table t",
];

const READ: &str = "select a from t";

/// After it has been told, the client sees what there is.
async fn is_told_once(client: &Client, change: &str, by: &str) {
    assert_eq!(says(client, READ).await, SCHEMA_CHANGED, "{change}, {by}");
    let is_gone = change.contains("rename to") || change.starts_with("drop table");
    let seen = if is_gone { "42P01 relation \"t\" does not exist" } else { "1; (1)" };
    assert_eq!(says(client, READ).await, seen, "{change}, {by}");
    assert_eq!(says(client, "select a from other").await, "7; (1)", "{change}, {by}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_has_changed_since_the_snapshot_is_told_as_a_change_of_the_schema() {
    for change in CHANGES {
        let (_served, alice, bob) = tables().await;
        says(&bob, "begin; select a from other").await;
        assert_eq!(says(&alice, change).await, "(0)", "{change}");
        is_told_once(&bob, change, "by a client").await;

        let (served, _, bob) = tables().await;
        says(&bob, "begin; select a from other").await;
        served.outsider().await.batch_execute(change).await.unwrap();
        // Past the gateway nobody is told of what makes no difference to a statement.
        let is_met = says(&bob, READ).await != "1; (1)";
        says(&bob, "rollback").await;
        if is_met && !change.contains("rename to") && !change.starts_with("drop table") {
            assert_eq!(says(&bob, READ).await, "1; (1)", "{change}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_outsider_changes_between_two_uses_is_told_as_a_change_of_the_schema() {
    for change in CHANGES {
        let (served, _, bob) = tables().await;
        assert_eq!(says(&bob, READ).await, "1; (1)");
        let outsider = served.outsider().await;
        outsider.batch_execute("update t set c = 2").await.unwrap();
        says(&bob, "begin; select a from other").await;
        outsider.batch_execute(change).await.unwrap();
        let said = says(&bob, READ).await;
        assert!(said == "1; (1)" || said == SCHEMA_CHANGED, "{change}: {said}");
    }
}

/// ALTER TABLE need not touch the table's own row in the catalog.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_outsider_changes_of_a_column_or_an_index_is_seen_by_the_next_transaction() {
    for (change, statement, expected) in [
        ("alter table t rename column c to d", "select d from t", "1; (1)"),
        ("alter table t alter column b set not null", "insert into t values (2, null, 1)", "23502"),
        (
            "alter table t alter column b set default 'y'",
            "insert into t (a) values (2) returning b",
            "y; (1)",
        ),
        ("create unique index on t (c)", "begin; insert into t values (2, 'y', 1)", "23505"),
    ] {
        let (served, _, bob) = tables().await;
        assert_eq!(says(&bob, READ).await, "1; (1)");
        served.outsider().await.batch_execute(change).await.unwrap();
        let first = says(&bob, statement).await;
        says(&bob, "rollback").await;
        let said = if first == SCHEMA_CHANGED { says(&bob, statement).await } else { first };
        assert!(said.starts_with(expected), "{change}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_cannot_be_made_again_is_no_matter_of_other_tables() {
    for change in CHANGES {
        for by_client in [true, false] {
            let (served, alice, bob) = tables().await;
            says(&bob, "begin; select a from t; rollback").await;
            if by_client {
                assert_eq!(says(&alice, change).await, "(0)", "{change}");
            } else {
                served.outsider().await.batch_execute(change).await.unwrap();
            }
            assert_eq!(says(&bob, "select a from other").await, "7; (1)", "{change}");
        }
    }
}

/// Each gives a table the name `made`.
const ARRIVALS: [&str; 2] =
    ["create table made (a int primary key)", "alter table other rename to made"];

/// PostgreSQL would find the new table all the same, and write to it past its copy.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_came_after_the_snapshot_is_a_change_of_the_schema() {
    for arrival in ARRIVALS {
        let (served, alice, bob) = tables().await;
        let mut raw = Raw::connect(served.folder.path()).await;
        says(&bob, "begin; select a from t").await;
        raw.query("begin; select a from t");
        raw.says().await;
        assert_eq!(says(&alice, arrival).await, "(0)", "{arrival}");
        assert_eq!(says(&bob, "insert into made values (1)").await, SCHEMA_CHANGED, "{arrival}");
        raw.parse("", "insert into made values (2)").bind("", "").execute("").sync();
        assert_eq!(raw.says().await, "1 2 !40001 ZI", "{arrival}");
        assert_eq!(says(&bob, "insert into made values (3)").await, "(1)", "{arrival}");
        assert_eq!(
            says(&alice, "select max(a) from made where a < 4").await,
            "3; (1)",
            "{arrival}"
        );
    }
}

/// Only a column is called as the table, which is not there yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_not_committed_is_in_nobodys_way() {
    let (_served, alice, bob) = tables().await;
    says(&alice, "begin; create table made (a int primary key)").await;
    for _ in 0..2 {
        assert_eq!(says(&bob, "select a as made from t").await, "1; (1)");
    }
    assert_eq!(says(&alice, "commit").await, "(0)");
    assert_eq!(says(&bob, "select a as made from t").await, "1; (1)");
}

/// What it has bound before is there still, or is told to be gone for the sake of others.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_steps_back_commits_by_a_portal_that_was_bound_before() {
    for (bound, answer) in [("commit", "[COMMIT] ZI"), ("select 1", "!40001 ZI")] {
        let (served, _, bob) = tables().await;
        let mut raw = Raw::connect(served.folder.path()).await;
        raw.query("begin; alter table t add column d int");
        raw.says().await;
        raw.parse("", bound).bind("end", "").flush();
        raw.until(b'2').await;
        assert_eq!(says(&bob, READ).await, "1; (1)", "{bound}");
        raw.execute("end").sync();
        assert_eq!(raw.says().await, answer, "{bound}");
    }
}

/// The stored tables that a client's transaction has locked as whoever writes to them does.
const WRITTEN: &str = "select count(*) from pg_locks l join pg_class c on c.oid = l.relation \
                       where c.relname = 'made' and c.relpersistence = 'p' and l.mode = \
                       'RowExclusiveLock'";

/// PostgreSQL holds on to the stored table that it has found when a copy of its name comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_was_prepared_before_its_table_had_a_copy_works_on_the_copy() {
    for prepare in ["by Parse", "prepare p as insert into made values (1)"] {
        let (served, alice, _) = tables().await;
        let outsider = served.outsider().await;
        let mut raw = Raw::connect(served.folder.path()).await;
        raw.query("begin; select a from t");
        raw.says().await;
        says(&alice, ARRIVALS[0]).await;
        if prepare == "by Parse" {
            raw.parse("p", "insert into made values (1)").sync();
        } else {
            raw.query(prepare);
        }
        raw.says().await;
        raw.query("rollback");
        raw.says().await;
        for _ in 0..2 {
            raw.query("begin");
            raw.says().await;
            if prepare == "by Parse" {
                raw.bind("", "p").execute("").sync();
            } else {
                raw.query("execute p");
            }
            let said = raw.says().await;
            let written: i64 = outsider.query_one(WRITTEN, &[]).await.unwrap().get(0);
            assert_eq!(written, 0, "{prepare}: {said}");
            raw.query("commit");
            raw.says().await;
        }
        assert_eq!(says(&alice, "select count(*) from made").await, "1; (1)", "{prepare}");
    }
}
