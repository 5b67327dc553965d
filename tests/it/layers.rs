//! Holds `src/` against the picture in the crate's documentation: a room imports lower ones, never
//! higher, and no two import each other.

mod columns;
mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, lowest first.
const ROOMS: [&str; 15] = [
    "core", "reports", "pg", "observer", "cluster", "parts", "gateway", "run", "debugger",
    "explorer", "rush", "stage", "room", "tui", "commands",
];

/// What only some rooms may name: the crate, and those rooms.
const CRATES: [(&str, &[&str]); 12] = [
    ("ratatui", &["tui"]),
    ("crossterm", &["tui"]),
    ("notify", &["tui"]),
    ("redis", &["parts"]),
    ("lapin", &["parts"]),
    ("kafka_protocol", &["parts"]),
    ("axum", &["debugger", "room"]),
    ("hyper", &["parts", "debugger", "room"]),
    // Its text alone: the widget that comes with it is drawn nowhere.
    ("tui_textarea", &["stage"]),
    ("tokio_postgres", &["explorer"]),
    ("sqlx", &["pg", "observer", "run", "debugger", "rush"]),
    (
        "tokio",
        &[
            "pg", "observer", "cluster", "parts", "gateway", "run", "debugger", "explorer", "rush",
            "room", "tui", "commands",
        ],
    ),
];

/// From a room to another: the files that import it.
type Arrows = BTreeMap<(String, String), BTreeSet<PathBuf>>;

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

fn every_file() -> Vec<PathBuf> {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    files.retain(|path| !["main.rs", "lib.rs"].iter().any(|top| path == &root().join(top)));
    files
}

fn room_of(path: &Path) -> String {
    let relative = path.strip_prefix(root()).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn height(room: &str) -> usize {
    let height = ROOMS.iter().position(|known| *known == room);
    height.unwrap_or_else(|| panic!("{room} is no room: name it in src/lib.rs and here"))
}

/// The code without its comments and without its tests, which may look anywhere.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
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

fn arrows() -> Arrows {
    let mut arrows = Arrows::new();
    for file in every_file() {
        let from = room_of(&file);
        let text = code(&fs::read_to_string(&file).unwrap());
        for to in named_after(&text, "crate::") {
            if ROOMS.contains(&to) && to != from {
                let files = arrows.entry((from.clone(), to.to_owned())).or_default();
                files.insert(file.clone());
            }
        }
    }
    arrows
}

/// `--nocapture` shows it: how the rooms hang together, for whoever wants to draw or to count it.
fn picture(arrows: &Arrows) -> String {
    let mut text =
        format!("{} rooms, {} arrows, {} circles\n", ROOMS.len(), arrows.len(), circles(arrows));
    for room in ROOMS.iter().rev() {
        let to = arrows.keys().filter(|(from, _)| from == room).map(|(_, to)| to.as_str());
        let _ = writeln!(text, "{room:>9} -> {}", to.collect::<Vec<_>>().join(" "));
    }
    text
}

/// How often rooms import each other, straight or by way of others.
fn circles(arrows: &Arrows) -> usize {
    circles_among(arrows.keys().map(|(from, to)| (from, to))).len()
}

/// Those that import each other, straight or by way of others.
fn circles_among<'a, N: Ord>(imports: impl Iterator<Item = (&'a N, &'a N)>) -> Vec<Vec<&'a N>> {
    let imports: Vec<_> = imports.collect();
    let names: BTreeSet<_> = imports.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let names: Vec<_> = names.into_iter().collect();
    let number = |name: &N| u32::try_from(names.binary_search(&name).unwrap()).unwrap();
    let edges = imports.iter().map(|(from, to)| (number(from), number(to)));
    let graph = petgraph::graph::DiGraph::<(), ()>::from_edges(edges);
    let components = petgraph::algo::tarjan_scc(&graph).into_iter().filter(|all| all.len() > 1);
    components.map(|all| all.iter().map(|node| names[node.index()]).collect()).collect()
}

#[test]
fn no_room_imports_a_higher_one() {
    let arrows = arrows();
    println!("{}", picture(&arrows));
    let upwards = arrows.iter().filter(|((from, to), _)| height(to) > height(from));
    let upwards = upwards.map(|((_, to), files)| format!("{to} is imported by {files:?}"));
    let upwards = upwards.collect::<Vec<_>>();
    assert!(upwards.is_empty(), "{}", upwards.join("\n"));
    assert_eq!(circles(&arrows), 0);
}

#[test]
fn every_file_is_in_a_room() {
    for file in every_file() {
        height(&room_of(&file));
    }
}

#[test]
fn crates_stay_in_the_rooms_that_are_for_them() {
    let mut wrong = Vec::new();
    for file in every_file() {
        let text = code(&fs::read_to_string(&file).unwrap());
        for (name, rooms) in CRATES {
            let is_named = text.contains(&format!("{name}::"));
            if is_named && !rooms.contains(&room_of(&file).as_str()) {
                wrong.push(format!("{} names the crate {name}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What nobody who only decides has a use for: a machine is told the time and what has happened,
/// and says what is to be done.
const NOT_FOR_A_MACHINE: [&str; 12] = [
    "tokio",
    "futures",
    "sqlx",
    "mpsc",
    "spawn",
    "async",
    ".await",
    "Instant",
    "SystemTime",
    "std::net",
    "std::fs",
    "std::thread",
];

/// Whether the text has this word, and not merely one that begins or ends so.
fn has_word(text: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !(before.ends_with(is_name) && word.starts_with(is_name) || after.starts_with(is_name))
    })
}

#[test]
fn the_machine_of_a_run_has_no_clock_no_socket_and_no_task() {
    let machine = root().join("run/machine");
    let mut files = vec![root().join("run/machine.rs")];
    sources(&machine, &mut files);
    files.retain(|file| !file.starts_with(machine.join("scripts")));
    files.retain(|file| *file != machine.join("scripts.rs"));
    let mut wrong = Vec::new();
    for file in files {
        let text = code(&fs::read_to_string(&file).unwrap());
        let found = NOT_FOR_A_MACHINE.iter().filter(|name| has_word(&text, name));
        wrong.extend(found.map(|name| format!("{} names {name}", file.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_word_is_not_part_of_another() {
    assert!(has_word("x.await;", ".await") && has_word("use std::fs;", "std::fs"));
    assert!(!has_word("self.awaited", ".await") && !has_word("Instants", "Instant"));
}

#[test]
fn the_stage_knows_no_screen_not_even_in_its_tests() {
    for file in every_file().into_iter().filter(|file| room_of(file) == "stage") {
        let text = fs::read_to_string(&file).unwrap();
        let named = ["ratatui", "crossterm"].into_iter().find(|name| text.contains(name));
        assert_eq!(named, None, "{}", file.display());
    }
}

#[test]
fn the_reader_of_imports_sees_one() {
    let text =
        code("use crate::tui::App;\n// crate::run\n#[cfg(test)]\nmod tests {\nuse crate::rush;");
    assert_eq!(named_after(&text, "crate::"), BTreeSet::from(["tui"]));
}

#[test]
fn a_circle_of_three_is_one() {
    let arrow = |from: &str, to: &str| ((from.to_owned(), to.to_owned()), BTreeSet::new());
    let circle = Arrows::from([arrow("a", "b"), arrow("b", "c"), arrow("c", "a"), arrow("c", "d")]);
    assert_eq!(circles(&circle), 1);
}
