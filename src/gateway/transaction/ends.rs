//! A transaction's ends, other than COMMIT.

use std::io;

use super::Transaction;
use super::state::{Block, State};
use crate::gateway::backend::{BackendError, Questions};
use crate::gateway::news::Happening;
use crate::gateway::refusal::{Aftermath, Refusal};

/// How a transaction has made way for another client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MadeWay {
    /// Its DDL is undone until its COMMIT.
    SteppedBack,
    RolledBack,
}

impl Transaction {
    /// Rolls back what is open; where the client stands afterwards is for the caller to say. What
    /// the client has opened in it is gone only where it had a part in it.
    pub(crate) async fn abandon(&mut self, backend: &mut impl Questions) -> io::Result<()> {
        self.drop_bringing();
        if matches!(&self.state, State::Open(open) if open.is_assumed)
            && let Err(BackendError::Lost(error)) = self.begun(backend).await
        {
            return Err(error);
        }
        let State::Open(open) = std::mem::replace(&mut self.state, State::Idle) else {
            self.client.end();
            return Ok(());
        };
        // Before, since from then on others see its end, and must find it in the journal.
        self.shared.journal().note_nothing(open.xid);
        backend.roll_back().await?;
        self.tables.roll_back(open.rows);
        self.after_end(backend, open.has_changed_copies()).await
    }

    /// What every end of a transaction does.
    pub(super) async fn after_end(
        &mut self,
        backend: &mut impl Questions,
        copies_changed: bool,
    ) -> io::Result<()> {
        // Not before the end in PostgreSQL: whoever is let in needs the locks that it has released.
        self.client.end();
        if self.shared.news.is_heard() {
            self.tell(Happening::Private(Vec::new()));
        }
        if copies_changed {
            // What else went wrong, the next statement meets again.
            if let Err(BackendError::Lost(error)) = self.tables.forget(backend).await {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Does to the transaction what this refusal does.
    pub(crate) async fn after_refusal(
        &mut self,
        backend: &mut impl Questions,
        refusal: &Refusal,
    ) -> io::Result<()> {
        match refusal.aftermath() {
            Aftermath::Failed => self.after_error(backend).await,
            Aftermath::Over => {
                if refusal.is_schema_change() {
                    self.tables.tell();
                }
                self.abandon(backend).await?;
                self.state = State::Idle;
                Ok(())
            }
        }
    }

    /// After an error a block is failed, and a transaction without a block is over.
    pub(crate) async fn after_error(&mut self, backend: &mut impl Questions) -> io::Result<()> {
        let in_block = match &self.state {
            State::Open(open) => open.is_block(),
            State::Failed | State::Aborted(Block::Explicit) => true,
            State::Idle | State::Aborted(Block::Implicit) => false,
        };
        self.trying_since = None;
        self.abandon(backend).await?;
        self.state = if in_block { State::Failed } else { State::Idle };
        Ok(())
    }

    /// Makes way for another client: DDL steps back, and any other transaction ends, which this
    /// client learns at its next statement.
    pub(crate) async fn make_way(&mut self, backend: &mut impl Questions) -> io::Result<MadeWay> {
        if self.step_back(backend).await? {
            return Ok(MadeWay::SteppedBack);
        }
        let State::Open(open) = &self.state else {
            // The call came too late, with nothing open any more. Unanswered, it would end the next
            // transaction.
            self.client.end();
            return Ok(MadeWay::RolledBack);
        };
        let block = open.block;
        self.abandon(backend).await?;
        self.state = State::Aborted(block);
        Ok(MadeWay::RolledBack)
    }
}
