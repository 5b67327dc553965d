use std::fmt::Write as _;

use super::*;
use crate::core::event::SubmissionId;

fn seat() -> Seat {
    Seat {
        key: "A-4".to_owned(),
        table: "seats".to_owned(),
        place: vec![
            ("seat_row".to_owned(), "A".to_owned()),
            ("seat_number".to_owned(), "4".to_owned()),
        ],
        holder: "booked_by".to_owned(),
        version: None,
    }
}

fn attempt(strategy: Strategy, engine: EngineKind, think: u64) -> Attempt {
    Attempt::new("Maria", seat(), strategy, engine, Duration::from_secs(think)).unwrap()
}

fn row(values: &[Option<&str>]) -> Kind {
    Kind::Rows(vec![values.iter().map(|value| value.map(str::to_owned)).collect()])
}

fn done(tag: &str) -> Kind {
    Kind::Done { tag: tag.to_owned(), rows: 0 }
}

fn failed(code: &str) -> Kind {
    let code = code.to_owned();
    Kind::Failed(ServerMessage { code, message: "no".to_owned(), ..ServerMessage::default() })
}

fn ready(status: TransactionStatus) -> Kind {
    Kind::Ready { submission: SubmissionId(1), status, elapsed: Duration::ZERO }
}

/// What is sent, when these are the answers: `Ready` follows each.
fn played(
    mut attempt: Attempt,
    answers: &[(Kind, TransactionStatus)],
) -> (Vec<String>, Option<Outcome>) {
    let mut sent = vec![attempt.begin()];
    for (kind, status) in answers {
        attempt.hear(kind, Duration::ZERO);
        match attempt.hear(&ready(*status), Duration::ZERO) {
            Some(Next::Send(sql)) => sent.push(sql),
            Some(Next::Think(_)) => sent.push(attempt.thought()),
            Some(Next::Over(outcome)) => return (sent, Some(outcome)),
            None => panic!("an answer says what is next"),
        }
    }
    (sent, None)
}

use TransactionStatus::{Failed, Idle, InTransaction};

/// A look at a free seat, and a change that finds it so.
fn goes_well() -> Vec<(Kind, TransactionStatus)> {
    vec![
        (done("BEGIN"), InTransaction),
        (row(&[None, Some("731")]), InTransaction),
        (done("UPDATE 1"), InTransaction),
        (done("COMMIT"), Idle),
    ]
}

