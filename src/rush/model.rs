//! The textbook's estimate beside the measurement: requests × ((1 − c) × q + c × (q + r × p)).
//!
//! c is the share of requests that meet a conflict, q what a query takes, r how often such a
//! request is tried again, and p the price of one more try. The textbook's own example: c = 30 %, q
//! = 5 ms, r = 2, p = 10 ms is 11 ms a request, so 1,100 s for 100,000 of them, one after the
//! other; 367 s over three queues; 18 s when each queue has twenty workers.

use std::time::Duration;

use super::board::Finished;
use super::options::Options;
use super::strategy::StrategyName;
use super::strategy::registry::Staffing;
use super::tally::Tally;

/// The formula's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// c: the share of requests that meet a conflict, from 0 to 1.
    pub conflict_rate: f64,
    /// q: what a query takes.
    pub query: Duration,
    /// r: how often a request that met a conflict is tried again.
    pub retries: f64,
    /// p: what one more try costs, its backoff included.
    pub price: Duration,
}

impl Model {
    /// The classic example.
    pub const TEXTBOOK: Self = Self {
        conflict_rate: 0.3,
        query: Duration::from_millis(5),
        retries: 2.0,
        price: Duration::from_millis(10),
    };

    /// The same numbers as they were measured: q is a first try.
    pub fn measured(tally: &Tally) -> Self {
        let per = |whole: Duration, count: u64| whole.div_f64(as_f64(count.max(1)));
        Self {
            conflict_rate: as_f64(tally.conflicted) / as_f64(tally.settled.max(1)),
            query: per(tally.first_tries, tally.settled),
            retries: as_f64(tally.retries) / as_f64(tally.conflicted.max(1)),
            price: if tally.retries == 0 {
                Duration::ZERO
            } else {
                per(tally.retrying, tally.retries)
            },
        }
    }

    /// How long so many requests take, one after the other.
    pub fn one_by_one(&self, requests: u64) -> Duration {
        let (c, q) = (self.conflict_rate, self.query.as_secs_f64());
        let retried = q + self.retries * self.price.as_secs_f64();
        Duration::try_from_secs_f64(as_f64(requests) * ((1.0 - c) * q + c * retried))
            .unwrap_or(Duration::MAX)
    }

    /// How long all requests take, by how many serve them.
    pub fn times(&self, options: &Options) -> Times {
        let Options { requests, compartments, workers, .. } = *options;
        let one_by_one = self.one_by_one(requests.into());
        let over_compartments = one_by_one / compartments;
        Times { one_by_one, over_compartments, over_workers: over_compartments / workers }
    }

    /// How long what a strategy has settled takes, over everybody who books at the same time.
    pub fn estimate(
        &self,
        strategy: StrategyName,
        finished: &Finished,
        options: &Options,
    ) -> Duration {
        let at_once = match strategy.entry().staffing {
            Staffing::OneACompartment
            | Staffing::CandidatesACompartment
            | Staffing::PostedToCompartments => options.compartments,
            Staffing::Everyone => options.workers,
        };
        self.one_by_one(finished.tally.settled) / at_once
    }
}

/// The textbook's three ways of sharing the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Nobody shares it.
    pub one_by_one: Duration,
    /// A queue a compartment.
    pub over_compartments: Duration,
    /// As many workers at each of these queues.
    pub over_workers: Duration,
}

#[expect(clippy::cast_precision_loss, reason = "numbers of a model")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_textbook_example_comes_out() {
        let whole = Model::TEXTBOOK.one_by_one(100_000);
        assert_eq!(whole.as_millis(), 1_100_000);
        assert_eq!((whole / 3).as_secs(), 366);
        assert_eq!((whole / 60).as_secs(), 18);
    }

    #[test]
    fn measured_numbers_add_up_to_the_time_that_was_spent() {
        let tally = Tally {
            settled: 10,
            conflicted: 4,
            retries: 6,
            first_tries: Duration::from_millis(100),
            retrying: Duration::from_millis(90),
            ..Tally::default()
        };
        let model = Model::measured(&tally);
        assert_eq!(model.one_by_one(10).as_millis(), 190);
    }
}
