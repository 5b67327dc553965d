//! Measures Hermitage's table: plays the ten anomalies at each level of each engine, and judges what happened.

use std::sync::Arc;
use std::time::Duration;

use crate::hermitage::{Anomaly, Cell, Row, Table};
use crate::play::{Patience, Played, play};
use crate::run::Production;
use crate::run::venues::Venues;
use crate::scenario::library::{self, OpenError};
use crate::scenario::{EngineKind, Isolation};

/// An engine at one of its isolation levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The engine.
    pub engine: EngineKind,
    /// The level.
    pub isolation: Isolation,
}

impl Level {
    /// All levels of an engine, the weakest first. The optimistic engine has one.
    pub fn of(engine: EngineKind) -> Vec<Self> {
        let levels = match engine {
            EngineKind::Optimistic => &[Isolation::RepeatableRead][..],
            _ => &Isolation::ALL,
        };
        levels.iter().map(|&isolation| Self { engine, isolation }).collect()
    }
}

/// Plays every anomaly at these levels, a row a level. A step that takes longer than `step_timeout` leaves its cell unknown.
pub async fn measure(
    venues: &Venues,
    levels: &[Level],
    step_timeout: Duration,
) -> Result<Table, OpenError> {
    let mut table = Table::default();
    for level in levels {
        table.rows.push(row(venues, *level, step_timeout).await?);
    }
    Ok(table)
}

async fn row(venues: &Venues, level: Level, step_timeout: Duration) -> Result<Row, OpenError> {
    let mut engine = level.engine.to_string();
    let mut cells = Vec::new();
    for anomaly in Anomaly::ALL {
        let production = production(anomaly, level)?;
        let played = play(venues, production, Patience::with_steps(step_timeout)).await;
        let played = played.inspect_err(|error| tracing::warn!(%error, ?anomaly, ?level)).ok();
        if let Some(played) =
            played.iter().find(|played| played.engine.kind != EngineKind::Optimistic)
        {
            engine.clone_from(&played.engine.product);
        }
        cells.push(played.map_or(Cell::Unknown, |played| cell(anomaly, &played)));
    }
    Ok(Row { engine, level: level.isolation, cells })
}

fn production(anomaly: Anomaly, level: Level) -> Result<Production, OpenError> {
    let scenario = Arc::new(library::open(&anomaly.scenario(level.isolation))?);
    let schedule = Arc::new(scenario.schedules.first());
    Ok(Production { scenario, schedule, engine: level.engine, isolation: Some(level.isolation) })
}

fn cell(anomaly: Anomaly, played: &Played) -> Cell {
    match played.stop {
        None => anomaly.judge(&played.events),
        Some(_) => Cell::Unknown,
    }
}
