//! The embedded PostgreSQL: the machine's own binaries, started privately and thrown away.
//!
//! ```text
//!  binaries ─ find, or download ─▶ template ─ initdb, once ─▶ copy ─▶ start ─▶ Cluster::target
//! ```
//!
//! Nobody else can see a [`Cluster`]: its socket is in a folder that only its owner may enter, no
//! TCP port is open, and two consoles have two clusters. Nothing of it stays either: the server
//! lives as long as its supervisor's standard input is held (see `server`), and what is on disk is
//! removed with it or, after the worst, by the next start (see `folder`).

mod account;
mod advice;
mod binaries;
mod copy;
mod download;
mod error;
mod find;
mod folder;
mod kept;
pub(crate) mod layout;
mod machine;
pub mod marked;
pub mod part;
pub(crate) mod removal;
mod server;
mod settings;
mod template;
mod version;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use account::RunAs;
use folder::RunFolder;
use kept::Kept;
use server::{Launch, Server};

pub use binaries::{Looked, Unfit};
pub use download::DownloadError;
pub use error::ClusterError;
pub(crate) use folder::{HALF_MADE, PREFIX, gateway_place};
pub(crate) use layout::CERTIFICATE;
pub use settings::SUPERUSER;
pub use version::Version;

use crate::pg::Target;
pub use marked::Doubt;

/// How a cluster is to be started. The default is one of the machine's own binaries, thrown away
/// after use.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    /// The folder with `initdb` and `postgres`: `--pg-bin`, or the environment's
    /// `OVERBOOKED_PG_BIN`.
    pub binaries: Option<PathBuf>,
    /// A folder in which the cluster is kept between runs: `--data`.
    pub data: Option<PathBuf>,
    /// A TCP port on 127.0.0.1 as well. Whoever can log in to this machine can then use the
    /// cluster, without a password.
    pub listen_tcp: Option<u16>,
    /// Whether binaries may be fetched from the network.
    pub download: Download,
    /// Where templates are kept, when not in the user's cache folder.
    pub cache: Option<PathBuf>,
    /// Where the running cluster's folder goes, when not in memory or in the system's temporary
    /// folder.
    pub temporary: Option<PathBuf>,
}

/// Whether binaries may be fetched from the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Download {
    /// When the machine has none.
    #[default]
    IfMissing,
    Never,
}

/// What a start is busy with, for a person who waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The list of releases is fetched, since this machine has no PostgreSQL.
    LookingForRelease,
    /// The programs are downloaded, once.
    Downloading { version: String },
    /// What was downloaded is unpacked.
    Unpacking { version: String },
    /// `initdb` runs, once for each version.
    MakingCluster { version: Version },
    /// The server starts.
    Starting { version: Version },
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

/// A private PostgreSQL that runs until this value is stopped or dropped.
#[derive(Debug)]
pub struct Cluster {
    server: Server,
    launch: Launch,
    folder: RunFolder,
    kept: Option<Kept>,
    doubts: Vec<Doubt>,
}

impl Cluster {
    /// Finds binaries, makes a cluster and starts it; returns when it accepts connections.
    pub async fn start(
        options: &ClusterOptions,
        progress: OnProgress<'_>,
    ) -> Result<Self, ClusterError> {
        let run_as = RunAs::choose().map_err(ClusterError::Account)?;
        let binaries = find::binaries(options, &run_as, progress).await?;
        run_as.can_reach(&binaries.postgres())?;
        let kept = options.data.as_deref().map(|data| Kept::open(data, &run_as)).transpose()?;
        let elsewhere = kept.as_ref().map(Kept::data);
        let (mut folder, doubts) = run_folder(options, &run_as, elsewhere.as_deref()).await?;
        let (data, keeping) = if let Some(kept) = &kept {
            (kept.cluster(&binaries, &run_as, progress).await?, Keeping::Kept)
        } else {
            let cache = options.cache.clone().or_else(|| find::cache(&run_as));
            let data = folder.data();
            template::clone_into(&data, cache.as_deref(), &binaries, &run_as, progress).await?;
            (data, Keeping::ThrownAway)
        };
        progress(Progress::Starting { version: binaries.version.clone() });
        folder.hand_over();
        let (tcp, path) = (options.listen_tcp, folder.path().to_owned());
        let launch = Launch { binaries, run_as, keeping, folder: path, data, tcp };
        let server = launch.start().await?;
        Ok(Self { server, launch, folder, kept, doubts })
    }

    /// Where the cluster is: its superuser, in the database `postgres`.
    pub fn target(&self) -> Target {
        Target::unix(self.folder.path(), self.port(), settings::SUPERUSER, "postgres")
    }

    /// What looks like a leftover of a killed program and was left alone, because it may be
    /// somebody else's.
    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }

    /// The server's version.
    pub fn version(&self) -> &Version {
        &self.launch.binaries.version
    }

    /// The port of its socket, and of its TCP port if it has one.
    pub fn port(&self) -> u16 {
        self.launch.port()
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

    /// Whether what it holds outlives it: `--data`.
    pub fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Starts the server again on the same data, after it was killed or in the place of the one
    /// that runs.
    pub async fn restart(&mut self) -> Result<(), ClusterError> {
        self.server.make_way().await.map_err(ClusterError::Stop)?;
        self.server = self.launch.start().await?;
        Ok(())
    }

    /// Ends the server and waits until nothing of it is left but what is to be kept. Its folder
    /// stays, and is named, if somebody has put something into it.
    pub async fn stop(self) -> Result<Option<Doubt>, ClusterError> {
        let Self { server, folder, kept, .. } = self;
        let stopped = server.stop().await.map_err(ClusterError::Stop);
        // Where the supervisor itself was killed, its work is ours.
        let removed = folder.remove(kept.as_ref().map(Kept::data).as_deref()).await;
        stopped.map(|()| removed.err())
    }
}

/// A new folder for a run, in the first place that takes one. Wherever it could be, nothing is left
/// of consoles that were killed.
async fn run_folder(
    options: &ClusterOptions,
    run_as: &RunAs,
    kept: Option<&Path>,
) -> Result<(RunFolder, Vec<Doubt>), ClusterError> {
    let places =
        options.temporary.clone().map_or_else(|| folder::places(run_as), |place| vec![place]);
    let doubts = sweep(&places, run_as).await;
    Ok((folder::create_in(&places, run_as, kept)?, doubts))
}

/// Removes what killed programs have left on this machine, and says what only looks like it.
/// Whoever starts a cluster need not ask.
pub(crate) async fn sweep_leftovers() -> Vec<Doubt> {
    // Without an account to drop to, root has never started a server here.
    let run_as = RunAs::choose().unwrap_or(RunAs::Ourselves);
    sweep(&folder::places(&run_as), &run_as).await
}

async fn sweep(places: &[PathBuf], run_as: &RunAs) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    for place in places.iter().collect::<BTreeSet<_>>() {
        doubts.extend(folder::sweep(place, run_as).await);
    }
    doubts
}
