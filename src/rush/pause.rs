//! Where a rush waits for time to pass, because time is what it is about: a passenger's thinking
//! and arriving, the backoff before another try, and the patience with a server that does not
//! answer.

use std::pin::Pin;
use std::time::Duration;

use rand::RngExt as _;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep};
use tokio_util::sync::CancellationToken;

/// The wait before the first retry, before jitter.
const FIRST_BACKOFF: Duration = Duration::from_millis(1);
/// No wait grows beyond this one.
const LONGEST_BACKOFF: Duration = Duration::from_millis(100);
/// How long a server may be away before it is given up.
const AWAY_FOR: Duration = Duration::from_secs(30);
/// The same when somebody wants to stop: still long enough to learn what became of the last COMMIT.
const AWAY_WHEN_STOPPED: Duration = Duration::from_secs(2);
/// A part that is away is asked again about twenty times a second.
pub(super) const PART_BACKOFF: u32 = 6;
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

/// How long something may take, again and again: to move the end of one timer costs less than to
/// make a new one for every try.
pub(super) struct Patience(Pin<Box<Sleep>>);

impl Patience {
    /// Of a worker who has not begun anything.
    pub(super) fn new() -> Self {
        Self(Box::pin(tokio::time::sleep_until(Instant::now())))
    }

    /// What the work comes to; none if that takes longer.
    pub(super) async fn wait<T>(
        &mut self,
        time: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        self.0.as_mut().reset(Instant::now() + time);
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.0.as_mut() => None,
        }
    }
}

/// Until a server that is away has been waited for long enough; not so long when somebody wants to
/// stop.
pub(super) async fn out_of_patience(stop: &CancellationToken) {
    let stopped = async {
        stop.cancelled().await;
        rest(AWAY_WHEN_STOPPED).await;
    };
    tokio::select! {
        () = rest(AWAY_FOR) => {}
        () = stopped => {}
    }
}

/// How long something that is away is waited for by now.
pub(super) fn patience(stop: &CancellationToken) -> Duration {
    if stop.is_cancelled() { AWAY_WHEN_STOPPED } else { AWAY_FOR }
}

/// A beat for asking again and again whether something has happened in the database.
pub(super) fn pulse() -> Interval {
    let mut pulse = tokio::time::interval(ASK_AGAIN);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pulse
}

/// One such beat.
pub(super) async fn pulse_once() {
    rest(ASK_AGAIN).await;
}

/// How long to wait before the next try: it doubles with each, and half of it is chance, so that
/// those who collided once do not collide again in step.
pub(super) fn backoff(retry: u32, rng: &mut impl rand::Rng) -> Duration {
    let whole = FIRST_BACKOFF.saturating_mul(1 << retry.min(16)).min(LONGEST_BACKOFF);
    whole.mul_f64(rng.random_range(0.5..1.0))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::Xoshiro256PlusPlus;

    use super::*;

    #[tokio::test]
    async fn patience_ends_when_it_should_however_long_it_was_before() {
        let (moment, hour) = (Duration::from_millis(1), Duration::from_hours(1));
        let mut patience = Patience::new();
        for _ in 0..2 {
            assert_eq!(patience.wait(hour, rest(moment)).await, Some(()));
            assert_eq!(patience.wait(moment, std::future::pending::<()>()).await, None);
        }
    }

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
