//! What the clients did, as they saw it.

use std::collections::{BTreeSet, HashMap, HashSet};

/// A list to which transactions append: a row of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    /// The table, and which one of that name.
    pub(super) table: String,
    pub(super) row: u32,
}

impl Key {
    pub(super) fn new(table: impl Into<String>, row: u32) -> Self {
        Self { table: table.into(), row }
    }
}

/// No value is appended twice.
pub(super) type Value = u32;

/// One operation of a transaction, and what it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Append(Key, Value),
    Read(Key, Vec<Value>),
}

/// What the client was told of its transaction's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Committed,
    /// It was told an error, or never asked for a COMMIT.
    Refused,
    /// The connection broke before the answer to its COMMIT came.
    Unknown,
}

/// A transaction, with the times at which it was begun and its end was known: whoever begins later
/// comes later.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub(super) client: String,
    pub(super) begun: u64,
    pub(super) ended: u64,
    pub(super) outcome: Outcome,
    pub(super) operations: Vec<Operation>,
}

/// All transactions, the last of which has read whatever lasts.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    pub(super) transactions: Vec<Transaction>,
    /// Tables that were dropped with all that had been appended to them.
    pub(super) dropped: BTreeSet<String>,
    /// What was appended by an UPDATE whose answer nobody heard: it may have found no row.
    pub(super) unheard_updates: BTreeSet<Value>,
}

impl Transaction {
    /// What it appended to this key, in order.
    pub(super) fn appended<'t>(&'t self, to: &'t Key) -> impl Iterator<Item = Value> + 't {
        self.operations.iter().filter_map(move |operation| match operation {
            Operation::Append(key, value) if key == to => Some(*value),
            _ => None,
        })
    }
}

impl History {
    /// Leaves out the unheard updates that nobody has read, unless their row was there for certain.
    pub(super) fn settle_unheard_updates(&mut self) {
        let mut present_since: HashMap<Key, u64> = HashMap::new();
        let mut read: HashSet<Value> = HashSet::new();
        for transaction in &self.transactions {
            for operation in &transaction.operations {
                let (key, is_there) = match operation {
                    Operation::Append(key, _) => (key, true),
                    Operation::Read(key, list) => {
                        read.extend(list);
                        (key, !list.is_empty())
                    }
                };
                if is_there && transaction.outcome == Outcome::Committed {
                    let since = present_since.entry(key.clone()).or_insert(u64::MAX);
                    *since = transaction.ended.min(*since);
                }
            }
        }
        for Transaction { begun, operations, .. } in &mut self.transactions {
            operations.retain(|operation| match operation {
                Operation::Append(key, value) if self.unheard_updates.contains(value) => {
                    read.contains(value)
                        || present_since.get(key).is_some_and(|since| *since < *begun)
                }
                _ => true,
            });
        }
    }

    /// Appends to a table of which nobody knows which one of that name it was: they stand where
    /// they were read, and those that nobody has read are left out.
    pub(super) fn place_unheard(&mut self, name: &str) {
        let operations = self.transactions.iter().flat_map(|transaction| &transaction.operations);
        let lists = operations.filter_map(|operation| match operation {
            Operation::Read(key, list) => Some(list.iter().map(move |value| (*value, key.clone()))),
            Operation::Append(..) => None,
        });
        let places: HashMap<Value, Key> = lists.flatten().collect();
        for transaction in &mut self.transactions {
            transaction.operations.retain_mut(|operation| match operation {
                Operation::Append(key, value) if key.table == name => {
                    places.get(value).is_some_and(|place| {
                        *key = place.clone();
                        true
                    })
                }
                _ => true,
            });
        }
    }
}
