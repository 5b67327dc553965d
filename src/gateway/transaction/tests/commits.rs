use futures::FutureExt as _;

use super::client::{APPLY, CHANGES, CONFLICT, Gate};
use crate::gateway::backend::Reaction;
use crate::gateway::news::Happening;
use crate::gateway::transaction::Status;
use crate::gateway::transaction::blocks::Completion;

fn conflict<T>() -> Result<T, String> {
    Err(CONFLICT.to_owned())
}

#[tokio::test]
async fn the_first_to_commit_wins_and_the_other_gets_oc000() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    alice.change(10, "10:10:", &["u A-4"]).await;
    bob.change(11, "10:11:10", &["u A-4"]).await;
    assert_eq!(bob.commit().await, Ok(Completion::Committed));
    assert_eq!(alice.commit().await, conflict());
    assert_eq!(alice.transaction.status(), Status::Idle);
    alice.change(12, "12:12:", &["u A-4"]).await;
    assert_eq!(alice.commit().await, Ok(Completion::Committed));
}

#[tokio::test]
async fn a_commit_that_the_snapshot_has_seen_counts_against_nobody() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    bob.change(10, "10:10:", &["u A-4"]).await;
    bob.commit().await.unwrap();
    alice.change(11, "11:11:", &["u A-4"]).await;
    assert_eq!(alice.commit().await, Ok(Completion::Committed));
}

#[tokio::test]
async fn other_rows_are_no_conflict() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    alice.change(10, "10:10:", &["u A-4", "i B-1"]).await;
    bob.change(11, "10:11:10", &["u A-5", "d B-2"]).await;
    assert_eq!(bob.commit().await, Ok(Completion::Committed));
    assert_eq!(alice.commit().await, Ok(Completion::Committed));
}

#[tokio::test]
async fn who_has_only_read_never_loses() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    alice.begin(10, "10:10:").await;
    bob.change(11, "10:11:10", &["u A-4"]).await;
    bob.commit().await.unwrap();
    assert_eq!(alice.commit().await, Ok(Completion::Committed));
    assert!(alice.asked(APPLY).is_empty());
}

#[tokio::test]
async fn two_who_have_only_locked_a_row_conflict() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    for (client, xid) in [(&mut alice, 10), (&mut bob, 11)] {
        client.pin(xid, "10:10:");
        client.run("begin").await.unwrap();
        client.did(&["l A-4"]);
        client.run("select * from seats where id = 'A-4' for update").await.unwrap();
    }
    assert_eq!(bob.commit().await, Ok(Completion::Committed));
    assert_eq!(alice.commit().await, conflict());
}

#[tokio::test]
async fn a_commit_between_a_snapshot_and_its_answer_counts_against_it() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    let mut carol = gate.client("carol");
    bob.pin(11, "11:11:");
    bob.run("begin").await.unwrap();
    bob.did(&["l A-4"]);
    bob.run("select * from seats where id = 'A-4' for update").await.unwrap();
    alice.pin(12, "11:12:11");
    {
        // She has asked for her snapshot, and has not been answered.
        let mut beginning = Box::pin(alice.run("begin"));
        assert!((&mut beginning).now_or_never().is_none());
        assert_eq!(bob.commit().await, Ok(Completion::Committed));
        // Whose commit has the ledger forget whatever nobody needs.
        carol.change(13, "13:13:", &["u B-1"]).await;
        assert_eq!(carol.commit().await, Ok(Completion::Committed));
        beginning.await.unwrap();
    }
    alice.did(&["u A-4"]);
    alice.run("update seats set holder = 'me'").await.unwrap();
    assert_eq!(alice.commit().await, conflict());
}

#[tokio::test]
async fn a_row_that_is_in_the_way_where_it_is_applied_is_a_concurrent_transactions() {
    for (code, expected) in [
        ("40001", CONFLICT),
        ("23505", CONFLICT),
        ("55P03", CONFLICT),
        ("23514", "server: 23514"),
        ("53100", "server: 53100"),
    ] {
        let mut alice = Gate::new().client("alice");
        alice.change(10, "10:10:", &["u A-4"]).await;
        alice.backend.on(APPLY, Reaction::Refused(code));
        assert_eq!(alice.commit().await, Err(expected.to_owned()), "{code}");
        assert_eq!(alice.transaction.status(), Status::Idle, "{code}");
    }
}

