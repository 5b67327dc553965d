//! A table's row versions as `versions.sql` tells them: what the header bits and the raw columns
//! mean.
//!
//! ```text
//! committed row (0,4)  xmax 812 ──t_ctid──▶ (0,9) xmin 812  ──t_ctid──▶ (0,11): what it becomes
//! uncommitted INSERT   (0,10) xmin 815, not an updated version
//! ```
//!
//! The bits are PostgreSQL's `htup_details.h`, the same from 12 to 18; `tests` has the combinations
//! that `heap_lock_tuple`, `heap_update` and `heap_delete` leave.

use std::collections::HashMap;

use sqlx::FromRow;

use super::attributes;
use super::table::Table;
use crate::core::event::Pid;
use crate::core::seats::HoldKind;

const KEY_SHARE_LOCK: i32 = 0x0010;
const EXCLUSIVE_LOCK: i32 = 0x0040;
const SHARE_LOCK: i32 = KEY_SHARE_LOCK | EXCLUSIVE_LOCK;
const LOCK_ONLY: i32 = 0x0080;
const XMAX_INVALID: i32 = 0x0800;
const XMAX_IS_MULTI: i32 = 0x1000;
const UPDATED: i32 = 0x2000;
/// In the second mask.
const KEYS_UPDATED: i32 = 0x2000;

/// A row version that an unfinished transaction may have made or marked.
#[derive(Clone, Debug, Default, FromRow)]
pub(super) struct Version {
    tid: String,
    next: String,
    xmax: i64,
    bits: i32,
    more_bits: i32,
    /// Whose unfinished transaction made this version.
    writers: Option<Vec<i32>>,
    columns: Option<Vec<Option<Vec<u8>>>>,
    /// Whether xmax is a running transaction, or a multixact whose members nobody has asked for.
    marked: bool,
}

impl Version {
    /// What the transaction in xmax has done to this version, if it is one transaction and the
    /// header tells.
    fn hold(&self) -> Option<HoldKind> {
        if !self.marked || self.bits & (XMAX_INVALID | XMAX_IS_MULTI) != 0 {
            return None;
        }
        if self.bits & LOCK_ONLY == 0 {
            // A deleted version points to itself, an updated one to the next ("A word about t_ctid"
            // in htup_details.h). One that an UPDATE has moved to another partition points nowhere,
            // and so is no deletion either (`ItemPointerSetMovedPartitions`).
            return Some(if self.is_last() { HoldKind::Delete } else { HoldKind::Write });
        }
        // FOR SHARE has the bits of both others (`HEAP_XMAX_SHR_LOCK`), so they are compared
        // together.
        match self.bits & SHARE_LOCK {
            KEY_SHARE_LOCK => Some(HoldKind::KeyShare),
            SHARE_LOCK => Some(HoldKind::Share),
            EXCLUSIVE_LOCK if self.more_bits & KEYS_UPDATED != 0 => Some(HoldKind::Update),
            EXCLUSIVE_LOCK => Some(HoldKind::NoKeyUpdate),
            _ => None,
        }
    }

    /// Whether a multixact in xmax contains a deletion.
    fn is_deleted_among_others(&self) -> bool {
        self.bits & XMAX_IS_MULTI != 0
            && self.bits & (XMAX_INVALID | LOCK_ONLY) == 0
            && self.more_bits & KEYS_UPDATED != 0
            && self.is_last()
    }

    fn is_last(&self) -> bool {
        self.tid == self.next
    }

    fn is_gone(&self) -> bool {
        self.hold() == Some(HoldKind::Delete) || self.is_deleted_among_others()
    }
}

/// A new row that exists so far only in its writer's transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Newcomer {
    /// Its writer; one of these when there are several.
    pub(super) writers: Vec<Pid>,
    /// Its values by column, as far as they can be read.
    pub(super) values: Vec<Option<String>>,
    /// Its key, unless a part of it cannot be read.
    pub(super) key: Option<String>,
}

/// All that a table's pages tell beyond its committed rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Versions {
    by_tid: HashMap<String, Version>,
}

impl Versions {
    pub(super) fn new(versions: Vec<Version>) -> Self {
        Self { by_tid: versions.into_iter().map(|v| (v.tid.clone(), v)).collect() }
    }

    /// What the row's lone holder has done to it. The pages are read a moment after the row:
    /// another xmax by then says nothing.
    pub(super) fn hold(&self, tid: &str, xmax: i64) -> Option<HoldKind> {
        self.by_tid.get(tid).filter(|version| version.xmax == xmax)?.hold()
    }

    /// Whether a multixact's write is a deletion.
    pub(super) fn is_deleted(&self, tid: &str, xmax: i64) -> bool {
        self.by_tid.get(tid).is_some_and(|v| v.xmax == xmax && v.is_deleted_among_others())
    }

    /// What becomes of one column (by its place in the table) once the writer of this row commits.
    pub(super) fn becomes(
        &self,
        tid: &str,
        table: &Table,
        column: usize,
    ) -> Option<Option<String>> {
        let first = self.by_tid.get(self.by_tid.get(tid)?.next.as_str())?;
        let version = self.latest(first);
        if version.writers.is_none() || version.is_gone() {
            return None;
        }
        attributes::decode(table, version.columns.as_deref()?, column)
    }

