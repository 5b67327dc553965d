//! Connections that break, and a server that dies.

use super::{leave, on_stage, send, server_of};
use crate::terminal::{WIDE, key};

#[test]
fn a_killed_backend_is_told_in_its_pane_and_one_key_connects_again() {
    let mut console = on_stage(WIDE, &[], &[]);
    send(&mut console, "begin; select 6 * 7;");
    console.wait_for("42");
    console.type_keys(key::TAB);
    send(
        &mut console,
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = \
         'overbooked/Alice';",
    );
    console.wait_for("its open transaction was rolled back");
    console.wait_for("1 Alice ─ connection lost");
    console.type_keys("\x1b[Z");
    console.type_keys(key::ENTER);
    console.wait_for("reconnected");
    send(&mut console, "select 6 * 111;");
    console.wait_for("666");
    assert_eq!(leave(&mut console), 0);
}

#[test]
fn a_killed_server_is_told_and_one_key_starts_it_again() {
    let mut console = on_stage(WIDE, &[], &[]);
    let server = server_of(&mut console);
    send(&mut console, "begin;");
    console.wait_for("alice=*#");
    let killed = std::process::Command::new("kill").args(["-9", &server.pid]).status().unwrap();
    assert!(killed.success());
    console.wait_for("connection lost");
    console.wait_for("its open transaction was rolled back");
    console.wait_for("3 Mallory ─ connection lost");
    console.type_keys(key::ENTER);
    console.wait_for("reconnected");
    send(&mut console, "select 'the seats are ' || count(*) from seats;");
    console.wait_for("the seats are 7");
    console.type_keys(key::F8);
    console.wait_until_gone("connection lost");
    console.wait_for("Mallory ─ idle");
    console.type_keys(key::F5);
    console.wait_for("bob=*#");
    assert_eq!(leave(&mut console), 0);
    assert!(console.is_given_back());
    server.vanishes();
}

#[test]
fn a_server_killed_in_the_middle_of_a_wait_does_not_take_the_console_along() {
    let mut console = on_stage(WIDE, &[], &[]);
    let server = server_of(&mut console);
    for step in 2..=8 {
        console.type_keys(key::F5);
        console.wait_for(&format!("step {step} of 11"));
    }
    console.wait_for("waits for Bob");
    let killed = std::process::Command::new("kill").args(["-9", &server.pid]).status().unwrap();
    assert!(killed.success());
    console.wait_for("3 Mallory ─ connection lost");
    console.type_keys(key::F8);
    console.wait_for("step 1 of 11");
    console.wait_until_gone("connection lost");
    console.type_keys(key::F5);
    console.wait_for("bob=*#");
    assert_eq!(leave(&mut console), 0);
    server.vanishes();
}
