//! A search path that moves inside of a transaction, as of who sets it LOCAL for each one.
//!
//! A copy stands under the bare name where that means its table, so under another path it may be
//! found in the place of another table. As long as the transaction has named no table, nothing of
//! it is in the copies: they go, and are made anew as the new path wants them. The end of the
//! transaction forgets those in turn.

use crate::gateway::backend::{BackendError, Question};
use crate::gateway::protocol::{SearchPath, Session};
use crate::gateway::refusal::Refusal;
use crate::gateway::transaction::begin::TEMPORARY_FIRST;
use crate::gateway::transaction::tables::Named;

const NAMES_COPIES: &str = "select (current_setting('search_path') ~* 'pg_temp')::text";

impl Session {
    /// Lets the copies follow the path to where a statement names tables. Once they hold changes
    /// they cannot; the statement is refused then.
    pub(crate) async fn follow_path(&mut self, named: &Named) -> Result<(), BackendError> {
        let open = self.open()?;
        if !open.path.has_moved() || open.dml || open.ddl.is_some() || named.is_empty() {
            return Ok(());
        }
        open.path = SearchPath::Followed;
        let removal = self.tables.start_anew();
        self.server.ask_all(removal).await?;
        let answer = self.server.ask(Question::prepared(NAMES_COPIES)).await?;
        match answer.value(0) {
            Some("true") => Err(Refusal::unsupported(TEMPORARY_FIRST).into()),
            _ => Ok(()),
        }
    }
}
