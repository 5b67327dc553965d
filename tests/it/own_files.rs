//! Scenario files of one's own: named on the command line, in the list, read again when saved.

use std::path::Path;

use crate::headless::{complaint, overbooked, told};
use crate::terminal::{MIDDLE, SMALL, Terminal, WIDE, key};

const RACE: &str = "-- A race of mine\n--\n-- sessions: Ann, Ben\n\n-- setup\n\
    create table t (id int);\ninsert into t values (1);\n\n\
    -- Ann: begins\nbegin;\n--> BEGIN\n\n-- Ben: counts\nselect count(*) from t;\n--> 1\n\n\
    -- Ann: commits\ncommit;\n--> COMMIT\n";

/// Saves as many editors do: a new file is renamed over the old one.
fn save(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, path).unwrap();
}

fn open(size: crate::terminal::Size, arguments: &[&str]) -> Terminal {
    let mut console = Terminal::open(size, arguments);
    console.wait_for("closes this");
    console.type_keys(key::ENTER);
    console.wait_for("ann=#");
    console
}

fn leave(console: &mut Terminal) {
    console.type_keys(key::CONTROL_Q);
    assert_eq!(console.wait_for_end(), 0);
}

#[test]
fn a_file_that_is_saved_is_played_anew_and_a_mistake_in_it_is_shown_in_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("race.sql");
    std::fs::write(&path, RACE).unwrap();
    let mut console = open(MIDDLE, &[path.to_str().unwrap()]);
    console.type_keys(key::F5);
    console.wait_for("step 2 of 3");
    save(&path, &RACE.replace("Ben: counts", "Ben: looks around"));
    console.wait_for("race.sql has changed; F8 plays the new version");
    console.type_keys(key::F8);
    console.wait_for("looks around");
    console.wait_for("step 1 of 3");
    assert!(!console.screen().contains("closes this"), "the story is known");
    // A mistake: the place, the line, what to do; and what is on the stage goes on.
    save(&path, &RACE.replace("-- Ben: counts", "-- Benn: counts"));
    console.wait_for("no session called Benn");
    let told = console.screen();
    for part in ["race.sql:13:4", "did you mean Ben?", "-- Benn: counts", "   ^", "F5 and F8"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    console.type_keys(key::F5);
    console.wait_for("step 2 of 3");
    assert!(console.screen().contains("looks around"), "{}", console.screen());
    // Written in place, as other editors do.
    std::fs::write(&path, RACE.replace("Ben: counts", "Ben: sums up")).unwrap();
    console.wait_for("race.sql has changed");
    console.type_keys(key::F8);
    console.wait_for("sums up");
    std::fs::rename(&path, path.with_extension("old")).unwrap();
    console.wait_for("race.sql is gone; this version of it can still be played");
    console.type_keys(key::F5);
    console.wait_for("step 2 of 3");
    console.type_keys("rollback;\r");
    console.wait_for("ROLLBACK");
    console.type_keys("select 6 * 7;\r");
    console.wait_for("42");
    leave(&mut console);
}

#[test]
fn a_setup_that_failed_is_tried_again_with_what_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("race.sql");
    std::fs::write(&path, RACE.replace("values (1)", "values (1 / 0)")).unwrap();
    let mut console = Terminal::open(SMALL, &[path.to_str().unwrap()]);
    console.wait_for("F8 tries again.");
    assert!(console.screen().contains("STATEMENT:  insert into t values (1 / 0);"));
    save(&path, RACE);
    console.wait_for("race.sql has changed");
    console.type_keys(key::F8);
    console.wait_for("ann=#");
    leave(&mut console);
}

#[test]
fn a_file_that_the_setup_names_counts_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("race.sql");
    let schema = folder.path().join("schema.sql");
    std::fs::write(&path, RACE.replace("Ben\n", "Ben\n-- setup-file: schema.sql\n")).unwrap();
    std::fs::write(&schema, "create table first (id int);\n").unwrap();
    let mut console = open(MIDDLE, &[path.to_str().unwrap()]);
    save(&schema, "create table second (id int);\n");
    console.wait_for("race.sql has changed");
    console.type_keys(key::F8);
    // Only the new setup makes this table, which the map then shows.
    console.wait_for("╭ second");
    leave(&mut console);
}

