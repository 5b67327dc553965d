//! `overbooked matrix`: Hermitage's table, measured.

use std::time::Duration;

use color_eyre::eyre::{self, WrapErr as _};

use super::open_output;
use crate::cli::{EngineArgs, MatrixArgs, MatrixFormat};
use crate::exit::{Exit, Failure};
use crate::hermitage::Table;
use crate::launch;
use crate::matrix::{Level, measure};
use crate::scenario::EngineKind;

/// No step of these scenarios takes long; one that does will not end.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// Measures the table and writes it.
pub fn run(arguments: &MatrixArgs) -> eyre::Result<Exit> {
    let runtime = launch::one_thread().wrap_err("cannot start the runtime")?;
    let table = runtime.block_on(async {
        tokio::select! {
            table = measured(&arguments.engine) => table.map(Some),
            _ = tokio::signal::ctrl_c() => Ok(None),
        }
    })?;
    let Some(table) = table else { return Ok(Exit::Interrupted) };
    let text = match arguments.format {
        MatrixFormat::Text => table.text(),
        MatrixFormat::Markdown => table.markdown(),
    };
    let mut out = open_output(arguments.output.as_deref())?;
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).wrap_err("cannot write the table")?;
    Ok(Exit::Fine)
}

async fn measured(arguments: &EngineArgs) -> Result<Table, Failure> {
    let venues = launch::engine(arguments).await?;
    let table = measure(&venues, &levels(arguments), STEP_TIMEOUT).await;
    venues.stop().await?;
    Ok(table?)
}

/// Every level of both local engines, or those that were asked for; of somebody's own server, its own.
fn levels(arguments: &EngineArgs) -> Vec<Level> {
    let engines = match arguments.engine {
        Some(choice) => vec![EngineKind::from(choice)],
        None if arguments.url.is_some() => vec![EngineKind::Postgres],
        None => vec![EngineKind::Postgres, EngineKind::Optimistic],
    };
    let wanted = |level: &Level| arguments.isolation.is_none_or(|only| only == level.isolation);
    engines.into_iter().flat_map(Level::of).filter(wanted).collect()
}
