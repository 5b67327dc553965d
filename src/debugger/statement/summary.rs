//! What people call a statement: a verb, a table, and the row where the text names one.

use std::collections::BTreeSet;

use super::{NamedStatement, Part};
use crate::core::syntax::{Verb, Word, WordKind, has};
use crate::debugger::tables::TableName;

/// How long a row's name may be.
const LONGEST_ROW: usize = 24;

pub(super) fn summary(part: &Part) -> String {
    let Part { tables, .. } = part;
    match part.verb {
        Verb::Begin => "begins".to_owned(),
        Verb::Commit | Verb::CommitPrepared => "commits".to_owned(),
        Verb::Rollback | Verb::RollbackPrepared => "rolls back".to_owned(),
        Verb::RollbackTo => "rolls back to a savepoint".to_owned(),
        Verb::Savepoint => "sets a savepoint".to_owned(),
        Verb::Release => "releases a savepoint".to_owned(),
        Verb::PrepareTransaction => "prepares its transaction".to_owned(),
        Verb::Select | Verb::SelectInto if tables.is_empty() => called(part),
        Verb::Select if locks_rows(&part.words) => with_row("locks", &tables.reads, part),
        Verb::Select | Verb::SelectInto if tables.writes.is_empty() => {
            with_row("reads", &tables.reads, part)
        }
        Verb::Select | Verb::SelectInto => with_row("changes", &tables.writes, part),
        Verb::Insert => on("inserts into", &tables.writes),
        Verb::Update => with_row("updates", &tables.writes, part),
        Verb::Delete => with_row("deletes from", &tables.writes, part),
        Verb::Merge => on("merges into", &tables.writes),
        Verb::Truncate => on("truncates", &tables.writes),
        Verb::Lock => on("locks table", &tables.locks),
        Verb::Copy if tables.writes.is_empty() => format!("{} out", on("copies", &tables.reads)),
        Verb::Copy => on("copies into", &tables.writes),
        Verb::Ddl if !tables.writes.is_empty() => on("changes", &tables.writes),
        Verb::Call => called(part),
        _ => named(part),
    }
}

fn named(part: &Part) -> String {
    match &part.name {
        Some(NamedStatement::Prepares(name)) => format!("prepares {name}"),
        Some(NamedStatement::Executes(name)) => format!("executes {name}"),
        Some(NamedStatement::Declares(name)) => format!("declares {name}"),
        Some(NamedStatement::Fetches(name)) => format!("fetches from {name}"),
        None => {
            part.words.iter().take(3).map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
        }
    }
}

/// A query of no table is called by its first function, whoever made that.
fn called(part: &Part) -> String {
    if part.words[0].is("do") {
        return "runs a DO block".to_owned();
    }
    let is_call = |pair: &&[Word]| pair[0].name().is_some() && pair[1].is_mark('(');
    match part.words.windows(2).find(is_call) {
        Some(pair) => format!("calls {}", pair[0].text),
        None => "selects".to_owned(),
    }
}

pub(super) fn locks_rows(words: &[Word]) -> bool {
    ["update", "share"].iter().any(|strength| has(words, &["for", strength]))
        || has(words, &["for", "no", "key", "update"])
        || has(words, &["for", "key", "share"])
}

fn on(verb: &str, tables: &BTreeSet<TableName>) -> String {
    let names: Vec<_> = tables.iter().map(ToString::to_string).collect();
    format!("{verb} {}", names.join(", "))
}

fn with_row(verb: &str, tables: &BTreeSet<TableName>, part: &Part) -> String {
    match row(&part.words) {
        // `A-4` says enough, and a number alone does not.
        Some(row) if row.contains(char::is_alphabetic) => format!("{verb} {row}"),
        Some(row) => format!("{} {row}", on(verb, tables)),
        None => on(verb, tables),
    }
}

/// The row that the outermost WHERE names: the values of `a = 'A' and b = 4`.
fn row(words: &[Word]) -> Option<String> {
    let condition = condition(words)?;
    let mut values = Vec::new();
    for comparison in condition.split(|word| word.is("and")) {
        values.extend(value(comparison));
    }
    let row = values.join("-");
    let is_short = !row.is_empty() && row.len() <= LONGEST_ROW;
    let is_told = is_short && !row.contains(char::is_control);
    is_told.then_some(row)
}

/// The words of the outermost WHERE; of one with an OR they name no row.
fn condition(words: &[Word]) -> Option<&[Word]> {
    const ENDS: [&str; 8] =
        ["group", "order", "limit", "offset", "for", "returning", "union", "having"];
    let mut depth = 0_usize;
    let mut begins = None;
    let mut ends = words.len();
    for (at, word) in words.iter().enumerate() {
        if word.is_mark('(') {
            depth += 1;
        } else if word.is_mark(')') {
            depth = depth.saturating_sub(1);
        }
        if depth > 0 {
            continue;
        }
        if word.is("where") {
            begins = Some(at + 1);
        } else if begins.is_some() && word.is("or") {
            return None;
        } else if begins.is_some() && ENDS.iter().any(|end| word.is(end)) {
            ends = at;
            break;
        }
    }
    Some(&words[begins?..ends])
}

/// The value of `seats.id = 4` or `id = '4'::bigint`.
fn value(comparison: &[Word]) -> Option<&str> {
    let equals = comparison.iter().position(|word| word.is_mark('='))?;
    let (column, value) = (&comparison[..equals], comparison.get(equals + 1)?);
    let is_column =
        !column.is_empty() && column.iter().all(|word| word.name().is_some() || word.is_mark('.'));
    let is_cast = comparison.get(equals + 2).is_none_or(|word| word.is_mark(':'));
    let is_value = match value.kind {
        WordKind::Text => true,
        WordKind::Value => !value.text.starts_with('$'),
        _ => false,
    };
    (is_column && is_cast && is_value).then_some(value.text.as_str())
}
