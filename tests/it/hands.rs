//! What hands that know psql, readline and a shell do at the console, in a real terminal beside a
//! real server: complete, copy, edit elsewhere, come back the next day.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::terminal::{MIDDLE, SMALL, Size, Terminal, WIDE, key};

const CONTROL_X: &str = "\x18";
const CONTROL_E: &str = "\x05";
const ALT_Y: &str = "\x1by";

fn opened(size: Size, arguments: &[&str], variables: &[(&str, &str)]) -> Terminal {
    let mut console = Terminal::open_with(size, arguments, variables);
    console.wait_for("Sessions:");
    console.type_keys(key::ENTER);
    console.wait_until_gone("Sessions:");
    console.wait_for("alice=#");
    console
}

fn leave(console: &mut Terminal) {
    console.type_keys(key::CONTROL_Q);
    assert_eq!(console.wait_for_end(), 0);
    assert!(console.is_given_back());
}

#[test]
fn tab_completes_what_the_catalog_has_and_leaves_only_an_empty_line() {
    let mut console = opened(WIDE, &[], &[]);
    console.type_keys("selec\t");
    console.wait_for("alice=# select");
    console.type_keys("* from sea\t");
    console.wait_for("alice=# select * from seats");
    console.type_keys("where boo\t");
    console.wait_for("alice=# select * from seats where booked_by");
    console.type_keys(key::CONTROL_C);
    console.wait_until_gone("select * from seats where booked_by");
    console.type_keys("select s.seat_\t");
    console.wait_for("select s.seat_");
    console.type_keys(&format!(" from seats s;{}", "\x1b[D".repeat(14)));
    console.type_keys(key::TAB);
    console.wait_for("seat_number  column");
    console.type_keys(key::TAB);
    console.wait_for("2 / 2");
    console.type_keys(key::ENTER);
    console.wait_until("a column taken", |screen| {
        screen.contains("select s.seat_row from seats s;")
            || screen.contains("select s.seat_number from seats s;")
    });
    console.type_keys(key::CONTROL_C);
    console.wait_until_gone("from seats s;");
    console.type_keys(key::TAB);
    console.type_keys("select 'bob''s ' || 'pane';\r");
    console.wait_for("bob's pane");
    leave(&mut console);
}

#[test]
fn what_was_just_made_is_completed_too_and_quoted_where_it_must_be() {
    let mut console = opened(MIDDLE, &[], &[]);
    console.type_keys("create table \"Mixed Case\" (\"Id\" int, other int);\r");
    console.wait_for("CREATE TABLE");
    console.type_keys("table mix\t");
    console.wait_for("alice=# table \"Mixed Case\"");
    console.type_keys(";\r");
    console.wait_for("(0 rows)");
    console.type_keys("update \"Mix\t");
    console.wait_for("alice=# update \"Mixed Case\"");
    console.type_keys("set \t");
    console.wait_for("\"Id\"   column");
    console.type_keys(key::ESCAPE);
    console.wait_until_gone("column");
    leave(&mut console);
}

#[test]
fn a_digit_after_the_prefix_turns_to_a_session_in_the_middle_of_a_line() {
    let mut console = opened(MIDDLE, &[], &[]);
    console.type_keys("select 'half a line");
    console.wait_for("half a line");
    console.type_keys(CONTROL_X);
    console.wait_for("1-9 session N");
    console.type_keys("3select 'mallory''s ' || 'pane';\r");
    console.wait_for("mallory's pane");
    console.type_keys(&format!("{CONTROL_X}1 is whole';\r"));
    console.wait_for("half a line is whole");
    leave(&mut console);
}

#[test]
fn a_session_that_was_closed_is_opened_again_with_enter() {
    let mut console = opened(MIDDLE, &[], &[]);
    console.type_keys(key::CONTROL_D);
    console.wait_for("Enter reopens it");
    console.type_keys("select 6 * 7;\r");
    console.wait_for("reconnected");
    console.wait_for("alice=# select 6 * 7;");
    console.type_keys(key::ENTER);
    console.wait_for("42");
    console.type_keys(key::F5);
    console.wait_for("step 2 of 11");
    leave_with_question(&mut console);
}

#[test]
fn a_line_of_the_file_that_is_not_so_is_told_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("one.sql");
    let text = "-- One\n-- sessions: Alice\n\n-- Alice: asks\nselect 6 * 7;\n--> 41\n";
    fs::write(&file, text).unwrap();
    let mut console = opened(SMALL, &[file.to_str().unwrap()], &[]);
    console.type_keys(key::F5);
    console.wait_for("the only step played");
    console.wait_for("(1 row)");
    console.type_keys(key::F5);
    console.wait_for("that was the last step; one line of the file is not so, Alt-j shows it;");
    leave(&mut console);
}

fn leave_with_question(console: &mut Terminal) {
    console.type_keys(key::CONTROL_Q);
    console.wait_for("Leave?");
    console.type_keys("y");
    assert_eq!(console.wait_for_end(), 0);
}

