//! What all clients of a gateway share: the ledger, whose lock is the commit lock, and the places
//! that they have among each other.
//!
//! Locks: the commit lock is held from the judging of a COMMIT to its entry in the ledger, across a
//! bounded piece of work on one backend, never across anything that a client decides. Whose turn it
//! is to take it, is waited for before. The seats' lock and the journal's are never held across an
//! await. The connection of the lookout is held across a question, whose answer waits for nobody.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::{Limits, Mode};
use crate::gateway::backend::Server;
use crate::gateway::news::News;
use crate::gateway::passwords::Passwords;
use crate::gateway::transaction::client_handle::{ClientEntry, ClientHandle, Clients};
use crate::gateway::transaction::journal::Journal;
use crate::gateway::transaction::ledger::Ledger;
use crate::gateway::transaction::precedence::Precedence;
use crate::pg::{Canceller, ConnectError, Entrance, Reconnector, Target};

/// What the clients of one gateway share.
pub(crate) struct Shared {
    pub(crate) backend: Target,
    pub(crate) mode: Mode,
    pub(crate) limits: Limits,
    pub(crate) passwords: Passwords,
    /// The way to the server, once it is known.
    way: Mutex<Option<Reconnector>>,
    /// The gateway ends, and every client is told.
    pub(crate) closing: CancellationToken,
    /// Holding it is the right to commit.
    pub(crate) ledger: AsyncMutex<Ledger>,
    /// Whose turn it is to ask for that.
    pub(crate) precedence: Precedence,
    journal: Mutex<Journal>,
    seats: Mutex<Clients>,
    /// Wakes whoever waits for another to make way.
    pub(crate) way_made: Notify,
    news: mpsc::UnboundedSender<News>,
    heard: Arc<AtomicBool>,
    /// The connection on which PostgreSQL is asked who waits for whom, once somebody had to.
    pub(crate) lookout: AsyncMutex<Option<Box<Server>>>,
}

impl Shared {
    /// Nobody there yet.
    pub(crate) fn new(
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
            way: Mutex::default(),
            closing: CancellationToken::new(),
            ledger: AsyncMutex::default(),
            precedence: Precedence::default(),
            journal: Mutex::default(),
            seats: Mutex::default(),
            way_made: Notify::new(),
            news,
            heard: Arc::default(),
            lookout: AsyncMutex::default(),
        }
    }

    /// Hands a first packet to the server, with the gateway's password at hand if this is its own
    /// user.
    pub(crate) async fn enter_server(
        &self,
        packet: &[u8],
        user: &[u8],
    ) -> Result<Entrance, ConnectError> {
        if let Some(known) = self.way() {
            match known.enter(packet, user).await {
                // It may be found elsewhere by now.
                Err(ConnectError::Unreachable { .. }) => {}
                entered => return entered,
            }
        }
        let found = Reconnector::find(&self.backend).await?;
        if found.stays() {
            *self.way.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        }
        found.enter(packet, user).await
    }

    fn way(&self) -> Option<Reconnector> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who is there.
    pub(crate) fn seats(&self) -> MutexGuard<'_, Clients> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who wrote which rows.
    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place for a client whose backend is cancelled so.
    pub(crate) fn enter(self: &Arc<Self>, canceller: Canceller) -> ClientHandle {
        ClientHandle::take(self, canceller)
    }

    /// What cancels the statement of the client that was given this key.
    pub(crate) fn canceller(&self, pid: i32, secret: &[u8]) -> Option<Canceller> {
        self.seats().cancellers.get(&(pid, secret.to_vec())).cloned()
    }

    /// The clients' open transactions: which process works for each, and which of its transactions
    /// it is.
    pub(crate) fn open_transactions(&self) -> HashMap<i32, u64> {
        let seats = self.seats();
        let open = seats.taken.values().filter(|seat| seat.oldest.is_some());
        open.map(|seat| (seat.pid, seat.begun)).collect()
    }

    /// Has the transactions make way for which these processes work, of those that were open. One
    /// that has begun since is in nobody's way.
    pub(crate) fn end(&self, pids: &[i32], open: &HashMap<i32, u64>) {
        let seats = self.seats();
        let is_meant = |seat: &&ClientEntry| {
            seat.oldest.is_some()
                && pids.contains(&seat.pid)
                && open.get(&seat.pid) == Some(&seat.begun)
        };
        seats.taken.values().filter(is_meant).for_each(|seat| seat.doom.call());
    }

    /// How many changes of the schema there were.
    pub(crate) fn schema_change(&self) -> u64 {
        self.seats().change
    }

    /// After which change a table got its present definition.
    pub(crate) fn version(&self, table: u32) -> u64 {
        self.seats().versions.get(&table).copied().unwrap_or(0)
    }

    /// Whether one of these tables has got another definition after this change.
    pub(crate) fn is_changed_since(&self, tables: &[u32], change: u64) -> bool {
        let seats = self.seats();
        tables
            .iter()
            .any(|table| seats.versions.get(table).is_some_and(|version| *version > change))
    }

    /// The definitions of these tables have changed, which have these names now.
    pub(crate) fn changed(&self, tables: &[u32], names: &[String]) {
        let mut seats = self.seats();
        seats.change += 1;
        let change = seats.change;
        seats.versions.extend(tables.iter().map(|table| (*table, change)));
        seats.named.extend(names.iter().map(|name| (name.clone(), change)));
    }

    /// The oldest transaction that some open snapshot does not see the end of.
    pub(crate) fn oldest(&self) -> u64 {
        self.seats().taken.values().filter_map(|seat| seat.oldest).min().unwrap_or(u64::MAX)
    }

    /// Ends the lookout's connection, once nobody is watched any more.
    pub(crate) async fn leave_lookout(&self) {
        if let Some(server) = self.lookout.lock().await.take() {
            server.leave().await;
        }
    }

    /// Tells the console.
    pub(crate) fn tell(&self, news: News) {
        if self.is_heard() {
            // The listener may have left this moment; that is no fault of the client's.
            self.news.send(news).ok();
        }
    }

    /// Whether anybody listens, so that news that cost a question are asked for.
    pub(crate) fn is_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed) && !self.news.is_closed()
    }

    /// What says that somebody listens.
    pub(crate) fn hearing(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.heard)
    }
}
