//! Which parts of a text are keywords, strings, comments: what an editor colours.

use std::ops::Range;

use super::{Strings, Token, TokenKind, tokens};

/// A coloured part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where, in bytes.
    pub range: Range<usize>,
    /// What it is.
    pub colour: Colour,
}

/// What a part of a text is, as far as its colour goes. Blanks, names and signs are plain and have
/// no span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// A word of SQL's grammar.
    Keyword,
    /// A quoted identifier.
    QuotedName,
    Text,
    /// A number or a parameter.
    Number,
    Comment,
}

/// The coloured parts of a text, in order.
pub fn colours(text: &str, strings: Strings) -> Vec<Span> {
    tokens(text, strings)
        .into_iter()
        .filter_map(|token| {
            let colour = colour(text, &token)?;
            Some(Span { range: token.range, colour })
        })
        .collect()
}

fn colour(text: &str, token: &Token) -> Option<Colour> {
    match token.kind {
        TokenKind::Word => is_keyword(&text[token.range.clone()]).then_some(Colour::Keyword),
        TokenKind::QuotedName => Some(Colour::QuotedName),
        TokenKind::Text | TokenKind::DollarText => Some(Colour::Text),
        TokenKind::Number | TokenKind::Parameter => Some(Colour::Number),
        TokenKind::Comment => Some(Colour::Comment),
        TokenKind::Blank | TokenKind::Sign => None,
    }
}

/// Whether a word is one of SQL's grammar, whatever its case.
pub fn is_keyword(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    KEYWORDS.binary_search(&word.as_str()).is_ok()
}

/// The words that make up statements, in alphabetical order. PostgreSQL's grammar has some four
/// hundred more that people mostly use as names (`name`, `value`, `day`); colouring those would
/// mislead.
pub const KEYWORDS: [&str; 195] = [
    "abort",
    "add",
    "all",
    "alter",
    "always",
    "analyze",
    "and",
    "any",
    "as",
    "asc",
    "atomic",
    "begin",
    "between",
    "both",
    "by",
    "call",
    "cascade",
    "case",
    "cast",
    "check",
    "checkpoint",
    "cluster",
    "collate",
    "column",
    "comment",
    "commit",
    "committed",
    "concurrently",
    "conflict",
    "constraint",
    "copy",
    "create",
    "cross",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "cursor",
    "database",
    "deallocate",
    "declare",
    "default",
    "deferrable",
    "deferred",
    "delete",
    "desc",
    "discard",
    "distinct",
    "do",
    "drop",
    "else",
    "end",
    "except",
    "exclude",
    "execute",
    "exists",
    "explain",
    "extension",
    "false",
    "fetch",
    "following",
    "for",
    "foreign",
    "from",
    "full",
    "function",
    "generated",
    "grant",
    "group",
    "grouping",
    "having",
    "identity",
    "if",
    "ilike",
    "immediate",
    "in",
    "increment",
    "index",
    "inherits",
    "initially",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "isnull",
    "isolation",
    "join",
    "key",
    "language",
    "lateral",
    "leading",
    "left",
    "level",
    "like",
    "limit",
    "listen",
    "local",
    "lock",
    "locked",
    "logged",
    "materialized",
    "merge",
    "mode",
    "move",
    "natural",
    "no",
    "not",
    "nothing",
    "notify",
    "notnull",
    "nowait",
    "null",
    "nulls",
    "of",
    "offset",
    "on",
    "only",
    "open",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "policy",
    "preceding",
    "prepare",
    "prepared",
    "primary",
    "procedure",
    "range",
    "read",
    "reassign",
    "recursive",
    "references",
    "refresh",
    "reindex",
    "release",
    "rename",
    "repeatable",
    "replace",
    "reset",
    "restrict",
    "returning",
    "returns",
    "revoke",
    "right",
    "rollback",
    "rows",
    "rule",
    "savepoint",
    "schema",
    "select",
    "sequence",
    "serializable",
    "session",
    "set",
    "setof",
    "share",
    "show",
    "similar",
    "skip",
    "some",
    "start",
    "strict",
    "table",
    "temp",
    "temporary",
    "then",
    "ties",
    "to",
    "trailing",
    "transaction",
    "trigger",
    "true",
    "truncate",
    "unbounded",
    "uncommitted",
    "union",
    "unique",
    "unlisten",
    "unlogged",
    "update",
    "using",
    "vacuum",
    "values",
    "view",
    "when",
    "where",
    "window",
    "with",
    "within",
    "without",
    "work",
    "write",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Vec<(&str, Colour)> {
        colours(text, Strings::Conforming)
            .into_iter()
            .map(|span| (&text[span.range], span.colour))
            .collect()
    }

    #[test]
    fn the_keywords_are_in_order() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn each_part_has_its_colour() {
        let text = "SELECT \"Seat\", 4, 'x' from seats -- all";
        let expected = [
            ("SELECT", Colour::Keyword),
            ("\"Seat\"", Colour::QuotedName),
            ("4", Colour::Number),
            ("'x'", Colour::Text),
            ("from", Colour::Keyword),
            ("-- all", Colour::Comment),
        ];
        assert_eq!(seen(text), expected);
    }
}
