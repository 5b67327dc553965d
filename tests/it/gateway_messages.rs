//! Messages of several statements through the optimistic engine: PostgreSQL reads the whole message
//! before any of it runs.

use std::path::Path;

use crate::gateway::Served;
use crate::raw::{Answer, Raw};

async fn client(served: &Served) -> Raw {
    client_of(served.folder.path(), served.database()).await
}

async fn client_of(folder: &Path, database: &str) -> Raw {
    Raw::connect_with(folder, &format!("database\0{database}\0")).await.0
}

/// Code, message and place of an error, the bytes of any other answer.
fn told(answer: &Answer) -> String {
    let what = match answer.tag {
        b'E' => [b'C', b'M', b'P'].map(|field| answer.field(field).unwrap_or_default()).join("|"),
        // Which table a column is of differs from one database to another.
        b'T' => String::new(),
        _ => answer.body.escape_ascii().to_string(),
    };
    format!("{} {what}", char::from(answer.tag))
}

async fn answers(client: &mut Raw, sql: &str) -> Vec<String> {
    client.query(sql);
    client.until_ready_or_ended().await.iter().map(told).collect()
}

const MESSAGES: &[&str] = &[
    "create table t (a int primary key)",
    "insert into t values (1); insert into t values (2); selct 3",
    "select count(*) from t",
    "begin; insert into t values (1); select 1 +; commit",
    "select count(*) from t",
    "insert into t values (3); select 'äöü'; select 1 from from t; select 2",
    "select 1;; select 2; -- a comment\n selct 2;",
    "select 1; /* nothing but a comment */ ; select 'without an end",
    "select 1; explain selct 1",
    "select 1; explain (costs off) select 1; select 2",
    "select 1; declare c cursor for selct",
    "select 1; create table x as selct 1",
    "select 1; call selct",
    "select 1; (selct 1)",
    "select 1; (select 2); table t; values (3); with q as (select 4) select * from q",
    "insert into t values (7); insert into t values (8, 9)",
    "insert into t values (9); select * from nowhere",
    "select count(*) from t",
    "begin",
    "insert into t values (5)",
    "insert into t values (6); selct; select 2",
    "select 1; selct",
    "select 1; select 2",
    "rollback; select count(*) from t",
    "begin; insert into t values (11); commit; select count(*) from t",
    "insert into t values (12); begin; selct",
    "select count(*) from t",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_syntax_error_anywhere_means_that_nothing_has_run() {
    let (served, plain) = (Served::start().await, Served::passing_through().await);
    let (mut through, mut straight) = (client(&served).await, client(&plain).await);
    for sql in MESSAGES {
        let expected = answers(&mut straight, sql).await;
        assert_eq!(answers(&mut through, sql).await, expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_engine_knows_is_no_syntax_error() {
    let served = Served::start().await;
    let mut client = client(&served).await;
    answers(&mut client, "create table t (a int)").await;
    let index = answers(&mut client, "select 1; create index async i on t (a)").await;
    assert!(index.iter().any(|answer| answer.starts_with("C CREATE INDEX")), "{index:?}");
    let refused = answers(&mut client, "select 1; savepoint s").await;
    assert!(refused.iter().any(|answer| answer.contains("statement: SAVEPOINT")), "{refused:?}");
}
