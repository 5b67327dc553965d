//! A running cluster's own folder, and what becomes of the folders of consoles that were killed.
//!
//! ```text
//!  /tmp/overbooked-Xk3v9Q/        0700, the server's user
//!      lock                       held (flock) by the console for as long as it lives
//!      .s.PGSQL.5432              the private socket
//!      data/                      the cluster, unless it is kept elsewhere
//! ```
//!
//! The folder's name and the free lock say that its console is gone. The kernel frees the lock, so no way of dying leaves it held.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixStream;
use tokio::time::{interval, timeout};

use super::ClusterError;
use super::account::RunAs;

const PREFIX: &str = "overbooked-";
const NEWBORN: &str = "overbooked-new-";
const LOCK: &str = "lock";

/// How long a folder may be without a lock: making one takes a few microseconds.
const NEWBORN_AGE: Duration = Duration::from_mins(1);

/// How long a server that was told to end may take before its folder is removed under it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest path of a socket that every system takes: 104 bytes with the closing zero on macOS, 108 on Linux.
const SOCKET_PATH_MAX: usize = 103;

/// A folder of our own, locked while this value lives.
#[derive(Debug)]
pub(super) struct RunFolder {
    path: PathBuf,
    remover: Remover,
    _lock: File,
}

/// Who removes a folder in the end.
#[derive(Debug, PartialEq, Eq)]
enum Remover {
    /// This value, when it is dropped.
    Ourselves,
    /// The server's supervisor, which must end the server first.
    Supervisor,
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if self.remover == Remover::Ourselves {
            let _left_for_the_next_start = fs::remove_dir_all(&self.path);
        }
    }
}

impl RunFolder {
    /// Makes a folder below `parent`. It gets its final name when it is locked: until then nobody takes it for abandoned.
    fn create(parent: &Path, run_as: &RunAs) -> io::Result<Self> {
        let private = fs::Permissions::from_mode(0o700);
        let newborn =
            tempfile::Builder::new().prefix(NEWBORN).permissions(private).tempdir_in(parent)?;
        let lock = File::create_new(newborn.path().join(LOCK))?;
        lock.try_lock()?;
        run_as.give(newborn.path())?;
        let name = newborn.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = parent.join(name.replacen(NEWBORN, PREFIX, 1));
        fs::rename(newborn.path(), &path)?;
        let _renamed_away = newborn.keep();
        Ok(Self { path, remover: Remover::Ourselves, _lock: lock })
    }

    /// From now on there is a supervisor that removes the folder.
    pub(super) fn hand_over(&mut self) {
        self.remover = Remover::Supervisor;
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where a cluster that is thrown away lives.
    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }
}

/// Where folders may go, the best place first: memory where there is plenty, else the system's temporary folder, else `/tmp`.
///
/// A cluster is about a thousand files, made at a start and removed after it. ext4 looks at every file that was removed in the last
/// minute before it makes one, so that a second start within that minute takes several times as long as in memory.
pub(super) fn places(run_as: &RunAs) -> Vec<PathBuf> {
    let memory = Some(PathBuf::from(MEMORY)).filter(|memory| free_space(memory) >= PLENTY);
    let temporary = Some(std::env::temp_dir()).filter(|folder| is_suitable(folder, run_as));
    memory.into_iter().chain(temporary).chain([PathBuf::from("/tmp")]).collect()
}

/// Makes a folder in the first of the places that takes one.
pub(super) fn create_in(places: &[PathBuf], run_as: &RunAs) -> Result<RunFolder, ClusterError> {
    let mut refused = None;
    for place in places {
        match RunFolder::create(place, run_as) {
            Ok(folder) => return Ok(folder),
            Err(source) => {
                refused = Some(ClusterError::folder("make a folder in", place, source));
            }
        }
    }
    Err(refused.unwrap_or_else(|| {
        ClusterError::folder("make a folder in", Path::new("/tmp"), io::ErrorKind::NotFound.into())
    }))
}

/// Linux's file system in memory. Containers have one of 64 MB, too small for a cluster.
const MEMORY: &str = "/dev/shm";

/// What must be free in memory: a cluster is 30 MB at first, and its write-ahead log may grow to 256.
const PLENTY: u64 = 2 << 30;

fn free_space(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(0, |space| space.f_bavail * space.f_frsize)
}

/// Whether a socket's path fits and the server's user can get there.
fn is_suitable(folder: &Path, run_as: &RunAs) -> bool {
    let socket = folder.join("overbooked-XXXXXX/.s.PGSQL.65535");
    socket.as_os_str().len() <= SOCKET_PATH_MAX && run_as.barrier(&socket).is_none()
}

/// Removes what killed consoles left below `parent`; their servers, should any still run, are ended first.
///
/// What cannot be removed is left for the next start: a start is no place to fail over somebody's leftovers.
pub(super) async fn sweep(parent: &Path, run_as: &RunAs) {
    for path in abandoned(parent, run_as) {
        tracing::info!(folder = %path.display(), "removing what a killed console left");
        clear(&path).await;
    }
}

/// Ends the server that listens in the folder, if one does, and removes the folder.
pub(super) async fn clear(folder: &Path) {
    for socket in sockets(folder) {
        end_server(&socket).await;
    }
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %folder.display(), %error, "a leftover could not be removed");
    }
}

fn abandoned(parent: &Path, run_as: &RunAs) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .filter(|entry| is_ours(entry, run_as))
        .map(|entry| entry.path())
        .filter(|folder| is_abandoned(folder))
        .collect()
}

/// A folder (no symbolic link) of the server's user or of ourselves.
fn is_ours(entry: &fs::DirEntry, run_as: &RunAs) -> bool {
    entry.metadata().is_ok_and(|folder| {
        folder.is_dir() && (folder.uid() == run_as.uid() || folder.uid() == RunAs::Ourselves.uid())
    })
}

fn is_abandoned(folder: &Path) -> bool {
    match File::open(folder.join(LOCK)) {
        Ok(lock) => !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => is_old(folder),
        Err(_) => false,
    }
}

fn is_old(folder: &Path) -> bool {
    let changed = folder.metadata().and_then(|folder| folder.modified());
    changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > NEWBORN_AGE))
}

fn sockets(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let is_socket = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(".s.PGSQL.") && !name.ends_with(".lock")
    };
    entries.flatten().map(|entry| entry.path()).filter(is_socket).collect()
}

/// The kernel knows which process listens on the socket; a process id read from a file could be somebody else's by now.
async fn end_server(socket: &Path) {
    let Some(postmaster) = listener(socket).await else { return };
    tracing::info!(pid = postmaster.as_raw_nonzero(), "ending a server that outlived its console");
    let _gone_already = kill_process(postmaster, Signal::INT);
    let gone = async {
        let mut look = interval(Duration::from_millis(10));
        while listener(socket).await.is_some() {
            look.tick().await;
        }
    };
    if timeout(PATIENCE, gone).await.is_err() {
        let _gone_by_now = kill_process(postmaster, Signal::QUIT);
    }
}

/// The process that listens on the socket.
pub(super) async fn listener(socket: &Path) -> Option<Pid> {
    let connection = UnixStream::connect(socket).await.ok()?;
    Pid::from_raw(connection.peer_cred().ok()?.pid()?)
}
