//! The watched tables as they are now, and which of their rows are marked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::core::event::SessionName;
use crate::core::seats::{WatchedRow, WatchedTables};
use crate::reports::engine_diff::RowDifference;

pub mod contrasts;
pub mod flash;
pub mod plan;
#[cfg(test)]
pub(crate) mod sample;
pub mod touched;

pub use contrasts::Contrasts;
pub use flash::Flashes;
pub use touched::Touched;

#[derive(Clone, Debug, Default)]
pub struct Watched {
    tables: Arc<WatchedTables>,
    flashes: Flashes,
    touched: Touched,
    contrasts: Contrasts,
}

/// How much a row matters to whoever looks, the least first. Where not every row has room, this
/// says which ones go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    #[default]
    Quiet,
    /// It was held, awaited or changed since the fresh setup.
    Touched,
    /// Somebody holds it, or has changed it and not committed.
    Held,
    Awaited,
}

/// Which rows are marked at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Marks<'a> {
    flashes: &'a Flashes,
    touched: &'a Touched,
    contrasts: &'a Contrasts,
    now: Duration,
}

impl Marks<'_> {
    /// Whether this row of this table has just changed.
    pub fn is_lit(self, table: &str, key: &str) -> bool {
        self.flashes.is_lit(table, key, self.now)
    }

    /// How much this row of this table matters.
    pub fn weight(self, table: &str, row: &WatchedRow) -> Weight {
        if !row.waiters.is_empty() {
            Weight::Awaited
        } else if row.is_contested() {
            Weight::Held
        } else if self.touched.has(table, &row.key) || self.differs(table, &row.key) {
            Weight::Touched
        } else {
            Weight::Quiet
        }
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
        let Self { flashes, touched, contrasts, .. } = self;
        Marks { flashes, touched, contrasts, now }
    }

    /// What is marked while these rows are lit and no others.
    pub fn marks_of<'a>(&'a self, lit: &'a Flashes) -> Marks<'a> {
        Marks { flashes: lit, ..self.marks(Duration::ZERO) }
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
        self.touched = Touched::default();
    }

    /// Folds the tables as they are at this moment.
    pub(super) fn apply(&mut self, tables: &Arc<WatchedTables>, now: Duration) {
        self.flashes.apply(&self.tables, tables, now);
        self.touched.apply(&self.tables, tables);
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
