//! A client's handle on its entry among the others, through which whoever changes the schema and
//! whoever uses its tables make way for each other.
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
//! | others use the table, in transactions that are over or open | succeeds; the open get OC001 |
//! | another's DDL on the table, or under its name, has been committed | OC001: the first wins |
//! | somebody's DDL on the same table is open, or was rolled back | succeeds |
//!
//! DDL that is its own transaction is no different: it acts from its first to its last, and does so
//! at once. Any two pieces of DDL are in each other's way, since PostgreSQL locks the names that
//! they make.
//!
//! Every wait in here ends when the own
//! transaction must end, so that no circle of those who wait can stand.

use std::sync::Arc;

use super::abort_signal::AbortSignal;
use super::clients::{Aborted, ClientEntry, Clients, Closed, Entries, Stance};

/// A client's entry among the others; leaving is dropping it.
pub(super) struct ClientHandle {
    clients: Arc<Clients>,
    number: u64,
    signal: Arc<AbortSignal>,
}

impl ClientHandle {
    /// Enters a client for which this process works.
    pub(super) fn enter(clients: Arc<Clients>, pid: i32) -> Self {
        let signal = Arc::new(AbortSignal::default());
        let number = clients.entries().enter(pid, Arc::clone(&signal));
        Self { clients, number, signal }
    }

    /// What tells that the transaction is in somebody's way.
    pub(super) fn signal(&self) -> &Arc<AbortSignal> {
        &self.signal
    }

    /// A snapshot is about to be asked for. Until [`begin`](Self::begin) or [`end`](Self::end)
    /// nobody knows what it sees.
    pub(super) fn await_snapshot(&self) {
        self.clients.entries().await_snapshot(self.number);
    }

    /// A transaction has begun with this snapshot.
    pub(super) fn begin(&self, oldest: u64) {
        self.clients.entries().begin(self.number, oldest);
    }

    /// The transaction uses these tables from now on, as soon as nobody's DDL keeps it out of one.
    pub(super) async fn touch(&self, tables: &[u32]) -> Result<(), Aborted> {
        self.try_until_done(|entries| {
            let is_in_the_way = |closed: &Closed| tables.iter().any(|table| closed.holds(*table));
            if entries.is_kept_out(self.number, is_in_the_way) {
                return false;
            }
            if let Some(entry) = entries.entry(self.number) {
                entry.tables.extend(tables);
            }
            true
        })
        .await
    }

    /// The transaction's DDL has these tables for itself from now on; returns once nobody uses one
    /// any more.
    pub(super) async fn close(&self, closed: &Closed) -> Result<(), Aborted> {
        self.try_until_done(|entries| {
            if entries.is_kept_out(self.number, |_| true) {
                return false;
            }
            if let Some(entry) = entries.entry(self.number) {
                // Entered before the users are gone: whoever comes meanwhile is kept out by it.
                entry.ddl = Some((closed.clone(), Stance::Acts));
            }
            !entries.ends_users(self.number, closed)
        })
        .await
    }

    /// Tries again whenever somebody has made way, until it is done or the own transaction must
    /// end.
    async fn try_until_done(
        &self,
        mut is_done: impl FnMut(&mut Entries) -> bool,
    ) -> Result<(), Aborted> {
        loop {
            // Created before the look: `notify_waiters` wakes only what exists by then, and a way
            // made between look and wait would be missed.
            let way_was_made = self.clients.way_made();
            if is_done(&mut self.clients.entries()) {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = self.signal.wait() => return Err(Aborted),
                () = way_was_made => {}
            }
        }
    }

    /// The statement of the DDL is over; what it has locked stays locked.
    pub(super) fn rest(&self) {
        self.change(|entry| {
            if let Some((_, stance)) = &mut entry.ddl {
                *stance = Stance::Rests;
            }
        });
        // Whoever waited for its end calls upon it now.
        self.clients.make_way();
    }

    /// The DDL is about to be committed: there may be relations of these names from now on.
    pub(super) fn announce(&self, named: &[String]) {
        self.change(|entry| entry.named = named.to_vec());
    }

    /// Whether one of these names may have come to stand for a relation after this change, if only
    /// this very moment.
    pub(super) fn is_new(&self, names: &[String], change: u64) -> bool {
        self.clients.entries().is_new(self.number, names, change)
    }

    /// Whether DDL acts, so that others may wait for it.
    pub(super) fn acts(&self) -> bool {
        let mut entries = self.clients.entries();
        let ddl = entries.entry(self.number).and_then(|entry| entry.ddl.as_ref());
        ddl.is_some_and(|(_, stance)| *stance == Stance::Acts)
    }

    /// The DDL has stepped back and keeps nobody out of anything.
    pub(super) fn step_back(&self) {
        self.make_way(|entry| entry.ddl = None);
    }

    /// The transaction is over.
    pub(super) fn end(&self) {
        self.make_way(ClientEntry::end);
    }

    fn make_way(&self, change: impl FnOnce(&mut ClientEntry)) {
        // Answered under the lock under which others call. A call that comes later is meant for the
        // next transaction, and must not count as answered.
        self.change(|entry| {
            change(entry);
            self.signal.answer();
        });
        self.clients.make_way();
    }

    fn change(&self, change: impl FnOnce(&mut ClientEntry)) {
        self.clients.entries().entry(self.number).map(change);
    }
}

impl Drop for ClientHandle {
    fn drop(&mut self) {
        self.clients.entries().leave(self.number);
        self.clients.make_way();
    }
}
