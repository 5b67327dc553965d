//! Changes of the schema out of the sight of a transaction's snapshot, by clients of the optimistic engine and past it: whoever meets one is
//! told that the schema has changed, and nobody else is told anything.

use tokio_postgres::Client;

use crate::gateway::{SCHEMA_CHANGED, Served, says};

const TABLES: &str = "create table t (a int primary key, b text unique, c int check (c > 0)); \
                      insert into t values (1, 'x', 1); \
                      create table other (a int primary key); insert into other values (7)";

async fn tables() -> (Served, Client, Client) {
    let served = Served::start().await;
    served.outsider().await.batch_execute(TABLES).await.unwrap();
    let (alice, bob) = (served.client().await, served.client().await);
    (served, alice, bob)
}

/// Definitions that the catalog has no longer, or has otherwise, while the snapshot still shows the old ones.
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
