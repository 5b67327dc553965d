//! A pane of a person's own: typed SQL from the browser, by whoever was given one.

use serde_json::{Value, json};

use super::book::Room;
use super::hide;
use crate::terminal::key;

/// Gives the first of the people a pane, or takes it back.
fn press_p(room: &mut Room) {
    room.console.type_keys("w");
    room.console.wait_for("the room: who is in");
    room.console.type_keys("p");
    room.console.type_keys(key::ESCAPE);
    room.console.wait_for("hides this");
}

fn send(room: &Room, browser: usize, sql: &str) -> u16 {
    room.browsers[browser].post("/sql", &json!({"sql": sql})).status
}

fn pane_of<'a>(panes: &'a Value, name: &str) -> Option<&'a Value> {
    panes.as_array().unwrap().iter().find(|pane| pane["name"] == name)
}

/// Waits for what is said in the first one's session.
fn says(room: &mut Room, words: &str) {
    room.events.until("lines:Guest0", |lines| lines.to_string().contains(words));
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
        let answer = room.browsers[0].post("/sql", &json!({"sql": evil}));
        assert!([400, 429].contains(&answer.status), "{evil}: {answer:?}");
    }
    assert_eq!(room.browsers[0].post("/press", &json!({"seat": "A-5"})).status / 100, 4);
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
fn on_the_optimistic_engine_nobody_is_given_one() {
    let mut room = Room::named(&["--engine", "optimistic"]);
    room.console.type_keys("w");
    room.console.wait_for("the room: who is in");
    room.console.type_keys("p");
    room.console.wait_for("everybody works as the database's owner");
    assert_eq!(send(&room, 0, "select 1"), 403);
    room.console.type_keys(key::ESCAPE);
    room.console.wait_for("hides this");
    hide(&mut room.console);
    super::leave(room.console);
}
