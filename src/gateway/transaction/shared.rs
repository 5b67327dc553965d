//! What the transactions of all clients share: the ledger, whose lock is the commit lock, the
//! journal, and who is there.
//!
//! Locks: the commit lock is held from the judging of a COMMIT to its entry in the ledger, across a
//! bounded piece of work on one backend, never across anything that a client decides. Whose turn it
//! is to take it, is waited for before. The journal's lock is never held across an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

use super::clients::Clients;
use super::journal::Journal;
use super::ledger::Ledger;
use super::precedence::Precedence;
use crate::gateway::facade::Facade;
use crate::gateway::news::NewsSender;
use crate::gateway::options::Limits;

/// What transactions share.
pub(crate) struct Shared {
    pub(super) limits: Limits,
    /// From how many bytes on tables are copied in parts; nothing where none is.
    pub(super) large_from: Option<u64>,
    /// Holding it is the right to commit.
    pub(super) ledger: AsyncMutex<Ledger>,
    /// Whose turn it is to ask for that.
    pub(super) precedence: Precedence,
    journal: Mutex<Journal>,
    pub(super) clients: Arc<Clients>,
    pub(super) news: NewsSender,
    /// The server that clients believe to speak with.
    facade: Facade,
}

impl Shared {
    /// Nobody there yet.
    pub(crate) fn new(limits: Limits, large_from: Option<u64>, news: NewsSender) -> Self {
        Self {
            limits,
            large_from,
            ledger: AsyncMutex::default(),
            precedence: Precedence::default(),
            journal: Mutex::default(),
            clients: Arc::default(),
            news,
            facade: Facade::default(),
        }
    }

    /// The server that clients believe to speak with.
    pub(crate) fn facade(&self) -> &Facade {
        &self.facade
    }

    /// The console listens from now on.
    pub(crate) fn listen(&self) {
        self.news.listen();
    }

    /// Who is there.
    pub(crate) fn clients(&self) -> &Arc<Clients> {
        &self.clients
    }

    /// Who wrote which rows.
    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
