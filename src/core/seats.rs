//! What the observer sees of the watched tables, as seats or as plain rows.
//!
//! The same row is a [`WatchedRow`] either way; a scenario that names its seat columns has them
//! drawn as a map, any other table is drawn as a table with its locks by row.

use serde::{Deserialize, Serialize};

use crate::core::event::SessionName;

/// Which table is the seat map, and which of its columns mean what (`-- seats: seats (seat_row,
/// seat_number, booked_by)`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatColumns {
    /// The table's name.
    pub table: String,
    /// The column with the compartment, where there are several.
    pub compartment: Option<String>,
    /// The column with the row.
    pub row: String,
    /// The column with the number.
    pub number: String,
    /// The column with the holder; NULL means free.
    pub holder: String,
}

/// Everything watched, as of one look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedTables {
    /// The watched tables, the seat map first.
    pub tables: Vec<WatchedTable>,
    /// What the engine cannot show, in words for the legend: "row locks cannot be seen on this
    /// engine".
    pub blind: Vec<String>,
}

impl WatchedTables {
    /// A row by its table's name and its key.
    pub fn row(&self, table: &str, key: &str) -> Option<(&WatchedTable, &WatchedRow)> {
        let table = self.tables.iter().find(|watched| watched.name == table)?;
        Some((table, table.places.iter().find(|place| place.key == key)?))
    }

    /// Forgets what a session held, awaited and had not committed: with its connection, the server
    /// takes all of that from it.
    pub fn forget(&mut self, session: &SessionName) {
        for table in &mut self.tables {
            table.forget(session);
        }
    }
}

/// One watched table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedTable {
    /// Its name, as the scenario wrote it.
    pub name: String,
    /// How to read it as a seat map, if it is one.
    pub seats: Option<SeatColumns>,
    /// Column names, in table order.
    pub columns: Vec<String>,
    /// The committed rows, in key order, and the uncommitted new ones as far as they can be seen.
    pub places: Vec<WatchedRow>,
    /// How many committed rows the table has; more than `places` when it is long.
    pub rows: u64,
    /// The session that keeps everybody out (an access exclusive lock), so that the rows are those
    /// of the last look.
    pub locked_by: Option<Holder>,
    /// Who waits to keep everybody out. Whoever comes now has to wait behind it, so that here too
    /// the rows are those of the last look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_wanted_by: Option<Holder>,
    /// Sessions that have inserted rows here that nobody can see yet and that are not among
    /// `places`.
    pub unseen_inserts: Vec<SessionName>,
    /// Why its rows are not those that stand in it now, where they could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Unread>,
}

/// Why the rows of a watched table could not be read, or not all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unread {
    /// There is no such table.
    Missing,
    /// Reading it takes longer than the observer may take.
    TooLarge {
        /// How many rows it has by the planner's estimate, where there is one.
        rows: Option<u64>,
    },
    /// It is too large to be read whole, and a sample of it was: its first rows, and those that
    /// somebody awaits.
    Sampled {
        /// How many rows it has by the planner's estimate, where there is one.
        rows: Option<u64>,
        /// Whether the rows that somebody holds were looked for, too.
        has_held: bool,
    },
    /// The server refuses to read it, in its words.
    Refused(String),
}

impl WatchedTable {
    fn forget(&mut self, session: &SessionName) {
        for place in &mut self.places {
            place.holders.retain(|hold| !hold.holder.is(session));
            place.waiters.retain(|waiter| !waiter.who.is(session));
        }
        // A row that is not committed was its writer's alone. `rows` stays: it counts what is
        // committed.
        self.places.retain(|place| place.committed || !place.holders.is_empty());
        self.locked_by.take_if(|holder| holder.is(session));
        self.lock_wanted_by.take_if(|holder| holder.is(session));
        self.unseen_inserts.retain(|writer| writer != session);
    }
}

