//! A search path that moves inside of a transaction, as of who sets it LOCAL for each one.
//!
//! A copy stands under the bare name where that means its table, so under another path it may be
//! found in the place of another table. As long as the transaction has named no table, nothing of
//! it is in the copies: they go, and are made anew as the new path wants them. The end of the
//! transaction forgets those in turn.

use super::Transaction;
use super::path_taken::SearchPath;
use super::state::State;
use super::tables::{Named, TEMPORARY_FIRST};
use crate::gateway::backend::{Answer, BackendError, Question, Questions};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::Statement;

/// The schemas, and whether somebody has put `pg_temp` among them.
const PATH: &str = "select array_to_json(current_schemas(false))::text, \
     (current_setting('search_path') ~* 'pg_temp')::text";

impl Transaction {
    /// Lets the copies follow the path to where a statement names tables, or what a copy is called.
    /// Once they hold changes they cannot; the statement is refused then.
    pub(super) async fn follow_path(
        &mut self,
        backend: &mut impl Questions,
        named: &Named,
    ) -> Result<(), BackendError> {
        // Where a name stands for no table any more, PostgreSQL would still find its copy.
        let is_concerned = !named.is_empty() || self.tables.have_copy_called(&named.unknown);
        let open = self.open()?;
        if !open.path.has_moved() || open.ddl.is_some() || !is_concerned {
            return Ok(());
        }
        if open.path.now.names_copies {
            return Err(Refusal::unsupported(TEMPORARY_FIRST).into());
        }
        if open.dml {
            return Err(Refusal::unsupported(
                "the search_path changed after this transaction used tables: end the transaction \
                 before using more",
            )
            .into());
        }
        open.path.follow();
        let removal = self.tables.start_anew();
        backend.ask_all(removal).await.map(drop)
    }

    /// SET may change what names mean, and DISCARD takes the copies away.
    pub(super) async fn names_may_have_moved(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
    ) -> Result<(), BackendError> {
        if !matches!(self.state, State::Open(_)) {
            self.tables.forget_names();
        } else if self.has_moved_path(backend).await? {
            self.tables.forget_names();
            self.tables.forget_names_at_the_end();
        }
        if statement.is_a("discard") && self.is_idle() {
            self.tables.forget(backend).await?;
        }
        Ok(())
    }

    /// Notes the path as it is now; whether it was another one. The server is asked, since words
    /// tell too little: a role has a schema of its own, and the name of the setting may be in a
    /// parameter.
    async fn has_moved_path(&mut self, backend: &mut impl Questions) -> Result<bool, BackendError> {
        // Behind the stored tables they are in the path, where nobody has put them.
        self.show_copies(backend).await?;
        let answer = backend.ask(Question::prepared(PATH)).await?;
        let now = path_in(&answer)
            .ok_or_else(|| Refusal::protocol("the server does not tell the search_path"))?;
        let open = self.open()?;
        let before = std::mem::replace(&mut open.path.now, now);
        Ok(before != open.path.now)
    }
}

fn path_in(answer: &Answer) -> Option<SearchPath> {
    let (schemas, names_copies) = (answer.value(0)?.to_owned(), answer.value(1)? == "true");
    Some(SearchPath { schemas, names_copies })
}
