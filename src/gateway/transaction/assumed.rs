//! A transaction whose BEGIN travels with its only statement, which spares a round trip.
//!
//! ```text
//!   usually   BEGIN, snapshot ─▶ ◀─   rows, statement, changes ─▶ ◀─   apply, COMMIT ─▶ ◀─
//!   assumed   BEGIN, snapshot, rows, statement, changes ─▶ ◀─          apply, COMMIT ─▶ ◀─
//! ```
//!
//! Until the answers have come it is assumed that the schema is what the last snapshot showed, and
//! the session's defaults what is usual. Where either was wrong, or anything else went wrong, the
//! transaction is undone and the statement let in once more, the usual way. By then nobody has been
//! told anything of it, since such a statement gives no rows.

use std::collections::HashSet;
use std::time::Instant;

use super::Transaction;
use super::begin::{BEGIN, Pinned};
use super::path_taken::PathTaken;
use super::state::{Block, OpenTransaction, SearchPathState, State};
use super::tables::Parameters;
use crate::core::sql;
use crate::gateway::backend::{BackendError, Question, Questions};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{Access, Kind, Statement};

impl Transaction {
    /// Whether the BEGIN of a statement without a block may travel with it: nothing has to be asked
    /// or made before, and it will give no rows.
    pub(super) fn may_assume(&self, statement: &Statement, parameters: Parameters<'_>) -> bool {
        let gives_rows = || statement.words.iter().any(|word| word.is("returning"));
        self.is_idle()
            && !self.doubts
            && matches!(parameters, Parameters::None)
            && statement.kind == Kind::Query
            && statement.writes
            && !gives_rows()
            && !self.shared.news.is_heard()
            && self.tables.works_on_part_alone(statement)
    }

    /// Opens a transaction without waiting for it.
    pub(super) fn assume(&mut self, backend: &mut impl Questions) -> Result<(), Refusal> {
        let Some((snapshot, path)) = self.tables.last_shown() else {
            return Err(Refusal::protocol("no snapshot has been seen"));
        };
        self.foreseen = None;
        // As for one that is waited for: see `open_transaction`.
        self.client.await_snapshot();
        let schema_change = self.shared.clients.schema_change();
        backend.defer(vec![Question::prepared(BEGIN), Question::prepared(sql::optimistic::PIN)]);
        self.state = State::Open(Box::new(OpenTransaction {
            is_assumed: true,
            ..OpenTransaction::begun(
                Block::Implicit,
                Pinned { snapshot, xid: 0, path, access: Access::ReadWrite, schema_change },
            )
        }));
        self.trying_since.get_or_insert_with(|| self.shared.precedence.number());
        Ok(())
    }

    /// Checks what was assumed, once the statement has run. An error means that it was wrong.
    pub(crate) async fn confirm(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        let State::Open(open) = &self.state else { return Ok(()) };
        if !open.is_assumed {
            return Ok(());
        }
        let pinned = self.begun(backend).await?;
        if pinned.access == Access::ReadOnly
            || !self.is_schema_known(&pinned) && self.compare(backend, &pinned).await?.is_err()
        {
            return Err(Refusal::schema_changed().into());
        }
        self.client.begin(pinned.snapshot.oldest);
        let open = self.open()?;
        (open.snapshot, open.is_assumed) = (pinned.snapshot, false);
        Ok(())
    }

    /// Undoes a transaction that had an error where what was assumed may be why. Whether that is
    /// so, and the statement is to be let in once more.
    pub(crate) async fn takes_back(
        &mut self,
        backend: &mut impl Questions,
        trouble: &BackendError,
    ) -> Result<bool, BackendError> {
        // Whoever cancels means the statement, however often it is let in.
        if trouble.is_cancelled() || matches!(trouble, BackendError::Lost(_)) {
            return Ok(false);
        }
        let State::Open(open) = &self.state else { return Ok(false) };
        if !open.is_assumed {
            return Ok(false);
        }
        let is_right = match self.begun(backend).await {
            Ok(pinned) => pinned.access != Access::ReadOnly && self.is_schema_known(&pinned),
            Err(BackendError::Lost(error)) => return Err(error.into()),
            Err(_) => false,
        };
        if is_right {
            // The error is the statement's own, and would be the same once more.
            return Ok(false);
        }
        self.drop_bringing();
        self.abandon(backend).await?;
        self.state = State::Idle;
        self.doubts = true;
        Ok(true)
    }

    /// What the open transaction begins with, heard at last. Where BEGIN has failed, the statement
    /// has run by itself, outside of any transaction.
    pub(super) async fn begun(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<Pinned, BackendError> {
        let heard = backend.deferred().await;
        if heard.is_err() {
            self.tables.distrust_parts();
        }
        let answers = heard?;
        let open = self.open()?;
        let pinned = Pinned::read(&answers, open.schema_change)?;
        // Whatever becomes of the transaction, its number is one that others may come upon.
        open.xid = pinned.xid;
        Ok(pinned)
    }
}

impl OpenTransaction {
    /// One that has begun so.
    pub(super) fn begun(block: Block, pinned: Pinned) -> Self {
        Self {
            block,
            access: pinned.access,
            since: Instant::now(),
            snapshot: pinned.snapshot,
            schema_change: pinned.schema_change,
            xid: pinned.xid,
            ddl: None,
            dml: false,
            rows: 0,
            path: PathTaken::begun(pinned.path),
            copies: SearchPathState::Before,
            has_part: false,
            looked_at: HashSet::new(),
            collisions: Vec::new(),
            are_settings_kept: true,
            references: Vec::new(),
            losing: None,
            is_assumed: false,
        }
    }
}
