//! The watched tables as they are now, and which of their rows are marked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::core::event::SessionName;
use crate::core::seats::WatchedTables;
use crate::reports::engine_diff::RowDifference;

pub mod contrasts;
pub mod flash;
pub mod plan;
#[cfg(test)]
pub(crate) mod sample;

pub use contrasts::Contrasts;
pub use flash::Flashes;

#[derive(Clone, Debug, Default)]
pub struct Watched {
    tables: Arc<WatchedTables>,
    flashes: Flashes,
    contrasts: Contrasts,
}

/// Which rows are marked at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Marks<'a> {
    flashes: &'a Flashes,
    contrasts: &'a Contrasts,
    now: Duration,
}

impl Marks<'_> {
    /// Whether this row of this table has just changed.
    pub fn is_lit(self, table: &str, key: &str) -> bool {
        self.flashes.is_lit(table, key, self.now)
    }

    /// Whether it is not the same on the engine that this one is compared with.
    pub fn differs(self, table: &str, key: &str) -> bool {
        self.contrasts.has_row(table, key)
    }
}

impl Watched {
    pub fn tables(&self) -> &WatchedTables {
        &self.tables
    }

    /// Which rows are marked at this moment.
    pub fn marks(&self, now: Duration) -> Marks<'_> {
        Marks { flashes: &self.flashes, contrasts: &self.contrasts, now }
    }

    /// What is marked while these rows are lit and no others.
    pub fn marks_of<'a>(&'a self, lit: &'a Flashes) -> Marks<'a> {
        Marks { flashes: lit, contrasts: &self.contrasts, now: Duration::ZERO }
    }

    /// Whether this session was answered otherwise on the engine that this one is compared with.
    pub fn differs_in(&self, session: &SessionName) -> bool {
        self.contrasts.has_session(session)
    }

    /// The same tables as somebody else sees them, who compares nothing.
    pub(super) fn for_others(&self) -> Self {
        Self { tables: Arc::clone(&self.tables), ..Self::default() }
    }

    /// Nothing has been looked at since a fresh setup.
    pub(super) fn begin_anew(&mut self) {
        self.tables = Arc::default();
    }

    /// Folds the tables as they are at this moment.
    pub(super) fn apply(&mut self, tables: &Arc<WatchedTables>, now: Duration) {
        self.flashes.apply(&self.tables, tables, now);
        self.tables = Arc::clone(tables);
    }

    /// These rows and sessions are not the same on the other engine.
    pub(super) fn contrast(&mut self, rows: &[RowDifference], sessions: BTreeSet<SessionName>) {
        self.contrasts = Contrasts::new(rows, sessions);
    }

    /// Nothing is compared any more.
    pub(super) fn end_contrasts(&mut self) {
        self.contrasts = Contrasts::default();
    }

    /// When a light goes out next.
    pub(super) fn next_change(&self, now: Duration) -> Option<Duration> {
        self.flashes.next_change(now)
    }
}
