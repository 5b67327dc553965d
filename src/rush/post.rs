//! Queues that a part keeps: requests are sent into them as letters, and each compartment's worker
//! takes them out.
//!
//! ```text
//!  trace ──▶ sender ──letter──▶ the part ──▶ worker ──▶ database
//!              ▲                                │ acknowledges, after COMMIT
//!              └──────────── the answer ────────┘
//! ```
//!
//! The answer does not go through the part: it is to whoever still waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::attempt_error::{AttemptError, ErrorClass};
use super::figures::Figure;
use super::letter::{Letter, Reply, Waiting};
use super::pause;
use super::strategy::{Brought, Sender};
use super::tally::{Outcome, Settled};
use super::trace::Request;
use super::worker::{Worker, WorkerContext};

/// How often somebody asks again whose accepted request was not answered for too long.
const ASKED_AGAIN: u32 = 1;

/// The queues of all compartments.
pub(super) struct Post {
    waiting: Vec<Waiting>,
    tickets: AtomicU64,
    /// Nobody sends any more.
    closed: CancellationToken,
}

impl Post {
    pub(super) fn new(compartments: u32) -> Arc<Self> {
        let waiting = (0..compartments).map(|_| Waiting::default()).collect();
        let closed = CancellationToken::new();
        Arc::new(Self { waiting, tickets: AtomicU64::new(0), closed })
    }

    /// Cancelled with the last of those who have it.
    pub(super) fn guard(&self) -> Arc<DropGuard> {
        Arc::new(self.closed.clone().drop_guard())
    }

    fn waiting(&self, compartment: i32) -> Option<&Waiting> {
        self.waiting.get(usize::try_from(compartment).ok()?)
    }
}

/// One who sends requests, each after the answer to the one before.
pub(super) struct Poster {
    sender: Box<dyn Sender>,
    post: Arc<Post>,
    context: Arc<WorkerContext>,
    rng: Xoshiro256PlusPlus,
    _open: Arc<DropGuard>,
}

impl Poster {
    pub(super) fn new(
        sender: Box<dyn Sender>,
        (post, open): (&Arc<Post>, &Arc<DropGuard>),
        context: &Arc<WorkerContext>,
        number: u32,
    ) -> Self {
        let rng = Xoshiro256PlusPlus::seed_from_u64(context.seed ^ u64::from(number) << 32);
        let (post, context) = (Arc::clone(post), Arc::clone(context));
        Self { sender, post, context, rng, _open: Arc::clone(open) }
    }

    /// Sends the request and waits for what becomes of it.
    pub(super) async fn settle(&mut self, request: Request, due: Instant) -> Settled {
        let mut errors = Vec::new();
        let settled = self.ask(request, due, &mut errors).await;
        let mut settled = settled.unwrap_or_else(|| Settled::unserved(request, due));
        settled.errors.append(&mut errors);
        settled
    }

    /// As often as the part loses what it has accepted.
    async fn ask(
        &mut self,
        request: Request,
        due: Instant,
        errors: &mut Vec<ErrorClass>,
    ) -> Option<Settled> {
        let post = Arc::clone(&self.post);
        let waiting = post.waiting(request.compartment)?;
        let mut too_late = 0;
        loop {
            let ticket = post.tickets.fetch_add(1, Ordering::Relaxed);
            let mut answer = waiting.enter(ticket, due)?;
            let letter = Letter::new(ticket, request);
            let reply = match self.send(&letter, waiting, &mut answer, errors).await {
                Sent::Accepted(losses) if waiting.accept(ticket, losses) => {
                    timeout(self.context.answered_within(), answer).await
                }
                Sent::Accepted(_) => Ok(Ok(Reply::Lost)),
                Sent::Answered(reply) => Ok(Ok(reply)),
                Sent::Refused => {
                    waiting.leave(ticket);
                    return None;
                }
            };
            waiting.leave(ticket);
            match reply {
                Ok(Ok(Reply::Settled(settled))) => return Some(*settled),
                Ok(Ok(Reply::Lost)) => {}
                Ok(Err(_nobody_answers)) => return None,
                Err(_too_late) => {
                    errors.push(ErrorClass::no_answer());
                    too_late += 1;
                    if too_late > ASKED_AGAIN {
                        return None;
                    }
                    self.context.figures.count(Figure::LostRequests);
                }
            }
        }
    }

    /// A part that is away is waited for as a server is.
    async fn send(
        &mut self,
        letter: &Letter,
        waiting: &Waiting,
        answer: &mut oneshot::Receiver<Reply>,
        errors: &mut Vec<ErrorClass>,
    ) -> Sent {
        let began = Instant::now();
        loop {
            let losses = waiting.losses();
            let trouble = match self.sender.send(letter).await {
                Ok(()) => return Sent::Accepted(losses),
                Err(trouble) => trouble,
            };
            errors.push(trouble.class().clone());
            // What was not confirmed may have arrived all the same.
            if let Ok(reply) = answer.try_recv() {
                return Sent::Answered(reply);
            }
            let may_pass = matches!(trouble, AttemptError::PartAway { .. });
            if may_pass && began.elapsed() > pause::patience(&self.context.stop) {
                self.context.stop.cancel();
                return Sent::Refused;
            }
            if !may_pass {
                return Sent::Refused;
            }
            pause::rest(pause::backoff(pause::PART_BACKOFF, &mut self.rng)).await;
        }
    }
}

/// What came of sending.
enum Sent {
    /// The part has it, after so many losses.
    Accepted(u64),
    /// It was answered before the part said that it has it.
    Answered(Reply),
    Refused,
}

/// Serves a compartment's queue until nobody sends any more.
pub(super) async fn serve(mut worker: Worker, post: Arc<Post>, compartment: u32) {
    let Some(waiting) = post.waiting.get(compartment as usize) else { return };
    loop {
        let brought = tokio::select! {
            biased;
            () = post.closed.cancelled() => break,
            brought = worker.receive() => brought,
        };
        match brought {
            Ok(Brought::Letter(letter)) => serve_one(&mut worker, waiting, letter).await,
            Ok(Brought::Dead(letter)) => {
                let unserved = Settled::unserved(letter.request(), waiting.due(&letter));
                waiting.answer(&letter, unserved);
                worker.acknowledge(true).await;
            }
            Ok(Brought::Loss) => worker.figures().add(Figure::LostRequests, waiting.lose()),
            Err(error) => {
                tracing::warn!("compartment {compartment} is not served any more: {error}");
                break;
            }
        }
    }
    waiting.close();
    worker.leave().await;
}

/// What the database refuses is not acknowledged: the part brings it again, and in the end to the
/// dead letters.
async fn serve_one(worker: &mut Worker, waiting: &Waiting, letter: Letter) {
    worker.figures().at_least(Figure::DeepestQueue, waiting.len() as u64);
    let Some(settled) = worker.settle(letter.request(), waiting.due(&letter)).await else { return };
    let is_done = settled.outcome != Outcome::Failed || !worker.brings_again();
    if is_done {
        waiting.answer(&letter, settled);
    }
    worker.acknowledge(is_done).await;
}

impl WorkerContext {
    /// How long an answer may take: as long as everybody before in the queue, and a part that was
    /// away meanwhile.
    fn answered_within(&self) -> Duration {
        self.patience() + pause::patience(&self.stop)
    }
}
