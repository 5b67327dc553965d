//! Which values of unique indexes a row has that a statement inserts, where its text tells them.
//! Two rows that share none do not meet, although they go into the same table.

use std::collections::BTreeMap;

use crate::core::syntax::{Verb, Word, WordKind, parenthesized};
use crate::debugger::statement::Part;
use crate::explorer::effects::{Access, Footprint, Resource};

/// Of each table whose name is its own, what must be unique.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys(BTreeMap<String, Table>);

#[derive(Clone, Debug, Default)]
struct Table {
    columns: Vec<String>,
    uniques: Vec<Unique>,
}

/// The columns of a unique index.
#[derive(Clone, Debug)]
struct Unique(Vec<(String, Kind)>);

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    is: Comparison,
    /// A sequence gives the value if nobody else does.
    has_sequence: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Text,
    Integer,
    Uuid,
    /// Not by its text alone.
    Other,
}

/// As the catalog tells it: a table, its columns, and of one of its unique indexes the columns and
/// their kinds.
pub(super) type KeyRow = (String, Vec<String>, Vec<String>, Vec<String>);

impl Keys {
    pub(super) fn new(rows: impl IntoIterator<Item = KeyRow>) -> Self {
        let mut tables: BTreeMap<String, Table> = BTreeMap::new();
        for (name, columns, key, kinds) in rows {
            let table = tables.entry(name).or_default();
            table.columns = columns;
            if !key.is_empty() {
                let kinds = kinds.iter().map(|kind| Kind::named(kind));
                table.uniques.push(Unique(key.into_iter().zip(kinds).collect()));
            }
        }
        Self(tables)
    }

    /// What a statement locks that inserts one row of literals into this table; nothing where it
    /// is another one, or where its text does not tell.
    pub(super) fn inserted(&self, part: &Part, name: &str) -> Option<Footprint> {
        let table = self.0.get(name)?;
        if part.verb != Verb::Insert || !part.tables.reads.is_empty() {
            return None;
        }
        let row = Row::read(part.words(), &table.columns)?;
        let uniques = table.uniques.iter().enumerate();
        let keys = uniques.map(|(nth, unique)| {
            let values = unique.0.iter().map(|(column, kind)| row.value(column, *kind));
            let values: Vec<String> = values.collect::<Option<_>>()?;
            let (table, index) = (name.to_owned(), nth.to_string());
            let key = Resource::Key { table, index, values: format!("{values:?}") };
            Some((key, Access::Exclusive))
        });
        let keys: Footprint = keys.collect::<Option<_>>()?;
        // The row itself is nobody else's: it is seen when it is committed.
        let row = Resource::Row { table: name.to_owned(), key: part.sql.clone() };
        Some(keys.into_iter().chain([(row, Access::Exclusive)]).collect())
    }
}

impl Kind {
    fn named(name: &str) -> Self {
        let (has_sequence, name) = match name.strip_prefix("sequence ") {
            Some(name) => (true, name),
            None => (false, name),
        };
        let is = match name {
            "text" => Comparison::Text,
            "integer" => Comparison::Integer,
            "uuid" => Comparison::Uuid,
            _ => Comparison::Other,
        };
        Self { is, has_sequence }
    }
}

/// A row that is inserted: each column that is named, and its value where it is one word.
struct Row<'a>(BTreeMap<&'a str, Option<&'a Word>>);

