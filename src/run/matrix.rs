//! Measures Hermitage's table: plays the ten anomalies at each level of each engine, and judges
//! what happened.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::core::scenario::library::{self, OpenError};
use crate::core::scenario::{EngineKind, Isolation};
use crate::reports::hermitage::{Anomaly, Cell, Row, Table};
use crate::run::Production;
use crate::run::engines::Engines;
use crate::run::headless::{Patience, Played, play};

/// An engine at one of its isolation levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    pub engine: EngineKind,
    pub isolation: Isolation,
}

impl Level {
    /// All levels of an engine, the weakest first. The optimistic engine has one.
    pub fn of(engine: EngineKind) -> Vec<Self> {
        engine.levels().iter().map(|&isolation| Self { engine, isolation }).collect()
    }
}

/// What was measured.
#[derive(Debug, Default)]
pub struct Measured {
    pub table: Table,
    /// Why the first of its unknown cells is unknown, if one is.
    pub trouble: Option<String>,
}

/// Plays every anomaly at these levels, a row a level. What does not end in time, or cannot be
/// played, leaves its cell unknown.
pub async fn measure(
    engines: &Engines,
    levels: &[Level],
    patience: Patience,
    interrupted: &CancellationToken,
) -> Result<Measured, OpenError> {
    let mut measured = Measured::default();
    for level in levels {
        measured.add_row(engines, *level, patience, interrupted).await?;
    }
    Ok(measured)
}

impl Measured {
    async fn add_row(
        &mut self,
        engines: &Engines,
        level: Level,
        patience: Patience,
        interrupted: &CancellationToken,
    ) -> Result<(), OpenError> {
        let mut engine = level.engine.to_string();
        let mut cells = Vec::new();
        for anomaly in Anomaly::ALL {
            let production = production(anomaly, level)?;
            let name = format!("{} at {}", production.scenario.name, level.isolation.as_sql());
            match play(engines, production, patience, interrupted).await {
                Ok(played) => {
                    // On the optimistic engine it is the product of the PostgreSQL behind the
                    // gateway, whose own rows have that name.
                    if played.engine.kind != EngineKind::Optimistic {
                        engine.clone_from(&played.engine.product);
                    }
                    cells.push(cell(anomaly, &played));
                }
                Err(error) => {
                    self.trouble.get_or_insert_with(|| format!("{name}: {error}"));
                    cells.push(Cell::Unknown);
                }
            }
            if cells.last() == Some(&Cell::Unknown) {
                self.trouble.get_or_insert_with(|| format!("{name} did not finish"));
            }
        }
        self.table.rows.push(Row { engine, level: level.isolation, cells });
        Ok(())
    }
}

fn production(anomaly: Anomaly, level: Level) -> Result<Production, OpenError> {
    let scenario = Arc::new(library::open(&anomaly.scenario())?);
    let schedule = Arc::new(scenario.schedules.first());
    Ok(Production { scenario, schedule, engine: level.engine, isolation: Some(level.isolation) })
}

fn cell(anomaly: Anomaly, played: &Played) -> Cell {
    match played.stop {
        None => anomaly.judge(&played.events),
        Some(_) => Cell::Unknown,
    }
}
