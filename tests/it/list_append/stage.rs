//! What the clients share: a clock, fresh values, the history, and what went wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio_postgres::Client;

use super::connection::{Connection, Style};
use super::history::{History, Transaction, Value};
use crate::gateway::Served;

pub(super) struct Stage {
    folder: PathBuf,
    /// A connection past the gateway.
    pub(super) outsider: Client,
    pub(super) wanted: u32,
    clock: AtomicU64,
    values: AtomicU32,
    history: Mutex<History>,
    pub(super) committed: watch::Sender<u32>,
    tally: Mutex<BTreeMap<String, u32>>,
    complaints: Mutex<Vec<String>>,
    /// Which table of the name `churn` there is; whoever makes the next one holds it.
    pub(super) churn: AsyncMutex<u32>,
    /// One client is slow at a time, so that somebody is left for it to wait for.
    pub(super) slow: AsyncMutex<()>,
}

/// The lists, and another table that comes and goes.
const TABLES: &str = "\
    create table arrays (k int primary key, list int[] not null);
    create table texts (k int primary key, list text not null);
    create table entries (k int primary key, list int[] not null unique);
    create table churn (k int primary key, list int[] not null, generation int not null default 1)";

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stage {
    pub(super) async fn set(served: &Served, wanted: u32) -> Self {
        let outsider = served.outsider().await;
        outsider.batch_execute(TABLES).await.unwrap();
        Self {
            folder: served.folder.path().to_owned(),
            outsider,
            wanted,
            clock: AtomicU64::new(1),
            values: AtomicU32::new(1),
            history: Mutex::default(),
            committed: watch::Sender::new(0),
            tally: Mutex::default(),
            complaints: Mutex::default(),
            churn: AsyncMutex::new(1),
            slow: AsyncMutex::default(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A connection in this style. Whoever ends backends may end one that has just begun.
    pub(super) async fn connect(&self, style: Style) -> Connection {
        loop {
            if let Ok(connection) = Connection::open(self.folder(), style).await {
                return connection;
            }
            self.count("connections lost at their start");
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn value(&self) -> Value {
        self.values.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn is_over(&self) -> bool {
        *self.committed.borrow() >= self.wanted
    }

    /// The first of the lists that are in use: they grow for a while, and then others take their
    /// place.
    pub(super) fn start(&self) -> u32 {
        *self.committed.borrow() / 100
    }

    pub(super) fn note(&self, transaction: Transaction) {
        locked(&self.history).transactions.push(transaction);
    }

    pub(super) fn note_dropped(&self, table: String) {
        locked(&self.history).dropped.insert(table);
    }

    pub(super) fn note_unheard_update(&self, value: Value) {
        locked(&self.history).unheard_updates.insert(value);
    }

    pub(super) fn count(&self, what: &str) {
        *locked(&self.tally).entry(what.to_owned()).or_default() += 1;
    }

    /// Notes an error that nobody should have been told.
    pub(super) fn complain(&self, what: String) {
        locked(&self.complaints).push(what);
    }

    pub(super) fn take(self) -> (History, BTreeMap<String, u32>, Vec<String>) {
        let all = (self.history, self.tally, self.complaints);
        (all.0.into_inner().unwrap(), all.1.into_inner().unwrap(), all.2.into_inner().unwrap())
    }
}
