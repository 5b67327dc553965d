//! A client's transaction: where it stands, its private copies, what it sees, its place among the
//! others, and its judgement.
//!
//! It asks the PostgreSQL behind through [`Questions`] and knows nothing of messages: whoever owns
//! the client's connection calls it, and it calls nobody but what is below it.
//!
//! ```text
//!            begin_block        commit_block, settle
//!   Idle ───────────────▶ Open ─────────────────────▶ Idle
//!     ▲   a statement's   │  │
//!     │   own transaction │  └── an error in a block ──▶ Failed ── its end ──▶ Idle
//!     │                   └── in another's way ──▶ Aborted ── OC001 ──▶ Idle
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `begin`, `blocks`, `ends` | its beginning, what a client says of it, its ends |
//! | `prepare_statement`, `catalog_visibility`, `row_locks` | its needs |
//! | `search_path`, `path_taken` | copies that follow the search path |
//! | `tables`, `shape`, `pair`, `journal` | private copies, what they lack, what is brought |
//! | `take_along` | what foreign keys do about rows that have gone |
//! | `sizes` | how large a row may be |
//! | `row_changes`, `pending_changes`, `commit`, `precedence`, `apply`, `ledger` | its judgement |
//! | `shared`, `clients`, `client_handle`, `ddl`, `blocker_watchdog` | who makes way for whom |

pub(crate) mod abort_signal;
mod apply;
mod assumed;
mod begin;
pub(crate) mod blocker_watchdog;
pub(crate) mod blocks;
mod catalog_visibility;
mod client_handle;
pub(crate) mod clients;
mod commit;
mod ddl;
pub(crate) mod ends;
mod journal;
mod ledger;
pub(crate) mod pair;
mod path_taken;
pub(crate) mod pending_changes;
mod precedence;
pub(crate) mod prepare_statement;
mod private_changes;
mod row_changes;
pub(crate) mod row_locks;
mod search_path;
mod shape;
pub(crate) mod shared;
mod sizes;
mod state;
pub(crate) mod tables;
mod take_along;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use abort_signal::AbortSignal;
use client_handle::ClientHandle;
use row_changes::TableChanges;
use shared::Shared;
use state::{Block, Brings, DdlState, OpenTransaction, SearchPathState, State};
use tables::{Bringing, Named, Rewritten, Tables};

use crate::core::event::{Pid, TransactionStatus};
use crate::gateway::facade::new_session;
use crate::gateway::news::{Happening, News};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{Access, Statement};
use crate::pg::frame::FromServer;

/// A client's transaction, and what of it outlives its end.
pub(crate) struct Transaction {
    shared: Arc<Shared>,
    client: ClientHandle,
    pid: Pid,
    /// By which the service would tell this session from others.
    session: String,
    application: Arc<str>,
    tables: Tables,
    state: State,
    /// When the client began with what it tries to commit, counted among all: who has lost tries
    /// on.
    trying_since: Option<u64>,
    /// What a statement of its own has changed, asked for together with it.
    foreseen: Option<Vec<TableChanges>>,
    /// Whether the next transaction is begun without assuming anything.
    doubts: bool,
    /// What is to be brought before the next statement runs.
    bringing: Option<Bringing>,
    /// The same, on its way.
    brings: Option<Brings>,
}

/// Where the client stands, as it is told after each of its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// In no block.
    Idle,
    InBlock,
    /// In a block that has failed.
    Failed,
}

impl Status {
    /// As `ReadyForQuery` tells it.
    pub(crate) fn told(self) -> TransactionStatus {
        match self {
            Self::Idle => TransactionStatus::Idle,
            Self::InBlock => TransactionStatus::InTransaction,
            Self::Failed => TransactionStatus::Failed,
        }
    }
}

impl Transaction {
    /// None yet, of a client for which this process works.
    pub(crate) fn new(shared: Arc<Shared>, pid: Pid, application: &str) -> Self {
        let tables = Tables::new(shared.large_from);
        let client = ClientHandle::enter(Arc::clone(shared.clients()), pid.0);
        Self {
            shared,
            client,
            pid,
            session: new_session(),
            application: application.into(),
            tables,
            state: State::Idle,
            trying_since: None,
            foreseen: None,
            doubts: false,
            bringing: None,
            brings: None,
        }
    }

    /// Where the client stands.
    pub(crate) fn status(&self) -> Status {
        match &self.state {
            State::Open(open) if open.is_block() => Status::InBlock,
            // The client does not know yet. Idle would tell it that its block is over before the
            // error that ended it.
            State::Aborted(Block::Explicit) => Status::InBlock,
            State::Failed => Status::Failed,
            State::Open(_) | State::Aborted(Block::Implicit) | State::Idle => Status::Idle,
        }
    }

