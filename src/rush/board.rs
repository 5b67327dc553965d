//! What everybody may know of a rush while it runs: a fold over its reports. The screen draws it,
//! the progress bar counts by it, and the table at the end is written from it.

use std::sync::Arc;
use std::time::Duration;

use super::fault::Fault;
use super::figures::FigureCounts;
use super::lock_wait_sampler::Presence;
use super::strategy::StrategyName;
use super::strategy::registry::Promise;
use super::tally::{Settled, Tally};
use super::verdict::Verdict;
use super::waits::Waits;

/// What a rush tells while it runs.
#[derive(Clone, Debug)]
pub enum Report {
    /// Something that a person should know: a schema swept.
    Note(String),
    /// Every seat is free, every worker is ready, the clock starts.
    Opened(StrategyName, Option<Fault>),
    /// Requests that have ended since the last such report.
    Settled(Arc<[Settled]>),
    /// Who has waited so far.
    Waits(Waits),
    /// What the strategy has counted of its own so far.
    Figures(FigureCounts),
    /// The server has gone away, or come back.
    Presence(Presence),
    /// A strategy is over.
    Ended(Arc<Ended>),
}

/// How a strategy ended.
#[derive(Clone, Debug)]
pub struct Ended {
    pub strategy: StrategyName,
    /// What went wrong on purpose.
    pub fault: Option<Fault>,
    pub end: End,
}

/// A strategy's name, with the fault that it had to stand.
pub fn label(strategy: StrategyName, fault: Option<Fault>) -> String {
    match fault {
        Some(fault) => format!("{strategy} {fault}"),
        None => strategy.to_string(),
    }
}

impl Ended {
    /// How it is called in a table.
    pub fn label(&self) -> String {
        label(self.strategy, self.fault)
    }

    /// Whether it may sell a seat twice, or two to a passenger.
    fn may_sell_twice(&self) -> bool {
        let entry = self.strategy.entry();
        let breaks = self.fault.is_some_and(|fault| entry.breaks.contains(&fault));
        entry.promise == Promise::Twice || breaks
    }

    /// What was measured, if it came to that.
    pub fn finished(&self) -> Option<&Finished> {
        match &self.end {
            End::Finished(finished) => Some(finished),
            End::Unavailable(_) | End::Broken(_) => None,
        }
    }

    fn did_as_it_should(&self) -> bool {
        match &self.end {
            End::Finished(finished) if self.may_sell_twice() => {
                finished.verdict.missing + finished.verdict.unacknowledged == 0
            }
            End::Finished(finished) => finished.verdict.holds(),
            End::Unavailable(_) => true,
            End::Broken(_) => false,
        }
    }
}

/// The ends that a strategy can come to.
#[derive(Clone, Debug)]
pub enum End {
    /// It was run, to its end or until it was stopped.
    Finished(Box<Finished>),
    /// The engine cannot do it, and why.
    Unavailable(String),
    /// It broke before there was a verdict, and why.
    Broken(String),
}

/// What a strategy came to.
#[derive(Clone, Debug)]
pub struct Finished {
    /// From the first request to the end of the last.
    pub wall: Duration,
    /// From the first request until the last seat was sold; `None` if one is left.
    pub sold_out: Option<Duration>,
    /// What was counted.
    pub tally: Tally,
    /// What was seen of lock waits; `None` where the engine does not show them.
    pub waits: Option<Waits>,
    /// What the part has to say.
    pub figures: FigureCounts,
    /// What the database says.
    pub verdict: Verdict,
    /// Whether somebody stopped it before the trace was used up.
    pub stopped: bool,
}

impl Finished {
    /// Requests that ended, a second.
    pub fn throughput(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let settled = self.tally.settled as f64;
        settled / self.wall.as_secs_f64().max(f64::EPSILON)
    }
}

/// The rush as it stands: the strategies that are over, and the one that runs.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// What a person should know.
    pub notes: Vec<String>,
    /// The strategies that are over, in their order.
    pub ended: Vec<Arc<Ended>>,
    /// The one that runs.
    pub running: Option<Running>,
}

