//! What watched tables look like to a room, and what must hold of any of them at any size.

use std::time::Duration;

use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;

use super::sample::*;
use super::*;
use crate::core::event::SessionName;
use crate::core::seats::{Hold, HoldKind, Holder, RowWaiter, WatchedRow};
use crate::stage::watched::flash::LIT;
use crate::tui::theme::{Charset, Depth, Theme};

fn drawn_in(
    watched_tables: &WatchedTables,
    width: u16,
    height: u16,
    scene: &Scene<'_>,
) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(watched_tables, frame.area(), frame.buffer_mut(), scene)).unwrap();
    terminal.backend().clone()
}

fn drawn(watched_tables: &WatchedTables, width: u16, height: u16) -> String {
    legible(&drawn_in(watched_tables, width, height, &scene()))
}

/// At the height that the tables ask for.
fn drawn_whole(watched_tables: &WatchedTables, width: u16) -> String {
    drawn(watched_tables, width, height(watched_tables, width, u16::MAX, &scene()).desired)
}

/// The frame as a terminal shows it: what a wide character covers is no blank.
fn legible(backend: &TestBackend) -> String {
    let buffer = backend.buffer();
    let mut lines = Vec::new();
    for row in buffer.content.chunks(usize::from(buffer.area.width)) {
        let (mut line, mut covered) = (String::new(), 0_usize);
        for cell in row {
            if covered == 0 {
                line.push_str(cell.symbol());
                covered = text::width(cell.symbol());
            }
            covered = covered.saturating_sub(1);
        }
        lines.push(line);
    }
    lines.join("\n")
}

fn seat<'a>(watched_tables: &'a mut WatchedTables, key: &str) -> &'a mut WatchedRow {
    watched_tables.tables[0].places.iter_mut().find(|place| place.key == key).unwrap()
}

/// Two sessions have each booked A-4 for themselves, and a third frees A-1: an engine that lets
/// everybody through.
fn private_bookings() -> WatchedTables {
    let mut watched_tables = opening_night();
    let write = HoldKind::Write;
    let bookings = ["Bob", "Mallory"].map(|name| becoming(name, write, Some(name)));
    seat(&mut watched_tables, "A-4").holders.extend(bookings);
    seat(&mut watched_tables, "A-1").holders.push(becoming("Alice", write, None));
    seat(&mut watched_tables, "A-5").holders.push(becoming("Alice", write, Some("Zoë")));
    watched_tables
}

/// Shared locks, a lock after a released savepoint, a new row, a deleted row, a lock that may be a
/// change.
fn every_kind_of_hold() -> WatchedTables {
    let mut watched_tables = opening_night();
    let shared = ["Alice", "Bob"].map(|name| hold(name, HoldKind::Share));
    seat(&mut watched_tables, "A-1").holders.extend(shared);
    let either = ["Alice", "Bob"].map(SessionName::new).to_vec();
    let mut unclear = hold("", HoldKind::Lock);
    unclear.holder = Holder::OneOf(either);
    seat(&mut watched_tables, "A-2").holders.push(unclear);
    seat(&mut watched_tables, "A-3").holders.push(hold("Mallory", HoldKind::Delete));
    seat(&mut watched_tables, "A-4").holders.push(hold("Bob", HoldKind::LockOrWrite));
    let mut prepared = hold("", HoldKind::Write);
    prepared.holder = Holder::Prepared;
    seat(&mut watched_tables, "A-6").holders.push(prepared);
    let mut new = place("A-8", &[Some("A"), Some("8"), None]);
    new.committed = false;
    new.holders.push(hold("Alice", HoldKind::Insert));
    watched_tables.tables[0].places.push(new);
    watched_tables
}

fn queue_of(length: usize) -> WatchedTables {
    let mut watched_tables = picture();
    let waiters = (0..length).map(|at| waiter(&format!("guest{at}")));
    seat(&mut watched_tables, "A-4").waiters = waiters.collect();
    watched_tables
}

