use super::client::{Gate, IN_FAILED, MAKE, SCHEMA_CHANGED};
use crate::gateway::backend::Reaction;
use crate::gateway::refusal::Warning;
use crate::gateway::statement::Access;
use crate::gateway::transaction::Status;
use crate::gateway::transaction::blocks::Completion;
use crate::gateway::transaction::ends::MadeWay;

#[tokio::test]
async fn a_block_that_has_failed_takes_nothing_but_its_end() {
    let mut alice = Gate::new().client("alice");
    alice.begin(10, "10:10:").await;
    let refused = alice.run("savepoint a").await.unwrap_err();
    assert_eq!(refused, "0A000: unsupported transaction statement: SAVEPOINT");
    assert_eq!(alice.transaction.status(), Status::Failed);
    // 25P02 comes before any refusal.
    for statement in ["select * from seats", "savepoint a", "release a", "begin"] {
        assert_eq!(alice.run(statement).await, Err(IN_FAILED.to_owned()), "{statement}");
    }
    assert_eq!(alice.commit().await, Ok(Completion::RolledBack));
    assert_eq!(alice.transaction.status(), Status::Idle);
    alice.begin(11, "11:11:").await;
}

#[tokio::test]
async fn savepoints_are_refused_in_the_services_words() {
    for (statement, name) in
        [("savepoint a", "SAVEPOINT"), ("release a", "RELEASE"), ("rollback to a", "ROLLBACK TO")]
    {
        let mut alice = Gate::new().client("alice");
        alice.begin(10, "10:10:").await;
        let expected = format!("0A000: unsupported transaction statement: {name}");
        assert_eq!(alice.run(statement).await, Err(expected));
    }
}

#[tokio::test]
async fn a_refusal_fails_a_block_and_leaves_nothing_of_a_statement_of_its_own() {
    let mut alice = Gate::new().client("alice");
    alice.pin(10, "10:10:");
    alice.run("listen a").await.unwrap_err();
    assert_eq!(alice.transaction.status(), Status::Idle);
    alice.run("begin").await.unwrap();
    alice.run("listen a").await.unwrap_err();
    assert_eq!(alice.transaction.status(), Status::Failed);
}

#[tokio::test]
async fn who_may_only_read_does_not_write() {
    let mut alice = Gate::new().client("alice");
    alice.pin(10, "10:10:");
    alice.run("begin read only").await.unwrap();
    assert_eq!(alice.transaction.is_read_only(), Some(true));
    alice.run("select * from seats").await.unwrap();
    let refused = alice.run("update seats set holder = 'me'").await.unwrap_err();
    assert_eq!(refused, "25006: cannot execute UPDATE in a read-only transaction");
}

#[tokio::test]
async fn a_begin_within_a_block_is_warned_of_and_changes_nothing() {
    let mut alice = Gate::new().client("alice");
    alice.begin(10, "10:10:").await;
    let begun = alice.transaction.begin_block(&mut alice.backend, Access::ReadOnly).await;
    assert_eq!(begun.unwrap(), Some(Warning::AlreadyInTransaction));
    assert_eq!(alice.transaction.is_read_only(), Some(false));
}

#[tokio::test]
async fn a_begin_behind_other_statements_of_a_message_makes_a_block_of_all() {
    let mut alice = Gate::new().client("alice");
    alice.pin(10, "10:10:");
    alice.run("select * from seats").await.unwrap();
    assert!(alice.transaction.is_outside_block());
    alice.run("begin").await.unwrap();
    assert_eq!(alice.transaction.status(), Status::InBlock);
    assert_eq!(alice.sync().await, Ok(Completion::Nothing));
    assert_eq!(alice.commit().await, Ok(Completion::Committed));
}

#[tokio::test]
async fn where_nothing_is_open_nothing_is_ended() {
    let mut alice = Gate::new().client("alice");
    assert_eq!(alice.commit().await, Ok(Completion::Nothing));
    assert_eq!(alice.sync().await, Ok(Completion::Nothing));
    alice.run("rollback").await.unwrap();
    assert!(alice.backend.take_asked().is_empty());
}

