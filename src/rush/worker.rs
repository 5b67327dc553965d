//! One worker: settles requests one by one, with retries, with new connections when one is lost.
//!
//! ```text
//!  attempt ─┬─ Booked, Taken ──────────────────────────────▶ settled
//!           ├─ Outrun, Conflict ──▶ backoff ──▶ attempt      (no retries left: gave up)
//!           ├─ Refused ────────────────────────────────────▶ failed
//!           └─ Lost ──▶ reconnect ──▶ ask the database ─┬──▶ it is booked: settled
//!                                                       └──▶ it is not: attempt
//! ```
//!
//! A connection that is lost leaves open what became of a COMMIT that was on its way. The database
//! is asked, but only once the server process that had that COMMIT is gone: it could still carry it
//! out after we have asked.

use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attempt_error::{AttemptError, ErrorClass};
use super::connector::Connector;
use super::fault::Injector;
use super::figures::Figures;
use super::pause::{self, PART_BACKOFF, Patience};
use super::sold_out::SoldOut;
use super::strategy::registry::Staffing;
use super::strategy::{Answer, Attempt, Brought, Strategy};
use super::tally::{Outcome, Settled};
use super::trace::{Request, SeatNumber};
use super::worker_client::{BackendIdentity, WorkerClient};
use crate::core::sql::rush as sql;

/// How long a try may go without an end before its connection is taken for dead, beside everybody's
/// thinking.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What all workers of a strategy share.
pub(super) struct WorkerContext {
    pub(super) strategy: Box<dyn Strategy>,
    pub(super) staffing: Staffing,
    pub(super) connector: Connector,
    pub(super) schema: Arc<str>,
    pub(super) think_time: Duration,
    pub(super) retries: u32,
    pub(super) workers: u32,
    pub(super) seed: u64,
    pub(super) sold_out: Arc<SoldOut>,
    /// Whether everybody goes home when the last seat is sold.
    pub(super) until_sold_out: bool,
    pub(super) figures: Arc<Figures>,
    pub(super) injector: Arc<Injector>,
    /// Cancelled when somebody wants the rush to stop, and when the server does not come back.
    pub(super) stop: CancellationToken,
}

impl WorkerContext {
    pub(super) async fn client(&self) -> Result<WorkerClient, AttemptError> {
        // Whoever stands in a queue thinks there; the worker at its head serves everybody.
        let think_time = match self.staffing {
            Staffing::Everyone => self.think_time,
            Staffing::OneACompartment
            | Staffing::CandidatesACompartment
            | Staffing::PostedToCompartments => Duration::ZERO,
        };
        let schema = Arc::clone(&self.schema);
        let client = WorkerClient::open(&self.connector, schema, think_time).await?;
        Ok(client.injected(&self.injector))
    }

    /// In the worst case a passenger waits until everybody else has thought about the same seat.
    pub(super) fn patience(&self) -> Duration {
        ANSWER_WITHIN + self.think_time * self.workers + self.injector.patience()
    }
}

/// Somebody who settles requests.
pub(super) struct Worker {
    context: Arc<WorkerContext>,
    /// None after a loss, until there is a new one.
    client: Option<WorkerClient>,
    attempt: Box<dyn Attempt>,
    rng: Xoshiro256PlusPlus,
    patience: Patience,
}

/// What a request has come to so far.
struct Effort {
    conflicts: u32,
    retries: u32,
    reconnects: u32,
    asked: u32,
    statements: u32,
    errors: Vec<ErrorClass>,
    begun: Instant,
    first_try: Option<Duration>,
    /// Since when the part has not answered.
    part_away: Option<Instant>,
    after_sold_out: bool,
}

fn no_answer<T>() -> Result<T, AttemptError> {
    Err(AttemptError::Lost(ErrorClass::no_answer()))
}

/// What follows from one try.
enum Next {
    Settled(Outcome),
    Again,
    /// Once the part is back, without this being a try.
    WithPart,
    /// By somebody else.
    HandBack,
}

impl Worker {
    /// A worker with a connection. The number makes its backoff its own.
    pub(super) async fn start(
        context: Arc<WorkerContext>,
        number: u32,
    ) -> Result<Self, AttemptError> {
        let client = Some(context.client().await?);
        let attempt = context.strategy.open_worker(&context, number).await?;
        let seed = context.seed ^ u64::from(number).wrapping_add(1);
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        Ok(Self { context, client, attempt, rng, patience: Patience::new() })
    }