/// One row: committed values, and who holds, changes, awaits it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedRow {
    /// The primary key's values joined by a hyphen (`A-4`), or the row's number where there is no
    /// key.
    pub key: String,
    /// The committed values by column; of an uncommitted new row, what is known of it.
    pub values: Vec<Option<String>>,
    /// Whether the row is committed, or exists so far only in its writer's transaction.
    pub committed: bool,
    /// Row locks and uncommitted changes, in the order in which they were first seen.
    pub holders: Vec<Hold>,
    /// Who waits for this row, in the queue's order.
    pub waiters: Vec<RowWaiter>,
}

impl WatchedRow {
    /// Whether somebody holds, changes or awaits it.
    pub fn is_contested(&self) -> bool {
        !self.committed || !self.holders.is_empty() || !self.waiters.is_empty()
    }
}

/// A row lock or an uncommitted change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub holder: Holder,
    /// Merely locked, or changed.
    pub kind: HoldKind,
    /// What the holder's uncommitted change makes of the seat's holder column or of the row, where
    /// it is known (the optimistic engine knows): `Some(None)` frees the seat.
    pub becomes: Option<Option<String>>,
}

/// Who holds a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// A session of this run.
    Session(SessionName),
    /// One of these; the server cannot tell which (a released savepoint).
    OneOf(Vec<SessionName>),
    /// A prepared transaction.
    Prepared,
    /// A backend that is not part of this run, as its `application_name` or process.
    Foreign(String),
}

impl Holder {
    /// Whether it is this session, and nobody else can be meant.
    fn is(&self, session: &SessionName) -> bool {
        matches!(self, Self::Session(name) if name == session)
    }
}

/// What a holder has done to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
// The order is that of strength: whoever holds a row twice is shown by the stronger hold
// (`look::join` in the observer). What is not known comes last, since it may be a write.
pub enum HoldKind {
    KeyShare,
    Share,
    NoKeyUpdate,
    Update,
    /// A row lock whose mode cannot be known.
    Lock,
    /// An uncommitted UPDATE.
    Write,
    /// An uncommitted DELETE.
    Delete,
    /// An uncommitted INSERT.
    Insert,
    /// A lock or a write; the server cannot tell which.
    LockOrWrite,
}

impl HoldKind {
    /// Whether the row may look different once the holder commits.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Write | Self::Delete | Self::Insert | Self::LockOrWrite)
    }
}

/// One waiter in a row's queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowWaiter {
    pub who: Holder,
    /// For which row lock: `update`, `no key update`, `share`, `key share`; empty where it cannot
    /// be known.
    pub wants: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_session_leaves_the_others_and_what_is_committed() {
        let (alice, bob) = (SessionName::new("Alice"), SessionName::new("Bob"));
        let hold = |who: &SessionName| Hold {
            holder: Holder::Session(who.clone()),
            kind: HoldKind::Update,
            becomes: None,
        };
        let waiter = RowWaiter { who: Holder::Session(bob.clone()), wants: "update".into() };
        let place = |key: &str, committed, holders, waiters| WatchedRow {
            key: key.into(),
            values: Vec::new(),
            committed,
            holders,
            waiters,
        };
        let mut table = WatchedTable {
            name: "seats".into(),
            seats: None,
            columns: Vec::new(),
            places: vec![
                place("A-4", true, vec![hold(&bob)], vec![]),
                place("A-5", true, vec![hold(&alice)], vec![waiter]),
                place("A-8", false, vec![hold(&bob)], vec![]),
            ],
            rows: 2,
            locked_by: Some(Holder::Session(bob.clone())),
            lock_wanted_by: Some(Holder::Session(bob.clone())),
            unseen_inserts: vec![bob.clone(), alice.clone()],
            unread: None,
        };
        table.forget(&bob);
        let left =
            [place("A-4", true, vec![], vec![]), place("A-5", true, vec![hold(&alice)], vec![])];
        assert_eq!(table.places, left);
        assert_eq!((table.locked_by, table.lock_wanted_by), (None, None));
        assert_eq!(table.unseen_inserts, [alice]);
    }
}
