//! A name of a statement where it stands, and what can be sent in its place.

use std::ops::Range;

use super::common::is_common_table;
use super::place::{InFrom, in_from, is_tables};
use crate::core::syntax::{Word, literal, quote};

/// A piece of a statement, and what is sent in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) span: Range<usize>,
    pub(crate) by: String,
}

/// A name where it stands.
#[derive(Clone, Copy)]
pub(super) struct Mention<'a> {
    pub(super) words: &'a [Word],
    /// Its first word, and what is behind its last.
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) parts: &'a [&'a str],
    /// Whether all columns of what it names are meant: `jobs.*`.
    pub(super) has_star: bool,
}

impl Mention<'_> {
    /// Whether it is this name of the catalog's.
    pub(super) fn is_catalogs(&self, name: &str) -> bool {
        match self.parts {
            [bare] => *bare == name,
            [schema, bare] => *schema == "pg_catalog" && *bare == name,
            _ => false,
        }
    }

    /// The name and the call behind it, where the call has so few arguments that they are none.
    pub(super) fn bare_call(&self) -> Option<Self> {
        let opens = self.words.get(self.end)?.is_mark('(');
        let closes = self.words.get(self.end + 1)?.is_mark(')');
        (opens && closes).then_some(Self { end: self.end + 2, ..*self })
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.words[self.at].span.start..self.words[self.end - 1].span.end
    }

    /// The edit by which this has another value.
    pub(super) fn as_value(&self, sql: &str, value: &str, kind: &str, called: &str) -> Edit {
        let value = format!("{}::pg_catalog.{kind}", literal(value));
        let by = match in_from(self.words, self.at, self.end) {
            None => format!("(case when true then {value} else {} end)", &sql[self.span()]),
            Some(_) => return self.as_query(&value, called),
        };
        Edit { span: self.span(), by }
    }

    /// The same, where PostgreSQL knows nothing of what stands there: without a CASE.
    pub(super) fn as_query(&self, value: &str, called: &str) -> Edit {
        let by = match in_from(self.words, self.at, self.end) {
            // A function's only column is called as the function is.
            Some(InFrom::Named(name)) => format!("(select {value} as {})", quote(name)),
            Some(InFrom::Bare) => format!("(select {value} as {called}) as {called}"),
            None => format!("(select {value} as {called})"),
        };
        Edit { span: self.span(), by }
    }

    /// Whether it names a column of this table, or all of them, with the table's schema.
    pub(super) fn is_of_table(&self, schema: &str, table: &str) -> bool {
        match self.parts {
            [own, name] => self.has_star && *own == schema && *name == table,
            [own, name, _, ..] => *own == schema && *name == table,
            _ => false,
        }
    }

    /// The edit by which such a column is one of the query that stands for the table, and is called
    /// as the table is.
    pub(super) fn without_schema(&self, table: &str) -> Edit {
        let words = &self.words[self.at..];
        Edit { span: words[0].span.start..words[2].span.end, by: table.to_owned() }
    }

    /// The edit by which a table is another one, which this query makes; nothing where the name
    /// stands for no table.
    pub(super) fn as_table(&self, query: &str, called: &str) -> Option<Edit> {
        if self.parts.len() == 1 && is_common_table(self.words, self.at) {
            return None;
        }
        if is_tables(self.words, self.at) {
            let span = self.words[self.at - 1].span.start..self.span().end;
            return Some(Edit { span, by: format!("select * from ({query}) as {called}") });
        }
        let by = match in_from(self.words, self.at, self.end)? {
            InFrom::Named(_) => format!("({query})"),
            InFrom::Bare => format!("({query}) as {called}"),
        };
        Some(Edit { span: self.span(), by })
    }
}
