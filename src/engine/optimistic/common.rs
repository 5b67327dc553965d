//! What all clients of a gateway share: the ledger, whose lock is the commit lock, and a seat for each client through which
//! another client's DDL can end its transaction.
//!
//! Locks: the commit lock is held from the judging of a COMMIT to its entry in the ledger, across a bounded piece of
//! work on one backend, never across anything that a client decides. The seats' lock and the journal's are never held across an
//! await.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, Notify, RwLock, mpsc};

use super::journal::Journal;
use super::ledger::Ledger;
use super::news::News;
use super::passwords::Passwords;
use super::server::Server;
use super::{Limits, Mode};
use crate::wire::{Canceller, Target};

/// What the clients of one gateway share.
pub(super) struct Common {
    pub(super) backend: Target,
    pub(super) mode: Mode,
    pub(super) limits: Limits,
    pub(super) passwords: Passwords,
    /// Holding it is the right to commit.
    pub(super) ledger: AsyncMutex<Ledger>,
    journal: Mutex<Journal>,
    /// Read while a copy is filled, written while DDL runs.
    pub(super) schema: Arc<RwLock<()>>,
    seats: Mutex<Seats>,
    news: mpsc::UnboundedSender<News>,
    heard: Arc<AtomicBool>,
    /// The connection on which PostgreSQL is asked who waits for whom, once somebody had to.
    pub(super) lookout: AsyncMutex<Option<Box<Server>>>,
}

/// Who is there.
#[derive(Default)]
struct Seats {
    last: u64,
    taken: BTreeMap<u64, Seat>,
    /// When each table's definition last changed, counted in changes.
    versions: HashMap<u32, u64>,
    change: u64,
    /// What cancels the statement of a client, by the key that the client was given.
    cancellers: HashMap<(i32, Vec<u8>), Canceller>,
}

/// One client.
struct Seat {
    /// The process that works for it.
    pid: i32,
    doom: Arc<Doom>,
    /// How many transactions it has begun.
    begun: u64,
    /// The oldest transaction that the open snapshot does not see the end of.
    oldest: Option<u64>,
    /// The tables on which the backend holds locks until the transaction ends.
    tables: HashSet<u32>,
    /// The tables that its open transaction's DDL keeps others out of.
    closed: Option<Closed>,
}

/// What a transaction's DDL keeps others out of.
#[derive(Clone, Debug)]
pub(super) enum Closed {
    /// These.
    Tables(Vec<u32>),
    /// Nobody can tell which.
    Anything,
}

impl Closed {
    fn holds(&self, table: u32) -> bool {
        match self {
            Self::Tables(tables) => tables.contains(&table),
            Self::Anything => true,
        }
    }
}

/// Tells a client's task that its transaction must end now.
#[derive(Default)]
pub(super) struct Doom {
    called: Notify,
    /// Counts transactions that were ended, so that the caller can wait for it.
    done: Notify,
    asked: AtomicU64,
    answered: AtomicU64,
}

impl Doom {
    /// Waits until somebody wants the transaction ended.
    pub(super) async fn wait(&self) {
        while !self.is_called() {
            self.called.notified().await;
        }
    }

    /// Whether somebody does.
    pub(super) fn is_called(&self) -> bool {
        self.asked.load(Ordering::Acquire) > self.answered.load(Ordering::Acquire)
    }

    /// Says that the transaction is over.
    pub(super) fn answer(&self) {
        self.answered.store(self.asked.load(Ordering::Acquire), Ordering::Release);
        self.done.notify_waiters();
    }

    fn call(&self) {
        self.asked.fetch_add(1, Ordering::AcqRel);
        self.called.notify_one();
    }

    async fn answered(&self) {
        loop {
            let done = self.done.notified();
            if !self.is_called() {
                return;
            }
            done.await;
        }
    }
}

/// A client's place among the others; leaving is dropping it.
pub(super) struct Place {
    common: Arc<Common>,
    number: u64,
    pub(super) doom: Arc<Doom>,
    key: (i32, Vec<u8>),
}

