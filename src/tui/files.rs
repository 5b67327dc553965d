//! Scenario files of one's own, as the loop hears of them: watched, read, looked for. The disk may
//! take its time, so all of that happens elsewhere.
//!
//! ```text
//!   an editor saves ──▶ notify's thread ──▶ a set of paths ──▶ settled ──▶ Changed
//!   read(paths) ──▶ a thread of its own ──▶ Read          find(path) ──▶ Found
//! ```
//!
//! Folders are watched rather than files: many editors write a new file and rename it over the old
//! one. A save is several events, so a moment passes before it is told; nothing ticks while
//! nothing happens.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use crate::core::scenario::own::{self, OwnFile, Says};
use crate::stage::own_files::{FoundFiles, OwnFiles};

/// How long a save is given to come to its end.
const SETTLE: Duration = Duration::from_millis(60);

/// How many folders are watched, and how many changes are kept until they are told.
const MOST_FOLDERS: usize = 64;
const MOST_CHANGES: usize = 4096;

/// What there is to hear of files.
#[derive(Debug)]
pub(super) enum FileNews {
    /// These have changed.
    Changed(Vec<PathBuf>),
    /// These were read again.
    Read(Vec<OwnFile>),
    /// This lies under that path.
    Found(PathBuf, FoundFiles),
}

/// The folders that are watched: how each is really called, and how it was named.
type Folders = Arc<Mutex<BTreeMap<PathBuf, BTreeSet<PathBuf>>>>;

/// Everything that goes on with files.
#[derive(Default)]
pub(super) struct Files {
    watch: Option<Watch>,
    jobs: JoinSet<FileNews>,
    /// Whether files are being read at the moment, and which are to be read after that: the last
    /// word on a file must be the last that is heard.
    is_reading: bool,
    to_read: BTreeSet<PathBuf>,
}

struct Watch {
    watcher: RecommendedWatcher,
    folders: Folders,
    changes: mpsc::Receiver<Vec<PathBuf>>,
    /// Ends with it.
    _settling: JoinSet<()>,
}

impl Files {
    /// Watches the folders that matter to these files; gives what could not be watched, in a
    /// sentence.
    pub(super) fn watch(&mut self, own: &OwnFiles) -> Option<String> {
        let folders = own.watched_folders();
        if self.watch.is_none() && !folders.is_empty() {
            match Watch::start() {
                Ok(watch) => self.watch = Some(watch),
                Err(error) => return Some(unwatched(Path::new("files"), &error)),
            }
        }
        let watch = self.watch.as_mut()?;
        let troubles = folders.into_iter().filter_map(|folder| watch.add(&folder));
        troubles.last()
    }

    /// Reads these again.
    pub(super) fn read(&mut self, paths: Vec<PathBuf>) {
        self.to_read.extend(paths);
        if self.is_reading || self.to_read.is_empty() {
            return;
        }
        let paths = std::mem::take(&mut self.to_read);
        self.is_reading = true;
        self.jobs.spawn_blocking(move || {
            let files = paths.iter().filter(|path| !path.exists() || own::is_scenario(path));
            FileNews::Read(files.map(|path| OwnFile::read(path)).collect())
        });
    }

    /// Looks what lies under a path.
    pub(super) fn find(&mut self, path: PathBuf) {
        self.jobs.spawn_blocking(move || {
            let path = from_home(path);
            let found = find(&path);
            FileNews::Found(path, found)
        });
    }

    /// The next news; none ever where nothing is watched and nothing is being read.
    pub(super) async fn next(&mut self) -> FileNews {
        loop {
            let news = tokio::select! {
                biased;
                Some(done) = self.jobs.join_next() => done,
                changed = changed(&mut self.watch) => return FileNews::Changed(changed),
            };
            match news {
                Ok(FileNews::Read(files)) => {
                    self.is_reading = false;
                    self.read(Vec::new());
                    return FileNews::Read(files);
                }
                Ok(news) => return news,
                Err(error) => {
                    tracing::error!(%error, "files could not be read");
                    self.is_reading = false;
                }
            }
        }
    }
}

async fn changed(watch: &mut Option<Watch>) -> Vec<PathBuf> {
    if let Some(watch) = watch
        && let Some(paths) = watch.changes.recv().await
    {
        return paths;
    }
    std::future::pending().await
}

impl Watch {
    fn start() -> notify::Result<Self> {
        let pending = Arc::new((Mutex::new(BTreeSet::new()), Notify::new()));
        let told = Arc::clone(&pending);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let Ok(event) = event else { return };
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            let mut paths = told.0.lock().unwrap_or_else(PoisonError::into_inner);
            if paths.len() < MOST_CHANGES {
                paths.extend(event.paths);
            }
            drop(paths);
            told.1.notify_one();
        })?;
        let folders = Folders::default();
        let (told_to, changes) = mpsc::channel(1);
        let mut settling = JoinSet::new();
        settling.spawn(settle(pending, Arc::clone(&folders), told_to));
        Ok(Self { watcher, folders, changes, _settling: settling })
    }

    /// Watches one more folder; gives in a sentence why it cannot be.
    fn add(&mut self, folder: &Path) -> Option<String> {
        let named = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let real = match named.canonicalize() {
            Ok(real) => real,
            Err(error) => return Some(unwatched(named, &error)),
        };
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = folders.contains_key(&real);
        if !is_known && folders.len() >= MOST_FOLDERS {
            return Some(unwatched(named, &"too many folders are watched already"));
        }
        folders.entry(real.clone()).or_default().insert(folder.to_owned());
        drop(folders);
        if is_known {
            return None;
        }
        let watched = self.watcher.watch(&real, RecursiveMode::NonRecursive);
        watched.err().map(|error| unwatched(folder, &error))
    }
}

