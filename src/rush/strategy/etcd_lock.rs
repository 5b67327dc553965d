//! A lock in etcd on the seat's number, as Chubby has them: it lives on a lease, whoever has the
//! lowest create revision has it, and each waiter watches the one before.
//!
//! A worker that is held up for longer than its lease lives has lost its locks without knowing it.
//! With fencing the lock's create revision is the token that the database checks.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::fenced::{buy, buy_fenced};
use super::registry::{Brief, Fencing};
use super::{Answer, Attempt, Strategy};
use crate::parts::PartError;
use crate::parts::etcd_client::{Ahead, Claim, Etcd, Keys, LeaseId, Standing};
use crate::rush::attempt_error::AttemptError;
use crate::rush::figures::{Figure, Figures};
use crate::rush::parts::{PartName, Parts};
use crate::rush::trace::{Request, SeatNumber};
use crate::rush::worker::WorkerContext;
use crate::rush::worker_client::WorkerClient;

/// Locks in etcd.
pub(super) struct EtcdLock {
    schema: Arc<str>,
    time_to_live: Duration,
    fencing: Fencing,
    parts: Arc<Parts>,
    figures: Arc<Figures>,
}

impl EtcdLock {
    pub(super) fn new(brief: &Brief, fencing: Fencing) -> Self {
        Self {
            schema: Arc::clone(&brief.schema),
            time_to_live: brief.time_to_live,
            fencing,
            parts: Arc::clone(&brief.parts),
            figures: Arc::clone(&brief.figures),
        }
    }
}

/// A connection to the rush's etcd.
pub(super) fn open(parts: &Parts) -> Result<Etcd, AttemptError> {
    let reached = parts.etcd().ok_or_else(|| AttemptError::no_part(PartName::Etcd))?;
    Ok(Etcd::new(&reached.url, &reached.link))
}

/// Nothing of the run stays in etcd.
pub(super) async fn clear(parts: &Parts, schema: &str) -> Result<(), AttemptError> {
    open(parts)?.delete(Keys::Prefix(&format!("{schema}/"))).await?;
    Ok(())
}

impl Strategy for EtcdLock {
    fn time_to_live(&self) -> Duration {
        whole_seconds(self.time_to_live)
    }

    fn prepare<'a>(
        &'a self,
        _context: &'a WorkerContext,
    ) -> BoxFuture<'a, Result<(), AttemptError>> {
        Box::pin(async move { Ok(open(&self.parts)?.ping().await?) })
    }

    fn open_worker<'a>(
        &'a self,
        _context: &'a WorkerContext,
        _number: u32,
    ) -> BoxFuture<'a, Result<Box<dyn Attempt>, AttemptError>> {
        Box::pin(async move {
            let session = Session::new(open(&self.parts)?, self.time_to_live, &self.figures);
            let attempt: Box<dyn Attempt> = Box::new(Locker {
                session,
                schema: Arc::clone(&self.schema),
                fencing: self.fencing,
                held: None,
            });
            Ok(attempt)
        })
    }

    /// What cannot be deleted ends with its lease.
    fn clear(&self) -> BoxFuture<'_, Result<(), AttemptError>> {
        Box::pin(clear(&self.parts, &self.schema))
    }
}

/// etcd counts leases in seconds.
pub(super) fn whole_seconds(time: Duration) -> Duration {
    let seconds = time.as_millis().div_ceil(1000).max(1);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX))
}

/// A connection with a lease of its own. The lease is kept alive by whoever uses it, so that a
/// worker that is held up does not keep it alive.
pub(super) struct Session {
    pub(super) etcd: Etcd,
    time_to_live: Duration,
    lease: Option<(LeaseId, Instant)>,
    figures: Arc<Figures>,
}

impl Session {
    pub(super) fn new(etcd: Etcd, time_to_live: Duration, figures: &Arc<Figures>) -> Self {
        let (lease, figures) = (None, Arc::clone(figures));
        Self { etcd, time_to_live: whole_seconds(time_to_live), lease, figures }
    }

