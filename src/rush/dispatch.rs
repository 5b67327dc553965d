//! Where a request is brought: to somebody who books, or into the queue in front of the only one
//! who does.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::pause;
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

/// A queue: where one enters it, and where its worker takes the next.
pub(super) fn queue() -> (mpsc::Sender<Ticket>, mpsc::Receiver<Ticket>) {
    mpsc::channel(QUEUE)
}

/// Serves a queue until nobody can come any more.
pub(super) async fn serve(mut worker: Worker, mut queue: mpsc::Receiver<Ticket>) {
    while let Some(Ticket { request, due, answer }) = queue.recv().await {
        // Nobody waits for the answer any more: then the rush was broken off.
        let _ = answer.send(worker.settle(request, due).await);
    }
}
