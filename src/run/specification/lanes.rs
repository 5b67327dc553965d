//! Files side by side: each is played in a lane, a database in which nothing else happens
//! meanwhile.
//!
//! A lane of our own is a whole cluster. Less is not enough: specifications look at locks, prepared
//! transactions and statistics of the whole server, a serializable transaction is judged by all
//! snapshots of the server, and some name their database.
//!
//! ```text
//!  files  a b c d ──▶ free lanes ──▶ a ∥ b, then c, then d ──▶ told in the files' order
//! ```

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::database::{DATABASE, DatabaseError, fresh_database};
use super::{SpecError, play};
use crate::cluster::{Cluster, ClusterError, ClusterOptions};
use crate::core::scenario::Scenario;
use crate::pg::Target;
use crate::reports::isolation_output::Telling;

/// A place for one specification at a time.
#[derive(Debug)]
pub enum Lane {
    /// Somebody's own database, used as it is.
    Given(Box<Target>),
    /// A cluster of our own, with a fresh database.
    Own(Box<Cluster>),
}

/// Why a lane cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// The cluster did not start.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Its database could not be made.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// None is left.
    #[error("every lane has ended")]
    None,
}

impl Lane {
    /// A lane on this cluster.
    pub async fn on(cluster: Cluster) -> Result<Self, LaneError> {
        fresh_database(&cluster.target()).await?;
        Ok(Self::Own(Box::new(cluster)))
    }

    fn target(&self) -> Target {
        match self {
            Self::Given(target) => Target::clone(target),
            Self::Own(cluster) => cluster.target().with_database(DATABASE),
        }
    }

    /// What a run that was given up has left is not for the next one to find.
    async fn clean(&self) -> Result<(), LaneError> {
        match self {
            Self::Given(_) => Ok(()),
            Self::Own(cluster) => Ok(fresh_database(&cluster.target()).await.map(|_| ())?),
        }
    }

    /// Stops what was started.
    async fn close(self) -> Result<(), LaneError> {
        match self {
            Self::Given(_) => Ok(()),
            // What stays of it is in the log, and the next start names it.
            Self::Own(cluster) => Ok(cluster.stop().await.map(drop)?),
        }
    }
}

/// A specification on its way: what it tells, and in the end how it went.
#[derive(Debug)]
pub struct Playing {
    pub spec: Arc<Scenario>,
    /// What it tells, as long as it is played.
    pub tellings: mpsc::UnboundedReceiver<Telling>,
    outcome: oneshot::Receiver<Result<(), SpecError>>,
}

impl Playing {
    /// How it went, once all has been told.
    pub async fn outcome(self) -> Result<(), SpecError> {
        self.outcome.await.unwrap_or(Err(SpecError::GivenUp))
    }
}

/// A specification that waits for a lane.
#[derive(Debug)]
struct Job {
    spec: Arc<Scenario>,
    sink: mpsc::UnboundedSender<Telling>,
    done: oneshot::Sender<Result<(), SpecError>>,
}

/// The lanes' keeper, which ends them.
#[derive(Debug)]
pub struct Lanes {
    keeper: tokio::task::JoinHandle<Result<(), LaneError>>,
}

impl Lanes {
    /// Plays these specifications, in as many further clusters side by side as are asked for
    /// besides the first lane, until somebody stops it.
    pub fn start(
        specs: Vec<Scenario>,
        first: Lane,
        further: Further,
        limit: Duration,
        stop: &CancellationToken,
    ) -> (Vec<Playing>, Self) {
        let (playing, jobs): (Vec<Playing>, Vec<Job>) = specs.into_iter().map(announce).unzip();
        let keeper = tokio::spawn(keep(jobs, first, further, limit, stop.clone()));
        (playing, Self { keeper })
    }

    /// Waits until every lane is closed.
    pub async fn close(self) -> Result<(), LaneError> {
        self.keeper.await.unwrap_or(Ok(()))
    }
}

/// The lanes to be started besides the first.
#[derive(Clone, Debug)]
pub struct Further {
    pub count: usize,
    pub options: ClusterOptions,
}

fn announce(spec: Scenario) -> (Playing, Job) {
    let (sink, tellings) = mpsc::unbounded_channel();
    let (done, outcome) = oneshot::channel();
    let spec = Arc::new(spec);
    (Playing { spec: spec.clone(), tellings, outcome }, Job { spec, sink, done })
}

/// Gives each job the next lane that is free.
async fn keep(
    jobs: Vec<Job>,
    first: Lane,
    further: Further,
    limit: Duration,
    stop: CancellationToken,
) -> Result<(), LaneError> {
    let (free, mut lanes) = mpsc::unbounded_channel();
    let count = further.count.min(jobs.len().saturating_sub(1));
    let _ = free.send(Ok(first));
    for _ in 0..count {
        let (free, options) = (free.clone(), further.options.clone());
        tokio::spawn(async move { free.send(open(options).await) });
    }
    for job in jobs {
        let lane = next(&mut lanes).await?;
        let (free, stop) = (free.clone(), stop.clone());
        tokio::spawn(async move { free.send(serve(job, lane, limit, &stop).await) });
    }
    // So that the channel ends with the last lane that comes back.
    drop(free);
    while let Some(lane) = lanes.recv().await {
        lane?.close().await?;
    }
    Ok(())
}

async fn next(
    lanes: &mut mpsc::UnboundedReceiver<Result<Lane, LaneError>>,
) -> Result<Lane, LaneError> {
    match lanes.recv().await {
        Some(lane) => lane,
        None => Err(LaneError::None),
    }
}

async fn open(options: ClusterOptions) -> Result<Lane, LaneError> {
    Lane::on(Cluster::start(&options, &|_| {}).await?).await
}

async fn serve(
    job: Job,
    lane: Lane,
    limit: Duration,
    stop: &CancellationToken,
) -> Result<Lane, LaneError> {
    if stop.is_cancelled() {
        let _ = job.done.send(Err(SpecError::Stopped));
        return Ok(lane);
    }
    let outcome = play(&job.spec, &lane.target(), limit, job.sink, stop).await;
    // A run that was stopped has played its teardowns, and no other job will be played.
    let has_left_things = outcome.is_err() && !stop.is_cancelled();
    // Told before the lane is cleaned: nobody waits for a database that the next file needs.
    let _ = job.done.send(outcome);
    if has_left_things {
        lane.clean().await?;
    }
    Ok(lane)
}
