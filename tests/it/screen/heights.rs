//! How map, panes and script share the height, from a small terminal to a large one.

use super::*;

const FROM_SMALL_TO_LARGE: [(u16, u16); 5] = [(60, 18), (80, 24), (120, 40), (200, 50), (300, 80)];

fn frames(name: &str, sizes: &[(u16, u16)], play: impl Fn(&mut Stage)) {
    for size in sizes {
        let mut stage = Stage::opened(Charset::Unicode, *size);
        play(&mut stage);
        insta::assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), stage.frame());
    }
}

fn row(key: &str, values: &[&str]) -> WatchedRow {
    WatchedRow {
        key: key.to_owned(),
        values: values.iter().map(|value| Some((*value).to_owned())).collect(),
        committed: true,
        holders: Vec::new(),
        waiters: Vec::new(),
    }
}

fn table(name: &str, columns: &[&str], places: Vec<WatchedRow>) -> WatchedTable {
    WatchedTable {
        name: name.to_owned(),
        seats: None,
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        rows: places.len() as u64,
        places,
        locked_by: None,
        lock_wanted_by: None,
        unseen_inserts: Vec::new(),
        unread: None,
    }
}

/// Shows and bookings: Bob holds the last booking, and Mallory waits for it.
fn two_tables() -> WatchedTables {
    let show = |at: usize| row(&at.to_string(), &[&at.to_string(), "Hamlet", "2026-11-29"]);
    let booking = |at: usize| row(&at.to_string(), &[&at.to_string(), "2", "A-4"]);
    let columns = ["number", "show", "seat"];
    let mut bookings = table("bookings", &columns, (1..=9).map(booking).collect());
    bookings.places[8].holders.push(Hold {
        holder: Holder::Session(SessionName::new("Bob")),
        kind: HoldKind::Write,
        becomes: None,
    });
    bookings.places[8].waiters.push(waiter("Mallory"));
    let shows = table("shows", &["number", "title", "day"], (1..=4).map(show).collect());
    WatchedTables { tables: vec![shows, bookings], blind: Vec::new() }
}

/// Six hundred seats in three compartments: Bob and Alice have one each, far apart.
fn cinema() -> WatchedTables {
    let mut tables = watched_tables(&[], &[]);
    let table = &mut tables.tables[0];
    let columns = table.seats.as_mut().unwrap();
    columns.compartment = Some("compartment".to_owned());
    table.columns.insert(0, "compartment".to_owned());
    let seats = ["Stalls", "Circle", "Gallery"].into_iter().flat_map(|part| {
        let rows = ('A'..='J').flat_map(|letter| (1..=20).map(move |number| (letter, number)));
        rows.map(move |(letter, number)| {
            let [letter, number] = [letter.to_string(), number.to_string()];
            let mut seat = row(&format!("{part}-{letter}-{number}"), &[part, &letter, &number]);
            seat.values.push(None);
            seat
        })
    });
    "cinema".clone_into(&mut table.name);
    table.places = seats.collect();
    table.rows = 600;
    for (place, who) in [(24, "Bob"), (577, "Alice")] {
        let holder = Holder::Session(SessionName::new(who));
        table.places[place].holders.push(Hold { holder, kind: HoldKind::Write, becomes: None });
    }
    table.places[24].waiters.push(waiter("Mallory"));
    tables
}

#[test]
fn the_picture_on_a_small_and_on_a_large_screen() {
    frames("picture", &[(60, 18), (300, 80)], Stage::picture);
}

#[test]
fn two_tables_both_show_their_rows() {
    frames("two-tables", &FROM_SMALL_TO_LARGE, |stage| {
        stage.picture();
        stage.happens(None, Kind::WatchedTables(Arc::new(two_tables())));
        let frame = stage.frame();
        for shown in ["Hamlet", "● Bob", "⏳ Mal"] {
            assert!(frame.contains(shown), "{shown}:\n{frame}");
        }
    });
}

#[test]
fn six_hundred_seats_show_those_that_somebody_has() {
    frames("cinema", &FROM_SMALL_TO_LARGE, |stage| {
        stage.picture();
        stage.happens(None, Kind::WatchedTables(Arc::new(cinema())));
        let frame = stage.frame();
        for shown in [" ● Bob", "⏳ Mallory", " ● Alice"] {
            assert!(frame.contains(shown), "{shown}:\n{frame}");
        }
    });
}
