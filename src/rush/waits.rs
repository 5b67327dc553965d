//! Lock waits, by looking at who waits, again and again.
//!
//! PostgreSQL keeps no count of lock waits, so this is a sample, and two things are told of it. The
//! time waited is a fair estimate however short the waits are: if on average three sessions are
//! seen to wait, three seconds are waited in every second. The number of waits is a lower bound:
//! those that begin and end between two looks are not seen.

use std::collections::HashSet;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::core::event::Row;

/// What was seen of lock waits so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Waits {
    /// Sessions that wait at this moment.
    pub now: u64,
    /// Different waits that were seen; there may have been more.
    pub seen: u64,
    /// Time that sessions have waited, all of them together.
    pub waited: Duration,
}

/// One look after the other, counted together.
pub(super) struct Sample {
    before: HashSet<Row>,
    looked: Instant,
    waits: Waits,
}

impl Sample {
    /// Nothing was seen yet; the first look counts from now.
    pub(super) fn new() -> Self {
        Self { before: HashSet::new(), looked: Instant::now(), waits: Waits::default() }
    }

    /// Counts those who wait now, as long as since the last look.
    pub(super) fn see(&mut self, waiting: Vec<Row>) -> Waits {
        let since = self.looked.elapsed();
        self.looked = Instant::now();
        let waiting: HashSet<Row> = waiting.into_iter().collect();
        self.waits.now = waiting.len() as u64;
        self.waits.seen += waiting.difference(&self.before).count() as u64;
        self.waits.waited += since * u32::try_from(waiting.len()).unwrap_or(u32::MAX);
        self.before = waiting;
        self.waits
    }

    /// Nobody knows who has waited until now.
    pub(super) fn skip(&mut self) {
        self.looked = Instant::now();
        self.waits.now = 0;
    }
}
