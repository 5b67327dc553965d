//! A name that is being typed, and the names that begin so.

use crate::core::syntax::quote;

/// A word as far as it is typed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partial<'a> {
    pub(super) text: &'a str,
}

impl<'a> Partial<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text }
    }

    /// Whether it is the beginning of a quoted name.
    pub(super) fn is_quoted(self) -> bool {
        self.text.starts_with('"')
    }

    /// Whether a word begins so, whatever its case.
    pub(super) fn begins(self, word: &str) -> bool {
        let typed = self.text.to_lowercase();
        word.to_lowercase().starts_with(&typed)
    }

    /// The name as it is written in SQL, if it begins as this word does: in quotes, its case
    /// counts.
    pub(super) fn completed(self, name: &str) -> Option<String> {
        if let Some(typed) = self.text.strip_prefix('"') {
            return name.starts_with(&typed.replace("\"\"", "\"")).then(|| quote(name));
        }
        self.begins(name).then(|| if is_plain(name) { name.to_owned() } else { quote(name) })
    }
}

/// Whether a name means itself without quotes.
fn is_plain(name: &str) -> bool {
    let mut letters = name.chars();
    let is_first =
        |c: char| c.is_ascii_lowercase() || c == '_' || (!c.is_ascii() && !c.is_uppercase());
    let is_next = |c: char| is_first(c) || c.is_ascii_digit() || c == '$';
    letters.next().is_some_and(is_first)
        && letters.all(is_next)
        && RESERVED.binary_search(&name).is_err()
}

/// PostgreSQL's reserved words, those that can be functions or types among them: none is a
/// column's name without quotes.
const RESERVED: [&str; 100] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
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
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserved_words_can_be_searched() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn a_name_is_quoted_where_it_must_be() {
        let completed = |typed, name| Partial::of(typed).completed(name);
        assert_eq!(completed("se", "seats").as_deref(), Some("seats"));
        assert_eq!(completed("SE", "seats").as_deref(), Some("seats"));
        assert_eq!(completed("se", "Seats").as_deref(), Some("\"Seats\""));
        assert_eq!(completed("\"Se", "Seats").as_deref(), Some("\"Seats\""));
        assert_eq!(completed("\"se", "Seats"), None, "in quotes its case counts");
        assert_eq!(completed("or", "order").as_deref(), Some("\"order\""));
        assert_eq!(completed("", "a \"b\"").as_deref(), Some("\"a \"\"b\"\"\""));
        assert_eq!(completed("2", "2nd").as_deref(), Some("\"2nd\""));
    }
}