    /// A lease that was alive a moment ago; a new one where the old has ended.
    pub(super) async fn lease(&mut self) -> Result<LeaseId, PartError> {
        if let Some((lease, renewed)) = self.lease
            && (renewed.elapsed() < self.time_to_live / 3 || self.keep_alive(lease).await?)
        {
            return Ok(lease);
        }
        let asked = Instant::now();
        let lease = self.etcd.grant(self.time_to_live).await?;
        self.figures.answered(asked.elapsed());
        self.lease = Some((lease, asked));
        Ok(lease)
    }

    async fn keep_alive(&mut self, lease: LeaseId) -> Result<bool, PartError> {
        let asked = Instant::now();
        let is_alive = self.etcd.keep_alive(lease).await?;
        self.figures.answered(asked.elapsed());
        self.lease = is_alive.then_some((lease, asked));
        Ok(is_alive)
    }

    /// How long the lease lives without us.
    pub(super) fn time_to_live(&self) -> Duration {
        self.time_to_live
    }

    /// The lease has ended.
    fn forget(&mut self, ended: LeaseId) {
        self.figures.count(Figure::TimesRunOut);
        self.lease = self.lease.filter(|(lease, _)| *lease != ended);
    }

    /// Waits until nobody is before us, and keeps the lease alive meanwhile.
    pub(super) async fn claim(&mut self, prefix: &str) -> Result<Claim, PartError> {
        loop {
            let lease = self.lease().await?;
            let asked = Instant::now();
            let Some((claim, mut standing)) = self.etcd.claim(prefix, lease).await? else {
                self.forget(lease);
                continue;
            };
            self.figures.answered(asked.elapsed());
            loop {
                match standing {
                    Standing::First => return Ok(claim),
                    Standing::Gone => break self.forget(lease),
                    Standing::Behind(ahead) => self.await_end(&ahead).await?,
                }
                standing = self.etcd.standing(&claim).await?;
            }
        }
    }

    /// Also returns when the lease has ended meanwhile; who looks then finds the key gone.
    async fn await_end(&mut self, ahead: &Ahead) -> Result<(), PartError> {
        let watcher = self.etcd.another();
        let watching = watcher.await_end(ahead);
        tokio::pin!(watching);
        let mut beat = tokio::time::interval(self.time_to_live / 3);
        loop {
            tokio::select! {
                biased;
                ended = &mut watching => return ended,
                _ = beat.tick() => drop(self.lease().await?),
            }
        }
    }

    /// Lets the claim go; one that cannot be let go ends with its lease.
    pub(super) async fn give_up(&mut self, claim: &Claim) -> Result<(), PartError> {
        let asked = Instant::now();
        let was_there = self.etcd.give_up(claim).await?;
        self.figures.answered(asked.elapsed());
        if !was_there {
            self.figures.count(Figure::TimesRunOut);
        }
        Ok(())
    }
}

/// A worker's way to etcd.
struct Locker {
    session: Session,
    schema: Arc<str>,
    fencing: Fencing,
    /// What a try that did not come to its end has left locked.
    held: Option<Claim>,
}

impl Attempt for Locker {
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(async move {
            self.unlock().await?;
            let claim = self.lock(request.seat).await?;
            let revision = claim.revision;
            let answer = match self.fencing {
                Fencing::None => buy(client, request).await,
                Fencing::Checked => {
                    buy_fenced(client, request, revision, &self.session.figures).await
                }
            };
            // What a lost connection was sent may still be carried out: until that is known,
            // nobody else is let in. What cannot be unlocked now is by the next try, or its lease
            // ends.
            if !matches!(answer, Err(AttemptError::Lost(_))) {
                let _unlocked = self.unlock().await;
            }
            answer
        })
    }
}

impl Locker {
    async fn lock(&mut self, seat: SeatNumber) -> Result<Claim, PartError> {
        let claim = self.session.claim(&format!("{}/{seat}/", self.schema)).await?;
        self.held = Some(claim.clone());
        Ok(claim)
    }

    async fn unlock(&mut self) -> Result<(), PartError> {
        if let Some(claim) = &self.held {
            self.session.give_up(claim).await?;
            self.held = None;
        }
        Ok(())
    }
}
