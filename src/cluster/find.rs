//! Which binaries to start, and where the files go that outlive a run.

use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use super::account::RunAs;
use super::binaries::{Binaries, Looked, examine, search};
use super::download::{DownloadError, download, downloaded};
use super::machine::ThisMachine;
use super::{ClusterError, ClusterOptions, Download, OnProgress};

/// The folder that was named, else the newest of this machine's, else what was downloaded, else
/// what can be.
pub(super) async fn binaries(
    options: &ClusterOptions,
    run_as: &RunAs,
    progress: OnProgress<'_>,
) -> Result<Binaries, ClusterError> {
    if let Some(folder) = options.binaries.clone() {
        return on_this_machine(move || {
            examine(&ThisMachine, &folder).map_err(|why| ClusterError::Unfit { folder, why })
        })
        .await;
    }
    let store = store(run_as);
    let known = store.clone();
    let found = on_this_machine(move || Ok(search_with(known.as_deref()))).await?;
    match (found, store, options.download) {
        (Ok(binaries), ..) => Ok(binaries),
        (Err(looked), store, Download::IfMissing) => fetch(store, progress)
            .await
            .map_err(|download| ClusterError::NotFound { looked, download }),
        (Err(looked), _, Download::Never) => {
            Err(ClusterError::NotFound { looked, download: DownloadError::Unwanted })
        }
    }
}

fn search_with(store: Option<&Path>) -> Result<Binaries, Looked> {
    search(&ThisMachine)
        .or_else(|looked| store.and_then(|store| downloaded(&ThisMachine, store)).ok_or(looked))
}

async fn fetch(
    store: Option<PathBuf>,
    progress: OnProgress<'_>,
) -> Result<Binaries, DownloadError> {
    download(&store.ok_or(DownloadError::NoFolder)?, progress).await
}

/// Asking a machine means running its programs: off the event loop.
async fn on_this_machine<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ClusterError> + Send + 'static,
) -> Result<T, ClusterError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ClusterError::program(Path::new("postgres"), io::Error::other(error)))?
}

/// Where templates are. Root's own folders are closed to the server's user, so root has the
/// machine's.
pub(super) fn cache(run_as: &RunAs) -> Option<PathBuf> {
    if run_as.is_dropped() {
        return Some(PathBuf::from("/var/cache/overbooked"));
    }
    let folders = etcetera::choose_base_strategy().ok()?;
    Some(folders.cache_dir().join("overbooked"))
}

/// Where downloaded binaries are.
fn store(run_as: &RunAs) -> Option<PathBuf> {
    if run_as.is_dropped() {
        return Some(PathBuf::from("/var/lib/overbooked/postgresql"));
    }
    let folders = etcetera::choose_base_strategy().ok()?;
    Some(folders.data_dir().join("overbooked/postgresql"))
}
