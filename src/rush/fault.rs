//! Faults: what makes people choose between strategies.
//!
//! ```text
//!  pause      a worker stands still in the middle of a booking, longer than what it holds lives
//!  kill-part  the part is killed, and started again two seconds later
//!  cut        for three seconds no byte passes between the workers and the part
//!  duplicate  every hundredth request is delivered twice
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::figures::{Figure, Figures};
use super::pause;
use super::trace::Request;

/// What goes wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Workers stand still in the middle of a booking, longer than a hold or a lease lives
    Pause,
    /// The part is killed (kill -9) and started again after 2 s
    KillPart,
    /// The link to the part is cut for 3 s
    Cut,
    /// Every hundredth request is delivered twice
    Duplicate,
}

impl Fault {
    /// The name as it is typed and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::KillPart => "kill-part",
            Self::Cut => "cut",
            Self::Duplicate => "duplicate",
        }
    }

    /// Whether it needs a part to befall.
    pub fn befalls_part(self) -> bool {
        matches!(self, Self::KillPart | Self::Cut)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How long a killed part stays away.
pub(super) const AWAY: Duration = Duration::from_secs(2);
/// How long a link is cut.
pub(super) const CUT: Duration = Duration::from_secs(3);

/// One booking of so many is paused,
const PAUSED_OF: u64 = 8;
/// and no more than this in all: the others must have time to come.
const PAUSES: u64 = 12;
/// One request of so many comes twice.
const DUPLICATED_OF: u64 = 100;
/// How long a pause is where nothing expires.
const PAUSE: Duration = Duration::from_millis(300);

/// What befalls the workers of a strategy.
#[derive(Debug)]
pub(super) struct Injector {
    pauses: AtomicBool,
    duplicates: AtomicBool,
    /// How many may stand still at a time.
    at_once: u32,
    pause: Duration,
    thoughts: AtomicU64,
    paused: AtomicU64,
    standing: AtomicU32,
    requests: AtomicU64,
    again: Mutex<VecDeque<Request>>,
    figures: Arc<Figures>,
}

impl Injector {
    /// For so many workers, of whom each holds something that lives so long.
    pub(super) fn new(workers: u32, time_to_live: Duration, figures: &Arc<Figures>) -> Self {
        Self {
            pauses: AtomicBool::new(false),
            duplicates: AtomicBool::new(false),
            at_once: (workers / 4).max(1),
            pause: if time_to_live.is_zero() { PAUSE } else { time_to_live * 3 + PAUSE },
            thoughts: AtomicU64::new(0),
            paused: AtomicU64::new(0),
            standing: AtomicU32::new(0),
            requests: AtomicU64::new(0),
            again: Mutex::default(),
            figures: Arc::clone(figures),
        }
    }

    /// From now on workers stand still.
    pub(super) fn pause(&self) {
        self.paused.store(0, Ordering::SeqCst);
        self.pauses.store(true, Ordering::SeqCst);
    }

    /// From now on requests come twice.
    pub(super) fn duplicate(&self) {
        self.duplicates.store(true, Ordering::SeqCst);
    }

    /// The longest that a worker may have to wait for those who stand still.
    pub(super) fn patience(&self) -> Duration {
        if self.pauses.load(Ordering::Relaxed) { self.pause * 4 } else { Duration::ZERO }
    }

    /// A worker has looked and is about to book.
    pub(super) async fn between_look_and_booking(&self) {
        if !self.pauses.load(Ordering::Relaxed) || !self.is_to_stand_still() {
            return;
        }
        self.figures.count(Figure::Pauses);
        pause::rest(self.pause).await;
        self.standing.fetch_sub(1, Ordering::SeqCst);
    }

    fn is_to_stand_still(&self) -> bool {
        if self.thoughts.fetch_add(1, Ordering::SeqCst) % PAUSED_OF != PAUSED_OF / 2
            || self.paused.load(Ordering::SeqCst) >= PAUSES
        {
            return false;
        }
        if self.standing.fetch_add(1, Ordering::SeqCst) >= self.at_once {
            self.standing.fetch_sub(1, Ordering::SeqCst);
            return false;
        }
        self.paused.fetch_add(1, Ordering::SeqCst);
        true
    }

    /// A request is delivered, perhaps not for the last time.
    pub(super) fn deliver(&self, request: Request) {
        if self.duplicates.load(Ordering::Relaxed)
            && self.requests.fetch_add(1, Ordering::Relaxed) % DUPLICATED_OF == DUPLICATED_OF / 2
        {
            self.figures.count(Figure::Duplicates);
            self.again.lock().unwrap_or_else(PoisonError::into_inner).push_back(request);
        }
    }

    /// One that comes a second time.
    pub(super) fn delivered_again(&self) -> Option<Request> {
        if !self.duplicates.load(Ordering::Relaxed) {
            return None;
        }
        self.again.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hundredth_request_comes_twice() {
        let injector = Injector::new(4, Duration::ZERO, &Arc::default());
        let request = Request { passenger: 1, seat: 1, compartment: 0, at: Duration::ZERO };
        injector.deliver(request);
        assert_eq!(injector.delivered_again(), None);
        injector.duplicate();
        (0..1_000).for_each(|_| injector.deliver(request));
        let again = std::iter::from_fn(|| injector.delivered_again());
        assert_eq!(again.count(), 10);
    }

    #[test]
    fn some_stand_still_and_never_all() {
        let injector = Injector::new(8, Duration::from_secs(1), &Arc::default());
        injector.pause();
        let standing = (0..8 * PAUSED_OF).filter(|_| injector.is_to_stand_still()).count();
        assert_eq!(standing, 2, "a quarter of them at a time");
        let mut more = 0;
        for _ in 0..100 * PAUSED_OF {
            injector.standing.store(0, Ordering::SeqCst);
            more += u64::from(injector.is_to_stand_still());
        }
        assert_eq!(more, PAUSES - 2);
    }
}
