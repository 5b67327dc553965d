//! Holds `src/` against the picture in the crate's documentation: a file imports its own layer and lower ones, never higher.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms by layer, lowest first.
const LAYERS: [&[&str]; 6] = [
    &["event", "fault", "scenario", "seats", "sql", "syntax"],
    &[
        "contrast",
        "hermitage",
        "isolation_output",
        "lesson",
        "playbill",
        "psql",
        "replay",
        "timeline",
        "transcript",
    ],
    &["wire", "guardian", "session", "observer", "engine"],
    &["matrix", "play", "run", "rush", "spec"],
    &["tui"],
    &[
        "box_office",
        "cli",
        "config",
        "console",
        "exit",
        "headless",
        "launch",
        "log",
        "serve",
        "main",
        "lib",
        "tester",
    ],
];

/// Crates that stop at a layer: the lowest that may name them.
const CRATES: [(&str, usize); 5] =
    [("tokio", 2), ("sqlx", 2), ("pgwire", 2), ("ratatui", 4), ("crossterm", 4)];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn room_of(path: &Path) -> String {
    let relative = path.strip_prefix(root()).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn layer_of(room: &str) -> usize {
    let layer = LAYERS.iter().position(|rooms| rooms.contains(&room));
    layer.unwrap_or_else(|| panic!("{room} is in no layer: name it in src/lib.rs and here"))
}

/// The code without its comments and without its tests, which may look anywhere.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = before_tests.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn named_after<'a>(code: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(prefix)
        .filter(|(at, _)| !code[..*at].ends_with(is_name))
        .map(|(at, _)| &code[at + prefix.len()..])
        .map(|rest| &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())])
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn no_file_imports_a_higher_layer() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let layer = layer_of(&room_of(&file));
        let text = code(&fs::read_to_string(&file).unwrap());
        for room in named_after(&text, "crate::") {
            if LAYERS.iter().flat_map(|r| r.iter()).any(|known| *known == room)
                && layer_of(room) > layer
            {
                wrong.push(format!("{} imports {room}", file.display()));
            }
        }
        for (name, lowest) in CRATES {
            if layer < lowest && text.contains(&format!("{name}::")) {
                wrong.push(format!("{} names the crate {name}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_imports_sees_one() {
    let text = code("use crate::tui::App;\n// crate::run\n#[cfg(test)]\nuse crate::rush;");
    assert_eq!(named_after(&text, "crate::"), BTreeSet::from(["tui"]));
}