fn unwatched(folder: &Path, why: &dyn std::fmt::Display) -> String {
    format!("{} cannot be watched, so changes there go unnoticed: {why}", folder.display())
}

/// Tells what has changed, once a save has come to its end.
async fn settle(
    pending: Arc<(Mutex<BTreeSet<PathBuf>>, Notify)>,
    folders: Folders,
    changed: mpsc::Sender<Vec<PathBuf>>,
) {
    loop {
        pending.1.notified().await;
        let end = tokio::time::Instant::now() + SETTLE;
        // Whatever else comes until then belongs to the same save.
        while tokio::time::timeout_at(end, pending.1.notified()).await.is_ok() {}
        let paths = {
            let mut paths = pending.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *paths)
        };
        let named: Vec<PathBuf> = paths.iter().flat_map(|path| as_named(path, &folders)).collect();
        if !named.is_empty() && changed.send(named).await.is_err() {
            return;
        }
    }
}

/// A changed path as whoever named its folder would write it.
fn as_named(path: &Path, folders: &Folders) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Vec::new() };
    let folders = folders.lock().unwrap_or_else(PoisonError::into_inner);
    let named = folders.get(folder).into_iter().flatten();
    named.map(|folder| folder.join(name)).collect()
}

/// `~/races` as a shell would read it.
fn from_home(path: PathBuf) -> PathBuf {
    use etcetera::BaseStrategy as _;
    match (path.strip_prefix("~"), etcetera::choose_base_strategy()) {
        (Ok(rest), Ok(folders)) => folders.home_dir().join(rest),
        _ => path,
    }
}

/// What lies under a path that somebody has typed.
fn find(path: &Path) -> FoundFiles {
    let named = path.display();
    if !path.is_dir() {
        let file = OwnFile::read(path);
        return match file.says {
            Says::Gone => FoundFiles::Nothing(format!("there is no {named}")),
            _ => FoundFiles::File(file),
        };
    }
    match own::in_folder(path) {
        Ok(files) if files.is_empty() => FoundFiles::Nothing(format!(
            "there is no scenario in {named}: no .spec, and no .sql with a `-- sessions:` line"
        )),
        Ok(files) => FoundFiles::Folder(files),
        Err(error) => FoundFiles::Nothing(format!("cannot read {named}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RACE: &str = "-- A race\n-- sessions: A\n\n-- A: acts\nselect 1;\n";
    const DEADLINE: Duration = Duration::from_secs(30);

    async fn news(files: &mut Files) -> FileNews {
        tokio::time::timeout(DEADLINE, files.next()).await.expect("nothing is heard of the files")
    }

    /// Files in a folder that is watched.
    fn watched(folder: &Path) -> Files {
        let mut files = Files::default();
        let own = OwnFiles { files: Vec::new(), folders: vec![folder.to_owned()] };
        assert_eq!(files.watch(&own), None);
        files
    }

    #[tokio::test]
    async fn a_file_that_is_written_or_renamed_over_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sql");
        let mut files = watched(folder.path());
        std::fs::write(&path, RACE).unwrap();
        let FileNews::Changed(changed) = news(&mut files).await else { panic!() };
        assert_eq!(changed, std::slice::from_ref(&path));
        let other = folder.path().join(".a.sql.swp");
        std::fs::write(&other, RACE).unwrap();
        std::fs::rename(&other, &path).unwrap();
        let mut heard = BTreeSet::new();
        while !heard.contains(&path) {
            let FileNews::Changed(changed) = news(&mut files).await else { panic!() };
            heard.extend(changed);
        }
    }

    #[tokio::test]
    async fn a_file_is_read_and_one_that_is_gone_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let [here, gone] = ["a.sql", "b.sql"].map(|name| folder.path().join(name));
        std::fs::write(&here, RACE).unwrap();
        let mut files = Files::default();
        files.read(vec![here, gone]);
        let FileNews::Read(read) = news(&mut files).await else { panic!() };
        assert!(read[0].scenario().is_some() && read[1].says == Says::Gone, "{read:?}");
    }

    #[tokio::test]
    async fn what_lies_under_a_path_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::default();
        files.find(folder.path().to_owned());
        let FileNews::Found(_, FoundFiles::Nothing(why)) = news(&mut files).await else { panic!() };
        assert!(why.contains("no scenario in"), "{why}");
        std::fs::write(folder.path().join("a.sql"), RACE).unwrap();
        files.find(folder.path().to_owned());
        let FileNews::Found(_, FoundFiles::Folder(found)) = news(&mut files).await else {
            panic!()
        };
        assert_eq!(found.len(), 1);
        files.find(folder.path().join("nowhere.sql"));
        let FileNews::Found(_, FoundFiles::Nothing(why)) = news(&mut files).await else { panic!() };
        assert!(why.starts_with("there is no "), "{why}");
    }
}
