//! One leader a compartment, elected in etcd, and only it writes. Each compartment has several
//! candidates: when the leader's lease ends, the next one is elected.
//!
//! ```text
//!  candidates of A ──campaign──▶ the oldest key leads ──▶ takes from A's queue ──▶ writes
//!        └─ the others watch, and take nothing            (with its revision, which is checked)
//! ```
//!
//! A leader that is held up for longer than its lease lives does not know that it was deposed. Its
//! writes carry the revision of its election, and a newer leader's look leaves a newer one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::etcd_lock::{Session, clear, open, whole_seconds};
use super::fenced::{Look, look_fenced, sell_fenced, token};
use super::registry::Brief;
use super::{Answer, Attempt, Strategy};
use crate::core::sql::rush as sql;
use crate::parts::etcd_client::{Claim, Standing};
use crate::rush::attempt_error::AttemptError;
use crate::rush::figures::{Figure, Figures};
use crate::rush::parts::Parts;
use crate::rush::trace::Request;
use crate::rush::worker::WorkerContext;
use crate::rush::worker_client::WorkerClient;

/// Leaders elected in etcd.
pub(super) struct EtcdLeader {
    schema: Arc<str>,
    compartments: u32,
    time_to_live: Duration,
    parts: Arc<Parts>,
    figures: Arc<Figures>,
    /// When each compartment's leader was last known to lead.
    led: Arc<[Mutex<Option<Instant>>]>,
}

impl EtcdLeader {
    pub(super) fn new(brief: &Brief) -> Self {
        Self {
            schema: Arc::clone(&brief.schema),
            compartments: brief.compartments,
            time_to_live: brief.time_to_live,
            parts: Arc::clone(&brief.parts),
            figures: Arc::clone(&brief.figures),
            led: (0..brief.compartments).map(|_| Mutex::default()).collect(),
        }
    }
}

impl Strategy for EtcdLeader {
    fn time_to_live(&self) -> Duration {
        whole_seconds(self.time_to_live)
    }

    fn prepare<'a>(
        &'a self,
        _context: &'a WorkerContext,
    ) -> BoxFuture<'a, Result<(), AttemptError>> {
        Box::pin(async move { Ok(open(&self.parts)?.ping().await?) })
    }

    /// The candidates' numbers go round the compartments.
    fn open_worker<'a>(
        &'a self,
        _context: &'a WorkerContext,
        number: u32,
    ) -> BoxFuture<'a, Result<Box<dyn Attempt>, AttemptError>> {
        Box::pin(async move {
            let session = Session::new(open(&self.parts)?, self.time_to_live, &self.figures);
            let compartment = number % self.compartments;
            let attempt: Box<dyn Attempt> = Box::new(Candidate {
                session,
                prefix: format!("{}/{compartment}/", self.schema),
                compartment: compartment as usize,
                led: Arc::clone(&self.led),
                figures: Arc::clone(&self.figures),
                term: None,
            });
            Ok(attempt)
        })
    }

    /// What cannot be deleted ends with its lease.
    fn clear(&self) -> BoxFuture<'_, Result<(), AttemptError>> {
        Box::pin(clear(&self.parts, &self.schema))
    }
}

/// One who may lead a compartment.
struct Candidate {
    session: Session,
    prefix: String,
    compartment: usize,
    led: Arc<[Mutex<Option<Instant>>]>,
    figures: Arc<Figures>,
    term: Option<Term>,
}

/// What a leader knows of its own election.
struct Term {
    claim: Claim,
    /// When etcd has last confirmed it.
    confirmed: Instant,
    /// Whether the time before it is counted.
    began: bool,
}

impl Attempt for Candidate {
    /// Campaigns until it leads.
    fn ready(&mut self) -> BoxFuture<'_, Result<(), AttemptError>> {
        Box::pin(async move {
            if self.leads().await? {
                return Ok(());
            }
            let claim = self.session.claim(&self.prefix).await?;
            self.figures.count(Figure::Elections);
            self.term = Some(Term { claim, confirmed: Instant::now(), began: false });
            self.lead();
            Ok(())
        })
    }

    /// The next candidate need not wait for the lease to end.
    fn leave(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(term) = self.term.take() {
                // Otherwise the lease ends it.
                let _resigned = self.session.give_up(&term.claim).await;
                if let Some(led) = self.led.get(self.compartment) {
                    *led.lock().unwrap_or_else(PoisonError::into_inner) = None;
                }
            }
        })
    }

    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(async move {
            if !self.leads().await? {
                return Ok(Answer::HandBack);
            }
            let Some(term) = &self.term else { return Ok(Answer::HandBack) };
            let token = token(term.claim.revision)?;
            let answer = match look_fenced(client, sql::LOOK_LED, request, token).await? {
                Look::Over(answer) => answer,
                Look::Free => sell_fenced(client, request, token, &self.figures).await?,
                Look::Behind(_) => {
                    self.figures.count(Figure::Fenced);
                    Answer::Outrun
                }
            };
            if answer == Answer::Outrun {
                // Somebody leads who was elected later.
                self.term = None;
                return Ok(Answer::HandBack);
            }
            self.lead();
            Ok(answer)
        })
    }
}

impl Candidate {
    /// Whether it leads, as far as it knows: etcd is asked three times in a lease's life.
    async fn leads(&mut self) -> Result<bool, AttemptError> {
        let Some(term) = &mut self.term else { return Ok(false) };
        if term.confirmed.elapsed() < self.session.time_to_live() / 3 {
            return Ok(true);
        }
        let asked = Instant::now();
        self.session.lease().await?;
        let is_first = self.session.etcd.standing(&term.claim).await? == Standing::First;
        term.confirmed = asked;
        if !is_first {
            self.term = None;
        }
        Ok(is_first)
    }

    /// Counts how long nobody did, where somebody did before.
    fn lead(&mut self) {
        let Some(led) = self.led.get(self.compartment) else { return };
        let mut led = led.lock().unwrap_or_else(PoisonError::into_inner);
        let before = led.replace(Instant::now());
        let is_new =
            self.term.as_mut().is_some_and(|term| !std::mem::replace(&mut term.began, true));
        if let Some(gap) = before.filter(|_| is_new).map(|before| before.elapsed()) {
            let micros = u64::try_from(gap.as_micros()).unwrap_or(u64::MAX);
            self.figures.add(Figure::LeaderlessMicros, micros);
        }
    }
}
