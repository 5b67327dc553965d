//! A transaction's beginning and its ends, other than COMMIT.

use std::io;
use std::time::Instant;

use crate::core::sql;
use crate::gateway::backend::{BackendError, Question};
use crate::gateway::news::Happening;
use crate::gateway::protocol::{Block, SearchPath, SearchPathState, Session, State, Transaction};
use crate::gateway::refusal::{Aftermath, Refusal};
use crate::gateway::statement::Access;
use crate::gateway::transaction::journal::Seen;
use crate::gateway::transaction::ledger::Snapshot;
use crate::gateway::transaction::tables::{Marks, SchemaMark, marks_in};

/// Copies are temporary tables, which PostgreSQL finds first unless it is told otherwise.
pub(crate) const TEMPORARY_FIRST: &str =
    "a search_path that names pg_temp is not supported on this engine";

/// READ WRITE whatever the client's default is: copies are written even where the client may only
/// read, which is for the gateway to see to.
const BEGIN: &str = "begin isolation level repeatable read, read write";

impl Session {
    /// Opens a transaction on the backend, its snapshot pinned.
    pub(crate) async fn begin(&mut self, block: Block, access: Access) -> Result<(), BackendError> {
        self.foreseen = None;
        self.tables.clear(&mut self.server).await?;
        let undone = self.tables.remake(&mut self.server).await?;
        if !undone.is_empty() {
            self.fill_apart(&undone).await?;
        }
        self.open_transaction(block, access).await
    }

    /// Brings copies up to date in a transaction of its own, which no rollback undoes. Who has lost
    /// to another would otherwise have all of it before him again with every retry, and never come
    /// in before those who have not.
    async fn fill_apart(&mut self, tables: &[u32]) -> Result<(), BackendError> {
        self.open_transaction(Block::Implicit, Access::AsSet).await?;
        let filled = match self.fill(tables).await {
            Ok(()) => self.commit_nothing().await,
            failed => failed,
        };
        match filled {
            Ok(()) => Ok(()),
            Err(BackendError::Lost(error)) => Err(BackendError::Lost(error)),
            // The next statement that needs the copy meets the same trouble, and it has a client to
            // tell.
            Err(_) => Ok(self.abandon().await?),
        }
    }

    /// Ends a transaction in which the client has no part. What it has read stays in the copies.
    async fn commit_nothing(&mut self) -> Result<(), BackendError> {
        let open = self.open()?;
        let seen = Seen { snapshot: open.snapshot.clone(), own: open.xid };
        self.common.journal().note_nothing(seen.own);
        self.server.ask(Question::prepared("commit")).await?;
        self.tables.commit(&seen);
        self.state = State::Idle;
        Ok(self.after_end(false).await?)
    }

    async fn open_transaction(&mut self, block: Block, access: Access) -> Result<(), BackendError> {
        let mut pinned = self.pin().await?;
        if self.tables.check(&pinned.mark, &pinned.marks).is_err() {
            self.common.journal().note_nothing(pinned.xid);
            self.server.ask(Question::prepared("rollback")).await?;
            self.tables.catch_up(&mut self.server).await?;
            pinned = self.pin().await?;
            // Whatever changed between the two looks is seen at the next one.
            self.tables.check(&pinned.mark, &pinned.marks).ok();
        }
        self.place.begin(pinned.snapshot.oldest);
        self.trying_since.get_or_insert_with(|| self.common.precedence.number());
        self.state = State::Open(Box::new(Transaction {
            block,
            access: if access == Access::AsSet { pinned.access } else { access },
            since: Instant::now(),
            snapshot: pinned.snapshot,
            schema_change: pinned.schema_change,
            xid: pinned.xid,
            ddl: None,
            dml: false,
            rows: 0,
            path: SearchPath::AsBegun,
            copies: SearchPathState::Before,
            has_part: false,
        }));
        Ok(())
    }

