//! A Unix socket of ours in the file system, with its mark beside it.
//!
//! ```text
//!  race.sock           0600
//!  race.sock.lock      0600, held (flock) by its debugger as long as that lives; in it the mark:
//!
//!      overbooked debug made the socket beside this; alive while locked
//!      inode 1234567
//!      process 4711
//! ```
//!
//! A socket is a killed debugger's if its lock is free and its mark names this very socket. Such a
//! one is taken over; anything else is left alone and named. A debugger that is killed within the
//! few microseconds between the socket and its mark leaves one that nobody takes over.

use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{
    FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use crate::cluster::removal::{Identity, remove_file};

/// How every mark begins.
const MADE: &str = "overbooked debug made the socket beside this; alive while locked";

/// The longest mark that is read.
const MARK_MAX: u64 = 1024;

/// How a socket's name ends, and its lock's behind that.
pub(super) const SOCKET: &str = ".sock";
const LOCK: &str = ".lock";

/// A socket that is listened at. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    socket: Identity,
    lock: File,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("another debugger{} is steered by {}", of_process(.process.as_ref()), path.display())]
    InUse { path: PathBuf, process: Option<u32> },
    #[error(
        "{} is there already, and it is no socket of a debugger of yours; choose another path",
        .0.display()
    )]
    NotOurs(PathBuf),
    #[error(
        "the folder {} belongs to somebody else, or others may write into it; choose one that is \
         yours alone",
        .0.display()
    )]
    Unsafe(PathBuf),
    #[error("cannot make the socket {}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

fn of_process(process: Option<&u32>) -> String {
    process.map(|process| format!(" (process {process})")).unwrap_or_default()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    inode: u64,
    process: u32,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MADE}\ninode {}\nprocess {}\n", self.inode, self.process)
    }
}

impl Mark {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        lines.next().filter(|made| *made == MADE)?;
        let inode = lines.next()?.strip_prefix("inode ")?.parse().ok()?;
        let process = lines.next()?.strip_prefix("process ")?.parse().ok()?;
        lines.next().is_none().then_some(Self { inode, process })
    }

    fn read(lock: &mut File) -> Option<Self> {
        let mut text = String::new();
        lock.rewind().ok()?;
        lock.take(MARK_MAX).read_to_string(&mut text).ok()?;
        Self::parse(&text)
    }
}

impl SocketFile {
    /// Listens there; takes the place of a debugger that was killed.
    pub(super) fn listen(path: &Path) -> Result<(Self, UnixListener), SocketError> {
        check_folder(path)?;
        let failed = |source| SocketError::Io { path: path.to_owned(), source };
        let mut lock = lock(path)?;
        clear(path, &mut lock)?;
        let listener = UnixListener::bind(path).map_err(failed)?;
        let file = Self::mark(path, lock).map_err(failed)?;
        Ok((file, listener))
    }

    fn mark(path: &Path, mut lock: File) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        let mark = Mark { inode: found.ino(), process: std::process::id() };
        lock.set_len(0)?;
        lock.rewind()?;
        lock.write_all(mark.to_string().as_bytes())?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(Self { path: path.to_owned(), socket: Identity::from(&found), lock })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // While the lock is held nobody else takes the place. What cannot be removed is the next
        // debugger's to take over.
        let _ = remove_file(&self.path, self.socket);
        let _ = remove_lock(&self.path, &self.lock);
        let _free = self.lock.unlock();
    }
}

/// Removes what killed debuggers have left in this folder.
pub(super) fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Some(name) = name.strip_suffix(LOCK).filter(|it| it.ends_with(SOCKET)) else {
            continue;
        };
        if let Err(why) = sweep_one(&folder.join(name)) {
            tracing::debug!(%why, "left alone");
        }
    }
}

fn sweep_one(path: &Path) -> Result<(), SocketError> {
    let mut lock = lock(path)?;
    clear(path, &mut lock)?;
    remove_lock(path, &lock).map_err(|source| SocketError::Io { path: path.to_owned(), source })
}

/// Removes a socket's lock, which is this.
fn remove_lock(path: &Path, lock: &File) -> io::Result<()> {
    remove_file(&lock_of(path), Identity::of(lock)?).map(drop)
}

fn lock_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(LOCK);
    name.into()
}

/// A folder of one's own, or one in which nobody can remove what others have made.
fn check_folder(path: &Path) -> Result<(), SocketError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let found =
        fs::metadata(folder).map_err(|source| SocketError::Io { path: path.to_owned(), source })?;
    let is_ours = [own_user(), 0].contains(&found.uid());
    let is_open = found.mode() & 0o022 != 0 && found.mode() & 0o1000 == 0;
    if !is_ours || is_open {
        return Err(SocketError::Unsafe(folder.to_owned()));
    }
    Ok(())
}

