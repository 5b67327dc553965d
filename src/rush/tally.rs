//! The count of a rush: a fold over what became of each request. The live screen, the final table
//! and the verdict have no other source.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::time::Instant;

use super::attempt_error::ErrorClass;
use super::trace::{Passenger, Request, SeatNumber};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A seat was sold, and the database has said so.
    Booked(SeatNumber),
    /// Somebody else has the seat.
    Taken,
    /// The retries are used up.
    GaveUp,
    /// The database refused, or was not to be reached.
    Failed,
}

/// What became of one request, and what it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Whose it was.
    pub passenger: Passenger,
    /// How it ended.
    pub outcome: Outcome,
    /// From when it was meant to start to its end, every wait included.
    pub latency: Duration,
    /// Whether no seat was left when it began.
    pub after_sold_out: bool,
    /// How long the first try took.
    pub first_try: Duration,
    /// From the end of the first try to the end of all: backoff and retries.
    pub retrying: Duration,
    pub statements: u32,
    /// Tries that failed because of a concurrent transaction.
    pub conflicts: u32,
    /// Tries after the first.
    pub retries: u32,
    /// New connections that it took.
    pub reconnects: u32,
    /// Connections that were lost with an answer perhaps on its way, so that the database was asked
    /// what had happened.
    pub asked: u32,
    /// Whether the request had come before: its answer is one more to the same passenger.
    pub is_duplicate: bool,
    /// Every error on the way, also those that a retry has mended.
    pub errors: Vec<ErrorClass>,
}

impl Settled {
    /// A request that nobody came to: the queue's worker is gone.
    pub(super) fn unserved(request: Request, due: Instant) -> Self {
        Self {
            passenger: request.passenger,
            outcome: Outcome::Failed,
            latency: due.elapsed(),
            after_sold_out: false,
            first_try: Duration::ZERO,
            retrying: Duration::ZERO,
            statements: 0,
            conflicts: 0,
            retries: 0,
            reconnects: 0,
            asked: 0,
            is_duplicate: false,
            errors: Vec::new(),
        }
    }
}

/// A passenger who was told: the seat is yours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acknowledged {
    pub seat: SeatNumber,
    pub passenger: Passenger,
}

/// Everything counted so far.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Requests that ended.
    pub settled: u64,
    /// Seats sold, as the workers were told.
    pub booked: u64,
    /// Requests refused because the seat was gone.
    pub taken: u64,
    /// Requests that used up their retries.
    pub gave_up: u64,
    /// Requests that an error ended.
    pub failed: u64,
    pub statements: u64,
    /// Tries that failed because of a concurrent transaction.
    pub conflicts: u64,
    /// Requests with at least one such try.
    pub conflicted: u64,
    /// Tries after the first.
    pub retries: u64,
    pub reconnects: u64,
    /// Outcomes that the database had to be asked for.
    pub asked: u64,
    /// Errors by class.
    pub errors: BTreeMap<ErrorClass, u64>,
    /// Time spent on first tries.
    pub first_tries: Duration,
    /// Time spent on backoff and retries.
    pub retrying: Duration,
    /// Latencies in microseconds.
    pub latencies: Histogram<u64>,
    /// Of those requests that began before the last seat was sold.
    pub before_sold_out: Histogram<u64>,
    /// Of those that came too late.
    pub after_sold_out: Histogram<u64>,
    /// Everybody who was told that a seat is theirs; no more than seats were sold, so it stays
    /// small.
    pub acknowledged: Vec<Acknowledged>,
}

/// Longer latencies are counted as this one.
const LONGEST: Duration = Duration::from_hours(1);

impl Default for Tally {
    fn default() -> Self {
        Self {
            settled: 0,
            booked: 0,
            taken: 0,
            gave_up: 0,
            failed: 0,
            statements: 0,
            conflicts: 0,
            conflicted: 0,
            retries: 0,
            reconnects: 0,
            asked: 0,
            errors: BTreeMap::new(),
            first_tries: Duration::ZERO,
            retrying: Duration::ZERO,
            latencies: histogram(),
            before_sold_out: histogram(),
            after_sold_out: histogram(),
            acknowledged: Vec::new(),
        }
    }
}

