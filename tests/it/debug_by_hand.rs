//! The examples' races (`examples/*`) as a person finds them: the real program in a terminal, the
//! example's own programs behind it, at most eight keys, and one more for a plan, which replays
//! it.

use std::path::Path;

use crate::debug_examples::{
    ACTIVE_RECORD, DJANGO, Example, HIKARI, KNEX_0_95_12, KNEX_SETUP, LOCKED, LOCKS, NODE,
    SQLALCHEMY,
};
use crate::debug_programs::program::{Played, Playing, Program};
use crate::debug_programs::server::Shop;
use crate::debug_replayed::{
    Race, a_seat_booked_twice_by_active_record, a_seat_booked_twice_by_django,
    a_seat_sold_twice_by_java, a_seat_sold_twice_by_node, an_update_lost_by_sqlalchemy,
    the_lock_of_knex,
};
use crate::terminal::{MIDDLE, Terminal, key};

/// What the screen shows, and how often, when a key is typed.
type Step = (&'static [(&'static str, usize)], &'static str);

/// The other pane, and what is held there goes.
const NEXT: &str = "\t\x1b[15~";

const ENDED: Step = (&[("─ ended ", 2)], "");

/// In step, one let go after the other: both have read before either writes, and whoever writes
/// second waits until the other has committed.
const fn one_waits(reads: &'static [(&'static str, usize)]) -> [Step; 6] {
    [
        (reads, key::F6),
        (&[("─ held ", 2), ("UPDATE ", 2)], key::F5),
        (&[("─ held ", 2), ("COMMIT ", 1)], NEXT),
        (&[("─ held ", 1), ("─ waiting ", 1), ("COMMIT ", 1)], key::F6),
        (&[("─ held ", 1), ("─ ended ", 1), ("COMMIT ", 3)], key::F6),
        ENDED,
    ]
}

const SEATS: [Step; 6] = one_waits(&[("─ held ", 2), ("SELECT booked_by", 2)]);
const FLIGHTS: [Step; 6] = one_waits(&[("─ held ", 2), ("FROM flights", 2)]);

/// The same where nobody waits.
const NOBODY_WAITS: [Step; 4] = [
    (&[("─ held ", 2), ("\"bookings\" WHERE", 2)], key::F6),
    (&[("─ held ", 2), ("INSERT INTO ", 2)], key::F6),
    (&[("─ held ", 2), ("COMMIT ", 2)], key::F6),
    ENDED,
];

/// The two insert in the same instant.
const TOGETHER: [Step; 5] = [
    (&[("─ held ", 2), ("select * from \"knex_migrations_lock\"", 2)], key::F6),
    (&[("─ held ", 2), ("insert into \"knex_migrations_lock\"", 2)], key::F8),
    (&[("─ held ", 2), ("select \"name\" from \"knex_migrations\"", 2)], key::F6),
    (&[("─ held ", 2), ("update \"knex_migrations_lock\"", 2)], key::F6),
    ENDED,
];

const CONTROL_S: &str = "\x13";

/// The debugger in a terminal, in front of a shop; what it writes goes into a folder.
fn open(shop: &Shop, folder: &Path, arguments: &str) -> Terminal {
    let line = format!(
        "cd {} && exec {} debug --url '{}' --listen 127.0.0.1:0 {arguments}",
        folder.display(),
        env!("CARGO_BIN_EXE_overbooked"),
        shop.url()
    );
    let mut debugger = Terminal::run("sh".as_ref(), MIDDLE, &["-c", &line], &[]);
    debugger.wait_for("DATABASE_URL=postgres://");
    debugger
}

/// The address that it shows to be used in the place of the server's.
fn url(debugger: &Terminal) -> String {
    let screen = debugger.screen();
    let shown = screen.split("DATABASE_URL=").nth(1).unwrap();
    shown.split_whitespace().next().unwrap().to_owned()
}

/// Alice's and Bob's programs, each begun when the one before is held.
fn start(debugger: &mut Terminal, program: Program, arguments: &[&str]) -> [Playing; 2] {
    let url = url(debugger);
    ["alice", "bob"].map(|customer| {
        let playing = program.start(&url, &[arguments, &[customer]].concat());
        debugger.wait_for(&format!("{customer} ─ held"));
        playing
    })
}

/// Types the keys, each when the screen shows what it is for.
fn play(debugger: &mut Terminal, steps: &[Step]) {
    for (shown, keys) in steps {
        debugger.wait_until(&format!("{shown:?}"), |screen| {
            shown.iter().all(|(text, times)| screen.matches(text).count() == *times)
        });
        debugger.type_keys(keys);
    }
}

/// What both programs said, after a plan was kept and the debugger left.
async fn end(mut debugger: Terminal, playing: [Playing; 2]) -> Vec<String> {
    let [alice, bob] = playing;
    let (alice, bob): (Played, Played) = tokio::join!(alice.end(), bob.end());
    debugger.type_keys(CONTROL_S);
    debugger.wait_for("written: race.md");
    debugger.type_keys(key::CONTROL_Q);
    assert_eq!(debugger.wait_for_end(), 0);
    vec![alice.said, bob.said]
}

async fn is_found(example: &Example, table: &str, steps: &[Step], race: &Race) {
    if !example.program.is_had() {
        return;
    }
    let shop = example.shop(false).await;
    let folder = tempfile::tempdir().unwrap();
    let mut debugger = open(&shop, folder.path(), &format!("--watch {table}"));
    let playing = start(&mut debugger, example.program, &[example.wanted]);
    play(&mut debugger, steps);
    let said = end(debugger, playing).await;
    assert_eq!((example.sold(&said), shop.number(example.oversold).await), (2, 1), "{said:?}");
    race.is_broken_by(&folder.path().join("race.plan"), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_is_sold_twice_by_node() {
    is_found(&NODE, "seats", &SEATS, &a_seat_sold_twice_by_node::RACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_is_sold_twice_by_java() {
    is_found(&HIKARI, "seats", &SEATS, &a_seat_sold_twice_by_java::RACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_is_booked_twice_by_django() {
    is_found(&DJANGO, "bookings", &NOBODY_WAITS, &a_seat_booked_twice_by_django::RACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_is_booked_twice_by_active_record() {
    is_found(
        &ACTIVE_RECORD,
        "bookings",
        &NOBODY_WAITS,
        &a_seat_booked_twice_by_active_record::RACE,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_lost_by_sqlalchemy() {
    is_found(&SQLALCHEMY, "flights", &FLIGHTS, &an_update_lost_by_sqlalchemy::RACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn knex_locks_everybody_out() {
    if !KNEX_0_95_12.is_had() {
        return;
    }
    let shop = Shop::with(KNEX_SETUP).await;
    let folder = tempfile::tempdir().unwrap();
    let mut debugger = open(&shop, folder.path(), "--gate knex_migrations_lock");
    let playing = start(&mut debugger, KNEX_0_95_12, &[]);
    play(&mut debugger, &TOGETHER);
    let said = end(debugger, playing).await;
    assert_eq!(shop.number(LOCKS).await, 2);
    assert!(said.iter().all(|said| said.contains(LOCKED)), "{said:?}");
    let gate = ["--gate", "knex_migrations_lock"];
    the_lock_of_knex::RACE.is_broken_by(&folder.path().join("race.plan"), &gate).await;
}
