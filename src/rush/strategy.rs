//! The ways of selling a seat, one file each, behind one trait.
//!
//! | strategy | who keeps two buyers apart |
//! |---|---|
//! | [`naive`] | nobody |
//! | [`for_update`], [`nowait`], [`skip_locked`] | a row lock, taken before looking |
//! | [`advisory`] | a lock on the seat's number |
//! | [`conditional_update`], [`version`] | the condition of the UPDATE itself |
//! | [`serializable`], [`optimistic`] | the database, at the write or at COMMIT |
//! | [`queue`] | there is only one who writes |
//! | [`hold`] | another table, in front of the seats |

use std::time::Duration;

use futures::future::BoxFuture;

use super::attempt_error::AttemptError;
use super::options::StrategyName;
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

    /// Who works.
    fn staff(&self) -> Staffing {
        Staffing::Everyone
    }

    /// Tries once to get the passenger their seat.
    fn attempt<'a>(
        &'a self,
        desk: &'a mut WorkerClient,
        request: Request,
    ) -> BoxFuture<'a, Result<Answer, AttemptError>>;
}

/// The strategy of this name. A hold must outlast the passenger's thinking.
pub(super) fn strategy(name: StrategyName, think_time: Duration) -> Box<dyn Strategy> {
    match name {
        StrategyName::Naive => Box::new(naive::Naive),
        StrategyName::ForUpdate => Box::new(for_update::ForUpdate),
        StrategyName::Nowait => Box::new(nowait::Nowait),
        StrategyName::SkipLocked => Box::new(skip_locked::SkipLocked),
        StrategyName::ConditionalUpdate => Box::new(conditional_update::ConditionalUpdate),
        StrategyName::Version => Box::new(version::Version),
        StrategyName::Serializable => Box::new(serializable::Serializable),
        StrategyName::Advisory => Box::new(advisory::Advisory),
        StrategyName::Optimistic => Box::new(optimistic::Optimistic),
        StrategyName::Queue => Box::new(queue::Queue),
        StrategyName::Hold => Box::new(hold::Hold::outlasting(think_time)),
    }
}
