//! A cluster that is kept between runs: `--data DIR`.
//!
//! ```text
//!  DIR/
//!     lock          held (flock) by the console that uses the cluster
//!     cluster/      the cluster; there only when initdb has finished
//!     half-made-5c1f09aa/    while it is made; what a killed first start left is known by its mark
//! ```
//!
//! Nothing is ever removed but that, and a folder with anything else in it is refused.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::{interval, timeout};

use super::account::RunAs;
use super::binaries::Binaries;
use super::folder::HALF_MADE;
use super::folder::{listener, owners, sweep_half_made};
use super::layout::DATA;
use super::marked::{MarkedFolder, is_name};
use super::{ClusterError, Keeping, OnProgress, template};

const LOCK: &str = "lock";
const CLUSTER: &str = "cluster";

/// How long the server of a console that was killed a moment ago may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// A kept cluster that is ours to start while this value lives.
#[derive(Debug)]
pub(super) struct Kept {
    folder: PathBuf,
    _lock: File,
}

impl Kept {
    /// Takes possession of the folder, which is made if it is missing.
    pub(super) fn open(folder: &Path, run_as: &RunAs) -> Result<Self, ClusterError> {
        let failed = |source| ClusterError::folder("keep a cluster in", folder, source);
        let is_new = !folder.exists();
        fs::create_dir_all(folder).map_err(failed)?;
        // postgres has another working folder than we.
        let folder = fs::canonicalize(folder).map_err(failed)?;
        run_as.can_reach(&folder.join(CLUSTER))?;
        if !is_new && !is_ours(&folder).map_err(failed)? {
            return Err(ClusterError::NotACluster(folder));
        }
        let lock = File::options().create(true).append(true).open(folder.join(LOCK));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(ClusterError::InUse(folder)),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Where the cluster is, or will be.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join(CLUSTER)
    }

    /// The cluster's folder, made by `initdb` the first time.
    pub(super) async fn cluster(
        &self,
        binaries: &Binaries,
        run_as: &RunAs,
        progress: OnProgress<'_>,
    ) -> Result<PathBuf, ClusterError> {
        let cluster = self.data();
        if cluster.exists() {
            self.check_version(&cluster, binaries)?;
            self.wait_for_previous(&cluster).await?;
        } else {
            self.make(&cluster, binaries, run_as, progress).await?;
        }
        Ok(cluster)
    }

    async fn make(
        &self,
        cluster: &Path,
        binaries: &Binaries,
        run_as: &RunAs,
        progress: OnProgress<'_>,
    ) -> Result<(), ClusterError> {
        let failed = |source| ClusterError::folder("make a cluster in", &self.folder, source);
        sweep_half_made(&self.folder, run_as);
        let half_made = MarkedFolder::create(&self.folder, HALF_MADE, None).map_err(failed)?;
        run_as.give(half_made.path()).map_err(failed)?;
        let data = half_made.path().join(DATA);
        template::initdb(&data, Keeping::Kept, binaries, run_as, progress).await?;
        fs::rename(&data, cluster).map_err(failed)?;
        // An empty folder with a mark is nothing to fail over.
        let _left_alone = half_made.remove(&owners(run_as));
        Ok(())
    }

    /// A cluster's files are readable for one major version only.
    fn check_version(&self, cluster: &Path, binaries: &Binaries) -> Result<(), ClusterError> {
        let theirs = fs::read_to_string(cluster.join("PG_VERSION"))
            .map_err(|_| ClusterError::NotACluster(self.folder.clone()))?;
        let theirs = theirs.trim();
        if theirs == binaries.version.major().to_string() {
            return Ok(());
        }
        let (theirs, ours) = (theirs.to_owned(), binaries.version.clone());
        Err(ClusterError::OtherVersion { data: self.folder.clone(), theirs, ours })
    }

    /// We have the lock, so a server that still listens is ending: its console is gone.
    async fn wait_for_previous(&self, cluster: &Path) -> Result<(), ClusterError> {
        let Some(socket) = recorded_socket(cluster) else { return Ok(()) };
        let gone = async {
            let mut look = interval(Duration::from_millis(10));
            while listener(&socket).await.is_some() {
                look.tick().await;
            }
        };
        timeout(PATIENCE, gone).await.map_err(|_| ClusterError::InUse(self.folder.clone()))
    }
}

/// Whether nothing but our own files is in there.
fn is_ours(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if ![LOCK, CLUSTER].iter().any(|ours| name == *ours) && !is_name(&name, HALF_MADE) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The socket that `postmaster.pid` names: the port is its fourth line, the folder its fifth
/// (PostgreSQL's `pidfile.h`).
fn recorded_socket(cluster: &Path) -> Option<PathBuf> {
    let status = fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    let mut lines = status.lines().skip(3);
    let (port, folder) = (lines.next()?, lines.next()?);
    Some(Path::new(folder).join(format!(".s.PGSQL.{port}")))
}
