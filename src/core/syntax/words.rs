//! A text as words: what is left of SQL without white space and comments, each with its place in
//! the text.
//!
//! Everything that must be known of a statement is read from these: what it does, what it names,
//! what it locks. SQL that no parser here has heard of still has words.

use std::ops::Range;

use super::{Strings, Token, TokenKind, is_keyword, tokens};

/// One word of SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it is.
    pub kind: WordKind,
    /// A name as PostgreSQL understands it, a string without its quotes, anything else as it is
    /// written.
    pub text: String,
    /// Its bytes in the text.
    pub span: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordKind {
    /// A keyword or a name without quotes.
    Plain,
    /// A name in double quotes.
    Quoted,
    /// A quoted name with Unicode escapes, which are left as they are.
    Escaped,
    /// A string in single or dollar quotes. What is doubled or escaped in it stays so.
    Text,
    /// A number or a parameter.
    Value,
    /// A punctuation mark or an operator's character.
    Mark,
}

impl Word {
    /// The name that this word may be.
    pub fn name(&self) -> Option<&str> {
        matches!(self.kind, WordKind::Plain | WordKind::Quoted).then_some(&self.text)
    }

    /// Whether this is that keyword.
    pub fn is(&self, keyword: &str) -> bool {
        self.kind == WordKind::Plain && self.text == keyword
    }

    /// Whether this is that punctuation mark.
    pub fn is_mark(&self, mark: char) -> bool {
        self.kind == WordKind::Mark && self.text.starts_with(mark)
    }
}

/// The words of a text.
pub fn words(text: &str, strings: Strings) -> Vec<Word> {
    tokens(text, strings).into_iter().filter_map(|token| word(text, token)).collect()
}

/// Whether the words begin with these keywords.
pub fn begins(words: &[Word], keywords: &[&str]) -> bool {
    words.len() >= keywords.len()
        && keywords.iter().zip(words).all(|(keyword, word)| word.is(keyword))
}

/// Whether these keywords follow each other somewhere.
pub fn has(words: &[Word], keywords: &[&str]) -> bool {
    (0..words.len()).any(|at| begins(&words[at..], keywords))
}

/// What stands in the parentheses that begin here, parted at the commas, and what comes behind;
/// nothing where none begin, or where they do not end.
pub fn parenthesized(words: &[Word]) -> Option<(Vec<&[Word]>, &[Word])> {
    let words = words.split_first().filter(|(first, _)| first.is_mark('('))?.1;
    let (mut depth, mut from, mut parts) = (0_usize, 0, Vec::new());
    for (at, word) in words.iter().enumerate() {
        if word.is_mark('(') {
            depth += 1;
        } else if word.is_mark(')') && depth > 0 {
            depth -= 1;
        } else if word.is_mark(')') {
            parts.push(&words[from..at]);
            return Some((parts, &words[at + 1..]));
        } else if word.is_mark(',') && depth == 0 {
            parts.push(&words[from..at]);
            from = at + 1;
        }
    }
    None
}

/// The name that PostgreSQL reads in an identifier as somebody wrote it: folded to lower case
/// unless quoted (PostgreSQL documentation, 4.1.1).
pub fn identifier(written: &str) -> String {
    if written.starts_with('"') { unquote(written) } else { fold(written) }
}

/// Quotes a name.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What PostgreSQL reserves beside the words that are coloured (its appendix C), in alphabetical
/// order.
const RESERVED: [&str; 21] = [
    "analyse",
    "array",
    "asymmetric",
    "authorization",
    "binary",
    "collation",
    "current_catalog",
    "current_role",
    "current_schema",
    "freeze",
    "localtime",
    "localtimestamp",
    "overlaps",
    "placing",
    "session_user",
    "symmetric",
    "system_user",
    "tablesample",
    "user",
    "variadic",
    "verbose",
];

/// Quotes a name that PostgreSQL would read otherwise, or as a keyword; others stay as people write
/// them.
pub fn quote_if_needed(name: &str) -> String {
    let is_plain = |c: char| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_digit = |c: char| c.is_ascii_digit();
    let is_bare = !name.is_empty() && name.chars().all(is_plain) && !name.starts_with(is_digit);
    if is_bare && !is_keyword(name) && !RESERVED.contains(&name) {
        name.to_owned()
    } else {
        quote(name)
    }
}

/// Quotes a string, for a server that takes backslashes in either way.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') {
        // The blank in front is libpq's (`PQescapeLiteral`): put behind a word, the E must not
        // become its last letter.
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

fn word(text: &str, token: Token) -> Option<Word> {
    let piece = &text[token.range.clone()];
    let (kind, text) = match token.kind {
        TokenKind::Blank | TokenKind::Comment => return None,
        TokenKind::Word => (WordKind::Plain, fold(piece)),
        TokenKind::QuotedName if piece.starts_with('"') => (WordKind::Quoted, unquote(piece)),
        TokenKind::QuotedName => (WordKind::Escaped, unquote(&piece[2..])),
        TokenKind::Text | TokenKind::DollarText => (WordKind::Text, content(piece).to_owned()),
        TokenKind::Number | TokenKind::Parameter => (WordKind::Value, piece.to_owned()),
        TokenKind::Sign => (WordKind::Mark, piece.to_owned()),
    };
    Some(Word { kind, text, span: token.range })
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
    // `NAMEDATALEN` is 64, and counts the zero byte at the end.
    const LONGEST: usize = 63;
    if name.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
        name.truncate(end);
    }
    name
}

fn content(quoted: &str) -> &str {
    let opening = match quoted.strip_prefix('$').and_then(|rest| rest.find('$')) {
        Some(end) => &quoted[..end + 2],
        None => "'",
    };
    let begin = quoted.find(opening).map_or(0, |at| at + opening.len());
    let inner = &quoted[begin..];
    inner.strip_suffix(opening).unwrap_or(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_folded_unless_it_is_quoted() {
        assert_eq!(identifier("Seat_Row"), "seat_row");
        assert_eq!(identifier("Ärger"), "Ärger");
        assert_eq!(identifier("\"Seat \"\"Row\"\"\""), "Seat \"Row\"");
    }

    proptest::proptest! {
        #[test]
        fn a_quoted_name_reads_back_as_itself(name in "[^\0]{0,15}") {
            proptest::prop_assert_eq!(identifier(&quote(&name)), name.clone());
            proptest::prop_assert_eq!(identifier(&quote_if_needed(&name)), name);
        }
    }

    #[test]
    fn only_what_would_be_read_otherwise_is_quoted() {
        for bare in ["seats", "booked_by", "seat2"] {
            assert_eq!(quote_if_needed(bare), bare);
        }
        for other in ["Seats", "2nd", "my seats", "user", "order", "größe", ""] {
            assert_eq!(quote_if_needed(other), quote(other));
        }
    }

    #[test]
    fn names_are_folded_and_unquoted_as_postgresql_does() {
        let words = words(r#"Seats "Mixed ""Case""" Ärger"#, Strings::Conforming);
        let names: Vec<_> = words.iter().filter_map(Word::name).collect();
        assert_eq!(names, ["seats", r#"Mixed "Case""#, "Ärger"]);
    }

    #[test]
    fn a_string_is_its_content() {
        let words = words("'a' E'b\\'' $x$c$x$ U&'d' N'' 'e", Strings::Conforming);
        let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["a", "b\\'", "c", "d", "", "e"]);
        assert!(words.iter().all(|word| word.kind == WordKind::Text));
    }
}
