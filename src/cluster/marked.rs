//! Folders that carry a mark, so that what a killed program has left can be told from what only has
//! such a name.
//!
//! ```text
//!  overbooked-5c1f09aa/        0700
//!      lock                    held (flock) by its maker as long as that lives; in it the mark:
//!
//!          overbooked made this; alive while locked
//!          folder overbooked-5c1f09aa
//!          inode 1234567
//!          process 4711
//! ```
//!
//! A folder is abandoned if its lock is free, and its mark names this very folder: a copy has
//! another inode, one that was renamed another name. The lock is the first thing that is made in a
//! folder and the last that is removed from it, and it is held before the mark is written: no
//! folder that is being made or removed looks abandoned. A program that is killed within those few
//! microseconds leaves a folder that nobody dares to remove; it is named.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, openat};

use super::layout;
use super::removal::{Refused, Shape, remove_folder};

/// The file with the mark.
pub(crate) const LOCK: &str = "lock";

/// How every mark begins.
pub(crate) const MADE: &str = "overbooked made this; alive while locked";

/// How many letters of chance a name ends with.
const CHANCE: usize = 8;

/// How long a folder may be without its mark before it is named as one that somebody should look
/// at.
const UNFINISHED: Duration = Duration::from_mins(1);

/// The longest mark that is read.
const MARK_MAX: u64 = 8192;

/// What a folder's maker wrote into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    folder: String,
    inode: u64,
    process: u32,
    /// Where the data of its server are, if they are kept elsewhere.
    data: Option<PathBuf>,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, inode, process, data } = self;
        write!(f, "{MADE}\nfolder {folder}\ninode {inode}\nprocess {process}\n")?;
        data.iter().try_for_each(|data| writeln!(f, "data {}", data.display()))
    }
}

impl Mark {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        lines.next().filter(|made| *made == MADE)?;
        let mark = Self {
            folder: lines.next()?.strip_prefix("folder ")?.to_owned(),
            inode: lines.next()?.strip_prefix("inode ")?.parse().ok()?,
            process: lines.next()?.strip_prefix("process ")?.parse().ok()?,
            data: match lines.next() {
                Some(line) => Some(line.strip_prefix("data ")?.into()),
                None => None,
            },
        };
        lines.next().is_none().then_some(mark)
    }

    /// Where the data of its server are, if they are kept elsewhere.
    pub(crate) fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }
}

/// Something that looks like a leftover of ours, and was left alone.
#[derive(Debug, thiserror::Error)]
#[error("{} was left alone: {why}; remove it yourself if nobody needs it", path.display())]
pub struct Doubt {
    path: PathBuf,
    why: Why,
}

impl Doubt {
    pub(crate) fn new(path: &Path, why: impl Into<Why>) -> Self {
        let doubt = Self { path: path.to_owned(), why: why.into() };
        tracing::warn!("{doubt}");
        doubt
    }
}

/// Why something was left alone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Why {
    /// It does not say that it is ours.
    #[error("it is named like one of Overbooked's folders, but does not carry Overbooked's mark")]
    NoMark,
    /// It says that something else is ours.
    #[error("its mark is that of another folder, {0}")]
    Copied(String),
    /// Somebody has written into it.
    #[error("it has changed since Overbooked wrote it")]
    Changed,
    /// Somebody else uses it.
    #[error("a server listens in it that Overbooked did not start")]
    Server,
    /// It is not as we make it, or cannot be removed.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl From<io::Error> for Why {
    fn from(error: io::Error) -> Self {
        Self::Refused(Refused::Io(error))
    }
}

/// A marked folder that is ours while this value lives.
#[derive(Debug)]
pub(crate) struct MarkedFolder {
    path: PathBuf,
    lock: File,
    is_removed_on_drop: bool,
}

