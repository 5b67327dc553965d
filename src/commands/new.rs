//! `overbooked new`: a scenario to begin with, written beside what is there and never over it.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use color_eyre::eyre;

use crate::commands::cli::NewArgs;
use crate::commands::exit::{Exit, Failure};
use crate::commands::sessions::sessions;
use crate::core::scenario::sql_file;
use crate::core::scenario::template::template;

/// Writes the file, and says how to open it.
pub fn run(arguments: &NewArgs) -> eyre::Result<Exit> {
    let path = file_of(&arguments.name)?;
    let sessions = sessions(arguments.sessions.as_deref())?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = template(&stem, &sessions);
    sql_file::parse(&text, &path, &stem)
        .map_err(|_| Failure::misuse(format!("{stem} cannot be a scenario's name; take words")))?;
    let mut file = File::create_new(&path).map_err(|error| refusal(&path, &error))?;
    file.write_all(text.as_bytes())?;
    writeln!(io::stdout(), "written: {0}; `overbooked {0}` opens it", path.display())?;
    Ok(Exit::Fine)
}

/// The file that is meant: a name without an ending gets one.
fn file_of(name: &Path) -> Result<PathBuf, Failure> {
    let is_named = name.file_name().is_some() && !name.to_string_lossy().ends_with('/');
    match name.extension() {
        _ if !is_named => Err(Failure::misuse("name the new scenario: my-race, races/my-race.sql")),
        None => Ok(name.with_extension("sql")),
        Some(ending) if ending == "sql" => Ok(name.to_owned()),
        Some(ending) => Err(Failure::misuse(format!(
            "a scenario's file ends in .sql, and not in .{}",
            ending.to_string_lossy()
        ))),
    }
}

fn refusal(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    Failure::misuse(match error.kind() {
        io::ErrorKind::AlreadyExists => {
            format!("{path} exists and is left as it is; give the new scenario another name")
        }
        io::ErrorKind::NotFound => format!("cannot write {path}: there is no such folder"),
        _ => format!("cannot write {path}: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gets_an_ending_and_a_file_keeps_its_own() {
        let file = |name: &str| file_of(Path::new(name)).map_err(|failure| failure.sentence);
        assert_eq!(file("my-race"), Ok("my-race.sql".into()));
        assert_eq!(file("races/x.sql"), Ok("races/x.sql".into()));
        assert_eq!(file("x.spec").unwrap_err(), "a scenario's file ends in .sql, and not in .spec");
        for nameless in ["", "races/", "/", ".."] {
            assert!(file(nameless).unwrap_err().starts_with("name the new"), "{nameless}");
        }
    }
}
