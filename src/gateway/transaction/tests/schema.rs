use super::client::{Gate, PIN, SCHEMA_CHANGED, is_pending};
use crate::gateway::transaction::Status;
use crate::gateway::transaction::blocks::Completion;
use crate::gateway::transaction::ends::MadeWay;

const ALTER: &str = "alter table seats add column note text";
const BESIDE: &str = "0A000: ddl and dml are not supported in the same transaction";

fn schema_changed<T>() -> Result<T, String> {
    Err(SCHEMA_CHANGED.to_owned())
}

#[tokio::test]
async fn a_change_of_the_schema_ends_whoever_uses_its_table() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    bob.begin(10, "10:10:").await;
    alice.pin(11, "10:11:10");
    {
        let mut altering = Box::pin(alice.run(ALTER));
        assert!(is_pending(&mut altering).await);
        assert!(bob.transaction.signal().is_called());
        bob.transaction.make_way(&mut bob.backend).await.unwrap();
        altering.await.unwrap();
    }
    assert_eq!(alice.sync().await, Ok(Completion::Committed));
    assert_eq!(bob.run("select * from seats").await, schema_changed());
    bob.begin(12, "12:12:").await;
}

#[tokio::test]
async fn who_had_looked_at_the_table_is_told_of_its_change_once() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    bob.begin(10, "10:10:").await;
    bob.commit().await.unwrap();
    alice.pin(11, "11:11:");
    alice.run(ALTER).await.unwrap();
    alice.sync().await.unwrap();
    bob.pin(12, "12:12:");
    assert_eq!(bob.run("select * from seats").await, schema_changed());
    assert_eq!(bob.run("select * from seats").await, Ok(()));
}

#[tokio::test]
async fn a_change_of_the_schema_that_rests_steps_back_and_is_made_again_at_commit() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    alice.pin(10, "10:10:");
    alice.run("begin").await.unwrap();
    alice.run(ALTER).await.unwrap();
    alice.backend.take_asked();
    bob.pin(11, "10:11:10");
    {
        let mut reading = Box::pin(bob.run("select * from seats"));
        assert!(is_pending(&mut reading).await);
        let way = alice.transaction.make_way(&mut alice.backend).await.unwrap();
        assert_eq!(way, MadeWay::SteppedBack);
        assert!(alice.transaction.has_stepped_back());
        reading.await.unwrap();
    }
    bob.sync().await.unwrap();
    assert_eq!(alice.transaction.status(), Status::InBlock);
    assert_eq!(alice.asked("rollback to savepoint").len(), 1);
    assert_eq!(alice.commit().await, Ok(Completion::Committed));
    assert_eq!(alice.asked(ALTER).len(), 1);
}

#[tokio::test]
async fn of_two_changes_of_the_schema_the_first_to_commit_wins() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    alice.pin(10, "10:10:");
    alice.run("begin").await.unwrap();
    alice.run(ALTER).await.unwrap();
    bob.pin(11, "10:11:10");
    {
        let mut altering = Box::pin(bob.run(ALTER));
        assert!(is_pending(&mut altering).await);
        alice.transaction.make_way(&mut alice.backend).await.unwrap();
        altering.await.unwrap();
    }
    assert_eq!(bob.sync().await, Ok(Completion::Committed));
    assert_eq!(alice.commit().await, schema_changed());
    assert_eq!(alice.transaction.status(), Status::Idle);
}

#[tokio::test]
async fn what_a_statement_leaves_behind_binds_the_change_before_it() {
    let mut alice = Gate::new().client("alice");
    alice.pin(10, "10:10:");
    alice.run("begin").await.unwrap();
    alice.run(ALTER).await.unwrap();
    alice.run("set work_mem = '8MB'").await.unwrap();
    let way = alice.transaction.make_way(&mut alice.backend).await.unwrap();
    assert_eq!(way, MadeWay::RolledBack);
}

#[tokio::test]
async fn a_transaction_changes_the_schema_once_and_nothing_else() {
    let two = "0A000: multiple ddl statements not supported in a transaction";
    for (first, second, expected) in [
        (ALTER, ALTER, two),
        (ALTER, "select * from seats", BESIDE),
        ("select * from seats", ALTER, BESIDE),
    ] {
        let mut alice = Gate::new().client("alice");
        alice.pin(10, "10:10:");
        alice.run("begin").await.unwrap();
        alice.run(first).await.unwrap();
        assert_eq!(alice.run(second).await, Err(expected.to_owned()), "{first}; {second}");
        assert_eq!(alice.transaction.status(), Status::Failed);
    }
}

#[tokio::test]
async fn who_may_only_read_does_not_change_the_schema() {
    let mut alice = Gate::new().client("alice");
    alice.pin(10, "10:10:");
    alice.run("begin read only").await.unwrap();
    let refused = alice.run(ALTER).await.unwrap_err();
    assert_eq!(refused, "25006: cannot execute ALTER in a read-only transaction");
}

#[tokio::test]
async fn what_an_outsider_changes_is_told_once_where_the_table_is_another() {
    for (shape_changes, expected) in [(true, schema_changed()), (false, Ok(()))] {
        let mut alice = Gate::new().client("alice");
        alice.begin(10, "10:10:").await;
        alice.commit().await.unwrap();
        // 11 is the outsider's.
        alice.pin_in(12, "12:12:", "schema 2");
        if shape_changes {
            alice.reshape();
        }
        assert_eq!(alice.run("select * from seats").await, expected);
        // The schema has been looked at anew, within a transaction that was given up for it.
        assert!(alice.asked(PIN).len() > 1);
        assert_eq!(alice.run("select * from seats").await, Ok(()));
    }
}
