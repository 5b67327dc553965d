//! Scenario files of one's own: what a file says at the moment, or why it cannot be read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::library::{self, OpenError};
use super::{Mistake, Scenario, regular_file};

/// How many files of a folder are listed.
const MOST_FILES: usize = 1000;

/// How deep folders are looked into.
const DEEPEST: usize = 4;

/// Within how many bytes a scenario says who takes part.
const HEAD: u64 = 64 << 10;

/// How many characters of a long line are kept before and behind a mistake.
const AROUND: usize = 400;

/// A file of one's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFile {
    /// As the user named it, or its folder.
    pub path: PathBuf,
    /// What it says.
    pub says: Says,
}

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    Scenario(Arc<Scenario>),
    /// Something is wrong in it, or it cannot be read.
    Wrong(Arc<Wrong>),
    /// It is not there.
    Gone,
}

/// Why a file cannot be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The file in which it is wrong: the scenario's own, or one that it names.
    pub file: PathBuf,
    /// Where it is wrong: `races/a.sql:12:5`; of a file that cannot be read, its path.
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub hint: Option<String>,
    /// The file's line, of a long one the part around the mistake, and the column in it, from 1.
    pub line: Option<(String, usize)>,
}

impl OwnFile {
    /// Reads the file.
    pub fn read(path: &Path) -> Self {
        let says = match library::read(path) {
            Ok(scenario) => Says::Scenario(Arc::new(scenario)),
            Err(error) if is_gone(&error, path) => Says::Gone,
            Err(error) => Says::Wrong(Arc::new(Wrong::of(&error))),
        };
        Self { path: path.to_owned(), says }
    }

    /// A scenario that was read from a file.
    pub fn of(scenario: &Arc<Scenario>) -> Option<Self> {
        let path = scenario.path.clone()?;
        Some(Self { path, says: Says::Scenario(Arc::clone(scenario)) })
    }

    pub fn scenario(&self) -> Option<&Arc<Scenario>> {
        match &self.says {
            Says::Scenario(scenario) => Some(scenario),
            Says::Wrong(_) | Says::Gone => None,
        }
    }

    /// Its name without the folder.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Wrong {
    fn of(error: &OpenError) -> Self {
        match error {
            OpenError::Mistake(mistake) => Self::at(mistake),
            OpenError::Unreadable { path, source } => {
                let (place, problem) = (path.display().to_string(), source.to_string());
                Self { file: path.clone(), place, problem, hint: None, line: None }
            }
            OpenError::Unknown { name, hint } => Self {
                file: PathBuf::from(name),
                place: name.clone(),
                problem: "there is no such scenario".to_owned(),
                hint: Some(hint.clone()),
                line: None,
            },
        }
    }

