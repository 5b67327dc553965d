//! Whoever asks the catalog what there is must find the stored tables, not the copies that stand
//! before them.
//!
//! A temporary table is found first unless the search path says that `pg_temp` comes last. So it
//! says that while a statement looks at the catalog and names no table, and no longer when the next
//! statement comes. The end of the transaction takes it back by itself.

use crate::gateway::backend::{BackendError, Question};
use crate::gateway::protocol::{SearchPathState, Session, State};

const HIDE: &str = "select set_config('search_path', \
                    concat_ws(', ', nullif(current_setting('search_path'), ''), 'pg_temp'), true)";
const SHOW: &str = "select set_config('search_path', \
                    regexp_replace(current_setting('search_path'), '(, )?pg_temp$', ''), true)";

/// Puts the copies behind the stored tables until the next statement.
pub(crate) async fn hide_copies(session: &mut Session) -> Result<(), BackendError> {
    if session.tables.has_copies() && !are_hidden(session) {
        // What waits was meant for where the copies stand now.
        session.dispatch(None).await?;
        session.server.ask(Question::once(HIDE)).await?;
        note(session, SearchPathState::Behind);
    }
    Ok(())
}

/// Puts them in front again.
pub(crate) async fn show_copies(session: &mut Session) -> Result<(), BackendError> {
    if are_hidden(session) {
        session.dispatch(None).await?;
        session.server.ask(Question::once(SHOW)).await?;
        note(session, SearchPathState::Before);
    }
    Ok(())
}

fn are_hidden(session: &Session) -> bool {
    matches!(&session.state, State::Open(open) if open.copies == SearchPathState::Behind)
}

fn note(session: &mut Session, copies: SearchPathState) {
    if let State::Open(open) = &mut session.state {
        open.copies = copies;
    }
}
