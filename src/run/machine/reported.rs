//! What the driver was told of the watched tables, of troubles and of quiet; each is told again
//! only when it changes.

use std::sync::Arc;

use super::effects::Effects;
use super::private::{Private, overlay};
use crate::core::event::{Event, Kind, SessionName};
use crate::core::seats::WatchedTables;
use crate::gateway::PrivateChange;

/// What was told last.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    /// Whether all is quiet since the last thing that moved.
    is_quiet: bool,
    /// What is committed, as the observer saw it last.
    committed: WatchedTables,
    /// What the sessions have changed in private, on the optimistic engine.
    private: Private,
    /// Both, as they were told.
    tables: Option<Arc<WatchedTables>>,
    /// Why nobody can tell who is blocked.
    blocked_trouble: Option<String>,
    /// Why nobody can tell for what.
    waits_trouble: Option<String>,
    /// Why the tables cannot be looked at.
    tables_trouble: Option<String>,
}

/// A question whose answer may be a trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Who is in whose way.
    Blocked,
    /// Who waits for what, in words.
    Waits,
    /// What the tables look like.
    Tables,
}

impl Reported {
    /// Whether all is quiet since the last thing that moved.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Something has moved.
    pub(crate) fn moved(&mut self) {
        self.is_quiet = false;
    }

    /// All is quiet.
    pub(crate) fn fell_quiet(&mut self) {
        self.is_quiet = true;
    }

    /// The observer has an answer to that again.
    pub(crate) fn clear_trouble(&mut self, asked: Asked) {
        *self.trouble(asked) = None;
    }

    /// Whether this trouble was not told last time.
    pub(crate) fn is_news(&mut self, asked: Asked, trouble: &str) -> bool {
        let known = self.trouble(asked);
        let is_news = known.as_deref() != Some(trouble);
        *known = Some(trouble.to_owned());
        is_news
    }

    fn trouble(&mut self, asked: Asked) -> &mut Option<String> {
        match asked {
            Asked::Blocked => &mut self.blocked_trouble,
            Asked::Waits => &mut self.waits_trouble,
            Asked::Tables => &mut self.tables_trouble,
        }
    }

    /// The tables as the observer saw them; the event, if they look different.
    pub(crate) fn commit(&mut self, tables: WatchedTables, fx: &Effects) -> Option<Event> {
        self.clear_trouble(Asked::Tables);
        self.committed = tables;
        self.tell(fx)
    }

    /// What a session has changed in private is this now.
    pub(crate) fn change(
        &mut self,
        session: SessionName,
        changes: Vec<PrivateChange>,
        fx: &Effects,
    ) -> Option<Event> {
        self.private.insert(session, changes);
        self.tell(fx)
    }

    /// A session has nothing private any more.
    pub(crate) fn let_go(&mut self, session: &SessionName, fx: &Effects) -> Option<Event> {
        self.private.remove(session);
        self.tell(fx)
    }

    /// The tables without what a lost session held. The next look may be long in coming: the whole
    /// server may be gone.
    pub(crate) fn forget(&mut self, session: &SessionName, fx: &Effects) -> Option<Event> {
        self.committed.forget(session);
        self.let_go(session, fx)
    }

    fn tell(&mut self, fx: &Effects) -> Option<Event> {
        let tables = overlay(&self.committed, &self.private);
        if self.tables.as_deref() == Some(&tables) {
            return None;
        }
        let tables = Arc::new(tables);
        self.tables = Some(Arc::clone(&tables));
        Some(fx.event(None, Kind::WatchedTables(tables)))
    }
}
