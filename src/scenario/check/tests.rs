//! Checks of the first scenario and of small ones, on lists of events made by hand.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::event::{Blocker, Column, ServerMessage, SubmissionId, TransactionStatus, WaitTarget};
use crate::scenario::sql_file;

const FILE: &str = "\
-- Two
-- sessions: Alice, Bob
-- Bob: books
update seats set a = 1;
--> UPDATE 1
-- Alice: books
update seats set a = 2;
--> postgres: waits for Bob
--> optimistic: UPDATE 1
-- Bob: commits
commit;
--> postgres: COMMIT
--> postgres: Alice resumes: UPDATE 0
--> optimistic: ERROR 40001 (OC000)
-- finally
select 1;
--> A | 4 |
--> A | 5 | Bob
";

/// A check, and a pen to write events with.
struct Play {
    check: Check,
}

impl Play {
    fn of(file: &str, engine: EngineKind) -> Self {
        let scenario = sql_file::parse(file, Path::new("two.sql"), "two").unwrap();
        Self { check: Check::new(&scenario, &scenario.schedules.first(), engine) }
    }

    fn tell(&mut self, session: &str, kind: Kind) -> &mut Self {
        let session = (!session.is_empty()).then(|| SessionName::new(session));
        self.check.apply(&Event { at: Duration::ZERO, session, kind });
        self
    }

    fn sent(&mut self, session: &str, step: Option<usize>) -> &mut Self {
        let sql = Arc::from("select 1;");
        self.tell(session, Kind::Sent { submission: SubmissionId(0), sql, step })
    }

    fn done(&mut self, session: &str, tag: &str) -> &mut Self {
        self.tell(session, Kind::Done { tag: tag.to_owned(), rows: 0 }).ready(session)
    }

    fn ready(&mut self, session: &str) -> &mut Self {
        let (submission, elapsed) = (SubmissionId(0), Duration::ZERO);
        self.tell(session, Kind::Ready { submission, status: TransactionStatus::Idle, elapsed })
    }

    fn waits(&mut self, session: &str, certainty: Certainty) -> &mut Self {
        let blockers = vec![Blocker::Session(SessionName::new("Bob"))];
        self.tell(
            session,
            Kind::Waiting(Wait { blockers, target: WaitTarget::Transaction, certainty }),
        )
    }

    fn quiet(&mut self) -> &mut Self {
        self.tell("", Kind::Quiet)
    }

    fn found(&self) -> Vec<(usize, String)> {
        self.check.breaches().into_iter().map(|breach| (breach.line, breach.found)).collect()
    }
}

#[test]
fn a_wait_and_its_end_are_kept() {
    let mut play = Play::of(FILE, EngineKind::Postgres);
    play.sent("Bob", Some(0)).done("Bob", "UPDATE 1").quiet();
    assert_eq!(play.check.verdicts(Part::Launch(0)), [Verdict::Kept]);
    assert_eq!(play.check.verdicts(Part::Launch(1))[0], Verdict::NotReached);
    play.sent("Alice", Some(1)).waits("Alice", Certainty::Observed).quiet();
    assert_eq!(play.check.verdicts(Part::Launch(1)), [Verdict::Kept, Verdict::NotHere]);
    play.sent("Bob", Some(2)).done("Bob", "COMMIT").done("Alice", "UPDATE 0").quiet();
    assert_eq!(
        play.check.verdicts(Part::Launch(2)),
        [Verdict::Kept, Verdict::Kept, Verdict::NotHere]
    );
    assert_eq!(play.found(), []);
}

#[test]
fn what_does_not_come_once_a_person_has_cancelled_something_is_nobodys_fault() {
    let cancelled = || {
        let code = "57014".to_owned();
        Kind::Failed(ServerMessage { code, ..ServerMessage::default() })
    };
    for is_asked_for in [true, false] {
        let mut play = Play::of(FILE, EngineKind::Postgres);
        play.sent("Bob", Some(0)).done("Bob", "UPDATE 1").quiet();
        play.sent("Alice", Some(1)).waits("Alice", Certainty::Observed).quiet();
        if is_asked_for {
            play.check.cancels(&SessionName::new("Alice"));
        }
        play.tell("Alice", cancelled()).ready("Alice").quiet();
        play.sent("Bob", Some(2)).done("Bob", "COMMIT").quiet();
        let commit = play.check.verdicts(Part::Launch(2));
        assert_eq!(commit[0], Verdict::Kept);
        assert_eq!(commit[1] == Verdict::Excused, is_asked_for, "{commit:?}");
        assert_eq!(play.found().is_empty(), is_asked_for);
    }
}

