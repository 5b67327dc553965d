//! Scenario files of one's own, as the loop hears of them: watched, read, looked for. The disk may
//! take its time, so all of that happens elsewhere.
//!
//! ```text
//!   an editor saves ──▶ notify's thread ──▶ a set of paths ──▶ settled ──▶ named ──▶ Changed
//!   read(paths) ──▶ a thread of its own ──▶ Read          find(path) ──▶ Found
//! ```
//!
//! Folders are watched rather than files: many editors write a new file and rename it over the old
//! one. A save is several events, so a moment passes before it is told; nothing ticks while
//! nothing happens.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{Event, EventKind};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::include::at_home;
use crate::core::scenario::own::{self, OwnFile, Says};
use crate::stage::own_files::{FoundFiles, OwnFiles};

mod watched;

use watched::{Watched, unwatched};

/// How long a save is given to come to its end.
const SETTLE: Duration = Duration::from_millis(60);

/// How many changes are kept until they are told.
const MOST_CHANGES: usize = 4096;

/// What there is to hear of files.
#[derive(Debug)]
pub(super) enum FileNews {
    /// These have changed: files, and folders with all that is in them.
    Changed(Vec<PathBuf>),
    /// Folders are watched; what could not be, in a sentence.
    Watched(Option<String>),
    /// These were read again.
    Read(Vec<OwnFile>),
    /// This lies under that path.
    Found(PathBuf, FoundFiles),
}

/// Everything that goes on with files.
#[derive(Default)]
pub(super) struct Files {
    watch: Option<Watch>,
    /// Every folder that was to be watched: each is tried, and its trouble told, once.
    asked: BTreeSet<PathBuf>,
    jobs: JoinSet<FileNews>,
    /// Whether files are being read at the moment, and which are to be read after that: the last
    /// word on a file must be the last that is heard.
    is_reading: bool,
    to_read: BTreeSet<PathBuf>,
}

struct Watch {
    watched: Arc<Mutex<Watched>>,
    changes: mpsc::Receiver<BTreeSet<PathBuf>>,
    /// Ends with it.
    _settling: JoinSet<()>,
}

impl Files {
    /// Watches the folders that matter to these files, as far as they are not watched yet.
    pub(super) fn watch(&mut self, own: &OwnFiles) {
        if let Some(add) = self.adding(own) {
            self.jobs.spawn_blocking(move || FileNews::Watched(add()));
        }
    }

    /// The same before the first frame, so that no change after it is missed; gives what could not
    /// be watched, in a sentence.
    pub(super) fn watch_at_once(&mut self, own: &OwnFiles) -> Option<String> {
        self.adding(own).and_then(|add| add())
    }

    /// What watches the folders that are new among these.
    fn adding(
        &mut self,
        own: &OwnFiles,
    ) -> Option<impl FnOnce() -> Option<String> + Send + 'static> {
        let folders = own.watched_folders().into_iter();
        let new: Vec<PathBuf> = folders.filter(|it| self.asked.insert(it.clone())).collect();
        if new.is_empty() {
            return None;
        }
        let started = self.started();
        Some(move || match started {
            Ok(watched) => {
                let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
                new.iter().filter_map(|folder| watched.add(folder)).last()
            }
            Err(error) => Some(unwatched(Path::new("files"), &error.to_string())),
        })
    }

    fn started(&mut self) -> notify::Result<Arc<Mutex<Watched>>> {
        let watch = match self.watch.take() {
            Some(watch) => watch,
            None => Watch::start()?,
        };
        Ok(Arc::clone(&self.watch.insert(watch).watched))
    }

    /// Finds out how those who named the folders would write what has changed.
    fn name(&mut self, changed: BTreeSet<PathBuf>) {
        let Some(watch) = &self.watch else { return };
        let watched = Arc::clone(&watch.watched);
        self.jobs.spawn_blocking(move || {
            let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
            FileNews::Changed(watched.named(&changed))
        });
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
            let path = at_home(&path);
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
                changed = changed(&mut self.watch) => {
                    self.name(changed);
                    continue;
                }
            };
            match news {
                Ok(FileNews::Read(files)) => {
                    self.is_reading = false;
                    self.read(Vec::new());
                    return FileNews::Read(files);
                }
                Ok(FileNews::Changed(none)) if none.is_empty() => {}
                Ok(news) => return news,
                Err(error) => {
                    tracing::error!(%error, "files could not be read");
                    self.is_reading = false;
                }
            }
        }
    }
}

async fn changed(watch: &mut Option<Watch>) -> BTreeSet<PathBuf> {
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
        let by = notify::recommended_watcher(move |event: notify::Result<Event>| {
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
        let (told_to, changes) = mpsc::channel(1);
        let mut settling = JoinSet::new();
        settling.spawn(settle(pending, told_to));
        let watched = Arc::new(Mutex::new(Watched::by(by)));
        Ok(Self { watched, changes, _settling: settling })
    }
}

/// Tells what has changed, once a save has come to its end.
async fn settle(
    pending: Arc<(Mutex<BTreeSet<PathBuf>>, Notify)>,
    changed: mpsc::Sender<BTreeSet<PathBuf>>,
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
        if !paths.is_empty() && changed.send(paths).await.is_err() {
            return;
        }
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
        assert_eq!(files.watch_at_once(&own), None);
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
        changes(&mut files, &path).await;
    }

    /// Waits until this is told to have changed.
    async fn changes(files: &mut Files, path: &Path) {
        loop {
            let FileNews::Changed(changed) = news(files).await else { panic!() };
            if changed.iter().any(|changed| changed == path) {
                return;
            }
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_deleted_or_moved_away_and_is_there_again_is_watched_again() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("deep/races");
        let path = folder.join("a.sql");
        let made = || {
            let mut deep = tempfile::Builder::new();
            let deep = deep.prefix("deep").rand_bytes(0).tempdir_in(home.path()).unwrap();
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(&path, RACE).unwrap();
            deep
        };
        let mut deep = made();
        let mut files = watched(&folder);
        for _ in 0..2 {
            deep.close().unwrap();
            changes(&mut files, &folder).await;
            deep = made();
            changes(&mut files, &path).await;
            std::fs::write(&path, RACE).unwrap();
            changes(&mut files, &path).await;
        }
        let elsewhere = home.path().join("elsewhere");
        std::fs::rename(&folder, &elsewhere).unwrap();
        changes(&mut files, &folder).await;
        std::fs::rename(&elsewhere, &folder).unwrap();
        changes(&mut files, &path).await;
        std::fs::write(&path, RACE).unwrap();
        changes(&mut files, &path).await;
    }

    #[tokio::test]
    async fn a_folder_is_tried_once_and_one_that_comes_later_is_told() {
        let home = tempfile::tempdir().unwrap();
        let mut files = watched(home.path());
        let own = |folder: PathBuf| OwnFiles { files: Vec::new(), folders: vec![folder] };
        // A file is in the way: that is told once.
        std::fs::write(home.path().join("file"), "").unwrap();
        let blocked = own(home.path().join("file/races"));
        let told = files.watch_at_once(&blocked).unwrap();
        assert!(told.contains("cannot be watched"), "{told}");
        assert_eq!(files.watch_at_once(&blocked), None);
        // One that is not there yet is no trouble.
        let later = home.path().join("later");
        files.watch(&own(later.clone()));
        while !matches!(news(&mut files).await, FileNews::Watched(None)) {}
        std::fs::create_dir(&later).unwrap();
        std::fs::write(later.join("a.sql"), RACE).unwrap();
        changes(&mut files, &later.join("a.sql")).await;
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
