//! The README says what the program does.

use overbooked::tui::keys::KeyMap;

const README: &str = include_str!("../../README.md");

#[test]
fn the_table_of_keys_is_the_programs_own() {
    let table = KeyMap::default().markdown();
    assert!(README.contains(table.trim()), "README.md lacks this table:\n\n{table}");
}

#[test]
fn every_scenario_file_that_it_names_is_there() {
    for entry in overbooked::scenario::library::ENTRIES {
        let scenario = entry.scenario().unwrap();
        assert!(!scenario.story.is_empty(), "{} has no story", entry.name);
    }
}
