use std::sync::Arc;

use futures::FutureExt;

use super::*;
use crate::core::event::{
    Blocker, Certainty, Column, Event, Kind, Pid, ServerMessage, SessionName, SubmissionId,
    TransactionStatus, Wait, WaitTarget,
};
use crate::core::scenario::library;
use crate::core::syntax::Strings;
use crate::stage::Effect;
use crate::stage::input::Input;
use crate::stage::sample::{fresh as of_scenario, setting};
use crate::stage::watched::sample;

fn stage() -> Stage {
    Stage::new(setting(), 120)
}

fn of(session: &str, kind: Kind) -> Report {
    let session = (!session.is_empty()).then(|| SessionName::new(session));
    Report::Event(Event { at: Duration::ZERO, session, kind })
}

fn sent(session: &str, sql: &str, step: Option<usize>) -> Report {
    let submission = SubmissionId(1);
    of(session, Kind::Sent { submission, sql: sql.into(), step, typed: None })
}

fn ready(session: &str, status: TransactionStatus) -> Report {
    let (submission, elapsed) = (SubmissionId(1), Duration::from_millis(2));
    of(session, Kind::Ready { submission, status, elapsed })
}

fn fresh() -> Report {
    Report::Fresh(of_scenario(library::open(library::DEFAULT).unwrap()))
}

fn message(severity: &str, code: &str) -> ServerMessage {
    ServerMessage {
        severity: severity.to_owned(),
        code: code.to_owned(),
        message: "words".to_owned(),
        ..ServerMessage::default()
    }
}

fn columns() -> Kind {
    Kind::Columns(vec![Column { name: "n".to_owned(), type_oid: 23 }])
}

fn row(n: &str) -> Kind {
    Kind::Rows(vec![vec![Some(n.to_owned())]])
}

fn done(tag: &str, rows: u64) -> Kind {
    Kind::Done { tag: tag.to_owned(), rows }
}

fn set_up() -> Vec<Report> {
    let connected = ["Alice", "Bob", "Mallory"].map(|n| of(n, Kind::Connected { pid: Pid(7) }));
    [fresh()].into_iter().chain(connected).collect()
}

/// A first setup, then another with everything in it that a stage folds: results in pieces, a wait,
/// errors, notices, a setting, a lost connection, one who joins, one who leaves, the look at the
/// end.
fn told() -> Vec<Report> {
    let tables = Kind::WatchedTables(Arc::new(sample::opening_night()));
    let first = [
        of("", tables),
        sent("Bob", "begin;", Some(0)),
        of("Bob", done("BEGIN", 0)),
        ready("Bob", TransactionStatus::InTransaction),
        Report::Next(1),
        of("", Kind::Quiet),
    ];
    [set_up(), first.to_vec(), set_up(), a_wait(), an_end()].concat()
}

fn a_wait() -> Vec<Report> {
    let off = Kind::Parameter { name: Strings::SETTING.to_owned(), value: "off".to_owned() };
    let wait = Wait {
        blockers: vec![Blocker::Session(SessionName::new("Bob"))],
        target: WaitTarget::Transaction,
        certainty: Certainty::Observed,
    };
    vec![
        of("Alice", off),
        sent("Bob", "select 1;", Some(0)),
        of("Bob", columns()),
        of("Bob", row("1")),
        of("Bob", Kind::Notice(message("NOTICE", "00000"))),
        of("Bob", row("2")),
        of("Bob", done("SELECT 2", 2)),
        ready("Bob", TransactionStatus::InTransaction),
        Report::Next(1),
        of("", Kind::Quiet),
        sent("Mallory", "update seats set booked_by = '\\';\nupdate 2;", Some(1)),
        of("Mallory", Kind::Waiting(wait)),
        of("", Kind::WatchedTables(Arc::new(sample::picture()))),
        Report::Next(2),
        of("", Kind::Quiet),
    ]
}

fn an_end() -> Vec<Report> {
    vec![
        Report::Joined(SessionName::new("Trent")),
        of("Trent", Kind::Connected { pid: Pid(8) }),
        sent("Bob", "commit;", None),
        of("Mallory", Kind::Resumed { waited: Duration::from_secs(1) }),
        of("Bob", done("COMMIT", 0)),
        of("Mallory", Kind::Failed(message("ERROR", "40001"))),
        ready("Bob", TransactionStatus::Idle),
        ready("Mallory", TransactionStatus::Failed),
        of("", Kind::Quiet),
        Report::Lasting(Vec::new()),
        Report::Refused { session: None, why: "no".to_owned() },
        of("Alice", Kind::Lost { reason: "gone".to_owned(), in_transaction: true }),
        of("Trent", Kind::Closed),
        sent("", "select 2;", None),
        of("", columns()),
        of("", row("2")),
        of("", done("SELECT 1", 1)),
        of("", Kind::Quiet),
        Report::Over,
        Report::Broken("the server is gone".to_owned()),
    ]
}

