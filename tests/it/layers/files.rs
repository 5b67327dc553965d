//! Within the gateway: which file imports which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{circles_among, code, root, sources};

/// The owners, lowest first.
const OWNERS: [&str; 3] = ["backend", "transaction", "protocol"];

/// A module by the names on the way to it: `["gateway", "backend"]`.
type Module = Vec<String>;

/// From a file to those that it imports.
type Imports = BTreeMap<Module, BTreeSet<Module>>;

fn module_of(path: &Path) -> Module {
    let relative = path.strip_prefix(root()).unwrap().with_extension("");
    relative.iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

fn files() -> BTreeMap<Module, String> {
    let mut paths = vec![root().join("gateway.rs")];
    sources(&root().join("gateway"), &mut paths);
    let is_test = |path: &PathBuf| module_of(path).iter().any(|part| part == "tests");
    let read = |path: &PathBuf| (module_of(path), code(&fs::read_to_string(path).unwrap()));
    paths.iter().filter(|path| !is_test(path)).map(read).collect()
}

/// All paths that a file's code names, groups taken apart: `a::{b, c::d}` are two.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in code.split(';') {
        match part.split_once("use ") {
            Some((before, path)) if before.trim().is_empty() || before.contains("pub") => {
                take_apart("", path, &mut found);
            }
            _ => found.extend(named_inline(part)),
        }
    }
    found
}

fn take_apart(prefix: &str, path: &str, found: &mut Vec<String>) {
    let Some((head, body)) = path.split_once('{') else {
        found.push(format!("{prefix}{}", path.split(" as ").next().unwrap_or_default().trim()));
        return;
    };
    let (mut depth, mut start) = (0, 0);
    let body = body.rsplit_once('}').map_or(body, |(body, _)| body);
    let prefix = format!("{prefix}{}", head.trim());
    for (at, letter) in body.char_indices().chain([(body.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                take_apart(&prefix, &body[start..at], found);
                start = at + 1;
            }
            _ => {}
        }
    }
}

fn named_inline(code: &str) -> Vec<String> {
    let is_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let words = code.split(|letter: char| !is_path(letter));
    let is_ours = |word: &&str| word.starts_with("super::") || word.starts_with("crate::gateway::");
    words.filter(is_ours).map(str::to_owned).collect()
}

/// The module that a path leads into, of these; nothing where it leads elsewhere.
fn resolve(from: &Module, path: &str, modules: &BTreeMap<Module, String>) -> Option<Module> {
    let mut parts = path.split("::").map(str::to_owned).peekable();
    let mut base: Module = match parts.peek()?.as_str() {
        "crate" => Vec::new(),
        _ => from.clone(),
    };
    parts.next_if_eq("crate");
    while parts.next_if_eq("super").is_some() {
        base.pop();
    }
    base.extend(parts);
    let lengths = (1..=base.len()).rev();
    let mut known = lengths.map(|length| &base[..length]).filter(|it| modules.contains_key(*it));
    known.next().map(<[String]>::to_vec).filter(|found| found != from)
}

fn imports() -> Imports {
    let files = files();
    let of = |(from, code): (&Module, &String)| {
        let found = paths(code).into_iter().filter_map(|path| resolve(from, &path, &files));
        (from.clone(), found.collect())
    };
    files.iter().map(of).collect()
}

fn circles(imports: &Imports) -> Vec<Vec<&Module>> {
    circles_among(imports.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to))))
}

#[test]
fn no_files_of_the_gateway_import_each_other_in_a_circle() {
    let imports = imports();
    println!(
        "{} files, {} imports",
        imports.len(),
        imports.values().map(BTreeSet::len).sum::<usize>()
    );
    assert_eq!(circles(&imports), Vec::<Vec<&Module>>::new());
}

#[test]
fn no_owner_imports_a_higher_one() {
    let height =
        |module: &Module| OWNERS.iter().position(|owner| module.get(1) == Some(&(*owner).into()));
    let imports = imports();
    let arrows = imports.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
    let upwards: Vec<_> = arrows.filter(|(from, to)| height(from) < height(to)).collect();
    let upwards: Vec<_> = upwards.into_iter().filter(|(from, _)| height(from).is_some()).collect();
    assert!(upwards.is_empty(), "{upwards:?}");
}

#[test]
fn a_path_leads_into_the_file_that_has_it() {
    let module = |path: &str| path.split("::").map(str::to_owned).collect::<Module>();
    let known = ["gateway", "gateway::backend", "gateway::backend::error"];
    let known = known.map(|path| (module(path), String::new())).into();
    let from = module("gateway::backend");
    let resolved = |path: &str| resolve(&from, path, &known).map(|found| found.join("::"));
    assert_eq!(resolved("super::Gateway").as_deref(), Some("gateway"));
    assert_eq!(resolved("error::BackendError").as_deref(), Some("gateway::backend::error"));
    let absolute = resolved("crate::gateway::backend::error::BackendError");
    assert_eq!(absolute.as_deref(), Some("gateway::backend::error"));
    assert_eq!(resolved("crate::core::event::Pid"), None);
    assert_eq!(
        paths("pub(crate) use a::{b, c::{d, e}};\nfn f() { super::g() }"),
        ["a::b", "a::c::d", "a::c::e", "super::g"]
    );
}
