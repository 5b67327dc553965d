//! A running cluster's own folder, and what becomes of the folders of programs that were killed.
//!
//! What is in it stands in `layout`; how it is known as ours, and as abandoned, in
//! [`marked`](super::marked). The kernel frees the lock, so no way of dying leaves it held.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixStream;
use tokio::time::{interval, timeout};

use super::ClusterError;
use super::account::RunAs;
use super::layout::{DATA, PART_PID, is_part_socket, is_socket};
use super::marked::{Abandoned, Doubt, MarkedFolder, Why, abandoned};

/// How the names of these folders begin.
pub(crate) const PREFIX: &str = "overbooked-";

/// How long a server that was told to end may take before it is told to end at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest path of a socket that every system takes: 104 bytes with the closing zero on macOS,
/// 108 on Linux.
const SOCKET_PATH_MAX: usize = 103;

/// A folder of our own, locked while this value lives.
#[derive(Debug)]
pub(super) struct RunFolder {
    marked: MarkedFolder,
    owners: [u32; 2],
}

impl RunFolder {
    /// Makes a folder below `parent`, for a server whose data are in it or in a folder that is
    /// kept.
    fn create(parent: &Path, run_as: &RunAs, kept: Option<&Path>) -> io::Result<Self> {
        let marked = MarkedFolder::create(parent, PREFIX, kept)?;
        run_as.give(marked.path())?;
        Ok(Self { marked, owners: owners(run_as) })
    }

    /// From now on there is a supervisor that ends the server first and then removes the folder.
    pub(super) fn hand_over(&mut self) {
        self.marked.hand_over();
    }

    pub(super) fn path(&self) -> &Path {
        self.marked.path()
    }

    /// Where a cluster that is thrown away lives.
    pub(super) fn data(&self) -> PathBuf {
        self.path().join(DATA)
    }

    /// Removes what a supervisor has left that was killed itself, or that found something in the
    /// folder that is not ours.
    pub(super) async fn remove(self, kept: Option<&Path>) -> Result<(), Doubt> {
        let path = self.path().to_owned();
        if !path.exists() {
            return Ok(());
        }
        end_servers(&path, kept).await?;
        self.marked.remove(&self.owners)
    }
}

/// Whom the files of a run may belong to: us, and the user that the server runs as.
pub(super) fn owners(run_as: &RunAs) -> [u32; 2] {
    [run_as.uid(), RunAs::Ourselves.uid()]
}

/// Where folders may go, the best place first: memory where there is plenty, else the system's
/// temporary folder, else `/tmp`.
///
/// A cluster is about a thousand files, made at a start and removed after it. ext4 looks at every
/// file that was removed in the last minute before it makes one, so that a second start within that
/// minute takes several times as long as in memory.
pub(super) fn places(run_as: &RunAs) -> Vec<PathBuf> {
    let memory = Some(PathBuf::from(MEMORY)).filter(|memory| free_space(memory) >= PLENTY);
    let temporary = Some(std::env::temp_dir()).filter(|folder| is_suitable(folder, run_as));
    memory.into_iter().chain(temporary).chain([PathBuf::from("/tmp")]).collect()
}

/// Where an optimistic engine's folder goes that has no server of ours behind it: the path of its
/// socket must fit.
pub(crate) fn gateway_place() -> PathBuf {
    let temporary = std::env::temp_dir();
    let socket = temporary.join("overbooked-00000000/.s.PGSQL.65535");
    if is_short(&socket) { temporary } else { PathBuf::from("/tmp") }
}

