//! The README says what the program does.

use clap::ValueEnum as _;
use overbooked::rush::strategy::StrategyName;
use overbooked::stage::keys::{DEBUGGER, KeyMap, TABLE};

const README: &str = include_str!("../../README.md");

#[test]
fn the_table_of_keys_is_the_programs_own() {
    let table = KeyMap::default().markdown(TABLE);
    assert!(README.contains(table.trim()), "README.md lacks this table:\n\n{table}");
}

#[test]
fn the_table_of_the_debuggers_keys_is_its_own() {
    let page = include_str!("../../docs/debugger.md");
    let table = KeyMap::default().for_debugging().markdown(DEBUGGER);
    assert!(page.contains(table.trim()), "docs/debugger.md lacks this table:\n\n{table}");
}

#[test]
fn the_rushs_strategies_are_all_named() {
    let section = README.split("## The rush").nth(1).unwrap().split("## ").next().unwrap();
    let table: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    let rows = table.iter().map(|row| row.split('|').nth(1).unwrap());
    let named: Vec<&str> = rows.flat_map(|names| names.split('`').skip(1).step_by(2)).collect();
    for name in StrategyName::value_variants() {
        assert!(named.contains(&name.as_str()), "README.md lacks {name}");
    }
    assert_eq!(named.len(), StrategyName::value_variants().len());
}

/// What stands between these.
fn linked(before: &str, after: char) -> impl Iterator<Item = &'static str> {
    README.split(before).skip(1).filter_map(move |rest| rest.split(after).next())
}

#[test]
fn everything_that_it_links_to_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let links = linked("](", ')').chain(linked("src=\"", '"')).chain(linked("srcset=\"", '"'));
    let missing: Vec<&str> =
        links.filter(|link| !link.contains("://") && !root.join(link).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
