//! A store of lists in memory with snapshot isolation, which can be given a fault: what the checker
//! must tell apart.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::rngs::StdRng;

use super::history::{History, Key, Operation, Outcome, Transaction, Value};

/// What may be wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The second to write a list overwrites what the first has appended.
    NobodyLoses,
    /// Each statement sees the latest commits.
    ReadCommitted,
    /// A snapshot is now and then an older one.
    OldSnapshot,
    /// A COMMIT now and then forgets one of its lists.
    HalfCommit,
    /// A refused transaction stays.
    RefusedStays,
}

pub(super) const FAULTS: [Fault; 5] = [
    Fault::NobodyLoses,
    Fault::ReadCommitted,
    Fault::OldSnapshot,
    Fault::HalfCommit,
    Fault::RefusedStays,
];

type Lists = BTreeMap<u32, Vec<Value>>;

struct Open {
    snapshot: usize,
    begun: u64,
    own: BTreeMap<u32, Vec<Value>>,
    operations: Vec<Operation>,
}

struct Store {
    /// The state after each commit.
    states: Vec<Lists>,
    open: Vec<Option<Open>>,
    fault: Option<Fault>,
    clock: u64,
    values: Value,
    history: History,
}

const CLIENTS: usize = 4;
const KEYS: u32 = 3;

/// Some hundred operations of some clients.
pub(super) fn play(random: &mut StdRng, fault: Option<Fault>) -> History {
    let mut store = Store {
        states: vec![Lists::new()],
        open: (0..CLIENTS).map(|_| None).collect(),
        fault,
        clock: 0,
        values: 0,
        history: History::default(),
    };
    for _ in 0..300 {
        store.step(random.random_range(0..CLIENTS), random);
    }
    store.open.iter_mut().for_each(|open| *open = None);
    store.begin(0, random);
    (0..KEYS).for_each(|key| store.read(0, key));
    store.commit(0, random);
    store.history
}

fn key(row: u32) -> Key {
    Key::new("lists", row)
}

impl Store {
    fn now(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn step(&mut self, client: usize, random: &mut StdRng) {
        if self.open[client].is_none() {
            return self.begin(client, random);
        }
        match random.random_range(0..10) {
            0..4 => self.read(client, random.random_range(0..KEYS)),
            4..7 => self.append(client, random.random_range(0..KEYS)),
            7..9 => self.commit(client, random),
            _ => self.end(client, Outcome::Refused),
        }
    }

    fn begin(&mut self, client: usize, random: &mut StdRng) {
        let latest = self.states.len() - 1;
        let is_old = self.fault == Some(Fault::OldSnapshot) && random.random_bool(0.2);
        let snapshot = if is_old { latest.saturating_sub(2) } else { latest };
        let begun = self.now();
        let (own, operations) = (BTreeMap::new(), Vec::new());
        self.open[client] = Some(Open { snapshot, begun, own, operations });
    }

    fn read(&mut self, client: usize, row: u32) {
        let latest = self.states.len() - 1;
        let Some(open) = &mut self.open[client] else { return };
        let seen = if self.fault == Some(Fault::ReadCommitted) { latest } else { open.snapshot };
        let mut list = self.states[seen].get(&row).cloned().unwrap_or_default();
        list.extend(open.own.get(&row).into_iter().flatten());
        open.operations.push(Operation::Read(key(row), list));
    }

    fn append(&mut self, client: usize, row: u32) {
        self.values += 1;
        let value = self.values;
        let Some(open) = &mut self.open[client] else { return };
        open.own.entry(row).or_default().push(value);
        open.operations.push(Operation::Append(key(row), value));
    }

    fn commit(&mut self, client: usize, random: &mut StdRng) {
        let Some(open) = &self.open[client] else { return };
        let (seen, latest) = (&self.states[open.snapshot], self.states.last().unwrap());
        let is_late = open.own.keys().any(|row| seen.get(row) != latest.get(row));
        let is_refused = is_late && self.fault != Some(Fault::NobodyLoses);
        if !is_refused || self.fault == Some(Fault::RefusedStays) {
            let mut state = latest.clone();
            let base = if is_refused { latest } else { seen };
            for (row, own) in &open.own {
                let list = base.get(row).into_iter().flatten().chain(own).copied().collect();
                state.insert(*row, list);
            }
            if self.fault == Some(Fault::HalfCommit) && random.random_bool(0.1) {
                let forgotten = open.own.keys().next();
                forgotten.map(|row| state.insert(*row, seen.get(row).cloned().unwrap_or_default()));
            }
            self.states.push(state);
        }
        let outcome = if is_refused { Outcome::Refused } else { Outcome::Committed };
        self.end(client, outcome);
    }

    fn end(&mut self, client: usize, outcome: Outcome) {
        let ended = self.now();
        let Some(open) = self.open[client].take() else { return };
        self.history.transactions.push(Transaction {
            client: format!("client {client}"),
            begun: open.begun,
            ended,
            outcome,
            operations: open.operations,
        });
    }
}
