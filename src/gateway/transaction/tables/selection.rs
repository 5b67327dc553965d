//! Which rows a transaction has brought into the copy of a large table, so that it need not look
//! for them again: its snapshot shows no others.

use std::collections::VecDeque;

use super::condition::Condition;
use crate::gateway::backend::BoundValues;

/// How many selections are remembered of each table. A transaction that finds the same rows again
/// does so soon.
const MOST_SELECTIONS: usize = 16;

/// The rows that a snapshot shows under a condition.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    alias: Option<String>,
    condition: String,
    bound: BoundValues,
}

impl Selection {
    /// What a condition selects; nothing where its meaning may change within a transaction.
    pub(super) fn of(
        alias: Option<&str>,
        condition: &Condition,
        bound: &BoundValues,
    ) -> Option<Self> {
        (condition.is_fixed && bound.are_fixed()).then(|| Self {
            alias: alias.map(str::to_owned),
            condition: condition.sql.clone(),
            bound: bound.clone(),
        })
    }
}

/// What was brought, the latest last.
#[derive(Debug, Default)]
pub(super) struct Selections(VecDeque<Selection>);

impl Selections {
    pub(super) fn have(&self, selection: &Selection) -> bool {
        self.0.contains(selection)
    }

    pub(super) fn extend(&mut self, selection: Option<Selection>) {
        self.0.extend(selection);
        while self.0.len() > MOST_SELECTIONS {
            self.0.pop_front();
        }
    }
}
