//! A pane of a person's own: typed SQL from the browser, by whoever was given one.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::book::{Room, played};
use super::hide;
use crate::terminal::key;

const DEADLINE: Duration = Duration::from_secs(30);

/// Gives the first of the people a pane, or takes it back.
fn press_p(room: &mut Room) {
    room.console.type_keys("w");
    room.console.wait_for("gives a pane");
    room.console.type_keys("p");
    room.console.type_keys(key::ESCAPE);
    room.console.wait_for("o closes it");
}

fn send(room: &Room, browser: usize, sql: &str) -> u16 {
    post(room, browser, "/sql", &json!({"sql": sql}))
}

/// What is said to somebody who tries again as long as it is too fast.
fn post(room: &Room, browser: usize, path: &str, body: &Value) -> u16 {
    let begin = Instant::now();
    loop {
        let status = room.browsers[browser].post(path, body).status;
        if status != 429 {
            return status;
        }
        assert!(begin.elapsed() < DEADLINE, "{body} is too fast for ever");
    }
}

fn pane_of<'a>(panes: &'a Value, name: &str) -> Option<&'a Value> {
    panes.as_array().unwrap().iter().find(|pane| pane["name"] == name)
}

/// Waits until this is said in the first one's session, and nothing more comes.
fn says(room: &mut Room, words: &str) {
    room.events.until("lines:Guest0", |lines| lines.to_string().contains(words));
    let is_ready = |pane: &Value| pane["state"] == "idle" || pane["state"] == "in transaction";
    room.events.until("panes", |panes| pane_of(panes, "Guest0").is_some_and(is_ready));
}

#[test]
fn whoever_has_a_pane_types_and_nobody_else_does() {
    let mut room = Room::named(&[]);
    room.set("b", "open", true);
    let update = "update seats set booked_by = 'Guest0' where seat_row = 'A' and seat_number = 4";
    assert_eq!(send(&room, 0, update), 403, "no pane yet");
    press_p(&mut room);
    room.events.until("person:1", |person| person["pane"] == true);
    room.events.until("panes", |panes| {
        pane_of(panes, "Guest0").is_some_and(|pane| pane["state"] == "idle")
    });
    assert_eq!(send(&room, 1, update), 403, "Guest1 has none");
    assert_eq!(send(&room, 0, "begin"), 200);
    says(&mut room, "BEGIN");
    assert_eq!(send(&room, 0, update), 200);
    says(&mut room, "UPDATE 1");
    for evil in
        ["set statement_timeout = 0", "select pg_sleep(99)", "\\! true", "select 1; select 2"]
    {
        assert_eq!(send(&room, 0, evil), 400, "{evil}");
    }
    assert_eq!(post(&room, 0, "/press", &json!({"seat": "A-5"})), 409, "whoever has a pane types");
    // It holds the row, until the pane is taken.
    let holds = |tables: &Value| tables[0].to_string().contains("has changed it");
    room.events.until("tables", holds);
    press_p(&mut room);
    room.events.until("person:1", |person| person["pane"] == false);
    assert_eq!(send(&room, 0, "commit"), 403, "at once");
    room.events.until("panes", |panes| pane_of(panes, "Guest0").is_none());
    room.events.until("tables", |tables| !holds(tables));
    room.end();
}

#[test]
fn what_is_typed_in_a_pane_is_exported_and_plays_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut room = Room::in_folder(folder.path());
    room.browsers[0].post("/name", &json!({"name": "Guest0"}));
    press_p(&mut room);
    room.events.until("panes", |panes| {
        pane_of(panes, "Guest0").is_some_and(|pane| pane["state"] == "idle")
    });
    let update = "update seats set booked_by = 'Guest0' where seat_row = 'A' and seat_number = 4";
    for (sql, answer) in [("begin", "BEGIN"), (update, "UPDATE 1"), ("commit", "COMMIT")] {
        assert_eq!(send(&room, 0, sql), 200, "{sql}");
        says(&mut room, answer);
    }
    room.console.type_keys("\x13");
    room.console.wait_for("written: adjacent-seats.md");
    room.end();
    let sql = std::fs::read_to_string(folder.path().join("adjacent-seats.sql")).unwrap();
    assert!(sql.contains(update), "{sql}");
    let said = played(folder.path());
    assert!(said.contains("Guest0") && said.contains("UPDATE 1"), "{said}");
}

#[test]
fn on_the_optimistic_engine_nobody_is_given_one() {
    let mut room = Room::named(&["--engine", "optimistic"]);
    room.console.type_keys("w");
    room.console.wait_for("gives a pane");
    room.console.type_keys("p");
    room.console.wait_for("everybody works as the database's owner");
    assert_eq!(send(&room, 0, "select 1"), 403);
    room.console.type_keys(key::ESCAPE);
    room.console.wait_for("o closes it");
    hide(&mut room.console);
    super::leave(room.console);
}
