//! Whoever asks the catalog what there is must find the stored tables, not the copies that stand
//! before them.
//!
//! A temporary table is found first unless the search path says that `pg_temp` comes last. So it
//! says that while a statement looks at the catalog and names no table, and no longer when the next
//! statement comes. The end of the transaction takes it back by itself.

use super::Transaction;
use super::state::{SearchPathState, State};
use crate::gateway::backend::{BackendError, Question, Questions};

const HIDE: &str = "select set_config('search_path', \
                    concat_ws(', ', nullif(current_setting('search_path'), ''), 'pg_temp'), true)";
const SHOW: &str = "select set_config('search_path', \
                    regexp_replace(current_setting('search_path'), '(, )?pg_temp$', ''), true)";

impl Transaction {
    /// Puts the copies behind the stored tables until the next statement.
    pub(super) async fn hide_copies(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        if self.tables.has_copies() && !self.hides_copies() {
            backend.ask(Question::once(HIDE)).await?;
            self.note_copies(SearchPathState::Behind);
        }
        Ok(())
    }

    /// Puts them in front again.
    pub(super) async fn show_copies(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        if self.hides_copies() {
            backend.ask(Question::once(SHOW)).await?;
            self.note_copies(SearchPathState::Before);
        }
        Ok(())
    }

    fn note_copies(&mut self, copies: SearchPathState) {
        if let State::Open(open) = &mut self.state {
            open.copies = copies;
        }
    }
}
