//! The session so far as files, the screen as SVG among them.
//!
//! They go into the current folder, all of them under the scenario's name, with a number behind it
//! where one of them would stand in another's place: `adjacent-seats.md`, `adjacent-seats-2.md`.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use crate::stage::export::{Document, Export};

/// Everything that an export may write.
const ENDINGS: [&str; 5] = ["md", "mmd", "sql", "plan", "svg"];

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {name}: {source}")]
pub(super) struct ExportError {
    name: String,
    source: io::Error,
}

/// Writes everything, the debugger's plan and the screen's picture too; says in a sentence what was
/// written.
pub(super) fn write(
    export: &Export,
    folder: &Path,
    plan: Option<String>,
    picture: String,
) -> Result<String, ExportError> {
    let (mut documents, note) = export.documents();
    documents.extend(plan.map(|text| Document { ending: "plan", text }));
    documents.push(Document { ending: "svg", text: picture });
    let stem = free_stem(folder, &stem(&export.scenario.name));
    documents.iter().try_for_each(|document| write_one(document, folder, &stem))?;
    let endings: Vec<String> = documents.iter().map(|it| format!(".{}", it.ending)).collect();
    Ok(format!("written: {stem}{}{note}", endings.join(", ")))
}

fn write_one(document: &Document, folder: &Path, stem: &str) -> Result<(), ExportError> {
    let name = format!("{stem}.{}", document.ending);
    let file = OpenOptions::new().write(true).create_new(true).open(folder.join(&name));
    let written = file.and_then(|mut file| file.write_all(document.text.as_bytes()));
    written.map_err(|source| ExportError { name, source })
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
        !ENDINGS.into_iter().any(there)
    };
    let numbered = (2_u32..).map(|number| format!("{stem}-{number}"));
    std::iter::once(stem.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::core::event::{Event, Kind, SessionName, SubmissionId};
    use crate::core::scenario::{EngineKind, Isolation, library};
    use crate::run::EngineLine;
    use crate::stage::history::Completeness;

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
            completeness: Completeness::Complete,
            breaches: Vec::new(),
        }
    }

    fn typed() -> Event {
        let kind = Kind::Sent {
            submission: SubmissionId(1),
            sql: "select 1;".into(),
            step: None,
            typed: None,
        };
        Event { at: Duration::ZERO, session: Some(SessionName::new("Bob")), kind }
    }

    #[test]
    fn nothing_that_is_there_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        std::fs::write(path("deadlock.sql"), "mine").unwrap();
        let export = export(vec![typed()]);
        let said = write(&export, folder.path(), None, "<svg/>".to_owned()).unwrap();
        assert_eq!(said, "written: deadlock-2.md, .mmd, .sql, .svg");
        let (plan, picture) = (Some("overbooked plan 1\n".to_owned()), "<svg/>".to_owned());
        let said = write(&export, folder.path(), plan, picture).unwrap();
        assert_eq!(said, "written: deadlock-3.md, .mmd, .sql, .plan, .svg");
        assert_eq!(std::fs::read_to_string(path("deadlock.sql")).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 10);
    }

    #[test]
    fn where_nothing_was_played_there_is_no_scenario() {
        let folder = tempfile::tempdir().unwrap();
        let said = write(&export(Vec::new()), folder.path(), None, String::new()).unwrap();
        assert!(said.starts_with("written: deadlock.md, .mmd, .svg; nothing was played"), "{said}");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let error = write(&export(Vec::new()), Path::new("/nonexistent"), None, String::new());
        let said = error.unwrap_err().to_string();
        assert!(said.starts_with("cannot write deadlock.md: "), "{said}");
    }

    #[test]
    fn a_name_becomes_one_that_a_file_can_have() {
        assert_eq!(stem("../my race: 1"), "---my-race--1");
    }
}
