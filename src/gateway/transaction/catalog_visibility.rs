//! Whoever asks the catalog what there is must find the stored tables, not the copies that stand
//! before them.
//!
//! A temporary table is found first unless the search path says that `pg_temp` comes last. So it
//! says that while a statement looks at the catalog and names no table, and no longer when the next
//! statement comes. The end of the transaction takes it back by itself.

use super::Transaction;
use super::state::{SearchPathState, State};
use crate::gateway::backend::{BackendError, COPIES_FIRST, Question, Questions, STORED_FIRST};

impl Transaction {
    /// Puts the copies behind the stored tables until the next statement.
    pub(super) async fn hide_copies(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        if self.tables.has_copies() && !self.hides_copies() {
            backend.ask(Question::once(STORED_FIRST)).await?;
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
            backend.ask(Question::once(COPIES_FIRST)).await?;
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
