//! Finds PostgreSQL's server programs on this machine.
//!
//! ```text
//!  --pg-bin, OVERBOOKED_PG_BIN ──▶ that folder or an error, nothing else
//!  else PATH, pg_config --bindir, the packagers' places ──▶ the newest, from 12 on
//! ```
//!
//! A folder counts when it has both `initdb` and `postgres`: Debian's `/usr/bin` has a `pg_config`
//! and a `psql` without any server. The search asks a [`Machine`], so that it is tried on machines
//! that nobody has here.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use super::machine::Machine;
use super::version::{OLDEST, Version};

/// The programs that a folder must have.
const PROGRAMS: [&str; 2] = ["initdb", "postgres"];

/// No packager's folder is looked for beyond this major version; there is one a year.
const LAST_LOOKED_FOR: u32 = 60;

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
    #[error("its postgres does not report its version")]
    Broken,
    #[error("it is PostgreSQL {0}, and Overbooked starts 12 and newer")]
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
    if let Some(missing) = missing(machine, folder) {
        return Err(Unfit::Missing(missing));
    }
    let banner = machine.output(&folder.join("postgres"), "--version");
    let version = banner.as_deref().and_then(Version::from_banner).ok_or(Unfit::Broken)?;
    if !version.is_supported() {
        return Err(Unfit::Version(version));
    }
    Ok(Binaries { folder: folder.to_owned(), version })
}

/// A program that the folder lacks.
fn missing(machine: &impl Machine, folder: &Path) -> Option<&'static str> {
    PROGRAMS.into_iter().find(|name| !machine.is_program(&folder.join(name)))
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
            Ok(_) => {}
            Err(unfit) => looked.unfit.push((folder, unfit)),
        }
    }
    newest.ok_or(looked)
}

