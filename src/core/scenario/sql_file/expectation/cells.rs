//! Rows and what is said of results as a whole: `A | "INSERT" | *`, `only v: 1`, `rows:`, `(3
//! rows)`, `(txid)`.

use std::ops::Range;

use super::super::super::{Cell, Expected, Mistake, Order};
use super::tags::{is_tag, row_count};
use super::{ExpectationContext, Part};

impl ExpectationContext<'_> {
    /// What is said of a result, but for a row that says nothing else.
    pub(super) fn rows(&self, part: Part) -> Result<Option<Expected>, Mistake> {
        if let Some(columns) = part.behind("only ").filter(|rest| rest.text.contains(':')) {
            return self.only(columns).map(Some);
        }
        let text = part.text;
        Ok(match text {
            "running" => Some(Expected::Running),
            "rows:" => Some(Expected::Rows(Order::AsWritten)),
            "rows in any order:" => Some(Expected::Rows(Order::Any)),
            _ if is_tag(text) => Some(Expected::Tag(text.to_owned())),
            _ => row_count(text).map(Expected::RowCount).or_else(|| capture(text)),
        })
    }

    /// `v: 1 | w: *`.
    fn only(&self, part: Part) -> Result<Expected, Mistake> {
        let column = |piece: Part| {
            let named = piece.text.split_once(':').filter(|(name, _)| !name.trim().is_empty());
            let Some((name, value)) = named else {
                let mistake =
                    self.source.mistake(piece.at, "a column's name comes before its value");
                return Err(mistake.with_hint("write `only v: 1 | w: 2`"));
            };
            Ok((name.trim().to_owned(), cell(value)))
        };
        let pieces = part.split(&outside_quotes(part.text, "|"));
        Ok(Expected::Only(pieces.into_iter().map(column).collect::<Result<_, _>>()?))
    }
}

/// The row that a line is where it is nothing else.
pub(super) fn row(text: &str) -> Expected {
    let bars = outside_quotes(text, "|");
    let pieces = Part { text, at: 0 }.split(&bars);
    Expected::Row(pieces.into_iter().map(|piece| cell(piece.text)).collect())
}

fn cell(text: &str) -> Cell {
    let text = text.trim();
    match unquoted(text) {
        Some(value) => Cell::Quoted(value),
        None if text == "*" => Cell::Any,
        None => Cell::Plain(text.to_owned()),
    }
}

/// What stands between the quotes, if the whole text is in them.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let single = inner.replace("\"\"", "");
    (!single.contains('"')).then(|| inner.replace("\"\"", "\""))
}

/// `(a, b)`.
fn capture(text: &str) -> Option<Expected> {
    let names = text.strip_prefix('(')?.strip_suffix(')')?;
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    let is_name = |name: &&str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let all = names.iter().all(is_name);
    all.then(|| Expected::Capture(names.into_iter().map(str::to_owned).collect()))
}

/// Where the text has this, but not within a value in quotes.
pub(super) fn outside_quotes(text: &str, separator: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        // A quote within a value is one of its letters: `5" | 6"` are two values.
        let begins_value = text[..at].chars().next_back().is_none_or(char::is_whitespace);
        if text[at..].starts_with(separator) {
            found.push(at..at + separator.len());
            at += separator.len();
        } else if c == '"' && begins_value {
            // One that is never closed quotes nothing.
            at += quoted_length(&text[at..]).unwrap_or(1);
        } else {
            at += c.len_utf8();
        }
    }
    found
}

/// How long the value in quotes is with which this text begins; within it a quote is doubled.
fn quoted_length(text: &str) -> Option<usize> {
    let quotes: Vec<usize> = text.match_indices('"').map(|(at, _)| at).collect();
    let mut nth = 1;
    while quotes.get(nth).zip(quotes.get(nth + 1)).is_some_and(|(one, next)| one + 1 == *next) {
        nth += 2;
    }
    quotes.get(nth).map(|end| end + 1)
}
