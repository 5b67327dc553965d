//! A step that is looked at: since when, how long it has been silent, and when to ask again who
//! waits.

use std::time::{Duration, Instant};

use super::pace::Pace;
use super::permutation::{Look, Patience};

/// The first pause before the server is asked who waits: nine of ten steps are answered within it.
pub(super) const FIRST_PAUSE: Duration = Duration::from_micros(400);

/// After so much silence of a session isolationtester asks whether it waits, and believes what it
/// sees.
pub(super) const MEASURE: Duration = Duration::from_millis(10);

/// A look, as long as it lasts. Each session's silence is measured by itself.
#[derive(Debug)]
pub(super) struct WatchedStep {
    pub(super) begun: Instant,
    pub(super) is_cancelled: bool,
    /// Whether the server was asked in this look.
    pub(super) has_looked: bool,
    silent_since: Instant,
    /// Nothing where the server is to be asked at once.
    pause: Option<Duration>,
}

impl WatchedStep {
    /// One that was seen waiting before is asked about at once, where that is safe.
    pub(super) fn begin(look: Look, patience: Patience, pace: Pace) -> Self {
        let pause = match (look, patience, pace) {
            (_, Patience::UntilItEnds, _) | (_, _, Pace::Measured) => Some(MEASURE),
            (Look::First, _, Pace::Quick) => Some(FIRST_PAUSE),
            (Look::Again, _, Pace::Quick) => None,
        };
        let now = Instant::now();
        Self { begun: now, is_cancelled: false, has_looked: false, silent_since: now, pause }
    }

    /// How long to listen now.
    pub(super) fn pause(&self) -> Option<Duration> {
        let left = MEASURE.saturating_sub(self.silent_since.elapsed());
        self.pause.map(|pause| pause.min(left))
    }

    /// Something was heard.
    pub(super) fn hear(&mut self) {
        self.silent_since = Instant::now();
    }

    /// Whether isolationtester would ask now.
    pub(super) fn is_due(&self) -> bool {
        self.silent_since.elapsed() >= MEASURE
    }

    /// Nothing was heard, and it does not wait.
    pub(super) fn go_on(&mut self) {
        if self.is_due() {
            // isolationtester waits for another 10 ms after each question that it has asked.
            self.silent_since = Instant::now();
        }
        self.pause = Some(self.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(MEASURE)));
    }
}
