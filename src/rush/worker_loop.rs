//! One worker's share of the rush: the next request of the trace, settled, told, until there is
//! none left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::dispatch::Dispatch;
use super::pause;
use super::tally::Settled;
use super::trace::{Request, Trace};
use super::worker::WorkerContext;

/// A worker tells what it has settled in batches: a message for each would cost more than some of
/// the statements.
const BATCH: usize = 256;
/// No result is kept back for longer than this while there is work: about a frame of the screen.
const AT_LEAST_EVERY: Duration = Duration::from_millis(100);

/// What all shifts have in common.
#[derive(Clone)]
pub(super) struct Opening {
    trace: Arc<Trace>,
    /// The index of the request whose turn it is.
    next: Arc<AtomicUsize>,
    begin: Instant,
    settled: mpsc::Sender<Vec<Settled>>,
}

impl Opening {
    /// The rush begins now.
    pub(super) fn now(trace: Arc<Trace>, settled: mpsc::Sender<Vec<Settled>>) -> Self {
        Self { trace, next: Arc::default(), begin: Instant::now(), settled }
    }
}

/// One worker's share.
pub(super) struct WorkerLoop {
    dispatch: Dispatch,
    context: Arc<WorkerContext>,
    opening: Opening,
    kept: Vec<Settled>,
    told: Instant,
}

impl WorkerLoop {
    /// Takes requests from the trace and has them settled by this dispatch.
    pub(super) fn new(dispatch: Dispatch, context: Arc<WorkerContext>, opening: Opening) -> Self {
        let told = opening.begin;
        Self { dispatch, context, opening, kept: Vec::with_capacity(BATCH), told }
    }

    /// Until the trace is used up or the rush is stopped.
    pub(super) async fn work(mut self) {
        while let Some((request, due, is_duplicate)) = self.next_request().await {
            let settled = self.dispatch.settle(request, due, self.context.think_time).await;
            let settled = Settled { is_duplicate, ..settled };
            self.kept.push(settled);
            if self.kept.len() == BATCH || self.told.elapsed() >= AT_LEAST_EVERY {
                self.tell().await;
            }
        }
        self.tell().await;
    }

    /// The next of the trace, once its time has come. Without a rate it is due when somebody is
    /// free for it.
    async fn next_request(&mut self) -> Option<(Request, Instant, bool)> {
        let enough = self.context.until_sold_out && self.context.sold_out.since().is_some();
        if enough || self.context.stop.is_cancelled() {
            return None;
        }
        if let Some(again) = self.context.injector.delivered_again() {
            return Some((again, Instant::now(), true));
        }
        let turn = self.opening.next.fetch_add(1, Ordering::Relaxed);
        let request = self.opening.trace.get(turn)?;
        self.context.injector.deliver(request);
        if request.at.is_zero() {
            return Some((request, Instant::now(), false));
        }
        let due = self.opening.begin + request.at;
        if due > Instant::now() {
            self.tell().await;
            tokio::select! {
                () = pause::until(due) => {}
                () = self.context.stop.cancelled() => return None,
            }
        }
        Some((request, due, false))
    }

    async fn tell(&mut self) {
        self.told = Instant::now();
        if !self.kept.is_empty() {
            let batch = std::mem::replace(&mut self.kept, Vec::with_capacity(BATCH));
            // Nobody counts any more: the rush was broken off.
            let _ = self.opening.settled.send(batch).await;
        }
    }
}
