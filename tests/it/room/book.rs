//! Thirty people on three seats, by every strategy, on both engines: what they are told, what the
//! board says, and what stands in the database.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::http::{Browser, Events};
use super::{address, hide, leave, show};
use crate::terminal::{Size, Terminal, key};

/// Wide enough for the room beside its code.
const LARGE: Size = Size { rows: 50, columns: 160 };
const SEATS: [&str; 3] = ["A-2", "A-4", "A-5"];
const PEOPLE: usize = 30;

pub(super) struct Room {
    pub(super) console: Terminal,
    pub(super) browsers: Vec<Browser>,
    pub(super) events: Events,
    /// The address for everybody.
    pub(super) url: String,
    /// How the room books.
    rules: Value,
}

impl Room {
    pub(super) fn open(arguments: &[&str]) -> Self {
        let mut all = vec!["adjacent-seats", "--room", "127.0.0.1:0"];
        all.extend(arguments);
        let console = Terminal::open(LARGE, &all);
        Self::of(console)
    }

    /// One whose console writes what it exports into this folder.
    pub(super) fn in_folder(folder: &Path) -> Self {
        let program = env!("CARGO_BIN_EXE_overbooked");
        let folder = folder.display();
        let line = format!("cd '{folder}' && exec '{program}' adjacent-seats --room 127.0.0.1:0");
        Self::of(Terminal::run(Path::new("sh"), LARGE, &["-c", &line], &[]))
    }

    fn of(mut console: Terminal) -> Self {
        console.wait_for("Sessions:");
        console.type_keys(key::ENTER);
        console.wait_for("Mallory ─ idle");
        let url = address(&mut console);
        let browsers: Vec<Browser> = (0..PEOPLE).map(|_| Browser::joined(&url)).collect();
        let mut events = browsers[0].follow(None);
        let rules = events.until("rules", |_| true);
        events.until("tables", is_map);
        show(&mut console);
        Self { console, browsers, events, url, rules }
    }