    /// Until it may take a request. A part that is away is waited for as a server is.
    pub(super) async fn ready(&mut self) -> Result<(), AttemptError> {
        let mut away = None;
        loop {
            match self.attempt.ready().await {
                Err(trouble @ AttemptError::PartAway { .. }) => {
                    self.wait_out(trouble, &mut away).await?;
                }
                ready => return ready,
            }
        }
    }

    /// The next request from a queue that a part keeps.
    pub(super) async fn receive(&mut self) -> Result<Brought, AttemptError> {
        let mut away = None;
        loop {
            match self.receive_once().await {
                Err(trouble @ (AttemptError::PartAway { .. } | AttemptError::Lost(_))) => {
                    self.wait_out(trouble, &mut away).await?;
                }
                brought => return brought,
            }
        }
    }

    async fn receive_once(&mut self) -> Result<Brought, AttemptError> {
        let client = match &mut self.client {
            Some(client) => client,
            None => self.client.insert(self.context.client().await?),
        };
        let brought = self.attempt.receive(client).await;
        if matches!(brought, Err(AttemptError::Lost(_))) {
            self.client = None;
        }
        brought
    }

    /// A moment, unless it was away for too long.
    async fn wait_out(
        &mut self,
        trouble: AttemptError,
        away: &mut Option<Instant>,
    ) -> Result<(), AttemptError> {
        let since = *away.get_or_insert_with(Instant::now);
        if since.elapsed() > pause::patience(&self.context.stop) {
            self.context.stop.cancel();
            return Err(trouble);
        }
        pause::rest(pause::backoff(PART_BACKOFF, &mut self.rng)).await;
        Ok(())
    }

    /// What was received last is done with, or is to come again. What the part does not hear comes
    /// again, too.
    pub(super) async fn acknowledge(&mut self, is_done: bool) {
        if let Err(trouble) = self.attempt.acknowledge(is_done).await {
            tracing::debug!("not acknowledged: {trouble}");
        }
    }

    /// Whether what is not acknowledged comes again.
    pub(super) fn brings_again(&self) -> bool {
        self.attempt.brings_again()
    }

    pub(super) fn figures(&self) -> &Figures {
        &self.context.figures
    }

    /// Lets go at once what would end by itself.
    pub(super) async fn leave(&mut self) {
        self.attempt.leave().await;
    }

    /// Settles a request that was meant to start then; none if somebody else has to.
    pub(super) async fn settle(&mut self, request: Request, due: Instant) -> Option<Settled> {
        let mut effort = Effort::new(self.context.sold_out.since().is_some());
        let outcome = loop {
            let next = self.try_once(request, &mut effort).await;
            effort.first_try.get_or_insert_with(|| effort.begun.elapsed());
            if matches!(next, Next::HandBack) {
                return None;
            }
            if let Some(outcome) = self.outcome(next, &mut effort).await {
                break outcome;
            }
        };
        if let Outcome::Booked(seat) = outcome {
            self.context.sold_out.sell(seat);
        }
        effort.statements += self.client.as_mut().map_or(0, WorkerClient::take_sent);
        Some(effort.settled(request, outcome, due))
    }

    /// What is over, or nothing after a wait before the next try.
    async fn outcome(&mut self, next: Next, effort: &mut Effort) -> Option<Outcome> {
        match next {
            Next::Settled(outcome) => return Some(outcome),
            Next::WithPart => return self.await_part(effort).await,
            Next::Again | Next::HandBack => effort.part_away = None,
        }
        if effort.retries == self.context.retries || self.context.stop.is_cancelled() {
            return Some(Outcome::GaveUp);
        }
        pause::rest(pause::backoff(effort.retries, &mut self.rng)).await;
        effort.retries += 1;
        None
    }

    /// A part that is away is waited for as a server is, and away for everybody.
    async fn await_part(&mut self, effort: &mut Effort) -> Option<Outcome> {
        let since = *effort.part_away.get_or_insert_with(Instant::now);
        if since.elapsed() > pause::patience(&self.context.stop) {
            self.context.stop.cancel();
            return Some(Outcome::Failed);
        }
        pause::rest(pause::backoff(PART_BACKOFF, &mut self.rng)).await;
        None
    }

    async fn try_once(&mut self, request: Request, effort: &mut Effort) -> Next {
        if self.client.is_none()
            && let settled @ Next::Settled(_) = self.recover(request, effort).await
        {
            return settled;
        }
        let Some(client) = &mut self.client else { return Next::Again };
        let attempt = self.attempt.attempt(client, request);
        let answer = self.patience.wait(self.context.patience(), attempt).await;
        match answer.unwrap_or_else(no_answer) {
            Ok(Answer::Booked(seat)) => Next::Settled(Outcome::Booked(seat)),
            Ok(Answer::Taken) => Next::Settled(Outcome::Taken),
            Ok(Answer::Outrun) => {
                effort.conflicts += 1;
                Next::Again
            }
            Ok(Answer::HandBack) => Next::HandBack,
            Err(trouble) => self.suffer(trouble, request, effort).await,
        }
    }

