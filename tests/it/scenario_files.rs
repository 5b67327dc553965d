//! The scenarios that come with the program, and files opened by their path.

use std::fs;
use std::path::Path;

use overbooked::core::scenario::library::{self, OpenError};
use overbooked::core::scenario::{Scenario, sql_file};

#[test]
fn every_scenario_that_comes_with_the_program_can_be_written_and_read_again() {
    for entry in library::ENTRIES {
        let scenario = entry.scenario().unwrap();
        let text = sql_file::render(&scenario);
        let again = sql_file::parse(&text, Path::new("again.sql"), entry.name).unwrap();
        assert_eq!(sql_file::render(&again), text);
        assert_eq!(again.steps.len(), scenario.steps.len());
    }
}

#[test]
fn the_first_scenario_has_the_story_of_two_friends() {
    let scenario = library::open(library::DEFAULT).unwrap();
    let told: Vec<String> = scenario.steps.iter().map(|step| step.name.clone()).collect();
    insta::assert_snapshot!(told.join("\n"));
}

fn opened(name: &str, bytes: &[u8]) -> Result<Scenario, OpenError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a file");
    library::open(path.to_str().expect("UTF-8"))
}

#[test]
fn a_file_from_another_system_is_read_like_any() {
    let file =
        b"\xef\xbb\xbf-- T\r\n-- sessions: A\r\n\r\n-- A: acts\r\n\tselect 1;\r\n--> (1 row)\r\n";
    let scenario = opened("dos.sql", file).unwrap();
    assert_eq!((scenario.name.as_str(), scenario.steps[0].sql.as_str()), ("dos", "select 1;"));
}

#[test]
fn bytes_that_are_no_text_are_a_mistake_with_a_place() {
    let error = opened("latin.sql", b"-- Caf\xe9\n").unwrap_err().to_string();
    assert!(
        error.ends_with(
            "latin.sql:1:7: the file is not UTF-8: byte 0xE9 is not valid here; save it as UTF-8"
        ),
        "{error}"
    );
}

#[test]
fn a_specification_is_known_by_its_ending() {
    let scenario = opened("a.spec", b"session s step a { SELECT 1; }").unwrap();
    assert_eq!(scenario.steps[0].sql, "SELECT 1;");
}
