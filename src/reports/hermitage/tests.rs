use std::time::Duration;

use super::*;
use crate::core::event::{Kind, ServerMessage, SessionName};
use crate::core::scenario::library;

fn event(session: &str, kind: Kind) -> Event {
    let session = (!session.is_empty()).then(|| SessionName::new(session));
    Event { at: Duration::ZERO, session, kind }
}

fn reads(session: &str, values: &[&str]) -> Event {
    let row = values.iter().map(|value| Some((*value).to_owned())).collect();
    event(session, Kind::Rows(vec![row]))
}

fn commits(session: &str) -> Event {
    event(session, Kind::Done { tag: "COMMIT".to_owned(), rows: 0 })
}

fn refused(session: &str, message: &str) -> Event {
    let message = ServerMessage {
        code: "40001".to_owned(),
        message: message.to_owned(),
        ..ServerMessage::default()
    };
    event(session, Kind::Failed(message))
}

#[test]
fn two_commits_after_the_same_read_are_a_lost_update() {
    assert_eq!(Anomaly::P4.judge(&[commits("Alice"), commits("Bob")]), Cell::Possible);
}

#[test]
fn a_refusal_at_commit_is_told_from_one_before() {
    let refusal = "change conflicts with another transaction, please retry: (OC000)";
    let optimistic = Anomaly::P4.judge(&[commits("Alice"), refused("Bob", refusal)]);
    assert_eq!(optimistic, Cell::Prevented(vec![Means::Optimistic]));
    let postgres = Anomaly::P4.judge(&[commits("Alice"), refused("Bob", "could not serialize")]);
    assert_eq!(postgres, Cell::Prevented(vec![Means::Refusal]));
}

#[test]
fn a_list_of_two_writers_is_a_dirty_write() {
    let mixed = [reads("", &["1", "12"]), reads("", &["2", "21"])];
    assert_eq!(Anomaly::G0.judge(&mixed), Cell::Possible);
    let whole = [reads("", &["1", "12"]), reads("", &["2", "22"])];
    assert_eq!(Anomaly::G0.judge(&whole), Cell::Prevented(vec![]));
}

#[test]
fn a_transaction_vanishes_when_what_came_before_it_is_read_after_it() {
    let vanished = [reads("Mallory", &["12"]), reads("Mallory", &["19"])];
    assert_eq!(Anomaly::Otv.judge(&vanished), Cell::Possible);
    let in_order = [reads("Mallory", &["19"]), reads("Mallory", &["12"])];
    assert_eq!(Anomaly::Otv.judge(&in_order), Cell::Prevented(vec![]));
}

#[test]
fn every_anomaly_has_its_scenario_at_every_level() {
    for anomaly in Anomaly::ALL {
        let scenario = library::open(&anomaly.scenario()).unwrap();
        assert_eq!(scenario.levels, Isolation::ALL, "{}", scenario.name);
    }
}

#[test]
fn the_table_is_drawn_for_a_terminal_and_for_a_wiki() {
    let cells = vec![Cell::Possible; Anomaly::ALL.len()];
    let waits = vec![Cell::Prevented(vec![Means::Wait, Means::Refusal]); Anomaly::ALL.len()];
    let row = |level, cells| Row { engine: "PostgreSQL 15".to_owned(), level, cells };
    let table = Table {
        rows: vec![row(Isolation::ReadCommitted, cells), row(Isolation::RepeatableRead, waits)],
    };
    insta::assert_snapshot!(format!("{}\n{}", table.text(), table.markdown()));
}
