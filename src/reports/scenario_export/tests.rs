//! Sessions written down and read back.

use std::path::Path;

use super::*;
use crate::core::event::{Column, Form, Row, SubmissionId, WaitTarget};
use crate::core::scenario::sql_file;

const FILE: &str = "\
-- One seat
--
-- Both want it.
--
-- sessions: Bob, Mallory

-- setup
create table seats (booked_by text);

-- Bob: takes A-4
update seats set booked_by = 'Bob';
--> UPDATE 1

-- Mallory: takes A-4
update seats set booked_by = 'Mallory';
--> waits for Bob
";

/// Events told one after the other, a tenth of a second apart.
#[derive(Default)]
struct Story(Vec<Event>);

impl Story {
    fn tell(&mut self, who: &str, kind: Kind) {
        let at = Duration::from_millis(100) * u32::try_from(self.0.len()).unwrap();
        let session = (!who.is_empty()).then(|| SessionName::new(who));
        self.0.push(Event { at, session, kind });
    }

    fn sends(&mut self, who: &str, sql: &str, step: Option<usize>) {
        self.tell(
            who,
            Kind::Sent { submission: SubmissionId(1), sql: sql.into(), step, typed: None },
        );
    }

    fn gets(&mut self, who: &str, tag: &str) {
        self.tell(who, Kind::Done { tag: tag.to_owned(), rows: 0 });
    }

    fn fails(&mut self, who: &str, code: &str, message: &str) {
        let (code, message) = (code.to_owned(), message.to_owned());
        self.tell(who, Kind::Failed(ServerMessage { code, message, ..ServerMessage::default() }));
    }

    fn ready(&mut self, who: &str, status: TransactionStatus) {
        let (submission, elapsed) = (SubmissionId(1), Duration::from_millis(1));
        self.tell(who, Kind::Ready { submission, status, elapsed });
    }

    fn does(&mut self, who: &str, sql: &str, tag: &str, status: TransactionStatus) {
        self.sends(who, sql, None);
        self.gets(who, tag);
        self.ready(who, status);
        self.quiet();
    }

    fn selects(&mut self, who: &str, sql: &str, type_oid: u32, rows: &[&[&str]]) {
        let width = rows.first().map_or(1, |row| row.len());
        let column = |_| Column { name: "c".to_owned(), type_oid };
        let text = |row: &&[&str]| row.iter().map(|value| Some((*value).to_owned())).collect();
        self.sends(who, sql, None);
        self.tell(who, Kind::Columns((0..width).map(column).collect()));
        self.tell(who, Kind::Rows(rows.iter().map(text).collect::<Vec<Row>>()));
        let tag = format!("SELECT {}", rows.len());
        self.tell(who, Kind::Done { tag, rows: rows.len() as u64 });
        self.ready(who, TransactionStatus::Idle);
        self.quiet();
    }

    fn waits(&mut self, who: &str, blocker: Blocker) {
        let target = WaitTarget::Transaction;
        let wait = Wait { blockers: vec![blocker], target, certainty: Certainty::Observed };
        self.tell(who, Kind::Waiting(wait));
    }

    fn resumes(&mut self, who: &str) {
        self.tell(who, Kind::Resumed { waited: Duration::from_millis(100) });
    }

    fn quiet(&mut self) {
        self.tell("", Kind::Quiet);
    }

    /// Bob holds the seat for which Mallory waits.
    fn up_to_the_wait() -> Self {
        let mut story = Self::default();
        story.does("Bob", "begin;", "BEGIN", TransactionStatus::InTransaction);
        story.sends("Bob", "update seats set booked_by = 'Bob';", Some(0));
        story.gets("Bob", "UPDATE 1");
        story.ready("Bob", TransactionStatus::InTransaction);
        story.quiet();
        story.sends("Mallory", "update seats set booked_by = 'Mallory';", Some(1));
        story.waits("Mallory", bob());
        story.quiet();
        story
    }

    fn replayed(&self) -> Option<Scenario> {
        self.replayed_by(&["Bob", "Mallory"].map(SessionName::new))
    }