/// The strategy that runs.
#[derive(Clone, Debug)]
pub struct Running {
    pub strategy: StrategyName,
    /// What goes wrong on purpose.
    pub fault: Option<Fault>,
    /// What was counted so far.
    pub tally: Tally,
    /// Who has waited so far; `None` before the first look.
    pub waits: Option<Waits>,
    /// What the strategy has counted of its own so far.
    pub figures: FigureCounts,
}

impl Board {
    /// Takes a report in.
    pub fn apply(&mut self, report: Report) {
        match report {
            Report::Note(note) => self.notes.push(note),
            Report::Opened(strategy, fault) => {
                self.running = Some(Running::new(strategy, fault));
            }
            Report::Settled(batch) => {
                if let Some(running) = &mut self.running {
                    for settled in batch.iter() {
                        running.tally.apply(settled);
                    }
                }
            }
            Report::Waits(waits) => {
                if let Some(running) = &mut self.running {
                    running.waits = Some(waits);
                }
            }
            Report::Figures(figures) => {
                if let Some(running) = &mut self.running {
                    running.figures = figures;
                }
            }
            Report::Presence(_) => {}
            Report::Ended(ended) => {
                self.running = None;
                self.ended.push(ended);
            }
        }
    }

    /// Whether every strategy did what it should, or was listed as impossible here.
    pub fn holds(&self) -> bool {
        self.ended.iter().all(|ended| ended.did_as_it_should())
    }
}

impl Running {
    fn new(strategy: StrategyName, fault: Option<Fault>) -> Self {
        Self {
            strategy,
            fault,
            tally: Tally::default(),
            waits: None,
            figures: FigureCounts::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(strategy: StrategyName, end: End) -> bool {
        holds_under(None, strategy, end)
    }

    fn holds_under(fault: Option<Fault>, strategy: StrategyName, end: End) -> bool {
        let ended = vec![Arc::new(Ended { strategy, fault, end })];
        Board { ended, ..Board::default() }.holds()
    }

    fn finished(verdict: Verdict) -> End {
        let (wall, tally) = (Duration::from_secs(1), Tally::default());
        let (sold_out, waits, figures) = (None, None, FigureCounts::default());
        let stopped = false;
        End::Finished(Box::new(Finished {
            wall,
            sold_out,
            tally,
            waits,
            figures,
            verdict,
            stopped,
        }))
    }

    #[test]
    fn only_naive_may_sell_a_seat_twice() {
        let twice = Verdict { sold: 600, sold_twice: 1, ..Verdict::default() };
        assert!(holds(StrategyName::Naive, finished(twice)));
        assert!(!holds(StrategyName::ForUpdate, finished(twice)));
    }

    #[test]
    fn what_a_fault_is_known_to_break_may_break_under_it_and_under_no_other() {
        let twice = || finished(Verdict { sold: 600, sold_twice: 1, ..Verdict::default() });
        let redis = StrategyName::RedisHold;
        assert!(holds_under(Some(Fault::Pause), redis, twice()));
        assert!(!holds_under(Some(Fault::Cut), redis, twice()));
        assert!(!holds_under(None, redis, twice()));
        assert!(!holds_under(Some(Fault::Pause), StrategyName::RedisHoldFenced, twice()));
    }

    #[test]
    fn nobody_may_lose_a_sale() {
        let missing = Verdict { sold: 600, missing: 1, ..Verdict::default() };
        let unheard = Verdict { sold: 600, unacknowledged: 1, ..Verdict::default() };
        for strategy in [StrategyName::Naive, StrategyName::Hold] {
            assert!(!holds(strategy, finished(missing)), "{strategy}");
            assert!(!holds(strategy, finished(unheard)), "{strategy}");
        }
    }

    #[test]
    fn what_is_not_possible_is_no_failure_and_what_broke_off_is() {
        assert!(holds(StrategyName::Nowait, End::Unavailable("no NOWAIT here".to_owned())));
        assert!(!holds(StrategyName::Nowait, End::Broken("the server is gone".to_owned())));
    }
}
