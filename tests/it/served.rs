//! An optimistic engine that somebody serves, as the program plays on it by its address.

use overbooked::core::event::{Pid, SessionName};
use overbooked::core::seats::SeatColumns;
use overbooked::observer::flavor::EngineKind;
use overbooked::observer::{Inspection, Observer, Watch};

use crate::gateway::{Served, says, served_seats};
use crate::headless::{complaint, overbooked, told};
use crate::terminal::{MIDDLE, Terminal, key};

fn url(served: &Served) -> String {
    let address = served.gateway.address().unwrap();
    format!("postgres://postgres@{address}/{}", served.database())
}

/// The first one says which level it wants, the second is for another engine.
#[tokio::test(flavor = "multi_thread")]
async fn play_holds_it_to_what_the_optimistic_engine_must_do() {
    let served = Served::start().await;
    let output = overbooked(&["play", "last-ticket", "nowait", "--url", &url(&served)]);
    let (told, complaint) = (told(&output), complaint(&output));
    assert_eq!(output.status.code(), Some(0), "{told}{complaint}");
    assert!(told.contains("last-ticket: as expected"), "{told}");
    assert!(complaint.contains("nowait: not for this engine, skipped"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_engines_cannot_be_had_from_it() {
    let served = Served::start().await;
    let output = overbooked(&["compare", "last-ticket", "--url", &url(&served)]);
    assert_eq!(output.status.code(), Some(2));
    let complaint = complaint(&output);
    assert!(complaint.contains("this server is itself the optimistic engine"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_shows_what_is_committed_and_says_why_it_cannot_switch() {
    let served = Served::start().await;
    let mut console = Terminal::open(MIDDLE, &["last-ticket", "--url", &url(&served)]);
    console.wait_for("optimistic on PostgreSQL");
    console.wait_for("1 free");
    console.wait_for("cannot be seen from outside");
    console.type_keys(key::F2);
    console.wait_for("this server is itself the optimistic engine");
    for step in 2..=8 {
        console.type_keys(key::F5);
        console.wait_for(&format!("step {step} of 10"));
    }
    console.wait_for("1 free");
    console.type_keys(key::F5);
    console.wait_for("0 free");
    console.wait_for("4 Alice");
    console.type_keys(key::CONTROL_Q);
    console.wait_for("Leave?");
    console.type_keys("y");
    assert_eq!(console.wait_for_end(), 0);
}

#[tokio::test]
async fn whoever_looks_loses_nobody_a_transaction_and_sees_through_changes_of_the_schema() {
    let (served, bob, mallory) = served_seats().await;
    let seats = SeatColumns {
        table: "seats".to_owned(),
        compartment: None,
        row: "seat_row".to_owned(),
        number: "seat_number".to_owned(),
        holder: "booked_by".to_owned(),
    };
    let watch = Watch { seats: Some(seats), ..Watch::default() };
    let door = served.gateway.target();
    let observer = Observer::connect(door, watch, Inspection::UseIfPresent).await.unwrap();
    assert_eq!(observer.flavor().kind, EngineKind::Optimistic);
    says(&bob, "begin; update seats set booked_by = 'Bob' where seat_number = 4").await;
    says(&mallory, "begin; select * from seats where seat_number = 2 for update").await;
    for _ in 0..4 {
        assert_eq!(holder(&observer, "A-4").await, None);
    }
    assert_eq!(says(&mallory, "commit").await, "(0)");
    assert_eq!(says(&bob, "commit").await, "(0)");
    assert_eq!(holder(&observer, "A-4").await.as_deref(), Some("Bob"));
    assert_eq!(says(&bob, "alter table seats add column stars int").await, "(0)");
    assert_eq!(holder(&observer, "A-4").await.as_deref(), Some("Bob"));
}

/// Who sits there as far as the observer sees, and nobody is said to hold anything.
async fn holder(observer: &Observer, key: &str) -> Option<String> {
    let watched_tables =
        observer.watched_tables(&[(SessionName::new("Bob"), Pid(1))]).await.unwrap();
    let place = watched_tables.tables[0].places.iter().find(|place| place.key == key).unwrap();
    assert!(place.holders.is_empty() && place.waiters.is_empty());
    place.values[2].clone()
}
