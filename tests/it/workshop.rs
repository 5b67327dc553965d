//! A teacher's quarter of an hour, played by keys from start to end: the real program in a real
//! terminal, with a server of its own. Whatever the room is shown is waited for.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use overbooked::core::scenario::library;

use crate::bad_luck::{Server, server_of};
use crate::terminal::{MIDDLE, SMALL, Terminal, key};

const F4: &str = "\x1bOS";
const F12: &str = "\x1b[24~";
const ALT_Z: &str = "\x1bz";
const CONTROL_S: &str = "\x13";
const CONTROL_X: &str = "\x18";

#[test]
fn a_quarter_of_an_hour_in_front_of_a_room() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = tempfile::tempdir().unwrap();
    let mut console = opened_in(folder.path(), temporary.path());
    the_story_is_read(&mut console);
    let server = a_pane_is_zoomed_and_asks_the_server(&mut console);
    mallory_waits(&mut console);
    alice_asks_meanwhile(&mut console);
    the_waits_are_shown(&mut console);
    bob_commits(&mut console);
    it_goes_back_to_the_wait(&mut console);
    the_other_engine_refuses_bob(&mut console);
    a_deadlock_is_picked_and_played(&mut console);
    the_help_is_asked(&mut console);
    the_session_is_exported(&mut console, folder.path());
    a_statement_that_waits_is_cancelled(&mut console);
    everybody_leaves(&mut console);
    nothing_is_left(&server, folder.path(), temporary.path());
}

/// The console as somebody opens it who stands in this folder.
fn opened_in(folder: &Path, temporary: &Path) -> Terminal {
    let program = env!("CARGO_BIN_EXE_overbooked");
    let line = format!("cd '{}' && exec '{program}'", folder.display());
    let temporary = temporary.to_str().unwrap();
    Terminal::run(Path::new("sh"), MIDDLE, &["-c", &line], &[("TMPDIR", temporary)])
}

fn the_story_is_read(console: &mut Terminal) {
    console.wait_for("Alice and Bob want to sit side by side.");
    console.type_keys(key::ENTER);
    console.wait_until_gone("Sessions:");
    for name in ["Alice", "Bob", "Mallory"] {
        console.wait_for(&format!("{name} ─ idle"));
    }
    console.type_keys(F12);
    console.wait_for("Who will get A-4?");
    assert!(!console.screen().contains("the seat is gone"), "the room has not been asked yet");
    console.type_keys(key::ENTER);
    console.wait_until_gone("Sessions:");
}

fn a_pane_is_zoomed_and_asks_the_server(console: &mut Terminal) -> Server {
    console.type_keys(ALT_Z);
    console.wait_until_gone("bob=#");
    let server = server_of(console);
    console.type_keys(ALT_Z);
    console.wait_for("bob=#");
    server
}

/// Plays on until these are the next steps, one after the other, each after the last one's answer.
fn play(console: &mut Terminal, steps: RangeInclusive<usize>, of: usize) {
    for step in steps {
        console.wait_until("an answer to the last step", |screen| !screen.contains("─ running"));
        console.type_keys(key::F5);
        console.wait_for(&format!("step {step} of {of}"));
    }
}

fn mallory_waits(console: &mut Terminal) {
    play(console, 2..=8, 11);
    console.wait_for("for Bob ─");
    console.wait_for("waits for Bob: row A-4, locked by");
    console.wait_for("⏳ 1 waiting");
}

fn alice_asks_meanwhile(console: &mut Terminal) {
    console.type_keys(&format!("{CONTROL_X}1"));
    console.type_keys("select 'free: ' || count(*) from sea\t");
    console.wait_for("from seats");
    console.type_keys("where book\t");
    console.wait_for("booked_by");
    console.type_keys(" is null;\r");
    console.wait_for("free: 3");
    assert!(console.screen().contains("waits for Bob"), "{}", console.screen());
}

fn the_waits_are_shown(console: &mut Terminal) {
    console.type_keys(F4);
    console.wait_for("who waits for whom");
    console.wait_for("UPDATE▒▒");
    console.type_keys(F4);
    console.wait_until_gone("who waits for whom");
}

fn bob_commits(console: &mut Terminal) {
    play(console, 9..=11, 11);
    console.wait_for("waits for Bob: row A-4, changed");
    console.type_keys(key::F5);
    console.wait_for("all 11 steps played");
    console.wait_for("for Bob");
    console.wait_for("UPDATE 0");
    console.wait_for("→ The row was changed or deleted");
    console.wait_for("as expected");
    console.type_keys(F12);
    console.wait_for("shows her that the seat is gone");
    console.type_keys(key::ENTER);
    console.wait_until_gone("Sessions:");
}

fn it_goes_back_to_the_wait(console: &mut Terminal) {
    for step in [11, 10, 9, 8] {
        console.type_keys(key::F6);
        console.wait_for(&format!("step {step} of 11"));
    }
    console.wait_for("waits for Bob: row A-4, locked by");
    assert!(!console.screen().contains("UPDATE 0"), "{}", console.screen());
}

