//! `docs/json.md` says what the JSON of `overbooked play` is: every kind of event has its example
//! there, and each example is one.

use overbooked::core::event::{Event, Kind};

const DOCUMENT: &str = include_str!("../../docs/json.md");

/// Every kind's name. A new kind does not compile until it has one here, and then it needs its
/// place in the document.
fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Connected { .. } => "connected",
        Kind::Lost { .. } => "lost",
        Kind::Closed => "closed",
        Kind::Sent { .. } => "sent",
        Kind::Columns(_) => "columns",
        Kind::Rows(_) => "rows",
        Kind::Done { .. } => "done",
        Kind::Failed(_) => "failed",
        Kind::Notice(_) => "notice",
        Kind::Notification { .. } => "notification",
        Kind::Parameter { .. } => "parameter",
        Kind::Ready { .. } => "ready",
        Kind::Held { .. } => "held",
        Kind::LetGo { .. } => "let_go",
        Kind::Waiting(_) => "waiting",
        Kind::Resumed { .. } => "resumed",
        Kind::Conflict(_) => "conflict",
        Kind::WatchedTables(_) => "house",
        Kind::Quiet => "quiet",
        Kind::Note(_) => "note",
    }
}

/// How many kinds there are.
const KINDS: usize = 20;

/// Each kind that the document names, with its example.
fn examples() -> Vec<(&'static str, Event)> {
    let entries = DOCUMENT.split("\n- `").skip(1).filter_map(|entry| {
        let (kind, rest) = entry.split_once('`')?;
        let line = rest.split("```json\n").nth(1)?.lines().next()?;
        Some((kind, serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))))
    });
    entries.collect()
}

#[test]
fn every_kind_of_event_is_documented_by_an_example() {
    let examples = examples();
    for (documented, event) in &examples {
        assert_eq!(*documented, name(&event.kind));
    }
    let mut names: Vec<&str> = examples.iter().map(|(documented, _)| *documented).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KINDS, "{names:?}");
}