fn strange_names() -> WatchedTables {
    let names =
        ["張偉強", "Zoe\u{308}", "\u{202E}bob", "a\x1b[31mred", "👩‍🚀", "שלום", "O'Hara\tthe\nlong"];
    let mut watched_tables = opening_night();
    for (place, name) in watched_tables.tables[0].places.iter_mut().zip(names) {
        place.values[2] = Some(name.to_owned());
    }
    watched_tables
}

fn three_small_compartments() -> WatchedTables {
    let mut places = Vec::new();
    for title in ["Stalls", "Circle", "Gallery"] {
        for number in 1..=4 {
            let key = format!("{title}-A-{number}");
            let number = number.to_string();
            places.push(place(&key, &[Some(title), Some("A"), Some(&number), None]));
        }
    }
    places[1].holders.push(hold("Bob", HoldKind::Write));
    seats(Some("compartment"), places)
}

fn accounts() -> WatchedTable {
    let names = ["Alice", "Bob", "Mallory", "張偉", "Peggy", "Victor"];
    let rows = names.iter().zip(1..).map(|(name, id)| {
        place(&id.to_string(), &[Some(&id.to_string()), Some(name), Some(&(id * 50).to_string())])
    });
    let mut accounts = table("accounts", &["id", "owner", "balance"], rows.collect());
    accounts.places[1].holders.push(hold("Alice", HoldKind::Share));
    accounts.places[1].waiters.extend([waiter("Bob"), waiter("Mallory")]);
    accounts.places[4].holders.push(hold("Bob", HoldKind::Write));
    let mut new = place("7", &[None, None, None]);
    new.committed = false;
    new.holders.push(hold("Mallory", HoldKind::Insert));
    accounts.places.push(new);
    accounts
}

fn seats_and_accounts() -> WatchedTables {
    let mut watched_tables = picture();
    watched_tables.tables.push(accounts());
    watched_tables.tables[0].locked_by = Some(session("Alice"));
    watched_tables.tables[1].unseen_inserts.push(SessionName::new("Bob"));
    watched_tables.blind.push("Row locks cannot be seen on this engine.".to_owned());
    watched_tables
}

macro_rules! looks {
    ($($name:ident: $watched_tables:expr, $($width:literal)+;)+) => {$(
        #[test]
        fn $name() {
            let watched_tables = $watched_tables;
            let frames = [$(drawn_whole(&watched_tables, $width)),+];
            insta::assert_snapshot!(frames.join("\n\n"));
        }
    )+};
}

looks! {
    the_picture: picture(), 80 120 200;
    before_anybody_has_begun: opening_night(), 80 120;
    every_session_books_privately: private_bookings(), 80 120;
    holds_of_every_kind: every_kind_of_hold(), 80 120 200;
    a_queue_of_nine: queue_of(9), 80 120;
    strange_names_line_up: strange_names(), 80 120;
    compartments_stand_side_by_side: three_small_compartments(), 80 120 200;
    a_cinema_of_six_hundred: cinema(10), 80 120 200;
    a_table_with_its_locks: WatchedTables { tables: vec![accounts()], blind: vec![] }, 80 120;
    several_tables_and_what_cannot_be_seen: seats_and_accounts(), 80 120 200;
    nothing_is_watched: WatchedTables::default(), 80;
}

#[test]
fn six_hundred_seats_stay_on_a_small_screen() {
    let frames = [
        drawn(&cinema(10), 80, 14),
        drawn(&cinema(10), 80, 10),
        drawn(&cinema(20), 80, 13),
        drawn(&cinema(10), 120, 16),
        drawn(&cinema(25), 200, 14),
    ];
    insta::assert_snapshot!(frames.join("\n\n"));
}

#[test]
fn a_low_area_gives_up_the_caption_then_the_queue_then_names() {
    let heights = [9, 8, 6, 4, 3];
    let frames = heights.map(|height| drawn(&queue_of(4), 80, height));
    insta::assert_snapshot!(frames.join("\n\n"));
}

