//! Hermitage's table, measured, against what Kleppmann published for PostgreSQL, and against what
//! is known of the optimistic engine.

use std::time::Duration;

use overbooked::core::scenario::{EngineKind, Isolation};
use overbooked::reports::hermitage::{Anomaly, Cell, Means, Row, Table};
use overbooked::run::engines::Engines;
use overbooked::run::headless::Patience;
use overbooked::run::matrix::{Level, measure};
use tokio_util::sync::CancellationToken;

use crate::support;

const STEP_TIMEOUT: Duration = Duration::from_secs(20);

async fn measured(engine: EngineKind) -> Table {
    let engines = Engines::embedded(support::cluster_options());
    let patience = Patience::with_steps(STEP_TIMEOUT);
    let measured = measure(&engines, &Level::of(engine), patience, &CancellationToken::new()).await;
    engines.stop().await.unwrap();
    let measured = measured.unwrap();
    assert_eq!(measured.trouble, None);
    measured.table
}

fn possible(row: &Row) -> Vec<Anomaly> {
    let cells = Anomaly::ALL.into_iter().zip(&row.cells);
    cells.filter(|(_, cell)| **cell == Cell::Possible).map(|(anomaly, _)| anomaly).collect()
}

fn cell(row: &Row, anomaly: Anomaly) -> &Cell {
    let place = Anomaly::ALL.into_iter().position(|other| other == anomaly).unwrap();
    &row.cells[place]
}

#[tokio::test]
async fn postgresql_prevents_what_hermitage_says_it_prevents() {
    let table = measured(EngineKind::Postgres).await;
    let [committed, repeatable, serializable] = &table.rows[..] else { panic!("{table:?}") };
    assert!(table.rows.iter().all(|row| !row.cells.contains(&Cell::Unknown)), "{table:?}");
    assert_eq!(
        possible(committed),
        [Anomaly::Pmp, Anomaly::P4, Anomaly::GSingle, Anomaly::G2Item, Anomaly::G2]
    );
    assert_eq!(possible(repeatable), [Anomaly::G2Item, Anomaly::G2]);
    assert_eq!(possible(serializable), []);
    assert_eq!(*cell(committed, Anomaly::G0), Cell::Prevented(vec![Means::Wait]));
    assert_eq!(*cell(repeatable, Anomaly::P4), Cell::Prevented(vec![Means::Wait, Means::Refusal]));
    assert_eq!(*cell(serializable, Anomaly::G2), Cell::Prevented(vec![Means::Refusal]));
    assert_eq!(*cell(committed, Anomaly::G1a), Cell::Prevented(vec![]));
}

#[tokio::test]
async fn the_optimistic_engine_prevents_what_repeatable_read_prevents_and_nobody_waits() {
    let table = measured(EngineKind::Optimistic).await;
    let [row] = &table.rows[..] else { panic!("{table:?}") };
    assert_eq!(row.level, Isolation::RepeatableRead);
    assert!(!row.cells.contains(&Cell::Unknown), "{row:?}");
    assert_eq!(possible(row), [Anomaly::G2Item, Anomaly::G2]);
    for anomaly in [Anomaly::G0, Anomaly::Otv, Anomaly::P4] {
        assert_eq!(*cell(row, anomaly), Cell::Prevented(vec![Means::Optimistic]), "{anomaly:?}");
    }
}