#[test]
fn what_was_typed_is_there_the_next_time_but_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state/history");
    let variables = [("OVERBOOKED_HISTORY", file.to_str().unwrap())];
    let mut console = opened(MIDDLE, &[], &variables);
    console.type_keys("select 'of ' || 'yesterday'\r, 2;\r");
    console.wait_for("of yesterday");
    console.type_keys("alter role current_user password 'hunter2';\r");
    console.wait_for("ALTER ROLE");
    leave(&mut console);
    assert!(!fs::read_to_string(&file).unwrap().contains("hunter2"));
    let mut console = opened(MIDDLE, &[], &variables);
    console.type_keys(&format!("{CONTROL_X}2\x1b[A"));
    console.wait_for("bob=# select 'of ' || 'yesterday'");
    console.type_keys(key::ENTER);
    console.wait_for("of yesterday | ");
    leave(&mut console);
    let off = ["--history", "off"];
    let mut console = opened(MIDDLE, &off, &variables);
    console.type_keys("\x1b[Aselect 'of ' || 'today';\r");
    console.wait_for("of today");
    leave(&mut console);
    assert!(!fs::read_to_string(&file).unwrap().contains("today"));
}

/// What was put into the clipboard last.
fn clipboard(console: &Terminal) -> String {
    let raw = String::from_utf8_lossy(&console.raw).into_owned();
    let (_, rest) = raw.rsplit_once("\x1b]52;c;").expect("nothing was copied");
    let (encoded, _) = rest.split_once('\x07').expect("the end is missing");
    String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
}

#[test]
fn results_and_parts_of_a_pane_go_to_the_clipboard_and_not_into_a_recording() {
    let folder = tempfile::tempdir().unwrap();
    let cast = folder.path().join("session.cast");
    let mut console = opened(SMALL, &["--record", cast.to_str().unwrap()], &[]);
    console.type_keys("select n, 'Zoë' as name from generate_series(1, 2) n;\r");
    console.wait_for("(2 rows)");
    console.type_keys("y");
    console.wait_for("copied 5 lines");
    assert_eq!(clipboard(&console), " n | name\n---+------\n 1 | Zoë\n 2 | Zoë\n(2 rows)");
    console.type_keys(ALT_Y);
    console.wait_for("y copies");
    console.type_keys("\x1b[A\x1b[Fvhhy");
    console.wait_for("copied 1 line");
    assert_eq!(clipboard(&console), "Zoë");
    console.type_keys(ALT_Y);
    console.wait_for("y copies");
    console.type_keys(key::ESCAPE);
    console.wait_until_gone("y copies");
    leave(&mut console);
    let recorded = fs::read_to_string(&cast).unwrap();
    assert!(recorded.contains("copied 5 lines") && !recorded.contains("]52;"));
}

/// An editor that is a script of this text.
fn editor(folder: &Path, script: &str) -> String {
    let path = folder.join("editor");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_line_is_edited_elsewhere_and_the_screen_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    // It reads the terminal's keys, so nobody else may.
    let script = "echo an editor; cat \"$1\"; read -r line; printf '%s' \"$line\" > \"$1\"";
    let command = editor(folder.path(), script);
    let mut console = opened(MIDDLE, &[], &[("EDITOR", &command), ("VISUAL", "false")]);
    console.type_keys("select 'befo");
    console.wait_for("select 'befo");
    console.type_keys(&format!("{CONTROL_X}{CONTROL_E}"));
    console.wait_for("an editor");
    console.wait_for("select 'befo");
    assert!(console.is_given_back(), "the editor has the terminal as a shell leaves it");
    console.type_keys("select 'after ' || 'that';\r");
    console.wait_for("alice=# select 'after ' || 'that';");
    console.wait_until("a screen", |screen| screen.contains("mallory=#"));
    assert!(!console.screen().contains("after that"), "it is not sent by itself");
    console.type_keys(key::ENTER);
    console.wait_for("after that");
    console.type_keys("\\e\r");
    console.wait_until("an editor again", |screen| screen.matches("an editor").count() == 2);
    console.type_keys("select 'once ' || 'more';\r");
    console.wait_for("alice=# select 'once ' || 'more';");
    console.type_keys(key::ENTER);
    console.wait_for("once more");
    leave(&mut console);
}

#[test]
fn control_c_is_the_editors_and_a_wait_goes_on_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let script = "trap 'echo interrupted; exit 3' INT; echo an editor; while :; do read -r x; done";
    let command = editor(folder.path(), script);
    let mut console = opened(MIDDLE, &[], &[("PSQL_EDITOR", &command), ("EDITOR", "false")]);
    console.type_keys("select pg_sleep(0.2), 'slept ' || 'well';\r");
    console.type_keys(&format!("{CONTROL_X}{CONTROL_E}"));
    console.wait_for("an editor");
    console.type_keys(key::CONTROL_C);
    console.wait_for("ended with status 3; the line stays as it was");
    console.wait_for("slept well");
    leave(&mut console);
}

#[test]
fn an_editor_that_is_not_there_is_named() {
    let mut console = opened(MIDDLE, &[], &[("EDITOR", "/no/such/editor")]);
    console.type_keys("select 1");
    console.type_keys(&format!("{CONTROL_X}{CONTROL_E}"));
    console.wait_for("the editor /no/such/editor (EDITOR) is not there");
    console.wait_for("alice=# select 1");
    console.type_keys(key::CONTROL_C);
    leave(&mut console);
}

#[test]
fn an_editor_does_not_outlive_the_console() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("ended");
    let script = format!(
        "trap 'echo yes > {}; exit' TERM; echo an editor; while :; do read -r x; done",
        mark.display()
    );
    let command = editor(folder.path(), &script);
    let mut console = opened(MIDDLE, &[], &[("EDITOR", &command)]);
    console.type_keys(&format!("{CONTROL_X}{CONTROL_E}"));
    console.wait_for("an editor");
    console.signal("TERM");
    assert_eq!(console.wait_for_end(), 130);
    assert!(mark.exists(), "it was told to end, and has");
    assert!(console.is_given_back());
}
