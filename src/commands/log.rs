//! The log: a file if one is asked for, never the screen.

use std::fs::OpenOptions;
use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::EnvFilter;

use crate::commands::exit::Failure;

/// What is logged unless `RUST_LOG` says otherwise.
const DEFAULT_FILTER: &str = "overbooked=debug,warn";

/// Starts to log into the file until the guard is dropped. A disk that fills up later costs lines,
/// nothing else.
pub fn start(path: &Path) -> Result<WorkerGuard, Failure> {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    let file = opened.map_err(|error| {
        Failure::misuse(format!("cannot write the log {}: {error}", path.display()))
    })?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| DEFAULT_FILTER.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(false)
        .log_internal_errors(false)
        .init();
    Ok(guard)
}
