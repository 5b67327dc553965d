//! A table's rows as `rows.sql` tells them: values, holders, queue.

use serde::Deserialize;
use sqlx::FromRow;
use sqlx::types::Json;

use crate::core::event::Pid;
use crate::core::seats::HoldKind;

/// A committed row and who stands around it.
#[derive(Clone, Debug, FromRow)]
pub(super) struct SeenRow {
    /// The primary key, or none where the table has none.
    pub(super) key: Option<String>,
    /// The row's number in key order, from 1.
    pub(super) n: i64,
    pub(super) columns: Vec<Option<String>>,
    /// Where the version lies: `(0,4)`.
    pub(super) tid: String,
    pub(super) xmax: i64,
    /// The raw command number.
    pub(super) command: i64,
    /// How many rows the table has.
    pub(super) total: i64,
    holders: Option<Json<Vec<SeenHolder>>>,
    waiters: Option<Json<Vec<SeenWaiter>>>,
}

impl SeenRow {
    pub(super) fn holders(&self) -> &[SeenHolder] {
        self.holders.as_ref().map_or(&[], |holders| &holders.0)
    }

    pub(super) fn waiters(&self) -> &[SeenWaiter] {
        self.waiters.as_ref().map_or(&[], |waiters| &waiters.0)
    }

    /// The row's name on the screen.
    pub(super) fn name(&self) -> String {
        self.key.clone().unwrap_or_else(|| format!("row {}", self.n))
    }

    /// What tells the row from others when somebody waits for it.
    pub(super) fn identity(&self) -> String {
        self.key.clone().unwrap_or_else(|| by_values(&self.columns))
    }

    /// Everybody around the row.
    pub(super) fn pids(&self) -> impl Iterator<Item = Pid> {
        let holders = self.holders().iter().flat_map(|holder| holder.pids.iter().copied());
        holders.chain(self.waiters().iter().map(|waiter| waiter.pid))
    }
}

/// A row as the queries tell it that are about a few rows of one table.
#[derive(Clone, Debug, FromRow)]
pub(super) struct FoundRow {
    pub(super) tid: String,
    key: Option<String>,
    pub(super) columns: Vec<Option<String>>,
}

impl FoundRow {
    /// What tells the row from others.
    pub(super) fn identity(&self) -> String {
        self.key.clone().unwrap_or_else(|| by_values(&self.columns))
    }
}

/// The most characters of a row without a key.
const WIDEST: usize = 40;

/// A row without a key is told by its values: where it lies differs from run to run, and so does
/// its number.
fn by_values(columns: &[Option<String>]) -> String {
    let values: Vec<&str> = columns.iter().map(|it| it.as_deref().unwrap_or("null")).collect();
    let whole = values.join(", ");
    match whole.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("({}…)", &whole[..end]),
        None => format!("({whole})"),
    }
}

/// A running transaction that has locked or changed a row.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct SeenHolder {
    /// Its backend; one of these when there are several.
    pub(super) pids: Vec<Pid>,
    /// Its transaction or savepoint.
    pub(super) xid: i64,
    pub(super) mode: SeenMode,
}

/// What `rows.sql` can say about a hold: the members of a multixact carry their exact mode, a lone
/// xmax does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum SeenMode {
    #[serde(rename = "keysh")]
    KeyShare,
    #[serde(rename = "sh")]
    Share,
    #[serde(rename = "fornokeyupd")]
    NoKeyUpdate,
    #[serde(rename = "forupd")]
    Update,
    #[serde(rename = "nokeyupd", alias = "upd", alias = "write")]
    Write,
    #[serde(rename = "lock")]
    Lock,
    #[serde(rename = "lock or write")]
    LockOrWrite,
}

impl From<SeenMode> for HoldKind {
    fn from(mode: SeenMode) -> Self {
        match mode {
            SeenMode::KeyShare => Self::KeyShare,
            SeenMode::Share => Self::Share,
            SeenMode::NoKeyUpdate => Self::NoKeyUpdate,
            SeenMode::Update => Self::Update,
            SeenMode::Write => Self::Write,
            SeenMode::Lock => Self::Lock,
            SeenMode::LockOrWrite => Self::LockOrWrite,
        }
    }
}

/// Somebody in a row's queue.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct SeenWaiter {
    pub(super) pid: Pid,
    /// Whom the first of the queue waits for.
    pub(super) blocked_by: Option<Vec<Pid>>,
    pub(super) wants: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_a_key_is_told_by_its_values() {
        assert_eq!(by_values(&[Some("first".to_owned()), None]), "(first, null)");
        let long = by_values(&[Some("ä".repeat(50))]);
        assert_eq!(long, format!("({}…)", "ä".repeat(40)));
    }
}