/// In the middle of it the projector is plugged in.
fn the_other_engine_refuses_bob(console: &mut Terminal) {
    console.type_keys(key::F2);
    console.wait_until("Mallory let through by the other engine", |screen| {
        screen.contains("optimistic on PostgreSQL")
            && screen.contains("step 8 of 11")
            && screen.contains("Mallory ─ idle")
            && screen.contains("UPDATE 1")
    });
    play(console, 9..=9, 11);
    console.resize(SMALL);
    console.wait_until("the whole screen on the projector", |screen| {
        let lines: Vec<_> = screen.lines().collect();
        lines.first().is_some_and(|first| first.trim_end().ends_with("step 9 of 11"))
            && lines.get(23).is_some_and(|last| last.trim_end().ends_with("? help"))
    });
    play(console, 10..=11, 11);
    console.type_keys(key::F5);
    console.wait_for("all 11 steps played");
    console.wait_for("Mallory changed A-4 and committed");
    console.type_keys(&format!("{CONTROL_X}2{ALT_Z}"));
    console.wait_until_gone("alice=#");
    console.wait_for("ERROR:  40001");
    console.wait_for("(OC000)");
    console.wait_for("→ Another session changed the same row and committed first.");
    console.type_keys(ALT_Z);
    console.wait_for("alice=#");
}

fn a_deadlock_is_picked_and_played(console: &mut Terminal) {
    console.type_keys(key::F3);
    console.wait_for("pick a scenario");
    console.type_keys("deadl");
    console.wait_for("▶ A deadlock");
    console.type_keys(key::ENTER);
    console.wait_for("Alice and Bob want to swap seats.");
    console.wait_for("step 1 of 10");
    console.type_keys(key::ENTER);
    console.wait_until_gone("Sessions:");
    console.type_keys(key::F2);
    console.wait_until_gone("optimistic on");
    console.resize(MIDDLE);
    console.wait_for("Bob ─ idle");
    play(console, 2..=8, 10);
    console.wait_for("waits for Bob: row A-2");
    console.type_keys(key::F5);
    console.wait_for("waits for Alice: row A-1");
    console.wait_for("ERROR:  40P01: deadlock detected");
    console.wait_for("waited for each other in a circle");
    console.wait_for("Bob ─ failed transaction");
    console.wait_for("step 9 of 10");
}

fn the_help_is_asked(console: &mut Terminal) {
    console.type_keys("?");
    console.wait_for("find:");
    console.wait_for("replays from a fresh setup");
    console.type_keys("mermaid");
    console.wait_for("find: mermaid");
    console.wait_until_gone("replays from a fresh setup");
    console.wait_for("Ctrl-S");
    console.type_keys(key::ESCAPE);
    console.wait_until_gone("find:");
}

fn the_session_is_exported(console: &mut Terminal, folder: &Path) {
    console.type_keys(CONTROL_S);
    console.wait_for("written: deadlock.md, .mmd, .sql, .svg");
    let read =
        |ending: &str| fs::read_to_string(folder.join(format!("deadlock.{ending}"))).unwrap();
    assert!(read("md").contains("40P01"), "{}", read("md"));
    let diagram = read("mmd");
    for said in ["sequenceDiagram", "waits for Bob", "40P01"] {
        assert!(diagram.contains(said), "{diagram}");
    }
    let scenario = library::open(folder.join("deadlock.sql").to_str().unwrap()).unwrap();
    assert_eq!(scenario.title, "A deadlock");
    assert!(read("sql").contains("ERROR 40P01"), "{}", read("sql"));
    let picture = read("svg");
    let picture = roxmltree::Document::parse(&picture).unwrap();
    assert!(picture.descendants().any(|node| node.text() == Some("Alice")));
}

fn a_statement_that_waits_is_cancelled(console: &mut Terminal) {
    console.type_keys(key::F8);
    console.wait_for("step 1 of 10");
    console.wait_until_gone("40P01");
    console.wait_for("bob=#");
    play(console, 2..=8, 10);
    console.wait_for("waits for Bob: row A-2");
    console.type_keys(&format!("{CONTROL_X}1"));
    console.type_keys(key::CONTROL_C);
    console.wait_for("ERROR:  57014");
    console.wait_for("→ The statement was cancelled.");
    console.wait_until_gone("waits for Bob");
}

fn everybody_leaves(console: &mut Terminal) {
    console.type_keys(key::CONTROL_Q);
    console.wait_for("Leave?");
    console.wait_for("Open transactions: Alice, Bob. Leaving rolls them back.");
    console.type_keys("y");
    assert_eq!(console.wait_for_end(), 0);
    assert!(console.is_given_back());
}

/// Only what was exported is there, and neither a process nor a folder of the server's.
fn nothing_is_left(server: &Server, folder: &Path, temporary: &Path) {
    server.vanishes();
    assert_eq!(names_in(folder), ["deadlock.md", "deadlock.mmd", "deadlock.sql", "deadlock.svg"]);
    assert_eq!(names_in(temporary), [""; 0]);
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
