//! A Mermaid sequence diagram: a lane a session and one for the database, statements as messages,
//! waits as notes.

use std::fmt::Write as _;

use super::PlayReport;
use crate::core::event::{Event, Fate, Kind, SessionName};
use crate::reports::transcript::{waits, without_processes};

/// The longest statement in a diagram, in characters.
const WIDEST: usize = 60;

impl PlayReport<'_> {
    pub(super) fn mermaid(&self) -> String {
        let mut out = format!("---\ntitle: {}\n---\nsequenceDiagram\n", text(&self.scenario.title));
        for (place, name) in self.roster().iter().enumerate() {
            let _ = writeln!(out, "    participant S{place} as {}", text(name.as_str()));
        }
        let _ = writeln!(out, "    participant DB as {}", text(self.engine));
        for event in self.story() {
            if let Some(pause) = pause(&event) {
                let _ = writeln!(out, "    {pause}");
            }
            let Some(lane) = self.lane(event.session.as_ref()) else { continue };
            if let Some(line) = line(&event, &lane) {
                let _ = writeln!(out, "    {line}");
            }
        }
        out
    }

    fn lane(&self, session: Option<&SessionName>) -> Option<String> {
        let place = self.roster().iter().position(|name| Some(name) == session)?;
        Some(format!("S{place}"))
    }
}

/// A step of nobody's.
fn pause(event: &Event) -> Option<String> {
    let Kind::Sent { sql, .. } = &event.kind else { return None };
    let length = sql.strip_prefix("-- ").filter(|said| said.starts_with("pause "))?;
    let is_pause = event.session == Some(SessionName::pause());
    is_pause.then(|| format!("Note over DB: {}", text(length)))
}

fn line(event: &Event, lane: &str) -> Option<String> {
    Some(match &event.kind {
        Kind::Sent { sql, .. } => {
            let typed = event.kind.line().filter(|typed| !typed.is_empty()).unwrap_or(sql);
            if typed.is_empty() {
                return None;
            }
            format!("{lane}->>DB: {}", text(typed))
        }
        Kind::Done { tag, .. } => format!("DB-->>{lane}: {}", text(tag)),
        Kind::Failed(error) => {
            format!("DB--x{lane}: ERROR {} {}", error.code, text(&error.message))
        }
        Kind::Waiting(wait) => {
            format!("Note over {lane},DB: {}", text(&waits(&without_processes(wait))))
        }
        Kind::Resumed { .. } => format!("Note over {lane},DB: resumes"),
        Kind::Held { does, .. } => format!("Note over {lane}: held, {}", text(does)),
        Kind::LetGo { fate, .. } => format!("Note over {lane}: {}", let_go(fate)),
        Kind::Lost { .. } => format!("DB--x{lane}: connection lost"),
        _ => return None,
    })
}

/// What has become of a statement that was held.
fn let_go(fate: &Fate) -> String {
    match fate {
        Fate::Passed => "let go".to_owned(),
        Fate::CutAfter => "let go, cut off before the answer".to_owned(),
        Fate::Refused(code) => format!("answered {code} by hand"),
        Fate::RefusedByRule { code, rule } => format!("refused with {code} by {}", text(rule)),
        Fate::Cut => "cut off".to_owned(),
        Fate::Cancelled => "cancelled by its program".to_owned(),
        Fate::Abandoned => "its program hangs up".to_owned(),
        Fate::ServerGone => "the server ends its connection".to_owned(),
    }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::event::SubmissionId;

    #[test]
    fn what_was_sent_stands_there_as_it_was() {
        let sql = "select * from LANES".into();
        let kind = Kind::Sent { submission: SubmissionId(1), sql, step: None, typed: None };
        let event = Event { at: Duration::ZERO, session: Some(SessionName::new("Bob")), kind };
        assert_eq!(line(&event, "S0").unwrap(), "S0->>DB: select * from LANES");
    }

    #[test]
    fn what_the_debugger_has_held_is_a_note() {
        let told = |kind| {
            let event =
                Event { at: Duration::ZERO, session: Some(SessionName::new("alice")), kind };
            line(&event, "S0").unwrap()
        };
        let (does, why) = ("updates seats 4".to_owned(), "touches seats".to_owned());
        let held = Kind::Held { sql: "update".into(), does, why, patience: None };
        assert_eq!(told(held), "Note over S0: held, updates seats 4");
        let let_go = |fate| told(Kind::LetGo { held: Duration::ZERO, fate });
        assert_eq!(let_go(Fate::Passed), "Note over S0: let go");
        let refused = Fate::Refused(crate::core::event::SqlState("40P01".to_owned()));
        assert_eq!(let_go(refused), "Note over S0: answered 40P01 by hand");
    }
}
