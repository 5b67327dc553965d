//! How a rush stands: everything that its screen shows, folded from the rush's reports.

use std::sync::Arc;
use std::time::Duration;

use crate::rush::board::{Board, Ended, Report};
use crate::rush::lock_wait_sampler::Presence;
use crate::rush::options::Options;
use crate::rush::tally::{Outcome, Settled};

pub mod keys;
pub mod series;

use series::Series;

/// Where the rush is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Going,
    /// Somebody wants it to stop; what was begun is finished.
    Stopping,
    /// Every strategy is over.
    Over,
}

/// What can lie over the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The keys, and what the parts of the screen mean.
    Help,
}

/// The rush as the screen shows it.
#[derive(Clone, Debug)]
pub struct RushStage {
    /// What was counted.
    pub board: Board,
    /// Where it is.
    pub phase: Phase,
    /// What lies over the screen.
    pub over: Option<Over>,
    /// What it was asked to do.
    pub options: Options,
    /// How many strategies there are to run, each with each fault.
    pub runs: usize,
    /// The lines of the charts.
    pub series: Series,
    /// How often each seat was sold, as the workers were told; by number, from seat 1.
    pub sales: Vec<u8>,
    /// When the running strategy was opened.
    pub opened: Duration,
    /// This moment, counted as the screen counts.
    pub now: Duration,
    /// What the strategy came to whose picture still stands, until the next one opens.
    pub kept: Option<Arc<Ended>>,
    /// Since when the server has not answered.
    away_since: Option<Duration>,
}

impl RushStage {
    /// Nothing has happened yet.
    pub fn new(options: &Options) -> Self {
        Self {
            board: Board::default(),
            phase: Phase::Going,
            over: None,
            runs: options.runs().len(),
            series: Series::new(Duration::ZERO),
            sales: vec![0; options.seats as usize],
            options: options.clone(),
            opened: Duration::ZERO,
            now: Duration::ZERO,
            kept: None,
            away_since: None,
        }
    }

    /// Takes a report in.
    pub fn apply(&mut self, report: Report, now: Duration) {
        match &report {
            Report::Opened(..) => {
                self.sales.fill(0);
                self.series = Series::new(now);
                self.opened = now;
                (self.kept, self.away_since) = (None, None);
            }
            Report::Settled(batch) => batch.iter().for_each(|settled| self.count(settled, now)),
            Report::Waits(waits) => self.series.see(*waits),
            Report::Presence(presence) => {
                self.away_since = (*presence == Presence::Away).then_some(now);
            }
            Report::Ended(ended) => self.keep(ended),
            Report::Note(_) | Report::Figures(_) => {}
        }
        self.board.apply(report);
        self.tick(now);
    }

    /// Nothing more will come.
    pub fn end(&mut self) {
        self.phase = Phase::Over;
    }

    /// Lets the time go on.
    pub fn tick(&mut self, now: Duration) {
        self.now = now;
        if self.board.running.is_some() {
            self.series.tick(now);
        }
    }

    /// A strategy that never opened leaves the picture of the one before it.
    fn keep(&mut self, ended: &Arc<Ended>) {
        self.away_since = None;
        if self.board.running.is_some() {
            self.series.end();
            self.kept = Some(Arc::clone(ended));
        }
    }

    fn count(&mut self, settled: &Settled, now: Duration) {
        self.series.apply(settled, now);
        let Outcome::Booked(seat) = settled.outcome else { return };
        let place = usize::try_from(seat - 1).unwrap_or(usize::MAX);
        if let Some(sales) = self.sales.get_mut(place) {
            *sales = sales.saturating_add(1);
        }
    }

    /// How long the server has not answered.
    pub fn away_for(&self) -> Option<Duration> {
        self.away_since.map(|since| self.now.saturating_sub(since))
    }

    /// How long the running strategy will still take if it goes on as it did; with a rate, until
    /// the last passenger is due. Nobody knows that while the server is away.
    pub fn left(&self) -> Option<Duration> {
        if self.away_since.is_some() {
            return None;
        }
        let running = self.board.running.as_ref()?;
        let settled = u32::try_from(running.tally.settled).ok().filter(|settled| *settled > 0)?;
        let spent = self.now.saturating_sub(self.opened);
        let open = self.options.requests.saturating_sub(settled);
        Some(spent.mul_f64(f64::from(open) / f64::from(settled)))
    }
}