impl MarkedFolder {
    /// Makes a folder with a name of its own below `parent`, and marks it.
    pub(crate) fn create(parent: &Path, prefix: &str, data: Option<&Path>) -> io::Result<Self> {
        let folder = format!("{prefix}{:08x}", rand::random::<u32>());
        let path = parent.join(&folder);
        DirBuilder::new().mode(0o700).create(&path)?;
        match mark(&path, folder, data) {
            Ok(lock) => Ok(Self { path, lock, is_removed_on_drop: true }),
            Err(error) => {
                let _left_alone = clear(&path, &[rustix::process::geteuid().as_raw()]);
                Err(error)
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// From now on somebody else removes the folder.
    pub(crate) fn hand_over(&mut self) {
        self.is_removed_on_drop = false;
    }

    /// Removes it, if nothing but what belongs in it is in it. The lock is let go only then.
    pub(crate) fn remove(mut self, owners: &[u32]) -> Result<(), Doubt> {
        self.hand_over();
        clear(&self.path, owners)
    }
}

impl Drop for MarkedFolder {
    fn drop(&mut self) {
        if self.is_removed_on_drop {
            let owners = owners_of(&self.lock, &self.path);
            // What is in doubt is in the log, and the next start names it.
            let _left_alone = clear(&self.path, &owners);
        }
    }
}

/// Marks a folder that has just been made, under a lock that is held from before there is a mark.
fn mark(path: &Path, folder: String, data: Option<&Path>) -> io::Result<File> {
    let inode = fs::symlink_metadata(path)?.ino();
    let data = data.map(Path::to_owned);
    let mark = Mark { folder, inode, process: std::process::id(), data };
    let mut lock = File::create_new(path.join(LOCK))?;
    lock.try_lock()?;
    lock.write_all(mark.to_string().as_bytes())?;
    Ok(lock)
}

/// Whoever made the folder, and whomever it was given to.
fn owners_of(lock: &File, path: &Path) -> Vec<u32> {
    let made = lock.metadata().map(|lock| lock.uid());
    let given = fs::symlink_metadata(path).map(|folder| folder.uid());
    made.into_iter().chain(given).collect()
}

fn clear(path: &Path, owners: &[u32]) -> Result<(), Doubt> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(folder) => folder,
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        Err(error) => return Err(Doubt::new(path, io::Error::from(error))),
    };
    remove_opened(path, &folder, owners)
}

fn remove_opened(path: &Path, folder: &OwnedFd, owners: &[u32]) -> Result<(), Doubt> {
    let shape = Shape { allows: layout::is_made, owners, last: LOCK };
    remove_folder(path, folder, &shape).map_err(|refused| Doubt::new(path, refused))
}

/// A folder whose maker is gone. Its lock is ours now.
#[derive(Debug)]
pub(crate) struct Abandoned {
    path: PathBuf,
    folder: OwnedFd,
    mark: Mark,
    _lock: File,
}

impl Abandoned {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Removes it, if nothing but what belongs in it is in it.
    pub(crate) fn remove(self, owners: &[u32]) -> Result<(), Doubt> {
        remove_opened(&self.path, &self.folder, owners)
    }
}

/// The abandoned folders below `parent` whose names begin so, and those that only look like it.
pub(crate) fn abandoned(
    parent: &Path,
    prefix: &str,
    owners: &[u32],
) -> (Vec<Abandoned>, Vec<Doubt>) {
    let (mut found, mut doubts) = (Vec::new(), Vec::new());
    let Ok(entries) = fs::read_dir(parent) else { return (found, doubts) };
    let named = entries.flatten().filter(|entry| is_name(&entry.file_name(), prefix));
    for path in named.map(|entry| entry.path()) {
        match examine(&path, owners) {
            Ok(abandoned) => found.extend(abandoned),
            Err(doubt) => doubts.push(doubt),
        }
    }
    (found, doubts)
}

/// Whether this program gives such names.
pub(crate) fn is_name(name: &OsStr, prefix: &str) -> bool {
    let chance = name.to_str().and_then(|name| name.strip_prefix(prefix));
    chance.is_some_and(|chance| {
        chance.len() == CHANCE && chance.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
    })
}

/// Whether this very process has made the folder.
pub(crate) fn is_own(path: &Path) -> bool {
    let text = fs::read_to_string(path.join(LOCK)).unwrap_or_default();
    let inode = fs::symlink_metadata(path).map(|folder| folder.ino());
    Mark::parse(&text).is_some_and(|mark| {
        mark.process == std::process::id() && inode.is_ok_and(|inode| inode == mark.inode)
    })
}

/// The folder if it is abandoned; nothing if it is in use, somebody else's, a link or no folder at
/// all.
fn examine(path: &Path, owners: &[u32]) -> Result<Option<Abandoned>, Doubt> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(folder) = rustix::fs::open(path, flags, Mode::empty()) else { return Ok(None) };
    let failed = |error: io::Error| Doubt::new(path, error);
    let found = rustix::fs::fstat(&folder).map_err(|error| failed(error.into()))?;
    if !owners.contains(&found.st_uid) {
        return Ok(None);
    }
    let Some(mut lock) = open_lock(&folder) else { return unmarked(path) };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // Whoever had the lock until now may have removed the folder with it.
    if lock.metadata().is_ok_and(|lock| lock.nlink() == 0) {
        return Ok(None);
    }
    let Some(mark) = read_mark(&mut lock) else { return unmarked(path) };
    let is_itself = path.file_name().is_some_and(|name| name == mark.folder.as_str())
        && found.st_ino == mark.inode;
    if !is_itself {
        return Err(Doubt::new(path, Why::Copied(mark.folder)));
    }
    Ok(Some(Abandoned { path: path.to_owned(), folder, mark, _lock: lock }))
}

