//! Service files: settings under a name (PostgreSQL documentation, 34.17).

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::keywords::Settings;
use super::target_error::TargetError;

/// Where distributions look for the machine's own file when PGSYSCONFDIR does not say: Debian, Red
/// Hat, a build from source.
const SYSTEM_FOLDERS: [&str; 3] = ["/etc/postgresql-common", "/etc", "/usr/local/pgsql/etc"];

/// What became of looking for a service in one file.
#[derive(PartialEq, Eq)]
enum Search {
    Found,
    NotHere,
}

/// Adds the settings of the service that is asked for, if one is.
pub(super) fn apply(settings: &mut Settings, environment: &Environment) -> Result<(), TargetError> {
    let Some(service) = settings.get("service").or_else(|| environment.get("PGSERVICE")) else {
        return Ok(());
    };
    let service = service.to_owned();
    let looked = files(settings, environment);
    for file in &looked {
        if search(file, &service, settings)? == Search::Found {
            return Ok(());
        }
    }
    Err(TargetError::UnknownService { service, looked })
}

/// The user's file, then the machine's.
fn files(settings: &Settings, environment: &Environment) -> Vec<PathBuf> {
    let named = settings.get("servicefile").or_else(|| environment.get("PGSERVICEFILE"));
    let users = named.map(PathBuf::from).or_else(|| environment.at_home(".pg_service.conf"));
    let folders: Vec<&str> = match environment.get("PGSYSCONFDIR") {
        Some(folder) => vec![folder],
        None => SYSTEM_FOLDERS.to_vec(),
    };
    let system = folders.into_iter().map(|folder| Path::new(folder).join("pg_service.conf"));
    users.into_iter().chain(system).collect()
}

fn search(file: &Path, service: &str, settings: &mut Settings) -> Result<Search, TargetError> {
    match std::fs::read_to_string(file) {
        Ok(text) => read(&text, service, settings).map_err(|mistake| TargetError::ServiceFile {
            file: file.to_owned(),
            line: mistake.line,
            reason: mistake.reason,
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Search::NotHere),
        Err(error) => {
            Err(TargetError::Unreadable { file: file.to_owned(), reason: error.to_string() })
        }
    }
}

/// A line that is wrong.
#[derive(Debug)]
struct Mistake {
    line: usize,
    reason: String,
}

/// Reads the section of that name; what is set already stays.
fn read(text: &str, service: &str, settings: &mut Settings) -> Result<Search, Mistake> {
    let mut search = Search::NotHere;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(section) = line.strip_prefix('[') {
            if search == Search::Found {
                break;
            }
            if section.split(']').next() == Some(service) {
                search = Search::Found;
            }
        } else if search == Search::Found {
            setting(line, settings).map_err(|reason| Mistake { line: index + 1, reason })?;
        }
    }
    Ok(search)
}

fn setting(line: &str, settings: &mut Settings) -> Result<(), String> {
    // Nothing is trimmed around the sign, unlike in a connection string: in `host = b` libpq finds
    // the keyword `host `, which does not exist (`parseServiceFile`, fe-connect.c).
    let Some((keyword, value)) = line.split_once('=') else {
        return Err("a setting has the form keyword=value".to_owned());
    };
    // The file of another would be no less another (PostgreSQL 18 knows both).
    if matches!(keyword, "service" | "servicefile") {
        return Err("a service cannot refer to another".to_owned());
    }
    // Offered, not set: the text of the caller stands above the service, and within a section the
    // first of two mentions wins, where in a connection string it is the last.
    settings.offer(keyword, value.to_owned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "# ours\n[one]\nhost=a\nport=1\n\n[two]\nhost = b\n[three]\nhost=c\nhost=d\nuser=x\n";

    fn section(name: &str) -> Result<Vec<(&'static str, String)>, Mistake> {
        let mut settings = Settings::default();
        read(FILE, name, &mut settings)?;
        Ok(settings.pairs().into_iter().map(|(k, v)| (k, v.to_owned())).collect())
    }

    #[test]
    fn a_section_ends_where_the_next_begins() {
        let expected = [("host", "a".to_owned()), ("port", "1".to_owned())];
        assert_eq!(section("one").unwrap(), expected);
    }

    #[test]
    fn the_first_of_two_settings_wins() {
        assert_eq!(section("three").unwrap()[0], ("host", "c".to_owned()));
    }

    #[test]
    fn a_wrong_line_is_named() {
        assert_eq!(section("two").unwrap_err().line, 7);
    }
}
