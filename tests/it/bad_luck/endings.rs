//! However the console ends, the terminal is as it was and nothing of the server stays.

use super::{on_stage, send, server_of};
use crate::terminal::{MIDDLE, Terminal, WIDE, key};

fn ends_by(signal: &str) {
    let mut console = on_stage(WIDE, &[], &[]);
    let server = server_of(&mut console);
    send(&mut console, "begin;");
    console.wait_for("alice=*#");
    console.signal(signal);
    assert_eq!(console.wait_for_end(), 130, "{signal}");
    assert!(console.is_given_back(), "{signal}");
    server.vanishes();
}

#[test]
fn sigterm_gives_the_terminal_back_and_leaves_nothing() {
    ends_by("TERM");
}

#[test]
fn sighup_gives_the_terminal_back_and_leaves_nothing() {
    ends_by("HUP");
}

#[test]
fn a_console_that_is_killed_takes_its_server_along() {
    let mut console = on_stage(WIDE, &[], &[]);
    let server = server_of(&mut console);
    console.signal("KILL");
    console.wait_for_end();
    server.vanishes();
}

#[test]
fn a_console_that_is_killed_takes_the_other_engine_along_as_well() {
    let mut console = on_stage(WIDE, &[], &[]);
    let server = server_of(&mut console);
    console.type_keys(key::F2);
    console.wait_for("optimistic on PostgreSQL");
    console.wait_for("alice=#");
    console.signal("KILL");
    console.wait_for_end();
    server.vanishes();
}

#[test]
fn leaving_in_the_middle_of_a_wait_does_not_wait() {
    let mut console = on_stage(WIDE, &[], &[]);
    let server = server_of(&mut console);
    for step in 2..=8 {
        console.type_keys(key::F5);
        console.wait_for(&format!("step {step} of 11"));
    }
    console.wait_for("waits for Bob");
    console.type_keys(key::CONTROL_Q);
    console.wait_for("Open transactions: Alice, Bob.");
    console.type_keys("n");
    console.wait_until_gone("Leave?");
    console.type_keys(key::CONTROL_Q);
    console.wait_for("Leave?");
    console.type_keys("y");
    assert_eq!(console.wait_for_end(), 0);
    assert!(console.is_given_back());
    server.vanishes();
}

const PANICKER: &str = "OVERBOOKED_TEST_PANICS";

/// Not a test of its own: the program that the test below runs in a terminal. Something in its view
/// panics.
#[test]
#[ignore = "is started, in a terminal, by the test below"]
fn panicker() {
    if std::env::var_os(PANICKER).is_none() {
        return;
    }
    let mut screen = overbooked::tui::screen::Screen::open(None).unwrap();
    let drawn = screen.terminal().draw(|_| panic!("a view that cannot be drawn"));
    assert!(drawn.is_err(), "the panic went on");
}

#[test]
fn a_panic_inside_a_view_is_reported_on_a_terminal_that_was_given_back() {
    let myself = std::env::current_exe().unwrap();
    let arguments =
        ["--exact", "bad_luck::endings::panicker", "--ignored", "--nocapture", "--test-threads=1"];
    let mut program = Terminal::run(&myself, MIDDLE, &arguments, &[(PANICKER, "1")]);
    assert_ne!(program.wait_for_end(), 0);
    assert!(program.is_given_back());
    assert_eq!(program.count(b"\x1b[?1049h"), 1, "the terminal was taken before");
    assert!(program.screen().contains("a view that cannot be drawn"), "{}", program.screen());
}

#[test]
fn a_full_disk_for_the_log_costs_nothing_but_the_log() {
    let mut console = on_stage(MIDDLE, &["--log", "/dev/full"], &[("RUST_LOG", "trace")]);
    send(&mut console, "select 6 * 7;");
    console.wait_for("42");
    assert_eq!(super::leave(&mut console), 0);
    assert!(console.is_given_back());
}
