//! The scenarios that are compiled in, and opening one by its name or its file.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::mistake::{decode, decode_verbatim, did_you_mean};
use super::{Isolation, Mistake, Scenario, Statement, regular_file, spec_file, sql_file};

mod entries;

pub use entries::ENTRIES;
use entries::RENAMED;

/// The scenario that the console opens when none is named.
pub const DEFAULT: &str = "adjacent-seats";

/// A scenario that comes with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name: `adjacent-seats`, `hermitage/g0`.
    pub name: &'static str,
    pub text: &'static str,
}

impl Entry {
    /// The scenario, read.
    pub fn scenario(&self) -> Result<Scenario, Mistake> {
        let path = PathBuf::from(format!("{}.sql", self.name));
        let scenario = sql_file::parse(self.text, &path, self.name)?;
        Ok(Scenario { path: None, ..scenario })
    }

    /// Its title: the file's first line.
    pub fn title(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches('-').trim()
    }
}

/// Why a scenario could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// It is neither one of ours nor a file.
    #[error("there is no scenario called {name}; {hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What to do.
        hint: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// The file says something that it should not.
    #[error(transparent)]
    Mistake(#[from] Mistake),
}

/// The scenario of that name that comes with the program.
pub fn find(name: &str) -> Option<Entry> {
    ENTRIES.into_iter().find(|entry| entry.name == name)
}

/// The same, or what to do where there is none.
pub fn named(name: &str) -> Result<Entry, OpenError> {
    find(name).ok_or_else(|| OpenError::Unknown { name: name.to_owned(), hint: hint(name) })
}

/// Opens a scenario by its name or its file. A file must exist, or end in `.sql` or `.spec`.
pub fn open(name_or_path: &str) -> Result<Scenario, OpenError> {
    open_with(name_or_path, read_named)
}

/// The same, for whoever plays specifications as isolationtester does.
pub fn open_to_test(name_or_path: &str) -> Result<Scenario, OpenError> {
    open_with(name_or_path, |path| match ending(path) {
        Some(Ending::Spec) => read_spec(path),
        _ => read_named(path),
    })
}

fn open_with(
    name_or_path: &str,
    read: impl FnOnce(&Path) -> Result<Scenario, OpenError>,
) -> Result<Scenario, OpenError> {
    let path = Path::new(name_or_path);
    // Ours first, so that no folder changes what a name means; a file of that name is `./deadlock`.
    if find(name_or_path).is_none() && (path.exists() || ending(path).is_some()) {
        return read(path);
    }
    named(name_or_path).and_then(|entry| Ok(entry.scenario()?))
}

/// Reads a scenario file, `.spec` or `.sql`.
pub fn read(path: &Path) -> Result<Scenario, OpenError> {
    parsed(&bytes(path, regular_file::read)?, path)
}

/// The same of whatever the command line names, a pipe too.
fn read_named(path: &Path) -> Result<Scenario, OpenError> {
    parsed(&bytes(path, regular_file::read_any)?, path)
}

fn parsed(bytes: &[u8], path: &Path) -> Result<Scenario, OpenError> {
    let parse = match ending(path) {
        Some(Ending::Spec) => spec_file::parse,
        _ => sql_file::parse,
    };
    with_setup_files(parse(&decode(bytes, path)?, path, &name(path))?)
}

/// Reads a file that has nothing but SQL, statement by statement: one that the command line names,
/// of any size.
pub fn read_sql(path: &Path) -> Result<Vec<Statement>, OpenError> {
    statements(&bytes(path, |path| std::fs::read(path))?, path)
}

fn statements(bytes: &[u8], path: &Path) -> Result<Vec<Statement>, OpenError> {
    Ok(sql_file::statements(&decode(bytes, path)?, path)?)
}

/// The scenario with the SQL of the files that it names, which are looked for beside it.
fn with_setup_files(mut scenario: Scenario) -> Result<Scenario, OpenError> {
    let folder = scenario.path.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let mut setup = Vec::new();
    for name in &scenario.setup_files {
        let path = folder.join(name);
        setup.extend(statements(&bytes(&path, regular_file::read)?, &path)?);
    }
    // The scenario's own comes last, because it may use what the files make.
    setup.append(&mut scenario.setup);
    Ok(Scenario { setup, setup_files: Vec::new(), ..scenario })
}

