//! A part's own figures: what a strategy counts beside what the workers do.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Questions that the part answered.
    PartCalls,
    /// Microseconds until these answers, all together.
    PartMicros,
    /// Requests that met somebody else's hold.
    HoldsRefused,
    /// Holds that were gone before their holder let them go.
    TimesRunOut,
    /// Bookings that the database refused because of an old token.
    Fenced,
    /// Leaders that were elected.
    Elections,
    /// Microseconds between one leader's last word and the next one's election.
    LeaderlessMicros,
    /// Workers that stood still in the middle of a booking.
    Pauses,
    /// Requests that came twice.
    Duplicates,
    /// Messages that the part has delivered before.
    Redeliveries,
    /// Requests that had got their seat before.
    KnownRequests,
    /// Messages that came back too often.
    DeadLetters,
    /// Requests that the part had accepted and has lost; their passengers asked again.
    LostRequests,
    /// How many stood in a queue at most.
    DeepestQueue,
}

/// Every figure, with the words before its number.
const FIGURES: [(Figure, &str); 14] = [
    (Figure::PartCalls, "calls of the part"),
    (Figure::PartMicros, "microseconds in the part"),
    (Figure::HoldsRefused, "holds refused"),
    (Figure::TimesRunOut, "times to live run out"),
    (Figure::Fenced, "bookings refused for an old token"),
    (Figure::Elections, "elections"),
    (Figure::LeaderlessMicros, "microseconds without a leader"),
    (Figure::Pauses, "pauses"),
    (Figure::Duplicates, "requests delivered twice"),
    (Figure::Redeliveries, "redeliveries"),
    (Figure::KnownRequests, "requests known already"),
    (Figure::DeadLetters, "dead letters"),
    (Figure::LostRequests, "accepted requests lost by the part and asked again"),
    (Figure::DeepestQueue, "deepest queue"),
];

impl Figure {
    fn words(self) -> &'static str {
        FIGURES[self as usize].1
    }
}

/// What is counted while a strategy runs, by all workers.
#[derive(Debug, Default)]
pub(super) struct Figures([AtomicU64; FIGURES.len()]);

impl Figures {
    /// One more.
    pub(super) fn count(&self, figure: Figure) {
        self.add(figure, 1);
    }

    pub(super) fn add(&self, figure: Figure, number: u64) {
        self.0[figure as usize].fetch_add(number, Ordering::Relaxed);
    }

    /// The highest that it was.
    pub(super) fn at_least(&self, figure: Figure, number: u64) {
        self.0[figure as usize].fetch_max(number, Ordering::Relaxed);
    }

    /// From the beginning: what was tried out is not counted.
    pub(super) fn reset(&self) {
        self.0.iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }

    /// An answer of the part after so long.
    pub(super) fn answered(&self, after: Duration) {
        self.count(Figure::PartCalls);
        self.add(Figure::PartMicros, u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
    }

    /// What there is to say so far.
    pub(super) fn counts(&self) -> FigureCounts {
        let counts = FIGURES.iter().zip(&self.0);
        let counts = counts.map(|((figure, _), count)| (*figure, count.load(Ordering::Relaxed)));
        FigureCounts(counts.filter(|(_, count)| *count > 0).collect())
    }
}

/// The figures that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FigureCounts(BTreeMap<Figure, u64>);

impl FigureCounts {
    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How often this was counted.
    pub fn of(&self, figure: Figure) -> u64 {
        self.0.get(&figure).copied().unwrap_or_default()
    }

    /// How long the part takes for an answer, if it was asked anything.
    pub fn mean_call(&self) -> Option<Duration> {
        let calls = u32::try_from(self.of(Figure::PartCalls)).ok().filter(|calls| *calls > 0)?;
        Some(Duration::from_micros(self.of(Figure::PartMicros)) / calls)
    }

    /// All of them in a line; nothing where nothing was counted.
    pub fn line(&self) -> Option<String> {
        let timed = [Figure::PartMicros, Figure::PartCalls, Figure::LeaderlessMicros];
        let words = self.0.iter().filter(|(figure, _)| !timed.contains(figure));
        let words = words.map(|(figure, count)| format!("{} {count}", figure.words()));
        let call = self.mean_call().map(|mean| {
            let calls = self.of(Figure::PartCalls);
            format!("{calls} calls of the part, {:.2} ms each", mean.as_secs_f64() * 1e3)
        });
        let leaderless = Duration::from_micros(self.of(Figure::LeaderlessMicros));
        let leaderless = (!leaderless.is_zero())
            .then(|| format!("{:.2} s without a leader", leaderless.as_secs_f64()));
        let words: Vec<String> = words.chain(leaderless).chain(call).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_stands_at_its_own_place() {
        for (place, (figure, _)) in FIGURES.iter().enumerate() {
            assert_eq!(*figure as usize, place);
        }
    }

    #[test]
    fn a_line_has_what_was_counted_and_nothing_else() {
        let figures = Figures::default();
        assert_eq!(figures.counts().line(), None);
        figures.count(Figure::HoldsRefused);
        figures.answered(Duration::from_micros(100));
        figures.answered(Duration::from_micros(300));
        let line = "holds refused 1, 2 calls of the part, 0.20 ms each";
        assert_eq!(figures.counts().line().as_deref(), Some(line));
    }
}