    async fn suffer(
        &mut self,
        trouble: AttemptError,
        request: Request,
        effort: &mut Effort,
    ) -> Next {
        effort.errors.push(trouble.class().clone());
        match trouble {
            AttemptError::Lost(_) => self.recover(request, effort).await,
            AttemptError::Conflict(_) => {
                effort.conflicts += 1;
                self.roll_back_client(request, effort, Next::Again).await
            }
            AttemptError::PartAway { .. } => {
                self.roll_back_client(request, effort, Next::WithPart).await
            }
            AttemptError::Refused { .. } => {
                self.roll_back_client(request, effort, Next::Settled(Outcome::Failed)).await
            }
        }
    }

    /// A failed transaction still has to be ended.
    async fn roll_back_client(
        &mut self,
        request: Request,
        effort: &mut Effort,
        next: Next,
    ) -> Next {
        let Some(client) = &mut self.client else { return next };
        let rolled_back = self.patience.wait(self.context.patience(), client.roll_back()).await;
        match rolled_back.unwrap_or_else(no_answer) {
            Ok(()) => next,
            Err(trouble) => {
                effort.errors.push(trouble.class().clone());
                self.recover(request, effort).await
            }
        }
    }

    /// A new connection, and what the database knows of the request.
    async fn recover(&mut self, request: Request, effort: &mut Effort) -> Next {
        let backend = self.client.take().map(|mut lost| {
            effort.statements += lost.take_sent();
            lost.backend()
        });
        let context = Arc::clone(&self.context);
        let mut last = None;
        let found = tokio::select! {
            found = self.ask_until_answered(request, backend, effort, &mut last) => Some(found),
            () = pause::out_of_patience(&context.stop) => None,
        };
        match found {
            Some(Some(seat)) => Next::Settled(Outcome::Booked(seat)),
            Some(None) => Next::Again,
            None => {
                // A server that is away is away for everybody, and every other request would wait
                // as long for nothing.
                if last.as_ref().is_none_or(|trouble| matches!(trouble, AttemptError::Lost(_))) {
                    context.stop.cancel();
                }
                let class =
                    last.map_or_else(ErrorClass::unreachable, |trouble| trouble.class().clone());
                effort.errors.push(class);
                Next::Settled(Outcome::Failed)
            }
        }
    }

    async fn ask_until_answered(
        &mut self,
        request: Request,
        backend: Option<BackendIdentity>,
        effort: &mut Effort,
        last: &mut Option<AttemptError>,
    ) -> Option<SeatNumber> {
        for attempt in 0.. {
            match self.ask(request, backend.as_ref(), effort).await {
                Ok(found) => return found,
                Err(trouble) => {
                    *last = Some(trouble);
                    pause::rest(pause::backoff(attempt, &mut self.rng)).await;
                }
            }
        }
        None
    }

    async fn ask(
        &mut self,
        request: Request,
        backend: Option<&BackendIdentity>,
        effort: &mut Effort,
    ) -> Result<Option<SeatNumber>, AttemptError> {
        let mut client = self.context.client().await?;
        effort.reconnects += 1;
        let found = match backend {
            Some(backend) => {
                effort.asked += 1;
                client.await_end_of(backend).await?;
                client.look(sql::BOOKING_OF, &[request.passenger]).await?
            }
            None => None,
        };
        self.client = Some(client);
        Ok(found.and_then(|booking| booking.first))
    }
}

impl Effort {
    fn new(after_sold_out: bool) -> Self {
        Self {
            conflicts: 0,
            retries: 0,
            reconnects: 0,
            asked: 0,
            statements: 0,
            errors: Vec::new(),
            begun: Instant::now(),
            first_try: None,
            part_away: None,
            after_sold_out,
        }
    }

    fn settled(self, request: Request, outcome: Outcome, due: Instant) -> Settled {
        let first_try = self.first_try.unwrap_or_default();
        Settled {
            passenger: request.passenger,
            outcome,
            latency: due.elapsed(),
            after_sold_out: self.after_sold_out,
            first_try,
            retrying: self.begun.elapsed().saturating_sub(first_try),
            statements: self.statements,
            conflicts: self.conflicts,
            retries: self.retries,
            reconnects: self.reconnects,
            asked: self.asked,
            is_duplicate: false,
            errors: self.errors,
        }
    }
}
