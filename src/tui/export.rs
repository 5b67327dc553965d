//! The session so far as files: Markdown, a Mermaid diagram, a scenario that plays it again, the
//! screen as SVG.
//!
//! They go into the current folder, all four under the scenario's name, with a number behind it
//! where one of them would stand in another's place: `adjacent-seats.md`, `adjacent-seats-2.md`.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use crate::core::event::{Event, SessionName};
use crate::core::scenario::check::Breach;
use crate::core::scenario::{Player, Scenario, Schedule, sql_file};
use crate::reports::report::{Format, Playbill};
use crate::reports::scenario_export::{Performance, replay};
use crate::reports::transcript::Options;
use crate::run::EngineLine;
use crate::stage::event_log::Wholeness;

/// What is exported.
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
    pub wholeness: Wholeness,
    /// The expectations that were not kept.
    pub breaches: Vec<Breach>,
}

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {name}: {source}")]
pub struct ExportError {
    name: String,
    source: io::Error,
}

/// A file to be.
struct Document {
    ending: &'static str,
    text: String,
}

impl Export {
    /// Writes everything, the screen's picture too; says in a sentence what was written.
    pub fn write(&self, folder: &Path, picture: String) -> Result<String, ExportError> {
        let replay = self.replay();
        let why_no_replay = match (&replay, self.wholeness) {
            (Some(_), _) => "",
            (None, Wholeness::Beheaded) => "; too much has happened for a scenario file",
            (None, Wholeness::Whole) => {
                "; nothing was played that a scenario file could play again"
            }
        };
        let [markdown, mermaid] = self.told();
        let documents = [
            ("md", Some(markdown)),
            ("mmd", Some(mermaid)),
            ("sql", replay),
            ("svg", Some(picture)),
        ];
        let documents: Vec<Document> = documents
            .into_iter()
            .filter_map(|(ending, text)| Some(Document { ending, text: text? }))
            .collect();
        let stem = free_stem(folder, &stem(&self.scenario.name));
        documents.iter().try_for_each(|document| document.write(folder, &stem))?;
        let endings: Vec<String> = documents.iter().map(|it| format!(".{}", it.ending)).collect();
        Ok(format!("written: {stem}{}{why_no_replay}", endings.join(", ")))
    }

    fn told(&self) -> [String; 2] {
        let player =
            |name: &SessionName| Player { name: name.clone(), setup: None, teardown: None };
        let sessions = self.cast.iter().map(player).collect();
        let scenario = Scenario { sessions, ..(*self.scenario).clone() };
        let engine = format!("{}, {}", self.engine.product, self.engine.isolation.as_sql());
        let playbill = Playbill {
            scenario: &scenario,
            schedule: &self.schedule,
            engine: &engine,
            events: &self.events,
            breaches: &self.breaches,
            stop: None,
            options: Options::default(),
        };
        [Format::Markdown, Format::Mermaid].map(|format| playbill.render(format))
    }

    fn replay(&self) -> Option<String> {
        if self.wholeness == Wholeness::Beheaded {
            return None;
        }
        let scenario = replay(&Performance {
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

impl Document {
    fn write(&self, folder: &Path, stem: &str) -> Result<(), ExportError> {
        let name = format!("{stem}.{}", self.ending);
        let file = OpenOptions::new().write(true).create_new(true).open(folder.join(&name));
        let written = file.and_then(|mut file| file.write_all(self.text.as_bytes()));
        written.map_err(|source| ExportError { name, source })
    }
}

/// The scenario's name as a file can be called on any system.
fn stem(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect()
}

/// The name under which nothing is there yet.
fn free_stem(folder: &Path, stem: &str) -> String {
    let is_free = |stem: &String| {
        let there = |ending| folder.join(format!("{stem}.{ending}")).symlink_metadata().is_ok();
        !["md", "mmd", "sql", "svg"].into_iter().any(there)
    };
    let numbered = (2_u32..).map(|number| format!("{stem}-{number}"));
    std::iter::once(stem.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::event::{Kind, SubmissionId};
    use crate::core::scenario::{EngineKind, Isolation, library};

    fn export(events: Vec<Event>) -> Export {
        let scenario = Arc::new(library::open("deadlock").unwrap());
        Export {
            schedule: Arc::new(scenario.schedules.first()),
            engine: EngineLine {
                kind: EngineKind::Postgres,
                product: "PostgreSQL 15".to_owned(),
                place: "embedded".to_owned(),
                isolation: Isolation::ReadCommitted,
                alone: None,
            },
            cast: vec![SessionName::new("Alice"), SessionName::new("Bob")],
            scenario,
            events,
            wholeness: Wholeness::Whole,
            breaches: Vec::new(),
        }
    }

    fn typed() -> Event {
        let kind = Kind::Sent { submission: SubmissionId(1), sql: "select 1;".into(), step: None };
        Event { at: Duration::ZERO, session: Some(SessionName::new("Bob")), kind }
    }

    #[test]
    fn nothing_that_is_there_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        std::fs::write(path("deadlock.sql"), "mine").unwrap();
        let export = export(vec![typed()]);
        let said = export.write(folder.path(), "<svg/>".to_owned()).unwrap();
        assert_eq!(said, "written: deadlock-2.md, .mmd, .sql, .svg");
        let said = export.write(folder.path(), "<svg/>".to_owned()).unwrap();
        assert_eq!(said, "written: deadlock-3.md, .mmd, .sql, .svg");
        assert_eq!(std::fs::read_to_string(path("deadlock.sql")).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 9);
    }

    #[test]
    fn where_nothing_was_played_there_is_no_scenario() {
        let folder = tempfile::tempdir().unwrap();
        let said = export(Vec::new()).write(folder.path(), String::new()).unwrap();
        assert!(said.starts_with("written: deadlock.md, .mmd, .svg; nothing was played"), "{said}");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let error = export(Vec::new()).write(Path::new("/nonexistent"), String::new());
        let said = error.unwrap_err().to_string();
        assert!(said.starts_with("cannot write deadlock.md: "), "{said}");
    }

    #[test]
    fn a_name_becomes_one_that_a_file_can_have() {
        assert_eq!(stem("../my race: 1"), "---my-race--1");
    }
}
