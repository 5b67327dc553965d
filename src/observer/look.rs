//! From one look at a table to what is shown of it.

use std::collections::HashMap;

use super::memory::{self, Memory};
use super::people::People;
use super::rows::{SeenHolder, SeenRow};
use super::table::Table;
use super::versions::{Newcomer, Versions};
use crate::core::event::{Pid, SessionName};
use crate::core::seats::{
    Hold, HoldKind, Holder, RowWaiter, SeatColumns, Unread, WatchedRow, WatchedTable,
};
use crate::core::syntax::identifier;

/// What was read of one table.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) table: Table,
    /// Its name as the scenario wrote it.
    pub(super) label: String,
    pub(super) seats: Option<SeatColumns>,
    pub(super) seen: Seen,
    /// What is left out of its rows, where it is too large to be read whole.
    pub(super) sampled: Option<Unread>,
}

/// What was read of a table, if its lock was to be had.
#[derive(Debug)]
pub(super) enum Seen {
    /// Somebody keeps everybody out.
    Shut,
    /// The rows, and the versions where the pages can be read.
    Open(Vec<SeenRow>, Option<Versions>),
    /// It could not be read.
    Unread(Unread),
}

impl Look {
    /// Everybody who has to be named.
    pub(super) fn pids(&self) -> Vec<Pid> {
        let mut pids: Vec<Pid> = self.table.shut_by().into_iter().collect();
        if let Seen::Open(rows, versions) = &self.seen {
            pids.extend(rows.iter().flat_map(SeenRow::pids));
            pids.extend(versions.iter().flat_map(Versions::pids));
        }
        pids
    }

    /// The look as it is shown and as it is remembered.
    pub(super) fn told(self, people: &People<'_>, before: Option<&Memory>) -> Memory {
        match self.seen {
            Seen::Shut => shut(&self.table, self.label, self.seats, people, before),
            Seen::Unread(why) => unread(&self.table, self.label, self.seats, why, before),
            Seen::Open(ref rows, ref versions) => {
                let fold = Fold { look: &self, versions: versions.as_ref(), people, before };
                let (shown, kinds) = fold.table(rows);
                Memory::of(before, rows, &kinds, shown)
            }
        }
    }
}

/// A shut table is shown as it was last seen.
fn shut(
    table: &Table,
    label: String,
    seats: Option<SeatColumns>,
    people: &People<'_>,
    before: Option<&Memory>,
) -> Memory {
    let by = match table.shut_by() {
        Some(pid) => people.holder(pid),
        None => Holder::Foreign("somebody".to_owned()),
    };
    let mut memory = last_look(table, label, seats, before);
    // One that was shut only when it was read is somebody's, and whether he has the lock yet is not
    // known.
    let (locked_by, lock_wanted_by) =
        if table.is_locked { (Some(by), None) } else { (None, Some(by)) };
    memory.shown.locked_by = locked_by;
    memory.shown.lock_wanted_by = lock_wanted_by;
    memory
}

/// A table as it was last seen, or without rows where this is the first look.
fn last_look(
    table: &Table,
    label: String,
    seats: Option<SeatColumns>,
    before: Option<&Memory>,
) -> Memory {
    let first = || Memory::of(None, &[], &HashMap::new(), empty(table, label, seats));
    before.map_or_else(first, unhindered)
}

/// What was last seen, without what stood in the way then: that need not stand in the way now.
fn unhindered(before: &Memory) -> Memory {
    let mut memory = before.clone();
    memory.shown.locked_by = None;
    memory.shown.lock_wanted_by = None;
    memory.shown.unread = None;
    memory
}

/// A table that could not be read is shown as it was last seen, with the reason.
fn unread(
    table: &Table,
    label: String,
    seats: Option<SeatColumns>,
    why: Unread,
    before: Option<&Memory>,
) -> Memory {
    let mut memory = last_look(table, label, seats, before);
    memory.shown.unread = Some(why);
    memory
}

/// A name that no table has.
pub(super) fn missing(name: &str) -> WatchedTable {
    WatchedTable { unread: Some(Unread::Missing), ..bare(name.to_owned(), None, Vec::new()) }
}

/// A name that the server refuses to look up.
pub(super) fn refused(name: &str, why: String) -> WatchedTable {
    WatchedTable { unread: Some(Unread::Refused(why)), ..missing(name) }
}