/// Rows by the names of those who hold or await them: what a room must see.
fn names_of_contested(watched_tables: &WatchedTables) -> Vec<String> {
    let rows = watched_tables.tables.iter().flat_map(|table| &table.places);
    let name = |row: &WatchedRow| {
        let holder = row.holders.iter().map(|hold| &hold.holder);
        let mut all = holder.chain(row.waiters.iter().map(|waiter| &waiter.who));
        all.next().map(|first| holder_text(first).into_owned())
    };
    rows.filter_map(name).collect()
}

/// Every tenth row is held by somebody of its own.
fn held_all_over(mut watched_tables: WatchedTables, step: usize) -> WatchedTables {
    for table in &mut watched_tables.tables {
        for (at, row) in table.places.iter_mut().enumerate() {
            row.holders.clear();
            row.waiters.clear();
            if at % step == step / 2 {
                row.holders.push(hold(&format!("{}{at}", &table.name[..1]), HoldKind::Write));
            }
        }
    }
    watched_tables
}

#[test]
fn whoever_holds_a_row_is_in_sight_at_the_height_that_is_needed() {
    let mut long = accounts();
    long.places =
        (1..=500).map(|id: u32| place(&id.to_string(), &[Some(&id.to_string())])).collect();
    let long = WatchedTables { tables: vec![long], blind: Vec::new() };
    let cases = [
        (picture(), 60),
        (queue_of(9), 60),
        (seats_and_accounts(), 80),
        (seats_and_accounts(), 200),
        (held_all_over(three_small_compartments(), 4), 60),
        (held_all_over(cinema(10), 170), 80),
        (held_all_over(cinema(20), 170), 60),
        (held_all_over(cinema(25), 170), 120),
        (held_all_over(long, 100), 80),
    ];
    for (watched_tables, width) in cases {
        let needed = height(&watched_tables, width, 6, &scene()).needed;
        let frame = drawn(&watched_tables, width, needed);
        for name in names_of_contested(&watched_tables) {
            assert!(frame.contains(&name), "{name} at {width}x{needed}:\n{frame}");
        }
    }
}

#[test]
fn a_row_that_was_changed_stays_in_sight_after_it() {
    let mut long = accounts();
    long.places =
        (1..=500).map(|id: u32| place(&id.to_string(), &[Some(&id.to_string())])).collect();
    let before = WatchedTables { tables: vec![long], blind: Vec::new() };
    let mut after = before.clone();
    after.tables[0].places[320].values[0] = Some("changed".to_owned());
    let watched = changed(before, after, Duration::ZERO);
    let scene = Scene { marks: watched.marks(LIT * 2), ..scene() };
    let frame = legible(&drawn_in(watched.tables(), 60, 6, &scene));
    assert!(frame.contains("changed"), "{frame}");
}

#[test]
fn a_low_map_says_at_least_who_has_which_seat() {
    let frames = [
        drawn(&picture(), 60, 3),
        drawn(&picture(), 60, 5),
        drawn(&three_small_compartments(), 60, 4),
        drawn(&cinema(10), 60, 7),
        drawn(&cinema(10), 80, 8),
        drawn(&cinema(1), 60, 9),
    ];
    insta::assert_snapshot!(frames.join("\n\n"));
}

#[test]
fn two_tables_share_what_there_is() {
    let mut shows = accounts();
    shows.name = "shows".to_owned();
    shows.places.truncate(3);
    shows.rows = 3;
    let both = WatchedTables { tables: vec![shows, accounts()], blind: Vec::new() };
    let frames = [(60, 9), (60, 12), (80, 6), (80, 8), (120, 9)];
    insta::assert_snapshot!(frames.map(|(width, height)| drawn(&both, width, height)).join("\n\n"));
}

#[test]
fn a_large_screen_has_boxes() {
    let roomy = Scene { trim: Trim::Roomy, ..scene() };
    let frame = |tables: &WatchedTables, width, most| {
        let height = height(tables, width, most, &roomy).desired;
        legible(&drawn_in(tables, width, height, &roomy))
    };
    let frames = [
        frame(&picture(), 200, 20),
        frame(&queue_of(9), 300, 32),
        frame(&three_small_compartments(), 200, 20),
        frame(&every_kind_of_hold(), 200, 7),
    ];
    insta::assert_snapshot!(frames.join("\n\n"));
}

