//! CREATE INDEX: what of it the service does (Aurora DSQL documentation, CREATE INDEX).

use super::columns::{self, MOST_KEY_COLUMNS};
use crate::core::syntax::{Word, begins, parenthesized};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{is_async, table_name};

/// Why an index cannot be had so. Clauses that the service does not know are refused before the
/// want of ASYNC is.
pub(super) fn refusal(words: &[Word]) -> Option<Refusal> {
    let is_index = words.iter().take(3).any(|word| word.is("index"));
    if !begins(words, &["create"]) || !is_index {
        return None;
    }
    let unsupported = |clause: &str| {
        Some(Refusal::unsupported(format!("{clause} not supported for CREATE INDEX")))
    };
    let on = words.iter().position(|word| word.is("on"))?;
    // Not an index that is called so: that stands in quotes, as a keyword that is half reserved.
    if words[..on].iter().any(|word| word.is("concurrently")) {
        return unsupported("CONCURRENTLY");
    }
    let open =
        words[on..].iter().position(|word| word.is_mark('(')).map_or(words.len(), |at| on + at);
    if words[on..open].iter().any(|word| word.is("using")) {
        return unsupported("USING");
    }
    let (_, behind) = parenthesized(&words[open..])?;
    if let Some(clause) = refused_clause(behind) {
        return unsupported(clause);
    }
    is_async(words).then(|| refused_keys(words)).flatten()
}

/// Why an index cannot be of such keys.
pub(super) fn refused_keys(words: &[Word]) -> Option<Refusal> {
    let on = words.iter().position(|word| word.is("on"))?;
    let open = on + words[on..].iter().position(|word| word.is_mark('('))?;
    let (keys, _) = parenthesized(&words[open..])?;
    if keys.len() > MOST_KEY_COLUMNS {
        return Some(columns::too_many_key_columns());
    }
    keys.into_iter().find_map(refused_key)
}

/// What of these words behind an index's columns may not be there (dsql-lint's grammar of what a
/// cluster has taken lacks it; the words are those of USING).
fn refused_clause(behind: &[Word]) -> Option<&'static str> {
    let mut rest = behind;
    while let Some((first, behind)) = rest.split_first() {
        // Not that of a type in the condition: `timestamp with time zone`.
        if first.is("with") && behind.first().is_some_and(|word| word.is_mark('(')) {
            return Some("WITH");
        }
        if first.is("tablespace") {
            return Some("TABLESPACE");
        }
        rest = parenthesized(rest).map_or(behind, |(_, behind)| behind);
    }
    None
}

/// What a CREATE INDEX says of a table's columns.
pub(in crate::gateway) struct KeyColumns {
    pub(in crate::gateway) schema: Option<String>,
    pub(in crate::gateway) table: String,
    pub(in crate::gateway) columns: Vec<String>,
}

/// The columns of the index that these words make, where it is of columns; nothing where they make
/// none.
pub(super) fn key_columns(words: &[Word]) -> Option<KeyColumns> {
    if !begins(words, &["create"]) || !words.iter().take(3).any(|word| word.is("index")) {
        return None;
    }
    let on = words.iter().position(|word| word.is("on"))?;
    let only = usize::from(words.get(on + 1).is_some_and(|word| word.is("only")));
    let ((schema, table), behind) = table_name(words.get(on + 1 + only..)?)?;
    let (keys, _) = parenthesized(behind)?;
    let is_column = |key: &&[Word]| !key.get(1).is_some_and(|word| word.is_mark('('));
    let name = |key: &[Word]| key.first()?.name().map(str::to_owned);
    let columns = keys.into_iter().filter(is_column).filter_map(name).collect();
    Some(KeyColumns { schema, table, columns })
}

/// A column, or an expression in parentheses, or a call, and what is said of its order.
fn refused_key(key: &[Word]) -> Option<Refusal> {
    let says = |keyword: &str| key.iter().any(|word| word.is(keyword));
    if says("asc") || says("desc") {
        return Some(Refusal::unsupported("specifying sort order not supported for index keys"));
    }
    if says("collate") {
        return Some(columns::no_collation());
    }
    let rest = match key {
        [first, rest @ ..] if first.is_mark('(') => {
            parenthesized(key).map_or(rest, |(_, rest)| rest)
        }
        [_, rest @ ..] => parenthesized(rest).map_or(rest, |(_, rest)| rest),
        [] => return None,
    };
    let has_class = rest.first().is_some_and(|word| word.name().is_some() && !word.is("nulls"));
    has_class.then(|| Refusal::unsupported("opclass not supported for index keys"))
}