impl<'a> Row<'a> {
    /// `insert into t (a, b) values (1, 'x')`, and perhaps a RETURNING behind it.
    fn read(words: &'a [Word], columns: &'a [String]) -> Option<Self> {
        let values = words.iter().position(|word| word.is("values"))?;
        let head = &words[..values];
        if !head.first()?.is("insert") || head.iter().any(|word| word.is("overriding")) {
            return None;
        }
        let named = match head.iter().position(|word| word.is_mark('(')) {
            Some(open) => {
                let list = head[open + 1..].strip_suffix_mark()?;
                let names = list.split(|word| word.is_mark(','));
                names.map(|name| name.first()?.name()).collect::<Option<Vec<_>>>()?
            }
            None => columns.iter().map(String::as_str).collect(),
        };
        let (row, rest) = parenthesized(&words[values + 1..])?;
        let is_all = rest.first().is_none_or(|word| word.is("returning"));
        if !is_all || row.len() > named.len() {
            return None;
        }
        let value = |words: &&'a [Word]| match words {
            [only] => Some(only),
            _ => None,
        };
        let values = row.iter().map(value);
        Some(Self(named.into_iter().zip(values).collect()))
    }

    /// Nothing of what a sequence gives: it tells who came first.
    fn value(&self, column: &str, kind: Kind) -> Option<String> {
        let given = match self.0.get(column) {
            None => None,
            Some(word) => Some((*word)?).filter(|word| !word.is("default")),
        };
        let word = given.filter(|_| !kind.has_sequence)?;
        let text = match word.kind {
            WordKind::Text if !word.text.contains(['\'', '\\']) => word.text.clone(),
            WordKind::Value => word.text.parse::<i64>().ok()?.to_string(),
            _ => return None,
        };
        match kind.is {
            Comparison::Text => Some(text),
            Comparison::Integer => text.parse::<i64>().ok().map(|it| it.to_string()),
            Comparison::Uuid if text.len() == 36 && text.contains('-') => {
                Some(text.to_ascii_lowercase())
            }
            Comparison::Uuid | Comparison::Other => None,
        }
    }
}

trait WithoutEnd {
    /// The words before a closing parenthesis, which is the last.
    fn strip_suffix_mark(&self) -> Option<&Self>;
}

impl WithoutEnd for [Word] {
    fn strip_suffix_mark(&self) -> Option<&Self> {
        let (last, words) = self.split_last()?;
        last.is_mark(')').then_some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::Strings;
    use crate::debugger::statement::Statement;
    use crate::explorer::effects::meet;

    fn keys() -> Keys {
        let row = |name: &str, columns: &[&str], key: &[&str], kinds: &[&str]| {
            let all = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
            (name.to_owned(), all(columns), all(key), all(kinds))
        };
        Keys::new([
            row("sales", &["buyer", "price"], &["buyer"], &["text"]),
            row("tickets", &["id", "seat"], &["id"], &["sequence integer"]),
            row("tickets", &["id", "seat"], &["seat"], &["text"]),
            row("log", &["what"], &[], &[]),
            row("odd", &["n"], &["n"], &["other"]),
        ])
    }

    /// Whether these two meet; nothing where one of them may be anything.
    fn may_meet(one: &str, other: &str) -> Option<bool> {
        let footprint = |sql: &str| {
            let part = Statement::read(sql, Strings::default()).parts.remove(0);
            let table = part.tables.writes.first().unwrap().name.clone();
            keys().inserted(&part, &table)
        };
        Some(meet(&footprint(one)?, &footprint(other)?))
    }

    #[test]
    fn rows_with_other_keys_do_not_meet() {
        let apart = [
            ("insert into sales values ('alice', 1)", "insert into sales values ('bob', 1)"),
            ("insert into sales (price, buyer) values (1, 'b')", "insert into sales values ('a')"),
            ("insert into log values ('a')", "insert into log values ('b') returning what"),
        ];
        for (one, other) in apart {
            assert_eq!(may_meet(one, other), Some(false), "{one} {other}");
        }
    }

    #[test]
    fn rows_with_the_same_key_do() {
        let meeting =
            [("insert into sales values ('alice', 1)", "insert into sales values ('alice', 2)")];
        for (one, other) in meeting {
            assert_eq!(may_meet(one, other), Some(true), "{one} {other}");
        }
    }

    #[test]
    fn what_a_text_does_not_tell_may_be_any_row() {
        for sql in [
            "insert into sales select 'alice', 1",
            "insert into sales values ('alice', 1), ('bob', 1)",
            "insert into sales values (lower('ALICE'), 1)",
            "insert into sales values ('alice', 1) on conflict do nothing",
            "insert into sales values ($1, 1)",
            "insert into sales values (E'\\x41', 1)",
            "insert into sales (price) values (1)",
            "insert into tickets values (7, 'A-4')",
            "insert into odd values (1)",
            "insert into nobody_knows values (1)",
            "update sales set buyer = 'alice'",
        ] {
            assert_eq!(may_meet(sql, sql), None, "{sql}");
        }
    }
}
