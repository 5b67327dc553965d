//! Where a request is brought: to somebody who books, or into the queue in front of the only one
//! who does.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::pause;
use super::post::Poster;
use super::tally::Settled;
use super::trace::Request;
use super::worker::Worker;

/// A queue is never longer than there are workers; from here on they wait before they enter it.
const QUEUE: usize = 64;

/// Where a request is brought.
pub(super) enum Dispatch {
    /// To a worker with a connection of its own.
    Worker(Box<Worker>),
    /// Into its compartment's queue.
    Queue(Arc<[mpsc::Sender<Ticket>]>),
    /// Into its compartment's queue, which a part keeps.
    Post(Box<Poster>),
}

/// A request that stands in a queue.
pub(super) struct Ticket {
    request: Request,
    due: Instant,
    answer: oneshot::Sender<Settled>,
}

impl Dispatch {
    /// Brings the request there and waits for what becomes of it.
    pub(super) async fn settle(
        &mut self,
        request: Request,
        due: Instant,
        think_time: Duration,
    ) -> Settled {
        match self {
            Self::Worker(worker) => {
                let settled = worker.settle(request, due).await;
                settled.unwrap_or_else(|| Settled::unserved(request, due))
            }
            Self::Queue(queues) => {
                pause::rest(think_time).await;
                let answered = stand_in(queues, request, due).await;
                answered.unwrap_or_else(|| Settled::unserved(request, due))
            }
            Self::Post(poster) => {
                pause::rest(think_time).await;
                poster.settle(request, due).await
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

/// A queue: where one enters it, and where its worker takes the next.
pub(super) fn queue() -> (mpsc::Sender<Ticket>, mpsc::Receiver<Ticket>) {
    mpsc::channel(QUEUE)
}

/// A queue as those who serve it see it: one of them at a time takes from it.
#[derive(Clone)]
pub(super) struct Served {
    enter: mpsc::WeakSender<Ticket>,
    queue: Arc<Mutex<mpsc::Receiver<Ticket>>>,
    /// Nobody can come any more.
    closed: CancellationToken,
}

impl Served {
    pub(super) fn new(enter: &mpsc::Sender<Ticket>, queue: mpsc::Receiver<Ticket>) -> Self {
        let (enter, queue) = (enter.downgrade(), Arc::new(Mutex::new(queue)));
        Self { enter, queue, closed: CancellationToken::new() }
    }

    /// The next one, once this worker may take it.
    async fn next(&self, worker: &mut Worker) -> Option<Ticket> {
        tokio::select! {
            biased;
            () = self.closed.cancelled() => return None,
            ready = worker.ready() => if let Err(error) = ready {
                // The others of this queue go on without it.
                tracing::warn!("a candidate has given up: {error}");
                return None;
            },
        }
        let ticket = tokio::select! {
            () = self.closed.cancelled() => None,
            ticket = async { self.queue.lock().await.recv().await } => ticket,
        };
        if ticket.is_none() {
            self.closed.cancel();
        }
        ticket
    }
}

/// Serves a queue until nobody can come any more.
pub(super) async fn serve(mut worker: Worker, served: Served) {
    while let Some(ticket) = served.next(&mut worker).await {
        match worker.settle(ticket.request, ticket.due).await {
            // Nobody waits for the answer any more: then the rush was broken off.
            Some(settled) => _ = ticket.answer.send(settled),
            None => hand_back(&served, ticket).await,
        }
    }
    worker.leave().await;
}

/// Whoever waits for the answer keeps the queue open.
async fn hand_back(served: &Served, ticket: Ticket) {
    if let Some(enter) = served.enter.upgrade() {
        let _ = enter.send(ticket).await;
    }
}
