//! The key that exports: what was played by hand becomes files, and the scenario among them plays
//! again.

use std::path::Path;

use overbooked::core::scenario::{Step, library};

use crate::terminal::{MIDDLE, Terminal, key};

const EXPORT: &str = "\x13";

/// The console on this scenario, with this folder as the current one.
fn console_in(folder: &Path, arguments: &str) -> Terminal {
    let program = env!("CARGO_BIN_EXE_overbooked");
    let line = format!("cd {} && exec {program} {arguments}", folder.display());
    let mut console = Terminal::run(Path::new("sh"), MIDDLE, &["-c", &line], &[]);
    console.wait_for("Sessions:");
    console.type_keys(key::ENTER);
    console.wait_until_gone("Sessions:");
    console
}

fn step(console: &mut Terminal, steps: std::ops::RangeInclusive<usize>, of: usize) {
    for step in steps {
        console.wait_until("an answer to the last step", |screen| !screen.contains("─ running"));
        console.type_keys(key::F5);
        console.wait_for(&format!("step {step} of {of}"));
    }
}

fn leave(console: &mut Terminal) {
    console.type_keys(key::CONTROL_Q);
    console.type_keys("y");
    assert_eq!(console.wait_for_end(), 0);
}

/// Plays an exported scenario without a screen: every line in it must be kept.
fn replay(folder: &Path, name: &str, engine: &str) {
    let path = folder.join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    library::open(path.to_str().unwrap()).unwrap();
    let played = std::process::Command::new(env!("CARGO_BIN_EXE_overbooked"))
        .arg("play")
        .arg(&path)
        .args(["--engine", engine])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&played.stdout);
    assert_eq!(played.status.code(), Some(0), "{text}\n\n{told}");
    assert!(told.contains(": as expected"), "{told}");
}

#[test]
fn a_session_with_typed_statements_is_exported_and_plays_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut console = console_in(folder.path(), "");
    console.wait_for("Mallory ─ idle");
    step(&mut console, 2..=8, 11);
    console.wait_for("waits for Bob");
    console.type_keys("\x1b[Z\x1b[Z");
    console.type_keys("select 'typed ' || 'by hand' as words, now();\r");
    console.wait_for("typed by hand");
    console.type_keys(key::F5);
    console.wait_for("step 9 of 11");
    console.type_keys(EXPORT);
    console.wait_for("written: adjacent-seats.md, .mmd, .sql, .svg");
    console.type_keys("commit;\r");
    console.wait_for("UPDATE 0");
    console.type_keys(EXPORT);
    console.wait_for("written: adjacent-seats-2.md, .mmd, .sql, .svg");
    leave(&mut console);
    replay(folder.path(), "adjacent-seats.sql", "postgres");
    replay(folder.path(), "adjacent-seats-2.sql", "postgres");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("adjacent-seats.md").contains("Alice, typed"));
    assert!(read("adjacent-seats.mmd").contains("waits for Bob"));
    let picture = read("adjacent-seats.svg");
    let picture = roxmltree::Document::parse(&picture).unwrap();
    assert!(picture.descendants().any(|node| node.text() == Some("Mallory")));
    let replayed = read("adjacent-seats-2.sql");
    assert!(replayed.contains("'by hand' as words, now();\n--> (1 row)\n"), "{replayed}");
    assert!(replayed.contains("--> Mallory resumes: UPDATE 0"), "{replayed}");
}

#[test]
fn a_cancelled_wait_and_a_deadlock_play_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut console = console_in(folder.path(), "deadlock");
    console.wait_for("bob=#");
    step(&mut console, 2..=8, 10);
    console.wait_for("waits for Bob");
    console.type_keys(key::CONTROL_C);
    console.wait_for("57014");
    console.type_keys("rollback; begin;\r");
    console.wait_for("alice=*#");
    console.type_keys("update seats set booked_by = 'A' where seat_number = 1;\r");
    console.wait_for("UPDATE 1");
    console.type_keys("update seats set booked_by = 'A' where seat_number = 2;\r");
    console.wait_for("waits for Bob");
    console.type_keys(key::F5);
    console.wait_for("40P01");
    console.type_keys(EXPORT);
    console.wait_for("written: deadlock.md");
    leave(&mut console);
    replay(folder.path(), "deadlock.sql", "postgres");
    let steps = library::open(folder.path().join("deadlock.sql").to_str().unwrap()).unwrap().steps;
    let mut again = console_in(folder.path(), "deadlock.sql");
    again.wait_for("usher=#");
    step(&mut again, 2..=steps.len(), steps.len());
    again.type_keys(key::F5);
    again.wait_for(&format!("all {} steps played", steps.len()));
    again.type_keys(EXPORT);
    again.wait_for("written: deadlock-2.md");
    leave(&mut again);
    replay(folder.path(), "deadlock-2.sql", "postgres");
    let twice = library::open(folder.path().join("deadlock-2.sql").to_str().unwrap()).unwrap();
    let statements = |steps: &[Step]| steps.iter().map(|it| it.sql.clone()).collect::<Vec<_>>();
    assert_eq!(statements(&twice.steps), statements(&steps), "nothing is done twice");
}

#[test]
fn the_other_engine_exports_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut console = console_in(folder.path(), "--engine optimistic");
    console.wait_for("Mallory ─ idle");
    step(&mut console, 2..=11, 11);
    console.type_keys(key::F5);
    console.wait_for("all 11 steps played");
    console.type_keys(EXPORT);
    console.wait_for("written: adjacent-seats.md");
    leave(&mut console);
    replay(folder.path(), "adjacent-seats.sql", "optimistic");
}

/// Only there can nobody write, whoever runs the test, into a folder that is always there: `/proc`.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let mut console = console_in(Path::new("/proc"), "");
    console.type_keys(EXPORT);
    console.wait_for("cannot write adjacent-seats.md: ");
    leave(&mut console);
}