#[tokio::test]
async fn a_server_lost_in_commit_is_neither_a_commit_nor_a_refusal() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    bob.change(10, "10:10:", &["u A-4"]).await;
    alice.change(11, "10:11:10", &["u A-4"]).await;
    alice.backend.on("=commit", Reaction::Lost);
    assert_eq!(alice.commit().await, Err("lost".to_owned()));
    // It is not over as far as anybody knows, and holds nobody up.
    assert_eq!(alice.transaction.status(), Status::InBlock);
    drop(alice);
    assert_eq!(bob.commit().await, Ok(Completion::Committed));
}

#[tokio::test]
async fn a_statement_of_its_own_gets_the_conflict_at_the_end_of_its_message() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    alice.pin(10, "10:10:");
    alice.did(&["u A-4"]);
    alice.run("update seats set holder = 'alice'").await.unwrap();
    assert_eq!(alice.transaction.status(), Status::Idle);
    bob.change(11, "10:11:10", &["u A-4"]).await;
    bob.commit().await.unwrap();
    assert_eq!(alice.sync().await, conflict());
    assert_eq!(alice.sync().await, Ok(Completion::Nothing));
}

#[tokio::test]
async fn what_a_statement_of_its_own_has_changed_is_asked_once_and_with_it() {
    let mut alice = Gate::new().client("alice");
    alice.pin(10, "10:10:");
    alice.did(&["u A-4"]);
    alice.run("update seats set holder = 'alice'").await.unwrap();
    assert_eq!(alice.asked(CHANGES).len(), 1);
    assert_eq!(alice.sync().await, Ok(Completion::Committed));
    assert!(alice.asked(CHANGES).is_empty());
}

#[tokio::test]
async fn what_was_asked_ahead_is_void_once_more_has_run() {
    let mut alice = Gate::new().client("alice");
    alice.pin(10, "10:10:");
    alice.did(&["u A-4"]);
    alice.run("update seats set holder = 'alice'").await.unwrap();
    alice.run("select * from seats").await.unwrap();
    alice.asked(CHANGES);
    assert_eq!(alice.sync().await, Ok(Completion::Committed));
    assert_eq!(alice.asked(CHANGES).len(), 1);
}

#[tokio::test]
async fn the_console_is_told_which_row_and_whose_commit() {
    let mut gate = Gate::new();
    gate.listen();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    alice.change(10, "10:10:", &["u A-4"]).await;
    bob.change(11, "10:11:10", &["u A-4"]).await;
    bob.commit().await.unwrap();
    alice.commit().await.unwrap_err();
    let mut conflicts = Vec::new();
    while let Ok(news) = gate.news.try_recv() {
        if let Happening::Conflict(conflict) = news.what {
            conflicts.push((news.application, conflict.table, conflict.key, conflict.winner));
        }
    }
    let expected = ("alice".into(), "seats".into(), "A-4".into(), Some("bob".into()));
    assert_eq!(conflicts, [expected]);
}

#[tokio::test]
async fn who_has_lost_is_judged_before_who_began_to_try_later() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    alice.change(10, "10:10:", &["u A-4"]).await;
    bob.change(11, "10:11:10", &["u A-4"]).await;
    bob.commit().await.unwrap();
    alice.commit().await.unwrap_err();
    bob.change(12, "12:12:", &["u A-4"]).await;
    alice.change(13, "12:13:12", &["u A-4"]).await;
    // Both are at the gateway, Bob's first.
    let (bobs, alices) = tokio::join!(bob.commit(), alice.commit());
    assert_eq!((bobs, alices), (conflict(), Ok(Completion::Committed)));
}

#[tokio::test]
async fn locks_are_gathered_once_unless_a_cursor_may_take_more() {
    const LOCKING: &str = "select * from seats for update";
    for (locking, expected) in
        [(LOCKING.to_owned(), 2), (format!("declare c cursor for {LOCKING}"), 4)]
    {
        let mut alice = Gate::new().client("alice");
        alice.pin(10, "10:10:");
        alice.run("begin").await.unwrap();
        alice.did(&["l A-4"]);
        for _ in 0..2 {
            alice.run(&locking).await.unwrap();
            for _ in 0..2 {
                alice.run("update seats set holder = 'me'").await.unwrap();
            }
        }
        assert_eq!(alice.asked(CHANGES).len(), expected, "{locking}");
    }
}
