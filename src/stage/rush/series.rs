//! What a rush was like from moment to moment: the lines of the charts.

use std::collections::VecDeque;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::rush::tally::Settled;
use crate::rush::waits::Waits;

/// How long a moment is: a strategy that has few requests is over in less than a second, and has a
/// chart all the same.
const MOMENT: Duration = Duration::from_millis(250);
/// Longer latencies are drawn as this one: an hour, in microseconds.
const LONGEST: u64 = 3_600_000_000;
/// How many moments are kept: two minutes of them.
const KEPT: usize = 480;

/// One moment, by the second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moment {
    /// When it ended, in seconds from the strategy's start.
    pub at: f64,
    /// Requests a second.
    pub throughput: f64,
    /// The latencies, where a request ended.
    pub latency: Option<Latency>,
    /// Lock waits seen, a second.
    pub waits: f64,
    /// Conflicts a second.
    pub conflicts: f64,
    /// Retries a second.
    pub retries: f64,
}

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    pub p50: f64,
    /// The one that one in a hundred exceeds.
    pub p99: f64,
}

impl Latency {
    #[expect(clippy::cast_precision_loss, reason = "points of a chart")]
    /// Those of a moment; none where no request ended.
    pub fn of(micros: &Histogram<u64>) -> Option<Self> {
        let millis = |quantile| micros.value_at_quantile(quantile) as f64 / 1e3;
        (!micros.is_empty()).then(|| Self { p50: millis(0.5), p99: millis(0.99) })
    }
}

/// The moments of the strategy that runs.
#[derive(Clone, Debug)]
pub struct Series {
    begun: Duration,
    moment_begun: Duration,
    /// When a request was last told of.
    heard: Duration,
    latencies: Histogram<u64>,
    conflicts: u32,
    retries: u32,
    waits_before: u64,
    waits: u64,
    moments: VecDeque<Moment>,
}

impl Series {
    /// A strategy that starts now.
    pub fn new(now: Duration) -> Self {
        Self {
            begun: now,
            moment_begun: now,
            heard: now,
            // Two digits are enough for a chart. The bounds are always accepted.
            latencies: Histogram::new_with_bounds(1, LONGEST, 2)
                .unwrap_or_else(|_| unreachable!("the bounds are constants")),
            conflicts: 0,
            retries: 0,
            waits_before: 0,
            waits: 0,
            moments: VecDeque::with_capacity(KEPT),
        }
    }

    /// Counts a request towards this moment.
    pub fn apply(&mut self, settled: &Settled, now: Duration) {
        self.heard = now;
        let micros = u64::try_from(settled.latency.as_micros()).unwrap_or(u64::MAX);
        self.latencies.saturating_record(micros.max(1));
        self.conflicts += settled.conflicts;
        self.retries += settled.retries;
    }

    /// Takes note of the waits seen so far.
    pub fn see(&mut self, waits: Waits) {
        self.waits = waits.seen;
    }

    /// Ends the moment if it is over.
    pub fn tick(&mut self, now: Duration) {
        if now.saturating_sub(self.moment_begun) >= MOMENT {
            self.end_moment(now);
        }
    }

    /// Nothing more will come: the time in which everybody was done already is no part of the
    /// picture, and the rest of a moment is one only if it is long enough to be told by the second.
    pub fn end(&mut self) {
        let rest = self.heard.saturating_sub(self.moment_begun);
        if !self.latencies.is_empty() && (self.moments.is_empty() || rest >= MOMENT / 2) {
            self.end_moment(self.heard);
        }
        while self.moments.pop_back_if(|moment| moment.latency.is_none()).is_some() {}
    }

    fn end_moment(&mut self, now: Duration) {
        let lasted = now.saturating_sub(self.moment_begun);
        if self.moments.len() == KEPT {
            self.moments.pop_front();
        }
        self.moments.push_back(self.moment(now, lasted.as_secs_f64()));
        self.moment_begun = now;
        self.latencies.reset();
        (self.conflicts, self.retries, self.waits_before) = (0, 0, self.waits);
    }

    #[expect(clippy::cast_precision_loss, reason = "points of a chart")]
    fn moment(&self, now: Duration, seconds: f64) -> Moment {
        Moment {
            at: now.saturating_sub(self.begun).as_secs_f64(),
            throughput: self.latencies.len() as f64 / seconds,
            latency: Latency::of(&self.latencies),
            waits: self.waits.saturating_sub(self.waits_before) as f64 / seconds,
            conflicts: f64::from(self.conflicts) / seconds,
            retries: f64::from(self.retries) / seconds,
        }
    }

    /// The moments that are over, the oldest first.
    pub fn moments(&self) -> &VecDeque<Moment> {
        &self.moments
    }

    /// The last moment that is over.
    pub fn last(&self) -> Moment {
        self.moments.back().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rush::tally::Outcome;

    fn settled(millis: u64) -> Settled {
        Settled {
            passenger: 1,
            outcome: Outcome::Taken,
            latency: Duration::from_millis(millis),
            after_sold_out: false,
            first_try: Duration::ZERO,
            retrying: Duration::ZERO,
            statements: 1,
            conflicts: 2,
            retries: 1,
            reconnects: 0,
            asked: 0,
            is_duplicate: false,
            errors: Vec::new(),
        }
    }

    #[test]
    fn a_moment_is_told_by_the_second() {
        let mut series = Series::new(Duration::from_secs(9));
        (0..50).for_each(|_| series.apply(&settled(4), Duration::from_secs(9)));
        series.tick(Duration::from_millis(9_249));
        assert!(series.moments().is_empty());
        series.tick(Duration::from_millis(9_500));
        let moment = series.last();
        for (rate, expected) in
            [(moment.throughput, 100.0), (moment.conflicts, 200.0), (moment.retries, 100.0)]
        {
            assert!((rate - expected).abs() < 0.1, "{moment:?}");
        }
        assert!((moment.latency.unwrap().p50 - 4.0).abs() < 0.1, "{moment:?}");
        series.tick(Duration::from_secs(10));
        assert!(series.last().throughput < 1.0);
        assert_eq!(series.last().latency, None, "nobody waited for nothing");
    }

    #[test]
    fn the_time_after_the_last_request_is_no_part_of_the_picture() {
        let mut series = Series::new(Duration::ZERO);
        for beat in 1..5 {
            series.apply(&settled(4), MOMENT * beat);
            series.tick(MOMENT * beat);
        }
        let busy = series.moments().clone();
        (5..9).for_each(|beat| series.tick(MOMENT * beat));
        assert_eq!(series.moments().len(), 8);
        series.end();
        assert_eq!(*series.moments(), busy);
    }

    #[test]
    fn what_is_over_in_less_than_a_moment_has_a_picture() {
        let mut series = Series::new(Duration::ZERO);
        series.apply(&settled(4), MOMENT / 10);
        series.tick(MOMENT / 2);
        series.end();
        assert!((series.last().throughput - 40.0).abs() < 0.1, "{:?}", series.last());
    }

    #[test]
    fn old_moments_go() {
        let mut series = Series::new(Duration::ZERO);
        (1..1000).for_each(|moment| series.tick(MOMENT * moment));
        assert_eq!(series.moments().len(), KEPT);
    }
}
