//! Small tables that many write at the same time. A copy of all rows takes anew with every
//! transaction whatever the others have written; a copy of a part takes the few rows that the
//! transaction needs.

use std::collections::{HashMap, HashSet};

use crate::gateway::transaction::journal::Key;

/// From how many rows on, written by others between two transactions, one counts.
const MANY_ROWS: usize = 4;

/// After how many such transactions a table is copied in parts. A rush of a moment is over before,
/// and from then on whoever only reads has a copy of all rows at no cost.
const OFTEN: u32 = 64;

/// How often each table's copy has lacked many rows.
#[derive(Debug, Default)]
pub(super) struct Crowds(HashMap<u32, u32>);

impl Crowds {
    /// Whether a table is copied in parts.
    pub(super) fn are_at(&self, table: u32) -> bool {
        // What has nearly come to it goes with what has: everything is learned anew then.
        self.0.get(&table).is_some_and(|times| *times >= OFTEN / 2)
    }

    /// Counts a transaction whose copy lacked these rows. Whether that has made the table crowded.
    pub(super) fn note(&mut self, table: u32, lacks: &HashSet<Key>) -> bool {
        if lacks.len() < MANY_ROWS {
            return false;
        }
        let times = self.0.entry(table).or_default();
        *times += 1;
        *times == OFTEN
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn rows(count: usize) -> HashSet<Key> {
        (0..count).map(|number| -> Key { Arc::new([number.to_string()]) }).collect()
    }

    #[test]
    fn a_table_is_crowded_after_many_transactions_that_lacked_many_rows() {
        let mut crowds = Crowds::default();
        let times = 1..=OFTEN + 4;
        let told: Vec<bool> = times.clone().map(|_| crowds.note(1, &rows(MANY_ROWS))).collect();
        let once: Vec<bool> = times.map(|time| time == OFTEN).collect();
        assert_eq!(told, once, "told once");
        assert!(crowds.are_at(1) && !crowds.are_at(2));
    }

    #[test]
    fn a_few_rows_make_no_crowd() {
        let mut crowds = Crowds::default();
        assert!(!(0..100).any(|_| crowds.note(1, &rows(MANY_ROWS - 1))));
        assert!(!crowds.are_at(1));
    }
}
