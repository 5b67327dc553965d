//! The folders that are watched, and those that are awaited because they are not there.
//!
//! ```text
//!   races/ is deleted ──▶ the folder above it is watched ──▶ races/ is there again ──▶ is watched,
//!                                                            all that is in it has changed
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::core::scenario::library;

/// How many folders are watched.
const MOST_FOLDERS: usize = 64;

/// How many files of a folder that is there again are told.
const MOST_FILES: usize = 1000;

/// How often the folder above is looked for anew while it changes under the look.
const MOST_LOOKS: usize = 8;

/// Folders as they were named, and what tells their changes. All of it may wait for the disk.
pub(super) struct Watched {
    watcher: RecommendedWatcher,
    /// How each folder is really called, and how it was named.
    folders: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
    /// Those that are not there, as they were named.
    awaited: BTreeSet<PathBuf>,
    /// What is watched for their sake.
    above: BTreeSet<PathBuf>,
}

/// Why a folder is not watched.
enum Unwatched {
    /// It is not there.
    Missing,
    Because(String),
}

impl Watched {
    pub(super) fn by(watcher: RecommendedWatcher) -> Self {
        let (folders, awaited, above) = Default::default();
        Self { watcher, folders, awaited, above }
    }

    /// Watches one more folder, from when on it is there; gives in a sentence why it cannot be.
    pub(super) fn add(&mut self, folder: &Path) -> Option<String> {
        match self.watch(folder) {
            Ok(()) => None,
            Err(Unwatched::Because(why)) => Some(unwatched(folder, &why)),
            Err(Unwatched::Missing) => {
                self.awaited.insert(folder.to_owned());
                self.look_for(folder);
                None
            }
        }
    }

    /// What has changed, as whoever named the folders would write it: files, and folders with all
    /// that is in them.
    pub(super) fn named(&mut self, changed: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
        let mut named: Vec<PathBuf> = changed.iter().flat_map(|path| self.as_named(path)).collect();
        for path in changed {
            named.extend(self.forget(path));
        }
        if !changed.is_empty() {
            for folder in self.awaited.clone() {
                if self.look_for(&folder) {
                    named.extend(scenarios_in(&folder));
                    named.push(folder);
                }
            }
            self.rest();
        }
        named
    }

    fn as_named(&self, path: &Path) -> Vec<PathBuf> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Vec::new();
        };
        let named = self.folders.get(folder).into_iter().flatten();
        named.map(|folder| folder.join(name)).collect()
    }

    /// Awaits a folder anew of which something is told itself: it may be another one by now, which
    /// is not watched.
    fn forget(&mut self, real: &Path) -> BTreeSet<PathBuf> {
        let names = self.folders.remove(real).unwrap_or_default();
        if !names.is_empty() {
            // It fails where the folder is gone.
            let _gone = self.watcher.unwatch(real);
            self.awaited.extend(names.iter().cloned());
        }
        names
    }

    /// Watches an awaited folder if it is there; the one above it otherwise.
    fn look_for(&mut self, folder: &Path) -> bool {
        for _ in 0..MOST_LOOKS {
            // Watched first, so that nothing is missed between the look and the watch.
            let above = above(folder);
            if let Some(above) = &above
                && !self.folders.contains_key(above)
                && self.watcher.watch(above, RecursiveMode::NonRecursive).is_ok()
            {
                self.above.insert(above.clone());
            }
            if self.watch(folder).is_ok() {
                self.awaited.remove(folder);
                return true;
            }
            if above == self::above(folder) {
                break;
            }
        }
        false
    }

    /// Nothing is watched for the sake of folders that are all there.
    fn rest(&mut self) {
        if self.awaited.is_empty() {
            for folder in std::mem::take(&mut self.above) {
                if !self.folders.contains_key(&folder) {
                    let _gone = self.watcher.unwatch(&folder);
                }
            }
        }
    }

    fn watch(&mut self, folder: &Path) -> Result<(), Unwatched> {
        let real = here(folder).canonicalize().map_err(|error| Unwatched::of(&error))?;
        let is_known = self.folders.contains_key(&real);
        if !is_known && self.folders.len() >= MOST_FOLDERS {
            let why = "too many folders are watched already";
            return Err(Unwatched::Because(why.to_owned()));
        }
        if !is_known {
            let watched = self.watcher.watch(&real, RecursiveMode::NonRecursive);
            watched.map_err(|error| match &error.kind {
                ErrorKind::PathNotFound => Unwatched::Missing,
                ErrorKind::Io(error) => Unwatched::of(error),
                _ => Unwatched::Because(error.to_string()),
            })?;
        }
        self.folders.entry(real).or_default().insert(folder.to_owned());
        Ok(())
    }
}

impl Unwatched {
    fn of(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::Missing,
            _ => Self::Because(error.to_string()),
        }
    }
}

pub(super) fn unwatched(folder: &Path, why: &str) -> String {
    let folder = here(folder).display();
    format!("{folder} cannot be watched, so changes there go unnoticed: {why}")
}

/// A folder without a name is the one that one is in.
fn here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// The nearest folder above this one that is there.
fn above(folder: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(here(folder)).ok()?;
    let above = folder.ancestors().skip(1).find(|above| above.is_dir())?;
    above.canonicalize().ok()
}

fn scenarios_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(here(folder)).into_iter().flatten().flatten();
    let paths = entries.map(|entry| folder.join(entry.file_name()));
    paths.filter(|path| library::is_scenario_name(path)).take(MOST_FILES).collect()
}
