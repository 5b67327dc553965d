//! The tables that a statement names, and what it calls them.

use crate::core::syntax::{Word, WordKind, is_keyword};

/// A table's name, perhaps with its schema before it.
type Name = Vec<String>;

/// The tables of a statement.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    named: Vec<(Name, Option<String>)>,
    /// The queries of its WITH.
    queries: Vec<String>,
}

impl Tables {
    /// Those after FROM, JOIN, INTO, UPDATE and USING.
    pub(super) fn of(words: &[Word]) -> Self {
        let mut tables = Self { named: Vec::new(), queries: queries(words) };
        for (at, word) in words.iter().enumerate() {
            let begins = ["from", "join", "into", "update", "using"];
            // FOR UPDATE and DO UPDATE name no table.
            let is_clause = at > 0 && ["for", "do", "key"].iter().any(|it| words[at - 1].is(it));
            if begins.iter().any(|it| word.is(it)) && !is_clause {
                tables.take_list(&words[at + 1..]);
            }
        }
        tables
    }

    fn take_list(&mut self, mut words: &[Word]) {
        loop {
            if words.first().is_some_and(|word| word.is("only") || word.is("lateral")) {
                words = &words[1..];
            }
            let Some((name, length)) = name(words) else { return };
            words = &words[length..];
            if words.first().is_some_and(|word| word.is("as")) {
                words = &words[1..];
            }
            let alias = words.first().and_then(alias).map(str::to_owned);
            words = &words[usize::from(alias.is_some())..];
            self.named.push((name, alias));
            match words.first() {
                Some(word) if word.is_mark(',') => words = &words[1..],
                _ => return,
            }
        }
    }

    /// The tables' names.
    pub(super) fn named(&self) -> impl Iterator<Item = &[String]> {
        self.named.iter().map(|(name, _)| name.as_slice())
    }

    /// What the statement calls its tables.
    pub(super) fn aliases(&self) -> impl Iterator<Item = &str> {
        self.named.iter().filter_map(|(_, alias)| alias.as_deref())
    }

    /// The names of the queries in its WITH.
    pub(super) fn queries(&self) -> impl Iterator<Item = &str> {
        self.queries.iter().map(String::as_str)
    }

    /// The table that is meant by a name before a dot.
    pub(super) fn meant_by(&self, name: &str) -> Option<&[String]> {
        let is_it = |(table, alias): &&(Name, Option<String>)| match alias {
            Some(alias) => alias == name,
            None => table.last().is_some_and(|last| last == name),
        };
        self.named.iter().find(is_it).map(|(table, _)| table.as_slice())
    }
}

/// A name at the beginning of these words, and how many of them it takes.
pub(super) fn name(words: &[Word]) -> Option<(Name, usize)> {
    let mut parts = vec![words.first().and_then(part)?.to_owned()];
    let mut length = 1;
    while let [dot, next, ..] = &words[length..]
        && dot.is_mark('.')
        && let Some(next) = next.name()
    {
        parts.push(next.to_owned());
        length += 2;
    }
    Some((parts, length))
}

fn part(word: &Word) -> Option<&str> {
    word.name().filter(|text| word.kind == WordKind::Quoted || !is_keyword(text))
}

fn alias(word: &Word) -> Option<&str> {
    part(word)
}

/// The names before `AS (` in a WITH.
fn queries(words: &[Word]) -> Vec<String> {
    if !words.first().is_some_and(|word| word.is("with")) {
        return Vec::new();
    }
    let is_query = |at: &usize| {
        let after = &words[at + 1..];
        let as_ = after.first().is_some_and(|word| word.is("as"));
        as_ && after.iter().skip(1).take(3).any(|word| word.is_mark('('))
    };
    let named = (1..words.len().saturating_sub(1)).filter(is_query);
    named.filter_map(|at| part(&words[at]).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::{Strings, words};

    fn tables(sql: &str) -> Tables {
        Tables::of(&words(sql, Strings::default()))
    }

    #[test]
    fn a_table_is_meant_by_its_alias_or_by_its_name() {
        let found = tables("select from seats s, only public.\"Orders\" as o join x on true");
        assert_eq!(found.meant_by("s"), Some(&["seats".to_owned()][..]));
        assert_eq!(found.meant_by("seats"), None, "the alias hides it");
        assert_eq!(found.meant_by("o").unwrap(), ["public", "Orders"]);
        assert_eq!(found.meant_by("x").unwrap(), ["x"]);
    }

    #[test]
    fn for_update_names_no_table() {
        let found = tables("select from seats where true for update nowait");
        assert_eq!(found.named().collect::<Vec<_>>(), [["seats"]]);
        assert_eq!(tables("update seats set x = 1").named().count(), 1);
        assert_eq!(
            tables("insert into t values (1) on conflict do update set x").named().count(),
            1
        );
    }

    #[test]
    fn queries_of_a_with_are_named() {
        let found = tables("with a as (select 1), b as materialized (select 2) select from ");
        assert_eq!(found.queries().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(tables("select x as (").queries().count(), 0);
    }
}
