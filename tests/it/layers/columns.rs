//! How wide lines are. rustfmt leaves attributes, macros' arguments and long strings as they are
//! written, so it alone does not keep them narrow.

use std::fs;
use std::path::{Path, PathBuf};

use super::sources;

/// The same as rustfmt's `max_width`.
const COLUMNS: usize = 100;

const FOLDERS: [&str; 4] = ["src", "tests", "benches", "examples"];

fn files() -> Vec<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in FOLDERS {
        sources(&top.join(folder), &mut files);
    }
    // A crate among the tests has a build folder of its own, with generated code in it.
    let is_built = |file: &Path| file.iter().any(|part| part == "target");
    files.retain(|file| !is_built(file.strip_prefix(top).unwrap()));
    files
}

/// The numbers of the lines that are too long, counted from 1. A character is a column, however
/// many bytes it has.
fn too_long(text: &str) -> Vec<usize> {
    let lines = (1..).zip(text.lines());
    lines.filter(|(_, line)| line.chars().count() > COLUMNS).map(|(number, _)| number).collect()
}

#[test]
fn no_line_is_over_a_hundred_columns() {
    let mut wrong = Vec::new();
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        let numbers = too_long(&text).into_iter();
        wrong.extend(numbers.map(|number| format!("{}:{number}", file.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_line_of_a_hundred_characters_is_not_too_long() {
    let (fits, wider) = ("─".repeat(COLUMNS), "x".repeat(COLUMNS + 1));
    assert_eq!(too_long(&format!("{fits}\n{wider}\n{fits}")), [2]);
}
