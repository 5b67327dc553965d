//! Which tables a statement reads, writes and locks, as far as its words tell: a view's tables and
//! those of a routine are not among them.

use std::collections::BTreeSet;
use std::fmt;

use super::shape::shown_name;
use crate::core::syntax::{self, Strings, Verb, Word, WordKind};

mod reader;

/// A table's name as it was written, with its schema or without.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    pub schema: Option<String>,
    pub name: String,
}

/// The tables of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    pub reads: BTreeSet<TableName>,
    /// Those whose rows or whose definition it changes.
    pub writes: BTreeSet<TableName>,
    /// Those that LOCK TABLE names.
    pub locks: BTreeSet<TableName>,
}

impl TableName {
    /// Reads a name as SQL has it: `seats`, `public."Odd Name"`.
    pub fn read(text: &str) -> Option<Self> {
        let words = syntax::words(text, Strings::default());
        let (parts, next) = reader::name_at(&words, 0)?;
        (next == words.len()).then(|| Self::of(&parts))
    }

    /// The last two parts count: a database stands before its schema, if it is named at all.
    fn of(parts: &[&str]) -> Self {
        let (name, before) = parts.split_last().map_or(("", &[][..]), |(last, rest)| (*last, rest));
        Self { schema: before.last().map(|&schema| schema.to_owned()), name: name.to_owned() }
    }

    /// Whether both may be the same table. Without a schema a name is that of any.
    pub fn may_be(&self, other: &Self) -> bool {
        let schemas = self.schema.as_ref().zip(other.schema.as_ref());
        self.name == other.name && schemas.is_none_or(|(one, two)| one == two)
    }

    /// Whether it is PostgreSQL's own: the catalog, or what shows it.
    pub fn is_catalog(&self) -> bool {
        match self.schema.as_deref() {
            Some(schema) => ["pg_catalog", "information_schema", "pg_toast"].contains(&schema),
            None => self.name.starts_with("pg_"),
        }
    }
}

impl TableName {
    /// As it is written in SQL, in quotes.
    pub fn quoted(&self) -> String {
        let parts = self.schema.iter().chain([&self.name]);
        parts.map(|part| syntax::quote(part)).collect::<Vec<_>>().join(".")
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", shown_name(schema))?;
        }
        f.write_str(&shown_name(&self.name))
    }
}

impl Tables {
    /// Those that one statement names.
    pub fn of(words: &[Word]) -> Self {
        let mut tables = Self::default();
        match syntax::verb(words) {
            Verb::Ddl => tables.define(words),
            // The body is a string.
            Verb::Call if words[0].is("do") => {
                for string in words.iter().filter(|word| word.kind == WordKind::Text) {
                    reader::read(&syntax::words(&string.text, Strings::default()), &mut tables);
                }
            }
            _ => reader::read(words, &mut tables),
        }
        tables
    }