fn histogram() -> Histogram<u64> {
    let longest = u64::try_from(LONGEST.as_micros()).unwrap_or(u64::MAX);
    // These bounds are always accepted: 1 <= low, 2 * low <= high, and 0 to 5 digits.
    Histogram::new_with_bounds(1, longest, 3)
        .unwrap_or_else(|_| unreachable!("the bounds are constants"))
}

impl Tally {
    /// Counts one request.
    pub fn apply(&mut self, settled: &Settled) {
        if settled.is_duplicate {
            return self.apply_duplicate(settled);
        }
        self.settled += 1;
        match settled.outcome {
            Outcome::Booked(seat) => {
                self.booked += 1;
                self.acknowledged.push(Acknowledged { seat, passenger: settled.passenger });
            }
            Outcome::Taken => self.taken += 1,
            Outcome::GaveUp => self.gave_up += 1,
            Outcome::Failed => self.failed += 1,
        }
        self.apply_effort(settled);
        let micros = u64::try_from(settled.latency.as_micros()).unwrap_or(u64::MAX);
        self.latencies.saturating_record(micros.max(1));
        let part = if settled.after_sold_out {
            &mut self.after_sold_out
        } else {
            &mut self.before_sold_out
        };
        part.saturating_record(micros.max(1));
    }

    /// Whoever is told twice is told; nothing else of it is counted.
    fn apply_duplicate(&mut self, settled: &Settled) {
        if let Outcome::Booked(seat) = settled.outcome {
            self.acknowledged.push(Acknowledged { seat, passenger: settled.passenger });
        }
    }

    fn apply_effort(&mut self, settled: &Settled) {
        self.statements += u64::from(settled.statements);
        self.conflicts += u64::from(settled.conflicts);
        self.conflicted += u64::from(settled.conflicts > 0);
        self.retries += u64::from(settled.retries);
        self.reconnects += u64::from(settled.reconnects);
        self.asked += u64::from(settled.asked);
        self.first_tries += settled.first_try;
        self.retrying += settled.retrying;
        for class in &settled.errors {
            *self.errors.entry(class.clone()).or_default() += 1;
        }
    }

    /// The latency that this share of the requests did not exceed.
    pub fn latency(&self, quantile: f64) -> Duration {
        quantile_of(&self.latencies, quantile)
    }
}

/// The latency that this share did not exceed.
pub fn quantile_of(latencies: &Histogram<u64>, quantile: f64) -> Duration {
    Duration::from_micros(latencies.value_at_quantile(quantile))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(outcome: Outcome, conflicts: u32) -> Settled {
        Settled {
            passenger: 7,
            outcome,
            latency: Duration::from_millis(u64::from(conflicts) + 1),
            after_sold_out: false,
            first_try: Duration::from_millis(1),
            retrying: Duration::from_millis(conflicts.into()),
            statements: 3,
            conflicts,
            retries: conflicts,
            reconnects: 0,
            asked: 0,
            is_duplicate: false,
            errors: vec![ErrorClass::sqlstate("40001"); conflicts as usize],
        }
    }

    #[test]
    fn every_request_ends_in_exactly_one_way() {
        let mut tally = Tally::default();
        let ends = [Outcome::Booked(3), Outcome::Taken, Outcome::GaveUp, Outcome::Failed];
        for outcome in ends {
            tally.apply(&settled(outcome, 2));
        }
        assert_eq!((tally.booked, tally.taken, tally.gave_up, tally.failed), (1, 1, 1, 1));
        assert_eq!((tally.settled, tally.conflicts, tally.conflicted), (4, 8, 4));
        assert_eq!(tally.errors[&ErrorClass::sqlstate("40001")], 8);
        assert_eq!(tally.acknowledged, [Acknowledged { seat: 3, passenger: 7 }]);
        assert_eq!(tally.latency(0.5).as_millis(), 3);
    }
}