#[test]
fn files_and_folders_are_in_the_list_with_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.sql"), RACE).unwrap();
    std::fs::write(folder.path().join("b.sql"), RACE.replace("of mine", "of yours")).unwrap();
    std::fs::write(folder.path().join("schema.sql"), "create table x (y int);").unwrap();
    let wrong = RACE.replace("-- Ben: counts", "-- Zoe: counts");
    std::fs::write(folder.path().join("c.sql"), wrong).unwrap();
    std::fs::write(other.path().join("d.sql"), RACE.replace("of mine", "elsewhere")).unwrap();
    let mut console = open(WIDE, &[folder.path().to_str().unwrap(), "deadlock"]);
    console.type_keys(key::F3);
    console.wait_for("A race of mine (a.sql)");
    let list = console.screen();
    assert!(list.contains("A race of yours (b.sql)") && list.contains("c.sql has a mistake"));
    assert!(!list.contains("schema.sql"), "{list}");
    // What comes into the folder comes into the list, and what is mended is so there.
    save(&folder.path().join("e.sql"), &RACE.replace("of mine", "that is new"));
    console.wait_for("A race that is new (e.sql)");
    // One with a mistake says it in full.
    console.type_keys("c.sql");
    console.wait_for("find: c.sql");
    console.type_keys(key::ENTER);
    console.wait_for("no session called Zoe");
    console.type_keys(key::ESCAPE);
    console.wait_until_gone("no session called Zoe");
    // A folder that nobody has named yet is opened by its path.
    console.type_keys(key::F3);
    console.wait_for("pick a scenario");
    console.type_keys(&format!("{}/", other.path().display()));
    console.wait_for("Open the path");
    console.type_keys(key::ENTER);
    console.wait_for("A race elsewhere (d.sql)");
    console.type_keys(key::ENTER);
    console.wait_for("closes this");
    console.type_keys(key::ENTER);
    console.wait_for("A race elsewhere");
    leave(&mut console);
}

#[test]
fn a_folder_is_played_without_a_screen_too() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().to_str().unwrap().to_owned();
    let refused = overbooked(&["play", &name]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(complaint(&refused).contains("there is no scenario in "), "{}", complaint(&refused));
    std::fs::write(folder.path().join("a.sql"), RACE).unwrap();
    std::fs::write(folder.path().join("b.sql"), RACE.replace("of mine", "of yours")).unwrap();
    std::fs::write(folder.path().join("schema.sql"), "create table x (y int);").unwrap();
    let played = overbooked(&["play", &name]);
    assert_eq!(played.status.code(), Some(0), "{}", complaint(&played));
    assert!(told(&played).contains("A race of mine") && told(&played).contains("A race of yours"));
    std::fs::write(folder.path().join("c.sql"), RACE.replace("-- Ben:", "-- Zoe:")).unwrap();
    let refused = overbooked(&["play", &name]);
    assert_eq!((refused.status.code(), told(&refused).as_str()), (Some(2), ""));
    assert!(complaint(&refused).contains("c.sql:13:4: there is no session called Zoe"));
}

#[test]
fn a_deadlock_is_told_by_names_in_its_pane() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ring.sql");
    let take = |who: &str, id: u8| {
        format!("-- {who}: takes {id}\nupdate t set id = id where id = {id};\n")
    };
    let text = format!(
        "-- A ring\n--\n-- sessions: Ann, Ben\n\n-- setup\ncreate table t (id int primary key);\n\
         insert into t values (1), (2);\n\n\
         -- Ann: is patient\nset deadlock_timeout = '1min'; begin;\n\n\
         -- Ben: is not\nset deadlock_timeout = '200ms'; begin;\n\n{}{}{}{}",
        take("Ann", 1),
        take("Ben", 2),
        take("Ann", 2),
        take("Ben", 1)
    );
    std::fs::write(&path, text).unwrap();
    let mut console = open(WIDE, &[path.to_str().unwrap()]);
    for step in 2..=6 {
        console.type_keys(key::F5);
        console.wait_for(&format!("step {step} of 6"));
    }
    console.wait_for("waits for Ben");
    console.type_keys(key::F5);
    console.wait_for("40P01");
    console.wait_for("Ben waits for ShareLock on transaction");
    console.wait_for("blocked by Ann.");
    console.wait_for("Overbooked put the names");
    console.type_keys(key::F8);
    console.wait_for("step 1 of 6");
    leave(&mut console);
}

#[test]
fn a_step_is_jumped_to_and_back() {
    let mut console = Terminal::open(MIDDLE, &["lost-update"]);
    console.wait_for("closes this");
    console.type_keys(key::ENTER);
    console.wait_for("alice=#");
    console.type_keys("\x1bj");
    console.wait_for("the end, after the last step");
    console.type_keys("\x1b[B\x1b[B\x1b[B\x1b[B");
    console.wait_for("plays on to it");
    console.type_keys(key::ENTER);
    console.wait_for("step 5 of ");
    console.type_keys("\x1bj");
    console.wait_for("stays here");
    console.type_keys("\x1b[A\x1b[A\x1b[A");
    console.wait_for("goes back to it");
    console.type_keys(key::ENTER);
    console.wait_for("step 2 of ");
    console.type_keys("\x1bj\x1b[F");
    console.wait_for("plays on to it");
    console.type_keys(key::ENTER);
    console.wait_for("steps played");
    console.type_keys("\x1bs");
    console.wait_for("Her sale is gone");
    console.type_keys(key::ENTER);
    console.wait_until_gone("Her sale is gone");
    leave(&mut console);
}
