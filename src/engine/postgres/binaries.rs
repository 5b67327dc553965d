//! Finds PostgreSQL's server programs on this machine.
//!
//! ```text
//!  --pg-bin, OVERBOOKED_PG_BIN ──▶ that folder or an error, nothing else
//!  else PATH, pg_config --bindir, the packagers' places ──▶ the newest of 12 to 18
//! ```
//!
//! A folder counts when it has both `initdb` and `postgres`: Debian's `/usr/bin` has a `pg_config` and a `psql` without any
//! server. The search asks a [`Machine`], so that it is tried on machines that nobody has here.

use std::fmt;
use std::path::{Path, PathBuf};

use super::machine::Machine;
use super::version::{SUPPORTED, Version};

/// The programs that a folder must have.
const PROGRAMS: [&str; 2] = ["initdb", "postgres"];

/// A folder with the server's programs, all of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) folder: PathBuf,
    pub(super) version: Version,
}

impl Binaries {
    pub(super) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }
}

/// Why a folder that was named has no binaries for us.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A program is missing.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// The program does not run, or is another one.
    #[error("its postgres does not tell its version")]
    Broken,
    /// Too old or too new.
    #[error("it is PostgreSQL {0}, and Overbooked starts 12 to 18")]
    Version(Version),
}

/// Where the search looked, for the error when it found nothing.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Looked {
    places: Vec<PathBuf>,
    unfit: Vec<(PathBuf, Unfit)>,
}

impl fmt::Display for Looked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PATH, pg_config")?;
        for place in &self.places {
            write!(f, ", {}", place.display())?;
        }
        for (folder, why) in &self.unfit {
            write!(f, "; not {}: {why}", folder.display())?;
        }
        Ok(())
    }
}

/// The binaries in a folder that was named.
pub(super) fn examine(machine: &impl Machine, folder: &Path) -> Result<Binaries, Unfit> {
    if let Some(missing) = PROGRAMS.iter().find(|name| !machine.is_program(&folder.join(name))) {
        return Err(Unfit::Missing(missing));
    }
    let banner = machine.output(&folder.join("postgres"), "--version");
    let version = banner.as_deref().and_then(Version::from_banner).ok_or(Unfit::Broken)?;
    if !version.is_supported() {
        return Err(Unfit::Version(version));
    }
    Ok(Binaries { folder: folder.to_owned(), version })
}

/// The newest binaries of this machine; of equally new ones those that are found first.
pub(super) fn search(machine: &impl Machine) -> Result<Binaries, Looked> {
    let mut looked = Looked { places: packagers(), ..Looked::default() };
    let mut newest: Option<Binaries> = None;
    for folder in candidates(machine, &looked.places) {
        match examine(machine, &folder) {
            Ok(found) if newest.as_ref().is_none_or(|best| best.version < found.version) => {
                newest = Some(found);
            }
            Ok(_) | Err(Unfit::Missing(_)) => {}
            Err(unfit) => looked.unfit.push((folder, unfit)),
        }
    }
    newest.ok_or(looked)
}

/// Every folder that may have the programs, each once (many of these places are links to each other).
fn candidates(machine: &impl Machine, packagers: &[PathBuf]) -> Vec<PathBuf> {
    let configured = machine.path().into_iter().find_map(|folder| {
        let pg_config = folder.join("pg_config");
        machine.is_program(&pg_config).then(|| machine.output(&pg_config, "--bindir"))?
    });
    let packaged = packagers.iter().flat_map(|pattern| expand(machine, pattern));
    let mut seen = Vec::new();
    let mut folders = machine.path();
    folders.extend(configured.map(|folder| PathBuf::from(folder.trim())));
    folders.extend(packaged);
    folders.retain(|folder| {
        let real = machine.real(folder);
        let is_new = !seen.contains(&real);
        seen.push(real);
        is_new
    });
    folders
}

/// The places where packages put the server; `N` stands for a major version.
fn packagers() -> Vec<PathBuf> {
    [
        "/usr/lib/postgresql/N/bin",                          // Debian, Ubuntu
        "/usr/pgsql-N/bin",         // PostgreSQL's own packages for Red Hat
        "/usr/bin",                 // Red Hat, Fedora, Arch
        "/usr/libexec/postgresqlN", // Alpine
        "/opt/homebrew/opt/postgresql@N/bin", // Homebrew on Apple silicon
        "/usr/local/opt/postgresql@N/bin", // Homebrew on Intel
        "/home/linuxbrew/.linuxbrew/opt/postgresql@N/bin", // Homebrew on Linux
        "/Applications/Postgres.app/Contents/Versions/N/bin", // Postgres.app
        "/Library/PostgreSQL/N/bin", // EDB's installer
    ]
    .map(PathBuf::from)
    .to_vec()
}

fn expand(_machine: &impl Machine, pattern: &Path) -> Vec<PathBuf> {
    let pattern = pattern.display().to_string();
    match pattern.rsplit_once('N') {
        None => vec![PathBuf::from(pattern)],
        Some((before, after)) => {
            SUPPORTED.rev().map(|major| PathBuf::from(format!("{before}{major}{after}"))).collect()
        }
    }
}
