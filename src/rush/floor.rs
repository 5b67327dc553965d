//! Where the workers stand: they take the trace's requests in turn, and what they settle goes into one channel.
//!
//! ```text
//!                       everyone books                one a compartment books
//!  trace ──▶ worker ──▶ database               trace ──▶ worker ──▶ queue A ──▶ clerk ──▶ database
//!    │  └──▶ worker ──▶ database                 │  └──▶ worker ──▶ queue B ──▶ clerk ──▶ database
//!    ▼                                           ▼                     (the worker waits for the answer)
//!  settled ──▶ one channel                     settled ──▶ one channel
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::pause;
use super::strategy::Staff;
use super::tally::{Outcome, Settled};
use super::trace::{Request, Trace};
use super::trouble::Trouble;
use super::worker::{Shop, Worker};

/// A worker tells what it has settled in batches: a message for each would cost more than some of the statements.
const BATCH: usize = 64;
/// No result is kept back for longer than this while there is work.
const AT_LEAST_EVERY: Duration = Duration::from_millis(20);

/// Opens all connections, so that the clock starts with everybody ready.
pub(super) async fn staff(shop: &Arc<Shop>, compartments: u32) -> Result<Vec<Counter>, Trouble> {
    match shop.strategy.staff() {
        Staff::Everyone => {
            let mut counters = Vec::new();
            for number in 0..shop.workers {
                let worker = Worker::start(Arc::clone(shop), number.into()).await?;
                counters.push(Counter::Worker(Box::new(worker)));
            }
            Ok(counters)
        }
        Staff::OneACompartment => {
            let mut queues = Vec::new();
            for number in 0..compartments {
                queues.push(queue(Worker::start(Arc::clone(shop), number.into()).await?));
            }
            let queues: Arc<[_]> = queues.into();
            Ok((0..shop.workers).map(|_| Counter::Queue(Arc::clone(&queues))).collect())
        }
    }
}

/// Lets everybody work until the trace is used up or the shop is stopped. The channel's receiver sees the end when the last worker
/// is done.
pub(super) fn open(
    counters: Vec<Counter>,
    shop: &Arc<Shop>,
    trace: &Arc<Trace>,
    settled: &mpsc::Sender<Vec<Settled>>,
) -> JoinSet<()> {
    let begin = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for counter in counters {
        let shift = Shift {
            counter,
            shop: Arc::clone(shop),
            trace: Arc::clone(trace),
            next: Arc::clone(&next),
            begin,
            settled: settled.clone(),
            kept: Vec::with_capacity(BATCH),
            told: begin,
        };
        tasks.spawn(shift.work());
    }
    tasks
}

/// Where a request is brought.
pub(super) enum Counter {
    /// To a worker with a connection of its own.
    Worker(Box<Worker>),
    /// Into its compartment's queue.
    Queue(Arc<[mpsc::Sender<Ticket>]>),
}

/// A request that stands in a queue.
pub(super) struct Ticket {
    request: Request,
    due: Instant,
    answer: oneshot::Sender<Settled>,
}

/// A queue and the clerk at its head, who goes home when nobody can come any more. It is never longer than there are workers.
fn queue(mut clerk: Worker) -> mpsc::Sender<Ticket> {
    let (enter, mut queue) = mpsc::channel::<Ticket>(BATCH);
    tokio::spawn(async move {
        while let Some(ticket) = queue.recv().await {
            // Nobody waits for the answer any more: then the rush was broken off.
            let _ = ticket.answer.send(clerk.settle(ticket.request, ticket.due).await);
        }
    });
    enter
}

impl Counter {
    async fn settle(&mut self, request: Request, due: Instant, think_time: Duration) -> Settled {
        match self {
            Self::Worker(worker) => worker.settle(request, due).await,
            Self::Queue(queues) => {
                pause::rest(think_time).await;
                let answered = stand_in(queues, request, due).await;
                answered.unwrap_or_else(|| Settled::unserved(request, due))
            }
        }
    }
}

async fn stand_in(
    queues: &[mpsc::Sender<Ticket>],
    request: Request,
    due: Instant,
) -> Option<Settled> {
    let queue = queues.get(usize::try_from(request.compartment).ok()?)?;
    let (answer, answered) = oneshot::channel();
    queue.send(Ticket { request, due, answer }).await.ok()?;
    answered.await.ok()
}

/// One worker's share of the rush.
struct Shift {
    counter: Counter,
    shop: Arc<Shop>,
    trace: Arc<Trace>,
    next: Arc<AtomicUsize>,
    begin: Instant,
    settled: mpsc::Sender<Vec<Settled>>,
    kept: Vec<Settled>,
    told: Instant,
}

impl Shift {
    async fn work(mut self) {
        while let Some((request, due)) = self.next_request().await {
            let settled = self.counter.settle(request, due, self.shop.think_time).await;
            self.kept.push(settled);
            if self.kept.len() == BATCH || self.told.elapsed() >= AT_LEAST_EVERY {
                self.tell().await;
            }
        }
        self.tell().await;
    }

    /// The next of the trace, once its time has come. Without a rate it is due when somebody is free for it.
    async fn next_request(&mut self) -> Option<(Request, Instant)> {
        if self.shop.stop.is_cancelled() {
            return None;
        }
        let request = self.trace.get(self.next.fetch_add(1, Ordering::Relaxed))?;
        if request.at.is_zero() {
            return Some((request, Instant::now()));
        }
        let due = self.begin + request.at;
        if due > Instant::now() {
            self.tell().await;
            tokio::select! {
                () = pause::until(due) => {}
                () = self.shop.stop.cancelled() => return None,
            }
        }
        Some((request, due))
    }

    async fn tell(&mut self) {
        self.told = Instant::now();
        if !self.kept.is_empty() {
            let batch = std::mem::replace(&mut self.kept, Vec::with_capacity(BATCH));
            // Nobody counts any more: the rush was broken off.
            let _ = self.settled.send(batch).await;
        }
    }
}

impl Settled {
    /// A request that the queue's clerk never came to.
    fn unserved(request: Request, due: Instant) -> Self {
        Self {
            passenger: request.passenger,
            outcome: Outcome::Failed,
            latency: due.elapsed(),
            first_try: Duration::ZERO,
            retrying: Duration::ZERO,
            statements: 0,
            conflicts: 0,
            retries: 0,
            reconnects: 0,
            asked: 0,
            errors: Vec::new(),
        }
    }
}
