//! A Mermaid sequence diagram: a lane a session and one for the database, statements as messages, waits as notes.

use std::fmt::Write as _;

use super::Playbill;
use crate::event::{Event, Kind, SessionName};
use crate::transcript::{waits, without_processes};

/// The longest statement in a diagram, in characters.
const WIDEST: usize = 60;

impl Playbill<'_> {
    pub(super) fn mermaid(&self) -> String {
        let mut out = format!("---\ntitle: {}\n---\nsequenceDiagram\n", text(&self.scenario.title));
        for (place, name) in self.roster().iter().enumerate() {
            let _ = writeln!(out, "    participant S{place} as {}", text(name.as_str()));
        }
        let _ = writeln!(out, "    participant DB as {}", text(self.engine));
        for event in self.story() {
            if let (Some(lane), Some(line)) = (self.lane(event.session.as_ref()), line(&event)) {
                let _ = writeln!(out, "    {}", line.replace("LANE", &lane));
            }
        }
        out
    }

    fn lane(&self, session: Option<&SessionName>) -> Option<String> {
        let place = self.roster().iter().position(|name| Some(name) == session)?;
        Some(format!("S{place}"))
    }
}

fn line(event: &Event) -> Option<String> {
    Some(match &event.kind {
        Kind::Sent { sql, .. } => format!("LANE->>DB: {}", text(sql)),
        Kind::Done { tag, .. } => format!("DB-->>LANE: {}", text(tag)),
        Kind::Failed(error) => {
            format!("DB--xLANE: ERROR {} {}", error.code, text(&error.message))
        }
        Kind::Waiting(wait) => {
            format!("Note over LANE,DB: {}", text(&waits(&without_processes(wait))))
        }
        Kind::Resumed { .. } => "Note over LANE,DB: goes on".to_owned(),
        Kind::Lost { .. } => "DB--xLANE: connection lost".to_owned(),
        _ => return None,
    })
}

/// Text on one line, without what Mermaid would read as its own.
pub(super) fn text(raw: &str) -> String {
    let one_line = raw.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = one_line.chars().take(WIDEST).collect();
    if short.len() < one_line.len() {
        short.push('…');
    }
    short.trim_end_matches(';').replace('#', "#35;").replace(';', "#59;").replace(':', "#58;")
}
