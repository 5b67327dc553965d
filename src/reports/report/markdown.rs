//! A document for a wiki or a pull request: the story, then a section a step with what it said,
//! then how the expectations fared.

use std::fmt::Write as _;

use super::PlayReport;
use crate::core::event::steps::LastSteps;
use crate::core::event::{Event, Kind, SessionName};
use crate::reports::transcript::transcript;

impl PlayReport<'_> {
    pub(super) fn markdown(&self) -> String {
        let mut out = format!("# {}\n\n*{}*\n", self.scenario.title, self.engine);
        for paragraph in &self.scenario.story {
            let _ = write!(out, "\n{paragraph}\n");
        }
        for (number, part) in self.parts().into_iter().enumerate() {
            let text = transcript(&part.events, &self.roster(), self.options);
            if !text.trim().is_empty() {
                let heading = part.heading.unwrap_or_else(|| "Typed".to_owned());
                let _ = write!(out, "\n## {}. {heading}\n\n{}", number + 1, fenced(&text));
            }
        }
        if !self.scenario.afterwards.is_empty() {
            let _ = write!(out, "\n## Afterwards\n");
        }
        for paragraph in &self.scenario.afterwards {
            let _ = write!(out, "\n{paragraph}\n");
        }
        let _ = write!(out, "\n## Expectations\n\n");
        for line in self.summary() {
            let _ = match line.trim().split_once('\n') {
                None => writeln!(out, "- {}", line.trim()),
                Some((first, said)) => writeln!(out, "- {first}\n\n  ```text\n{said}\n  ```"),
            };
        }
        out
    }

    fn is_setup(&self, session: &SessionName, sql: &str) -> bool {
        let mut players = self.scenario.sessions.iter();
        players.any(|player| player.name == *session && player.setup.as_deref() == Some(sql))
    }

    /// The story cut where a submission goes out.
    fn parts(&self) -> Vec<Section> {
        let mut parts: Vec<Section> = Vec::new();
        let mut last = LastSteps::default();
        for event in self.story() {
            let goes_on = last.goes_on(&event);
            if let Kind::Sent { step, sql, .. } = &event.kind
                && !goes_on
            {
                let heading = match (step, &event.session) {
                    (Some(launch), _) => {
                        Some(self.part(crate::core::scenario::check::Part::Launch(*launch)))
                    }
                    (None, None) => Some("Finally".to_owned()),
                    (None, Some(session)) if self.is_setup(session, sql) => {
                        Some(format!("{session}, setup"))
                    }
                    (None, Some(session)) => Some(format!("{session}, typed")),
                };
                parts.push(Section { heading, events: Vec::new() });
            }
            if let Some(part) = parts.last_mut() {
                part.events.push(event);
            }
        }
        parts
    }
}

/// What happened from one submission to the next.
struct Section {
    heading: Option<String>,
    events: Vec<Event>,
}

/// A code block whose fence is longer than any run of backticks in it.
pub(super) fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}
