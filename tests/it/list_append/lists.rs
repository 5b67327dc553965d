//! What the lists tell by themselves: in which order values were appended, and whether one was read
//! that must not be seen, or is missing that must be there.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::history::{History, Key, Operation, Outcome, Transaction, Value};

/// What must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Anomaly {
    /// A value was read that nobody had appended.
    Invented { by: usize, key: Key, value: Value },
    /// A value was read whose transaction had not committed.
    AbortedRead { by: usize, of: usize, key: Key, value: Value },
    /// A list was read as it was between two appends of another transaction.
    IntermediateRead { by: usize, of: usize, key: Key, value: Value },
    /// A value stands twice in a list.
    Duplicate { by: usize, key: Key, value: Value },
    /// A transaction did not see its own appends, or not the same list twice.
    Internal { by: usize, key: Key, list: Vec<Value> },
    /// Of two lists that were read neither begins with the other.
    Incompatible { by: usize, key: Key, list: Vec<Value>, order: Vec<Value> },
    /// Another's append stands between two of one transaction.
    Interleaved { of: usize, key: Key },
    /// What was committed is not there in the end.
    LostAppend { of: usize, key: Key, value: Value },
    /// Dependencies go round.
    Cycle(Vec<String>),
}

impl Anomaly {
    /// The transactions that it is about.
    fn transactions(&self, lists: &Lists) -> Vec<usize> {
        let writer = |value: Option<&Value>| value.and_then(|value| lists.writers.get(value));
        match self {
            Self::Invented { by, .. } | Self::Duplicate { by, .. } | Self::Internal { by, .. } => {
                vec![*by]
            }
            Self::AbortedRead { by, of, .. } | Self::IntermediateRead { by, of, .. } => {
                vec![*by, *of]
            }
            Self::Incompatible { by, list, order, .. } => {
                let same = list.iter().zip(order).take_while(|(one, other)| one == other).count();
                let writers = [list.get(same), order.get(same)].into_iter().filter_map(writer);
                std::iter::once(*by).chain(writers.copied()).collect()
            }
            Self::Interleaved { of, .. } | Self::LostAppend { of, .. } => vec![*of],
            Self::Cycle(_) => Vec::new(),
        }
    }

    /// What is wrong, and the transactions that it is about.
    pub(super) fn tell(&self, history: &History, lists: &Lists) -> String {
        let transactions = self.transactions(lists).into_iter().map(|number| {
            let Transaction { client, begun, ended, outcome, operations } =
                &history.transactions[number];
            // Whoever has read everything has not much to do with it.
            let operations: Vec<_> = operations.iter().take(8).collect();
            format!("\n    {number}: {client}, {begun} to {ended}, {outcome:?}: {operations:?}")
        });
        format!("{self:?}{}", transactions.collect::<String>())
    }
}

/// A list as a transaction found it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) by: usize,
    pub(super) key: Key,
    /// Without its own appends.
    pub(super) list: Vec<Value>,
    own: Vec<Value>,
}

/// What the lists of a history tell.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pub(super) anomalies: Vec<Anomaly>,
    /// The values of each key in their order.
    pub(super) orders: BTreeMap<Key, Vec<Value>>,
    pub(super) found: Vec<Found>,
    /// Who appended each value, and to what.
    pub(super) writers: HashMap<Value, usize>,
    /// The transactions that have committed, as far as anybody can tell.
    pub(super) committed: HashSet<usize>,
}

impl Lists {
    pub(super) fn of(history: &History) -> Self {
        let mut lists = Self::default();
        for (number, transaction) in history.transactions.iter().enumerate() {
            lists.note_writes(number, transaction);
            lists.note_reads(number, transaction);
        }
        lists.note_commits(history);
        lists.note_orders();
        for found in lists.found.clone() {
            lists.check_found(history, &found);
        }
        lists.check_orders(history);
        lists.check_lasting(history);
        lists
    }

    fn note_writes(&mut self, number: usize, transaction: &Transaction) {
        for operation in &transaction.operations {
            if let Operation::Append(_, value) = operation {
                self.writers.insert(*value, number);
            }
        }
    }

    fn note_reads(&mut self, number: usize, transaction: &Transaction) {
        let mut own: HashMap<&Key, Vec<Value>> = HashMap::new();
        let mut first: HashMap<&Key, &[Value]> = HashMap::new();
        for operation in &transaction.operations {
            let (key, list) = match operation {
                Operation::Append(key, value) => {
                    own.entry(key).or_default().push(*value);
                    continue;
                }
                Operation::Read(key, list) => (key, list),
            };
            let others = list.strip_suffix(own.entry(key).or_default().as_slice());
            let Some(others) =
                others.filter(|others| *first.entry(key).or_insert(others) == *others)
            else {
                self.anomalies.push(Anomaly::Internal {
                    by: number,
                    key: key.clone(),
                    list: list.clone(),
                });
                continue;
            };
            let (by, key, own) = (number, key.clone(), own[key].clone());
            self.found.push(Found { by, key, list: others.to_vec(), own });
        }
    }

