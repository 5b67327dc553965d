//! Who waits for whom: `waits.sql`, read. What for is told in words by [`targets`](super::targets).

use sqlx::FromRow;
use sqlx::postgres::types::Oid;

use crate::core::event::Pid;

/// A waiting session as `waits.sql` tells it.
#[derive(Clone, Debug, Default, FromRow)]
pub(super) struct WaitRow {
    pid: i32,
    blocked_by: Vec<i32>,
    pub(super) safe_snapshot: bool,
    pub(super) locktype: Option<String>,
    pub(super) mode: Option<String>,
    schema: Option<String>,
    relation: Option<String>,
    pub(super) relation_oid: Option<Oid>,
    /// What the relation is: `table`, `index`.
    pub(super) kind: Option<String>,
    tid: Option<String>,
    pub(super) wants: Option<String>,
    pub(super) advisory_key: Option<String>,
    /// The transaction that is waited for.
    pub(super) transaction: Option<String>,
    /// Whether the lock is of this database, or of none.
    pub(super) here: bool,
    /// The catalog of an object that is waited for, the object, and its part.
    pub(super) class: Option<Oid>,
    pub(super) object: Option<Oid>,
    pub(super) part: Option<i32>,
    /// The same for as long as the wait is.
    pub(super) sign: String,
    pub(super) prepared: Option<String>,
}

impl WaitRow {
    pub(super) fn pid(&self) -> Pid {
        Pid(self.pid)
    }

    /// Everybody in the way, each once: parallel workers repeat theirs.
    pub(super) fn blockers(&self) -> Vec<Pid> {
        let mut pids: Vec<Pid> = Vec::new();
        for pid in self.blocked_by.iter().copied().map(Pid) {
            if !pids.contains(&pid) {
                pids.push(pid);
            }
        }
        pids
    }

    /// The table and place of the row that is waited for.
    pub(super) fn row(&self) -> Option<(Oid, &str)> {
        Some((self.relation_oid?, self.tid.as_deref()?))
    }

    /// The relation that is waited for, or whose row is, with its schema.
    pub(super) fn relation(&self) -> Option<(&str, &str)> {
        Some((self.schema.as_deref()?, self.relation.as_deref()?))
    }
}