#[test]
fn each_strategy_sends_its_own_statements() {
    let mut all = String::new();
    for engine in [EngineKind::Postgres, EngineKind::Optimistic] {
        for strategy in Strategy::ALL {
            let attempt = Attempt::new("O'Neil", seat(), strategy, engine, Duration::ZERO);
            let Ok(attempt) = attempt else {
                let _ = write!(all, "{} on {engine:?}: cannot\n\n", strategy.name());
                continue;
            };
            let (sent, outcome) = played(attempt, &goes_well());
            assert_eq!(outcome, Some(Outcome::Booked));
            let _ = write!(all, "{} on {engine:?}:\n{}\n\n", strategy.name(), sent.join("\n"));
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_version_column_is_counted_on() {
    let seat = Seat { version: Some("version".to_owned()), ..seat() };
    let engine = EngineKind::Optimistic;
    let attempt = Attempt::new("Maria", seat, Strategy::Version, engine, Duration::ZERO).unwrap();
    let (sent, _) = played(attempt, &goes_well());
    assert!(sent[1].starts_with("select booked_by, version from seats"), "{sent:?}");
    assert!(sent[2].contains("version = version + 1") && sent[2].contains("version = '731'"));
}

#[test]
fn whoever_finds_it_taken_lets_go() {
    let attempt = attempt(Strategy::Naive, EngineKind::Postgres, 3);
    let answers = [
        (done("BEGIN"), InTransaction),
        (row(&[Some("Jonas")]), InTransaction),
        (done("ROLLBACK"), Idle),
    ];
    let (sent, outcome) = played(attempt, &answers);
    assert_eq!(sent.last().unwrap(), "rollback;");
    assert_eq!(outcome, Some(Outcome::Taken("Jonas".to_owned())));
}

#[test]
fn an_update_of_nothing_is_too_late() {
    let attempt = attempt(Strategy::ConditionalUpdate, EngineKind::Postgres, 3);
    let answers = [
        (done("BEGIN"), InTransaction),
        (row(&[None]), InTransaction),
        (done("UPDATE 0"), InTransaction),
        (done("ROLLBACK"), Idle),
    ];
    assert_eq!(played(attempt, &answers).1, Some(Outcome::TooLate));
}

#[test]
fn a_refusal_is_told_with_its_code_wherever_it_comes() {
    let refused = |code: &str| Outcome::Refused { code: code.to_owned(), words: "no".to_owned() };
    let at_commit = [
        (done("BEGIN"), InTransaction),
        (row(&[None]), InTransaction),
        (done("UPDATE 1"), InTransaction),
        (failed("40001"), Idle),
    ];
    let optimistic = attempt(Strategy::Optimistic, EngineKind::Optimistic, 0);
    assert_eq!(played(optimistic, &at_commit).1, Some(refused("40001")));
    let at_update = [
        (done("BEGIN"), InTransaction),
        (row(&[None]), InTransaction),
        (failed("40001"), Failed),
        (done("ROLLBACK"), Idle),
    ];
    let (sent, outcome) =
        played(attempt(Strategy::Optimistic, EngineKind::Postgres, 0), &at_update);
    assert_eq!((sent.last().unwrap().as_str(), outcome), ("rollback;", Some(refused("40001"))));
}

#[test]
fn a_commit_that_rolled_back_is_no_booking() {
    let answers = [
        (done("BEGIN"), InTransaction),
        (row(&[None]), InTransaction),
        (done("UPDATE 1"), InTransaction),
        (done("ROLLBACK"), Idle),
    ];
    let (_, outcome) = played(attempt(Strategy::Naive, EngineKind::Postgres, 0), &answers);
    assert!(matches!(outcome, Some(Outcome::Broken(_))));
}

#[test]
fn it_thinks_as_long_as_it_is_told_and_says_for_whom_it_waits() {
    let mut attempt = attempt(Strategy::ForUpdate, EngineKind::Postgres, 5);
    attempt.begin();
    attempt.hear(&ready(InTransaction), Duration::ZERO);
    attempt.hear(&row(&[None]), Duration::ZERO);
    assert_eq!(
        attempt.hear(&ready(InTransaction), Duration::ZERO),
        Some(Next::Think(Duration::from_secs(5)))
    );
    assert!(attempt.is_thinking());
    assert!(attempt.doing().contains("thinks about A-4"));
    attempt.thought();
    let wait = crate::core::event::Wait {
        blockers: vec![crate::core::event::Blocker::Session(crate::core::event::SessionName::new(
            "Jonas",
        ))],
        target: crate::core::event::WaitTarget::Transaction,
        certainty: crate::core::event::Certainty::Observed,
    };
    attempt.hear(&Kind::Waiting(wait), Duration::ZERO);
    assert_eq!(attempt.doing(), "waits for Jonas's transaction to end");
}

#[test]
fn what_a_buyer_has_seen_says_since_when_the_seat_was_free() {
    let at = Duration::from_secs;
    let free_at = |strategy, engine| {
        let mut attempt = attempt(strategy, engine, 0);
        let mut clock = 0;
        let mut next = Some(attempt.begin());
        for (kind, status) in goes_well() {
            let sql = next.take().unwrap().into();
            let sent = Kind::Sent { submission: SubmissionId(1), sql, step: None, typed: None };
            attempt.hear(&sent, at(clock));
            attempt.hear(&kind, at(clock + 1));
            clock += 2;
            if let Some(Next::Send(sql)) = attempt.hear(&ready(status), at(clock - 1)) {
                next = Some(sql);
            }
        }
        attempt.free_at
    };
    // BEGIN is sent at 0, the look is answered at 3 and the UPDATE at 5.
    for (strategy, seconds) in [
        (Strategy::Naive, 0),
        (Strategy::ForUpdate, 3),
        (Strategy::ConditionalUpdate, 5),
        (Strategy::Version, 5),
        (Strategy::Serializable, 0),
        (Strategy::Optimistic, 0),
    ] {
        assert_eq!(free_at(strategy, EngineKind::Postgres), Some(at(seconds)), "{strategy:?}");
    }
    assert_eq!(free_at(Strategy::ForUpdate, EngineKind::Optimistic), Some(at(0)));
}