#[test]
fn a_long_table_shows_its_first_rows_and_the_contested_ones() {
    let mut long = accounts();
    long.places =
        (1..=500).map(|id: u32| place(&id.to_string(), &[Some(&id.to_string())])).collect();
    long.places[320].holders.push(hold("Bob", HoldKind::Update));
    long.rows = 100_000;
    let watched_tables = WatchedTables { tables: vec![long], blind: Vec::new() };
    insta::assert_snapshot!(drawn(&watched_tables, 80, 14));
}

#[test]
fn plain_ascii_needs_no_colour_and_no_unicode() {
    let theme = Theme::find("dark", Depth::Bare, Charset::Ascii).unwrap();
    let mut watched_tables = every_kind_of_hold();
    watched_tables.tables.push(accounts());
    let backend = drawn_in(&watched_tables, 120, 20, &scene_in(&theme));
    let frame = legible(&backend).replace("張偉", "");
    assert!(frame.is_ascii(), "{frame}");
    insta::assert_snapshot!(frame);
}

#[test]
fn a_changed_seat_is_reversed_for_a_moment_and_its_neighbours_are_not() {
    let begin = Duration::from_secs(1);
    let watched = changed(opening_night(), picture(), begin);
    let is_reversed = |now, what: &str| {
        let lit = Scene { marks: watched.marks(now), ..scene() };
        let backend = drawn_in(watched.tables(), 120, 6, &lit);
        let buffer = backend.buffer();
        let at = buffer.content.windows(what.len()).position(|cells| {
            cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() == what
        });
        buffer.content[at.unwrap()].modifier.contains(Modifier::REVERSED)
    };
    assert!(is_reversed(begin, "Bob"));
    assert!(!is_reversed(begin, "Carol"));
    assert!(!is_reversed(begin + LIT, "Bob"));
}

#[test]
fn the_house_asks_for_no_more_lines_than_it_fills() {
    for (watched_tables, width) in [(picture(), 120), (cinema(10), 120), (seats_and_accounts(), 80)]
    {
        let frame = drawn_whole(&watched_tables, width);
        let is_empty = |line: &&str| line.chars().all(|it| it == ' ' || it == '│');
        assert!(frame.lines().filter(is_empty).count() <= 1, "{frame}");
        assert!(!frame.contains("more row"), "{frame}");
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-C]",
        "[0-9]{1,3}",
        Just("張偉".to_owned()),
        Just("\u{202E}\x1b[2J".to_owned()),
        any::<String>()
    ]
}

fn any_holder() -> impl Strategy<Value = Holder> {
    prop_oneof![
        any_text().prop_map(|name| session(&name)),
        prop::collection::vec(any_text().prop_map(|name| SessionName::new(&name)), 0..3)
            .prop_map(Holder::OneOf),
        Just(Holder::Prepared),
        any_text().prop_map(Holder::Foreign),
    ]
}

fn any_kind() -> impl Strategy<Value = HoldKind> {
    use HoldKind::{Delete, Insert, Lock, LockOrWrite, Share, Update, Write};
    prop::sample::select(vec![Share, Update, Lock, Write, Delete, Insert, LockOrWrite])
}

prop_compose! {
    fn any_place()(
        key in any_text(),
        values in prop::collection::vec(prop::option::of(any_text()), 0..5),
        committed in any::<bool>(),
        holders in prop::collection::vec(
            (any_holder(), any_kind(), prop::option::of(prop::option::of(any_text()))),
            0..3,
        ),
        waiters in prop::collection::vec((any_holder(), any_text()), 0..12),
    ) -> WatchedRow {
        let hold = |(holder, kind, becomes)| Hold { holder, kind, becomes };
        let waiter = |(who, wants)| RowWaiter { who, wants };
        WatchedRow {
            key,
            values,
            committed,
            holders: holders.into_iter().map(hold).collect(),
            waiters: waiters.into_iter().map(waiter).collect(),
        }
    }
}

