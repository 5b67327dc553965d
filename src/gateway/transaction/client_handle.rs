//! A client's place among the others, through which whoever changes the schema and whoever uses its
//! tables make way for each other.
//!
//! Private copies keep rows from being waited for. What is left are the locks of PostgreSQL on
//! whole tables: a transaction that has filled a copy holds one on the stored table until it ends,
//! and DDL needs that table for itself. One rule decides who gives way:
//!
//! > **Whoever acts goes ahead, and whoever rests gives way. Nobody waits for a client; of two who
//! > act the second waits for PostgreSQL's work for the first, and for nothing else.**
//!
//! DDL acts while its statement runs, while its COMMIT does, and while its own block asks the
//! catalog. Whoever uses its tables then in an open transaction must end: rolled back behind, told
//! OC001 at the next statement or COMMIT. From there to COMMIT it rests, and gives way to the first
//! who needs a table of its own or who changes the schema as well: it *steps back*, to before its
//! DDL, losing nothing but its locks. COMMIT runs it again; where that is no longer possible,
//! because somebody else's came first, it is told OC001.
//!
//! ```text
//!   A: begin; alter table t …      B had read t in a block: B ends, OC001
//!   │  rests, the table locked
//!   │                              B: select … from t       A steps back; B reads the old shape
//!   │                              B: begin; select … from t
//!   A: commit                      B ends, OC001; t is altered
//! ```
//!
//! | in the meantime | A's COMMIT |
//! |---|---|
//! | others read or write the table, in transactions that are over or open | succeeds; the open ones get OC001 |
//! | somebody's DDL on the same table, or under the same name, has been committed | OC001: the first to COMMIT wins |
//! | somebody's DDL on the same table is open, or was rolled back | succeeds |
//!
//! DDL that is its own transaction is no different: it acts from its first to its last, and does so
//! at once. Any two pieces of DDL are in each other's way, since PostgreSQL locks the names that
//! they make.
//!
//! Locks: that on the places is never held across an await. Every wait in here ends when the own
//! transaction must end, so that no circle of those who wait can stand.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::gateway::refusal::Refusal;
use crate::gateway::shared::Shared;
use crate::pg::Canceller;

/// Who is there.
#[derive(Default)]
pub(crate) struct Clients {
    last: u64,
    pub(crate) taken: BTreeMap<u64, ClientEntry>,
    /// When each table's definition last changed, counted in changes.
    pub(crate) versions: HashMap<u32, u64>,
    pub(crate) change: u64,
    /// When a change last gave a relation this name, or found it under it.
    pub(crate) named: HashMap<String, u64>,
    /// What cancels the statement of a client, by the key that the client was given.
    pub(crate) cancellers: HashMap<(i32, Vec<u8>), Canceller>,
}

/// One client.
pub(crate) struct ClientEntry {
    /// The process that works for it.
    pub(crate) pid: i32,
    pub(crate) doom: Arc<AbortSignal>,
    /// How many transactions it has begun.
    pub(crate) begun: u64,
    /// The oldest transaction that the open snapshot does not see the end of.
    pub(crate) oldest: Option<u64>,
    /// The tables on which the backend holds locks until the transaction ends.
    tables: HashSet<u32>,
    /// What its DDL keeps others out of.
    ddl: Option<(Closed, Stance)>,
    /// The names under which there are relations once its DDL has committed, while it does.
    named: Vec<String>,
}

/// What DDL keeps others out of.
#[derive(Clone, Debug)]
pub(crate) enum Closed {
    /// These.
    Tables(Vec<u32>),
    /// Nobody can tell which.
    Anything,
}

/// Whether DDL acts or rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stance {
    /// PostgreSQL works on it, or is about to.
    Acts,
    /// It holds locks and waits for its client.
    Rests,
}

/// Why nobody could go ahead: the own transaction must end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aborted;

impl From<Aborted> for Refusal {
    fn from(_: Aborted) -> Self {
        Self::schema_changed()
    }
}

impl Closed {
    fn holds(&self, table: u32) -> bool {
        match self {
            Self::Tables(tables) => tables.contains(&table),
            Self::Anything => true,
        }
    }

    fn holds_any(&self, tables: &HashSet<u32>) -> bool {
        tables.iter().any(|table| self.holds(*table))
    }
}

/// Tells a client's task that its transaction is in somebody's way.
#[derive(Default)]
pub(crate) struct AbortSignal {
    called: Notify,
    asked: AtomicU64,
    answered: AtomicU64,
}

impl AbortSignal {
    /// Waits until somebody wants the transaction out of the way.
    pub(crate) async fn wait(&self) {
        while !self.is_called() {
            self.called.notified().await;
        }
    }

    /// Whether somebody does.
    pub(crate) fn is_called(&self) -> bool {
        self.asked.load(Ordering::Acquire) > self.answered.load(Ordering::Acquire)
    }

    /// Says that it is out of the way.
    fn answer(&self) {
        self.answered.store(self.asked.load(Ordering::Acquire), Ordering::Release);
    }

    /// Wants it out of the way.
    pub(crate) fn call(&self) {
        self.asked.fetch_add(1, Ordering::AcqRel);
        self.called.notify_one();
    }
}

impl Clients {
    /// Whether DDL of somebody else's is in the way; where it rests it is called upon to step back.
    fn is_kept_out(&self, number: u64, is_in_the_way: impl Fn(&Closed) -> bool) -> bool {
        let mut is_kept_out = false;
        for (_, seat) in self.taken.iter().filter(|(other, _)| **other != number) {
            let Some((closed, stance)) = &seat.ddl else { continue };
            if is_in_the_way(closed) {
                is_kept_out = true;
                seat.call_unless(*stance == Stance::Acts);
            }
        }
        is_kept_out
    }

