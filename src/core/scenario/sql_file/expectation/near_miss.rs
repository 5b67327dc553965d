//! Lines that resemble an expectation and are none: taken for a row, they would be broken by every
//! play and say nothing of why.

use super::super::super::SessionName;
use super::super::super::mistake::did_you_mean;
use super::tags::{SEVERITIES, TAGS, is_code, is_tag};

/// How the line is to be written, if it resembles one with a meaning.
pub(super) fn near_miss(text: &str, sessions: &[SessionName]) -> Option<String> {
    // Whoever puts a line in quotes means a value.
    if text.starts_with('"') {
        return None;
    }
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let word = first.trim_end_matches(':');
    let is_session = |name: &str| sessions.iter().any(|session| session.as_str() == name);
    wait(word, rest)
        .or_else(|| is_session(word).then(|| of_session(word, rest)).flatten())
        .or_else(|| message(word, first, rest))
        .or_else(|| result(text, first, rest))
}

/// `wait for Bob`, `waits Bob`, `waiting for Bob`, `blocked by Bob`.
fn wait(word: &str, rest: &str) -> Option<String> {
    let is_verb = ["wait", "waits", "waiting", "waited", "blocks", "blocked", "hangs"];
    let behind = rest.split_once(' ').filter(|(word, _)| ["for", "on", "by"].contains(word));
    let (name, is_said) = match behind {
        Some((_, name)) => (name, true),
        None => (rest, ["", "for", "on", "by"].contains(&rest) || word == "waits"),
    };
    let name = if ["", "for", "on", "by"].contains(&name) { "NAME" } else { name };
    let is_meant = is_verb.contains(&word.to_lowercase().as_str()) && is_said;
    is_meant.then(|| format!("`waits for {name}`"))
}

/// `Bob resumes UPDATE 1`, `Bob resumed: UPDATE 1`, `Bob wait for Alice`.
fn of_session(name: &str, rest: &str) -> Option<String> {
    let (verb, what) = rest.split_once(' ').unwrap_or((rest, ""));
    let verb = verb.trim_end_matches(':').to_lowercase();
    match verb.as_str() {
        "resume" | "resumes" | "resumed" | "continues" => Some(format!("`{name} resumes: {what}`")),
        "answer" | "answers" | "answered" => Some(format!("`{name} answers: {what}`")),
        _ => wait(&verb, what).map(|right| right.replacen('`', &format!("`{name} "), 1)),
    }
}

/// `NOTICE hello`, `notice: hello`, `ERROR: text`, `FATAL 25P03`, `NOTIFY ch payload`, `lost FATAL
/// 25P03`.
fn message(word: &str, first: &str, rest: &str) -> Option<String> {
    let upper = word.to_uppercase();
    let has_colon = first.ends_with(':');
    let is_upper = word == upper;
    if SEVERITIES.contains(&upper.as_str()) && (has_colon || is_upper) {
        return Some(format!("`{}`", format!("{upper}: {rest}").trim_end()));
    }
    let code = rest.split([' ', ':']).next().filter(|code| is_code(code));
    match upper.as_str() {
        "ERROR" if has_colon || code.is_some() => {
            Some(format!("`ERROR {}`, the SQLSTATE first", code.unwrap_or("40001")))
        }
        "FATAL" | "PANIC" if has_colon || code.is_some() => {
            Some(format!("`lost: FATAL {}`", code.unwrap_or("57P01")))
        }
        "LOST" if rest.is_empty() || rest.starts_with("FATAL") => {
            Some(format!("`lost: FATAL {}`", rest.trim_start_matches("FATAL").trim()))
        }
        "NOTIFY" if is_upper && !rest.is_empty() => {
            let (channel, payload) = rest.split_once(' ').unwrap_or((rest, ""));
            Some(format!("`NOTIFY {}`", format!("{channel}: {payload}").trim_end()))
        }
        _ => None,
    }
}

/// `3 rows`, `(3 Rows)`, `update 1`, `UPDAT 1`, `Rows:`, `only v = 1`, `either A or B`.
fn result(text: &str, first: &str, rest: &str) -> Option<String> {
    let bare = text.trim_matches(['(', ')']).to_lowercase();
    if let Some((count, "row" | "rows" | "row." | "rows.")) = bare.split_once(' ')
        && count.parse::<u64>().is_ok()
    {
        return Some(format!(
            "`{}`",
            crate::core::scenario::rows(count.parse().unwrap_or_default())
        ));
    }
    if let Some(tag) = misspelt_tag(text, first, rest) {
        return Some(format!("`{tag}`"));
    }
    match first.trim_end_matches(':').to_lowercase().as_str() {
        "rows" if text.ends_with(':') => Some("`rows:` or `rows in any order:`".to_owned()),
        "only" if rest.contains('=') => Some(format!("`only {}`", rest.replace(" =", ":"))),
        "either" if rest.contains(" or") => Some("`either: UPDATE 1 | or: UPDATE 0`".to_owned()),
        "runs" if rest.is_empty() => Some("`running`".to_owned()),
        "running" if rest.is_empty() && first != "running" => Some("`running`".to_owned()),
        _ => None,
    }
}

/// A command tag with its number, but in small letters or with a letter wrong. Without a number a
/// word can be anything.
fn misspelt_tag(text: &str, first: &str, rest: &str) -> Option<String> {
    let is_numbers = !rest.is_empty() && rest.split(' ').all(|word| word.parse::<u64>().is_ok());
    let tag = text.to_uppercase();
    if !is_numbers || !first.chars().all(char::is_alphabetic) {
        return None;
    }
    if is_tag(&tag) {
        return Some(tag);
    }
    let is_upper = first == first.to_uppercase();
    // In a word of three letters one wrong letter is too much: `DOT 1` is no `DO 1`.
    let close = did_you_mean(first, TAGS).filter(|_| is_upper && first.len() > 3);
    close.map(|close| format!("{close} {rest}"))
}