fn empty(table: &Table, name: String, seats: Option<SeatColumns>) -> WatchedTable {
    bare(name, seats, table.columns.clone())
}

/// A table without rows, of which nothing else is known.
fn bare(name: String, seats: Option<SeatColumns>, columns: Vec<String>) -> WatchedTable {
    WatchedTable {
        name,
        seats,
        columns,
        places: Vec::new(),
        rows: 0,
        locked_by: None,
        lock_wanted_by: None,
        unseen_inserts: Vec::new(),
        unread: None,
    }
}

struct Fold<'a> {
    look: &'a Look,
    versions: Option<&'a Versions>,
    people: &'a People<'a>,
    before: Option<&'a Memory>,
}

impl Fold<'_> {
    /// The table, and what each row's lone holder has done.
    fn table(&self, rows: &[SeenRow]) -> (WatchedTable, HashMap<String, HoldKind>) {
        let mut kinds = HashMap::new();
        let mut shown = empty(&self.look.table, self.look.label.clone(), self.look.seats.clone());
        shown.rows = rows.first().map_or(0, |row| row.total.unsigned_abs());
        if self.look.sampled.is_some() {
            shown.rows = self.look.table.estimate().unwrap_or(shown.rows).max(shown.rows);
            shown.unread.clone_from(&self.look.sampled);
        }
        shown.places = rows.iter().map(|row| self.place(row, &mut kinds)).collect();
        match self.versions {
            Some(versions) => self.seat_newcomers(versions, &mut shown),
            None => shown.unseen_inserts = self.silent_writers(&shown.places),
        }
        (shown, kinds)
    }

    fn place(&self, row: &SeenRow, kinds: &mut HashMap<String, HoldKind>) -> WatchedRow {
        let mut holders: Vec<Hold> = Vec::new();
        let mut seen: Vec<&SeenHolder> = row.holders().iter().collect();
        // `json_agg` gives the holders in whatever order the plan came upon them.
        seen.sort_by_key(|holder| holder.xid);
        for seen in seen {
            let hold = self.hold(row, seen);
            if row.holders().len() == 1 {
                kinds.insert(row.name(), hold.kind);
            }
            join(&mut holders, hold);
        }
        let key = row.name();
        // A transaction's id tells when it first wrote or locked anything, not when it came to this
        // row.
        self.in_order_of_arrival(&key, &mut holders);
        let waiters = row.waiters().iter().map(|waiter| RowWaiter {
            who: self.people.holder(waiter.pid),
            wants: waiter.wants.clone().unwrap_or_default(),
        });
        let waiters = waiters.collect();
        WatchedRow { key, values: row.columns.clone(), committed: true, holders, waiters }
    }

    fn hold(&self, row: &SeenRow, seen: &SeenHolder) -> Hold {
        let kind = self.kind(row, seen);
        let column = self.seat_holder_column();
        let becomes = match (self.versions, column, kind) {
            (Some(versions), Some(column), HoldKind::Write) => {
                versions.becomes(&row.tid, &self.look.table, column)
            }
            _ => None,
        };
        let suspects = memory::suspects(self.before, seen, row.waiters());
        Hold { holder: self.people.one_of(&suspects), kind, becomes }
    }

    fn kind(&self, row: &SeenRow, seen: &SeenHolder) -> HoldKind {
        let guess = memory::kind(self.before, row, seen.mode);
        match self.versions {
            Some(versions)
                // A member's mode `upd` is a DELETE or an UPDATE of the key
                // (`MultiXactStatusUpdate`, multixact.h).
                if guess == HoldKind::Write && versions.is_deleted(&row.tid, row.xmax) =>
            {
                HoldKind::Delete
            }
            Some(versions) => versions.hold(&row.tid, row.xmax).unwrap_or(guess),
            None => guess,
        }
    }

    fn seat_holder_column(&self) -> Option<usize> {
        self.look.table.column(&self.look.seats.as_ref()?.holder)
    }

    /// Whoever was shown first stays first.
    fn in_order_of_arrival(&self, key: &str, holders: &mut [Hold]) {
        if holders.len() < 2 {
            return;
        }
        let earlier =
            self.before.and_then(|b| b.shown.places.iter().find(|place| place.key == key));
        holders.sort_by_key(|hold| {
            let place = |p: &WatchedRow| p.holders.iter().position(|h| h.holder == hold.holder);
            earlier.and_then(place).unwrap_or(usize::MAX)
        });
    }

    fn seat_newcomers(&self, versions: &Versions, shown: &mut WatchedTable) {
        for newcomer in versions.newcomers(&self.look.table) {
            let holder = self.people.one_of(&newcomer.writers);
            match &newcomer.key {
                Some(key) => match shown.places.iter().position(|place| place.key == *key) {
                    Some(at) => self.replace(&mut shown.places[at], &holder, &newcomer),
                    None => shown.places.push(fresh(key.clone(), holder, newcomer)),
                },
                None if self.look.table.key.is_none() => {
                    let key = format!("new row {}", shown.places.len() + 1);
                    shown.places.push(fresh(key, holder, newcomer));
                }
                // A part of the key cannot be read: shown as a place of its own, the row might
                // stand there twice.
                None => note_unseen(&mut shown.unseen_inserts, holder),
            }
        }
    }

    /// A row that was deleted and inserted again under the same key, in one transaction.
    fn replace(&self, place: &mut WatchedRow, holder: &Holder, newcomer: &Newcomer) {
        let becomes = self.seat_holder_column().and_then(|c| newcomer.values.get(c).cloned());
        if let Some(hold) = place.holders.iter_mut().find(|hold| hold.holder == *holder) {
            hold.kind = HoldKind::Write;
            hold.becomes = becomes;
        }
    }

    /// Writers with nothing to show for it have, most likely, inserted rows.
    fn silent_writers(&self, places: &[WatchedRow]) -> Vec<SessionName> {
        // A writer in a row's queue has its transaction id already, and nothing written yet.
        let waits = |name: &SessionName| {
            let mut queues = places.iter().flat_map(|place| &place.waiters);
            queues.any(|waiter| names(&waiter.who, name))
        };
        let writes = |name: &SessionName| {
            let mut holds = places.iter().flat_map(|place| &place.holders);
            holds.any(|hold| hold.kind.is_change() && names(&hold.holder, name))
        };
        let suspects = self.look.table.writers().filter_map(|pid| self.people.session(pid));
        let mut silent: Vec<SessionName> =
            suspects.filter(|name| !writes(name) && !waits(name)).cloned().collect();
        silent.sort();
        silent
    }
}

