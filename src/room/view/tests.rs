use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::core::event::{Event, Kind, SubmissionId};
use crate::core::scenario::library;
use crate::room::feed::Feed;
use crate::run::Report;
use crate::stage::sample::{fresh, setting};
use crate::stage::watched::sample;

fn stage() -> Stage {
    let mut stage = Stage::new(setting(), 120);
    let fresh = fresh(library::open(library::DEFAULT).unwrap());
    stage.apply(Report::Fresh(fresh), Duration::ZERO);
    stage
}

fn happens(stage: &mut Stage, session: Option<&str>, kind: Kind) {
    let session = session.map(SessionName::new);
    let event = Event { at: Duration::ZERO, session, kind };
    stage.apply(Report::Event(event), Duration::ZERO);
}

fn read(parts: &Parts, name: &str) -> Value {
    match &parts[name] {
        Part::Value(json) => serde_json::from_str(json).unwrap(),
        Part::Lines { lines, .. } => {
            serde_json::from_str(&format!("[{}]", lines.join(","))).unwrap()
        }
    }
}

#[test]
fn a_fresh_stage_is_told_whole() {
    let parts = of(&stage());
    let course = read(&parts, "course");
    assert_eq!(course["step"], 0);
    assert_eq!(course["engine"]["product"], "PostgreSQL 15.20");
    assert_eq!(read(&parts, "script")[0]["mark"], "next");
    let names: Vec<_> = read(&parts, "panes").as_array().unwrap().clone();
    assert_eq!(names.len(), 3);
    assert!(parts.contains_key("lines:Alice"));
    assert_eq!(read(&parts, "waits"), json!([]));
}

#[test]
fn the_map_says_whose_seat_it_is_who_holds_it_and_who_waits() {
    let mut stage = stage();
    happens(&mut stage, None, Kind::WatchedTables(Arc::new(sample::picture())));
    let tables = read(&of(&stage), "tables");
    let seats = tables[0]["map"][0]["rows"][0]["seats"].as_array().unwrap().clone();
    let contested = seats.iter().find(|seat| seat["waits"] != json!([])).unwrap();
    insta::assert_snapshot!(contested.to_string());
}

#[test]
fn what_is_dangerous_in_a_terminal_or_a_page_is_spelled_out() {
    let mut stage = stage();
    let sql: Arc<str> = "select '\u{1b}]0;x\u{7} \u{202e}<script>alert(1)</script>';".into();
    let sent = Kind::Sent { submission: SubmissionId(1), sql, step: None, typed: None };
    happens(&mut stage, Some("Alice"), sent);
    for part in of(&stage).values() {
        let json = match part {
            Part::Value(json) => json.clone(),
            Part::Lines { lines, .. } => lines.concat(),
        };
        assert!(!json.contains(['\u{1b}', '\u{7}', '\u{202e}', '\n']), "{json}");
        assert!(!json.contains("\\u001b"), "{json}");
    }
}

#[test]
fn a_line_without_end_is_cut() {
    let mut stage = stage();
    happens(&mut stage, Some("Alice"), Kind::Note("x".repeat(100_000)));
    let Part::Lines { lines, .. } = &of(&stage)["lines:Alice"] else { panic!() };
    let last = lines.last().unwrap();
    assert!(last.contains('\u{2026}') && last.len() < 3_000, "{}", last.len());
}

#[test]
fn one_more_line_is_told_alone() {
    let mut stage = stage();
    let mut feed = Feed::default();
    feed.show(of(&stage));
    happens(&mut stage, Some("Alice"), Kind::Note("a word".to_owned()));
    feed.show(of(&stage));
    happens(&mut stage, Some("Alice"), Kind::Note("another".to_owned()));
    feed.show(of(&stage));
    let (_, change) = feed.after(Some(2)).unwrap();
    assert!(change.contains("another") && !change.contains("a word"), "{change}");
    assert!(!change.contains("lines:Bob"), "{change}");
}
