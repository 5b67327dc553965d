//! A scenario to begin with, and those that come with the program, as files.

use std::path::Path;
use std::process::{Command, Output};

use overbooked::core::scenario::library;

use crate::headless::{complaint, overbooked, told};

fn overbooked_in(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_overbooked"));
    command.current_dir(folder).args(arguments).output().unwrap()
}

#[test]
fn a_new_scenario_plays_as_it_is_on_both_engines() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sessions) in [("alone", "1"), ("two", "2"), ("named", "Ann,Ben,Cem,Dora")] {
        let written = overbooked_in(folder.path(), &["new", name, "--sessions", sessions]);
        assert_eq!(written.status.code(), Some(0), "{}", complaint(&written));
        let said = format!("written: {name}.sql; `overbooked {name}.sql` opens it\n");
        assert_eq!(told(&written), said);
    }
    for engine in ["postgres", "optimistic"] {
        let files = ["alone.sql", "two.sql", "named.sql"];
        let words = ["play", "--engine", engine].into_iter().chain(files);
        let played = overbooked_in(folder.path(), &words.collect::<Vec<_>>());
        assert_eq!(played.status.code(), Some(0), "{}{}", told(&played), complaint(&played));
    }
}

#[test]
fn a_file_that_is_there_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.sql"), "mine").unwrap();
    let refused = overbooked_in(folder.path(), &["new", "mine"]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(
        complaint(&refused),
        "overbooked: mine.sql exists and is left as it is; give the new scenario another name\n"
    );
    assert_eq!(std::fs::read_to_string(folder.path().join("mine.sql")).unwrap(), "mine");
}

#[test]
fn what_cannot_be_written_is_said_and_nothing_is() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (&["new", "nowhere/x"][..], "cannot write nowhere/x.sql: "),
        (&["new", "x", "--sessions", "Ann,Ann"], "--sessions: Ann is named twice"),
        (&["new", "x", "--sessions", "99"], "--sessions: 99 is not a number from 1 to 60"),
        (&["new", "x.spec"], "a scenario's file ends in .sql, and not in .spec"),
        (&["new", "new/"], "name the new scenario"),
    ] {
        let refused = overbooked_in(folder.path(), arguments);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}");
        assert!(complaint(&refused).contains(words), "{}", complaint(&refused));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_scenario_of_the_library_is_printed_as_it_stands_in_its_file() {
    for entry in library::ENTRIES {
        let shown = overbooked(&["show", entry.name]);
        assert_eq!((shown.status.code(), told(&shown).as_str()), (Some(0), entry.text));
    }
    let refused = overbooked(&["show", "deadlok"]);
    assert_eq!(refused.status.code(), Some(2));
    let words = "overbooked: there is no scenario called deadlok; did you mean deadlock?\n";
    assert_eq!(complaint(&refused), words);
}
