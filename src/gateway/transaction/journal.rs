//! Who wrote which rows: what lets a private copy be brought up to date row by row instead of by
//! reading the whole table.
//!
//! A copy's contents are as of a snapshot. A later snapshot sees some transactions more; where the
//! journal knows each of them, what they wrote is all that the copy lacks. A transaction that the
//! journal does not know went past the gateway, or wrote too much to be noted: then the stored
//! table has to be asked.
//!
//! ```text
//!   transactions   7   8   9  10  11  12
//!   the copy has   ■   ■   ■   ·   ■   ·      its own transaction was 11
//!   seen now       ■   ■   ■   ■   ■   ■      so it lacks what 10 and 12 wrote
//! ```
//!
//! A transaction is noted before its COMMIT is sent, so that nobody can see it and not find it
//! here. One that did not commit after all does no harm: its rows are read once more. One that
//! changes the schema is never noted: where all are known, the schema is what it was, and nobody
//! need look at the catalog.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::gateway::transaction::ledger::{RowId, Snapshot};

/// The values of a row's key, as text.
pub(crate) type Key = Arc<[String]>;

/// How many transactions are remembered: a copy that is older than that reads its table once.
const LONGEST: usize = 8_192;

/// A transaction that wrote more rows is not noted: reading a table is cheaper than so many rows
/// one by one.
const LARGEST: usize = 100;

/// What a copy's contents are: all that a snapshot saw, and what the copy's own transaction wrote
/// on top.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) snapshot: Snapshot,
    pub(crate) own: u64,
}

/// The last transactions of the gateway, and the rows that each has written.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    written: BTreeMap<u64, Vec<RowId>>,
}

impl Journal {
    /// Notes what a transaction is about to commit.
    pub(crate) fn note(&mut self, xid: u64, rows: Vec<RowId>) {
        if rows.len() <= LARGEST {
            self.written.insert(xid, rows);
        }
        while self.written.len() > LONGEST {
            self.written.pop_first();
        }
    }

    /// Notes a transaction that leaves nothing behind.
    pub(crate) fn note_nothing(&mut self, xid: u64) {
        self.note(xid, Vec::new());
    }

    /// The keys of the table's rows that a copy lacks of a later snapshot; nothing where the
    /// journal cannot tell.
    pub(crate) fn lacks(&self, table: u32, seen: &Seen, now: &Snapshot) -> Option<HashSet<Key>> {
        let mut keys = HashSet::new();
        for xid in now.since(&seen.snapshot, LONGEST as u64)? {
            if xid != seen.own {
                let rows = self.written.get(&xid)?.iter().filter(|row| row.table == table);
                keys.extend(rows.map(|row| Arc::clone(&row.key)));
            }
        }
        Some(keys)
    }

    /// Whether it knows all whose work the later snapshot sees and the earlier did not. None of
    /// those has changed the schema.
    pub(crate) fn knows_all(&self, earlier: &Snapshot, now: &Snapshot) -> bool {
        let since = now.since(earlier, LONGEST as u64);
        since.is_some_and(|mut xids| xids.all(|xid| self.written.contains_key(&xid)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(table: u32, key: &str) -> RowId {
        RowId { table, key: Arc::from([key.to_owned()]) }
    }

    fn journal() -> Journal {
        let mut journal = Journal::default();
        journal.note(10, vec![row(1, "a"), row(2, "b")]);
        journal.note(11, vec![row(1, "own")]);
        journal.note_nothing(12);
        journal
    }

    fn lacks(seen: &str, own: u64, now: &str) -> Option<Vec<String>> {
        let seen = Seen { snapshot: Snapshot::parse(seen).unwrap(), own };
        let keys = journal().lacks(1, &seen, &Snapshot::parse(now).unwrap())?;
        Some(keys.iter().map(|key| key.join("-")).collect())
    }

    #[test]
    fn a_copy_lacks_what_others_wrote_since() {
        assert_eq!(lacks("10:10:", 11, "13:13:"), Some(vec!["a".to_owned()]));
        assert_eq!(lacks("10:12:10", 11, "13:13:"), Some(vec!["a".to_owned()]));
        assert_eq!(lacks("11:11:", 11, "13:13:"), Some(Vec::new()));
    }

    #[test]
    fn what_still_runs_is_not_lacking() {
        assert_eq!(lacks("10:10:", 11, "10:13:10"), Some(Vec::new()));
    }

    #[test]
    fn whether_all_are_known_who_came_since_can_be_told() {
        let knows = |earlier: &str, now: &str| {
            let snapshot = |text| Snapshot::parse(text).unwrap();
            journal().knows_all(&snapshot(earlier), &snapshot(now))
        };
        assert!(knows("10:10:", "13:13:") && knows("13:13:", "13:13:"));
        assert!(knows("10:13:10,11", "13:13:"));
        assert!(!knows("9:9:", "13:13:") && !knows("10:10:", "14:14:"));
        assert!(knows("10:10:", "13:14:13"), "13 is not seen yet");
        assert!(!knows("10:10:", "100000:100000:"), "too many to tell");
    }

    #[test]
    fn somebody_unknown_means_that_nobody_can_tell() {
        assert_eq!(lacks("9:9:", 11, "13:13:"), None);
        assert_eq!(lacks("10:10:", 11, "14:14:"), None);
        assert_eq!(lacks("10:10:", 11, "100000:100000:"), None);
    }

    #[test]
    fn a_transaction_that_wrote_much_is_unknown() {
        let mut journal = Journal::default();
        journal.note(10, (0..=LARGEST).map(|number| row(1, &number.to_string())).collect());
        let seen = Seen { snapshot: Snapshot::parse("10:10:").unwrap(), own: 0 };
        assert_eq!(journal.lacks(1, &seen, &Snapshot::parse("11:11:").unwrap()), None);
    }
}