fn names(holder: &Holder, name: &SessionName) -> bool {
    match holder {
        Holder::Session(session) => session == name,
        Holder::OneOf(sessions) => sessions.contains(name),
        Holder::Prepared | Holder::Foreign(_) => false,
    }
}

fn fresh(key: String, holder: Holder, newcomer: Newcomer) -> WatchedRow {
    let hold = Hold { holder, kind: HoldKind::Insert, becomes: None };
    WatchedRow {
        key,
        values: newcomer.values,
        committed: false,
        holders: vec![hold],
        waiters: Vec::new(),
    }
}

fn note_unseen(unseen: &mut Vec<SessionName>, holder: Holder) {
    let names = match holder {
        Holder::Session(name) => vec![name],
        Holder::OneOf(names) => names,
        Holder::Prepared | Holder::Foreign(_) => Vec::new(),
    };
    unseen.extend(names);
    unseen.sort();
    unseen.dedup();
}

/// A session that first locked and then changed a row, in savepoints of one transaction, holds it
/// once: by the stronger of the two.
pub(super) fn join(holders: &mut Vec<Hold>, hold: Hold) {
    match holders.iter_mut().find(|known| known.holder == hold.holder) {
        Some(known) if known.kind < hold.kind => *known = hold,
        Some(_) => {}
        None => holders.push(hold),
    }
}

/// Whether the seat map names this table.
pub(super) fn is_seat_map(seats: &SeatColumns, label: &str) -> bool {
    identifier(&seats.table) == identifier(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stood_in_the_way_of_the_last_look_is_not_told_of_the_next() {
        let shown = WatchedTable {
            locked_by: Some(Holder::Foreign("somebody".to_owned())),
            lock_wanted_by: Some(Holder::Foreign("somebody else".to_owned())),
            rows: 7,
            ..missing("seats")
        };
        let memory = unhindered(&Memory::of(None, &[], &HashMap::new(), shown));
        let expected = WatchedTable { unread: None, rows: 7, ..missing("seats") };
        assert_eq!(memory.shown, expected);
    }
}
