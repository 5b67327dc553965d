//! `overbooked matrix`: Hermitage's table, measured.

use std::io::Write as _;
use std::time::Duration;

use color_eyre::eyre::{self, WrapErr as _};
use tokio_util::sync::CancellationToken;

use super::play::open_output;
use crate::commands::cli::{EngineArgs, MatrixArgs, MatrixFormat};
use crate::commands::exit::{Exit, Failure};
use crate::commands::launch;
use crate::core::scenario::EngineKind;
use crate::run::engines::Engines;
use crate::run::headless::Patience;
use crate::run::matrix::{Level, Measured, measure};

/// No step of these scenarios takes long; one that does will not end.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// Measures the table and writes it.
pub fn run(arguments: &MatrixArgs) -> eyre::Result<Exit> {
    let runtime = launch::one_thread().wrap_err("cannot start the runtime")?;
    let measured = runtime.block_on(async {
        let interrupted = launch::interruption().wrap_err("cannot listen for signals")?;
        match launch::engine_unless(&interrupted, &arguments.engine).await? {
            Some(engines) => measured(&engines, &arguments.engine, &interrupted).await,
            None => Ok(None),
        }
    })?;
    let Some(Measured { table, trouble }) = measured else { return Ok(Exit::Interrupted) };
    let text = match arguments.format {
        MatrixFormat::Text => table.text(),
        MatrixFormat::Markdown => table.markdown(),
    };
    let mut out = open_output(arguments.output.as_deref())?;
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).wrap_err("cannot write the table")?;
    let Some(trouble) = trouble else { return Ok(Exit::Fine) };
    writeln!(std::io::stderr(), "overbooked: not everything could be measured: {trouble}")?;
    Ok(Exit::Broken)
}

/// Nothing where it was interrupted.
async fn measured(
    engines: &Engines,
    arguments: &EngineArgs,
    interrupted: &CancellationToken,
) -> eyre::Result<Option<Measured>> {
    let patience = Patience::with_steps(STEP_TIMEOUT);
    let measured = measure(engines, &levels(engines, arguments), patience, interrupted).await;
    launch::stop(engines).await?;
    let measured = measured.map_err(Failure::from)?;
    Ok(Some(measured).filter(|_| !interrupted.is_cancelled()))
}

/// Every level of both local engines, or those that were asked for; of somebody's own server, its
/// own.
fn levels(engines: &Engines, arguments: &EngineArgs) -> Vec<Level> {
    let engines = match engines.fixed().or(arguments.engine.map(EngineKind::from)) {
        Some(kind) => vec![kind],
        None if arguments.url.is_some() => vec![EngineKind::Postgres],
        None => vec![EngineKind::Postgres, EngineKind::Optimistic],
    };
    let wanted = |level: &Level| arguments.isolation.is_none_or(|only| only == level.isolation);
    engines.into_iter().flat_map(Level::of).filter(wanted).collect()
}
