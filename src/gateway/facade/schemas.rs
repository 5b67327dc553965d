//! The schema of a session's temporary tables, which are the engine's private copies: a client has
//! none, and finds none in its search path.

use super::mention::{Edit, Mention};
use super::place::in_from;
use crate::core::syntax::parenthesized;

/// What is sent otherwise of this name, where it asks for that schema.
pub(super) fn edits(sql: &str, mention: Mention<'_>) -> Vec<Edit> {
    if mention.is_catalogs("pg_my_temp_schema") {
        let call = mention.bare_call();
        let none = call.map(|call| call.as_value(sql, "0", "oid", "pg_my_temp_schema"));
        return none.into_iter().collect();
    }
    if mention.is_catalogs("current_schemas") {
        return current_schemas(mention).unwrap_or_default();
    }
    Vec::new()
}

fn current_schemas(mention: Mention<'_>) -> Option<Vec<Edit>> {
    // No subquery, which would be one of several rows within ANY.
    const OPEN: &str = "(case when true then pg_catalog.array_remove(pg_catalog.current_schemas(";
    const CLOSE: &str = "), (select nspname from pg_catalog.pg_namespace where oid = \
        pg_catalog.pg_my_temp_schema())) else pg_catalog.current_schemas(false) end)";
    let words = mention.words;
    let (_, rest) = parenthesized(&words[mention.end..])?;
    if in_from(words, mention.at, words.len() - rest.len()).is_some() {
        return None;
    }
    let last = &words[words.len() - rest.len() - 1];
    let open = words[mention.at].span.start..words[mention.end].span.end;
    let edit = |span, by: &str| Edit { span, by: by.to_owned() };
    Some(vec![edit(open, OPEN), edit(last.span.clone(), CLOSE)])
}
