//! Where debuggers are found by whoever does not say which: in a folder of their user's.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use tokio::net::UnixListener;

use super::address::Address;
use super::client::Client;
use super::socket_file::{self, SOCKET, SocketError, SocketFile, own_user};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Nobody,
    One(Address),
    Several(Vec<Address>),
}

/// The folders in which debuggers of this user are found, the best first: whoever is called by cron
/// or by `sudo` may know another than the desktop.
pub fn folders() -> Vec<PathBuf> {
    let Ok(known) = etcetera::choose_base_strategy() else { return Vec::new() };
    let runtime = known.runtime_dir().filter(|folder| is_own(folder));
    let state = known.state_dir().unwrap_or_else(|| known.data_dir());
    let all = runtime.into_iter().chain([state]);
    all.map(|folder| folder.join("overbooked/debuggers")).collect()
}

fn is_own(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|it| it.is_dir() && it.uid() == own_user())
}

/// Listens in the first of these folders in which that can be done.
pub(super) fn listen(folders: &[PathBuf]) -> Result<(SocketFile, UnixListener), SocketError> {
    let mut last = None;
    for folder in folders {
        match listen_in(folder) {
            Ok(listening) => return Ok(listening),
            Err(why) => last = Some(why),
        }
    }
    Err(last.unwrap_or_else(|| SocketError::Io {
        path: PathBuf::from("overbooked/debuggers"),
        source: io::Error::new(io::ErrorKind::NotFound, "there is no home folder"),
    }))
}

fn listen_in(folder: &Path) -> Result<(SocketFile, UnixListener), SocketError> {
    let path = folder.join(format!("{}{SOCKET}", std::process::id()));
    let failed = |source| SocketError::Io { path: path.clone(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    if !is_own(folder) {
        return Err(SocketError::Unsafe(folder.to_owned()));
    }
    fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(failed)?;
    socket_file::sweep(folder);
    let (file, listener) = SocketFile::listen(&path)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let listener = UnixListener::from_std(listener).map_err(failed)?;
    Ok((file, listener))
}

/// The debuggers that answer there.
pub async fn find(folders: &[PathBuf]) -> Found {
    // Both may be the same folder, also by a link.
    let folders = folders.iter().filter_map(|folder| folder.canonicalize().ok());
    let folders: BTreeSet<PathBuf> = folders.collect();
    let mut found = Vec::new();
    for path in folders.iter().flat_map(|folder| sockets(folder)) {
        let address = Address::Socket(path);
        if Client::connect(&address).await.is_ok() {
            found.push(address);
        }
    }
    match found.len() {
        0 => Found::Nobody,
        1 => Found::One(found.remove(0)),
        _ => Found::Several(found),
    }
}

fn sockets(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.flatten().map(|entry| entry.path());
    let is_socket = |path: &PathBuf| path.to_string_lossy().ends_with(SOCKET);
    let mut paths: Vec<_> = paths.filter(is_socket).collect();
    paths.sort();
    paths
}
