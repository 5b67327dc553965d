//! Who waits for whom, for what: `waits.sql`, read.

use std::collections::HashMap;

use sqlx::FromRow;
use sqlx::postgres::types::Oid;

use super::people::People;
use crate::event::{Certainty, Pid, Wait, WaitTarget};

/// A waiting session as `waits.sql` tells it.
#[derive(Clone, Debug, Default, FromRow)]
pub(super) struct WaitRow {
    pid: i32,
    blocked_by: Vec<i32>,
    safe_snapshot: Option<bool>,
    locktype: Option<String>,
    mode: Option<String>,
    schema: Option<String>,
    relation: Option<String>,
    relation_oid: Option<Oid>,
    tid: Option<String>,
    wants: Option<String>,
    advisory_key: Option<String>,
    prepared: Option<String>,
}

/// Rows by table and place, translated to their keys.
pub(super) type Keys = HashMap<(Oid, String), String>;

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

    /// The table that is waited for, or whose row is.
    pub(super) fn table(&self) -> Option<(&str, &str)> {
        Some((self.schema.as_deref()?, self.relation.as_deref()?))
    }

    /// The wait in the run's words. `home` is the schema whose tables need no prefix.
    pub(super) fn told(&self, people: &People<'_>, keys: &Keys, home: Option<&str>) -> Wait {
        let prepared = self.prepared.as_ref();
        let blockers = self.blockers().into_iter();
        Wait {
            blockers: blockers.map(|pid| people.blocker(pid, prepared)).collect(),
            target: self.target(keys, home),
            certainty: Certainty::Observed,
        }
    }

    fn target(&self, keys: &Keys, home: Option<&str>) -> WaitTarget {
        if self.safe_snapshot == Some(true) {
            return WaitTarget::SafeSnapshot;
        }
        if let Some((oid, tid)) = self.row() {
            return WaitTarget::Row {
                table: self.table_name(home),
                key: keys.get(&(oid, tid.to_owned())).cloned(),
                wants: self.wants.clone(),
            };
        }
        self.target_without_row(home)
    }

    fn target_without_row(&self, home: Option<&str>) -> WaitTarget {
        match self.locktype.as_deref() {
            Some("transactionid") => WaitTarget::Transaction,
            Some("relation") => WaitTarget::Table {
                table: self.table_name(home),
                mode: self.mode.clone().unwrap_or_default(),
            },
            Some("advisory") => {
                WaitTarget::Advisory { key: self.advisory_key.clone().unwrap_or_default() }
            }
            Some("virtualxid") => WaitTarget::Other("a transaction that is older".to_owned()),
            Some(other) => WaitTarget::Other(other.to_owned()),
            // The leader of a parallel query waits for nothing itself: its workers do.
            None => WaitTarget::Other("a lock that its parallel workers want".to_owned()),
        }
    }

    fn table_name(&self, home: Option<&str>) -> String {
        match self.table() {
            Some((schema, name)) if home.is_none_or(|home| home == schema) => name.to_owned(),
            Some((schema, name)) => format!("{schema}.{name}"),
            None => "a table".to_owned(),
        }
    }
}