/// Everything that was told, as a stage has folded it.
fn folded(stage: &Stage) -> String {
    format!("{:#?}", stage.for_others())
}

fn at(place: usize) -> Duration {
    Duration::from_millis(u64::try_from(place).unwrap())
}

/// Folds everything that has been told.
fn hear_all(listener: &mut Listener, now: Duration) -> bool {
    while let Some(heard) = listener.hear(|| now).now_or_never() {
        if !heard {
            return false;
        }
    }
    true
}

#[test]
fn whoever_joins_at_any_moment_has_what_the_first_has_then_and_in_the_end() {
    let told = told();
    for joins_at in 0..=told.len() {
        let (mut first, mut audience, mut late) = (stage(), Audience::default(), None);
        for place in 0..=told.len() {
            if place == joins_at {
                late = Some(audience.join(&first));
            }
            if let Some(late) = &late {
                assert_eq!(folded(late.stage()), folded(&first), "{joins_at}, {place}");
            }
            let Some(report) = told.get(place) else { break };
            audience.tell(report);
            let _ = first.apply(report.clone(), at(place));
            if let Some(late) = &mut late {
                assert!(hear_all(late, at(place)));
            }
        }
    }
}

#[test]
fn what_a_person_cancels_excuses_the_script_for_everybody() {
    let (mut first, mut audience) = (stage(), Audience::default());
    let mut other = audience.join(&first);
    let tell = |audience: &mut Audience, first: &mut Stage, report: Report| {
        audience.tell(&report);
        let _ = first.apply(report, Duration::ZERO);
    };
    tell(&mut audience, &mut first, fresh());
    for name in ["Alice", "Bob", "Mallory"] {
        tell(&mut audience, &mut first, of(name, Kind::Connected { pid: Pid(7) }));
    }
    tell(&mut audience, &mut first, sent("Alice", "begin;", Some(0)));
    let effects = first.input(Input::Key("Ctrl-C".parse().unwrap()), Duration::ZERO);
    let [Effect::Ask(cancel)] = &effects[..] else { panic!("{effects:?}") };
    audience.tell_asked(cancel);
    let cancelled = message("ERROR", "57014");
    tell(&mut audience, &mut first, of("Alice", Kind::Failed(cancelled)));
    tell(&mut audience, &mut first, ready("Alice", TransactionStatus::Idle));
    tell(&mut audience, &mut first, of("", Kind::Quiet));
    assert!(hear_all(&mut other, Duration::ZERO));
    assert_eq!(folded(other.stage()), folded(&first));
}

#[test]
fn what_the_first_types_and_opens_is_nobody_elses() {
    let mut first = stage();
    for (place, report) in told().into_iter().enumerate() {
        let _ = first.apply(report, at(place));
    }
    let untouched = folded(&first);
    for key in ["s", "e", "?", "F4", "Down", "Tab", "Esc", "F3"] {
        let _ = first.input(Input::Key(key.parse().unwrap()), at(99));
    }
    assert_eq!(folded(&first), untouched);
}

#[test]
fn whoever_is_too_far_behind_is_let_go_and_joins_again() {
    let (mut first, mut audience) = (stage(), Audience::default());
    let _ = first.apply(fresh(), Duration::ZERO);
    let mut slow = audience.join(&first);
    let note = |n: usize| of("Bob", Kind::Note(format!("note {n}")));
    for n in 0..=BEHIND {
        audience.tell(&note(n));
        let _ = first.apply(note(n), Duration::ZERO);
    }
    assert!(audience.listeners.is_empty());
    assert!(!hear_all(&mut slow, Duration::ZERO), "it hears that it has lost its place");
    assert_ne!(folded(slow.stage()), folded(&first));
    let again = audience.join(&first);
    assert_eq!(folded(again.stage()), folded(&first));
}

#[test]
fn whoever_is_invited_joins_what_is_played() {
    let (invitation, mut arrivals) = Arrivals::invited();
    let (first, mut audience) = (stage(), Audience::default());
    let mut joining = Box::pin(invitation.join());
    assert!((&mut joining).now_or_never().is_none());
    arrivals.next().now_or_never().unwrap().admit(&mut audience, &first);
    assert!(joining.now_or_never().unwrap().is_some());
    drop(arrivals);
    assert!(invitation.join().now_or_never().unwrap().is_none());
}
