//! A search path that moves inside of a transaction, as of who sets it LOCAL for each one.
//!
//! A copy stands under the bare name where that means its table, so under another path it may be
//! found in the place of another table. As long as the transaction has named no table, nothing of
//! it is in the copies: they go, and are made anew as the new path wants them. The end of the
//! transaction forgets those in turn.

use super::Transaction;
use super::state::{SearchPath, State};
use super::tables::{Named, TEMPORARY_FIRST};
use crate::gateway::backend::{BackendError, Question, Questions};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::Statement;

const NAMES_COPIES: &str = "select (current_setting('search_path') ~* 'pg_temp')::text";

impl Transaction {
    /// Lets the copies follow the path to where a statement names tables. Once they hold changes
    /// they cannot; the statement is refused then.
    pub(super) async fn follow_path(
        &mut self,
        backend: &mut impl Questions,
        named: &Named,
    ) -> Result<(), BackendError> {
        let open = self.open()?;
        if !open.path.has_moved() || open.dml || open.ddl.is_some() || named.is_empty() {
            return Ok(());
        }
        open.path = SearchPath::Followed;
        let removal = self.tables.start_anew();
        backend.ask_all(removal).await?;
        // At the transaction's beginning the earlier path was looked at.
        let answer = backend.ask(Question::prepared(NAMES_COPIES)).await?;
        match answer.value(0) {
            Some("true") => Err(Refusal::unsupported(TEMPORARY_FIRST).into()),
            _ => Ok(()),
        }
    }

    /// SET may change what names mean, and DISCARD takes the copies away.
    pub(super) async fn names_may_have_moved(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
    ) -> Result<(), BackendError> {
        self.tables.forget_names();
        if let State::Open(open) = &mut self.state
            && statement.may_move_path()
        {
            open.path.move_on();
        }
        if statement.is_a("discard") && self.is_idle() {
            self.tables.forget(backend).await?;
        }
        Ok(())
    }
}