#[tokio::test]
async fn a_transaction_that_was_ended_from_outside_is_never_called_committed() {
    let mut alice = Gate::new().client("alice");
    alice.pin(10, "10:10:");
    alice.run("update seats set holder = 'me'").await.unwrap();
    let way = alice.transaction.make_way(&mut alice.backend).await.unwrap();
    assert_eq!(way, MadeWay::RolledBack);
    assert_eq!(alice.sync().await, Err(SCHEMA_CHANGED.to_owned()));
    assert_eq!(alice.sync().await, Ok(Completion::Nothing));
}

#[tokio::test]
async fn a_block_that_was_ended_from_outside_is_told_so_at_its_next_statement() {
    for statement in ["select * from seats", "commit"] {
        let mut alice = Gate::new().client("alice");
        alice.begin(10, "10:10:").await;
        alice.transaction.make_way(&mut alice.backend).await.unwrap();
        assert_eq!(alice.transaction.status(), Status::InBlock);
        assert_eq!(alice.sync().await, Ok(Completion::Nothing));
        assert_eq!(alice.run(statement).await, Err(SCHEMA_CHANGED.to_owned()), "{statement}");
        assert_eq!(alice.transaction.status(), Status::Idle);
    }
}

#[tokio::test]
async fn a_failed_block_that_is_in_the_way_stays_failed() {
    let mut alice = Gate::new().client("alice");
    alice.begin(10, "10:10:").await;
    alice.run("listen a").await.unwrap_err();
    alice.transaction.make_way(&mut alice.backend).await.unwrap();
    assert_eq!(alice.run("select 1").await, Err(IN_FAILED.to_owned()));
}

#[tokio::test]
async fn a_cancellation_that_comes_late_does_not_keep_a_rollback_from_happening() {
    let mut alice = Gate::new().client("alice");
    alice.begin(10, "10:10:").await;
    alice.backend.once("=rollback", Reaction::Refused("57014"));
    alice.run("rollback").await.unwrap();
    assert_eq!(alice.asked("rollback").len(), 2);
}

#[tokio::test]
async fn a_server_that_does_not_begin_is_told_as_it_says() {
    let mut alice = Gate::new().client("alice");
    alice.pin(10, "10:10:");
    alice.backend.on("begin isolation level", Reaction::Refused("53300"));
    assert_eq!(alice.run("begin").await, Err("server: 53300".to_owned()));
    assert_eq!(alice.transaction.status(), Status::Idle);
}

#[tokio::test]
async fn a_cancellation_that_comes_late_does_not_keep_a_failed_beginning_from_being_undone() {
    let mut alice = Gate::new().client("alice");
    alice.pin(10, "10:10:");
    alice.backend.once("begin isolation level", Reaction::Refused("53300"));
    alice.backend.once("=rollback", Reaction::Refused("57014"));
    assert_eq!(alice.run("begin").await, Err("server: 53300".to_owned()));
    assert_eq!(alice.asked("rollback").len(), 2);
    alice.begin(11, "11:11:").await;
}

#[tokio::test]
async fn a_server_that_does_not_roll_back_is_lost() {
    for (fails, sql) in [("begin isolation level", "begin"), (MAKE, "select * from seats")] {
        let mut alice = Gate::new().client("alice");
        alice.pin(10, "10:10:");
        alice.backend.on(fails, Reaction::Refused("53300"));
        // Of the implicit transaction in which the table is looked up; what follows is the one in
        // which its copy is made.
        let before = usize::from(fails == MAKE);
        alice.backend.on("=rollback", Reaction::Refused("XX000"));
        (0..before).for_each(|_| alice.backend.once("=rollback", Reaction::rows::<0>(&[])));
        assert_eq!(alice.run(sql).await, Err("lost".to_owned()), "{fails}");
    }
}
