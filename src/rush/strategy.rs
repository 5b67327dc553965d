//! The ways of selling a seat, one file each, behind one trait.
//!
//! | strategy | who keeps two buyers apart |
//! |---|---|
//! | `naive` | nobody |
//! | `for_update`, `nowait`, `skip_locked` | a row lock, taken before looking |
//! | `advisory` | a lock on the seat's number |
//! | `conditional_update`, `version` | the condition of the UPDATE itself |
//! | `serializable`, `optimistic` | the database, at the write or at COMMIT |
//! | `queue` | there is only one who writes |
//! | `hold` | another table, in front of the seats |
//! | `redis-hold`, `redis-hold-fenced` | a key with a time to live in Redis, before the seats |
//! | `etcd-lock`, `etcd-lock-fenced` | a lock in etcd on the seat's number |
//! | `etcd-leader` | there is only one who writes, elected in etcd |
//! | `rabbit-queue` | a queue in RabbitMQ has one consumer, who writes |
//! | `kafka-queue` | a partition in Kafka has one reader, who writes |
//!
//! A strategy makes ready what it needs (`prepare`), gives each worker what it attempts with
//! (`open_worker`), and in the end leaves nothing behind and has the last figures (`verify`).
//! The registry is the one table of them.

use std::fmt;
use std::future::{pending, ready};
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use futures::future::BoxFuture;

use super::attempt_error::AttemptError;
use super::letter::Letter;
use super::trace::{Request, SeatNumber};
use super::worker::WorkerContext;
use super::worker_client::{Phrase, WorkerClient};
use registry::NAMES;

mod advisory;
mod conditional_update;
mod etcd_leader;
mod etcd_lock;
mod fenced;
mod for_update;
mod hold;
mod kafka_queue;
mod naive;
mod nowait;
mod optimistic;
mod queue;
mod rabbit_queue;
mod redis_hold;
pub mod registry;
mod serializable;
mod skip_locked;
mod sold_once;
mod version;

/// The strategies, in the words of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyName {
    /// Reads, then writes.
    Naive,
    /// Takes a row lock and waits for it.
    ForUpdate,
    /// Takes a row lock or an error.
    Nowait,
    /// Takes a row that nobody has locked.
    SkipLocked,
    /// Compares and swaps in one statement.
    ConditionalUpdate,
    /// Writes only if the row is still as it was read.
    Version,
    /// Leaves it to SERIALIZABLE.
    Serializable,
    /// Takes a lock on the seat's number.
    Advisory,
    /// Leaves it to the optimistic engine.
    Optimistic,
    /// Has one who writes for each compartment.
    Queue,
    /// Puts a hold in front of each seat.
    Hold,
    /// Puts a hold in Redis in front of each seat.
    RedisHold,
    /// The same, with a token that the database checks.
    RedisHoldFenced,
    /// Takes a lock in etcd.
    EtcdLock,
    /// The same, with a token that the database checks.
    EtcdLockFenced,
    /// Has one elected leader who writes for each compartment.
    EtcdLeader,
    /// Has a queue in RabbitMQ for each compartment.
    RabbitQueue,
    /// Has a partition in Kafka for each compartment.
    KafkaQueue,
}

impl StrategyName {
    /// The name as it is typed and shown.
    pub fn as_str(self) -> &'static str {
        self.entry().text
    }
}

impl ValueEnum for StrategyName {
    fn value_variants<'a>() -> &'a [Self] {
        &NAMES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let entry = self.entry();
        Some(PossibleValue::new(entry.text).help(entry.about))
    }
}

impl fmt::Display for StrategyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one try came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The database has acknowledged that the seat is the passenger's.
    Booked(SeatNumber),
    /// The seat is somebody else's.
    Taken,
    /// Somebody was faster between looking and booking; another try may tell more.
    Outrun,
    /// Somebody else leads; the request goes back into its queue.
    HandBack,
}

/// What a part brings to a queue's worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Brought {
    Letter(Letter),
    /// One that nobody could settle.
    Dead(Letter),
    /// Nothing: the part has lost what it had accepted.
    Loss,
}

/// Brings requests into a queue that a part keeps.
pub(super) trait Sender: Send {
    /// Until the part has the letter, as safe as it keeps anything.
    fn send<'a>(&'a mut self, letter: &'a Letter) -> BoxFuture<'a, Result<(), AttemptError>>;
}

