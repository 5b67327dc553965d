//! A key with a time to live in Redis in front of each seat: whoever sets it looks, pays, and
//! deletes it if it is still theirs.
//!
//! A holder that is held up for longer than its key lives is the second to sell, unless the
//! database knows better. With fencing each hold comes with a number that only grows, the look
//! leaves it in the seat's row, and only who left the last one may sell.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::fenced::{Look, buy, look_fenced, sell_fenced};
use super::registry::{Brief, Fencing};
use super::{Answer, Attempt, Strategy};
use crate::core::sql::rush as sql;
use crate::parts::PartError;
use crate::parts::redis_client::Redis;
use crate::rush::attempt_error::AttemptError;
use crate::rush::figures::{Figure, Figures};
use crate::rush::parts::{PartName, Parts};
use crate::rush::trace::{Request, SeatNumber};
use crate::rush::worker::WorkerContext;
use crate::rush::worker_client::WorkerClient;

/// How many keys are deleted by one command.
const DELETED_AT_ONCE: i32 = 1_000;

/// Holds in Redis.
pub(super) struct RedisHold {
    keys: Keys,
    seats: i32,
    time_to_live: Duration,
    fencing: Fencing,
    parts: Arc<Parts>,
    figures: Arc<Figures>,
}

impl RedisHold {
    pub(super) fn new(brief: &Brief, fencing: Fencing) -> Self {
        Self {
            keys: Keys(Arc::clone(&brief.schema)),
            seats: brief.seats.cast_signed(),
            time_to_live: brief.time_to_live,
            fencing,
            parts: Arc::clone(&brief.parts),
            figures: Arc::clone(&brief.figures),
        }
    }

    fn open(&self) -> Result<Redis, AttemptError> {
        let reached = self.parts.redis().ok_or_else(|| AttemptError::no_part(PartName::Redis))?;
        Ok(Redis::new(&reached.url, &reached.link))
    }
}

impl Strategy for RedisHold {
    fn prepare<'a>(
        &'a self,
        _context: &'a WorkerContext,
    ) -> BoxFuture<'a, Result<(), AttemptError>> {
        Box::pin(async move { Ok(self.open()?.ping().await?) })
    }

    fn open_worker<'a>(
        &'a self,
        _context: &'a WorkerContext,
        number: u32,
    ) -> BoxFuture<'a, Result<Box<dyn Attempt>, AttemptError>> {
        Box::pin(async move {
            let mut redis = self.open()?;
            let release = redis.ways_of_releasing().await?;
            let attempt: Box<dyn Attempt> = Box::new(Holder {
                redis: redis.releasing(release),
                keys: self.keys.clone(),
                time_to_live: self.time_to_live,
                fencing: self.fencing,
                figures: Arc::clone(&self.figures),
                number,
                tries: 0,
            });
            Ok(attempt)
        })
    }

    /// What cannot be deleted ends by itself: holds and counters have a time to live.
    fn clear(&self) -> BoxFuture<'_, Result<(), AttemptError>> {
        Box::pin(async move {
            let mut redis = self.open()?;
            for first in (0..=self.seats).step_by(DELETED_AT_ONCE.unsigned_abs() as usize) {
                let last = self.seats.min(first + DELETED_AT_ONCE - 1);
                let keys = (first..=last).flat_map(|seat| self.keys.of(seat));
                redis.delete(keys.collect()).await?;
            }
            Ok(())
        })
    }
}

/// What the keys are called.
#[derive(Clone)]
struct Keys(Arc<str>);

impl Keys {
    fn hold(&self, seat: SeatNumber) -> String {
        format!("{}:hold:{seat}", self.0)
    }

    fn fence(&self, seat: SeatNumber) -> String {
        format!("{}:fence:{seat}", self.0)
    }

    fn of(&self, seat: SeatNumber) -> [String; 2] {
        [self.hold(seat), self.fence(seat)]
    }
}

/// A worker's way to Redis.
struct Holder {
    redis: Redis,
    keys: Keys,
    time_to_live: Duration,
    fencing: Fencing,
    figures: Arc<Figures>,
    number: u32,
    /// With the worker's number it makes each hold's token.
    tries: u64,
}

/// A hold that was taken.
struct Hold {
    key: String,
    token: String,
    /// Its fencing token, if there is fencing.
    fence: Option<i32>,
}

impl Attempt for Holder {
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>> {
        Box::pin(async move {
            let Some(hold) = self.hold(request.seat).await? else {
                self.figures.count(Figure::HoldsRefused);
                return Ok(Answer::Taken);
            };
            let answer = match hold.fence {
                None => buy(client, request).await,
                Some(fence) => self.buy_fenced(client, request, fence).await,
            };
            // What a lost connection was sent may still be carried out: the hold stays for its
            // time.
            if !matches!(answer, Err(AttemptError::Lost(_))) {
                self.release(&hold).await;
            }
            answer
        })
    }
}

impl Holder {
    async fn hold(&mut self, seat: SeatNumber) -> Result<Option<Hold>, PartError> {
        self.tries += 1;
        let token = format!("{}.{}", self.number, self.tries);
        let (key, living) = (self.keys.hold(seat), self.time_to_live);
        let asked = Instant::now();
        let fence = match self.fencing {
            Fencing::None => self.redis.hold(&key, &token, living).await?.then_some(None),
            Fencing::Checked => {
                let counter = self.keys.fence(seat);
                self.redis.hold_fenced(&key, &counter, &token, living).await?.map(Some)
            }
        };
        self.figures.answered(asked.elapsed());
        Ok(fence.map(|fence| Hold { key, token, fence }))
    }

    /// A hold that cannot be released runs out by itself.
    async fn release(&mut self, hold: &Hold) {
        let asked = Instant::now();
        if let Ok(was_ours) = self.redis.release(&hold.key, &hold.token).await {
            self.figures.answered(asked.elapsed());
            if !was_ours {
                self.figures.count(Figure::TimesRunOut);
            }
        }
    }

    async fn buy_fenced(
        &mut self,
        client: &mut WorkerClient,
        request: Request,
        fence: i32,
    ) -> Result<Answer, AttemptError> {
        match look_fenced(client, sql::LOOK_FENCED, request, fence).await? {
            Look::Over(answer) => Ok(answer),
            Look::Free => sell_fenced(client, request, fence, &self.figures).await,
            Look::Behind(last) => {
                // Ours is an old hold, or Redis has lost its memory and counts from the beginning.
                self.figures.count(Figure::Fenced);
                self.redis.raise(&self.keys.fence(request.seat), last).await?;
                Ok(Answer::Outrun)
            }
        }
    }
}
