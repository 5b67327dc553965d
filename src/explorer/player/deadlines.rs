//! Who is the victim of a deadlock: always the session that was sent on last.
//!
//! PostgreSQL refuses whoever looks for a circle of waits first when one is there, and each looks
//! `deadlock_timeout` after it began to wait. So whoever is sent while others wait is given a short
//! one, and the first waiter a long one that is over long after.
//!
//! ```text
//!  first waits ───────────────────────────────── 100 ms: looks
//!        second waits ─ 1 ms: looks. A circle? It is the victim
//!              third, no sooner than the second has looked
//! ```

use std::time::{Duration, Instant};

use crate::run::specification::timer::Timer;

/// Of a session that is sent while nobody waits, in milliseconds.
pub(super) const LONG: u32 = 100;
/// Of one that is sent while somebody does.
const SHORT: u32 = 1;
/// A server that is busy looks later than it should.
const MARGIN: Duration = Duration::from_millis(20);
/// After so long a short deadline is over.
const OVER: Duration = Duration::from_millis(6);

/// When sessions look for deadlocks.
pub(super) struct Deadlines {
    /// Whether we may say so; otherwise the server decides, and it is the one that waits longest.
    are_ours: bool,
    /// When the first of those was sent that wait.
    first: Instant,
    /// When anything was sent last.
    last: Instant,
}

impl Deadlines {
    pub(super) fn new(are_ours: bool) -> Self {
        let now = Instant::now();
        Self { are_ours, first: now, last: now }
    }

    /// The `deadlock_timeout` of what is sent while so many wait.
    pub(super) fn of_launch(&mut self, waiting: usize) -> Option<u32> {
        if waiting == 0 {
            self.first = Instant::now();
        }
        self.are_ours.then_some(if waiting == 0 { LONG } else { SHORT })
    }

    pub(super) fn note_launch(&mut self) {
        self.last = Instant::now();
    }

    /// Waits until what is sent next will be the first to look.
    pub(super) async fn keep_distance(&self, waiting: usize, timer: &Timer) {
        if !self.are_ours {
            return;
        }
        let long = Duration::from_millis(LONG.into());
        let since = self.first.elapsed();
        if since + MARGIN > long && since < long + MARGIN {
            pause(timer, (long + MARGIN).saturating_sub(since)).await;
        }
        if waiting > 1 {
            pause(timer, OVER.saturating_sub(self.last.elapsed())).await;
        }
    }
}

async fn pause(timer: &Timer, time: Duration) {
    timer.limit(time, std::future::pending::<()>()).await;
}
