//! Changes of the schema against each other and against DML: of two that make or change the same
//! thing the first to COMMIT wins, whoever ran first; and nothing is done in a transaction to what
//! that has itself made or altered.

use overbooked::gateway::Strictness;

use crate::gateway::{SCHEMA_CHANGED, Served, says, succeeded};

const TABLES: &str = "create table t (a int primary key, b int); insert into t values (1, 1); \
    create table u (a int primary key, b int); create view old as select a from t; \
    create sequence s cache 1";

async fn served() -> Served {
    let served = Served::start().await;
    served.outsider().await.batch_execute(TABLES).await.unwrap();
    served
}

/// Two changes that cannot both be, whichever comes first.
const RIVALS: &[(&str, &str)] = &[
    ("create table x (a int primary key)", "create table x (b int primary key)"),
    ("create table if not exists x (a int)", "create table if not exists x (b int)"),
    ("create table x (a int)", "create view x as select 1 as a"),
    ("create index async i on t (b)", "create index async i on t (a, b)"),
    ("create index async i on t (b)", "create index async i on u (b)"),
    ("create unique index async i on t (b)", "create table i (a int)"),
    ("create schema x", "create schema x"),
    ("create view x as select 1 as a", "create view x as select 2 as b"),
    ("create sequence x cache 1", "create sequence x cache 1"),
    ("create sequence if not exists x cache 1", "create sequence if not exists x cache 1"),
    ("create schema if not exists x", "create schema if not exists x"),
    ("create index async if not exists i on t (b)", "create index async if not exists i on u (b)"),
    ("create or replace view x as select 1 as a", "create or replace view x as select 2 as a"),
    ("create sequence x cache 1", "create table x (a int)"),
    ("drop table u", "drop table u"),
    ("drop table u", "alter table u add column c int"),
    ("drop view old", "drop view old"),
    ("drop sequence s", "drop sequence s"),
    ("alter table t add column c int", "alter table t add column c int"),
    ("alter table t add column c int", "alter table t add column d int"),
    ("alter table u rename to x", "create table x (a int)"),
    ("alter table u rename to x", "alter table u rename to y"),
    ("create domain x as int", "create domain x as text"),
];

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_of_one_thing_the_first_to_commit_wins() {
    for (one, other) in RIVALS {
        for (first, second) in [(one, other), (other, one)] {
            for runs_first in [first, second] {
                let served = served().await;
                let (alice, bob) = (served.client().await, served.client().await);
                let case = format!("{first} before {second}, behind {runs_first}");
                let mut scripts = [(&alice, first), (&bob, second)];
                scripts.sort_by_key(|(_, sql)| *sql != runs_first);
                for (client, sql) in scripts {
                    let said = says(client, &format!("begin; {sql}")).await;
                    assert!(succeeded(&said), "{case}: {said}");
                }
                assert_eq!(says(&alice, "commit").await, "(0)", "{case}");
                assert_eq!(says(&bob, "commit").await, SCHEMA_CHANGED, "{case}");
                assert_eq!(says(&bob, "select 1").await, "1; (1)", "{case}");
            }
        }
    }
}

/// It would find what its snapshot does not show.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_since_the_snapshot_is_told_at_the_statement() {
    for create in ["create table x (a int)", "create table if not exists x (a int)"] {
        let served = served().await;
        let (alice, bob) = (served.client().await, served.client().await);
        says(&bob, "begin").await;
        assert!(succeeded(&says(&alice, "create table x (b int)").await), "{create}");
        assert_eq!(says(&bob, create).await, SCHEMA_CHANGED, "{create}");
        assert_eq!(says(&bob, "select * from x").await, "(0)", "{create}");
    }
}

/// What is there already is no matter of who was first.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_changes_nothing_commits() {
    let served = served().await;
    let (alice, bob) = (served.client().await, served.client().await);
    for nothing in ["create table if not exists t (a int)", "create sequence if not exists s"] {
        says(&alice, &format!("begin; {nothing}")).await;
        // Steps back for Bob, and is made again.
        says(&bob, "begin; create table x (a int)").await;
        assert_eq!(says(&alice, "commit").await, "(0)", "{nothing}");
        says(&bob, "rollback").await;
    }
}

/// Changes that have nothing to do with each other.
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_different_things_both_commit() {
    for (one, other) in [
        ("create table x (a int)", "create table y (a int)"),
        ("create index async i on t (b)", "create index async j on u (b)"),
        ("alter table t add column c int", "alter table u add column c int"),
        ("create schema x", "create table y (a int)"),
    ] {
        let served = served().await;
        let (alice, bob) = (served.client().await, served.client().await);
        says(&alice, "begin").await;
        says(&bob, "begin").await;
        says(&alice, one).await;
        says(&bob, other).await;
        assert_eq!(says(&alice, "commit").await, "(0)", "{one}; {other}");
        assert_eq!(says(&bob, "commit").await, "(0)", "{one}; {other}");
    }
}

