//! Statements that are sent towards today's copies: turned, and prepared anew where what they were
//! prepared for has changed.

use super::Protocol;
use super::names::By;
use crate::gateway::backend::{BackendError, Question, Questions as _};
use crate::gateway::statement::{Kind, Statement};
use crate::gateway::transaction::tables::Rewritten;

impl Protocol {
    /// What is sent for a statement.
    pub(super) async fn rewritten(
        &mut self,
        statement: &Statement,
    ) -> Result<Rewritten, BackendError> {
        match self.substitute(statement) {
            Some(substitute) => Ok(Rewritten::whole(substitute.sql)),
            None => self.transaction.rewrite(&mut self.backend, statement).await,
        }
    }

    /// Opens the transaction and makes the copies that a statement names.
    pub(super) async fn prepare_names(
        &mut self,
        statement: &Statement,
    ) -> Result<(), BackendError> {
        if self.transaction.hides_copies() {
            // What is queued was meant for where the copies stand now.
            self.dispatch().await?;
        }
        self.transaction.prepare_names(&mut self.backend, statement).await
    }

    /// Has the server prepare a statement anew whose text means other copies by now.
    pub(super) async fn renew(&mut self, name: &str) -> Result<(), BackendError> {
        let Some(prepared) = self.names.prepared(name) else { return Ok(()) };
        let whole = prepared.whole();
        if whole.is_ours() || matches!(whole.kind, Kind::Ddl(_)) {
            return Ok(());
        }
        let rewritten = self.rewritten(&whole).await?;
        if prepared.is_sent_as(&rewritten) {
            return Ok(());
        }
        // What is queued may bind the statement in its old text.
        self.dispatch().await?;
        // If this fails half way, nobody knows which text the server has, and the next use has it
        // prepared once more.
        self.names.note_sent(name, None);
        match prepared.by() {
            By::Parse(types) => self.backend.prepare_anew(name, &rewritten.sql, types).await?,
            By::Sql(_) => {
                // PREPARE refuses a name that is taken, where Close does not mind one that is free.
                // It also closes what PREPARE has made.
                self.backend.close_statement(name).await?;
                self.backend.ask(Question::once(rewritten.sql.clone())).await?;
            }
        }
        self.names.note_sent(name, Some(rewritten));
        Ok(())
    }
}
