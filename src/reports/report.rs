//! A scenario that was played, as a document: text, Markdown, JSON lines, a Mermaid diagram.
//!
//! All of them are folds over the same events in canonical order, so that they read the same from
//! run to run: no process numbers, no transaction numbers, and times only when asked for.

use crate::core::event::{Event, SessionName, octets};
use crate::core::scenario::check::{Breach, Part};
use crate::core::scenario::{Origin, Scenario, Schedule};
use crate::reports::isolation_output::retold;
use crate::reports::transcript::{self, Options, transcript};

mod formats;
mod json;
mod markdown;
mod mermaid;
mod specification;

pub use formats::{Entry, FORMATS, Format};
pub use specification::SpecReport;

/// What a document is made of.
#[derive(Clone, Copy, Debug)]
pub struct PlayReport<'a> {
    /// What was played.
    pub scenario: &'a Scenario,
    /// In which order.
    pub schedule: &'a Schedule,
    /// On what, in words: `PostgreSQL 15.20, read committed`.
    pub engine: &'a str,
    pub events: &'a [Event],
    /// What was expected and did not happen.
    pub breaches: &'a [Breach],
    /// Why it was not played to its end.
    pub stop: Option<&'a str>,
    /// What is told beyond the story.
    pub options: Options,
}

impl PlayReport<'_> {
    /// The document, ending in a line break.
    pub fn render(&self, format: Format) -> String {
        let document = (format.entry().played)(self);
        legible(&document, format)
    }

    fn spec(&self) -> String {
        let told = retold(self.scenario, self.schedule, &self.story());
        told.iter().map(ToString::to_string).collect()
    }

    fn text(&self) -> String {
        let title = format!("{} ({})", self.scenario.title, self.engine);
        let rule = "=".repeat(title.chars().count());
        let story = transcript(self.events, &self.roster(), self.options);
        format!("{title}\n{rule}\n\n{}\n\n{}\n", story.trim_end(), self.summary().join("\n"))
    }

    /// What was kept and what was not, a line each; the first line says it in short, the last may
    /// have what a server said under it.
    pub fn summary(&self) -> Vec<String> {
        let name = &self.scenario.name;
        if self.breaches.is_empty() && self.stop.is_none() {
            return vec![match self.scenario.origin {
                Origin::Script => format!("{name}: as expected"),
                Origin::Specification => format!("{name}: played to the end"),
            }];
        }
        let mut lines = vec![format!("{name}: NOT as expected")];
        let file = self.scenario.path.as_ref().map_or(name.clone(), |p| p.display().to_string());
        let breach = |breach: &Breach| {
            let place = self.part(breach.part);
            format!("  {file}:{}: {place}: {breach}", breach.line)
        };
        lines.extend(self.breaches.iter().map(breach));
        lines.extend(self.stop.map(|stop| format!("  {}", stop.replace('\n', "\n  "))));
        lines
    }

    /// A part of the scenario as people call it: `Bob commits`.
    fn part(&self, part: Part) -> String {
        match part {
            Part::Finally => "finally".to_owned(),
            Part::Launch(launch) => match self.schedule.launches.get(launch) {
                Some(launch) => {
                    let step = &self.scenario.steps[launch.step];
                    format!("{} {}", step.session, step.narration)
                }
                None => format!("step {}", launch + 1),
            },
        }
    }

    fn roster(&self) -> Vec<SessionName> {
        self.scenario.sessions.iter().map(|player| player.name.clone()).collect()
    }

    /// The events in canonical order.
    fn story(&self) -> Vec<Event> {
        transcript::canonical(self.events, &self.roster())
    }
}

/// The document with what the server said in another encoding than UTF-8 written out.
fn legible(document: &str, format: Format) -> String {
    match format {
        Format::Json => octets::shown_in_json(document).into_owned(),
        _ => octets::shown(document).into_owned(),
    }
}

#[cfg(test)]
mod tests;