pub(super) fn own_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The lock of a socket, as long as nobody has it.
fn lock(path: &Path) -> Result<File, SocketError> {
    let name = lock_of(path);
    let failed = |source| SocketError::Io { path: path.to_owned(), source };
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = flags.bits().cast_signed();
    // Whoever had it until now may have removed it.
    for _ in 0..100 {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600).custom_flags(flags);
        let mut file = options.open(&name).map_err(failed)?;
        let found = file.metadata().map_err(failed)?;
        if !found.is_file() || found.uid() != own_user() {
            return Err(SocketError::NotOurs(name));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let process = Mark::read(&mut file).map(|mark| mark.process);
                return Err(SocketError::InUse { path: path.to_owned(), process });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        if fs::symlink_metadata(&name).is_ok_and(|there| there.ino() == found.ino()) {
            return Ok(file);
        }
    }
    Err(SocketError::InUse { path: path.to_owned(), process: None })
}

/// Makes the place free, if what is there is a killed debugger's. A lock with something else in it
/// than a mark is nobody's lock.
fn clear(path: &Path, lock: &mut File) -> Result<(), SocketError> {
    let mark = Mark::read(lock);
    let is_new = lock.metadata().is_ok_and(|it| it.len() == 0);
    if mark.is_none() && !is_new {
        return Err(SocketError::NotOurs(lock_of(path)));
    }
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    let is_marked = mark.is_some_and(|mark| mark.inode == found.ino());
    if !is_marked || !found.file_type().is_socket() || found.uid() != own_user() {
        if is_new {
            let _made_just_now = remove_lock(path, lock);
        }
        return Err(SocketError::NotOurs(path.to_owned()));
    }
    let removed = remove_file(path, Identity::from(&found));
    removed.map(drop).map_err(|source| SocketError::Io { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("race.sock");
        (folder, path)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// As a killed debugger leaves it.
    fn kill(file: SocketFile) {
        file.lock.unlock().unwrap();
        std::mem::forget(file);
    }

    #[test]
    fn it_is_the_users_alone_and_goes_with_its_debugger() {
        let (folder, path) = folder();
        let (file, _listener) = SocketFile::listen(&path).unwrap();
        for name in ["race.sock", "race.sock.lock"] {
            let mode = fs::metadata(folder.path().join(name)).unwrap().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        UnixStream::connect(&path).unwrap();
        drop(file);
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn a_living_debuggers_is_not_taken_and_a_killed_ones_is() {
        let (_folder, path) = folder();
        let (file, listener) = SocketFile::listen(&path).unwrap();
        let refused = SocketFile::listen(&path).unwrap_err().to_string();
        assert!(refused.contains(&format!("(process {})", std::process::id())), "{refused}");
        drop(listener);
        kill(file);
        assert!(UnixStream::connect(&path).is_err());
        let (_file, _listener) = SocketFile::listen(&path).unwrap();
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn what_is_not_a_debuggers_is_left_alone() {
        let (folder, path) = folder();
        fs::write(&path, "mine").unwrap();
        assert!(matches!(SocketFile::listen(&path), Err(SocketError::NotOurs(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        remove_file(&path, Identity::at(&path).unwrap()).unwrap();
        // Another program's socket, at which nobody listens any more.
        drop(UnixListener::bind(&path).unwrap());
        assert!(matches!(SocketFile::listen(&path), Err(SocketError::NotOurs(_))));
        sweep(folder.path());
        assert_eq!(names(folder.path()), ["race.sock"]);
        remove_file(&path, Identity::at(&path).unwrap()).unwrap();
        fs::write(lock_of(&path), "another program's").unwrap();
        assert!(matches!(SocketFile::listen(&path), Err(SocketError::NotOurs(_))));
        assert_eq!(names(folder.path()), ["race.sock.lock"]);
    }

    #[test]
    fn another_socket_in_the_place_of_a_killed_debuggers_is_left_alone() {
        let (_folder, path) = folder();
        let (file, _listener) = SocketFile::listen(&path).unwrap();
        kill(file);
        // Of another inode, so the first must live on meanwhile.
        fs::rename(&path, path.with_extension("first")).unwrap();
        drop(UnixListener::bind(&path).unwrap());
        assert!(matches!(SocketFile::listen(&path), Err(SocketError::NotOurs(_))));
    }

    #[test]
    fn a_folder_of_everybodys_is_refused() {
        let (folder, path) = folder();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(SocketFile::listen(&path), Err(SocketError::Unsafe(_))));
        fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
        SocketFile::listen(&path).unwrap();
    }

    #[test]
    fn what_killed_debuggers_have_left_is_swept() {
        let (folder, path) = folder();
        let (alive, _listener) = SocketFile::listen(&path).unwrap();
        let (killed, listener) = SocketFile::listen(&folder.path().join("7.sock")).unwrap();
        drop(listener);
        kill(killed);
        sweep(folder.path());
        assert_eq!(names(folder.path()), ["race.sock", "race.sock.lock"]);
        drop(alive);
    }
}