    pub(super) fn named(arguments: &[&str]) -> Self {
        let room = Self::open(arguments);
        for (number, browser) in room.browsers.iter().enumerate() {
            let answer = browser.post("/name", &json!({"name": format!("Guest{number}")}));
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        room
    }

    /// Presses a key of the room's layer until the room books so.
    pub(super) fn set(&mut self, key: &str, rule: &str, wanted: impl Into<Value>) {
        let wanted = wanted.into();
        while self.rules[rule] != wanted {
            self.console.type_keys(key);
            let before = &self.rules;
            self.rules = self.events.until("rules", |rules| rules != before);
        }
    }

    /// Everybody presses one of the seats; the board once it is as wanted, which is all over.
    fn race(&mut self, is_so: impl Fn(&Value) -> bool) -> Value {
        (0..PEOPLE).for_each(|number| self.press(number));
        self.wait_for_the_end(is_so)
    }

    pub(super) fn press(&self, number: usize) {
        let seat = json!({"seat": SEATS[number % SEATS.len()]});
        let answer = self.browsers[number].post("/press", &seat);
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    fn wait_for_the_end(&mut self, is_so: impl Fn(&Value) -> bool) -> Value {
        self.events.until("board", |board| {
            let over = board["booked"].as_u64().unwrap() + board["refused"].as_u64().unwrap();
            over == PEOPLE as u64 && board["underWay"] == 0 && is_so(board)
        })
    }

    /// The same by a strategy that sells no seat twice. Whoever is told to start again does.
    fn sells_once(&mut self, strategy: &str) {
        self.set("s", "strategy", strategy);
        let mut board = self.race(|board| !board["verdict"].to_string().contains("told"));
        while strategy == "serializable" && board["booked"].as_u64().unwrap() < 3 {
            let again: Vec<usize> = (0..PEOPLE).filter(|it| self.starts_again(*it)).collect();
            assert!(!again.is_empty(), "nobody may start again: {board}");
            for number in again {
                self.press(number);
            }
            self.events.until("board", |board| board["underWay"] != 0);
            board = self.wait_for_the_end(|_| true);
        }
        let verdict = json!(["3 seats sold, none twice, by the database"]);
        let board = self.wait_for_the_end(|board| board["verdict"] == verdict);
        let told = (&board["booked"], &board["refused"], &board["soldTwice"]);
        assert_eq!(told, (&3.into(), &27.into(), &0.into()), "{strategy}: {board}");
    }

    /// Whether somebody was refused by what has nothing to do with the seat.
    fn starts_again(&mut self, number: usize) -> bool {
        let person = self.events.until(&format!("person:{}", number + 1), |_| true);
        person["words"].as_str().unwrap().ends_with("Start again?")
    }

    /// Everything begins again.
    fn restart(&mut self) {
        self.console.type_keys(key::F8);
        self.events.until("board", |board| board["booked"] == 0 && board["refused"] == 0);
        self.events.until("tables", is_map);
    }

    pub(super) fn end(mut self) {
        hide(&mut self.console);
        leave(self.console);
    }
}

/// Whether the seats are there to be pressed.
fn is_map(tables: &Value) -> bool {
    tables[0]["map"][0]["rows"][0]["seats"][6].is_object()
}

#[test]
fn thirty_people_on_three_seats_on_postgresql() {
    let mut room = Room::named(&[]);
    room.set("t", "think", 1);
    room.set("b", "open", true);
    room.race(|board| {
        let verdict = board["verdict"].to_string();
        board["soldTwice"].as_u64().unwrap() > 0 && verdict.contains("the database says")
    });
    room.console.wait_for("sold twice");
    for strategy in ["for update", "conditional update", "version", "serializable", "optimistic"] {
        room.restart();
        room.sells_once(strategy);
    }
    room.end();
}

#[test]
fn thirty_people_on_three_seats_on_the_optimistic_engine() {
    let mut room = Room::named(&["--engine", "optimistic"]);
    room.set("t", "think", 1);
    room.set("b", "open", true);
    for strategy in ["naive", "for update", "conditional update", "serializable", "optimistic"] {
        room.sells_once(strategy);
        room.restart();
    }
    room.end();
}

#[test]
fn a_phone_is_told_for_whom_it_waits_and_what_came_of_it() {
    let mut room = Room::named(&[]);
    room.set("b", "open", true);
    room.set("s", "strategy", "for update");
    room.browsers[0].post("/press", &json!({"seat": "A-4"}));
    room.events.until("person:1", |person| person["state"] == "thinks");
    room.browsers[1].post("/press", &json!({"seat": "A-4"}));
    let waits = room.events.until("person:2", |person| person["state"] == "waits");
    assert_eq!(waits["words"], "waits for Guest0: row A-4");
    let booked = room.events.until("person:1", |person| person["state"] == "booked");
    assert_eq!(booked["words"], "you have A-4");
    let late = room.events.until("person:2", |person| person["state"] == "late");
    assert_eq!(late["words"], "A-4 was taken already: Guest0 has it");
    room.console.wait_for("longest wait: Guest1");
    room.end();
}

#[test]
fn what_phones_send_is_text_and_little_of_it() {
    let mut room = Room::open(&[]);
    room.set("b", "open", true);
    let eve = &room.browsers[0];
    let evil = "\u{1b}]0;x\u{7}<script>\u{202e}'); drop table seats;--";
    assert_eq!(eve.post("/name", &json!({"name": "x".repeat(25)})).status, 400);
    assert_eq!(eve.post("/name", &json!({"name": "\u{1b}\u{202e}\u{200b}"})).status, 400);
    let named = eve.post("/name", &json!({"name": evil}));
    assert!([200, 400].contains(&named.status), "{named:?}");
    assert!(!named.body.contains(['\u{1b}', '<', '\u{202e}']), "{named:?}");
    let eve = &room.browsers[1];
    assert_eq!(eve.post("/press", &json!({"seat": "A-4"})).status, 409, "who?");
    assert_eq!(eve.post("/name", &json!({"name": "Eve\u{202e}"})).status, 200);
    assert_eq!(room.browsers[2].post("/name", &json!({"name": "eve"})).status, 409);
    for seat in ["A-4'; drop table seats; --", "", "A-4\u{0}", "Z-1"] {
        assert_eq!(eve.post("/press", &json!({"seat": seat})).status, 400, "{seat:?}");
    }
    let long = json!({"name": "x".repeat(1024 * 1024)});
    let refused = room.browsers[3].post("/name", &long).status;
    // Whoever goes on sending may find the line cut before the answer is read.
    assert!([413, 0].contains(&refused), "{refused}");
    let json = "Content-Type: application/json\r\n";
    let own = format!("Origin: http://{}\r\n{json}", eve.address);
    for body in ["", "{", "[]", "{\"name\": 7}", "{\"name\": \"x\", \"part\": \"t\"}"] {
        assert_eq!(room.browsers[3].post_as("/name", body, &own).status, 400, "{body}");
    }
    let statuses: Vec<u16> =
        (0..60).map(|_| eve.post("/press", &json!({"seat": "Z-1"})).status).collect();
    assert!(statuses.iter().filter(|status| **status == 429).count() > 20, "{statuses:?}");
    room.console.wait_for("1 person takes part");
    assert!(!room.console.screen().contains("<script"), "{}", room.console.screen());
    room.end();
}

#[test]
fn the_room_is_asked_before_a_step_and_told_who_was_right() {
    let mut room = Room::named(&[]);
    room.console.type_keys("a");
    let asked = room.events.until("question", |question| question["open"] == true);
    assert_eq!(asked["seat"], "A-4", "{asked}");
    let answers = ["Bob", "Bob", "Mallory", "somebody else"];
    for (browser, answer) in room.browsers.iter().zip(answers) {
        assert_eq!(browser.post("/answer", &json!({"answer": answer})).status, 200);
    }
    let evil = json!({"answer": "'; drop table seats; --"});
    assert_eq!(room.browsers[4].post("/answer", &evil).status, 400);
    room.console.wait_for("who will have A-4?");
    for step in 1..=11 {
        room.console.type_keys(key::F5);
        room.events.until("course", |course| course["step"] == step);
        room.events.until("question", |question| question["open"] == false);
    }
    let late = room.browsers[5].post("/answer", &json!({"answer": "Bob"}));
    assert_eq!(late.status, 409, "{late:?}");
    let outcome = "Bob has A-4: 2 of 4 were right";
    let told = room.events.until("question", |question| question["outcome"] == outcome);
    assert_eq!(told["right"], json!([1, 2]));
    room.console.wait_for(outcome);
    room.end();
}

/// The folder of the server's socket, asked in the focused pane.
fn socket(console: &mut Terminal) -> String {
    let sql = "select 'socket ' || split_part(pg_read_file('postmaster.pid'), E'\\n', 5) || '.';\r";
    console.type_keys(sql);
    console.wait_for("(1 row)");
    let screen = console.screen();
    let told = screen.split(" socket /").nth(1).expect("the socket's folder");
    format!("/{}", told.split('.').next().unwrap())
}

#[test]
fn the_role_of_the_people_can_do_nothing_but_book() {
    let mut room = Room::named(&[]);
    room.set("b", "open", true);
    room.set("t", "think", 0);
    room.browsers[0].post("/press", &json!({"seat": "A-4"}));
    room.events.until("person:1", |person| person["state"] == "booked");
    hide(&mut room.console);
    let folder = socket(&mut room.console);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(as_a_person(&folder));
    leave(room.console);
}

/// What somebody can do with a connection of the people's role.
async fn as_a_person(folder: &str) {
    let options = PgConnectOptions::new().host(folder).username("overbooked_room");
    let mut person = options.database("postgres").connect().await.unwrap();
    let schema = "select relnamespace::regnamespace::text from pg_class where relname = 'seats'";
    let schema: String = sqlx::query_scalar(schema).fetch_one(&mut person).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("set search_path = {schema}")))
        .execute(&mut person)
        .await
        .unwrap();
    let books = "update seats set booked_by = 'Eve' where seat_number = 5";
    assert_eq!(sqlx::query(books).execute(&mut person).await.unwrap().rows_affected(), 1);
    for sql in [
        "insert into seats values ('B', 1, null)",
        "delete from seats",
        "truncate seats",
        "create table t ()",
        "create temporary table t ()",
        "create table public.t ()",
        "create schema s",
        "select pg_advisory_lock(1)",
        "select lo_create(0)",
        "copy seats to program 'true'",
        "select pg_read_file('postmaster.pid')",
        "create role eve",
        "set role overbooked",
        "set session authorization overbooked",
        "alter table seats add x int",
        "drop table seats",
    ] {
        let refused = sqlx::query(sql).execute(&mut person).await.unwrap_err();
        let code =
            refused.as_database_error().and_then(|it| it.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("42501"), "{sql}: {refused}");
    }
    person.close().await.unwrap();
}