#[test]
fn what_was_broken_before_a_cancellation_stays_so() {
    let mut play = Play::of(FILE, EngineKind::Postgres);
    play.sent("Bob", Some(0)).done("Bob", "UPDATE 0").quiet();
    play.sent("Alice", Some(1)).waits("Alice", Certainty::Observed).quiet();
    play.check.cancels(&SessionName::new("Alice"));
    let code = "57014".to_owned();
    play.tell("Alice", Kind::Failed(ServerMessage { code, ..ServerMessage::default() }));
    play.ready("Alice").quiet();
    assert_eq!(play.found(), [(5, "UPDATE 0".to_owned())]);
}

#[test]
fn an_answer_in_the_place_of_a_wait_is_told() {
    let mut play = Play::of(FILE, EngineKind::Postgres);
    play.sent("Bob", Some(0)).done("Bob", "UPDATE 0").quiet();
    play.sent("Alice", Some(1)).done("Alice", "UPDATE 1").quiet();
    play.sent("Bob", Some(2)).done("Bob", "ROLLBACK").quiet();
    let found = [(5, "UPDATE 0"), (8, "UPDATE 1"), (12, "ROLLBACK"), (13, "Alice was not waiting")];
    assert_eq!(play.found(), found.map(|(line, found)| (line, found.to_owned())));
}

#[test]
fn a_guessed_wait_is_not_good_enough() {
    let mut play = Play::of(FILE, EngineKind::Postgres);
    play.sent("Alice", Some(1)).waits("Alice", Certainty::Guessed).quiet();
    assert_eq!(play.found(), [(8, "seems to wait for Bob".to_owned())]);
}

#[test]
fn a_wait_that_no_line_speaks_of_is_told() {
    let file = "-- T\n-- sessions: Alice, Bob\n-- Alice: waits\nselect 1;\n-- Bob: looks\nselect 1;\n--> (1 row)\n";
    let mut play = Play::of(file, EngineKind::Postgres);
    play.sent("Alice", Some(0)).waits("Alice", Certainty::Observed).quiet();
    assert_eq!(play.check.unsaid(Part::Launch(0)), Some("waits for Bob"));
    assert_eq!(play.found(), [(3, "waits for Bob".to_owned())]);
}

#[test]
fn who_still_waits_has_not_resumed() {
    let mut play = Play::of(FILE, EngineKind::Postgres);
    play.sent("Alice", Some(1)).waits("Alice", Certainty::Observed).quiet();
    play.sent("Bob", Some(2)).done("Bob", "COMMIT").quiet();
    assert_eq!(play.found(), [(13, "Alice still waits for Bob".to_owned())]);
}

#[test]
fn a_refusal_at_commit_is_kept_on_the_optimistic_engine_and_on_dsql() {
    for engine in [EngineKind::Optimistic, EngineKind::Dsql] {
        let mut play = Play::of(FILE, engine);
        let refusal = ServerMessage {
            code: "40001".to_owned(),
            message: "change conflicts with another transaction, please retry: (OC000)".to_owned(),
            ..ServerMessage::default()
        };
        play.sent("Bob", Some(2)).tell("Bob", Kind::Failed(refusal)).ready("Bob").quiet();
        assert_eq!(play.check.verdicts(Part::Launch(2))[2], Verdict::Kept);
    }
}

#[test]
fn the_rows_at_the_end_must_come_in_order() {
    let row = |values: [&str; 3]| {
        values.iter().map(|value| (!value.is_empty()).then(|| (*value).to_owned())).collect()
    };
    let columns = vec![Column { name: "a".to_owned(), type_oid: 25 }; 3];
    let (four, five) = (row(["A", "4", ""]), row(["A", "5", "Bob"]));
    for (rows, found) in [
        (vec![four, five], vec![]),
        (
            vec![row(["A", "5", "Bob"]), row(["A", "4", ""])],
            vec![(18, "no further row".to_owned())],
        ),
    ] {
        let mut play = Play::of(FILE, EngineKind::Postgres);
        play.sent("", None).tell("", Kind::Columns(columns.clone()));
        play.tell("", Kind::Rows(rows)).done("", "SELECT 2").tell("", Kind::Quiet);
        assert_eq!(play.found(), found);
    }
}