    /// Whether there is no transaction at all.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Whether one is open at the server.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Whether there is no block that a COMMIT could end.
    pub(crate) fn is_outside_block(&self) -> bool {
        match &self.state {
            State::Idle => true,
            State::Open(open) => !open.is_block(),
            State::Failed | State::Aborted(_) => false,
        }
    }

    /// Whether the open transaction may only read; nothing where none is open.
    pub(crate) fn is_read_only(&self) -> Option<bool> {
        match &self.state {
            State::Open(open) => Some(open.access == Access::ReadOnly),
            _ => None,
        }
    }

    /// Whether the schema was changed in it.
    pub(crate) fn has_ddl(&self) -> bool {
        matches!(&self.state, State::Open(open) if open.ddl.is_some())
    }

    /// Whether its DDL is undone at the moment.
    pub(crate) fn has_stepped_back(&self) -> bool {
        let State::Open(open) = &self.state else { return false };
        open.ddl.as_ref().is_some_and(|ddl| ddl.state == DdlState::Undone)
    }

    /// Whether the copies stand behind the stored tables at the moment.
    pub(crate) fn hides_copies(&self) -> bool {
        matches!(&self.state, State::Open(open) if open.copies == SearchPathState::Behind)
    }

    /// Whether DDL of it acts, so that others may wait for it.
    pub(crate) fn acts(&self) -> bool {
        self.client.acts()
    }

    /// What tells that it is in another client's way.
    pub(crate) fn signal(&self) -> Arc<AbortSignal> {
        Arc::clone(self.client.signal())
    }

    /// Whether this transaction may go on at all.
    pub(crate) fn check(&mut self) -> Result<(), Refusal> {
        match &self.state {
            State::Failed => Err(Refusal::aborted()),
            // Over with the telling: the first retry must succeed.
            State::Aborted(_) => {
                self.state = State::Idle;
                Err(Refusal::schema_changed())
            }
            // Checked here and by no timer: the service tells at the next statement or COMMIT.
            State::Open(open) if open.since.elapsed() > self.shared.limits.age => {
                Err(Refusal::too_old(open.since.elapsed()))
            }
            State::Open(_) | State::Idle => Ok(()),
        }
    }

    /// Whether somebody's DDL has ended it and its client does not know yet.
    pub(crate) fn check_aborted(&mut self) -> Result<(), Refusal> {
        if let State::Aborted(_) = self.state { self.check() } else { Ok(()) }
    }

    /// The same, of a transaction without a block.
    pub(crate) fn check_aborted_implicit(&mut self) -> Result<(), Refusal> {
        if let State::Aborted(Block::Implicit) = self.state { self.check() } else { Ok(()) }
    }

    /// A statement of the client's is about to be sent.
    pub(crate) fn note_part(&mut self) {
        if let State::Open(open) = &mut self.state {
            open.has_part = true;
        }
    }

    /// The client calls itself so from now on.
    pub(crate) fn rename(&mut self, application: &str) {
        self.application = application.into();
    }

    /// What the client calls itself.
    pub(crate) fn application(&self) -> &Arc<str> {
        &self.application
    }

    /// What the server said, of the stored tables instead of their copies; nothing where no copy
    /// is in it.
    pub(crate) fn retold(&self, frame: &FromServer) -> Option<FromServer> {
        self.tables.retold(frame)
    }

    /// The columns of a result in which names of copies may stand.
    pub(crate) fn columns_of_names(&self, frame: &FromServer) -> Vec<usize> {
        self.tables.columns_of_names(frame)
    }

    /// A row with the stored tables' names in these columns; nothing where it is the same.
    pub(crate) fn retold_names(&self, frame: &FromServer, columns: &[usize]) -> Option<FromServer> {
        self.tables.retold_names(frame, columns)
    }

    /// The same, of a row of a plan.
    pub(crate) fn retold_plan(&self, frame: &FromServer) -> FromServer {
        self.tables.retold_plan(frame)
    }

    /// Tells the console that the client is gone.
    pub(crate) fn tell_gone(&self) {
        self.tell(Happening::Gone);
    }

    /// A statement as it is sent, its names turned towards the copies.
    fn turned(&self, statement: &Statement, named: &Named) -> Rewritten {
        let edits = self.shared.facade().edits(statement, &self.session);
        self.tables.rewrite(statement, named, edits)
    }

    fn tell(&self, what: Happening) {
        let application = self.application.to_string();
        self.shared.news.tell(News { pid: self.pid, application, what });
    }

    fn open(&mut self) -> Result<&mut OpenTransaction, Refusal> {
        match &mut self.state {
            State::Open(open) => Ok(open),
            _ => Err(Refusal::protocol("no transaction is open")),
        }
    }

    fn xid(&self) -> Option<u64> {
        match &self.state {
            State::Open(open) => Some(open.xid),
            _ => None,
        }
    }
}
