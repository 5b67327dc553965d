use super::client::{Client, FILL, Gate, MAKE, PIN, REFRESH, REFRESH_ROWS, SCHEMA_CHANGED};
use crate::gateway::backend::Reaction;

/// In which order it has asked these, by their places in the list.
fn order(client: &mut Client, texts: &[&str]) -> Vec<usize> {
    let asked = client.backend.take_asked();
    let place = |question: &String| texts.iter().position(|text| question.contains(text));
    asked.iter().filter_map(place).collect()
}

#[tokio::test]
async fn a_statement_of_its_own_makes_its_copy_before_its_transaction() {
    let mut alice = Gate::new().client("alice");
    alice.pin(10, "10:10:");
    alice.run("select * from seats").await.unwrap();
    assert_eq!(order(&mut alice, &[PIN, MAKE, FILL]), [0, 1, 0, 2]);
}

#[tokio::test]
async fn a_copy_that_a_rollback_took_away_is_made_anew_before_the_next_transaction() {
    let mut alice = Gate::new().client("alice");
    alice.begin(10, "10:10:").await;
    assert_eq!(order(&mut alice, &[PIN, MAKE, FILL]), [0, 1, 2]);
    alice.run("rollback").await.unwrap();
    alice.pin(11, "11:11:");
    alice.run("begin").await.unwrap();
    // Filled apart, so that no rollback takes that away again.
    assert_eq!(order(&mut alice, &[PIN, MAKE, FILL]), [1, 0, 2, 0]);
}

#[tokio::test]
async fn a_copy_of_which_nobody_has_written_a_row_is_as_it_should_be() {
    let mut alice = Gate::new().client("alice");
    alice.begin(10, "10:10:").await;
    alice.commit().await.unwrap();
    alice.backend.take_asked();
    alice.begin(11, "11:11:").await;
    assert!(order(&mut alice, &[MAKE, FILL, REFRESH, REFRESH_ROWS]).is_empty());
}

#[tokio::test]
async fn what_others_have_written_since_is_taken_row_by_row() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    alice.begin(10, "10:10:").await;
    alice.commit().await.unwrap();
    bob.change(11, "11:11:", &["u A-4"]).await;
    bob.commit().await.unwrap();
    alice.begin(12, "12:12:").await;
    let [question] = &alice.asked(REFRESH_ROWS)[..] else { panic!("not asked once") };
    assert!(question.ends_with("| {\"A-4\"}"), "{question}");
}

#[tokio::test]
async fn where_somebody_unknown_has_committed_the_table_itself_is_asked() {
    let mut alice = Gate::new().client("alice");
    alice.begin(10, "10:10:").await;
    alice.commit().await.unwrap();
    alice.backend.take_asked();
    alice.begin(20, "20:20:").await;
    assert_eq!(order(&mut alice, &[FILL, REFRESH, REFRESH_ROWS]), [1]);
}

#[tokio::test]
async fn who_has_lost_has_its_copies_brought_up_to_date_before_it_tries_again() {
    let mut gate = Gate::new();
    let (mut alice, mut bob) = (gate.client("alice"), gate.client("bob"));
    for client in [&mut alice, &mut bob] {
        client.begin(1, "1:1:").await;
        client.commit().await.unwrap();
    }
    alice.change(10, "10:10:", &["u A-4"]).await;
    bob.change(11, "10:11:10", &["u A-4"]).await;
    bob.commit().await.unwrap();
    alice.commit().await.unwrap_err();
    alice.backend.take_asked();
    alice.pin(12, "12:12:");
    alice.run("begin").await.unwrap();
    assert_eq!(order(&mut alice, &[PIN, REFRESH, REFRESH_ROWS])[..2], [0, 1]);
    alice.run("select * from seats").await.unwrap();
}

#[tokio::test]
async fn a_table_that_was_emptied_since_the_snapshot_is_another() {
    let mut alice = Gate::new().client("alice");
    alice.pin(10, "10:10:");
    alice.run("begin").await.unwrap();
    alice.backend.on(FILL, Reaction::rows(&[["5", "new file", "old file"]]));
    assert_eq!(alice.run("select * from seats").await, Err(SCHEMA_CHANGED.to_owned()));
}

#[tokio::test]
async fn a_statement_without_tables_needs_no_copies() {
    let mut alice = Gate::new().client("alice");
    alice.pin(10, "10:10:");
    alice.run("select 1").await.unwrap();
    alice.sync().await.unwrap();
    assert!(order(&mut alice, &[MAKE, FILL]).is_empty());
}

#[tokio::test]
async fn settings_need_no_transaction() {
    let mut alice = Gate::new().client("alice");
    alice.run("set work_mem = '8MB'").await.unwrap();
    alice.run("show work_mem").await.unwrap();
    assert!(alice.asked(PIN).is_empty());
}
