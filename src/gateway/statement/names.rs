//! Every name in a statement that could be a table's or a function's.

use std::ops::Range;

use crate::core::syntax::{Word, WordKind};

/// A name with its qualification, as far as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// `["public", "seats"]`.
    pub(crate) parts: Vec<String>,
    /// The bytes of each part.
    pub(crate) spans: Vec<Range<usize>>,
    /// Whether a parenthesis follows, as after a function's name.
    pub(crate) is_called: bool,
    /// Whether a dot follows that no further name comes after: `seats.*`.
    pub(crate) has_star: bool,
    /// Whether it stands where something gets another name: `pg_class c`, `as c`.
    pub(crate) is_alias: bool,
}

impl Name {
    /// One word by itself, in no text.
    pub(crate) fn bare(word: &str) -> Self {
        Self { parts: vec![word.to_owned()], ..Self::empty() }
    }

    fn empty() -> Self {
        Self {
            parts: Vec::new(),
            spans: Vec::new(),
            is_called: false,
            has_star: false,
            is_alias: false,
        }
    }

    /// Whether something of what it names is meant (`seats.price`, `seats.*`).
    pub(crate) fn is_path(&self) -> bool {
        self.parts.len() > 1 || self.has_star
    }

    /// Whether it is a row's column with the number of its table.
    pub(crate) fn is_table_number(&self) -> bool {
        self.last() == "tableoid" && !self.is_called && !self.is_alias && !self.has_star
    }

    /// Whether it is the catalog's, as psql's `\d` asks for it.
    pub(crate) fn is_catalog(&self) -> bool {
        !self.is_called && (self.last().starts_with("pg_") || self.parts[0] == "information_schema")
    }

    /// The unqualified name.
    pub(crate) fn last(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }
}

/// Words that are never a table's name without quotes (PostgreSQL documentation, appendix C).
const RESERVED: [&str; 56] = [
    "all",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "default",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "from",
    "grant",
    "group",
    "having",
    "in",
    "intersect",
    "into",
    "lateral",
    "limit",
    "not",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "primary",
    "references",
    "returning",
    "select",
    "table",
    "then",
    "to",
    "true",
    "union",
    "unique",
    "using",
    "when",
    "where",
    "window",
    "with",
];

/// The names, from left to right.
pub(super) fn names(words: &[Word]) -> Vec<Name> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let mut chain = chain(&words[at..]);
        if chain.parts.is_empty() {
            at += 1;
            continue;
        }
        chain.is_alias = at > 0 && !chain.is_path() && names_anew(&words[at - 1]);
        at += 2 * chain.parts.len() - 1;
        found.push(chain);
    }
    found
}

/// Whether a name after this word is another one for what stands before. After some words that are
/// no reserved ones a table follows.
fn names_anew(word: &Word) -> bool {
    const TABLE_FOLLOWS: [&str; 5] = ["join", "update", "copy", "analyze", "describe"];
    let is_name = word.name().is_some() && !reserved(word);
    let precedes_a_table = TABLE_FOLLOWS.iter().any(|keyword| word.is(keyword));
    word.is("as") || word.is_mark(')') || (is_name && !precedes_a_table)
}

fn reserved(word: &Word) -> bool {
    // In quotes any keyword is a name: `"order"`.
    word.kind == WordKind::Plain && RESERVED.contains(&word.text.as_str())
}

/// Names joined by dots, from the first word on.
fn chain(words: &[Word]) -> Name {
    let mut name = Name::empty();
    let mut at = 0;
    // Behind a dot any word is a name: `t.order` (`attr_name` in gram.y).
    while let Some(part) = words.get(at).filter(|word| at > 0 || !reserved(word)) {
        let Some(text) = part.name() else { break };
        name.parts.push(text.to_owned());
        name.spans.push(part.span.clone());
        if !words.get(at + 1).is_some_and(|word| word.is_mark('.')) {
            name.is_called = words.get(at + 1).is_some_and(|word| word.is_mark('('));
            return name;
        }
        at += 2;
    }
    name.has_star = at > 0;
    name
}

/// A table's name, with its schema where that is said.
pub(crate) type TableName = (Option<String>, String);

/// The name of a table with which these words begin, and what comes behind.
pub(crate) fn table_name(words: &[Word]) -> Option<(TableName, &[Word])> {
    let name = |at: usize| words.get(at).and_then(Word::name).map(str::to_owned);
    if words.get(1).is_some_and(|word| word.is_mark('.')) {
        return Some(((name(0), name(2)?), &words[3..]));
    }
    Some(((None, name(0)?), &words[1..]))
}
