//! Where each session's transactions begin and end, and how they ended; and every order of whole
//! ones.
//!
//! ```text
//!  Alice  begin  select  update  commit        one transaction, committed
//!  Bob    set  begin  select  update  commit   one too: a setting touches nothing, and goes with
//!                             40001   ROLLBACK what follows; it was refused
//! ```

use std::ops::Range;

use crate::core::event::TransactionStatus;
use crate::core::event::answer::Outcome;
use crate::core::scenario::{Interleavings, Scenario};
use crate::core::syntax::{Strings, Verb, split, verb, words};
use crate::explorer::played::{Answered, Launched, Played};
use crate::explorer::program::Program;

/// What a transaction is refused with because of what others did: serialization failure, deadlock,
/// no lock to be had, cancelled. Nobody has to explain what it saw.
pub(super) const REFUSALS: [&str; 4] = ["40001", "40P01", "55P03", "57014"];

/// Steps of one session that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transaction {
    pub session: usize,
    /// Which of the session's steps.
    pub steps: Range<usize>,
    pub fate: Fate,
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    Committed,
    /// Because its session wanted it so, or because of an error that is an answer like any other.
    RolledBack,
    /// Because of others; with this SQLSTATE.
    Refused(String),
    /// It did not end: its session waits, or has no step that would end it.
    Open,
}

impl Transaction {
    /// Whether an order of whole transactions must explain what it saw.
    pub fn is_explained(&self) -> bool {
        matches!(self.fate, Fate::Committed | Fate::RolledBack)
    }

    /// Whether this step is one of its.
    pub fn has(&self, session: usize, step: usize) -> bool {
        self.session == session && self.steps.contains(&step)
    }
}

/// Each session's transactions, in their order.
pub fn transactions(
    scenario: &Scenario,
    program: &Program,
    played: &Played,
) -> Vec<Vec<Transaction>> {
    let each = program.sessions.iter().enumerate();
    each.map(|(session, steps)| {
        let own = |step: usize| {
            let mut launches = played.launches.iter();
            launches.find(|launch| (launch.session, launch.step) == (session, step))
        };
        let launches: Vec<_> = (0..steps.len()).map(own).collect();
        let is_setting = |step: usize| is_setting(&scenario.steps[steps[step]].sql);
        of_session(session, &launches, is_setting)
    })
    .collect()
}

fn of_session(
    session: usize,
    launches: &[Option<&Launched>],
    is_setting: impl Fn(usize) -> bool,
) -> Vec<Transaction> {
    let mut found = Vec::new();
    let mut begin = 0;
    for (step, launch) in launches.iter().enumerate() {
        let answer = launch.and_then(|launch| launch.answer.as_ref());
        let is_over = answer.is_some_and(|answer| {
            answer.status == TransactionStatus::Idle || answer.lost.is_some()
        });
        let is_all_settings = (begin..=step).all(&is_setting);
        if is_over && !is_all_settings {
            let steps = begin..step + 1;
            let fate = fate(&launches[steps.clone()]);
            found.push(Transaction { session, steps, fate });
            begin = step + 1;
        }
    }
    if begin < launches.len() {
        let steps = begin..launches.len();
        let is_done = steps.clone().all(|step| is_setting(step) && launches[step].is_some());
        let fate = if is_done { Fate::Committed } else { Fate::Open };
        found.push(Transaction { session, steps, fate });
    }
    found
}

fn fate(launches: &[Option<&Launched>]) -> Fate {
    let answers = launches.iter().filter_map(|launch| launch.as_ref()?.answer.as_ref());
    let answers: Vec<&Answered> = answers.collect();
    let outcomes = answers.iter().flat_map(|answer| &answer.outcomes);
    let is_committed = answers
        .last()
        .is_some_and(|last| last.lost.is_none() && last.outcomes.last().is_some_and(is_commit));
    if is_committed {
        return Fate::Committed;
    }
    let mut codes = outcomes.filter_map(|outcome| match outcome {
        Outcome::Failed(message) => Some(message.code.as_str()),
        _ => None,
    });
    let refusal = codes.rfind(|code| REFUSALS.contains(code));
    refusal.map_or(Fate::RolledBack, |code| Fate::Refused(code.to_owned()))
}

/// Whether a transaction that ended with this was committed: with COMMIT, or by itself.
fn is_commit(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Failed(_) => false,
        Outcome::Result { tag, .. } | Outcome::Done { tag } => tag != "ROLLBACK",
    }
}

/// Whether it only sets something for its session.
fn is_setting(sql: &str) -> bool {
    let statements = split(sql, Strings::default());
    statements.iter().all(|statement| {
        let verb = verb(&words(statement.text, Strings::default()));
        matches!(verb, Verb::Empty | Verb::Set | Verb::Reset | Verb::Show | Verb::Prepare)
    })
}

/// Every order of whole transactions, each session's in its own order; lazily, and none where there
/// are more than `most`.
pub fn serial_orders(transactions: &[Vec<Transaction>], most: u64) -> Option<Vec<SerialOrder>> {
    let mut places = Vec::new();
    let piles: Vec<Vec<usize>> = transactions
        .iter()
        .map(|own| {
            own.iter()
                .map(|transaction| {
                    places.push(transaction.clone());
                    places.len() - 1
                })
                .collect()
        })
        .collect();
    let interleavings = Interleavings::new(piles);
    interleavings.count().filter(|count| *count <= most)?;
    let order = |schedule: crate::core::scenario::Schedule| {
        schedule.launches.iter().map(|launch| places[launch.step].clone()).collect()
    };
    Some(interleavings.iter().map(order).collect())
}

/// Whole transactions, one after the other.
pub type SerialOrder = Vec<Transaction>;

#[cfg(test)]
mod tests;