impl Common {
    /// Nobody there yet.
    pub(super) fn new(
        backend: Target,
        mode: Mode,
        limits: Limits,
        passwords: Passwords,
        news: mpsc::UnboundedSender<News>,
    ) -> Self {
        Self {
            backend,
            mode,
            limits,
            passwords,
            ledger: AsyncMutex::default(),
            journal: Mutex::default(),
            schema: Arc::default(),
            seats: Mutex::default(),
            news,
            heard: Arc::default(),
            lookout: AsyncMutex::default(),
        }
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who wrote which rows.
    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for a client whose backend is cancelled so.
    pub(super) fn enter(self: &Arc<Self>, canceller: Canceller) -> Place {
        let (pid, secret) = canceller.key_bytes();
        let (doom, key) = (Arc::new(Doom::default()), (pid, secret));
        let mut seats = self.seats();
        seats.last += 1;
        let number = seats.last;
        let seat = Seat {
            pid,
            doom: Arc::clone(&doom),
            begun: 0,
            oldest: None,
            tables: HashSet::new(),
            closed: None,
        };
        seats.taken.insert(number, seat);
        seats.cancellers.insert(key.clone(), canceller);
        Place { common: Arc::clone(self), number, doom, key }
    }

    /// What cancels the statement of the client that was given this key.
    pub(super) fn canceller(&self, pid: i32, secret: &[u8]) -> Option<Canceller> {
        self.seats().cancellers.get(&(pid, secret.to_vec())).cloned()
    }

    /// The clients' open transactions: which process works for each, and which of its transactions it is.
    pub(super) fn open_transactions(&self) -> HashMap<i32, u64> {
        let seats = self.seats();
        let open = seats.taken.values().filter(|seat| seat.oldest.is_some());
        open.map(|seat| (seat.pid, seat.begun)).collect()
    }

    /// Ends the transactions for which these processes work, of those that were open. One that has begun since is in nobody's way.
    pub(super) fn end(&self, pids: &[i32], open: &HashMap<i32, u64>) {
        let seats = self.seats();
        let is_meant = |seat: &&Seat| {
            seat.oldest.is_some()
                && pids.contains(&seat.pid)
                && open.get(&seat.pid) == Some(&seat.begun)
        };
        seats.taken.values().filter(is_meant).for_each(|seat| seat.doom.call());
    }

    /// How many changes of the schema there were.
    pub(super) fn schema_change(&self) -> u64 {
        self.seats().change
    }

    /// After which change a table got its present definition.
    pub(super) fn version(&self, table: u32) -> u64 {
        self.seats().versions.get(&table).copied().unwrap_or(0)
    }

    /// The definitions of these tables have changed.
    pub(super) fn changed(&self, tables: &[u32]) {
        let mut seats = self.seats();
        seats.change += 1;
        let change = seats.change;
        seats.versions.extend(tables.iter().map(|table| (*table, change)));
    }

    /// The oldest transaction that some open snapshot does not see the end of.
    pub(super) fn oldest(&self) -> u64 {
        self.seats().taken.values().filter_map(|seat| seat.oldest).min().unwrap_or(u64::MAX)
    }

    /// Tells the console.
    pub(super) fn tell(&self, news: News) {
        if self.is_heard() {
            // The listener may have left this moment; that is no fault of the client's.
            self.news.send(news).ok();
        }
    }

    /// Whether anybody listens, so that news that cost a question are asked for.
    pub(super) fn is_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed) && !self.news.is_closed()
    }

    /// What says that somebody listens.
    pub(super) fn hearing(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.heard)
    }
}

impl Place {
    /// A transaction has begun with this snapshot.
    pub(super) fn begin(&self, oldest: u64) {
        self.seat(|seat| {
            seat.begun += 1;
            seat.oldest = Some(oldest);
        });
    }

    /// The transaction touches this table. A transaction whose DDL keeps others out of it must end.
    pub(super) async fn touch(&self, table: u32) {
        self.seat(|seat| {
            seat.tables.insert(table);
        });
        self.doom(|seat| seat.closed.as_ref().is_some_and(|closed| closed.holds(table))).await;
    }

    /// The transaction's DDL keeps others out of these tables from now on; their transactions that touch one must end.
    pub(super) async fn close(&self, closed: Closed) {
        self.seat(|seat| seat.closed = Some(closed.clone()));
        self.doom(|seat| {
            seat.closed.is_some() || seat.tables.iter().any(|table| closed.holds(*table))
        })
        .await;
    }

    /// The transaction is over.
    pub(super) fn end(&self) {
        self.seat(|seat| {
            seat.oldest = None;
            seat.tables.clear();
            seat.closed = None;
        });
    }

    fn seat(&self, change: impl FnOnce(&mut Seat)) {
        self.common.seats().taken.get_mut(&self.number).map(change);
    }

    /// Ends the transactions of all others of whom this is so.
    async fn doom(&self, must_end: impl Fn(&Seat) -> bool) {
        let doomed: Vec<_> = self
            .common
            .seats()
            .taken
            .iter()
            .filter(|(number, seat)| **number != self.number && must_end(seat))
            .map(|(_, seat)| Arc::clone(&seat.doom))
            .collect();
        for doom in &doomed {
            doom.call();
        }
        for doom in &doomed {
            doom.answered().await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut seats = self.common.seats();
        seats.taken.remove(&self.number);
        seats.cancellers.remove(&self.key);
        drop(seats);
        // Whoever waits for the end of this client's transaction has it.
        self.doom.answer();
        self.doom.asked.store(0, Ordering::Release);
    }
}