/// The file with the mark: a regular file that we have made, and nothing that would make us wait.
fn open_lock(folder: &OwnedFd) -> Option<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let lock = File::from(openat(folder, LOCK, flags, Mode::empty()).ok()?);
    let found = lock.metadata().ok()?;
    let is_ours = found.is_file() && found.uid() == rustix::process::geteuid().as_raw();
    is_ours.then_some(lock)
}

fn read_mark(lock: &mut File) -> Option<Mark> {
    let mut text = String::new();
    lock.take(MARK_MAX).read_to_string(&mut text).ok()?;
    Mark::parse(&text)
}

/// It may be one that is being made right now.
fn unmarked(path: &Path) -> Result<Option<Abandoned>, Doubt> {
    let changed = fs::symlink_metadata(path).and_then(|folder| folder.modified());
    let is_old = changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > UNFINISHED));
    if is_old { Err(Doubt::new(path, Why::NoMark)) } else { Ok(None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "overbooked-";

    fn me() -> [u32; 1] {
        [rustix::process::geteuid().as_raw()]
    }

    /// A folder as a program leaves it that was killed.
    fn leave_one(parent: &Path) -> PathBuf {
        let mut folder = MarkedFolder::create(parent, PREFIX, None).unwrap();
        folder.hand_over();
        fs::create_dir_all(folder.path().join("data/base/5")).unwrap();
        fs::write(folder.path().join("data/base/5/16384_fsm"), "").unwrap();
        folder.path().to_owned()
    }

    fn make_old(path: &Path) {
        let hour_ago = std::time::SystemTime::now() - Duration::from_hours(1);
        File::open(path).unwrap().set_modified(hour_ago).unwrap();
    }

    /// The same once the lock is free. A process that another test starts has our open files, and
    /// so the lock, until its program begins.
    fn sweep_until_free(parent: &Path) -> Vec<String> {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        loop {
            let said = sweep(parent);
            if !said.is_empty() || parent.read_dir().unwrap().next().is_none() {
                return said;
            }
            assert!(std::time::Instant::now() < deadline, "the lock is never free");
            std::thread::yield_now();
        }
    }

    /// Removes what is abandoned, and says what was left alone.
    fn sweep(parent: &Path) -> Vec<String> {
        let (found, mut doubts) = abandoned(parent, PREFIX, &me());
        doubts.extend(found.into_iter().filter_map(|found| found.remove(&me()).err()));
        doubts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        for data in [None, Some(PathBuf::from("/home/me/lesson one/cluster"))] {
            let mark = Mark { folder: "overbooked-00000001".into(), inode: 7, process: 1, data };
            assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
        }
        for no_mark in ["", MADE, "overbooked made this; alive while locked\nfolder x\n"] {
            assert_eq!(Mark::parse(no_mark), None);
        }
    }

    #[test]
    fn what_a_killed_program_left_goes_and_what_is_in_use_stays() {
        let parent = tempfile::tempdir().unwrap();
        let left = leave_one(parent.path());
        let living = MarkedFolder::create(parent.path(), PREFIX, None).unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        // A process that another test starts has our open files, and so the lock, until its program
        // begins.
        while left.exists() && std::time::Instant::now() < deadline {
            assert_eq!(sweep(parent.path()), Vec::<String>::new());
        }
        assert!(!left.exists() && living.path().exists());
        drop(living);
        assert_eq!(parent.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_folder_of_such_a_name_that_somebody_else_made_stays_and_is_named_when_it_is_old() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["overbooked-main", "overbooked-master", "overbooked-5c1f09aa"] {
            let folder = parent.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("thesis.txt"), "").unwrap();
            File::create(folder.join(LOCK)).unwrap();
        }
        assert_eq!(sweep(parent.path()), Vec::<String>::new(), "it may be new");
        let alike = parent.path().join("overbooked-5c1f09aa");
        make_old(&alike);
        let said = sweep(parent.path());
        assert!(said[0].contains("does not carry Overbooked's mark"), "{said:?}");
        assert_eq!(said.len(), 1);
        assert_eq!(parent.path().read_dir().unwrap().count(), 3);
        assert!(alike.join("thesis.txt").exists());
    }

    #[test]
    fn a_folder_of_ours_with_a_file_of_somebodys_stays_whole_and_is_named() {
        for stranger in ["thesis.txt", "data/thesis.txt", "data/base/5/thesis.txt", "data/base/a b"]
        {
            let parent = tempfile::tempdir().unwrap();
            let left = leave_one(parent.path());
            fs::write(left.join(stranger), "").unwrap();
            let said = sweep_until_free(parent.path());
            assert!(said[0].contains(stranger), "{said:?}");
            assert!(left.join(stranger).exists() && left.join("data/base/5/16384_fsm").exists());
            assert!(left.join(LOCK).exists(), "the next start can name it again");
        }
    }

    #[test]
    fn a_copy_with_its_mark_and_a_renamed_one_stay() {
        let (parent, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let left = leave_one(parent.path());
        let same_name = elsewhere.path().join(left.file_name().unwrap());
        let other_name = parent.path().join("overbooked-00000000");
        for copy in [&same_name, &other_name] {
            let status = std::process::Command::new("cp").arg("-a").arg(&left).arg(copy).status();
            assert!(status.unwrap().success());
        }
        let said = [sweep_until_free(parent.path()), sweep_until_free(elsewhere.path())];
        assert!(
            said.iter().all(|said| said.len() == 1 && said[0].contains("its mark")),
            "{said:?}"
        );
        assert!(same_name.exists() && other_name.exists() && !left.exists());
    }

    #[test]
    fn links_pipes_and_files_of_such_names_are_not_even_looked_into() {
        let (parent, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let left = leave_one(elsewhere.path());
        std::os::unix::fs::symlink(&left, parent.path().join(left.file_name().unwrap())).unwrap();
        fs::write(parent.path().join("overbooked-00000001"), "").unwrap();
        let with_pipe = parent.path().join("overbooked-00000002");
        fs::create_dir(&with_pipe).unwrap();
        let status = std::process::Command::new("mkfifo").arg(with_pipe.join(LOCK)).status();
        assert!(status.unwrap().success());
        assert_eq!(sweep(parent.path()), Vec::<String>::new());
        assert!(left.exists() && with_pipe.exists());
        assert_eq!(parent.path().read_dir().unwrap().count(), 3);
    }

    #[test]
    fn what_belongs_to_another_user_is_not_looked_at() {
        let parent = tempfile::tempdir().unwrap();
        let left = leave_one(parent.path());
        let (found, doubts) = abandoned(parent.path(), PREFIX, &[me()[0] + 1]);
        assert!(found.is_empty() && doubts.is_empty() && left.exists());
    }

    #[test]
    fn of_two_that_sweep_at_once_one_has_the_folder() {
        let parent = tempfile::tempdir().unwrap();
        leave_one(parent.path());
        let (first, _) = abandoned(parent.path(), PREFIX, &me());
        let (second, doubts) = abandoned(parent.path(), PREFIX, &me());
        assert_eq!((first.len(), second.len(), doubts.len()), (1, 0, 0));
        for found in first {
            found.remove(&me()).unwrap();
        }
        assert_eq!(parent.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_removal_that_was_killed_in_its_middle_is_ended_by_the_next() {
        let parent = tempfile::tempdir().unwrap();
        let mut folder = MarkedFolder::create(parent.path(), PREFIX, None).unwrap();
        folder.hand_over();
        drop(folder);
        assert_eq!(sweep(parent.path()), Vec::<String>::new());
        assert_eq!(parent.path().read_dir().unwrap().count(), 0);
    }
}
