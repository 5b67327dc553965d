//! The two places where a rush waits for time to pass, because time is what it is about: a passenger's thinking and arriving, and
//! the backoff before another try.

use std::time::Duration;

use rand::RngExt as _;
use tokio::time::{Instant, Interval, MissedTickBehavior};

/// The wait before the first retry, before jitter.
const FIRST_BACKOFF: Duration = Duration::from_millis(1);
/// No wait grows beyond this one.
const LONGEST_BACKOFF: Duration = Duration::from_millis(100);
/// How often the database is asked whether something has happened.
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// Lets this much time pass.
pub(super) async fn rest(time: Duration) {
    until(Instant::now() + time).await;
}

/// Lets time pass until then; at once if that is over.
pub(super) async fn until(then: Instant) {
    tokio::time::sleep_until(then).await;
}

/// A beat for asking again and again whether something has happened in the database.
pub(super) fn pulse() -> Interval {
    let mut pulse = tokio::time::interval(ASK_AGAIN);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pulse
}

/// How long to wait before the next try: it doubles with each, and half of it is chance, so that those who collided once do not collide again
/// in step.
pub(super) fn backoff(retry: u32, rng: &mut impl rand::Rng) -> Duration {
    let whole = FIRST_BACKOFF.saturating_mul(1 << retry.min(16)).min(LONGEST_BACKOFF);
    whole.mul_f64(rng.random_range(0.5..1.0))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::Xoshiro256PlusPlus;

    use super::*;

    #[test]
    fn backoff_doubles_until_it_is_long_enough() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
        for retry in 0..100 {
            let whole = LONGEST_BACKOFF.min(FIRST_BACKOFF * (1 << retry.min(16)));
            let wait = backoff(retry, &mut rng);
            assert!(wait >= whole / 2 && wait <= whole, "retry {retry}: {wait:?}");
        }
    }
}
