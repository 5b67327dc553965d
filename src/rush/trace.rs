//! Who wants which seat, and when: made from the seed alone, so that every strategy meets the same
//! crowd.

use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, Zipf};

use super::options::Options;
use super::plan::Plan;

/// The number of a passenger, from 1; each asks once.
pub type Passenger = i32;
/// The number of a seat, from 1.
pub type SeatNumber = i32;

/// One passenger's wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub passenger: Passenger,
    /// For which seat.
    pub seat: SeatNumber,
    /// In which compartment that is, from 0.
    pub compartment: i32,
    /// When, from the rush's start; zero for all of them when no rate is asked for.
    pub at: Duration,
}

/// All requests, in their order.
#[derive(Debug)]
pub struct Trace {
    seats: Vec<SeatNumber>,
    /// Microseconds from the start; empty without a rate.
    arrivals: Vec<u64>,
    plan: Plan,
}

impl Trace {
    /// The crowd that these options ask for.
    pub fn new(options: &Options) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(options.seed);
        let seats = wishes(options, &mut rng);
        let arrivals =
            options.rate.map(|rate| arrivals(rate, seats.len(), &mut rng)).unwrap_or_default();
        Self { seats, arrivals, plan: options.plan() }
    }

    /// The request with this index.
    pub fn get(&self, index: usize) -> Option<Request> {
        let seat = *self.seats.get(index)?;
        Some(Request {
            passenger: Passenger::try_from(index + 1).ok()?,
            seat,
            compartment: self.plan.compartment_of(seat),
            at: Duration::from_micros(self.arrivals.get(index).copied().unwrap_or_default()),
        })
    }
}

/// Popular seats are spread over all compartments: rank 1 is some seat, not seat 1.
fn wishes(options: &Options, rng: &mut Xoshiro256PlusPlus) -> Vec<SeatNumber> {
    let mut by_rank: Vec<SeatNumber> = (1..=options.seats.cast_signed()).collect();
    by_rank.shuffle(rng);
    let zipf = Zipf::new(f64::from(options.seats), options.skew).ok();
    let mut wish = || match &zipf {
        Some(zipf) if options.skew > 0.0 => by_rank[index_of(zipf.sample(rng), by_rank.len())],
        _ => by_rank[rng.random_range(0..by_rank.len())],
    };
    (0..options.requests).map(|_| wish()).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a Zipf sample is a whole number from 1 to the number of seats"
)]
fn index_of(rank: f64, seats: usize) -> usize {
    (rank as usize).clamp(1, seats) - 1
}

/// Passengers do not know of each other, so the gaps between them are exponential (a Poisson
/// process).
fn arrivals(rate: f64, count: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<u64> {
    let mut at = 0.0;
    let mut next = || {
        let now = Duration::from_secs_f64(at);
        at -= (1.0 - rng.random::<f64>()).ln() / rate;
        u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
    };
    (0..count).map(|_| next()).collect()
}
