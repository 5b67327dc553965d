//! Has anything happened? One small query, so that an idle console asks next to nothing.

use std::time::Instant;

use sqlx::FromRow;
use sqlx::postgres::types::Oid;

use super::{Observer, ObserverError, about};
use crate::core::sql;
use crate::observer::flavor::Source;

/// A sign of life: when two are equal, nothing that the watched tables show has changed in between,
/// unless [`Pulse::is_open`].
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow)]
pub struct Pulse {
    snapshot: String,
    locks: i64,
    statement: String,
    open: bool,
}

impl Pulse {
    /// Whether a transaction that has touched a watched table runs a statement, or one that we may
    /// not see: it may lock row after row without a sign, so look at the tables anyway.
    pub fn is_open(&self) -> bool {
        self.open
    }
}

impl Observer {
    /// The pulse now. A server that is not PostgreSQL underneath has none: there it is always open,
    /// never different.
    pub async fn pulse(&self) -> Result<Pulse, ObserverError> {
        if self.flavor.sight.rows != Source::PostgreSql {
            return Ok(Pulse { open: true, ..Pulse::default() });
        }
        let oids: Vec<Oid> = self.state().memory.keys().copied().collect();
        sqlx::query_as(sql::observer::PULSE)
            .bind(oids)
            .fetch_one(&self.pool)
            .await
            .map_err(about("whether anything has happened"))
    }

    /// Whether a large table was last looked at without a scan for held rows, for which it is time
    /// now. It is said once.
    pub(crate) fn is_scan_due(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        let due = state.samples.values_mut().filter(|it| it.is_behind && !it.is_fresh(now));
        due.map(|it| it.is_behind = false).count() > 0
    }
}
