//! Who is there, what each of them uses, and what each one's DDL keeps the others out of.
//!
//! Locks: that on the entries is never held across an await.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::abort_signal::AbortSignal;
use crate::gateway::refusal::Refusal;

/// All clients of a gateway.
#[derive(Default)]
pub(crate) struct Clients {
    entries: Mutex<Entries>,
    /// Wakes whoever waits for another to make way.
    way_made: Notify,
}

/// Who is there, and which definitions have changed since the gateway's start.
#[derive(Default)]
pub(super) struct Entries {
    last: u64,
    by_number: BTreeMap<u64, ClientEntry>,
    /// When each table's definition last changed, counted in changes.
    versions: HashMap<u32, u64>,
    change: u64,
    /// Some snapshot has seen the end of every transaction before this one.
    seen: u64,
    /// When a change last gave a relation this name, or found it under it.
    named: HashMap<String, u64>,
}

pub(super) struct ClientEntry {
    /// The process that works for it.
    pid: i32,
    signal: Arc<AbortSignal>,
    /// How many transactions it has begun.
    begun: u64,
    /// While a snapshot has been asked for and not been answered, what it sees the end of for
    /// certain: every transaction before this one.
    awaited: Option<u64>,
    /// The oldest transaction that the open snapshot does not see the end of.
    oldest: Option<u64>,
    /// The tables on which the backend holds locks until the transaction ends.
    pub(super) tables: HashSet<u32>,
    /// What its DDL keeps others out of.
    pub(super) ddl: Option<(Closed, Stance)>,
    /// The names under which there are relations once its DDL has committed, while it does.
    pub(super) named: Vec<String>,
}

/// What DDL keeps others out of.
#[derive(Clone, Debug)]
pub(super) enum Closed {
    Tables(Vec<u32>),
    /// Nobody can tell which.
    Anything,
}

/// Whether DDL acts or rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stance {
    /// PostgreSQL works on it, or is about to.
    Acts,
    /// It holds locks and waits for its client.
    Rests,
}

/// Why nobody could go ahead: the own transaction must end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aborted;

impl From<Aborted> for Refusal {
    fn from(_: Aborted) -> Self {
        Self::schema_changed()
    }
}

impl Closed {
    pub(super) fn holds(&self, table: u32) -> bool {
        match self {
            Self::Tables(tables) => tables.contains(&table),
            Self::Anything => true,
        }
    }

    fn holds_any(&self, tables: &HashSet<u32>) -> bool {
        tables.iter().any(|table| self.holds(*table))
    }
}

impl Clients {
    pub(super) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until somebody has made way, from now on.
    pub(super) fn way_made(&self) -> Notified<'_> {
        self.way_made.notified()
    }

    /// Has whoever waits for a way look again.
    pub(super) fn make_way(&self) {
        self.way_made.notify_waiters();
    }

    /// The clients' open transactions: which process works for each, and which of its transactions
    /// it is.
    pub(super) fn open_transactions(&self) -> HashMap<i32, u64> {
        let entries = self.entries();
        let open = entries.by_number.values().filter(|entry| entry.oldest.is_some());
        open.map(|entry| (entry.pid, entry.begun)).collect()
    }

    /// Has the transactions make way for which these processes work, of those that were open. One
    /// that has begun since is in nobody's way.
    pub(super) fn end(&self, pids: &[i32], open: &HashMap<i32, u64>) {
        let entries = self.entries();
        let is_meant = |entry: &&ClientEntry| {
            entry.oldest.is_some()
                && pids.contains(&entry.pid)
                && open.get(&entry.pid) == Some(&entry.begun)
        };
        entries.by_number.values().filter(is_meant).for_each(|entry| entry.signal.call());
    }

    /// How many changes of the schema there were.
    pub(super) fn schema_change(&self) -> u64 {
        self.entries().change
    }

    /// After which change a table got its present definition.
    pub(super) fn version(&self, table: u32) -> u64 {
        self.entries().versions.get(&table).copied().unwrap_or(0)
    }

    /// Whether one of these tables has got another definition after this change.
    pub(super) fn is_changed_since(&self, tables: &[u32], change: u64) -> bool {
        let entries = self.entries();
        tables
            .iter()
            .any(|table| entries.versions.get(table).is_some_and(|version| *version > change))
    }

    /// The definitions of these tables have changed, which have these names now.
    pub(super) fn changed(&self, tables: &[u32], names: &[String]) {
        let mut entries = self.entries();
        entries.change += 1;
        let change = entries.change;
        entries.versions.extend(tables.iter().map(|table| (*table, change)));
        entries.named.extend(names.iter().map(|name| (name.clone(), change)));
    }

    /// The oldest transaction that some open snapshot may not see the end of.
    pub(super) fn oldest(&self) -> u64 {
        let entries = self.entries();
        let oldest = |entry: &ClientEntry| entry.awaited.or(entry.oldest);
        entries.by_number.values().filter_map(oldest).min().unwrap_or(u64::MAX)
    }
}