    fn at(mistake: &Mistake) -> Self {
        let Mistake { path, line, column, problem, hint } = mistake;
        let text = regular_file::read(path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let shown = text.lines().nth(line.saturating_sub(1)).map(|text| around(text, *column));
        Self {
            file: path.clone(),
            place: format!("{}:{line}:{column}", path.display()),
            problem: problem.clone(),
            hint: hint.clone(),
            line: shown,
        }
    }
}

/// The part of a line around a column, counted from 1 in characters, and the column in that part.
fn around(line: &str, column: usize) -> (String, usize) {
    let left_out = column.saturating_sub(AROUND + 1);
    (line.chars().skip(left_out).take(2 * AROUND).collect(), column - left_out)
}

/// Whether the file itself is not there, rather than one that it names.
fn is_gone(error: &OpenError, path: &Path) -> bool {
    let OpenError::Unreadable { path: unread, source } = error else { return false };
    unread == path && source.kind() == std::io::ErrorKind::NotFound
}

impl Scenario {
    /// The files whose SQL stands in its setup, beside its own.
    pub fn setup_paths(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = Vec::new();
        for path in self.setup.iter().filter_map(|statement| statement.file.as_deref()) {
            if paths.last().is_none_or(|last| last != path) {
                paths.push(path.to_owned());
            }
        }
        paths
    }
}

/// The scenarios of a folder and of the folders in it, in the order of their names: every
/// specification, and every `.sql` file that says who takes part. Other SQL is somebody's schema.
pub fn in_folder(folder: &Path) -> std::io::Result<Vec<OwnFile>> {
    let mut paths = Vec::new();
    gather(folder, DEEPEST, &mut paths)?;
    paths.sort();
    Ok(paths
        .into_iter()
        .filter(|path| is_scenario(path))
        .map(|path| OwnFile::read(&path))
        .collect())
}

fn gather(folder: &Path, deeper: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if is_hidden || found.len() >= MOST_FILES {
            continue;
        }
        match entry.file_type() {
            // What cannot be read further down is left out; the folder itself was asked for.
            Ok(kind) if kind.is_dir() && deeper > 0 => drop(gather(&path, deeper - 1, found)),
            Ok(kind) if !kind.is_dir() && library::is_scenario_name(&path) => found.push(path),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a file is meant as a scenario: a specification, or SQL that says who takes part. What is
/// no regular file is not.
pub fn is_scenario(path: &Path) -> bool {
    if path.extension().is_some_and(|ending| ending == "spec") {
        return path.is_file();
    }
    regular_file::head(path, HEAD).is_ok_and(|bytes| {
        String::from_utf8_lossy(&bytes).lines().any(|line| line.starts_with("-- sessions:"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RACE: &str = "-- A race\n-- sessions: A\n\n-- A: acts\nselect 1;\n";

    #[test]
    fn a_folder_lists_its_scenarios_and_says_of_each_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("b.sql", RACE);
        write("a/deep.sql", RACE);
        write("schema.sql", "create table t (id int);\n");
        write("wrong.sql", "-- Wrong\n-- sessions: A\n\n-- B: acts\nselect 1;\n");
        write("turns.spec", "session a step s { select 1; }");
        write(".hidden.sql", RACE);
        write("notes.txt", "-- sessions: A");
        let files = in_folder(folder.path()).unwrap();
        let names: Vec<String> = files.iter().map(OwnFile::name).collect();
        assert_eq!(names, ["deep.sql", "b.sql", "turns.spec", "wrong.sql"]);
        let Says::Wrong(wrong) = &files[3].says else { panic!("{:?}", files[3]) };
        assert!(wrong.place.ends_with("wrong.sql:4:4"), "{}", wrong.place);
        assert_eq!(wrong.line, Some(("-- B: acts".to_owned(), 4)));
        assert!(in_folder(&folder.path().join("nowhere")).is_err());
    }

    #[test]
    fn what_is_no_regular_file_is_not_waited_for() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["pipe.sql", "pipe.spec"] {
            mknodat(CWD, path(name), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        }
        std::os::unix::fs::symlink("/dev/zero", path("zero.sql")).unwrap();
        std::fs::write(path("a.sql"), RACE).unwrap();
        let names_it = RACE.replace("\n\n", "\n-- setup-file: pipe.sql\n\n");
        std::fs::write(path("b.sql"), names_it).unwrap();
        let files = in_folder(folder.path()).unwrap();
        let names: Vec<String> = files.iter().map(OwnFile::name).collect();
        assert_eq!(names, ["a.sql", "b.sql"]);
        for says in [&files[1].says, &OwnFile::read(&path("zero.sql")).says] {
            let Says::Wrong(wrong) = says else { panic!("{says:?}") };
            assert_eq!(wrong.problem, "not a regular file");
        }
    }

    #[test]
    fn of_a_long_line_the_part_around_the_mistake_is_kept() {
        let long = format!("{}HERE{}", "x".repeat(100_000), "y".repeat(100_000));
        let (part, column) = around(&long, 100_001);
        assert_eq!(part.chars().count(), 2 * AROUND);
        assert!(part[column - 1..].starts_with("HERE"), "{part}");
        assert_eq!(around("-- B: acts", 4), ("-- B: acts".to_owned(), 4));
        assert_eq!(around("", 1), (String::new(), 1));
    }

    #[test]
    fn what_is_gone_and_what_it_names_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sql");
        assert_eq!(OwnFile::read(&path).says, Says::Gone);
        let text = RACE.replace("\n\n", "\n-- setup-file: schema.sql\n\n");
        std::fs::write(&path, text).unwrap();
        let Says::Wrong(wrong) = OwnFile::read(&path).says else { panic!() };
        assert!(wrong.place.ends_with("schema.sql"), "{}", wrong.place);
        let schema = folder.path().join("schema.sql");
        std::fs::write(&schema, "select 1; select 2;").unwrap();
        let file = OwnFile::read(&path);
        assert_eq!(file.scenario().unwrap().setup_paths(), [schema]);
    }
}