/// Makes a folder in the first of the places that takes one.
pub(super) fn create_in(
    places: &[PathBuf],
    run_as: &RunAs,
    kept: Option<&Path>,
) -> Result<RunFolder, ClusterError> {
    let mut refused = None;
    for place in places {
        match RunFolder::create(place, run_as, kept) {
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

/// What must be free in memory: a cluster is 30 MB at first, and its write-ahead log may grow to
/// 256.
const PLENTY: u64 = 2 << 30;

fn free_space(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(0, |space| space.f_bavail * space.f_frsize)
}

/// Whether the path of a socket fits, also of one in an optimistic engine's folder below, and the
/// server's user can get there.
fn is_suitable(folder: &Path, run_as: &RunAs) -> bool {
    let socket = folder.join("overbooked-00000000/overbooked-00000000/.s.PGSQL.65535");
    is_short(&socket) && run_as.barrier(&socket).is_none()
}

fn is_short(socket: &Path) -> bool {
    socket.as_os_str().len() <= SOCKET_PATH_MAX
}

/// Removes what killed programs left below `parent`; their servers, should any still run, are ended
/// first. Says what only looks like it.
///
/// What cannot be removed is left for the next start: a start is no place to fail over somebody's
/// leftovers.
pub(super) async fn sweep(parent: &Path, run_as: &RunAs) -> Vec<Doubt> {
    let owners = owners(run_as);
    let (found, mut doubts) = abandoned(parent, PREFIX, &owners);
    for folder in found {
        tracing::info!(folder = %folder.path().display(), "removing what a killed program left");
        doubts.extend(clear(folder, &owners).await.err());
    }
    doubts
}

/// How the names of folders begin in which something is made that gets its own name when it is
/// whole: a cluster, a certificate.
pub(crate) const HALF_MADE: &str = "half-made-";

/// Removes what starts left below `parent` that were killed while they made a cluster. What is in
/// doubt is in the log.
pub(super) fn sweep_half_made(parent: &Path, run_as: &RunAs) {
    let owners = owners(run_as);
    for folder in abandoned(parent, HALF_MADE, &owners).0 {
        let _left_alone = folder.remove(&owners);
    }
}

async fn clear(folder: Abandoned, owners: &[u32]) -> Result<(), Doubt> {
    end_servers(folder.path(), folder.mark().data()).await?;
    folder.remove(owners)
}

/// Ends the servers that listen in the folder. One that is not ours to end is a doubt.
async fn end_servers(folder: &Path, kept: Option<&Path>) -> Result<(), Doubt> {
    for socket in sockets(folder, is_socket) {
        end_server(folder, &socket, kept).await?;
    }
    for socket in sockets(folder, is_part_socket) {
        end_part(folder, &socket).await?;
    }
    for process in part_processes(folder) {
        end_at_work(folder, process).await;
    }
    Ok(())
}

/// The processes that were started for the part in this folder, by what was written there.
fn part_processes(folder: &Path) -> Vec<Pid> {
    let started = fs::read_to_string(folder.join(PART_PID)).unwrap_or_default();
    let started = started.lines().filter_map(|line| Pid::from_raw(line.trim().parse().ok()?));
    started.collect()
}

/// Kills a process that has the folder as its working directory, as a part's have: by its number
/// alone it could be somebody else's. Where the system does not say so, it is left.
async fn end_at_work(folder: &Path, process: Pid) {
    let place = PathBuf::from(format!("/proc/{}/cwd", process.as_raw_nonzero()));
    let is_there = || fs::read_link(&place).is_ok_and(|working_in| working_in == folder);
    if !is_there() {
        return;
    }
    tracing::info!(pid = process.as_raw_nonzero(), "ending a part that outlived its program");
    let _gone_already = kill_process(process, Signal::KILL);
    let gone = async {
        let mut look = interval(Duration::from_millis(10));
        while is_there() {
            look.tick().await;
        }
    };
    let _gone_in_time = timeout(PATIENCE, gone).await;
}

fn sockets(folder: &Path, is_one: fn(&str) -> bool) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let named = entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_one));
    named.map(|entry| entry.path()).collect()
}

/// Kills a part's server whose supervisor was killed too: nothing of it is to be kept.
async fn end_part(folder: &Path, socket: &Path) -> Result<(), Doubt> {
    let Some(server) = listener(socket).await else { return Ok(()) };
    if !part_processes(folder).contains(&server) {
        return Err(Doubt::new(folder, Why::Server));
    }
    tracing::info!(pid = server.as_raw_nonzero(), "ending a part that outlived its program");
    let _gone_already = kill_process(server, Signal::KILL);
    Ok(())
}

/// The kernel knows which process listens on the socket; a process id read from a file could be
/// somebody else's by now.
async fn end_server(folder: &Path, socket: &Path, kept: Option<&Path>) -> Result<(), Doubt> {
    let Some(postmaster) = listener(socket).await else { return Ok(()) };
    if !is_own(postmaster, socket, kept.unwrap_or(&folder.join(DATA))) {
        return Err(Doubt::new(folder, Why::Server));
    }
    tracing::info!(pid = postmaster.as_raw_nonzero(), "ending a server that outlived its program");
    let _gone_already = kill_process(postmaster, Signal::INT);
    let gone = async {
        let mut look = interval(Duration::from_millis(10));
        while listener(socket).await == Some(postmaster) {
            look.tick().await;
        }
    };
    if timeout(PATIENCE, gone).await.is_err() && listener(socket).await == Some(postmaster) {
        let _gone_by_now = kill_process(postmaster, Signal::QUIT);
    }
    Ok(())
}

/// Whether the process that listens here is the server of these data: it says so in the file beside
/// its socket, whose first line is its process id and whose second the folder of its data
/// (PostgreSQL's `pidfile.h`), and no link has led us elsewhere.
fn is_own(postmaster: Pid, socket: &Path, data: &Path) -> bool {
    let mut record = socket.as_os_str().to_owned();
    record.push(".lock");
    let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let Ok(text) = fs::read_to_string(&record) else { return false };
    let mut lines = text.lines();
    let (process, theirs) = (lines.next(), lines.next());
    process.and_then(|line| line.trim().parse().ok()) == Some(postmaster.as_raw_nonzero().get())
        && theirs.is_some_and(|theirs| Path::new(theirs) == data)
        && !is_link(socket)
        && !is_link(Path::new(&record))
}

/// The process that listens on the socket.
pub(super) async fn listener(socket: &Path) -> Option<Pid> {
    let connection = UnixStream::connect(socket).await.ok()?;
    Pid::from_raw(connection.peer_cred().ok()?.pid()?)
}
