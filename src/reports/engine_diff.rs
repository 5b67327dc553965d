//! One schedule played on two engines: what each step was answered on either, and where the two
//! differ.
//!
//! ```text
//!                                     above            below
//!   Bob      begins                   BEGIN            BEGIN
//! ≠ Mallory  tries to take A-4        waits for Bob    UPDATE 1
//! ≠ A-4                               Bob              Mallory       the seat, as it is now
//! ```
//!
//! An [`Account`] is a fold over one engine's events. Two accounts are laid side by side; neither
//! knows of the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::event::{Event, Kind, SessionName};
use crate::core::seats::WatchedTables;

mod answer;
mod rows;
mod table;

pub use answer::Answer;
pub use rows::{RowDifference, differing_rows, row_in_words};
pub use table::{Side, table};

/// What one engine's play has told so far.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The answers to the schedule's steps, by their place in it.
    steps: BTreeMap<usize, Answer>,
    /// What each session was sent last.
    last: BTreeMap<SessionName, Submission>,
    /// What is left in the end.
    finally: Answer,
    /// The watched tables as they are now.
    tables: Arc<WatchedTables>,
}

/// What a session was sent last.
#[derive(Clone, Debug)]
enum Submission {
    /// A step of the schedule; its answer stands with the steps.
    Step(usize),
    /// A typed statement.
    Typed(Arc<str>, Answer),
}

impl Account {
    /// Folds an event.
    pub fn apply(&mut self, event: &Event) {
        match (&event.session, &event.kind) {
            (None, Kind::WatchedTables(tables)) => self.tables = Arc::clone(tables),
            (None, kind) => self.finally.apply(kind),
            (Some(name), Kind::Sent { sql, step, .. }) => self.sent(name, sql, *step),
            (Some(name), kind) => {
                if let Some(answer) = self.pending(name) {
                    answer.apply(kind);
                }
            }
        }
    }

    fn sent(&mut self, name: &SessionName, sql: &Arc<str>, step: Option<usize>) {
        let submission = match step {
            // Its statements go one by one, and what they are answered stands together.
            Some(step) if self.is_at(name, step) => return,
            Some(step) => {
                self.steps.insert(step, Answer::default());
                Submission::Step(step)
            }
            None => Submission::Typed(Arc::clone(sql), Answer::default()),
        };
        self.last.insert(name.clone(), submission);
    }

    fn is_at(&self, name: &SessionName, step: usize) -> bool {
        matches!(self.last.get(name), Some(Submission::Step(last)) if *last == step)
    }

    /// The answer that a session's events belong to.
    fn pending(&mut self, name: &SessionName) -> Option<&mut Answer> {
        match self.last.get_mut(name)? {
            Submission::Step(step) => self.steps.get_mut(step),
            Submission::Typed(_, answer) => Some(answer),
        }
    }

    /// What a step was answered so far; none before it is sent.
    pub fn step(&self, step: usize) -> Option<&Answer> {
        self.steps.get(&step)
    }

    /// What the look at the end showed.
    pub fn finally(&self) -> &Answer {
        &self.finally
    }

    /// The watched tables as they are now.
    pub fn tables(&self) -> &WatchedTables {
        &self.tables
    }

    /// Whether both have answered this step, and not the same.
    pub fn differs_at(&self, other: &Self, step: usize) -> bool {
        let answers = (self.step(step), other.step(step));
        matches!(answers, (Some(one), Some(two)) if one.differs_from(two))
    }

    /// Whether the last thing that this session was sent is the same on both, and its answer is
    /// not.
    pub fn differs_in(&self, other: &Self, name: &SessionName) -> bool {
        match (self.last.get(name), other.last.get(name)) {
            (Some(Submission::Step(here)), Some(Submission::Step(there))) if here == there => {
                self.differs_at(other, *here)
            }
            (Some(Submission::Typed(here, one)), Some(Submission::Typed(there, two))) => {
                here == there && one.differs_from(two)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
