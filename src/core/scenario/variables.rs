//! Values that answers have given names to, filled into SQL as psql fills its variables in (psql's
//! documentation, "SQL Interpolation"): `:name` as it is, `:'name'` as a literal, `:"name"` as an
//! identifier. What has no such value stays as it is, and so does what stands in a string or a
//! comment.

use std::collections::BTreeMap;

use crate::core::syntax::{Strings, Token, TokenKind, literal, quote, tokens};

/// The SQL with the values in the places of their names.
pub fn fill(sql: &str, variables: &BTreeMap<String, String>, strings: Strings) -> String {
    if variables.is_empty() {
        return sql.to_owned();
    }
    let tokens = tokens(sql, strings);
    let mut filled = String::with_capacity(sql.len());
    let mut nth = 0;
    while let Some(token) = tokens.get(nth) {
        let value = tokens.get(nth + 1).filter(|_| is_colon(sql, &tokens, nth));
        if let Some(value) = value.and_then(|name| value_of(sql, name, variables)) {
            filled.push_str(&value);
            nth += 2;
        } else {
            filled.push_str(&sql[token.range.clone()]);
            nth += 1;
        }
    }
    filled
}

/// Whether a variable's colon is at this place, and not half of a cast.
fn is_colon(sql: &str, tokens: &[Token], nth: usize) -> bool {
    let is = |token: Option<&Token>| token.is_some_and(|it| &sql[it.range.clone()] == ":");
    let before = nth.checked_sub(1).and_then(|before| tokens.get(before));
    is(tokens.get(nth)) && !is(before)
}

fn value_of(sql: &str, name: &Token, variables: &BTreeMap<String, String>) -> Option<String> {
    let text = &sql[name.range.clone()];
    // Of a string with a prefix this leaves a quote in front, which no name has.
    let inner = text.get(1..text.len().saturating_sub(1));
    match name.kind {
        TokenKind::Word => variables.get(text).cloned(),
        TokenKind::Text => variables.get(inner?).map(|value| literal(value)),
        TokenKind::QuotedName => variables.get(inner?).map(|value| quote(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(sql: &str) -> String {
        let variables = [("id", "7"), ("name", "O'Neil \"x\""), ("path", "a\\b")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        fill(sql, &BTreeMap::from(variables), Strings::default())
    }

    #[test]
    fn values_are_filled_in_as_psql_fills_them_in() {
        for (sql, expected) in [
            ("select :id + 1;", "select 7 + 1;"),
            ("select :'name', :\"name\";", "select 'O''Neil \"x\"', \"O'Neil \"\"x\"\"\";"),
            ("select :'path';", "select  E'a\\\\b';"),
            // Wrong, and psql's way: its documentation warns of slices of arrays.
            ("select a[1:id];", "select a[17];"),
            ("select :'id'::int;", "select '7'::int;"),
        ] {
            assert_eq!(filled(sql), expected);
        }
    }

    #[test]
    fn what_is_no_variable_stays() {
        for sql in [
            "select '1'::id;",
            "select ':id', \":id\", $$:id$$ -- :id",
            "select :other;",
            "a := id",
            ":",
        ] {
            assert_eq!(filled(sql), sql);
        }
    }
}
