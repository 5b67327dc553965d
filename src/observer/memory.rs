//! What the last look at a table showed: it sharpens the next one, and stands in for it while the
//! table is shut.
//!
//! Three things are only known by comparing. *Whose* a released savepoint is: its id was seen in
//! the lock table before. *What* a lone holder of a row did, where the header bits cannot be read:
//! UPDATE and DELETE overwrite the row's cmin with the number of their command, a row lock leaves
//! it alone. And the order in which holders came.

use std::collections::HashMap;

use super::rows::{SeenHolder, SeenMode, SeenRow, SeenWaiter};
use crate::core::event::Pid;
use crate::core::seats::{HoldKind, WatchedTable};

/// The last look at one table.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    /// As it was shown.
    pub(super) shown: WatchedTable,
    rows: HashMap<String, Remembered>,
    /// What tells a row from others, by its place.
    keys: HashMap<String, String>,
    owners: HashMap<i64, Pid>,
}

/// A row as of the last look.
#[derive(Clone, Debug, Default)]
struct Remembered {
    tid: String,
    xmax: i64,
    /// Its command number when nobody held it.
    quiet: Option<i64>,
    /// What its lone holder had done.
    kind: Option<HoldKind>,
}

impl Memory {
    /// Remembers a look, with what was made of each row's lone holder.
    pub(super) fn of(
        before: Option<&Self>,
        rows: &[SeenRow],
        kinds: &HashMap<String, HoldKind>,
        shown: WatchedTable,
    ) -> Self {
        let remembered = rows.iter().map(|row| {
            let name = row.name();
            let earlier = before.and_then(|memory| memory.row(row));
            let quiet = match row.holders() {
                // What was rolled back leaves its command number behind. So the number to compare
                // with is that of the last look at which nobody held the row, whatever it is.
                [] => Some(row.command),
                _ => earlier.and_then(|earlier| earlier.quiet),
            };
            let kind = kinds.get(&name).copied();
            (name, Remembered { tid: row.tid.clone(), xmax: row.xmax, quiet, kind })
        });
        Self {
            rows: remembered.collect(),
            keys: rows.iter().map(|row| (row.tid.clone(), row.identity())).collect(),
            owners: owners(before, rows),
            shown,
        }
    }

    /// The key of the row that was at this place.
    pub(super) fn key_at(&self, tid: &str) -> Option<&String> {
        self.keys.get(tid)
    }

    /// The same version of the row, as of the last look.
    fn row(&self, row: &SeenRow) -> Option<&Remembered> {
        // A version at another place is a new one, with a command number of its own.
        self.rows.get(&row.name()).filter(|earlier| earlier.tid == row.tid)
    }
}

/// The transactions of this look whose owner is certain; what an older look knew of the others.
fn owners(before: Option<&Memory>, rows: &[SeenRow]) -> HashMap<i64, Pid> {
    let holders = rows.iter().flat_map(|row| row.holders().iter().map(|h| (h, row.waiters())));
    holders
        .filter_map(|(holder, queue)| match suspects(before, holder, queue)[..] {
            [pid] => Some((holder.xid, pid)),
            _ => None,
        })
        .collect()
}

/// Who the holder can be: one pid when it is certain. A released savepoint is no longer in the lock
/// table; an earlier look may have seen it there, and the server resolves it for the first waiter.
pub(super) fn suspects(
    before: Option<&Memory>,
    holder: &SeenHolder,
    queue: &[SeenWaiter],
) -> Vec<Pid> {
    if holder.pids.len() < 2 {
        return holder.pids.clone();
    }
    if let Some(owner) = before.and_then(|memory| memory.owners.get(&holder.xid)) {
        return vec![*owner];
    }
    let first = queue.iter().find_map(|waiter| waiter.blocked_by.as_ref());
    let named = holder.pids.iter().filter(|pid| first.is_some_and(|by| by.contains(pid)));
    match named.collect::<Vec<_>>()[..] {
        [pid] => vec![*pid],
        _ => holder.pids.clone(),
    }
}

/// What the holder has done, told from command numbers where the server does not say.
pub(super) fn kind(before: Option<&Memory>, row: &SeenRow, mode: SeenMode) -> HoldKind {
    let Some(earlier) = before.and_then(|memory| memory.row(row)) else { return mode.into() };
    if mode != SeenMode::LockOrWrite {
        return mode.into();
    }
    let known = earlier.kind.filter(|_| earlier.xmax == row.xmax);
    match (earlier.quiet, known) {
        (Some(quiet), _) if quiet != row.command => HoldKind::Write,
        (_, Some(HoldKind::Write)) => HoldKind::Write,
        // It was locked first, so a write would bear a command number above 0.
        (Some(0), Some(HoldKind::Lock)) => HoldKind::Lock,
        _ => HoldKind::LockOrWrite,
    }
}
