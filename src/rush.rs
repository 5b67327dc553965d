//! The rush: many passengers, few seats, several ways to sell them, and proof of what was sold.
//!
//! ```text
//!  seed ──▶ trace ──▶ pool: workers (or queues) ──▶ strategy ──▶ client ──▶ database
//!                        │ what was settled                                 │ the ledger
//!                        ▼                                                  ▼
//!                      tally ───────────── acknowledgements ───────────▶ verdict
//!                        │                                                  │
//!                        └──▶ reports ──▶ board ──▶ screen, progress, table ◀┘
//! ```
//!
//! Every strategy meets the same trace and free seats in a schema of its own. Whether a seat
//! was sold twice is read from the database at the end and held against every acknowledgement that
//! a worker got; no counter is trusted with it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::core::error_chain::with_causes;
use crate::parts::private::StartError;
use crate::pg::Target;
use crate::run::schema::{RunSchema, SchemaError, sweep};

pub mod attempt_error;
pub mod board;
mod connector;
mod dispatch;
mod endpoint;
pub mod fault;
pub mod figures;
pub mod headless;
mod leftovers;
mod letter;
pub mod lock_wait_sampler;
pub mod model;
pub mod options;
pub mod parts;
mod pause;
mod pipelined_connection;
pub mod plan;
mod post;
mod seats_table;
mod sold_out;
pub mod strategy;
mod strikes;
pub mod table;
pub mod tally;
pub mod trace;
pub mod verdict;
pub mod waits;
mod worker;
mod worker_client;
mod worker_loop;
mod worker_pool;
mod worker_thread;

use attempt_error::AttemptError;
use board::{End, Ended, Finished, Report};
use connector::Connector;
use endpoint::Endpoint;
use fault::{Fault, Injector};
use figures::Figures;
use lock_wait_sampler::{LockWaitSample, LockWaitSampler};
use options::Options;
use parts::Parts;
use sold_out::SoldOut;
use strategy::StrategyName;
use strategy::registry::{Brief, Entry};
use strikes::Strikes;
use tally::{Settled, Tally};
use trace::Trace;
use verdict::Verdict;
use waits::Waits;
use worker::WorkerContext;
use worker_loop::Opening;
use worker_pool::WorkerPool;

/// How the schemas of rushes begin.
const PREFIX: &str = "overbooked_rush";
/// The name that the workers' connections go by.
const APPLICATION: &str = "overbooked/rush";
/// How long a database that is away is waited for between two strategies.
const AWAY_FOR: Duration = Duration::from_secs(10);
/// How long a part that is away is waited for, only to delete what we have made in it.
const CLEARED_WITHIN: Duration = Duration::from_secs(10);
/// How many batches may be on their way from the workers before they wait.
const BATCHES: usize = 64;

/// Why a rush could not take place at all.
#[derive(Debug, thiserror::Error)]
pub enum RushError {
    /// The database is not to be reached.
    #[error("cannot reach the database: {target}")]
    Unreachable { target: String, source: sqlx::Error },
    /// A schema could not be made or dropped.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// What a strategy needs beside the database could not be started.
    #[error(transparent)]
    Part(#[from] StartError),
}

/// Runs the chosen strategies one after the other and tells what happens. A stop lets everybody
/// finish what they have begun; what was sold by then still gets its verdict.
pub async fn run(
    options: &Options,
    target: &Target,
    reports: mpsc::Sender<Report>,
    stop: CancellationToken,
) -> Result<(), RushError> {
    let (_nobody, faults) = mpsc::channel(1);
    run_with_faults(options, target, reports, stop, faults).await
}

/// The same, with faults that strike whatever runs when they come.
pub async fn run_with_faults(
    options: &Options,
    target: &Target,
    reports: mpsc::Sender<Report>,
    stop: CancellationToken,
    faults: mpsc::Receiver<Fault>,
) -> Result<(), RushError> {
    let pool = connect(target).await?;
    let swept = sweep(&pool, PREFIX).await?;
    let dropped = swept.dropped.iter();
    let dropped = dropped.map(|name| format!("dropped {name}, left behind by an earlier run"));
    for note in dropped.chain(swept.doubts.iter().map(ToString::to_string)) {
        tell(&reports, Report::Note(note)).await;
    }
    if let Some(note) = options.left_out() {
        tell(&reports, Report::Note(note)).await;
    }
    let parts = Arc::new(Parts::start(options, &reports).await?);
    for note in leftovers::clear(options, &parts, &swept.dropped).await {
        tell(&reports, Report::Note(note)).await;
    }
    let (trace, faults) = (Arc::new(Trace::new(options)), Mutex::new(faults));
    let rush = Rush { options, target, pool, trace, parts, faults, reports, stop };
    for (strategy, fault) in options.runs() {
        if rush.stop.is_cancelled() {
            break;
        }
        // What the strategies before it came to is worth having, also when a server is gone.
        let end = rush
            .play(strategy, fault)
            .await
            .unwrap_or_else(|error| End::Broken(with_causes(&error)));
        tell(&rush.reports, Report::Ended(Arc::new(Ended { strategy, fault, end }))).await;
    }
    rush.pool.close().await;
    for note in rush.parts.stop().await {
        tell(&rush.reports, Report::Note(note)).await;
    }
    Ok(())
}

async fn connect(target: &Target) -> Result<PgPool, RushError> {
    let unreachable = |source| RushError::Unreachable { target: target.describe(), source };
    PgPoolOptions::new()
        .max_connections(2)
        .acquire_timeout(AWAY_FOR)
        .connect_with(target.sqlx_options())
        .await
        .map_err(unreachable)
}

async fn tell(reports: &mpsc::Sender<Report>, report: Report) {
    // Nobody looks any more; the rush goes on until it is stopped.
    let _ = reports.send(report).await;
}

/// What all strategies of a rush share.
struct Rush<'a> {
    options: &'a Options,
    target: &'a Target,
    pool: PgPool,
    trace: Arc<Trace>,
    parts: Arc<Parts>,
    /// What somebody wants to go wrong.
    faults: Mutex<mpsc::Receiver<Fault>>,
    reports: mpsc::Sender<Report>,
    stop: CancellationToken,
}