    fn replayed_by(&self, cast: &[SessionName]) -> Option<Scenario> {
        let scenario = sql_file::parse(FILE, Path::new("one-seat.sql"), "one-seat").unwrap();
        replay(&Performance {
            by: PlayedBy::Console,
            scenario: &scenario,
            schedule: &scenario.schedules.first(),
            cast,
            engine: EngineKind::Postgres,
            isolation: Isolation::ReadCommitted,
            events: &self.0,
        })
    }

    /// The file, after its head; it must be one.
    fn file(&self) -> String {
        let text = sql_file::render(&self.replayed().unwrap());
        sql_file::parse(&text, Path::new("again.sql"), "again").unwrap();
        text.split_once("-- setup").unwrap().1.to_owned()
    }
}

fn bob() -> Blocker {
    Blocker::Session(SessionName::new("Bob"))
}

#[test]
fn steps_and_typed_statements_are_written_with_what_came_of_them() {
    let mut story = Story::up_to_the_wait();
    story.sends("Bob", "commit;", None);
    story.gets("Bob", "COMMIT");
    story.ready("Bob", TransactionStatus::Idle);
    story.resumes("Mallory");
    story.gets("Mallory", "UPDATE 0");
    story.ready("Mallory", TransactionStatus::Idle);
    story.quiet();
    story.selects("Bob", "select * from seats;", 25, &[&["A", "4", "Bob"], &["A", "5", ""]]);
    let text = sql_file::render(&story.replayed().unwrap());
    insta::assert_snapshot!(text);
}

#[test]
fn what_differs_from_run_to_run_is_not_expected() {
    let mut story = Story::default();
    story.selects("Bob", "select now();", 25, &[&["noon"]]);
    story.selects("Bob", "select held_until from seats;", 1184, &[&["noon"], &["one"]]);
    story.selects("Bob", "select pid from pg_locks;", 25, &[&["1"]]);
    story.selects("Bob", "select pg_sleep(1);", 2278, &[&[""]]);
    story.selects("Bob", "select 'UPDATE 1';", 25, &[&["UPDATE 1"]]);
    story.selects("Bob", "select 'two\nlines';", 25, &[&["two\nlines"]]);
    insta::assert_snapshot!(story.file());
}

#[test]
fn a_cancelled_wait_and_one_that_gave_up_are_the_ushers_work() {
    let mut story = Story::up_to_the_wait();
    story.resumes("Mallory");
    story.fails("Mallory", "57014", "canceling statement due to user request");
    story.ready("Mallory", TransactionStatus::Idle);
    story.quiet();
    story.sends("Mallory", "update seats set booked_by = 'M';", None);
    story.waits("Mallory", bob());
    story.quiet();
    story.resumes("Mallory");
    story.fails("Mallory", "55P03", "canceling statement due to lock timeout");
    story.ready("Mallory", TransactionStatus::Idle);
    story.quiet();
    insta::assert_snapshot!(story.file());
}

/// Somebody called `Usher` cancels the wait: a key, or a step of theirs.
fn cancelled_wait(by: Option<&str>) -> Story {
    let mut story = Story::up_to_the_wait();
    if let Some(sql) = by {
        story.sends("Usher", sql, None);
    }
    story.resumes("Mallory");
    story.fails("Mallory", "57014", "canceling statement due to user request");
    story.ready("Mallory", TransactionStatus::Idle);
    if by.is_some() {
        story.gets("Usher", "SELECT 1");
        story.ready("Usher", TransactionStatus::Idle);
    }
    story.quiet();
    story
}