#[test]
fn what_the_room_did_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let mut room = Room::in_folder(folder.path());
    room.set("b", "open", true);
    room.set("t", "think", 0);
    room.browsers[0].post("/name", &json!({"name": "Maria"}));
    room.browsers[0].post("/press", &json!({"seat": "A-4"}));
    room.events.until("person:1", |person| person["state"] == "booked");
    room.console.type_keys("\x13");
    room.console.wait_for("written: adjacent-seats.md");
    let read = |ending: &str| {
        let file = folder.path().join(format!("adjacent-seats.{ending}"));
        std::fs::read_to_string(file).unwrap()
    };
    for ending in ["md", "mmd", "sql"] {
        let text = read(ending);
        assert!(text.contains("Maria") && text.contains("update "), "{text}");
    }
    room.end();
    assert!(played(folder.path()).contains("Maria"));
}

/// What is said when the script that was exported into this folder is played, as it can be.
pub(super) fn played(folder: &Path) -> String {
    let mut play = Command::new(env!("CARGO_BIN_EXE_overbooked"));
    play.args(["play", "adjacent-seats.sql"]).current_dir(folder);
    let played = play.output().unwrap();
    let said = String::from_utf8_lossy(&played.stdout).into_owned();
    assert!(played.status.success(), "{said}");
    said
}
