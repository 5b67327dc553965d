//! From the command line's words to an engine that answers, and to a recording.

use std::fmt;
use std::io::{self, Write as _};
use std::num::NonZero;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use color_eyre::eyre;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

mod display;
pub mod history;
mod interruption;
pub mod settings;

use crate::cluster::{Cluster, ClusterOptions, sweep_leftovers};
use crate::commands::cli::{EngineArgs, EngineChoice};
use crate::commands::exit::{Exit, Failure};
use crate::commands::launch::display::Display;
use crate::core::error_chain::with_causes;
use crate::core::scenario::EngineKind;
use crate::gateway::{ALONE, BEHIND_ITSELF};
use crate::observer::flavor;
use crate::pg::{Connection, Environment, Target};
use crate::run::engines::Engines;
use crate::run::guardian::{self, Guardian};
use crate::tui::recording::{Ending, Recording};

pub use interruption::interruption;

/// A runtime with one thread, for a few sessions that take turns: the servers do the work, and
/// handing each answer from thread to thread would cost more than it spreads, and take the servers'
/// processors.
pub fn one_thread() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// A runtime for any number of clients: of four processors one, since behind each of them a server
/// has three times the work, and a thread that finds nothing to do costs those that have.
pub fn many_clients() -> io::Result<Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = processors.div_ceil(4);
    if threads == 1 {
        return one_thread();
    }
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}

/// An engine that has answered: the server that `--url` names, or a private PostgreSQL, started.
pub async fn engine(arguments: &EngineArgs) -> Result<Engines, Failure> {
    match &arguments.url {
        Some(url) => named_server(url, arguments.engine).await,
        None => private_server(arguments).await,
    }
}

/// The same for sessions that are stepped: on somebody's server, with a guardian of what they do
/// there.
pub async fn guarded_engine(arguments: &EngineArgs) -> Result<Engines, Failure> {
    if arguments.url.is_none() {
        return engine(arguments).await;
    }
    let (engines, guardian) = tokio::join!(engine(arguments), start_guardian());
    let engines = engines?;
    match guardian {
        Ok(guardian) => Ok(engines.guarded_by(guardian)),
        Err(error) => {
            name(&[format!(
                "cannot start the process that would cancel your sessions' statements if this one \
                 were killed: {error}"
            )]);
            Ok(engines)
        }
    }
}

async fn start_guardian() -> io::Result<Guardian> {
    Guardian::start(&std::env::current_exe()?).await
}

/// Is the guardian of the program that has started this one.
pub fn guard() -> eyre::Result<Exit> {
    let line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    if line.peer_addr().is_err() {
        let words =
            format!("`{}` is started by overbooked itself, not by hand", guardian::SUBCOMMAND);
        return Err(Failure::misuse(words).into());
    }
    one_thread()?.block_on(guardian::keep(line))?;
    Ok(Exit::Fine)
}

/// A guarded engine, or none if a signal comes before it answers.
pub async fn engine_unless(
    interrupted: &CancellationToken,
    arguments: &EngineArgs,
) -> Result<Option<Engines>, Failure> {
    tokio::select! {
        biased;
        engines = guarded_engine(arguments) => engines.map(Some),
        () = interrupted.cancelled() => Ok(None),
    }
}

async fn named_server(url: &str, engine: Option<EngineChoice>) -> Result<Engines, Failure> {
    let target = Target::resolve(Some(url), &Environment::of_process());
    let target = target.map_err(|error| Failure::misuse(format!("--url: {error}")))?;
    for warning in target.warnings() {
        let _ = writeln!(io::stderr(), "overbooked: {warning}");
    }
    name(&sweep_leftovers().await);
    // What is wrong with an address or a password is said here, on the terminal, before the screen
    // opens.
    let connection = Connection::connect(&target).await?;
    match (flavor::is_optimistic(&connection), engine) {
        (true, Some(EngineChoice::Optimistic)) => {
            Err(Failure::misuse(format!("--url: {BEHIND_ITSELF}")))
        }
        (true, _) => Ok(Engines::at(target).fixed_to(EngineKind::Optimistic)),
        (false, _) => Ok(Engines::at(target)),
    }
}

/// Whether both engines can be had, for what plays on both.
pub fn need_both(engines: &Engines) -> Result<(), Failure> {
    match engines.fixed() {
        Some(_) => Err(Failure::misuse(format!("--url: {ALONE}"))),
        None => Ok(()),
    }
}

async fn private_server(arguments: &EngineArgs) -> Result<Engines, Failure> {
    let engines = Engines::embedded(cluster_options(arguments));
    let display = Display::new();
    let _bytes = display.count_bytes();
    engines.start(&|progress| display.show(&progress)).await?;
    display.clear();
    name(&engines.doubts().await);
    Ok(engines)
}

/// The private PostgreSQL that the arguments ask for, started for itself.
pub async fn private_cluster(arguments: &EngineArgs) -> Result<Cluster, Failure> {
    let display = Display::new();
    let _bytes = display.count_bytes();
    let show = |progress| display.show(&progress);
    let cluster = Cluster::start(&cluster_options(arguments), &show).await;
    display.clear();
    let cluster = cluster.map_err(|error| Failure::unreachable(with_causes(&error)))?;
    name(cluster.doubts());
    Ok(cluster)
}

/// Stops what was started, and names what stays.
pub async fn stop(engines: &Engines) -> Result<(), Failure> {
    let doubt = engines.stop().await?;
    name(doubt.as_slice());
    Ok(())
}

/// Names what was left alone because it may be somebody else's, a line each.
pub fn name(doubts: &[impl fmt::Display]) {
    for doubt in doubts {
        // Where nobody reads it, the work goes on; it is in the log, too.
        let _ = writeln!(io::stderr(), "overbooked: {doubt}");
    }
}

/// The recording that was asked for.
pub fn recording(path: Option<&Path>, title: &str) -> Result<Recording, Failure> {
    let started = path.map(|path| Recording::start(path, title));
    let started = started.unwrap_or_else(|| Ok(Recording::none()));
    started.map_err(|error| Failure::misuse(error.to_string()))
}

/// Waits for the end of a recording whose screen is gone, and says what nobody could be told on it.
pub fn end(ending: Ending) -> io::Result<()> {
    match ending.wait() {
        Some(trouble) => writeln!(io::stderr(), "overbooked: {trouble}"),
        None => Ok(()),
    }
}

/// The path from the root on. Where the working folder is gone, the path says by itself what is
/// wrong with it.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// How a private PostgreSQL is to be started.
pub fn cluster_options(arguments: &EngineArgs) -> ClusterOptions {
    ClusterOptions {
        // The server and what watches over it have other working folders than we.
        binaries: arguments.pg_bin.as_deref().map(absolute),
        data: arguments.data.clone(),
        ..ClusterOptions::default()
    }
}