/// Every folder that has the programs, each server once: many of these places are full of links to
/// another.
fn candidates(machine: &impl Machine, packagers: &[PathBuf]) -> Vec<PathBuf> {
    let configured = machine.path().into_iter().find_map(|folder| {
        let pg_config = folder.join("pg_config");
        machine.is_program(&pg_config).then(|| machine.output(&pg_config, "--bindir"))?
    });
    let packaged = packagers.iter().flat_map(|pattern| expand(pattern));
    let mut folders = machine.path();
    folders.extend(configured.map(|folder| PathBuf::from(folder.trim())));
    folders.extend(packaged);
    let mut servers = BTreeSet::new();
    folders.retain(|folder| {
        let postgres = folder.join("postgres");
        missing(machine, folder).is_none() && servers.insert(machine.real(&postgres))
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

fn expand(pattern: &Path) -> Vec<PathBuf> {
    let pattern = pattern.display().to_string();
    match pattern.rsplit_once('N') {
        None => vec![PathBuf::from(pattern)],
        Some((before, after)) => (OLDEST..=LAST_LOOKED_FOR)
            .rev()
            .map(|major| PathBuf::from(format!("{before}{major}{after}")))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A machine made of files, each with what it prints.
    #[derive(Default)]
    struct Imagined {
        path: Vec<PathBuf>,
        programs: BTreeMap<PathBuf, &'static str>,
        links: BTreeMap<PathBuf, PathBuf>,
    }

    impl Imagined {
        fn with_path(folders: &[&str]) -> Self {
            Self { path: folders.iter().map(PathBuf::from).collect(), ..Self::default() }
        }

        fn program(mut self, path: &str, prints: &'static str) -> Self {
            self.programs.insert(path.into(), prints);
            self
        }

        fn server(self, folder: &str, banner: &'static str) -> Self {
            self.program(&format!("{folder}/initdb"), "")
                .program(&format!("{folder}/postgres"), banner)
        }
    }

    impl Machine for Imagined {
        fn path(&self) -> Vec<PathBuf> {
            self.path.clone()
        }
        fn is_program(&self, path: &Path) -> bool {
            self.programs.contains_key(path)
        }
        fn output(&self, program: &Path, _argument: &str) -> Option<String> {
            self.programs.get(program).map(|&prints| prints.to_owned())
        }
        fn real(&self, path: &Path) -> PathBuf {
            self.links.get(path).cloned().unwrap_or_else(|| path.to_owned())
        }
    }

    const PG_15: &str = "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n";
    const PG_17: &str = "postgres (PostgreSQL) 17.2\n";
    const PG_11: &str = "postgres (PostgreSQL) 11.22\n";

    fn found(machine: &Imagined) -> String {
        search(machine).unwrap().folder.display().to_string()
    }

    #[test]
    fn debians_pg_config_without_a_server_is_not_enough() {
        let machine = Imagined::with_path(&["/usr/bin"])
            .program("/usr/bin/pg_config", "/usr/bin\n")
            .program("/usr/bin/psql", "")
            .server("/usr/lib/postgresql/15/bin", PG_15);
        assert_eq!(found(&machine), "/usr/lib/postgresql/15/bin");
    }

    #[test]
    fn the_newest_wins_wherever_it_is() {
        let machine = Imagined::with_path(&["/usr/lib/postgresql/15/bin"])
            .server("/usr/lib/postgresql/15/bin", PG_15)
            .server("/opt/homebrew/opt/postgresql@17/bin", PG_17);
        assert_eq!(found(&machine), "/opt/homebrew/opt/postgresql@17/bin");
    }

    #[test]
    fn a_version_of_tomorrow_is_found_and_started() {
        let machine = Imagined::with_path(&["/usr/lib/postgresql/17/bin"])
            .server("/usr/lib/postgresql/17/bin", PG_17)
            .server("/usr/lib/postgresql/21/bin", "postgres (PostgreSQL) 21.3\n");
        assert_eq!(found(&machine), "/usr/lib/postgresql/21/bin");
    }

    #[test]
    fn of_two_of_one_version_the_one_in_path_wins() {
        let machine = Imagined::with_path(&["/home/me/pg/bin"])
            .server("/home/me/pg/bin", PG_17)
            .server("/usr/pgsql-17/bin", PG_17);
        assert_eq!(found(&machine), "/home/me/pg/bin");
    }

    #[test]
    fn pg_config_leads_to_a_place_that_no_packager_has() {
        let machine = Imagined::with_path(&["/opt/tools"])
            .program("/opt/tools/pg_config", "/srv/pg/bin\n")
            .server("/srv/pg/bin", PG_17);
        assert_eq!(found(&machine), "/srv/pg/bin");
    }

    #[test]
    fn every_packagers_place_is_looked_at() {
        for place in [
            "/usr/lib/postgresql/18/bin",
            "/usr/pgsql-16/bin",
            "/usr/bin",
            "/usr/libexec/postgresql16",
            "/opt/homebrew/opt/postgresql@12/bin",
            "/usr/local/opt/postgresql@14/bin",
            "/home/linuxbrew/.linuxbrew/opt/postgresql@17/bin",
            "/Applications/Postgres.app/Contents/Versions/17/bin",
            "/Library/PostgreSQL/17/bin",
        ] {
            assert_eq!(found(&Imagined::default().server(place, PG_17)), place);
        }
    }

    #[test]
    fn too_old_and_broken_ones_are_named_in_the_error() {
        let machine = Imagined::with_path(&["/old", "/broken"])
            .server("/old", PG_11)
            .server("/broken", "Illegal instruction");
        let looked = search(&machine).unwrap_err().to_string();
        assert!(looked.contains("/old: it is PostgreSQL 11.22"), "{looked}");
        assert!(looked.contains("/broken: its postgres does not report its version"), "{looked}");
    }

    #[test]
    fn a_server_that_is_linked_from_another_folder_is_examined_once() {
        let mut machine = Imagined::with_path(&["/bin", "/usr/bin"])
            .server("/bin", PG_11)
            .server("/usr/bin", PG_11);
        machine.links.insert("/bin/postgres".into(), "/usr/bin/postgres".into());
        let looked = search(&machine).unwrap_err();
        assert_eq!(looked.unfit.len(), 1);
    }

    #[test]
    fn a_named_folder_that_lacks_a_program_says_which() {
        let machine = Imagined::default().program("/here/initdb", "");
        let unfit = examine(&machine, Path::new("/here")).unwrap_err();
        assert_eq!(unfit, Unfit::Missing("postgres"));
    }
}
