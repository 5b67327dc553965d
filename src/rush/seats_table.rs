//! The seats, all free, at the beginning, and the database's record at the end.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::attempt_error::AttemptError;
use super::connector::Connector;
use super::options::Options;
use super::pause;
use super::pipelined_connection::PipelinedConnection;
use super::strategy::Strategy;
use super::tally::Acknowledged;
use super::trace::Request;
use super::verdict::Record;
use super::worker::WorkerContext;
use super::worker_client::{WorkerClient, in_schema};
use crate::core::event::Row;
use crate::core::sql::rush as sql;

/// Optimistic engines allow three thousand changed rows in a transaction.
const ROWS_AT_ONCE: u32 = 2_000;
/// How often the first try is repeated on an engine that is still busy with our tables having been
/// made.
const PROBES: u32 = 20;

/// Makes the tables, one statement a transaction: some engines allow no more.
pub(super) async fn build(
    connector: &Connector,
    schema: &str,
    strategy: &dyn Strategy,
) -> Result<(), AttemptError> {
    let mut line = connector.open().await?;
    for table in [sql::SEATS, sql::BOOKINGS].iter().chain(strategy.tables()) {
        line.run(&in_schema(table, schema)).await?;
    }
    for index in strategy.indexes() {
        match line.run(&in_schema(index, schema)).await {
            Err(trouble) if trouble.is_unsupported() => {}
            made => drop(made?),
        }
    }
    Ok(())
}

/// Sells one seat that no passenger will ask for, to see whether the engine can do all that the
/// strategy needs; and takes it back.
pub(super) async fn rehearse(context: &WorkerContext) -> Result<(), AttemptError> {
    let mut client =
        WorkerClient::open(&context.connector, Arc::clone(&context.schema), Duration::ZERO).await?;
    let mut attempt = context.strategy.open_worker(context, u32::MAX).await?;
    client.change(sql::FILL, &[0, 0, 1, 1]).await?;
    let request = Request { passenger: 0, seat: 0, compartment: -1, at: Duration::ZERO };
    attempt.ready().await?;
    let mut tried = attempt.attempt(&mut client, request).await;
    for _ in 1..PROBES {
        if !matches!(tried, Err(AttemptError::Conflict(_))) {
            break;
        }
        client.roll_back().await?;
        tried = attempt.attempt(&mut client, request).await;
    }
    attempt.leave().await;
    tried?;
    client.change(sql::EMPTY_SEATS, &[]).await?;
    client.change(sql::EMPTY_BOOKINGS, &[]).await?;
    Ok(())
}

/// All seats, all free; another connection sees them.
pub(super) async fn fill(
    connector: &Connector,
    schema: &Arc<str>,
    options: &Options,
) -> Result<(), AttemptError> {
    let mut client = WorkerClient::open(connector, Arc::clone(schema), Duration::ZERO).await?;
    let [seats, compartments] = [options.seats, options.compartments].map(u32::cast_signed);
    for first in (1..=options.seats).step_by(ROWS_AT_ONCE as usize) {
        let last = options.seats.min(first + ROWS_AT_ONCE - 1);
        let [first, last] = [first, last].map(u32::cast_signed);
        client.change(sql::FILL, &[first, last, compartments, seats]).await?;
    }
    drop(client);
    let mut client = WorkerClient::open(connector, Arc::clone(schema), Duration::ZERO).await?;
    let counted = client.look(sql::COUNT_SEATS, &[]).await?;
    match counted.and_then(|counted| counted.first) {
        Some(there) if there == seats => Ok(()),
        _ => Err(AttemptError::not_kept()),
    }
}

/// What the database has in the end, also if it is just coming back.
pub(super) async fn record_when_up(
    connector: &Connector,
    schema: &str,
    stop: &CancellationToken,
) -> Result<Record, AttemptError> {
    let mut patience = pin!(pause::out_of_patience(stop));
    let mut pulse = pause::pulse();
    loop {
        pulse.tick().await;
        let mut line = tokio::select! {
            biased;
            line = open_when_up(connector) => line?,
            () = &mut patience => {
                return Err(AttemptError::unreachable("the server did not come back, so nobody \
                    knows what was sold".to_owned()));
            }
        };
        // A large table takes its time to be read, which is no fault of the server's.
        match record(&mut line, schema).await {
            Err(AttemptError::Lost(_)) => {}
            record => return record,
        }
    }
}

async fn open_when_up(connector: &Connector) -> Result<PipelinedConnection, AttemptError> {
    let mut pulse = pause::pulse();
    loop {
        match connector.open().await {
            Err(AttemptError::Lost(_)) => pulse.tick().await,
            line => return line,
        };
    }
}

async fn record(line: &mut PipelinedConnection, schema: &str) -> Result<Record, AttemptError> {
    let ledger = sales(line, sql::LEDGER, schema).await?;
    let sold = sales(line, sql::SOLD_SEATS, schema).await?;
    let sold: BTreeMap<_, _> = sold.iter().map(|sale| (sale.seat, sale.passenger)).collect();
    Ok(Record { ledger, sold })
}

async fn sales(
    line: &mut PipelinedConnection,
    query: &str,
    schema: &str,
) -> Result<Vec<Acknowledged>, AttemptError> {
    let rows = line.run(&query.replace("rush.", &format!("{schema}."))).await?;
    Ok(rows.iter().filter_map(sale).collect())
}

fn sale(row: &Row) -> Option<Acknowledged> {
    let number = |column: usize| row.get(column)?.as_ref()?.parse().ok();
    Some(Acknowledged { passenger: number(0)?, seat: number(1)? })
}
