//! CREATE INDEX: what of it the service does (Aurora DSQL documentation, CREATE INDEX).

use super::columns::{self, MOST_KEY_COLUMNS};
use crate::core::syntax::{Word, begins, has, parenthesized};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::is_async;

/// Why an index cannot be had so. Clauses that the service does not know are refused before the
/// want of ASYNC is.
pub(super) fn refusal(words: &[Word]) -> Option<Refusal> {
    let is_index = words.iter().take(3).any(|word| word.is("index"));
    if !begins(words, &["create"]) || !is_index {
        return None;
    }
    let unsupported = |says: &str| Some(Refusal::unsupported(says));
    if has(words, &["index", "concurrently"]) {
        return unsupported("CONCURRENTLY not supported for CREATE INDEX");
    }
    let on = words.iter().position(|word| word.is("on"))?;
    let open =
        words[on..].iter().position(|word| word.is_mark('(')).map_or(words.len(), |at| on + at);
    if words[on..open].iter().any(|word| word.is("using")) {
        return unsupported("USING not supported for CREATE INDEX");
    }
    if !is_async(words) {
        return None;
    }
    let (keys, _) = parenthesized(&words[open..])?;
    if keys.len() > MOST_KEY_COLUMNS {
        return Some(columns::too_many_key_columns());
    }
    keys.into_iter().find_map(refused_key)
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
