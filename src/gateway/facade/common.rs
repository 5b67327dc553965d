//! Common tables: a name that WITH gives to a query stands for that query and for nothing else.
//!
//! ```text
//!  with pg_settings as (select * from pg_settings) select name from pg_settings
//!                                     └ the view                    └ the query
//! ```

use crate::core::syntax::{Word, parenthesized};

/// Whether the bare name that stands there is one of a WITH clause in whose reach it is.
pub(super) fn is_common_table(words: &[Word], at: usize) -> bool {
    let Some(name) = words[at].name() else { return false };
    let called_so = |place: &usize| *place != at && words[*place].name() == Some(name);
    (0..words.len()).filter(called_so).any(|place| reach(words, place).contains(&at))
}

/// Where a name stands for the query that is given it here; nowhere, where it is given none.
fn reach(words: &[Word], name: usize) -> std::ops::Range<usize> {
    let Some(body) = body(words, name) else { return 0..0 };
    let with = with(words, name);
    let Some(with) = with else { return 0..0 };
    let is_recursive = words.get(with + 1).is_some_and(|word| word.is("recursive"));
    let behind = words.len() - parenthesized(&words[body..]).map_or(0, |(_, rest)| rest.len());
    let begin = if is_recursive { with } else { behind };
    begin..end(words, behind)
}

/// The parenthesis behind `name (columns) AS [NOT] MATERIALIZED`.
fn body(words: &[Word], name: usize) -> Option<usize> {
    let mut rest = &words[name + 1..];
    rest = parenthesized(rest).map_or(rest, |(_, behind)| behind);
    rest = rest.split_first().filter(|(word, _)| word.is("as"))?.1;
    while let Some((word, behind)) = rest.split_first()
        && (word.is("not") || word.is("materialized"))
    {
        rest = behind;
    }
    rest.first().filter(|word| word.is_mark('('))?;
    Some(words.len() - rest.len())
}

/// The WITH of the clause to which this name belongs, whatever queries stand between.
fn with(words: &[Word], name: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, word) in words[..name].iter().enumerate().rev() {
        if word.is_mark(')') {
            depth += 1;
        } else if word.is_mark('(') {
            depth = depth.checked_sub(1)?;
        } else if depth == 0 && word.is("with") {
            return Some(at);
        }
    }
    None
}

/// Where the parentheses end within which these words stand, or the statement does.
fn end(words: &[Word], from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate().skip(from) {
        if word.is_mark('(') {
            depth += 1;
        } else if word.is_mark(')') {
            let Some(outer) = depth.checked_sub(1) else { return at };
            depth = outer;
        }
    }
    words.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::{Strings, words};

    fn common(sql: &str) -> Vec<bool> {
        let words = words(sql, Strings::Conforming);
        let places = (0..words.len()).filter(|at| words[*at].is("it"));
        places.map(|at| is_common_table(&words, at)).collect()
    }

    #[test]
    fn a_name_of_a_with_clause_reaches_from_its_query_to_the_end_of_the_statement() {
        for (sql, expected) in [
            ("with it as (select 1) select * from it", &[false, true][..]),
            ("with it (a) as not materialized (table it) table it", &[false, false, true]),
            (
                "with a as (table it), it as (select 1), b as (table it) table b",
                &[false, false, true],
            ),
            ("with recursive a as (table it), it as (table it) table a", &[true, false, true]),
            ("select (with it as (select 1) table it), * from it", &[false, true, false]),
            ("with it as (select 1) select (select (select 1 from it))", &[false, true]),
            ("select * from a as it (b), it", &[false, false]),
            ("select cast(it as text) from it", &[false, false]),
        ] {
            assert_eq!(common(sql), expected, "{sql}");
        }
    }
}
