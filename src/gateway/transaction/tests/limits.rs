use std::time::Duration;

use super::client::Gate;
use crate::gateway::options::Limits;
use crate::gateway::transaction::Status;
use crate::gateway::transaction::blocks::Completion;

const TOO_MANY: &str = "54000: transaction row limit exceeded";

#[tokio::test]
async fn the_row_limit_holds_at_the_statement_that_crosses_it() {
    let mut alice = Gate::with(Limits { rows: 3, ..Limits::default() }).client("alice");
    alice.pin(10, "10:10:");
    alice.run("begin").await.unwrap();
    alice.did(&["i 1", "i 2", "i 3"]);
    alice.run_rows("insert into seats values (1), (2), (3)", 3).await.unwrap();
    alice.did(&["i 1", "i 2", "i 3", "i 4"]);
    let crossed = alice.run_rows("insert into seats values (4)", 1).await;
    assert_eq!(crossed, Err(TOO_MANY.to_owned()));
    assert_eq!(alice.transaction.status(), Status::Failed);
}

#[tokio::test]
async fn a_row_that_is_changed_twice_counts_once() {
    let mut alice = Gate::with(Limits { rows: 3, ..Limits::default() }).client("alice");
    alice.pin(10, "10:10:");
    alice.run("begin").await.unwrap();
    alice.did(&["u 1", "u 2", "u 3"]);
    for _ in 0..3 {
        alice.run_rows("update seats set holder = 'me'", 3).await.unwrap();
    }
    assert_eq!(alice.commit().await, Ok(Completion::Committed));
}

#[tokio::test]
async fn rows_that_are_merely_locked_are_counted() {
    for (rows, is_refused) in [(3, false), (2, true)] {
        let mut alice = Gate::with(Limits { rows, ..Limits::default() }).client("alice");
        alice.pin(10, "10:10:");
        alice.run("begin").await.unwrap();
        alice.did(&["l 1", "l 2", "l 3"]);
        alice.run("select * from seats for update").await.unwrap();
        let refused = Err("54000: transaction row limit exceeded".to_owned());
        let expected = if is_refused { refused } else { Ok(Completion::Committed) };
        assert_eq!(alice.commit().await, expected);
    }
}

#[tokio::test]
async fn the_size_limit_holds_at_commit() {
    for (size, is_refused) in [(500, false), (501, true)] {
        let mut alice = Gate::with(Limits { bytes: 500, ..Limits::default() }).client("alice");
        alice.pin(10, "10:10:");
        alice.run("begin").await.unwrap();
        alice.did_of_size(&["u A-4"], size);
        alice.run("update seats set holder = 'me'").await.unwrap();
        let refused = Err("54000: transaction size limit 10mb exceeded".to_owned());
        let expected = if is_refused { refused } else { Ok(Completion::Committed) };
        assert_eq!(alice.commit().await, expected);
        assert_eq!(alice.transaction.status(), Status::Idle);
    }
}

#[tokio::test]
async fn the_age_limit_holds_at_the_next_statement() {
    let mut alice = Gate::with(Limits { age: Duration::ZERO, ..Limits::default() }).client("alice");
    alice.pin(10, "10:10:");
    alice.run("begin").await.unwrap();
    let refused = alice.run("select 1").await;
    assert_eq!(refused, Err("54000: transaction age limit of 300s exceeded".to_owned()));
    assert_eq!(alice.commit().await, Ok(Completion::RolledBack));
}
