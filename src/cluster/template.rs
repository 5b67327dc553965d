//! Clusters made by `initdb`: a template for each version of the binaries, made once, copied at
//! every start.
//!
//! `initdb` takes about half a second, a copy of its 28 MB a few hundredths. A template is made
//! beside its place under a temporary name and renamed, under a lock, so that two first starts
//! share one and a killed one leaves none that is half made.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::process::Command;

use super::account::RunAs;
use super::binaries::Binaries;
use super::copy::copy_folder;
use super::folder::{HALF_MADE, owners, sweep_half_made};
use super::layout::DATA;
use super::marked::MarkedFolder;
use super::settings::{self, LAYOUT};
use super::{ClusterError, Keeping, OnProgress, Progress};
use crate::core::event::octets;

/// Makes the cluster's folder `data` as a copy of the template in `cache`, which is made first
/// where it is missing.
///
/// A cache that cannot be written (no home folder, a read-only one) costs time, not the start.
pub(super) async fn clone_into(
    data: &Path,
    cache: Option<&Path>,
    binaries: &Binaries,
    run_as: &RunAs,
    progress: OnProgress<'_>,
) -> Result<(), ClusterError> {
    let Some(cache) = cache.filter(|cache| prepare(cache, run_as)) else {
        return initdb(data, Keeping::ThrownAway, binaries, run_as, progress).await;
    };
    let template = ensure(cache, binaries, run_as, progress).await?;
    let (to, run_as) = (data.to_owned(), run_as.clone());
    blocking(move || copy_folder(&template, &to, &run_as))
        .await
        .map_err(|source| ClusterError::folder("copy the template to", data, source))
}

/// Runs `initdb` and puts our settings in the place of its own.
pub(super) async fn initdb(
    data: &Path,
    keeping: Keeping,
    binaries: &Binaries,
    run_as: &RunAs,
    progress: OnProgress<'_>,
) -> Result<(), ClusterError> {
    progress(Progress::MakingCluster { version: binaries.version.clone() });
    let mut command = server_command(&binaries.initdb(), run_as);
    command.args(settings::INITDB).arg("-D").arg(data);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.map_err(|source| ClusterError::program(&binaries.initdb(), source))?;
    if !output.status.success() {
        return Err(initdb_failed(output.status, &output.stderr));
    }
    write_settings(data, keeping, run_as)
        .map_err(|source| ClusterError::folder("write the settings of", data, source))
}

fn initdb_failed(status: ExitStatus, stderr: &[u8]) -> ClusterError {
    let said = octets::spelled_out(stderr).trim().to_owned();
    ClusterError::Initdb { status, said }
}

fn write_settings(data: &Path, keeping: Keeping, run_as: &RunAs) -> io::Result<()> {
    let configuration = settings::configuration(keeping);
    let files = [("postgresql.conf", configuration.as_str()), ("pg_hba.conf", settings::ACCESS)];
    for (name, text) in files {
        let path = data.join(name);
        fs::write(&path, text)?;
        run_as.give(&path)?;
    }
    Ok(())
}

/// A program of PostgreSQL's: as the server's user, from a folder that this user can enter, and
/// blind to the `PG*` variables that tell *clients* where to go (`initdb` and `postgres` read some
/// of them as well).
pub(super) fn server_command(program: &Path, run_as: &RunAs) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").env("LC_ALL", "C");
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG"))
    {
        command.env_remove(name);
    }
    run_as.apply(&mut command);
    command
}

/// The template's folder, made if need be by whoever gets the lock first.
async fn ensure(
    cache: &Path,
    binaries: &Binaries,
    run_as: &RunAs,
    progress: OnProgress<'_>,
) -> Result<PathBuf, ClusterError> {
    let template = cache.join(format!("postgresql-{}-layout-{LAYOUT}", binaries.version));
    if template.exists() {
        return Ok(template);
    }
    let _lock = lock(cache).await?;
    if !template.exists() {
        make(&template, cache, binaries, run_as, progress).await?;
    }
    Ok(template)
}

async fn make(
    template: &Path,
    cache: &Path,
    binaries: &Binaries,
    run_as: &RunAs,
    progress: OnProgress<'_>,
) -> Result<(), ClusterError> {
    let failed = |source| ClusterError::folder("make a template in", cache, source);
    // We hold the lock: nobody else makes one.
    sweep_half_made(cache, run_as);
    let half_made = MarkedFolder::create(cache, HALF_MADE, None).map_err(failed)?;
    run_as.give(half_made.path()).map_err(failed)?;
    let data = half_made.path().join(DATA);
    initdb(&data, Keeping::ThrownAway, binaries, run_as, progress).await?;
    fs::rename(&data, template).map_err(failed)?;
    // An empty folder with a mark is nothing to fail over.
    let _left_alone = half_made.remove(&owners(run_as));
    Ok(())
}

async fn lock(cache: &Path) -> Result<File, ClusterError> {
    let path = cache.join("lock");
    let file = blocking(move || {
        let file = File::options().create(true).append(true).open(path)?;
        file.lock().map(|()| file)
    });
    file.await.map_err(|source| ClusterError::folder("lock", cache, source))
}

/// Whether the cache is there now, can be written, and can be entered by the server's user.
fn prepare(cache: &Path, run_as: &RunAs) -> bool {
    let made = fs::create_dir_all(cache).and_then(|()| run_as.give(cache));
    let written = made.and_then(|()| tempfile::tempfile_in(cache).map(drop));
    if let Err(error) = &written {
        tracing::warn!(cache = %cache.display(), %error, "no template is kept");
    }
    written.is_ok() && run_as.barrier(&cache.join("template")).is_none()
}

/// Runs file work off the event loop.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