/// Reads one of isolationtester's specifications, whatever its file is called, for whoever plays it
/// as isolationtester does: of any size, and byte for byte.
pub fn read_spec(path: &Path) -> Result<Scenario, OpenError> {
    let text = decode_verbatim(&bytes(path, |path| std::fs::read(path))?, path)?;
    Ok(spec_file::parse_of_any_size(&text, path, &name(path))?)
}

fn bytes(
    path: &Path,
    read: impl FnOnce(&Path) -> io::Result<Vec<u8>>,
) -> Result<Vec<u8>, OpenError> {
    read(path).map_err(|source| OpenError::Unreadable { path: path.to_owned(), source })
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The endings by which files of scenarios are known.
enum Ending {
    Sql,
    Spec,
}

/// Whether a path ends as files of scenarios do.
pub fn is_scenario_name(path: &Path) -> bool {
    ending(path).is_some()
}

fn ending(path: &Path) -> Option<Ending> {
    match path.extension()?.to_str()? {
        "sql" => Some(Ending::Sql),
        "spec" => Some(Ending::Spec),
        _ => None,
    }
}

fn hint(name: &str) -> String {
    if let Some(now) = renamed(name) {
        return format!("it is now {now}");
    }
    match did_you_mean(name, ENTRIES.iter().map(|entry| entry.name)) {
        Some(close) => format!("did you mean {close}?"),
        None => {
            "`overbooked scenarios` lists them all; your own files end in .sql or .spec".to_owned()
        }
    }
}

/// How a scenario is asked for whose name was another once: some had their level at its end.
fn renamed(name: &str) -> Option<String> {
    if let Some((_, now)) = RENAMED.iter().find(|(before, _)| *before == name) {
        return Some((*now).to_owned());
    }
    Isolation::ALL.into_iter().map(Isolation::as_argument).find_map(|level| {
        let story = name.strip_suffix(&level)?.strip_suffix('-')?;
        find(story).map(|_| format!("{story} --isolation {level}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_can_be_read() {
        for entry in ENTRIES {
            let scenario = entry.scenario().unwrap();
            assert_eq!(scenario.name, entry.name);
            assert_eq!(scenario.title, entry.title());
        }
    }

    #[test]
    fn a_name_that_is_nearly_right_is_suggested() {
        let error = open("adjacent-seat").unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no scenario called adjacent-seat; did you mean adjacent-seats?"
        );
    }

    #[test]
    fn a_name_of_before_is_told_what_it_is_now() {
        let told = |name: &str| open(name).unwrap_err().to_string();
        assert_eq!(
            told("hermitage/g0-serializable"),
            "there is no scenario called hermitage/g0-serializable; it is now hermitage/g0 \
             --isolation serializable"
        );
        for (name, now) in [
            (
                "non-repeatable-read-read-committed",
                "non-repeatable-read --isolation read-committed",
            ),
            ("last-ticket-repeatable-read", "last-ticket --isolation repeatable-read"),
            ("last-ticket-serializable", "last-ticket-counted"),
        ] {
            assert!(told(name).ends_with(&format!("; it is now {now}")), "{}", told(name));
        }
        assert!(!told("nothing-serializable").contains("--isolation"));
    }

    #[test]
    fn a_file_names_no_level_that_it_is_not_written_for() {
        for entry in ENTRIES {
            let scenario = entry.scenario().unwrap();
            let steps = scenario.steps.iter().flat_map(|step| &step.expectations);
            let finally = scenario.finally.iter().flat_map(|finally| &finally.expectations);
            for level in steps.chain(finally).flat_map(|line| &line.levels) {
                assert!(scenario.levels.contains(level), "{}: {level:?}", entry.name);
            }
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = open("nowhere/at-all.sql").unwrap_err();
        assert_eq!(error.to_string(), "cannot read nowhere/at-all.sql");
    }
}
