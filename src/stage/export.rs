//! The session so far as documents: Markdown, a Mermaid diagram, a scenario that plays it again.

use std::sync::Arc;

use crate::core::event::{Event, SessionName};
use crate::core::scenario::check::Breach;
use crate::core::scenario::{Scenario, Schedule, sql_file};
use crate::reports::report::{Format, PlayReport};
use crate::reports::scenario_export::{Performance, PlayedBy, replay};
use crate::reports::transcript::Options;
use crate::run::EngineLine;
use crate::stage::history::Completeness;

#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// What is played.
    pub scenario: Arc<Scenario>,
    /// In which order.
    pub schedule: Arc<Schedule>,
    /// On which engine.
    pub engine: EngineLine,
    /// The sessions in screen order.
    pub cast: Vec<SessionName>,
    /// What has happened.
    pub events: Vec<Event>,
    /// Whether that is all.
    pub completeness: Completeness,
    /// The expectations that were not kept.
    pub breaches: Vec<Breach>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What its name in a folder ends with.
    pub ending: &'static str,
    /// What stands in it.
    pub text: String,
}

impl Export {
    /// The documents, and what there is to say of one that is missing.
    pub fn documents(&self) -> (Vec<Document>, &'static str) {
        let replay = self.replay();
        let note = match (&replay, self.completeness) {
            (Some(_), _) => "",
            (None, Completeness::Truncated) => "; the session is too long for a scenario file",
            (None, Completeness::Complete) => {
                "; nothing was played that a scenario file could replay"
            }
        };
        let replay = replay.map(|text| Document { ending: "sql", text });
        (self.told().into_iter().chain(replay).collect(), note)
    }

    fn told(&self) -> [Document; 2] {
        let sessions = self.cast.iter().cloned().map(|name| self.scenario.player(name)).collect();
        let scenario = Scenario { sessions, ..(*self.scenario).clone() };
        let engine = format!("{}, {}", self.engine.product, self.engine.isolation.as_sql());
        let report = PlayReport {
            scenario: &scenario,
            schedule: &self.schedule,
            engine: &engine,
            events: &self.events,
            breaches: &self.breaches,
            stop: None,
            options: Options::default(),
        };
        [Format::Markdown, Format::Mermaid]
            .map(|format| Document { ending: format.entry().ending, text: report.render(format) })
    }

    fn replay(&self) -> Option<String> {
        if self.completeness == Completeness::Truncated {
            return None;
        }
        let scenario = replay(&Performance {
            by: PlayedBy::Console,
            scenario: &self.scenario,
            schedule: &self.schedule,
            cast: &self.cast,
            engine: self.engine.kind,
            isolation: self.engine.isolation,
            events: &self.events,
        })?;
        Some(sql_file::render(&scenario))
    }
}
