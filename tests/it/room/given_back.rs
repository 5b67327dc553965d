//! A seat that is given back may be sold again; one that is taken from somebody may not.

use serde_json::json;

use super::book::Room;
use super::{ALT_R, hide};

#[test]
fn given_back_and_sold_again_is_sold_once_and_overwritten_is_sold_twice() {
    let mut room = Room::named(&[]);
    room.set("b", "open", true);
    room.set("t", "think", 0);
    room.set("s", "strategy", "for update");
    let a_4 = json!({"seat": "A-4"});
    room.browsers[0].post("/press", &a_4);
    room.events.until("person:1", |person| person["state"] == "booked");
    // What the tables have never shown as sold cannot be seen to be given back.
    let sold = json!(["1 seat sold, none twice, by the database"]);
    room.events.until("board", |board| board["verdict"] == sold);
    hide(&mut room.console);
    room.console.type_keys("update seats set booked_by = null where booked_by = 'Guest0';\r");
    let returned = room.events.until("person:1", |person| person["state"] == "given-back");
    assert_eq!(returned["words"], "A-4 was yours; it has been given back");
    room.browsers[1].post("/press", &a_4);
    room.events.until("person:2", |person| person["state"] == "booked");
    let board = room.events.until("board", |board| board["verdict"] == sold);
    assert_eq!((&board["soldTwice"], &board["booked"]), (&0.into(), &1.into()), "{board}");
    room.console.type_keys("update seats set booked_by = 'Bob' where booked_by = 'Guest1';\r");
    let board = room.events.until("board", |board| board["soldTwice"] == 1);
    let words = [
        "A-4 was sold 2 times: to Guest1, Bob",
        "Guest1 was told to have A-4; the database says Bob has it",
    ];
    assert_eq!(board["verdict"], json!(words));
    room.events.until("person:2", |person| person["state"] == "overwritten");
    room.console.type_keys(ALT_R);
    room.console.wait_for("1 sold twice");
    room.end();
}
