//! BEGIN, COMMIT and ROLLBACK, as a client says them.

use std::io;

use super::Transaction;
use super::state::{Block, State};
use crate::gateway::backend::{BackendError, Questions};
use crate::gateway::refusal::Warning;
use crate::gateway::statement::Access;

/// What came of the end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completion {
    /// There was nothing to end.
    Nothing,
    /// It has been committed.
    Committed,
    /// It had failed, and has been rolled back.
    RolledBack,
}

impl Completion {
    /// With what a COMMIT is called complete.
    pub(crate) fn tag(self) -> &'static str {
        if self == Self::RolledBack { "ROLLBACK" } else { "COMMIT" }
    }
}

impl Transaction {
    /// BEGIN: opens a block, or makes one of what is open.
    pub(crate) async fn begin_block(
        &mut self,
        backend: &mut impl Questions,
        access: Access,
    ) -> Result<Option<Warning>, BackendError> {
        self.check()?;
        match &mut self.state {
            State::Open(open) if open.is_block() => return Ok(Some(Warning::AlreadyInTransaction)),
            // A BEGIN behind other statements of its message takes them into the block, as in
            // PostgreSQL (PostgreSQL documentation, 54.2.2.1).
            State::Open(open) => {
                open.block = Block::Explicit;
                open.access = access.or(open.access);
            }
            _ => self.begin(backend, Block::Explicit, access).await?,
        }
        Ok(None)
    }

    pub(crate) async fn commit_block(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<Completion, BackendError> {
        match &self.state {
            State::Idle => Ok(Completion::Nothing),
            State::Failed => {
                self.state = State::Idle;
                Ok(Completion::RolledBack)
            }
            State::Aborted(_) => self.check().map(|()| Completion::Nothing).map_err(Into::into),
            State::Open(_) => self.commit(backend).await.map(|()| Completion::Committed),
        }
    }

    pub(crate) async fn roll_back_block(&mut self, backend: &mut impl Questions) -> io::Result<()> {
        // Whoever rolls back gives the attempt up, and has no precedence in another one.
        self.trying_since = None;
        self.abandon(backend).await?;
        self.state = State::Idle;
        Ok(())
    }

    /// Ends an implicit transaction at the end of its message. One that is not open any more has
    /// not been committed, whatever its statements have answered.
    pub(crate) async fn settle(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<Completion, BackendError> {
        self.check_aborted_implicit()?;
        match &self.state {
            State::Open(open) if !open.is_block() => {
                self.commit(backend).await.map(|()| Completion::Committed)
            }
            State::Open(_) | State::Aborted(_) | State::Failed | State::Idle => {
                Ok(Completion::Nothing)
            }
        }
    }
}