    /// Calls upon all others that use such tables to end; whether there are any.
    fn ends_users(&self, number: u64, closed: &Closed) -> bool {
        let others = self.taken.iter().filter(|(other, _)| **other != number);
        let mut users = others.filter(|(_, seat)| closed.holds_any(&seat.tables)).peekable();
        let has_users = users.peek().is_some();
        users.for_each(|(_, seat)| seat.call_unless(false));
        has_users
    }
}

impl ClientEntry {
    fn call_unless(&self, is_excused: bool) {
        if !is_excused && !self.doom.is_called() {
            self.doom.call();
        }
    }
}

/// A client's place among the others; leaving is dropping it.
pub(crate) struct ClientHandle {
    common: Arc<Shared>,
    number: u64,
    pub(crate) doom: Arc<AbortSignal>,
    key: (i32, Vec<u8>),
}

impl ClientHandle {
    /// Takes one for a client whose backend is cancelled so.
    pub(crate) fn take(common: &Arc<Shared>, canceller: Canceller) -> Self {
        let (pid, secret) = canceller.key_bytes();
        let (doom, key) = (Arc::new(AbortSignal::default()), (pid, secret));
        let mut seats = common.seats();
        seats.last += 1;
        let number = seats.last;
        let seat = ClientEntry {
            pid,
            doom: Arc::clone(&doom),
            begun: 0,
            oldest: None,
            tables: HashSet::new(),
            ddl: None,
            named: Vec::new(),
        };
        seats.taken.insert(number, seat);
        seats.cancellers.insert(key.clone(), canceller);
        drop(seats);
        Self { common: Arc::clone(common), number, doom, key }
    }

    /// A transaction has begun with this snapshot.
    pub(crate) fn begin(&self, oldest: u64) {
        self.seat(|seat| {
            seat.begun += 1;
            seat.oldest = Some(oldest);
        });
    }

    /// The transaction uses these tables from now on, as soon as nobody's DDL keeps it out of one.
    pub(crate) async fn touch(&self, tables: &[u32]) -> Result<(), Aborted> {
        self.try_until_done(|seats| {
            let is_in_the_way = |closed: &Closed| tables.iter().any(|table| closed.holds(*table));
            if seats.is_kept_out(self.number, is_in_the_way) {
                return false;
            }
            if let Some(seat) = seats.taken.get_mut(&self.number) {
                seat.tables.extend(tables);
            }
            true
        })
        .await
    }

    /// The transaction's DDL has these tables for itself from now on; returns once nobody uses one
    /// any more.
    pub(crate) async fn close(&self, closed: &Closed) -> Result<(), Aborted> {
        self.try_until_done(|seats| {
            if seats.is_kept_out(self.number, |_| true) {
                return false;
            }
            if let Some(seat) = seats.taken.get_mut(&self.number) {
                seat.ddl = Some((closed.clone(), Stance::Acts));
            }
            !seats.ends_users(self.number, closed)
        })
        .await
    }

    /// Tries again whenever somebody has made way, until it is done or the own transaction must
    /// end.
    async fn try_until_done(
        &self,
        mut is_done: impl FnMut(&mut Clients) -> bool,
    ) -> Result<(), Aborted> {
        loop {
            let way_was_made = self.common.way_made.notified();
            if is_done(&mut self.common.seats()) {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = self.doom.wait() => return Err(Aborted),
                () = way_was_made => {}
            }
        }
    }

    /// The statement of the DDL is over; what it has locked stays locked.
    pub(crate) fn rest(&self) {
        self.seat(|seat| {
            if let Some((_, stance)) = &mut seat.ddl {
                *stance = Stance::Rests;
            }
        });
        // Whoever waited for its end calls upon it now.
        self.common.way_made.notify_waiters();
    }

    /// The DDL is about to be committed: there may be relations of these names from now on.
    pub(crate) fn announce(&self, named: &[String]) {
        self.seat(|seat| seat.named = named.to_vec());
    }

    /// Whether one of these names may have come to stand for a relation after this change, if only
    /// this very moment.
    pub(crate) fn is_new(&self, names: &[String], change: u64) -> bool {
        let seats = self.common.seats();
        let others = seats.taken.iter().filter(|(other, _)| **other != self.number);
        let mut coming = others.flat_map(|(_, seat)| &seat.named);
        coming.any(|name| names.contains(name))
            || names.iter().any(|name| seats.named.get(name).is_some_and(|named| *named > change))
    }

    /// Whether DDL acts, so that others may wait for it.
    pub(crate) fn acts(&self) -> bool {
        let seats = self.common.seats();
        let ddl = seats.taken.get(&self.number).and_then(|seat| seat.ddl.as_ref());
        ddl.is_some_and(|(_, stance)| *stance == Stance::Acts)
    }

    /// The DDL has stepped back and keeps nobody out of anything.
    pub(crate) fn step_back(&self) {
        self.make_way(|seat| seat.ddl = None);
    }

    /// The transaction is over.
    pub(crate) fn end(&self) {
        self.make_way(|seat| {
            seat.oldest = None;
            seat.tables.clear();
            seat.ddl = None;
            seat.named.clear();
        });
    }

    fn make_way(&self, change: impl FnOnce(&mut ClientEntry)) {
        self.seat(|seat| {
            change(seat);
            seat.doom.answer();
        });
        self.common.way_made.notify_waiters();
    }

    fn seat(&self, change: impl FnOnce(&mut ClientEntry)) {
        self.common.seats().taken.get_mut(&self.number).map(change);
    }
}

impl Drop for ClientHandle {
    fn drop(&mut self) {
        let mut seats = self.common.seats();
        seats.taken.remove(&self.number);
        seats.cancellers.remove(&self.key);
        drop(seats);
        self.common.way_made.notify_waiters();
    }
}
