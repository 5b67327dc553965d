//! `\h`: the syntax of SQL commands. The texts are PostgreSQL's documentation, as psql 15 prints
//! them (`help.txt`, with its licence).

use std::fmt::Write as _;

const TEXTS: &str = include_str!("help.txt");
/// What each text begins with.
const BEGINS: &str = "Command:     ";
/// How wide the list of commands is, in characters.
const WIDTH: usize = 80;

/// What psql prints for `\h` with this topic.
pub(super) fn help(topic: &str) -> String {
    let topic = topic.trim_end_matches([' ', ';']).trim_start();
    if topic.is_empty() {
        return list();
    }
    // Three chances: all of it, its first two words, its first word.
    let words: Vec<&str> = topic.split(' ').filter(|word| !word.is_empty()).collect();
    let shorter = [2, 1].into_iter().filter(|count| *count < words.len());
    let topics = std::iter::once(topic.to_owned()).chain(shorter.map(|it| words[..it].join(" ")));
    let found = topics.map(|topic| of(&topic)).find(|texts| !texts.is_empty());
    found.map_or_else(|| none(topic), |texts| texts.join(""))
}

/// The texts of the commands that begin so; of the one alone that is called so.
fn of(topic: &str) -> Vec<&'static str> {
    let mut found = Vec::new();
    for (name, text) in texts() {
        let begins = name.get(..topic.len());
        if topic == "*" || begins.is_some_and(|begins| begins.eq_ignore_ascii_case(topic)) {
            found.push(text);
        }
        if name.eq_ignore_ascii_case(topic) {
            break;
        }
    }
    found
}

/// Each command's name and text.
fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    let starts = TEXTS.match_indices(BEGINS).map(|(at, _)| at);
    let ends = starts.clone().skip(1).chain([TEXTS.len()]);
    starts.zip(ends).map(|(start, end)| {
        let text = &TEXTS[start..end];
        let name = text[BEGINS.len()..].lines().next().unwrap_or_default();
        (name, text)
    })
}

/// All names, in columns that are read downwards.
fn list() -> String {
    let names: Vec<&str> = texts().map(|(name, _)| name).collect();
    let widest = names.iter().map(|name| name.len()).max().unwrap_or(0);
    let columns = ((WIDTH - 3) / (widest + 1)).max(1);
    let rows = names.len().div_ceil(columns);
    let mut text = "Available help:\n".to_owned();
    for row in 0..rows {
        let in_row = names.iter().skip(row).step_by(rows);
        let line: String = in_row
            .fold(String::new(), |line, name| line + &format!("{name:width$}", width = widest + 1));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}", line.trim_end());
    }
    text
}

fn none(topic: &str) -> String {
    format!(
        "No help available for \"{topic}\".\nTry \\h with no arguments to see available help.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_by_its_name_or_how_that_begins() {
        assert!(help("begin").starts_with("Command:     BEGIN\n"));
        assert_eq!(help("select;").matches(BEGINS).count(), 1);
        assert!(help("create").matches(BEGINS).count() > 30);
        assert!(help("update seats set").starts_with("Command:     UPDATE\n"));
        assert!(help("lock table seats").starts_with("Command:     LOCK\n"));
    }

    #[test]
    fn all_are_listed_and_none_is_said() {
        assert!(help("").contains("SAVEPOINT"));
        assert!(help("xyzzy").contains("No help available for \"xyzzy\"."));
    }

    #[test]
    fn the_texts_have_their_licence_above_them() {
        let licence = TEXTS.split(BEGINS).next().unwrap();
        assert!(licence.contains("PostgreSQL Global Development Group"));
    }
}