#[test]
fn an_usher_on_stage_needs_no_second_one_for_what_it_does_itself() {
    let cast = ["Bob", "Mallory", "Usher"].map(SessionName::new);
    let story = cancelled_wait(Some("select pg_cancel_backend(pid) from pg_stat_activity;"));
    let text = sql_file::render(&story.replayed_by(&cast).unwrap());
    assert!(text.contains("-- sessions: Bob, Mallory, Usher\n"), "{text}");
    assert_eq!(text.matches("pg_cancel_backend").count(), 1, "{text}");
    let expected = "pg_stat_activity;\n--> SELECT 1\n--> Mallory resumes: ERROR 57014\n";
    assert!(text.contains(expected), "{text}");
    let story = cancelled_wait(None);
    let text = sql_file::render(&story.replayed_by(&cast).unwrap());
    assert!(text.contains("-- sessions: Bob, Mallory, Usher, Usher_2\n"), "{text}");
    assert!(text.contains("-- Usher_2: cancels Mallory's waiting statement\n"), "{text}");
    sql_file::parse(&text, Path::new("again.sql"), "again").unwrap();
}

#[test]
fn a_full_stage_has_no_room_for_an_usher() {
    let names = (2..MOST_SESSIONS).map(|n| format!("Session{n}"));
    let names = ["Bob".to_owned(), "Mallory".to_owned()].into_iter().chain(names);
    let cast: Vec<SessionName> = names.map(|name| SessionName::new(&name)).collect();
    let scenario = cancelled_wait(None).replayed_by(&cast).unwrap();
    assert_eq!(scenario.sessions.len(), MOST_SESSIONS);
    assert!(scenario.story.last().unwrap().contains("there is no room for one"));
    sql_file::parse(&sql_file::render(&scenario), Path::new("again.sql"), "again").unwrap();
}

#[test]
fn who_is_cancelled_is_found_under_the_name_in_the_file() {
    let odd = SessionName::new("Mallory's own");
    let mut story = cancelled_wait(None);
    for event in &mut story.0 {
        event.session = event.session.take().map(|name| match name.as_str() {
            "Mallory" => odd.clone(),
            _ => name,
        });
    }
    let scenario = story.replayed_by(&[SessionName::new("Bob"), odd]).unwrap();
    let text = sql_file::render(&scenario);
    assert!(text.contains("application_name = 'overbooked/S_Mallory_s_own'"), "{text}");
    assert!(text.contains("cancels S_Mallory_s_own's waiting statement"), "{text}");
    assert!(!text.contains("Mallory's"), "{text}");
}

#[test]
fn a_ring_is_broken_at_the_same_place() {
    let mut story = Story::up_to_the_wait();
    story.sends("Bob", "update seats set booked_by = 'B';", None);
    story.waits("Bob", Blocker::Session(SessionName::new("Mallory")));
    story.resumes("Bob");
    story.fails("Bob", "40P01", "deadlock detected");
    story.resumes("Mallory");
    story.gets("Mallory", "UPDATE 1");
    story.ready("Mallory", TransactionStatus::Idle);
    story.ready("Bob", TransactionStatus::Failed);
    story.quiet();
    insta::assert_snapshot!(story.file());
}

#[test]
fn who_leaves_in_a_transaction_rolls_it_back() {
    let mut story = Story::up_to_the_wait();
    story.tell("Bob", Kind::Closed);
    story.resumes("Mallory");
    story.gets("Mallory", "UPDATE 1");
    story.ready("Mallory", TransactionStatus::Idle);
    story.quiet();
    let file = story.file();
    assert!(file.contains("rollback;\n--> ROLLBACK\n--> Mallory resumes: UPDATE 1\n"), "{file}");
}

#[test]
fn the_file_ends_where_it_cannot_follow_and_says_so() {
    let mut story = Story::up_to_the_wait();
    let reason = "gone".to_owned();
    story.tell("Mallory", Kind::Lost { reason, in_transaction: false });
    let scenario = story.replayed().unwrap();
    assert_eq!(scenario.steps.len(), 2);
    assert!(scenario.story.last().unwrap().contains("Mallory lost its connection"));
    let mut story = Story::default();
    story.sends("Bob", "update seats set booked_by = 'B';", None);
    story.waits("Bob", Blocker::Prepared(None));
    story.quiet();
    assert_eq!(story.replayed(), None, "nothing is left");
    assert_eq!(Story::default().replayed(), None);
}