    /// A definition changes what it names; the query of a CREATE TABLE AS reads.
    fn define(&mut self, words: &[Word]) {
        let reach = syntax::reach(words);
        let bare = reach.unqualified.into_iter().map(|name| TableName { schema: None, name });
        // `role clerk` is in no schema, and no table.
        let qualified = reach.outside.iter().filter_map(|name| name.split_once('.'));
        let qualified = qualified.map(|(schema, name)| TableName::of(&[schema, name]));
        self.writes.extend(bare.chain(qualified));
        if let Some(query) = words.iter().position(|word| word.is("as")) {
            let queries = ["select", "with", "table", "values"];
            let begins = |word: &Word| queries.iter().any(|query| word.is(query));
            let behind = words[query + 1..].iter().find(|word| !word.is_mark('('));
            if behind.is_some_and(begins) {
                reader::read(&words[query + 1..], self);
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// All of them, those that are both read and written twice.
    pub fn all(&self) -> impl Iterator<Item = &TableName> {
        self.writes.iter().chain(&self.reads).chain(&self.locks)
    }

    pub fn add(&mut self, other: &Self) {
        self.reads.extend(other.reads.iter().cloned());
        self.writes.extend(other.writes.iter().cloned());
        self.locks.extend(other.locks.iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tables(sql: &str) -> Tables {
        Tables::of(&syntax::words(sql, Strings::default()))
    }

    fn told(names: &BTreeSet<TableName>) -> String {
        names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    fn assert_told(cases: &[(&str, &str, &str)]) {
        for (sql, reads, writes) in cases {
            let found = tables(sql);
            let found = (told(&found.reads), told(&found.writes));
            assert_eq!((found.0.as_str(), found.1.as_str()), (*reads, *writes), "{sql}");
        }
    }

    #[test]
    fn what_is_read_is_told() {
        assert_told(&[
            ("select * from seats", "seats", ""),
            ("SELECT s.id FROM public.\"Seats\" AS s, shows x", "shows public.\"Seats\"", ""),
            (
                "select 1 from a join b on a.x = b.x, c left join (d join e using (f)) g on true",
                "a b c d e",
                "",
            ),
            (
                "select (select max(x) from a), extract(year from y) from b where z in (select 1 \
                 from c)",
                "a b c",
                "",
            ),
            ("select a is distinct from b, substring(c from 1 for 2) from t", "t", ""),
            ("select * from only seats for update of seats", "seats", ""),
            ("select * from generate_series(1, 3) g, lateral (select 1 from a) x", "a", ""),
        ]);
    }

    #[test]
    fn what_is_written_is_told() {
        assert_told(&[
            ("update seats set a = 1 from shows where seats.b = shows.b", "shows", "seats"),
            ("update only seats s set from_date = 1", "", "seats"),
            ("delete from seats using shows where true", "shows", "seats"),
            ("insert into seats (a) select b from old_seats", "old_seats", "seats"),
            (
                "insert into seats values (1) on conflict (a) do update set b = 2 returning *",
                "",
                "seats",
            ),
            (
                "merge into seats s using shows x on s.a = x.a when matched then update set b = 1",
                "shows",
                "seats",
            ),
            ("with x as (select * from a) select * from x join b using (c)", "a b", ""),
            ("with seats as (select * from seats) select * from seats", "seats", ""),
            (
                "with recursive x(n) as (select 1 union all select n + 1 from x) select * from x",
                "",
                "",
            ),
            (
                "with gone as (delete from a returning *), y as (select 1) insert into b select * \
                 from gone",
                "",
                "a b",
            ),
            ("table seats", "seats", ""),
            ("select 1 union all table seats", "seats", ""),
            ("truncate table a, b cascade", "", "a b"),
            ("copy seats (a, b) from stdin", "", "seats"),
            ("copy seats to stdout", "seats", ""),
            ("copy (select * from seats) to stdout", "seats", ""),
            ("explain analyze update seats set a = 1", "", "seats"),
            ("declare c cursor for select * from seats", "seats", ""),
            ("fetch 10 from c", "", ""),
            ("select * from seats where exists (select from bookings)", "bookings seats", ""),
            ("select case when true then 1 end, t.from, count(*) from x", "x", ""),
            ("do $$ begin perform 1 from a; update b set c = 1; end $$", "a", "b"),
            ("alter table seats add column b int", "", "seats"),
            ("create table x as select * from seats", "seats", "x"),
            ("drop table public.a, b", "", "b public.a"),
            ("create role clerk", "", ""),
            ("select 1", "", ""),
            ("selec", "", ""),
        ]);
    }

    #[test]
    fn lock_table_locks() {
        let found = tables("lock table only seats, public.shows in share mode");
        assert_eq!(told(&found.locks), "seats public.shows");
        assert_eq!(told(&tables("lock seats").locks), "seats");
    }

    #[test]
    fn without_its_schema_a_name_may_be_any() {
        let name = |text| TableName::read(text).unwrap();
        assert!(name("seats").may_be(&name("public.Seats")));
        assert!(name("db.public.seats").may_be(&name("public.seats")));
        assert!(
            !name("a.seats").may_be(&name("b.seats")) && !name("\"Seats\"").may_be(&name("seats"))
        );
        assert_eq!(TableName::read("a b"), None);
        assert!(name("pg_class").is_catalog() && name("information_schema.tables").is_catalog());
        assert!(!name("public.pg_class").is_catalog());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            tables(&text);
        }

        #[test]
        fn no_mixture_makes_it_panic(
            pieces in prop::collection::vec(
                prop::sample::select(vec![
                    "select", "from", "join", "(", ")", ",", ".", "a", "\"B\"", "using", "with",
                    "as", "update", "set", "delete", "into", "insert", "merge", "copy", "table",
                    "lock", "truncate", ";", "'x'", "distinct", "is", "do", "create", "recursive",
                    "only", "lateral", "materialized",
                ]),
                0..20,
            )
        ) {
            tables(&pieces.join(" "));
        }
    }
}
