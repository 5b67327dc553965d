use super::*;
use crate::core::event::ServerMessage;

fn launch(step: usize, outcome: Outcome, status: TransactionStatus) -> Launched {
    let answer = Answered { outcomes: vec![outcome], status, lost: None, after: step };
    Launched { session: 0, step, enabled: vec![0], answer: Some(answer) }
}

fn done(tag: &str) -> Outcome {
    Outcome::Done { tag: tag.to_owned() }
}

fn failed(code: &str) -> Outcome {
    Outcome::Failed(ServerMessage { code: code.to_owned(), ..ServerMessage::default() })
}

use TransactionStatus::{Failed, Idle, InTransaction};

/// Where the transactions begin and end, and their fates.
fn read(launches: &[Launched], settings: &[usize]) -> Vec<(Range<usize>, Fate)> {
    let all: Vec<Option<&Launched>> = launches.iter().map(Some).collect();
    let found = of_session(0, &all, |step| settings.contains(&step));
    found.into_iter().map(|it| (it.steps, it.fate)).collect()
}

#[test]
fn a_transaction_ends_where_its_session_is_idle() {
    let launches = [
        launch(0, done("BEGIN"), InTransaction),
        launch(1, done("UPDATE 1"), InTransaction),
        launch(2, done("COMMIT"), Idle),
        launch(3, done("UPDATE 1"), Idle),
        launch(4, done("BEGIN"), InTransaction),
        launch(5, done("ROLLBACK"), Idle),
        launch(6, done("BEGIN"), InTransaction),
    ];
    let expected = [
        (0..3, Fate::Committed),
        (3..4, Fate::Committed),
        (4..6, Fate::RolledBack),
        (6..7, Fate::Open),
    ];
    assert_eq!(read(&launches, &[]), expected);
}

#[test]
fn a_setting_goes_with_what_follows() {
    let launches = [
        launch(0, done("SET"), Idle),
        launch(1, done("UPDATE 1"), Idle),
        launch(2, done("SET"), Idle),
    ];
    let expected = [(0..2, Fate::Committed), (2..3, Fate::Committed)];
    assert_eq!(read(&launches, &[0, 2]), expected);
}

#[test]
fn who_was_refused_because_of_others_is_told_from_who_failed() {
    let of = |code: &str| {
        let launches = [
            launch(0, done("BEGIN"), InTransaction),
            launch(1, failed(code), Failed),
            launch(2, failed("25P02"), Failed),
            launch(3, done("ROLLBACK"), Idle),
        ];
        read(&launches, &[]).remove(0).1
    };
    assert_eq!(of("40001"), Fate::Refused("40001".to_owned()));
    assert_eq!(of("40P01"), Fate::Refused("40P01".to_owned()));
    assert_eq!(of("23505"), Fate::RolledBack);
    let at_commit = [launch(0, done("BEGIN"), InTransaction), launch(1, failed("40001"), Idle)];
    assert_eq!(read(&at_commit, &[])[0].1, Fate::Refused("40001".to_owned()));
}

#[test]
fn a_refusal_that_was_caught_is_no_refusal_of_the_transaction() {
    let launches = [
        launch(0, done("SAVEPOINT"), InTransaction),
        launch(1, failed("40001"), Failed),
        launch(2, done("ROLLBACK"), InTransaction),
        launch(3, done("COMMIT"), Idle),
    ];
    assert_eq!(read(&launches, &[]), [(0..4, Fate::Committed)]);
}

#[test]
fn a_step_that_was_never_answered_leaves_its_transaction_open() {
    let waits = Launched { answer: None, ..launch(1, done(""), Idle) };
    let begun = launch(0, done("BEGIN"), InTransaction);
    let found = of_session(0, &[Some(&begun), Some(&waits), None], |_| false);
    assert_eq!(found, [Transaction { session: 0, steps: 0..3, fate: Fate::Open }]);
}

#[test]
fn too_many_orders_are_none() {
    let one = |session: usize| {
        let transaction =
            |step| Transaction { session, steps: step..step + 1, fate: Fate::Committed };
        (0..2).map(transaction).collect::<Vec<_>>()
    };
    let all = [one(0), one(1)];
    assert_eq!(serial_orders(&all, 6).map(|orders| orders.len()), Some(6));
    assert_eq!(serial_orders(&all, 5), None);
}
