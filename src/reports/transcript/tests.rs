//! Transcripts of event lists made by hand.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::core::event::{
    Blocker, Certainty, Column, Kind, Pid, ServerMessage, SubmissionId, TransactionStatus, Wait,
    WaitTarget,
};

fn event(session: &str, kind: Kind) -> Event {
    let session = (!session.is_empty()).then(|| SessionName::new(session));
    Event { at: Duration::ZERO, session, kind }
}

fn sent(session: &str, sql: &str) -> Event {
    event(
        session,
        Kind::Sent { submission: SubmissionId(1), sql: Arc::from(sql), step: Some(0), typed: None },
    )
}

fn done(session: &str, tag: &str) -> Event {
    event(session, Kind::Done { tag: tag.to_owned(), rows: 1 })
}

fn ready(session: &str, status: TransactionStatus) -> Event {
    let elapsed = Duration::from_micros(1250);
    event(session, Kind::Ready { submission: SubmissionId(1), status, elapsed })
}

fn waits_for(session: &str, blocker: &str) -> Event {
    let target =
        WaitTarget::Row { table: "seats".to_owned(), key: Some("A-4".to_owned()), wants: None };
    let blockers = vec![Blocker::Session(SessionName::new(blocker))];
    event(session, Kind::Waiting(Wait { blockers, target, certainty: Certainty::Observed }))
}

fn resumed(session: &str) -> Event {
    event(session, Kind::Resumed { waited: Duration::from_millis(31) })
}

fn quiet() -> Event {
    event("", Kind::Quiet)
}

fn roster() -> Vec<SessionName> {
    ["Alice", "Bob", "Mallory"].map(SessionName::new).to_vec()
}

fn story() -> Vec<Event> {
    use TransactionStatus::{Failed, Idle, InTransaction};
    let column = |name: &str, type_oid| Column { name: name.to_owned(), type_oid };
    let conflict = ServerMessage {
        severity: "ERROR".to_owned(),
        code: "40P01".to_owned(),
        message: "deadlock detected".to_owned(),
        detail: Some(
            "Process 4711 waits for ShareLock on transaction 745; blocked by process 1.".to_owned(),
        ),
        ..ServerMessage::default()
    };
    vec![
        event("Bob", Kind::Connected { pid: Pid(4711) }),
        sent("Bob", "begin;"),
        done("Bob", "BEGIN"),
        ready("Bob", InTransaction),
        quiet(),
        sent("Bob", "select *\nfrom seats for update;"),
        event("Bob", Kind::Columns(vec![column("seat_row", 25), column("seat_number", 23)])),
        event("Bob", Kind::Rows(vec![vec![Some("A".to_owned()), Some("4".to_owned())]])),
        done("Bob", "SELECT 1"),
        ready("Bob", InTransaction),
        quiet(),
        sent("Mallory", "update seats set booked_by = 'Mallory';"),
        waits_for("Mallory", "Bob"),
        quiet(),
        sent("Alice", "update seats set booked_by = 'Alice';"),
        waits_for("Alice", "Bob"),
        quiet(),
        sent("Bob", "commit;"),
        resumed("Mallory"),
        done("Mallory", "UPDATE 0"),
        ready("Mallory", Idle),
        done("Bob", "COMMIT"),
        resumed("Alice"),
        ready("Bob", Idle),
        event("Alice", Kind::Failed(conflict)),
        ready("Alice", Failed),
        quiet(),
        event(
            "Bob",
            Kind::Lost { reason: "the server went away".to_owned(), in_transaction: true },
        ),
        event("Bob", Kind::Connected { pid: Pid(4712) }),
        quiet(),
    ]
}

#[test]
fn a_story_reads_like_psql() {
    insta::assert_snapshot!(transcript(&story(), &roster(), Options::default()));
}

#[test]
fn times_and_processes_are_told_when_asked_for() {
    let options = Options { times: true, processes: true, lessons: false };
    insta::assert_snapshot!(transcript(&story(), &roster(), options));
}

#[test]
fn a_wait_that_is_over_before_the_quiet_is_not_told() {
    let fleeting = [
        sent("Bob", "select 1;"),
        waits_for("Bob", "Alice"),
        resumed("Bob"),
        done("Bob", "SELECT 1"),
        ready("Bob", TransactionStatus::Idle),
        quiet(),
    ];
    let text = transcript(&fleeting, &roster(), Options::default());
    assert_eq!(text, "Bob=# select 1;\nSELECT 1\n");
}

#[test]
fn a_change_of_whom_one_waits_for_is_told_once() {
    let events = [
        sent("Mallory", "select 1;"),
        waits_for("Mallory", "Bob"),
        quiet(),
        sent("Bob", "commit;"),
        done("Bob", "COMMIT"),
        waits_for("Mallory", "Bob"),
        resumed("Mallory"),
        waits_for("Mallory", "Alice"),
        quiet(),
    ];
    let text = transcript(&events, &roster(), Options::default());
    assert!(text.ends_with("COMMIT\nMallory waits for Alice: row A-4 of seats.\n"), "{text}");
}

/// The same events between two quiet moments, dealt to the sessions' hands and taken back in
/// another order.
fn shuffled(events: &[Event], turns: &[usize]) -> Vec<Event> {
    let mut hands: Vec<Vec<Event>> = Vec::new();
    for event in events {
        match hands.iter_mut().find(|hand| hand[0].session == event.session) {
            Some(hand) => hand.push(event.clone()),
            None => hands.push(vec![event.clone()]),
        }
    }
    let mut taken = Vec::new();
    for turn in turns.iter().cycle() {
        hands.retain(|hand| !hand.is_empty());
        if hands.is_empty() {
            break;
        }
        let hand = turn % hands.len();
        taken.push(hands[hand].remove(0));
    }
    taken
}

proptest! {
    #[test]
    fn the_order_among_released_sessions_does_not_matter(
        turns in prop::collection::vec(0..3_usize, 1..12),
    ) {
        let story = story();
        let is_sent = |event: &Event| matches!(event.kind, Kind::Sent { .. });
        let start = story.iter().rposition(is_sent).unwrap();
        let is_quiet = |event: &Event| event.kind == Kind::Quiet;
        let end = start + story[start..].iter().position(is_quiet).unwrap();
        let mut other = story.clone();
        other.splice(start + 1..end, shuffled(&story[start + 1..end], &turns));
        prop_assert_eq!(canonical(&story, &roster()), canonical(&other, &roster()));
    }

    #[test]
    fn canonical_order_is_canonical(turns in prop::collection::vec(0..3_usize, 1..12)) {
        let once = canonical(&shuffled(&story(), &turns), &roster());
        prop_assert_eq!(canonical(&once, &roster()), once);
    }
}

#[test]
fn an_answer_among_anothers_says_whose_it_is() {
    let idle = TransactionStatus::Idle;
    let events = [
        sent("Alice", "select 1;"),
        quiet(),
        sent("Bob", "select 2;"),
        done("Bob", "SELECT 1"),
        ready("Bob", idle),
        done("Alice", "SELECT 1"),
        ready("Alice", idle),
        quiet(),
    ];
    let told = transcript(&events, &roster(), Options::default());
    let expected = "Alice=# select 1;\n\nBob=# select 2;\nSELECT 1\nAlice is answered:\nSELECT 1\n";
    assert_eq!(told, expected);
}

#[test]
fn a_pause_has_no_prompt() {
    let told = transcript(&[sent("pause", "-- pause 300 ms")], &roster(), Options::default());
    assert_eq!(told, "-- pause 300 ms\n");
}
