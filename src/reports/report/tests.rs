use std::time::Duration;

use super::*;
use crate::core::event::{Kind, SubmissionId, TransactionStatus};
use crate::core::scenario::sql_file;

const FILE: &str = "\
-- One seat
--
-- Bob takes it.
--
-- sessions: Bob

-- Bob: takes A-4
update seats set booked_by = 'Bob';
--> UPDATE 1
";

fn scenario() -> Scenario {
    sql_file::parse(FILE, std::path::Path::new("one-seat.sql"), "one-seat").unwrap()
}

fn events(tag: &str) -> Vec<Event> {
    let sql = "update seats set booked_by = 'Bob';".into();
    let (submission, status) = (SubmissionId(1), TransactionStatus::Idle);
    let elapsed = Duration::from_millis(3);
    let kinds = [
        (true, Kind::Sent { submission, sql, step: Some(0), typed: None }),
        (true, Kind::Done { tag: tag.to_owned(), rows: 0 }),
        (true, Kind::Ready { submission, status, elapsed }),
        (false, Kind::Quiet),
    ];
    let event = |(of_bob, kind): (bool, Kind)| Event {
        at: Duration::from_millis(5),
        session: of_bob.then(|| SessionName::new("Bob")),
        kind,
    };
    kinds.into_iter().map(event).collect()
}

fn rendered(format: Format) -> String {
    let scenario = scenario();
    let breach = Breach {
        part: Part::Launch(0),
        line: 9,
        expected: "UPDATE 1".to_owned(),
        found: "UPDATE 0".to_owned(),
    };
    PlayReport {
        scenario: &scenario,
        schedule: &scenario.schedules.first(),
        engine: "PostgreSQL 15, read committed",
        events: &events("UPDATE 0"),
        breaches: &[breach],
        stop: None,
        options: Options::default(),
    }
    .render(format)
}

#[test]
fn text_reads_like_psql_and_ends_with_what_was_broken() {
    insta::assert_snapshot!(rendered(Format::Text));
}

#[test]
fn markdown_has_a_section_for_each_step() {
    insta::assert_snapshot!(rendered(Format::Markdown));
}

#[test]
fn json_is_a_line_for_each_event_and_reads_back() {
    let json = rendered(Format::Json);
    let read: Vec<Event> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read.len(), 4);
    assert!(read.iter().all(|event| event.at == Duration::ZERO));
    insta::assert_snapshot!(json);
}

#[test]
fn mermaid_escapes_what_it_would_read_as_its_own() {
    insta::assert_snapshot!(rendered(Format::Mermaid));
}