    /// The values of every version that one of these has made and not committed, by column, as far
    /// as they can be read.
    pub(super) fn made_by(&self, pids: &[Pid], table: &Table) -> Vec<Vec<Option<String>>> {
        let is_theirs = |version: &&Version| {
            let writers = version.writers.iter().flatten();
            // `all` alone is true of a version that nobody unfinished has made. And with several
            // candidates, one who is not among these may be the writer.
            writers.clone().next().is_some() && writers.clone().all(|pid| pids.contains(&Pid(*pid)))
        };
        let values = |version: &Version| {
            let raw = version.columns.as_deref().unwrap_or_default();
            let columns = 0..table.columns.len();
            columns.map(|column| attributes::decode(table, raw, column).flatten()).collect()
        };
        self.by_tid.values().filter(is_theirs).map(values).collect()
    }

    /// The uncommitted new rows.
    pub(super) fn newcomers(&self, table: &Table) -> Vec<Newcomer> {
        let mut fresh: Vec<&Version> =
            self.by_tid.values().filter(|v| self.is_newcomer(v)).collect();
        // The map has no order, and rows must not change their places from one look to the next.
        // The shorter place first: (0,9) comes before (0,10).
        fresh.sort_by(|a, b| a.tid.len().cmp(&b.tid.len()).then_with(|| a.tid.cmp(&b.tid)));
        fresh.into_iter().map(|version| self.newcomer(version, table)).collect()
    }

    fn is_newcomer(&self, version: &Version) -> bool {
        // `HEAP_UPDATED` is on the new half of an UPDATE, whose row is shown already.
        version.writers.is_some() && version.bits & UPDATED == 0 && !self.latest(version).is_gone()
    }

    fn newcomer(&self, first: &Version, table: &Table) -> Newcomer {
        let version = self.latest(first);
        let raw = version.columns.as_deref().unwrap_or_default();
        let known: Vec<Option<Option<String>>> =
            (0..table.columns.len()).map(|column| attributes::decode(table, raw, column)).collect();
        let parts: Option<Vec<String>> =
            table.key_columns().into_iter().map(|column| known[column].clone().flatten()).collect();
        Newcomer {
            writers: first.writers.iter().flatten().copied().map(Pid).collect(),
            key: parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("-")),
            values: known.into_iter().map(Option::flatten).collect(),
        }
    }

    /// A version may have been updated again by its own transaction. The chain is as long as a
    /// transaction has updates of one row; a torn read of two pages must not turn it into a ring.
    fn latest<'a>(&'a self, first: &'a Version) -> &'a Version {
        let mut version = first;
        for _ in 0..self.by_tid.len() {
            match self.by_tid.get(&version.next) {
                Some(next) if !version.is_last() && next.writers.is_some() => version = next,
                _ => break,
            }
        }
        version
    }

    /// Everybody who has made a version.
    pub(super) fn pids(&self) -> impl Iterator<Item = Pid> {
        self.by_tid.values().flat_map(|v| v.writers.iter().flatten().copied()).map(Pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(bits: i32, more_bits: i32, next: &str) -> Version {
        Version {
            tid: "(0,4)".to_owned(),
            next: next.to_owned(),
            xmax: 812,
            bits,
            more_bits,
            marked: true,
            ..Version::default()
        }
    }

    #[test]
    fn the_header_tells_every_lock_mode() {
        let cases = [
            (KEY_SHARE_LOCK | LOCK_ONLY, 0, HoldKind::KeyShare),
            (SHARE_LOCK | LOCK_ONLY, 0, HoldKind::Share),
            (EXCLUSIVE_LOCK | LOCK_ONLY, 0, HoldKind::NoKeyUpdate),
            (EXCLUSIVE_LOCK | LOCK_ONLY, KEYS_UPDATED, HoldKind::Update),
            (0, KEYS_UPDATED, HoldKind::Delete),
        ];
        for (bits, more_bits, kind) in cases {
            assert_eq!(marked(bits, more_bits, "(0,4)").hold(), Some(kind));
        }
        assert_eq!(marked(0, 0, "(0,9)").hold(), Some(HoldKind::Write));
    }

    #[test]
    fn a_multixact_and_an_invalid_xmax_tell_nothing_of_a_lone_holder() {
        assert_eq!(marked(XMAX_IS_MULTI, 0, "(0,4)").hold(), None);
        assert_eq!(marked(XMAX_INVALID, 0, "(0,4)").hold(), None);
    }

    #[test]
    fn a_ring_of_versions_ends() {
        let made = |tid: &str, next: &str| Version {
            tid: tid.to_owned(),
            next: next.to_owned(),
            writers: Some(vec![1]),
            ..Version::default()
        };
        let versions = Versions::new(vec![made("(0,1)", "(0,2)"), made("(0,2)", "(0,1)")]);
        let first = made("(0,1)", "(0,2)");
        assert!(versions.latest(&first).writers.is_some());
    }
}
