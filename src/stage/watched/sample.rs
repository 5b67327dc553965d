//! Houses for tests: the picture of the console's design, and larger ones.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::{Contrasts, Flashes, Marks, Touched, Watched};
use crate::core::event::SessionName;
use crate::core::seats::{
    Hold, HoldKind, Holder, RowWaiter, SeatColumns, WatchedRow, WatchedTable, WatchedTables,
};

static DARK: LazyLock<Flashes> = LazyLock::new(Flashes::default);
static UNTOUCHED: LazyLock<Touched> = LazyLock::new(Touched::default);
static ALIKE: LazyLock<Contrasts> = LazyLock::new(Contrasts::default);

/// No row is marked.
pub(crate) fn unmarked() -> Marks<'static> {
    Marks { flashes: &DARK, touched: &UNTOUCHED, contrasts: &ALIKE, now: Duration::ZERO }
}

/// One look after another.
pub(crate) fn changed(before: WatchedTables, after: WatchedTables, now: Duration) -> Watched {
    let mut watched = Watched::default();
    watched.apply(&Arc::new(before), now);
    watched.apply(&Arc::new(after), now);
    watched
}

pub(crate) fn session(name: &str) -> Holder {
    Holder::Session(SessionName::new(name))
}

pub(crate) fn hold(name: &str, kind: HoldKind) -> Hold {
    Hold { holder: session(name), kind, becomes: None }
}

pub(crate) fn becoming(name: &str, kind: HoldKind, becomes: Option<&str>) -> Hold {
    Hold { becomes: Some(becomes.map(str::to_owned)), ..hold(name, kind) }
}

pub(crate) fn waiter(name: &str) -> RowWaiter {
    RowWaiter { who: session(name), wants: "update".to_owned() }
}

pub(crate) fn place(key: &str, values: &[Option<&str>]) -> WatchedRow {
    WatchedRow {
        key: key.to_owned(),
        values: values.iter().map(|value| value.map(str::to_owned)).collect(),
        committed: true,
        holders: Vec::new(),
        waiters: Vec::new(),
    }
}

pub(crate) fn table(name: &str, columns: &[&str], places: Vec<WatchedRow>) -> WatchedTable {
    WatchedTable {
        name: name.to_owned(),
        seats: None,
        columns: columns.iter().map(|&column| column.to_owned()).collect(),
        rows: places.len() as u64,
        places,
        locked_by: None,
        lock_wanted_by: None,
        unseen_inserts: Vec::new(),
        unread: None,
    }
}

pub(crate) fn seats(compartment: Option<&str>, places: Vec<WatchedRow>) -> WatchedTables {
    let columns = compartment.into_iter().chain(["seat_row", "seat_number", "booked_by"]);
    let seats = SeatColumns {
        table: "seats".to_owned(),
        compartment: compartment.map(str::to_owned),
        row: "seat_row".to_owned(),
        number: "seat_number".to_owned(),
        holder: "booked_by".to_owned(),
    };
    let table = table("seats", &columns.collect::<Vec<_>>(), places);
    WatchedTables { tables: vec![WatchedTable { seats: Some(seats), ..table }], blind: Vec::new() }
}

/// The adjacent seats before anybody has begun.
pub(crate) fn opening_night() -> WatchedTables {
    let holders = [Some("Carol"), None, Some("Oscar"), None, None, Some("Carlos"), Some("Charlie")];
    let places = holders.into_iter().zip(1..).map(|(holder, number)| {
        place(&format!("A-{number}"), &[Some("A"), Some(&number.to_string()), holder])
    });
    seats(None, places.collect())
}

/// The state that CONSOLE's picture shows: Bob has changed A-4, Alice holds A-5, Mallory waits.
pub(crate) fn picture() -> WatchedTables {
    let mut watched_tables = opening_night();
    let places = &mut watched_tables.tables[0].places;
    places[3].holders.push(hold("Bob", HoldKind::Write));
    places[3].waiters.push(waiter("Mallory"));
    places[4].holders.push(hold("Alice", HoldKind::Update));
    watched_tables
}

/// The same house, of which these have these seats by the committed rows, and nobody the others.
pub(crate) fn held_by(holders: &[(&str, &str)]) -> WatchedTables {
    let mut tables = picture();
    let seats = &mut tables.tables[0];
    let holder = seats.seats.as_ref().unwrap().holder.clone();
    let column = seats.columns.iter().position(|name| *name == holder).unwrap();
    for place in &mut seats.places {
        let named = holders.iter().find(|(key, _)| *key == place.key);
        place.values[column] = named.map(|(_, who)| (*who).to_owned());
        place.committed = true;
    }
    tables
}

/// Six hundred seats in three compartments of so many rows, with a few of every state.
pub(crate) fn cinema(rows: u32) -> WatchedTables {
    let a_row = 200 / rows;
    let mut places = Vec::new();
    for (compartment, title) in (0_u32..).zip(["First", "Second", "Third"]) {
        for (row, letter) in (0..rows).zip('A'..) {
            for number in 1..=a_row {
                let booked = (row * 7 + number * 3 + compartment).is_multiple_of(4);
                let key = format!("{title}-{letter}-{number}");
                let holder = booked.then_some("Carol");
                let values =
                    [Some(title), Some(&letter.to_string()), Some(&number.to_string()), holder]
                        .map(|value| value.map(ToString::to_string));
                let mut seat = place(&key, &[]);
                seat.values = values.to_vec();
                places.push(seat);
            }
        }
    }
    places[24].holders.push(hold("Bob", HoldKind::Write));
    places[24].waiters.extend([waiter("Mallory"), waiter("Trent")]);
    places[31].holders.push(hold("Alice", HoldKind::Update));
    places[333].holders.push(hold("Mallory", HoldKind::Write));
    seats(Some("compartment"), places)
}
