//! Where a client stands: in no transaction, in one, or in what is left of one.

use std::collections::HashSet;
use std::time::Instant;

use super::clients::Closed;
use super::ledger::Snapshot;
use super::path_taken::PathTaken;
use super::tables::{ReferenceCheck, Selection};
use crate::gateway::backend::Asked;
use crate::gateway::statement::{Access, Name};

/// Where the client stands.
#[derive(Debug)]
pub(super) enum State {
    Idle,
    /// In a transaction.
    Open(Box<OpenTransaction>),
    /// In a transaction block that has failed; the backend has been rolled back already.
    Failed,
    /// In a transaction that somebody's DDL has ended; the client does not know yet.
    Aborted(Block),
}

/// How a transaction came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Explicit,
    /// By a statement outside of a block; it ends with the statement's message.
    Implicit,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct OpenTransaction {
    pub(super) block: Block,
    pub(super) access: Access,
    pub(super) since: Instant,
    pub(super) snapshot: Snapshot,
    /// How often the schema had changed when the snapshot was taken.
    pub(super) schema_change: u64,
    pub(super) xid: u64,
    pub(super) ddl: Option<Ddl>,
    /// Whether a statement has named a table.
    pub(super) dml: bool,
    /// How many rows its statements say they have changed: at least as many as there are.
    pub(super) rows: u64,
    /// What has become of the search path in it.
    pub(super) path: PathTaken,
    /// Where the copies stand.
    pub(super) copies: SearchPathState,
    /// Whether the client has a part in it: a statement of its own has been sent, and what it did
    /// must not be undone in silence.
    pub(super) has_part: bool,
    /// The large tables that are known to be what the snapshot shows.
    pub(super) looked_at: HashSet<u32>,
    /// The tables in which the statement that runs may give rows the keys of stored ones.
    pub(super) collisions: Vec<u32>,
    /// Whether the client has not touched settings, the gateway's own among them: RESET ALL does.
    pub(super) are_settings_kept: bool,
    /// What is to be asked about foreign keys behind the statement that runs.
    pub(super) references: Vec<ReferenceCheck>,
    /// The table of which the statement that runs may take rows away, and others that refer to
    /// them.
    pub(super) losing: Option<u32>,
    /// Whether what it begins with is not heard yet, but assumed.
    pub(super) is_assumed: bool,
}

/// Where the copies stand in the search path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SearchPathState {
    /// Before the stored tables.
    Before,
    /// Behind them, for a look at the catalog.
    Behind,
}

impl OpenTransaction {
    /// Whether other copies are there than the gateway knows of, once it is over.
    pub(super) fn has_changed_copies(&self) -> bool {
        self.ddl.is_some() || self.path.was_followed()
    }

    /// Whether it may be ended by its own COMMIT only.
    pub(super) fn is_block(&self) -> bool {
        self.block == Block::Explicit
    }
}

/// A change of the schema in an open transaction.
#[derive(Clone, Debug)]
pub(super) struct Ddl {
    /// As PostgreSQL runs it.
    pub(super) sql: String,
    /// The same, where it makes what is not there yet, as what must not be there.
    pub(super) demanding: Option<String>,
    pub(super) names: Vec<Name>,
    /// What they stand for, before and after.
    pub(super) relations: Vec<u32>,
    /// The names under which there are relations afterwards.
    pub(super) known: Vec<String>,
    /// What it keeps others out of.
    pub(super) closed: Closed,
    pub(super) state: DdlState,
}

/// What has become of a change so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DdlState {
    /// PostgreSQL has made it, or is about to.
    Made,
    /// The same, and what the client did afterwards would be undone with it: a setting, a cursor.
    Bound,
    /// It has been undone for others, and must be made again.
    Undone,
}

/// Questions that travel before a statement.
#[derive(Debug)]
pub(super) struct Brings {
    pub(super) looks: Vec<u32>,
    /// Into the copy of which table rows are brought, and which.
    pub(super) rows: Option<(u32, Option<Selection>)>,
    pub(super) asked: Asked,
}