    /// The longest list that was read of a key is its order. One's own appends are a part of it
    /// once they are committed.
    fn note_orders(&mut self) {
        for Found { by, key, list, own } in &self.found {
            let own = own.iter().filter(|_| self.committed.contains(by));
            let whole: Vec<Value> = list.iter().chain(own).copied().collect();
            let order = self.orders.entry(key.clone()).or_default();
            if whole.len() > order.len() {
                *order = whole;
            }
        }
    }

    /// A transaction of unknown outcome has committed when somebody else has seen what it appended.
    fn note_commits(&mut self, history: &History) {
        let seen: HashSet<usize> = self
            .found
            .iter()
            .flat_map(|found| &found.list)
            .filter_map(|value| self.writers.get(value).copied())
            .collect();
        let committed =
            history.transactions.iter().enumerate().filter(
                |(number, transaction)| match transaction.outcome {
                    Outcome::Committed => true,
                    Outcome::Refused => false,
                    Outcome::Unknown => seen.contains(number),
                },
            );
        self.committed = committed.map(|(number, _)| number).collect();
    }

    fn check_found(&mut self, history: &History, found: &Found) {
        let Found { by, key, list, .. } = found.clone();
        let mut seen = HashSet::new();
        for value in &list {
            let value = *value;
            if !seen.insert(value) {
                self.anomalies.push(Anomaly::Duplicate { by, key: key.clone(), value });
            }
            let Some(of) = self.writers.get(&value).copied().filter(|of| {
                history.transactions[*of].appended(&key).any(|appended| appended == value)
            }) else {
                self.anomalies.push(Anomaly::Invented { by, key: key.clone(), value });
                continue;
            };
            if history.transactions[of].outcome == Outcome::Refused {
                self.anomalies.push(Anomaly::AbortedRead { by, of, key: key.clone(), value });
            }
        }
        self.check_last(history, found);
        let order = &self.orders[&key];
        if !order.starts_with(&list) {
            let order = order.clone();
            self.anomalies.push(Anomaly::Incompatible { by, key, list, order });
        }
    }

    /// The last value of a list is the last that its transaction appended.
    fn check_last(&mut self, history: &History, found: &Found) {
        let Some(value) = found.list.last().copied() else { return };
        let Some(of) = self.writers.get(&value).copied() else { return };
        let last = history.transactions[of].appended(&found.key).last();
        if last.is_some_and(|last| last != value) {
            let (by, key) = (found.by, found.key.clone());
            self.anomalies.push(Anomaly::IntermediateRead { by, of, key, value });
        }
    }

    fn check_orders(&mut self, history: &History) {
        for (key, order) in &self.orders {
            let writers = order.iter().filter_map(|value| self.writers.get(value).copied());
            let mut runs: Vec<usize> = writers.collect();
            runs.dedup();
            let mut seen = HashSet::new();
            let again = runs.into_iter().filter(|of| !seen.insert(*of));
            let again = again.filter(|of| history.transactions[*of].appended(key).count() > 1);
            self.anomalies.extend(again.map(|of| Anomaly::Interleaved { of, key: key.clone() }));
        }
    }

    fn check_lasting(&mut self, history: &History) {
        let mut committed: Vec<usize> = self.committed.iter().copied().collect();
        committed.sort_unstable();
        for of in committed {
            for operation in &history.transactions[of].operations {
                let Operation::Append(key, value) = operation else { continue };
                let is_there = Self::last_of(history, key).contains(value);
                if !is_there && !history.dropped.contains(&key.table) {
                    let (key, value) = (key.clone(), *value);
                    self.anomalies.push(Anomaly::LostAppend { of, key, value });
                }
            }
        }
    }

    /// What the last transaction has read of a key.
    fn last_of<'h>(history: &'h History, key: &Key) -> &'h [Value] {
        let operations = history.transactions.last().map_or(&[][..], |last| &last.operations[..]);
        let mut lists = operations.iter().rev().filter_map(|operation| match operation {
            Operation::Read(read, list) if read == key => Some(list.as_slice()),
            _ => None,
        });
        lists.next().unwrap_or_default()
    }
}