#[test]
fn sql_that_would_mean_something_in_a_file_loses_its_comments() {
    let sql = "select 1\n-- Mallory: is not meant\n--> UPDATE 1\n+ 1;";
    assert_eq!(sheet::statement(sql).as_deref(), Some("select 1\n\n\n+ 1;"));
    assert_eq!(sheet::statement("select 1 -- one").as_deref(), Some("select 1 -- one\n;"));
    assert_eq!(sheet::statement("select 'a"), None);
    let mut story = Story::default();
    story.does("Bob", "select 1 -- Bob: no\n;", "SELECT 1", TransactionStatus::Idle);
    assert!(story.file().contains("select 1"));
}

#[test]
fn a_name_that_no_file_can_have_is_written_otherwise() {
    let mut scenario = Story::up_to_the_wait().replayed().unwrap();
    let odd = SessionName::new("Bob's own");
    for name in [&mut scenario.sessions[0].name, &mut scenario.steps[0].session] {
        *name = odd.clone();
    }
    scenario.steps[2].expectations[0].expected = Expected::WaitsFor(Whom::Session(odd));
    let text = sql_file::render(&sheet::fair_copy(scenario));
    assert!(text.contains("-- sessions: S_Bob_s_own, Mallory"), "{text}");
    assert!(text.contains("--> waits for S_Bob_s_own"), "{text}");
}

#[test]
fn a_step_that_used_a_captured_value_is_written_with_its_name() {
    let file = "-- T\n-- sessions: Bob, Mallory\n-- Bob: exports\nselect pg_export_snapshot();\n\
        --> (snapshot)\n-- Mallory: takes it\nset transaction snapshot :'snapshot';\n";
    let scenario = sql_file::parse(file, Path::new("t.sql"), "t").unwrap();
    let mut story = Story::default();
    story.sends("Bob", "select pg_export_snapshot();", Some(0));
    story.tell("Bob", Kind::Columns(vec![Column { name: "c".to_owned(), type_oid: 25 }]));
    story.tell("Bob", Kind::Rows(vec![vec![Some("0003-1".to_owned())]]));
    story.tell("Bob", Kind::Done { tag: "SELECT 1".to_owned(), rows: 1 });
    story.ready("Bob", TransactionStatus::Idle);
    story.quiet();
    story.sends("Mallory", "set transaction snapshot '0003-1';", Some(1));
    story.gets("Mallory", "SET");
    story.ready("Mallory", TransactionStatus::Idle);
    story.quiet();
    let replayed = replay(&Performance {
        by: PlayedBy::Console,
        scenario: &scenario,
        schedule: &scenario.schedules.first(),
        cast: &["Bob", "Mallory"].map(SessionName::new),
        engine: EngineKind::Postgres,
        isolation: Isolation::ReadCommitted,
        events: &story.0,
    });
    let written = sql_file::render(&replayed.unwrap());
    assert!(written.contains("--> (snapshot)\n"), "{written}");
    assert!(written.contains("set transaction snapshot :'snapshot';"), "{written}");
}

#[test]
fn a_step_that_lost_its_session_says_so_and_the_next_one_goes_on() {
    let mut story = Story::default();
    story.sends("Bob", "select pg_terminate_backend(pg_backend_pid());", None);
    let reason = "FATAL: terminating connection due to administrator command (57P01)".to_owned();
    story.tell("Bob", Kind::Lost { reason, in_transaction: false });
    story.quiet();
    story.does("Bob", "begin;", "BEGIN", TransactionStatus::InTransaction);
    let written = sql_file::render(&story.replayed().unwrap());
    assert!(written.contains("--> lost: FATAL 57P01\n"), "{written}");
    assert!(written.contains("begin;\n--> BEGIN\n"), "{written}");
}

fn lost(code: &str) -> Kind {
    let reason = format!("FATAL: it is over ({code})");
    Kind::Lost { reason, in_transaction: false }
}

#[test]
fn time_that_was_up_is_a_pause() {
    let mut story = Story::default();
    story.does("Bob", "begin;", "BEGIN", TransactionStatus::InTransaction);
    story.tell("Bob", lost("25P03"));
    story.quiet();
    let written = sql_file::render(&story.replayed().unwrap());
    assert!(written.contains("-- pause 700 ms\n--> Bob: lost: FATAL 25P03\n"), "{written}");
}

