//! Checks of the first scenario and of small ones, on lists of events made by hand.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::core::event::{
    Blocker, Certainty, Column, ServerMessage, SubmissionId, TransactionStatus, Wait, WaitTarget,
};
use crate::core::scenario::sql_file;

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
        Self {
            check: Check::new(
                &scenario,
                &scenario.schedules.first(),
                engine,
                Isolation::ReadCommitted,
            ),
        }
    }

    fn tell(&mut self, session: &str, kind: Kind) -> &mut Self {
        let session = (!session.is_empty()).then(|| SessionName::new(session));
        self.check.apply(&Event { at: Duration::ZERO, session, kind });
        self
    }

    fn sent(&mut self, session: &str, step: Option<usize>) -> &mut Self {
        let sql = Arc::from("select 1;");
        self.tell(session, Kind::Sent { submission: SubmissionId(0), sql, step, typed: None })
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

const TWICE: &str = "\
-- Two
-- sessions: Alice, Bob, Carol
-- Alice: books twice
update seats set a = 2;
update seats set a = 3;
--> waits for Bob
-- Bob: commits
commit;
--> Alice resumes: UPDATE 1
-- Carol: commits
commit;
--> Alice resumes: UPDATE 3
";

#[test]
fn a_step_that_waits_twice_is_judged_from_each_step_that_lets_it_go_on() {
    let mut play = Play::of(TWICE, EngineKind::Postgres);
    play.sent("Alice", Some(0)).waits("Alice", Certainty::Observed).quiet();
    play.sent("Bob", Some(1)).done("Bob", "COMMIT");
    play.tell("Alice", Kind::Resumed { waited: Duration::ZERO }).done("Alice", "UPDATE 1");
    play.sent("Alice", Some(0)).waits("Alice", Certainty::Observed).quiet();
    assert_eq!(play.check.verdicts(Part::Launch(1)), [Verdict::Kept]);
    play.sent("Carol", Some(2)).done("Carol", "COMMIT");
    play.tell("Alice", Kind::Resumed { waited: Duration::ZERO }).done("Alice", "UPDATE 3").quiet();
    assert_eq!(play.check.verdicts(Part::Launch(2)), [Verdict::Kept]);
    assert_eq!(play.found(), []);
}

#[test]
fn a_wait_that_passed_between_two_statements_takes_nothing_from_what_a_step_released() {
    let mut play = Play::of(TWICE, EngineKind::Postgres);
    play.sent("Alice", Some(0)).waits("Alice", Certainty::Observed).quiet();
    play.sent("Bob", Some(1)).done("Bob", "COMMIT");
    play.tell("Alice", Kind::Resumed { waited: Duration::ZERO }).done("Alice", "UPDATE 1");
    // Somebody who was just ending stood in the way for a moment.
    play.sent("Alice", Some(0)).waits("Alice", Certainty::Observed);
    play.tell("Alice", Kind::Resumed { waited: Duration::ZERO }).done("Alice", "UPDATE 3").quiet();
    assert_eq!(play.check.verdicts(Part::Launch(1)), [Verdict::Kept]);
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
    let file = "-- T\n-- sessions: Alice, Bob\n-- Alice: waits\nselect 1;\n-- Bob: looks\n\
        select 1;\n--> (1 row)\n";
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
    assert_eq!(play.found(), [(13, "Alice: still waits for Bob".to_owned())]);
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

/// A scenario of one step of Alice's with these lines, which has been sent.
fn one_step(lines: &str) -> Play {
    let mut play = unplayed(lines);
    play.sent("Alice", Some(0));
    play
}

fn unplayed(lines: &str) -> Play {
    let file = format!("-- T\n-- sessions: Alice, Bob, Carol\n-- Alice: acts\nselect 1;\n{lines}");
    Play::of(&file, EngineKind::Postgres)
}

impl Play {
    fn rows(&mut self, session: &str, columns: &[&str], rows: &[&[Option<&str>]]) -> &mut Self {
        let columns = columns.iter().map(|name| Column { name: (*name).to_owned(), type_oid: 25 });
        let row = |row: &&[Option<&str>]| row.iter().map(|it| it.map(str::to_owned)).collect();
        let count = rows.len();
        self.tell(session, Kind::Columns(columns.collect()));
        self.tell(session, Kind::Rows(rows.iter().map(row).collect()));
        let tag = format!("SELECT {count}");
        self.tell(session, Kind::Done { tag, rows: count as u64 }).ready(session)
    }

    fn fails(&mut self, session: &str, code: &str, message: &str) -> &mut Self {
        let (code, message) = (code.to_owned(), message.to_owned());
        let message = ServerMessage { code, message, ..ServerMessage::default() };
        self.tell(session, Kind::Failed(message)).ready(session)
    }

    fn says(&mut self, session: &str, severity: &str, code: &str, message: &str) -> &mut Self {
        let [severity, code, message] = [severity, code, message].map(str::to_owned);
        let message = ServerMessage { severity, code, message, ..ServerMessage::default() };
        self.tell(session, Kind::Notice(message))
    }

    fn is_notified(&mut self, session: &str, payload: &str) -> &mut Self {
        let (channel, payload) = ("ch".to_owned(), payload.to_owned());
        self.tell(
            session,
            Kind::Notification { channel, payload, from: crate::core::event::Pid(7) },
        )
    }

    /// The lines that were not kept, and what was found, in words.
    fn broken(&self) -> String {
        let breaches = self.check.breaches().into_iter();
        let told = breaches.map(|it| format!("{}: {}", it.expected, it.found));
        told.collect::<Vec<_>>().join("\n")
    }
}

#[test]
fn values_are_compared_as_they_are_written() {
    let row: [&[Option<&str>]; 1] = [&[Some("INSERT"), None, Some(""), Some("a|b")]];
    for (line, broken) in [
        ("--> INSERT |  |  | a | b", ""),
        ("--> \"INSERT\" | | \"\" | \"a|b\"", ""),
        ("--> * | * | * | *", ""),
        ("--> only d: \"a|b\" | a: INSERT", ""),
        ("--> \"INSERT\" | \"\" | | *", "INSERT |  | \"\" | \"a|b\""),
        ("--> * | * | *", "INSERT |  | \"\" | \"a|b\""),
        ("--> only x: 1", "no column called x, but a, b, c, d"),
        ("--> only b: \"\"", "INSERT |  | \"\" | \"a|b\""),
    ] {
        let mut play = one_step(line);
        play.rows("Alice", &["a", "b", "c", "d"], &row).quiet();
        let found = play.check.breaches().first().map(|it| it.found.clone()).unwrap_or_default();
        assert_eq!(found, broken, "{line}");
    }
}

#[test]
fn a_result_has_exactly_the_rows_that_are_listed() {
    let rows: [&[Option<&str>]; 3] = [&[Some("1")], &[Some("2")], &[Some("2")]];
    for (lines, broken) in [
        ("--> rows:\n--> 1\n--> 2\n--> 2", ""),
        ("--> rows in any order:\n--> 2\n--> 1\n--> 2", ""),
        ("--> rows in any order:\n--> *\n--> 1\n--> 2", ""),
        ("--> rows:\n--> 1\n--> 2", "rows:: (3 rows)"),
        ("--> rows:\n--> 2\n--> 1\n--> 2", "2: 1\n1: 2"),
        ("--> rows in any order:\n--> 1\n--> 1\n--> 2", "1: 2"),
        ("--> rows:\n--> SELECT 3", "rows:: (3 rows)"),
    ] {
        let mut play = one_step(lines);
        play.rows("Alice", &["a"], &rows).quiet();
        assert_eq!(play.broken(), broken, "{lines}");
    }
}

#[test]
fn what_the_server_says_beside_is_judged_by_severity_code_and_beginning() {
    for (line, broken) in [
        ("--> NOTICE: hello", ""),
        ("--> WARNING 25001", ""),
        ("--> WARNING 25001: there is", ""),
        ("--> NOTICE: ello", "NOTICE: ello: NOTICE 00000: hello you"),
        ("--> INFO: hello", "INFO: hello: NOTICE 00000: hello you"),
    ] {
        let mut play = one_step(line);
        play.says("Alice", "NOTICE", "00000", "hello you");
        play.says("Alice", "WARNING", "25001", "there is already").done("Alice", "BEGIN").quiet();
        assert_eq!(play.broken(), broken, "{line}");
    }
}

#[test]
fn a_notification_counts_for_one_line_and_is_awaited() {
    let mut play =
        one_step("--> NOTIFY ch: x\n--> Bob: NOTIFY ch: x from Carol\n--> Bob: NOTIFY ch: x");
    play.tell("Carol", Kind::Connected { pid: crate::core::event::Pid(7) });
    play.is_notified("Alice", "x").is_notified("Bob", "x").done("Alice", "SELECT 1");
    assert!(play.check.awaits(), "Bob's second is still to come");
    play.is_notified("Bob", "x");
    assert!(!play.check.awaits());
    play.quiet();
    assert_eq!(play.broken(), "");
    let mut play = one_step("--> Bob: NOTIFY ch: x\n--> Bob: NOTIFY ch: x from Alice");
    play.is_notified("Bob", "x").done("Alice", "SELECT 1").quiet();
    assert_eq!(play.broken(), "Bob: NOTIFY ch: x from Alice: NOTIFY ch: x");
}

#[test]
fn a_wait_that_ends_by_itself_is_awaited_and_need_not_have_been_seen() {
    for lines in ["--> ERROR 55P03", "--> waits for Bob, then ERROR 55P03 canceling"] {
        for is_seen in [true, false] {
            let mut play = one_step(lines);
            if is_seen {
                play.waits("Alice", Certainty::Observed);
            }
            assert!(play.check.awaits());
            play.fails("Alice", "55P03", "canceling statement due to lock timeout").quiet();
            assert!(!play.check.awaits());
            assert_eq!(play.broken(), "");
        }
    }
    let mut play = one_step("--> waits for Carol, then ERROR 55P03");
    play.waits("Alice", Certainty::Observed).fails("Alice", "55P03", "").quiet();
    assert_eq!(play.broken(), "waits for Carol, then ERROR 55P03: no wait for Carol: ERROR 55P03 ");
    let mut play = one_step("--> ERROR 40001");
    assert!(!play.waits("Alice", Certainty::Observed).check.awaits(), "that needs somebody's step");
}

#[test]
fn waits_name_anybody_and_may_be_anothers() {
    let blockers = vec![
        Blocker::Prepared(Some("transfer-42".to_owned())),
        Blocker::Foreign { pid: crate::core::event::Pid(9), application: "pg_dump".to_owned() },
    ];
    let wait = Wait { blockers, target: WaitTarget::Transaction, certainty: Certainty::Observed };
    for (line, is_kept) in [
        ("--> waits for prepared transaction transfer-42", true),
        ("--> waits for somebody", true),
        ("--> waits for somebody (pg_dump)", true),
        ("--> waits for prepared transaction transfer-43", false),
        ("--> waits for somebody (psql)", false),
        ("--> waits for Bob", false),
    ] {
        let mut play = one_step(line);
        play.tell("Alice", Kind::Waiting(wait.clone())).quiet();
        assert_eq!(play.broken().is_empty(), is_kept, "{line}");
    }
    let mut play = unplayed("--> Carol waits for Bob\n--> Bob waits for Carol");
    play.sent("Carol", None).waits("Carol", Certainty::Observed).sent("Alice", Some(0));
    play.done("Alice", "SELECT 1").quiet();
    assert_eq!(play.broken(), "Bob waits for Carol: nothing");
}

#[test]
fn one_side_of_an_either_is_enough_and_must_be_kept_whole() {
    let line =
        "--> either: ERROR 40P01 and Bob resumes: UPDATE 1 | or: UPDATE 1 and Bob: ERROR 40P01";
    let play = |alice: bool, bob: bool| {
        let mut play = unplayed(line);
        play.sent("Bob", None).waits("Bob", Certainty::Observed).sent("Alice", Some(0));
        for (name, is_victim) in [("Alice", alice), ("Bob", bob)] {
            if is_victim {
                play.fails(name, "40P01", "deadlock detected");
            } else {
                play.done(name, "UPDATE 1");
            }
        }
        play.quiet();
        play.broken()
    };
    assert_eq!(play(true, false), "");
    assert_eq!(play(false, true), "");
    assert_ne!(play(false, false), "");
    assert_ne!(play(true, true), "");
    let mut waits = one_step("--> either: waits for Bob | or: UPDATE 1");
    waits.waits("Alice", Certainty::Observed).quiet();
    assert_eq!(waits.broken(), "");
}

#[test]
fn a_value_gets_a_name_when_the_answer_has_one_row() {
    let mut play = one_step("--> (a, b)\n--> (c)");
    play.rows("Alice", &["x", "y"], &[&[Some("1"), None]]).quiet();
    assert_eq!(play.check.variables().get("a").map(String::as_str), Some("1"));
    assert_eq!(play.check.variables().get("b"), None, "NULL is no value");
    assert_eq!(play.broken(), "(c): no rows");
}

#[test]
fn a_line_holds_at_its_levels_only() {
    let file = "-- T\n-- sessions: Alice\n-- Alice: acts\nselect 1;\n\
        --> postgres at serializable: ERROR 40001\n--> at read committed: SELECT 1\n";
    let scenario = sql_file::parse(file, Path::new("a.sql"), "a").unwrap();
    let verdicts = |level| {
        let schedule = scenario.schedules.first();
        Check::new(&scenario, &schedule, EngineKind::Postgres, level)
            .verdicts(Part::Launch(0))
            .to_vec()
    };
    assert_eq!(verdicts(Isolation::Serializable), [Verdict::NotReached, Verdict::NotHere]);
    assert_eq!(verdicts(Isolation::ReadCommitted), [Verdict::NotHere, Verdict::NotReached]);
}

#[test]
fn a_statement_that_goes_on_while_others_act_answers_later() {
    let file = "-- T\n-- sessions: Alice, Bob\n-- Alice: reports\nselect 1;\n--> running\n\
        --> (1 row)\n-- Bob: acts\nselect 1;\n--> Alice answers: (1 row)\n";
    let mut play = Play::of(file, EngineKind::Postgres);
    play.sent("Alice", Some(0));
    assert!(play.check.goes_on_running(&SessionName::new("Alice")));
    play.quiet().sent("Bob", Some(1)).rows("Bob", &["a"], &[&[Some("1")]]);
    assert!(play.check.awaits());
    play.rows("Alice", &["a"], &[&[Some("1")]]).quiet();
    assert_eq!(play.broken(), "");
    let mut play = Play::of(file, EngineKind::Postgres);
    play.sent("Alice", Some(0)).rows("Alice", &["a"], &[&[Some("1")]]).quiet();
    assert_eq!(play.broken(), "running: SELECT 1");
}

#[test]
fn an_ended_session_is_lost_with_the_servers_last_words() {
    let lost = |reason: &str| Kind::Lost { reason: reason.to_owned(), in_transaction: true };
    let mut play = one_step("--> Bob: lost: FATAL 25P03 terminating connection");
    play.done("Alice", "SELECT 1");
    assert!(play.check.awaits());
    play.tell(
        "Bob",
        lost("FATAL: terminating connection due to idle-in-transaction timeout (25P03)"),
    );
    assert!(!play.check.awaits());
    assert_eq!(play.quiet().broken(), "");
    let mut play = one_step("--> lost: FATAL 25P03");
    play.tell("Alice", lost("FATAL: shut down (57P01)")).quiet();
    assert_eq!(play.broken(), "lost: FATAL 25P03: connection lost: FATAL: shut down (57P01)");
}
