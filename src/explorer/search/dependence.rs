//! Which launches of a play could not have been sent the other way round without anybody noticing.
//!
//! What a launch does is more than its step's own effects: it may let others go on, whose steps
//! have their effects then, and a transaction that fails lets its locks go at once.

use super::super::effects::{Effects, meet};
use super::super::played::{Answered, Launched};
use crate::core::event::TransactionStatus;
use crate::core::event::answer::Outcome;

/// PostgreSQL's `deadlock_detected`.
const DEADLOCK: &str = "40P01";

/// Between the steps of a program, numbered session by session.
#[derive(Debug)]
pub(super) struct Dependence {
    /// Each session's first number.
    first: Vec<usize>,
    /// Whether two steps depend on each other.
    steps: Vec<Vec<bool>>,
    /// Whether what one has locked is wanted by the other.
    locks: Vec<Vec<bool>>,
    /// Whether what one has written is read by the other.
    reads: Vec<Vec<bool>>,
    /// Whether the step is known to end a transaction.
    ends: Vec<bool>,
}

/// What a launch did, as far as others may notice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Deed {
    session: usize,
    /// The steps that had their effects, in ascending order: its own and those that it let go on.
    steps: Vec<usize>,
    /// The steps whose locks were let go, because their transaction ended.
    released: Vec<usize>,
    /// The steps whose writes became visible although no step was known to end that transaction.
    published: Vec<usize>,
    /// It had to wait, or would have but for the circle that it closed, whoever of it was refused.
    /// Which of two such launches closes a circle depends on their order.
    has_waited: bool,
}

fn between(effects: &[&Effects], holds: impl Fn(&Effects, &Effects) -> bool) -> Vec<Vec<bool>> {
    let row = |one: &&Effects| effects.iter().map(|other| holds(one, other)).collect();
    effects.iter().map(row).collect()
}

impl Dependence {
    /// Of steps with these effects, each session's in its own order.
    pub(super) fn new(effects: &[Vec<Effects>]) -> Self {
        let all: Vec<&Effects> = effects.iter().flatten().collect();
        let first = effects.iter().scan(0, |sum, own| {
            *sum += own.len();
            Some(*sum - own.len())
        });
        Self {
            first: first.collect(),
            steps: between(&all, Effects::depends_on),
            locks: between(&all, |one, other| meet(&one.locks, &other.locks)),
            reads: between(&all, |one, other| meet(&one.locks, &other.reads)),
            ends: all
                .iter()
                .map(|own| !own.publishes.is_empty() || !own.releases.is_empty())
                .collect(),
        }
    }

    fn number(&self, launched: &Launched) -> usize {
        self.first[launched.session] + launched.step
    }

    /// What the launch at this place did.
    pub(super) fn deed(&self, launches: &[Launched], place: usize) -> Deed {
        let own = &launches[place];
        let mut deed = Deed { session: own.session, ..Deed::default() };
        deed.steps.push(self.number(own));
        deed.has_waited = has_waited(own, place);
        for (at, launched) in launches.iter().enumerate().take(place + 1) {
            if let Some(answer) = launched.answer.as_ref().filter(|answer| answer.after == place) {
                self.add(&mut deed, &launches[..=at], answer);
                deed.has_waited |= is_deadlock(answer);
            }
        }
        self.add_waiting(&mut deed, launches, place);
        deed.steps.sort_unstable();
        deed.steps.dedup();
        deed
    }

    /// Whoever waits is let go on by the last of those that are in its way, so that their order is
    /// noticed although none of them is in the way of another.
    fn add_waiting(&self, deed: &mut Deed, launches: &[Launched], place: usize) {
        let own = self.number(&launches[place]);
        let waiting = launches[..place]
            .iter()
            .filter(|launched| launched.answer.as_ref().is_none_or(|answer| answer.after > place));
        let met = waiting.map(|launched| self.number(launched)).filter(|&other| {
            self.steps[own][other] || deed.released.iter().any(|&it| self.locks[it][other])
        });
        let met: Vec<usize> = met.collect();
        deed.steps.extend(met);
    }

    /// Adds what the last of these launches did when it was answered.
    fn add(&self, deed: &mut Deed, until: &[Launched], answer: &Answered) {
        let Some(launched) = until.last() else { return };
        let number = self.number(launched);
        deed.steps.push(number);
        let ended = answer.status == TransactionStatus::Idle;
        let failed = answer.lost.is_some() || has_failed(answer);
        if failed || ended && !self.ends[number] {
            let transaction = self.transaction(until, answer.lost.is_some());
            deed.released.extend(transaction.clone());
            if !failed {
                deed.published.extend(transaction);
            }
        }
    }

    /// The steps of the transaction that the last launch belongs to, or of all its session.
    fn transaction(&self, until: &[Launched], whole: bool) -> std::ops::RangeInclusive<usize> {
        let last = &until[until.len() - 1];
        let own = until[..until.len() - 1].iter().filter(|other| other.session == last.session);
        let mut idle = own.filter(|other| {
            other.answer.as_ref().is_some_and(|answer| answer.status == TransactionStatus::Idle)
        });
        let start = idle.next_back().filter(|_| !whole).map_or(0, |other| other.step + 1);
        self.first[last.session] + start..=self.number(last)
    }

    /// Whether the two could be noticed to have come in another order.
    pub(super) fn depend(&self, one: &Deed, other: &Deed) -> bool {
        one.session == other.session
            || one.has_waited && other.has_waited
            || any(&self.steps, &one.steps, &other.steps)
            || self.is_noticed_by(one, other)
            || self.is_noticed_by(other, one)
    }

    fn is_noticed_by(&self, one: &Deed, other: &Deed) -> bool {
        any(&self.locks, &one.released, &other.steps)
            || any(&self.reads, &one.published, &other.steps)
    }

    /// The same deed, had it had to wait.
    pub(super) fn waiting(deed: &Deed) -> Deed {
        Deed { has_waited: true, ..deed.clone() }
    }
}

impl Deed {
    pub(super) fn session(&self) -> usize {
        self.session
    }
}

fn any(holds: &[Vec<bool>], ones: &[usize], others: &[usize]) -> bool {
    ones.iter().any(|&one| others.iter().any(|&other| holds[one][other]))
}

fn has_failed(answer: &Answered) -> bool {
    answer.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failed(_)))
}

fn has_waited(launched: &Launched, place: usize) -> bool {
    launched.answer.as_ref().is_none_or(|answer| answer.after != place)
}

fn is_deadlock(answer: &Answered) -> bool {
    let mut outcomes = answer.outcomes.iter();
    outcomes.any(|outcome| matches!(outcome, Outcome::Failed(error) if error.code == DEADLOCK))
}