prop_compose! {
    pub(crate) fn any_watched_tables()(
        places in prop::collection::vec(any_place(), 0..40),
        is_map in any::<bool>(),
        has_compartments in any::<bool>(),
        blind in prop::collection::vec(any_text(), 0..3),
        more in prop::collection::vec(prop::collection::vec(any_place(), 0..6), 0..3),
        inserts in prop::collection::vec(any_text(), 0..2),
        locked_by in prop::option::of(any_holder()),
    ) -> WatchedTables {
        let mut watched_tables = seats(has_compartments.then_some("compartment"), places);
        let first = &mut watched_tables.tables[0];
        first.seats = first.seats.take().filter(|_| is_map);
        first.locked_by = locked_by;
        first.unseen_inserts = inserts.iter().map(|name| SessionName::new(name)).collect();
        let others = more.into_iter().map(|places| table("\u{1b}other", &["a", "b\t"], places));
        watched_tables.tables.extend(others);
        WatchedTables { blind, ..watched_tables }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_house_is_drawn_at_any_size(
        watched_tables in any_watched_tables(),
        width in 0_u16..220,
        height in 0_u16..60,
        offset in 0_u16..5,
    ) {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 50));
        draw(&watched_tables, Rect::new(offset, offset, width, height), &mut buffer, &scene());
        super::height(&watched_tables, width, height, &scene());
        let dangerous = |symbol: &str| symbol.chars().any(|it| it.is_control() || it == '\u{202E}');
        prop_assert!(!buffer.content.iter().any(|cell| dangerous(cell.symbol())));
    }
}

/// For one's own eyes: `cargo test --lib gallery -- --ignored --nocapture`.
#[test]
#[ignore = "prints frames in colour for a person to judge"]
fn gallery() {
    let ansi = |style: ratatui::style::Style| {
        let colour = |colour| match colour {
            Some(ratatui::style::Color::Rgb(r, g, b)) => format!("8;2;{r};{g};{b}"),
            _ => "9".to_owned(),
        };
        format!("\x1b[0;3{};4{}m", colour(style.fg), colour(style.bg))
    };
    for name in crate::tui::theme::BUILT_IN {
        let theme = Theme::find(name, Depth::True, Charset::Unicode).unwrap();
        for watched_tables in [picture(), private_bookings(), every_kind_of_hold(), cinema(10)] {
            let backend = drawn_in(&watched_tables, 120, 14, &scene_in(&theme));
            for row in backend.buffer().content.chunks(120) {
                let cells = row.iter().map(|cell| ansi(cell.style()) + cell.symbol());
                println!("{}\x1b[0m", cells.collect::<String>());
            }
        }
    }
}

/// The budget of a whole frame is 2 ms: `cargo test --release --lib pace -- --ignored --nocapture`.
#[test]
#[ignore = "measures; run it in release"]
fn pace() {
    let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 50));
    for (name, watched_tables) in
        [("600 seats", cinema(10)), ("7 seats", picture()), ("queue", queue_of(60))]
    {
        let begin = std::time::Instant::now();
        for _ in 0..200 {
            let height = height(&watched_tables, 200, 20, &scene()).desired.min(20);
            draw(&watched_tables, Rect::new(0, 0, 200, height), &mut buffer, &scene());
        }
        println!("{name}: {:?} a frame", begin.elapsed() / 200);
    }
}

#[test]
fn a_table_that_is_not_shown_says_why() {
    let why = [
        (Unread::Missing, "There is no table accounts."),
        (
            Unread::TooLarge { rows: Some(12_000_000) },
            "accounts, with about 12000000 rows, takes longer than a second to read, and is not \
             watched.",
        ),
        (
            Unread::Refused("permission denied".to_owned()),
            "accounts cannot be read: permission denied.",
        ),
    ];
    for (unread, expected) in why {
        let table = WatchedTable { unread: Some(unread), ..accounts() };
        assert_eq!(super::words(&table), [expected]);
    }
}