/// How one worker sells a seat.
pub(super) trait Attempt: Send {
    /// Until this worker may take a request: at once, unless only a leader may.
    fn ready(&mut self) -> BoxFuture<'_, Result<(), AttemptError>> {
        Box::pin(ready(Ok(())))
    }

    /// The next letter of a queue that a part keeps; never one where there is no such queue.
    fn receive<'a>(
        &'a mut self,
        _client: &'a mut WorkerClient,
    ) -> BoxFuture<'a, Result<Brought, AttemptError>> {
        Box::pin(pending())
    }

    /// What was received last is done with, or is to come again.
    fn acknowledge(&mut self, _is_done: bool) -> BoxFuture<'_, Result<(), AttemptError>> {
        Box::pin(ready(Ok(())))
    }

    /// Whether what is not acknowledged comes again.
    fn brings_again(&self) -> bool {
        false
    }

    /// Lets go at once what would end by itself.
    fn leave(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }

    /// Tries once to get the passenger their seat.
    fn attempt<'a>(
        &'a mut self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>>;
}

/// One way of selling a seat.
pub(super) trait Strategy: Send + Sync {
    /// Tables that it needs beside the seats, one statement each.
    fn tables(&self) -> &'static [Phrase] {
        &[]
    }

    /// Indexes that make it quick, one statement each; it is right without them.
    fn indexes(&self) -> &'static [Phrase] {
        &[]
    }

    /// How long what a worker holds lives without it; zero where nothing expires.
    fn time_to_live(&self) -> Duration {
        Duration::ZERO
    }

    /// Makes ready what it needs beside the database.
    fn prepare<'a>(
        &'a self,
        _context: &'a WorkerContext,
    ) -> BoxFuture<'a, Result<(), AttemptError>> {
        Box::pin(ready(Ok(())))
    }

    /// What one worker attempts with.
    fn open_worker<'a>(
        &'a self,
        context: &'a WorkerContext,
        number: u32,
    ) -> BoxFuture<'a, Result<Box<dyn Attempt>, AttemptError>>;

    /// One who sends into the queues that its part keeps.
    fn open_sender(&self) -> Result<Box<dyn Sender>, AttemptError> {
        Err(AttemptError::no_queues())
    }

    /// When all is over, however it ended: nothing that it has made beside the database stays. It
    /// is asked also where [`Strategy::prepare`] did not come to its end, and for a run that died.
    fn clear(&self) -> BoxFuture<'_, Result<(), AttemptError>> {
        Box::pin(ready(Ok(())))
    }
}

/// A strategy that needs nothing but the database, and remembers nothing from one try to the next.
struct DatabaseOnly<A> {
    attempt: A,
    tables: &'static [Phrase],
    indexes: &'static [Phrase],
}

impl<A: Attempt + Copy + Sync + 'static> DatabaseOnly<A> {
    fn new(attempt: A) -> Self {
        Self { attempt, tables: &[], indexes: &[] }
    }
}

impl<A: Attempt + Copy + Sync + 'static> Strategy for DatabaseOnly<A> {
    fn tables(&self) -> &'static [Phrase] {
        self.tables
    }

    fn indexes(&self) -> &'static [Phrase] {
        self.indexes
    }

    fn open_worker<'a>(
        &'a self,
        _context: &'a WorkerContext,
        _number: u32,
    ) -> BoxFuture<'a, Result<Box<dyn Attempt>, AttemptError>> {
        let attempt: Box<dyn Attempt> = Box::new(self.attempt);
        Box::pin(ready(Ok(attempt)))
    }
}

#[cfg(test)]
mod tests {
    use super::registry::STRATEGIES;
    use super::*;

    #[test]
    fn names_are_the_same_on_the_command_line_and_in_a_document() {
        for name in StrategyName::value_variants() {
            let written = serde_json::to_value(name).unwrap();
            assert_eq!(written, name.to_possible_value().unwrap().get_name());
        }
    }

    #[test]
    fn every_strategy_stands_at_its_own_place() {
        for (place, entry) in STRATEGIES.iter().enumerate() {
            assert_eq!((entry.name as usize, NAMES[place]), (place, entry.name), "{}", entry.text);
        }
    }
}
