//! As many people as there can be, each with a session, and one more.

use serde_json::json;

use super::book::Room;
use super::http::Browser;

#[test]
fn a_hundred_people_take_part_and_one_more_is_told_so() {
    let mut room = Room::named(&[]);
    room.set("b", "open", true);
    room.set("t", "think", 0);
    room.set("s", "strategy", "conditional update");
    for number in 30..100 {
        let browser = Browser::joined(&room.url);
        assert_eq!(browser.post("/name", &json!({"name": format!("Guest{number}")})).status, 200);
        room.browsers.push(browser);
    }
    let answer = Browser::joined(&room.url).post("/name", &json!({"name": "One-more"}));
    assert_eq!(answer.status, 409);
    assert!(answer.body.contains("the room is full: 100 people"), "{answer:?}");
    (0..100).for_each(|number| room.press(number));
    let board = room.events.until("board", |board| {
        let over = board["booked"].as_u64().unwrap() + board["refused"].as_u64().unwrap();
        over == 100 && board["underWay"] == 0
    });
    assert_eq!((&board["booked"], &board["soldTwice"]), (&3.into(), &0.into()), "{board}");
    for number in 1..=100 {
        let person = room.events.until(&format!("person:{number}"), |_| true);
        assert!(["booked", "late"].contains(&person["state"].as_str().unwrap()), "{person}");
    }
    room.end();
}
