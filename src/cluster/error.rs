//! Why a cluster could not be started or ended: what was wrong, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use super::advice::how_to_install;
use super::binaries::{Looked, Unfit};
use super::download::DownloadError;
use super::version::Version;

/// Why a cluster could not be started or ended.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No binaries on this machine, and none could be fetched.
    #[error(
        "PostgreSQL 12 or newer was not found on this machine (looked at {looked}) and {download}; \
         {}, name the folder of its programs with --pg-bin, or use your own server with --url",
        how_to_install()
    )]
    NotFound {
        /// Where the search looked.
        looked: Looked,
        /// Why the download failed.
        download: DownloadError,
    },
    /// The binaries' folder that was named will not do.
    #[error(
        "{} has no PostgreSQL to start: {why}; --pg-bin and OVERBOOKED_PG_BIN must name the folder \
         that has initdb and postgres, such as /usr/lib/postgresql/17/bin",
        folder.display()
    )]
    Unfit { folder: PathBuf, why: Unfit },
    /// Root has nobody to drop to.
    #[error("the server does not run as root, and there is no other user to run it as: {0}")]
    Account(io::Error),
    /// The server's user cannot reach a folder.
    #[error(
        "the server cannot run as root and runs as {user}, who may not enter {}; choose another \
         folder",
        folder.display()
    )]
    Unreachable {
        /// The server's user.
        user: String,
        /// The folder that is closed.
        folder: PathBuf,
    },
    /// A folder or file could not be made, copied or changed.
    #[error("cannot {doing} {}: {source}", path.display())]
    Folder {
        /// What was being done.
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// A folder to keep a cluster in has something else in it.
    #[error(
        "{} is neither empty nor a cluster that Overbooked made; --data needs a folder of its own",
        .0.display()
    )]
    NotACluster(PathBuf),
    /// A kept cluster is of another version.
    #[error(
        "the cluster in {} was made by PostgreSQL {theirs} and these programs are {ours}; name the \
         folder of PostgreSQL {theirs}'s programs with --pg-bin",
        data.display()
    )]
    OtherVersion {
        /// The kept cluster's folder.
        data: PathBuf,
        /// The major version that made it.
        theirs: String,
        /// The binaries' version.
        ours: Version,
    },
    /// A kept cluster is being used.
    #[error("the cluster in {} is in use by another console; close that one first", .0.display())]
    InUse(PathBuf),
    /// A program does not run.
    #[error("cannot run {}: {source}", program.display())]
    Program { program: PathBuf, source: io::Error },
    /// `initdb` failed.
    #[error("initdb failed ({status}): {said}")]
    Initdb {
        /// How it ended.
        status: ExitStatus,
        said: String,
    },
    /// The server did not start.
    #[error("the PostgreSQL server {what}; its log ends with\n{log}")]
    Server {
        /// What it did instead of accepting connections.
        what: &'static str,
        /// The last lines of its log.
        log: String,
    },
    /// The server does not end.
    #[error("the PostgreSQL server could not be stopped: {0}")]
    Stop(io::Error),
}

impl ClusterError {
    /// Whether a folder was named that will not do, rather than a server that does not come.
    pub fn is_misuse(&self) -> bool {
        matches!(
            self,
            Self::Unfit { .. }
                | Self::Unreachable { .. }
                | Self::NotACluster(_)
                | Self::OtherVersion { .. }
        )
    }

    pub(super) fn folder(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Folder { doing, path: path.to_owned(), source }
    }

    pub(super) fn program(program: &Path, source: io::Error) -> Self {
        Self::Program { program: program.to_owned(), source }
    }
}
