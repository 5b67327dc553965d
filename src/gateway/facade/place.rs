//! Where in a statement something stands: among its tables or not.

use crate::core::syntax::Word;

/// How something stands in a FROM clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InFrom<'a> {
    /// With this name behind it.
    Named(&'a str),
    Bare,
}

/// How what these words are stands among a statement's tables; nothing where it stands elsewhere.
pub(super) fn in_from(words: &[Word], at: usize, end: usize) -> Option<InFrom<'_>> {
    let before = words[..at].last()?;
    let is_listed = before.is_mark(',') && is_list_of_tables(&words[..at]);
    let follows = ["join", "lateral"].iter().any(|word| before.is(word))
        || before.is("from") && begins_tables(&words[..at - 1]);
    (is_listed || follows).then(|| alias(&words[end..]).map_or(InFrom::Bare, InFrom::Named))
}

/// Whether a comma behind these words parts tables: the clause that it stands in is FROM.
fn is_list_of_tables(words: &[Word]) -> bool {
    const OTHER_CLAUSES: [&str; 13] = [
        "select",
        "where",
        "group",
        "order",
        "having",
        "limit",
        "offset",
        "window",
        "returning",
        "set",
        "values",
        "distinct",
        "by",
    ];
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate().rev() {
        if word.is_mark(')') {
            depth += 1;
        } else if word.is_mark('(') {
            let Some(outer) = depth.checked_sub(1) else { return false };
            depth = outer;
        } else if depth == 0 && word.is("from") && begins_tables(&words[..at]) {
            return true;
        } else if depth == 0 && OTHER_CLAUSES.iter().any(|clause| word.is(clause)) {
            return false;
        }
    }
    false
}

/// Whether a FROM behind these words is followed by tables: neither that of IS DISTINCT FROM, nor
/// one among a call's arguments, such as `trim(leading from x)`.
fn begins_tables(words: &[Word]) -> bool {
    const BEGINNINGS: [&str; 4] = ["select", "delete", "update", "merge"];
    if let [.., is, distinct] = words
        && distinct.is("distinct")
        && (is.is("is") || is.is("not"))
    {
        return false;
    }
    let mut depth = 0_usize;
    for word in words.iter().rev() {
        if word.is_mark(')') {
            depth += 1;
        } else if word.is_mark('(') {
            let Some(outer) = depth.checked_sub(1) else { return false };
            depth = outer;
        } else if depth == 0 && BEGINNINGS.iter().any(|beginning| word.is(beginning)) {
            return true;
        }
    }
    true
}

/// The name that these words behind a table give it.
fn alias(words: &[Word]) -> Option<&str> {
    const GOES_ON: [&str; 24] = [
        "where",
        "group",
        "order",
        "having",
        "limit",
        "offset",
        "fetch",
        "for",
        "union",
        "intersect",
        "except",
        "window",
        "on",
        "using",
        "join",
        "inner",
        "left",
        "right",
        "full",
        "cross",
        "natural",
        "tablesample",
        "set",
        "returning",
    ];
    let first = words.first()?;
    if first.is("as") {
        return words.get(1)?.name();
    }
    first.name().filter(|_| !GOES_ON.iter().any(|keyword| first.is(keyword)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::{Strings, words};

    fn place(sql: &str) -> Option<String> {
        let words = words(sql, Strings::Conforming);
        let at = words.iter().position(|word| word.is("it")).unwrap();
        Some(match in_from(&words, at, at + 1)? {
            InFrom::Named(name) => name.to_owned(),
            InFrom::Bare => String::new(),
        })
    }

    #[test]
    fn what_stands_among_tables_is_told_from_what_stands_elsewhere() {
        for (sql, expected) in [
            ("select * from it", Some("")),
            ("select * from it as a", Some("a")),
            ("select * from it \"where\"", Some("where")),
            ("select * from a join it on true", Some("")),
            ("select * from (select 1, 2) a, it limit 1", Some("")),
            ("select (select 1 from a), it from b", None),
            ("select a, it from b", None),
            ("select * from a where f(b, it)", None),
            ("select * from a order by b, it", None),
            ("values (1, it)", None),
            ("select * from a where b is distinct from it", None),
            ("select * from a where b is not distinct from it", None),
            ("select * from a order by b is distinct from c, it", None),
            ("select trim(leading from it) from a", None),
            ("select distinct from it", Some("")),
            ("delete from a using b, it", Some("")),
            ("with d as (delete from it returning 1) table d", Some("")),
        ] {
            assert_eq!(place(sql).as_deref(), expected, "{sql}");
        }
    }
}
