//! What a transaction has done to rows, and what it claims of them by that.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::ledger::{Claim, RowId};
use super::shape::Shape;

/// What was done to one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowOp {
    Inserted,
    Updated,
    Rekeyed,
    Deleted,
    Locked,
}

/// One row that the transaction changed or locked.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) op: RowOp,
    pub(crate) size: u64,
    /// Its place in the copy.
    pub(crate) place: Option<String>,
    pub(crate) key: Arc<[String]>,
}

/// What the transaction did to one table.
#[derive(Debug)]
pub(crate) struct TableChanges {
    pub(crate) shape: Arc<Shape>,
    pub(crate) copy: String,
    /// The file in which the stored table was when the copy was filled.
    pub(crate) file: Option<String>,
    pub(crate) changes: Vec<Change>,
    pub(crate) strong: HashSet<RowId>,
    pub(crate) shared: HashSet<RowId>,
}

impl Change {
    pub(crate) fn read(row: Vec<Option<String>>) -> Option<Self> {
        let mut values = row.into_iter();
        let op = match values.next()??.as_str() {
            "i" => RowOp::Inserted,
            "u" => RowOp::Updated,
            "k" => RowOp::Rekeyed,
            "d" => RowOp::Deleted,
            _ => RowOp::Locked,
        };
        let size = values.next()??.parse().ok()?;
        let place = values.next()?;
        Some(Self { op, size, place, key: values.map(Option::unwrap_or_default).collect() })
    }

    /// Whether the row is changed, and not merely locked.
    pub(crate) fn is_written(&self) -> bool {
        self.op != RowOp::Locked
    }
}

impl TableChanges {
    /// Whether any row is changed.
    pub(crate) fn is_written(&self) -> bool {
        self.changes.iter().any(Change::is_written)
    }

    /// The rows whose stored contents change.
    pub(crate) fn written(&self) -> impl Iterator<Item = RowId> {
        let written = self.changes.iter().filter(|change| change.is_written());
        written.map(|change| RowId { table: self.shape.oid, key: Arc::clone(&change.key) })
    }

    /// The keys of rows locked FOR KEY SHARE, for people.
    pub(crate) fn shared(&self) -> impl Iterator<Item = String> {
        self.shared.iter().map(|row| row.key.join("-"))
    }

    /// Whether it is the check of a foreign key that has marked its locked rows: that a row exists
    /// which refers to one takes FOR KEY SHARE of that one. Rows that a statement has locked are
    /// told apart (`row_locks`).
    pub(crate) fn is_marked_by_checks(&self) -> bool {
        self.shape.is_referred_to()
    }

    /// What is claimed of the table's rows.
    pub(crate) fn claims(&self) -> impl Iterator<Item = (RowId, Claim)> {
        let table = self.shape.oid;
        // A new row of a table without a key is nobody else's.
        let is_keyed = self.shape.key().is_some();
        let named =
            self.changes.iter().filter(move |change| is_keyed || change.op != RowOp::Inserted);
        let claims = named.map(move |change| {
            let row = RowId { table, key: Arc::clone(&change.key) };
            let claim = match change.op {
                RowOp::Updated => Claim::Update,
                RowOp::Locked if self.is_marked_by_checks() => Claim::KeyShare,
                _ => Claim::Strong,
            };
            (row, claim)
        });
        let shared = self.shared.iter().map(|row| (row.clone(), Claim::KeyShare));
        let strong = self.strong.iter().map(|row| (row.clone(), Claim::Strong));
        // What is claimed twice is claimed the stronger way: the last one counts.
        shared.chain(claims).chain(strong)
    }

    /// Whether foreign keys act on a key that one row had and another, or the same once more, may
    /// have got since.
    pub(crate) fn hands_keys_on(&self) -> bool {
        let is_of_keys = |op: RowOp| !matches!(op, RowOp::Updated | RowOp::Locked);
        let of_keys = self.changes.iter().filter(|change| is_of_keys(change.op)).count();
        let acts = |when: Option<bool>, done: RowOp| {
            when == Some(true) && self.changes.iter().any(|change| change.op == done)
        };
        let gets_one = |op: RowOp| matches!(op, RowOp::Inserted | RowOp::Rekeyed);
        let actions = self.shape.actions;
        of_keys > 1
            && self.changes.iter().any(|change| gets_one(change.op))
            && (acts(actions.on_delete, RowOp::Deleted) || acts(actions.on_update, RowOp::Rekeyed))
    }

    /// How many rows are changed, or locked FOR UPDATE: both count towards the service's limit.
    pub(crate) fn counted(&self) -> usize {
        let written = self.changes.iter().filter(|change| change.is_written()).count();
        let gone = self.changes.iter().filter(|change| change.op == RowOp::Deleted).count();
        // Without a key a row that changes is one that goes and one that comes, and nothing tells
        // which: it counts once.
        let changed = match self.shape.key() {
            Some(_) => written,
            None => gone.max(written - gone),
        };
        changed + self.locked().len()
    }

    /// The keys of rows that are locked FOR UPDATE and not changed.
    pub(crate) fn locked(&self) -> Vec<Arc<[String]>> {
        let is_locked =
            |change: &&Change| change.op == RowOp::Locked && !self.is_marked_by_checks();
        let locked = self.changes.iter().filter(is_locked);
        let locked = locked.map(|change| Arc::clone(&change.key));
        let written = self.changes.iter().filter(|change| change.is_written());
        let written: HashSet<_> = written.map(|change| &change.key).collect();
        let strong = self.strong.iter().map(|row| Arc::clone(&row.key));
        let kept = strong.chain(locked).filter(|key| !written.contains(key));
        kept.collect::<BTreeSet<_>>().into_iter().collect()
    }
}
