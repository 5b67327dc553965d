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

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use futures::future::BoxFuture;

use super::attempt_error::AttemptError;
use super::trace::{Request, SeatNumber};
use super::worker_client::{Phrase, WorkerClient};

mod advisory;
mod conditional_update;
mod for_update;
mod hold;
mod naive;
mod nowait;
mod optimistic;
mod queue;
mod serializable;
mod skip_locked;
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
}

/// Who works for the passengers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Staffing {
    /// Every worker books for itself.
    Everyone,
    /// Each compartment has a queue, and the one at its head alone books.
    OneACompartment,
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

    /// Tries once to get the passenger their seat.
    fn attempt<'a>(
        &'a self,
        client: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>>;
}

/// Where a strategy is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunsOn {
    /// On the database itself.
    Database,
    /// On an optimistic engine, in front of the database where that is none.
    Optimistic,
}

/// What a strategy promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// Each seat is sold once.
    Once,
    /// It is there to sell seats twice; but what it sells is in the ledger, and its buyers know.
    Twice,
}

/// A row of the registry.
pub(super) struct Entry {
    pub(super) name: StrategyName,
    /// The name as it is typed and shown.
    pub(super) text: &'static str,
    /// What it is, in the words of the help.
    pub(super) about: &'static str,
    pub(super) runs_on: RunsOn,
    pub(super) promise: Promise,
    pub(super) staffing: Staffing,
    /// Makes one for passengers who think so long: a hold must outlast that.
    pub(super) build: fn(Duration) -> Box<dyn Strategy>,
}

impl Entry {
    /// As most of them are.
    const fn plain(
        name: StrategyName,
        text: &'static str,
        about: &'static str,
        build: fn(Duration) -> Box<dyn Strategy>,
    ) -> Self {
        let (runs_on, promise, staffing) = (RunsOn::Database, Promise::Once, Staffing::Everyone);
        Self { name, text, about, runs_on, promise, staffing, build }
    }
}

/// Every strategy, in the order in which they are run.
pub(super) const STRATEGIES: [Entry; 11] = [
    Entry {
        promise: Promise::Twice,
        ..Entry::plain(
            StrategyName::Naive,
            "naive",
            "Reads, then writes, without a lock: sells seats twice",
            |_| Box::new(naive::Naive),
        )
    },
    Entry::plain(
        StrategyName::ForUpdate,
        "for-update",
        "SELECT ... FOR UPDATE: waits for whoever has locked the seat",
        |_| Box::new(for_update::ForUpdate),
    ),
    Entry::plain(
        StrategyName::Nowait,
        "nowait",
        "FOR UPDATE NOWAIT: an error instead of a wait, and a retry with backoff",
        |_| Box::new(nowait::Nowait),
    ),
    Entry::plain(
        StrategyName::SkipLocked,
        "skip-locked",
        "FOR UPDATE SKIP LOCKED: the best seat in the compartment that nobody else has locked",
        |_| Box::new(skip_locked::SkipLocked),
    ),
    Entry::plain(
        StrategyName::ConditionalUpdate,
        "conditional-update",
        "UPDATE ... WHERE still free: compare and swap in one statement",
        |_| Box::new(conditional_update::ConditionalUpdate),
    ),
    Entry::plain(
        StrategyName::Version,
        "version",
        "A version column: writes only if the row has not changed since it was read",
        |_| Box::new(version::Version),
    ),
    Entry::plain(
        StrategyName::Serializable,
        "serializable",
        "SERIALIZABLE, with a retry on 40001",
        |_| Box::new(serializable::Serializable),
    ),
    Entry::plain(StrategyName::Advisory, "advisory", "`pg_advisory_xact_lock` on the seat", |_| {
        Box::new(advisory::Advisory)
    }),
    Entry {
        runs_on: RunsOn::Optimistic,
        ..Entry::plain(
            StrategyName::Optimistic,
            "optimistic",
            "The optimistic engine: no locks, with a retry on OC000",
            |_| Box::new(optimistic::Optimistic),
        )
    },
    Entry {
        staffing: Staffing::OneACompartment,
        ..Entry::plain(
            StrategyName::Queue,
            "queue",
            "One queue per compartment, with a single writer",
            |_| Box::new(queue::Queue),
        )
    },
    Entry::plain(
        StrategyName::Hold,
        "hold",
        "A hold with a time to live in front of each seat",
        |think_time| Box::new(hold::Hold::outlasting(think_time)),
    ),
];

/// Their names, in the same order.
pub(super) const NAMES: [StrategyName; STRATEGIES.len()] = {
    let mut names = [StrategyName::Naive; STRATEGIES.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = STRATEGIES[at].name;
        at += 1;
    }
    names
};

impl StrategyName {
    /// Its row of the registry.
    pub(super) fn entry(self) -> &'static Entry {
        // A test holds that the rows stand in the order of the names.
        &STRATEGIES[self as usize]
    }
}

#[cfg(test)]
mod tests {
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
