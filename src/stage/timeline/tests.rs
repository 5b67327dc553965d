//! Time lines of events made by hand.

use super::*;
use crate::core::event::{Blocker, Certainty, SubmissionId, WaitTarget};
use TransactionStatus::{Failed, Idle, InTransaction};

fn event(session: &str, kind: Kind) -> Event {
    Event { at: Duration::ZERO, session: Some(SessionName::new(session)), kind }
}

fn sent(session: &str, sql: &str) -> Event {
    event(
        session,
        Kind::Sent { submission: SubmissionId(1), sql: sql.into(), step: Some(0), typed: None },
    )
}

fn done(session: &str, tag: &str) -> Event {
    event(session, Kind::Done { tag: tag.to_owned(), rows: 0 })
}

fn ready(session: &str, status: TransactionStatus) -> Event {
    let elapsed = Duration::from_millis(1);
    event(session, Kind::Ready { submission: SubmissionId(1), status, elapsed })
}

fn waits(session: &str) -> Event {
    let blockers = vec![Blocker::Session(SessionName::new("Bob"))];
    let (target, certainty) = (WaitTarget::Transaction, Certainty::Observed);
    event(session, Kind::Waiting(Wait { blockers, target, certainty }))
}

fn timeline(events: &[Event]) -> Timeline {
    let mut timeline = Timeline::new(&["Bob", "Mallory"].map(SessionName::new));
    for event in events {
        timeline.apply(event);
    }
    timeline
}

fn bars(timeline: &Timeline, lane: usize) -> Vec<&Bar> {
    timeline.lanes()[lane].bars_in(0, usize::MAX).collect()
}

#[test]
fn a_wait_reaches_to_the_moment_that_ends_it() {
    let timeline = timeline(&[
        sent("Bob", "begin;"),
        done("Bob", "BEGIN"),
        ready("Bob", InTransaction),
        sent("Mallory", "update seats set x = 1;"),
        waits("Mallory"),
        sent("Bob", "commit;"),
        done("Bob", "COMMIT"),
        ready("Bob", Idle),
        done("Mallory", "UPDATE 0"),
        ready("Mallory", Idle),
    ]);
    let waited = bars(&timeline, 1)[0];
    assert_eq!((waited.from, waited.until, waited.verb.as_str()), (1, Some(2), "UPDATE"));
    assert!(waited.wait.is_some());
    assert_eq!(waited.end, End::Done("UPDATE 0".to_owned()));
    assert_eq!(bars(&timeline, 0)[1].end, End::Committed);
    assert_eq!(timeline.lanes()[0].status_before(1), InTransaction);
    assert_eq!(timeline.sent_at(2), Some(bars(&timeline, 0)[1]));
}

#[test]
fn a_failed_transaction_is_rolled_back_by_its_commit() {
    let failed = ServerMessage { code: "40001".to_owned(), ..ServerMessage::default() };
    let timeline = timeline(&[
        sent("Bob", "update seats set x = 1;"),
        event("Bob", Kind::Failed(failed)),
        ready("Bob", Failed),
        sent("Bob", "commit;"),
        done("Bob", "ROLLBACK"),
        ready("Bob", Idle),
    ]);
    let bars = bars(&timeline, 0);
    assert!(matches!(&bars[0].end, End::Failed { code, .. } if code == "40001"));
    assert_eq!((bars[0].after, &bars[1].end), (Failed, &End::RolledBack));
}

#[test]
fn who_is_gone_has_no_transaction_from_then_on() {
    let reason = "gone".to_owned();
    let timeline = timeline(&[
        sent("Bob", "begin;"),
        done("Bob", "BEGIN"),
        ready("Bob", InTransaction),
        sent("Mallory", "select 1;"),
        event("Bob", Kind::Lost { reason: reason.clone(), in_transaction: true }),
        event("Mallory", Kind::Lost { reason, in_transaction: false }),
        sent("Mallory", "select 1;"),
    ]);
    assert_eq!(bars(&timeline, 0)[0].gone, Some(1));
    assert_eq!(timeline.lanes()[0].status_before(1), InTransaction);
    assert_eq!(timeline.lanes()[0].status_before(2), Idle);
    assert_eq!(bars(&timeline, 1)[0].end, End::Lost);
}

#[test]
fn thousands_of_moments_are_remembered_and_no_more() {
    let mut events = vec![sent("Mallory", "select pg_sleep(1000);")];
    for _ in 0..KEPT * 2 {
        events.extend([sent("Bob", "select 1;"), done("Bob", "SELECT 1"), ready("Bob", Idle)]);
    }
    let timeline = timeline(&events);
    assert_eq!(timeline.len(), KEPT * 2 + 1);
    assert_eq!(timeline.first(), KEPT + 1);
    assert_eq!(bars(&timeline, 0).len(), KEPT);
    assert_eq!(timeline.lanes()[1].bars_in(timeline.first(), timeline.len()).count(), 1);
    assert!(timeline.moment(KEPT).is_none() && timeline.moment(KEPT + 1).is_some());
}