impl Rush<'_> {
    /// One strategy, in a schema of its own.
    async fn play(&self, strategy: StrategyName, fault: Option<Fault>) -> Result<End, SchemaError> {
        let endpoint = match Endpoint::of(strategy, self.target, &self.pool).await {
            Ok(endpoint) => endpoint,
            Err(reason) => return Ok(End::Unavailable(reason)),
        };
        let schema = RunSchema::create(&self.pool, PREFIX).await?;
        let end = self.stage((strategy, fault), endpoint.target(), schema.name()).await;
        endpoint.leave().await;
        if let Err(error) = schema.drop().await {
            tell(&self.reports, Report::Note(error.to_string())).await;
        }
        Ok(end.unwrap_or_else(|trouble| End::Broken(trouble.to_string())))
    }

    async fn stage(
        &self,
        (strategy, fault): (StrategyName, Option<Fault>),
        target: &Target,
        schema: &str,
    ) -> Result<End, AttemptError> {
        let application = format!("{APPLICATION}/{}", schema.trim_start_matches(PREFIX));
        let connector = Connector::to(target, &application).await?;
        let schema: Arc<str> = schema.into();
        let context = Arc::new(self.context((strategy, fault), connector, &schema));
        let end = self.sell((strategy, fault), &context, &application).await;
        let was_away = matches!(end, Err(AttemptError::PartAway { .. }));
        let is_ours = strategy.entry().part.is_some_and(|part| self.parts.is_private(part));
        // Where it broke for want of its part, that is told already; and one of our own goes with
        // all that is in it.
        match clear(&context, was_away || is_ours).await {
            Err(trouble) if !was_away && !is_ours => {
                tell(&self.reports, Report::Note(format!("{strategy}: {trouble}"))).await;
            }
            _ => {}
        }
        end
    }

    /// From the making of its tables to the verdict. Whatever it ends with, the strategy is cleared
    /// away afterwards.
    async fn sell(
        &self,
        (strategy, fault): (StrategyName, Option<Fault>),
        context: &Arc<WorkerContext>,
        application: &str,
    ) -> Result<End, AttemptError> {
        let schema = &context.schema;
        seats_table::build(&context.connector, schema, &*context.strategy).await?;
        let ready = async {
            context.strategy.prepare(context).await?;
            seats_table::rehearse(context).await
        };
        match ready.await {
            Err(trouble) if trouble.is_unsupported() => {
                return Ok(End::Unavailable(trouble.to_string()));
            }
            rehearsed => rehearsed?,
        }
        context.figures.reset();
        seats_table::fill(&context.connector, schema, self.options).await?;
        self.perform((strategy, fault), Arc::clone(context), application)
            .await
            .map(|done| End::Finished(Box::new(done)))
    }

    fn context(
        &self,
        (name, fault): (StrategyName, Option<Fault>),
        connector: Connector,
        schema: &Arc<str>,
    ) -> WorkerContext {
        let Options { think_time, retries, workers, seed, seats, .. } = *self.options;
        let Options { compartments, until_sold_out, .. } = *self.options;
        let Entry { staffing, build, .. } = *name.entry();
        let figures = Arc::new(Figures::default());
        let strategy = build(&Brief {
            schema: Arc::clone(schema),
            seats,
            compartments,
            time_to_live: self.options.time_to_live(fault),
            parts: Arc::clone(&self.parts),
            figures: Arc::clone(&figures),
        });
        let (schema, stop) = (Arc::clone(schema), self.stop.child_token());
        let sold_out = Arc::new(SoldOut::new(seats));
        let injector = Arc::new(Injector::new(workers, strategy.time_to_live(), &figures));
        WorkerContext {
            strategy,
            staffing,
            connector,
            schema,
            think_time,
            retries,
            workers,
            seed,
            sold_out,
            until_sold_out,
            figures,
            injector,
            stop,
        }
    }

    /// All seats are free: lets everybody in, counts, and asks the database for its
    /// record.
    async fn perform(
        &self,
        (strategy, fault): (StrategyName, Option<Fault>),
        context: Arc<WorkerContext>,
        application: &str,
    ) -> Result<Finished, AttemptError> {
        let sampler = LockWaitSampler::start(&context.connector, application).await?;
        let mut pool = WorkerPool::staff(Arc::clone(&context), self.options.compartments).await?;
        tell(&self.reports, Report::Opened(strategy, fault)).await;
        let begin = Instant::now();
        let (settled, hear) = mpsc::channel(BATCHES);
        let (part, requests) = (strategy.entry().part, self.options.requests);
        let mut strikes = Strikes::new(&self.parts, part, &context.injector, fault, requests);
        pool.open(&Opening::now(Arc::clone(&self.trace), settled));
        let (tally, waits) = self.count(hear, sampler, (&mut strikes, &context.figures)).await;
        let wall = begin.elapsed();
        pool.close().await;
        strikes.over().await;
        let record =
            seats_table::record_when_up(&context.connector, &context.schema, &context.stop).await?;
        let verdict = Verdict::new(&record, &tally.acknowledged);
        let sold_out = context.sold_out.since().map(|then| then.saturating_duration_since(begin));
        let (figures, stopped) = (context.figures.counts(), context.stop.is_cancelled());
        Ok(Finished { wall, sold_out, tally, waits, figures, verdict, stopped })
    }

    /// Until the last worker has told its last.
    async fn count(
        &self,
        mut settled: mpsc::Receiver<Vec<Settled>>,
        sampler: LockWaitSampler,
        (strikes, figures): (&mut Strikes, &Figures),
    ) -> (Tally, Option<Waits>) {
        let mut faults = self.faults.lock().await;
        let mut tally = Tally::default();
        let mut waits = sampler.shows_waits().then(Waits::default);
        let mut seen = watch(sampler);
        loop {
            tokio::select! {
                biased;
                batch = settled.recv() => {
                    let Some(batch) = batch else { return (tally, waits) };
                    for one in &batch {
                        tally.apply(one);
                    }
                    tell(&self.reports, Report::Settled(batch.into())).await;
                    self.tell_why_not(strikes.see(tally.settled)).await;
                }
                Some(fault) = faults.recv() => self.tell_why_not(strikes.strike(fault)).await,
                Some(sight) = seen.recv() => {
                    if let LockWaitSample::Waits(seen) = sight {
                        waits = Some(seen);
                    }
                    tell(&self.reports, sight.into()).await;
                    let figures = figures.counts();
                    if !figures.is_empty() {
                        tell(&self.reports, Report::Figures(figures)).await;
                    }
                }
            }
        }
    }
}

/// Clears away what the strategy has made in its part. One that is just coming back is asked again
/// for a moment.
async fn clear(context: &WorkerContext, only_once: bool) -> Result<(), AttemptError> {
    let began = Instant::now();
    loop {
        match context.strategy.clear().await {
            Err(AttemptError::PartAway { .. })
                if !only_once && began.elapsed() < CLEARED_WITHIN =>
            {
                pause::pulse_once().await;
            }
            cleared => return cleared,
        }
    }
}

impl Rush<'_> {
    async fn tell_why_not(&self, note: Option<String>) {
        if let Some(note) = note {
            tell(&self.reports, Report::Note(note)).await;
        }
    }
}

/// The sampler's own task ends when nobody receives any more.
fn watch(sampler: LockWaitSampler) -> mpsc::Receiver<LockWaitSample> {
    let (told, seen) = mpsc::channel(1);
    tokio::spawn(sampler.watch(told));
    seen
}

impl From<LockWaitSample> for Report {
    fn from(sight: LockWaitSample) -> Self {
        match sight {
            LockWaitSample::Waits(waits) => Self::Waits(waits),
            LockWaitSample::Presence(presence) => Self::Presence(presence),
        }
    }
}