const BESIDE_DDL: &str = "0A000 ddl and dml are not supported in the same transaction";
const SECOND_DDL: &str = "0A000 multiple ddl statements not supported in a transaction";

/// A change, what its own transaction tries behind it, and what it is told.
const BEHIND: &[(&str, &str, &str)] = &[
    ("create table x (a int)", "insert into x values (1)", BESIDE_DDL),
    ("create table x (a int)", "select * from x", BESIDE_DDL),
    ("create table x (a int)", "select * from public.x", BESIDE_DDL),
    ("create table x (a int)", "insert into t values (2, 2)", BESIDE_DDL),
    ("create table x (a int)", "select * from t", BESIDE_DDL),
    ("create table x (a int)", "create table y (a int)", SECOND_DDL),
    ("create table x (a int)", "with y as (select 1) insert into x select * from y", BESIDE_DDL),
    ("create schema x", "insert into t values (2, 2)", BESIDE_DDL),
    ("create view x as select a from t", "select * from x", BESIDE_DDL),
    ("alter table t add column c int", "insert into t values (2, 2, 2)", BESIDE_DDL),
    ("alter table t add column c int", "update t set c = 1", BESIDE_DDL),
    ("alter table t add column c int", "delete from t", BESIDE_DDL),
    ("alter table t rename to x", "select * from x", BESIDE_DDL),
    ("create index async i on t (b)", "select * from t", BESIDE_DDL),
    ("create index async i on t (b)", "insert into t values (2, 2)", BESIDE_DDL),
    ("drop table u", "select * from t", BESIDE_DDL),
    ("insert into t values (2, 2)", "create table x (a int)", BESIDE_DDL),
    ("select * from t", "create table x (a int)", BESIDE_DDL),
    ("select * from t", "alter table u add column c int", BESIDE_DDL),
    ("create table x (a int)", "select 1", "1; (1)"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_transaction_has_made_or_altered_it_does_not_use() {
    for strictness in [Strictness::Lenient, Strictness::Dsql] {
        let served = Served::with(|options| options.strictness = strictness).await;
        served.outsider().await.batch_execute(TABLES).await.unwrap();
        let client = served.client().await;
        for (first, second, expected) in BEHIND {
            says(&client, "select from t").await;
            let said = says(&client, &format!("begin; {first}")).await;
            assert!(succeeded(&said), "{first}: {said}");
            assert_eq!(says(&client, second).await, *expected, "{first}; {second}");
            says(&client, "rollback").await;
            // The same as one message: an implicit transaction.
            if expected.starts_with("0A000") {
                assert_eq!(says(&client, &format!("{first}; {second}")).await, *expected);
            }
        }
        assert_eq!(says(&client, "select count(*) from t").await, "1; (1)");
    }
}

/// The first statement of a session has its copies made, for which its transaction begins anew.
#[tokio::test(flavor = "multi_thread")]
async fn nor_does_the_first_message_of_a_session() {
    let served = served().await;
    for (first, second, expected) in BEHIND.iter().filter(|behind| behind.2.starts_with("0A000")) {
        let message = format!("{first}; {second}");
        assert_eq!(says(&served.client().await, &message).await, *expected, "{message}");
    }
}

/// A transaction that had begun before a change was committed, and what it does afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn who_used_a_table_before_it_was_changed_is_told_at_the_latest_at_commit() {
    for used in ["select * from t", "insert into t values (2, 2)", "select * from t for update"] {
        for change in [
            "alter table t add column c int",
            "create index async i on t (b)",
            "drop table t cascade",
            "alter table t rename to x",
        ] {
            let served = served().await;
            let (alice, bob) = (served.client().await, served.client().await);
            says(&bob, &format!("begin; {used}")).await;
            assert!(succeeded(&says(&alice, change).await), "{change}");
            assert_eq!(says(&bob, "commit").await, SCHEMA_CHANGED, "{used}; {change}");
            let served = self::served().await;
            let (alice, bob) = (served.client().await, served.client().await);
            says(&bob, &format!("begin; {used}")).await;
            assert!(succeeded(&says(&alice, change).await), "{change}");
            assert_eq!(says(&bob, "select * from t").await, SCHEMA_CHANGED, "{used}; {change}");
        }
    }
}