    async fn pin(&mut self) -> Result<Pinned, BackendError> {
        let schema_change = self.common.schema_change();
        let mut questions =
            vec![Question::prepared(BEGIN), Question::prepared(sql::optimistic::PIN)];
        questions.extend(self.tables.asks_marks());
        let answers = match self.server.ask_all(questions).await {
            Ok(answers) => answers,
            Err(trouble) => {
                // The first half may have succeeded.
                self.server.ask(Question::prepared("rollback")).await?;
                return Err(trouble);
            }
        };
        let value = |column| answers.get(1).and_then(|pin| pin.value(column)).unwrap_or_default();
        let snapshot = Snapshot::parse(value(0))
            .ok_or_else(|| Refusal::protocol(format!("no snapshot: {:?}", value(0))))?;
        let mark = SchemaMark {
            fingerprint: value(1).to_owned(),
            path: value(2).to_owned(),
            change: schema_change,
        };
        if value(4) == "true" {
            self.server.ask(Question::prepared("rollback")).await?;
            return Err(Refusal::unsupported(TEMPORARY_FIRST).into());
        }
        let xid = value(3).parse().map_err(|_| Refusal::protocol("no transaction's number"))?;
        let access = if value(5) == "on" { Access::ReadOnly } else { Access::ReadWrite };
        let marks = answers.get(2).map(marks_in).unwrap_or_default();
        Ok(Pinned { snapshot, xid, mark, marks, access, schema_change })
    }

    /// Rolls the backend back; where the client stands is for the caller to say.
    pub(crate) async fn roll_back(&mut self) -> io::Result<()> {
        self.abandon().await?;
        self.drop_portals();
        Ok(())
    }

    /// Rolls back a transaction in which the client has no part yet, so that another can take its
    /// place: what waits to be sent has its names and portals still.
    pub(crate) async fn abandon(&mut self) -> io::Result<()> {
        let State::Open(open) = std::mem::replace(&mut self.state, State::Idle) else {
            self.place.end();
            return Ok(());
        };
        self.server.roll_back().await?;
        self.common.journal().note_nothing(open.xid);
        self.tables.roll_back();
        self.after_end(open.has_changed_copies()).await
    }

    /// What every end of a transaction does.
    pub(crate) async fn after_end(&mut self, copies_changed: bool) -> io::Result<()> {
        self.place.end();
        if self.common.is_heard() {
            self.tell(Happening::Private(Vec::new()));
        }
        if copies_changed {
            // What else went wrong, the next statement meets again.
            if let Err(BackendError::Lost(error)) = self.tables.forget(&mut self.server).await {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes a refusal and does to the transaction what it does.
    pub(crate) async fn refuse(&mut self, refusal: &Refusal) -> io::Result<()> {
        refusal.write(&mut self.client.out);
        match refusal.aftermath() {
            Aftermath::Failed => self.after_error().await,
            Aftermath::Over => {
                if refusal.is_schema_change() {
                    self.tables.tell();
                }
                self.roll_back().await?;
                self.state = State::Idle;
                Ok(())
            }
        }
    }

    /// After an error a block is failed, and a transaction without a block is over.
    pub(crate) async fn after_error(&mut self) -> io::Result<()> {
        let in_block = match &self.state {
            State::Open(open) => open.block == Block::Explicit,
            State::Failed | State::Aborted(Block::Explicit) => true,
            State::Idle | State::Aborted(Block::Implicit) => false,
        };
        self.trying_since = None;
        self.roll_back().await?;
        self.state = if in_block { State::Failed } else { State::Idle };
        Ok(())
    }

    /// Makes way for another client: DDL steps back, and any other transaction ends, which this
    /// client learns at its next statement.
    pub(crate) async fn make_way(&mut self) -> io::Result<()> {
        if self.step_back().await? {
            return Ok(());
        }
        let State::Open(open) = &self.state else { return self.roll_back().await };
        let block = open.block;
        self.roll_back().await?;
        self.state = State::Aborted(block);
        Ok(())
    }
}

/// What the first statement of a transaction tells.
struct Pinned {
    snapshot: Snapshot,
    xid: u64,
    mark: SchemaMark,
    marks: Marks,
    /// The session's default.
    access: Access,
    schema_change: u64,
}
