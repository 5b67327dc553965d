//! The embedded PostgreSQL: the machine's own binaries, started privately and thrown away.
//!
//! ```text
//!  binaries ── find, or download ──▶ template ── initdb, once ──▶ copy ──▶ start ──▶ Cluster::target
//! ```
//!
//! Nobody else can see a [`Cluster`]: its socket is in a folder that only its owner may enter, no TCP port is open, and two consoles
//! have two clusters. Nothing of it stays either: the server lives as long as its supervisor's standard input
//! is held (see `server`), and what is on disk is removed with it or, after the worst, by the next start (see `folder`).

mod account;
mod binaries;
mod copy;
mod folder;
mod machine;
mod server;
mod settings;
mod template;
mod version;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use account::RunAs;
use binaries::Binaries;
use folder::RunFolder;
use server::{Launch, Server};

pub use binaries::{Looked, Unfit};
pub use settings::SUPERUSER;
pub use version::Version;

/// How a cluster is to be started. The default is one of the machine's own binaries, thrown away after use.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    /// The folder with `initdb` and `postgres`: `--pg-bin`, or the environment's `OVERBOOKED_PG_BIN`.
    pub binaries: Option<PathBuf>,
    /// A folder in which the cluster is kept between runs: `--data`.
    pub data: Option<PathBuf>,
    /// A TCP port on 127.0.0.1 as well. Whoever can log in to this machine can then use the cluster, without a password.
    pub listen_tcp: Option<u16>,
    /// Where templates are kept, when not in the user's cache folder.
    pub cache: Option<PathBuf>,
    /// Where the running cluster's folder goes, when not in the system's temporary folder.
    pub temporary: Option<PathBuf>,
}

/// What a start is busy with, for a person who waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// `initdb` runs, once for each version.
    MakingCluster {
        /// Of PostgreSQL.
        version: Version,
    },
    /// The server starts.
    Starting {
        /// Of PostgreSQL.
        version: Version,
    },
}

/// Who is told of a start's [`Progress`].
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// What becomes of a cluster after its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeping {
    /// It goes with its folder.
    ThrownAway,
    /// It stays in a folder of the user's.
    Kept,
}

impl Keeping {
    /// How its server is ended: at once, or with everything written down.
    fn signal(self) -> &'static str {
        match self {
            Self::ThrownAway => "QUIT",
            Self::Kept => "INT",
        }
    }
}

/// Why a cluster could not be started or ended.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No binaries on this machine.
    #[error("no PostgreSQL 12 to 18 found (looked at {0})")]
    NotFound(Looked),
    /// The binaries' folder that was named will not do.
    #[error("{} cannot be used as PostgreSQL's binaries: {why}", folder.display())]
    Unfit {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        why: Unfit,
    },
    /// Root has nobody to drop to.
    #[error("cannot choose a user for the server")]
    Account(#[source] io::Error),
    /// A folder or file could not be made, copied or changed.
    #[error("cannot {doing} {}", path.display())]
    Folder {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A program does not run.
    #[error("cannot run {}", program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("initdb failed ({status}): {said}")]
    Initdb {
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        said: String,
    },
    /// The server did not start.
    #[error("the PostgreSQL server {what}; its log ends with\n{log}")]
    Server {
        /// What it did instead.
        what: &'static str,
        /// The last lines of its log.
        log: String,
    },
    /// The server does not end.
    #[error("the PostgreSQL server could not be stopped")]
    Stop(#[source] io::Error),
}

impl ClusterError {
    fn folder(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Folder { doing, path: path.to_owned(), source }
    }

    fn program(program: &Path, source: io::Error) -> Self {
        Self::Program { program: program.to_owned(), source }
    }
}

/// A private PostgreSQL that runs until this value is stopped or dropped.
#[derive(Debug)]
pub struct Cluster {
    server: Server,
    folder: RunFolder,
    data: PathBuf,
    keeping: Keeping,
    binaries: Binaries,
    run_as: RunAs,
    tcp: Option<u16>,
}

impl Cluster {
    /// Finds binaries, makes a cluster and starts it; returns when it accepts connections.
    pub async fn start(
        options: &ClusterOptions,
        progress: OnProgress<'_>,
    ) -> Result<Self, ClusterError> {
        let binaries = find_binaries(options).await?;
        let run_as = RunAs::choose().map_err(ClusterError::Account)?;
        let parent = options.temporary.clone().unwrap_or_else(|| folder::parent(&run_as));
        folder::sweep(&parent, &run_as).await;
        let folder = RunFolder::create(&parent, &run_as)
            .map_err(|source| ClusterError::folder("make a folder in", &parent, source))?;
        let (data, keeping) = (folder.data(), Keeping::ThrownAway);
        let cache = options.cache.clone().or_else(|| cache_folder(&run_as));
        template::clone_into(&data, cache.as_deref(), &binaries, &run_as, progress).await?;
        progress(Progress::Starting { version: binaries.version.clone() });
        let tcp = options.listen_tcp;
        let launch = Launch {
            binaries: &binaries,
            run_as: &run_as,
            keeping,
            folder: folder.path(),
            data: &data,
            tcp,
        };
        let server = launch.start().await?;
        Ok(Self { server, folder, data, keeping, binaries, run_as, tcp })
    }

    /// The server's version.
    pub fn version(&self) -> &Version {
        &self.binaries.version
    }

    /// The port of its socket, and of its TCP port if it has one.
    pub fn port(&self) -> u16 {
        self.tcp.unwrap_or(settings::SOCKET_PORT)
    }

    /// The folder that the socket is in and that goes with the cluster.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Whether the server runs. It may have been killed by somebody else.
    pub fn is_running(&self) -> bool {
        self.server.is_running()
    }

    /// Waits until the server has ended, which it does not by itself.
    pub async fn exited(&self) {
        self.server.exited().await;
    }

    /// Starts the server again on the same data, after it was killed or in the place of the one that runs.
    pub async fn restart(&mut self) -> Result<(), ClusterError> {
        self.server.make_way().await.map_err(ClusterError::Stop)?;
        let launch = Launch {
            binaries: &self.binaries,
            run_as: &self.run_as,
            keeping: self.keeping,
            folder: self.folder.path(),
            data: &self.data,
            tcp: self.tcp,
        };
        self.server = launch.start().await?;
        Ok(())
    }

    /// Ends the server and waits until nothing of it is left.
    pub async fn stop(self) -> Result<(), ClusterError> {
        let Self { server, folder, .. } = self;
        let stopped = server.stop().await.map_err(ClusterError::Stop);
        if folder.path().exists() {
            folder::clear(folder.path()).await;
        }
        stopped
    }
}

async fn find_binaries(options: &ClusterOptions) -> Result<Binaries, ClusterError> {
    let named = options.binaries.clone();
    let search = move || match named {
        Some(folder) => binaries::examine(&machine::ThisMachine, &folder)
            .map_err(|why| ClusterError::Unfit { folder, why }),
        None => binaries::search(&machine::ThisMachine).map_err(ClusterError::NotFound),
    };
    tokio::task::spawn_blocking(search)
        .await
        .map_err(|error| ClusterError::program(Path::new("postgres"), io::Error::other(error)))?
}

/// The user's cache folder; root's own is closed to the server's user, so root has the machine's.
fn cache_folder(run_as: &RunAs) -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    if run_as.is_dropped() {
        return Some(PathBuf::from("/var/cache/overbooked"));
    }
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.cache_dir().join("overbooked"))
}

fn log_file(data: &Path) -> PathBuf {
    data.join("server.log")
}
