//! The teacher's remote: a browser that steers the script and the room, and no other can.

use serde_json::json;

use super::book::Room;
use super::http::{Browser, parts};
use crate::terminal::key;

/// The address that the page of the remote shows.
fn offered(room: &mut Room) -> String {
    room.console.wait_for("opens this address");
    let screen = room.console.screen();
    let begin = screen.find("http://").unwrap();
    screen[begin..].chars().take_while(|c| !c.is_whitespace()).collect()
}

fn steer(browser: &Browser, key: &str) -> u16 {
    browser.post("/steer", &json!({"key": key})).status
}

#[test]
fn one_browser_steers_and_the_audience_cannot() {
    let mut room = Room::named(&[]);
    assert_eq!(steer(&room.browsers[0], "next"), 403);
    assert!(!room.browsers[0].get("/me").body.contains("\"teacher\":true"));
    room.console.type_keys("r");
    let url = offered(&mut room);
    assert_ne!(parts(&url).1, parts(&room.url).1, "it is another token");
    let teacher = Browser::joined(&url);
    room.console.wait_for("A browser has the remote");
    assert!(teacher.get("/me").body.contains("\"teacher\":true"));
    assert_eq!(steer(&teacher, "next"), 200);
    room.events.until("course", |course| course["step"] == 1);
    assert_eq!(steer(&teacher, "back"), 200);
    room.events.until("course", |course| course["step"] == 0 && course["steps"] != 0);
    assert_eq!(steer(&teacher, "booking"), 200);
    room.events.until("rules", |rules| rules["open"] == true);
    assert_eq!(steer(&teacher, "drop table seats"), 400);
    let late = Browser::new(teacher.address);
    assert_eq!(late.get(&format!("/join/{}", parts(&url).1)).status, 403, "it works once");
    assert_eq!(steer(&room.browsers[1], "next"), 403);
    // Another is offered: the first has it no more, and whoever comes when it is not shown has it
    // neither.
    room.console.type_keys("n");
    let url = offered(&mut room);
    assert_eq!(steer(&teacher, "next"), 403);
    room.console.type_keys(key::ESCAPE);
    room.console.wait_for("asks");
    assert_eq!(late.get(&format!("/join/{}", parts(&url).1)).status, 403, "it is not shown");
    room.end();
}
