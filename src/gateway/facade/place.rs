//! Where in a statement something stands: among its tables or not.

use crate::core::syntax::Word;
use crate::gateway::statement::goes_on;

/// Whether what these words are is the table of a TABLE, which selects all of it.
pub(super) fn is_tables(words: &[Word], at: usize) -> bool {
    let Some((before, rest)) = words[..at].split_last() else { return false };
    // Not that of SELECT ... INTO TABLE.
    before.is("table") && !rest.last().is_some_and(|word| word.is("into"))
}

/// How something stands in a FROM clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InFrom<'a> {
    /// With this name behind it.
    Named(&'a str),
    Bare,
}

/// How what these words are stands among a statement's tables; nothing where it stands elsewhere.
pub(super) fn in_from(words: &[Word], at: usize, end: usize) -> Option<InFrom<'_>> {
    // A join may stand in parentheses, and so may its first table.
    let in_parentheses = words[..at].iter().rev().take_while(|word| word.is_mark('(')).count();
    let at = at - in_parentheses;
    let before = words[..at].last()?;
    let is_listed = before.is_mark(',') && is_list_of_tables(&words[..at]);
    let follows = ["join", "lateral"].iter().any(|word| before.is(word))
        || before.is("from") && begins_tables(&words[..at - 1]);
    (is_listed || follows).then(|| alias(&words[end..]).map_or(InFrom::Bare, InFrom::Named))
}

/// The words before a place that stand beside it, not between other parentheses, from the nearest
/// on.
struct Beside<'a> {
    /// Each with what stands before it.
    words: Vec<(&'a [Word], &'a Word)>,
    /// Whether the place is between parentheses.
    is_enclosed: bool,
}

fn beside(words: &[Word]) -> Beside<'_> {
    let (mut depth, mut found) = (0_usize, Vec::new());
    for (at, word) in words.iter().enumerate().rev() {
        if word.is_mark(')') {
            depth += 1;
        } else if word.is_mark('(') {
            let Some(outer) = depth.checked_sub(1) else {
                return Beside { words: found, is_enclosed: true };
            };
            depth = outer;
        } else if depth == 0 {
            found.push((&words[..at], word));
        }
    }
    Beside { words: found, is_enclosed: false }
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
    let is_from = |(before, word): &(&[Word], &Word)| word.is("from") && begins_tables(before);
    let begins_clause = |word: &Word| OTHER_CLAUSES.iter().any(|clause| word.is(clause));
    let beside = beside(words).words;
    beside.iter().find(|it| is_from(it) || begins_clause(it.1)).is_some_and(is_from)
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
    let begins = |word: &Word| BEGINNINGS.iter().any(|beginning| word.is(beginning));
    let beside = beside(words);
    !beside.is_enclosed || beside.words.iter().any(|(_, word)| begins(word))
}

/// The name that these words behind a table give it.
fn alias(words: &[Word]) -> Option<&str> {
    let first = words.first()?;
    if first.is("as") {
        return words.get(1)?.name();
    }
    first.name().filter(|_| !goes_on(first))
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
            ("select * from (it a join b on true)", Some("a")),
            ("select * from a, ((it cross join b) join c on true)", Some("")),
            ("select * from a where (it) is null", None),
            ("select * from f(it)", None),
            ("select (it).a from b", None),
            ("delete from a using b, it", Some("")),
            ("with d as (delete from it returning 1) table d", Some("")),
        ] {
            assert_eq!(place(sql).as_deref(), expected, "{sql}");
        }
    }
}