impl Entries {
    /// Enters a client for which this process works; its number.
    pub(super) fn enter(&mut self, pid: i32, signal: Arc<AbortSignal>) -> u64 {
        self.last += 1;
        let entry = ClientEntry {
            pid,
            signal,
            begun: 0,
            awaited: None,
            oldest: None,
            tables: HashSet::new(),
            ddl: None,
            named: Vec::new(),
        };
        self.by_number.insert(self.last, entry);
        self.last
    }

    /// The client of this number is gone.
    pub(super) fn leave(&mut self, number: u64) {
        self.by_number.remove(&number);
    }

    /// The client of this number.
    pub(super) fn entry(&mut self, number: u64) -> Option<&mut ClientEntry> {
        self.by_number.get_mut(&number)
    }

    /// A client is about to ask for a snapshot. What one snapshot has seen the end of, every later
    /// one has.
    pub(super) fn await_snapshot(&mut self, number: u64) {
        let seen = self.seen;
        if let Some(entry) = self.entry(number) {
            entry.awaited = Some(seen);
        }
    }

    /// Its transaction has begun with that snapshot.
    pub(super) fn begin(&mut self, number: u64, oldest: u64) {
        self.seen = self.seen.max(oldest);
        if let Some(entry) = self.entry(number) {
            entry.begun += 1;
            entry.awaited = None;
            entry.oldest = Some(oldest);
        }
    }

    /// Whether one of these names may have come to stand for a relation after this change, if only
    /// this very moment, by another client's doing.
    pub(super) fn is_new(&self, number: u64, names: &[String], change: u64) -> bool {
        let mut coming = self.others(number).flat_map(|entry| &entry.named);
        coming.any(|name| names.contains(name))
            || names.iter().any(|name| self.named.get(name).is_some_and(|named| *named > change))
    }

    /// Whether DDL of somebody else's is in the way; where it rests it is called upon to step back.
    pub(super) fn is_kept_out(&self, number: u64, is_in_the_way: impl Fn(&Closed) -> bool) -> bool {
        let mut is_kept_out = false;
        for entry in self.others(number) {
            let Some((closed, stance)) = &entry.ddl else { continue };
            if is_in_the_way(closed) {
                is_kept_out = true;
                entry.call_unless(*stance == Stance::Acts);
            }
        }
        is_kept_out
    }

    /// Calls upon all others that use such tables to end; whether there are any.
    pub(super) fn ends_users(&self, number: u64, closed: &Closed) -> bool {
        let is_user = |entry: &&ClientEntry| closed.holds_any(&entry.tables);
        let mut users = self.others(number).filter(is_user).peekable();
        let has_users = users.peek().is_some();
        users.for_each(|entry| entry.call_unless(false));
        has_users
    }

    fn others(&self, number: u64) -> impl Iterator<Item = &ClientEntry> {
        let others = self.by_number.iter().filter(move |(other, _)| **other != number);
        others.map(|(_, entry)| entry)
    }
}

impl ClientEntry {
    /// Its transaction is over.
    pub(super) fn end(&mut self) {
        self.awaited = None;
        self.oldest = None;
        self.tables.clear();
        self.ddl = None;
        self.named.clear();
    }

    fn call_unless(&self, is_excused: bool) {
        if !is_excused && !self.signal.is_called() {
            self.signal.call();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_awaited_snapshot_may_miss_what_no_other_has_seen() {
        let clients = Clients::default();
        let enter = || clients.entries().enter(1, Arc::default());
        let (alice, bob) = (enter(), enter());
        clients.entries().begin(alice, 10);
        clients.entries().await_snapshot(bob);
        clients.entries().entry(alice).unwrap().end();
        assert_eq!(clients.oldest(), 10);
        clients.entries().begin(bob, 12);
        assert_eq!(clients.oldest(), 12);
        clients.entries().await_snapshot(alice);
        clients.entries().entry(bob).unwrap().end();
        clients.entries().entry(alice).unwrap().end();
        assert_eq!(clients.oldest(), u64::MAX);
    }
}
