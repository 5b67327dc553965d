//! A statement as words: what is left of SQL without white space and comments, each with its place in the text.
//!
//! The gateway needs from a statement only what words tell: its first keyword, its locking clauses, and every name
//! in it that could be a table's. A column that happens to be called like a table costs a copy, never a wrong answer; and
//! SQL that no parser here has heard of is still passed on to PostgreSQL, which judges it.

use std::ops::Range;

use squawk_lexer::{TokenKind, tokenize};

/// One word of SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) kind: WordKind,
    /// Its bytes in the text.
    pub(super) span: Range<usize>,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WordKind {
    /// A keyword or a name without quotes, in lower case as PostgreSQL folds it.
    Plain(String),
    /// A name in double quotes, unquoted.
    Quoted(String),
    /// A quoted name with Unicode escapes, which is not unescaped here.
    Escaped,
    /// A punctuation mark or an operator's character.
    Mark(char),
    /// A number, a string, a parameter.
    Value,
}

impl Word {
    /// The name that this word may be.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.kind {
            WordKind::Plain(name) | WordKind::Quoted(name) => Some(name),
            _ => None,
        }
    }

    /// Whether this is that keyword.
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(&self.kind, WordKind::Plain(word) if word == keyword)
    }

    /// Whether this is that punctuation mark.
    pub(super) fn is_mark(&self, mark: char) -> bool {
        self.kind == WordKind::Mark(mark)
    }
}

/// The words of a text.
pub(super) fn words(sql: &str) -> Vec<Word> {
    let mut at = 0;
    let mut found = Vec::new();
    for token in tokenize(sql) {
        let span = at..at + token.len as usize;
        at = span.end;
        if let Some(kind) = kind_of(token.kind, &sql[span.clone()]) {
            found.push(Word { kind, span });
        }
    }
    found
}

fn kind_of(kind: TokenKind, text: &str) -> Option<WordKind> {
    match kind {
        TokenKind::Whitespace
        | TokenKind::LineComment
        | TokenKind::BlockComment { .. }
        | TokenKind::Eof => None,
        TokenKind::Ident => Some(WordKind::Plain(fold(text))),
        TokenKind::QuotedIdent { uescape: true, .. } => Some(WordKind::Escaped),
        TokenKind::QuotedIdent { .. } => Some(WordKind::Quoted(unquote(text))),
        TokenKind::Literal { .. } | TokenKind::PositionalParam { .. } => Some(WordKind::Value),
        _ => text.chars().next().map(WordKind::Mark),
    }
}

/// PostgreSQL folds ASCII alone in a UTF-8 database (`downcase_identifier`).
fn fold(text: &str) -> String {
    cut(text.to_ascii_lowercase())
}

fn unquote(text: &str) -> String {
    let inner = text.strip_prefix('"').unwrap_or(text);
    cut(inner.strip_suffix('"').unwrap_or(inner).replace("\"\"", "\""))
}

/// Names longer than `NAMEDATALEN` are cut, at a character's boundary.
fn cut(mut name: String) -> String {
    const LONGEST: usize = 63;
    if name.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
        name.truncate(end);
    }
    name
}

/// Where each statement of a text begins and ends, the semicolon left out. A semicolon in parentheses (`CREATE RULE`) or in the
/// body of a function (`BEGIN ATOMIC`) ends nothing.
pub(super) fn statements(sql: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut depth, mut atomic) = (None, 0_i32, false);
    let mut previous_is_begin = false;
    for word in words(sql) {
        match word.kind {
            WordKind::Mark('(') => depth += 1,
            WordKind::Mark(')') => depth -= 1,
            WordKind::Mark(';') if depth <= 0 && !atomic => {
                found.extend(start.take().map(|start| start..word.span.start));
                depth = 0;
                continue;
            }
            _ => {}
        }
        atomic |= previous_is_begin && word.is("atomic");
        atomic &= !word.is("end");
        previous_is_begin = word.is("begin");
        start.get_or_insert(word.span.start);
    }
    found.extend(start.map(|start| start..sql.trim_end().len().max(start)));
    found
}

/// Quotes a name.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a string.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') {
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(sql: &str) -> Vec<&str> {
        statements(sql).into_iter().map(|span| sql[span].trim_end()).collect()
    }

    #[test]
    fn a_semicolon_ends_a_statement_unless_it_is_inside_something() {
        assert_eq!(
            split("select ';' ; select \"a;b\"; -- x;\nselect 2"),
            ["select ';'", "select \"a;b\"", "select 2"]
        );
        assert_eq!(split("select $$a;b$$; ; "), ["select $$a;b$$"]);
        assert_eq!(split("  ;; /* nothing */ "), Vec::<&str>::new());
        let function = "create function f() returns int begin atomic select 1; select 2; end";
        assert_eq!(split(&format!("{function}; select 3")), [function, "select 3"]);
    }

    #[test]
    fn names_are_folded_and_unquoted_as_postgresql_does() {
        let names: Vec<_> = words(r#"Seats "Mixed ""Case""" Ärger"#)
            .iter()
            .map(|word| word.name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["seats", r#"Mixed "Case""#, "Ärger"]);
    }
}