#[test]
fn a_session_that_somebody_outside_has_ended_is_ended_by_the_usher() {
    let mut story = Story::default();
    story.does("Bob", "begin;", "BEGIN", TransactionStatus::InTransaction);
    story.tell("Bob", lost("57P01"));
    story.quiet();
    let written = sql_file::render(&story.replayed().unwrap());
    let last = "application_name = 'overbooked/Bob';\n--> Bob: lost: FATAL 57P01\n";
    assert!(written.contains("-- Usher: ends the connection of Bob\n"), "{written}");
    assert!(written.ends_with(last), "{written}");
}

#[test]
fn whoever_was_connected_again_by_a_key_finds_out_by_a_step() {
    let mut story = Story::default();
    story.does("Bob", "begin;", "BEGIN", TransactionStatus::InTransaction);
    story.tell("Bob", lost("25P03"));
    story.quiet();
    story.tell("Bob", Kind::Connected { pid: crate::core::event::Pid(7) });
    story.does("Bob", "begin;", "BEGIN", TransactionStatus::InTransaction);
    let written = sql_file::render(&story.replayed().unwrap());
    let back = "select 1;\n--> lost: FATAL 25P03\n\n-- Bob: types\nbegin;\n--> BEGIN\n";
    assert!(written.ends_with(back), "{written}");
}

#[test]
fn a_connection_that_broke_without_a_word_ends_what_a_file_can_follow() {
    let mut story = Story::default();
    story.does("Bob", "begin;", "BEGIN", TransactionStatus::InTransaction);
    let reason = "connection reset by peer".to_owned();
    story.tell("Bob", Kind::Lost { reason, in_transaction: true });
    story.does("Bob", "commit;", "COMMIT", TransactionStatus::Idle);
    let written = sql_file::render(&story.replayed().unwrap());
    assert!(written.contains("follow: Bob lost its connection."), "{written}");
    assert!(!written.contains("commit;"), "{written}");
}

#[test]
fn a_cancelled_statement_is_known_in_any_language() {
    let german = "storniere Anfrage wegen Benutzeraufforderung";
    for (before, is_cancelled) in [("select 1;", true), ("set statement_timeout = 100;", false)] {
        let mut story = Story::default();
        story.does("Bob", before, "SET", TransactionStatus::Idle);
        story.sends("Bob", "select pg_sleep(60);", None);
        story.fails("Bob", "57014", german);
        story.ready("Bob", TransactionStatus::Idle);
        story.quiet();
        let written = sql_file::render(&story.replayed().unwrap());
        assert_eq!(written.contains(answer::CANCELLED), is_cancelled, "{written}");
    }
}

#[test]
fn a_files_own_commands_are_written_down_and_the_consoles_are_left_out() {
    let mut story = Story::default();
    let mut types = |line: &str, sql: &str, answer: Form, every: Option<Duration>| {
        let typed = Some(Box::new(Typed { line: line.to_owned(), answer, every }));
        let submission = SubmissionId(1);
        story.tell("Bob", Kind::Sent { submission, sql: sql.into(), step: None, typed });
        if !sql.is_empty() {
            story.gets("Bob", "SELECT 1");
        }
        story.ready("Bob", TransactionStatus::Idle);
        story.quiet();
    };
    let again = Some(Duration::from_secs(1));
    let name = "who".to_owned();
    let sheets = Form::Sheets { none: String::new() };
    types("\\set who Bob", "", Form::Set { name, value: Some("Bob".to_owned()) }, None);
    types("\\d seats", "select of the catalog", sheets, None);
    types("select :'who' as a \\gset", "select 'Bob' as a", Form::default(), None);
    types("select 1 \\watch 1", "select 1", Form::Table, again);
    types("", "select 1", Form::Table, again);
    let sent: Vec<String> =
        story.replayed().unwrap().steps.iter().map(|step| step.sql.clone()).collect();
    assert_eq!(sent, ["\\set who Bob", "select :'who' as a \\gset", "select 1\n;"]);
}
