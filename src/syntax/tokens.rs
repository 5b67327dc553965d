//! The tokens of a text, as psql tells them apart.
//!
//! `squawk-lexer` follows PostgreSQL's own scanner; added here is what the scanner does across tokens: a
//! string that continues on the next line (`E'a'` newline `'\''`) stays an escape string.

use std::ops::Range;

use squawk_lexer::{LiteralKind, TokenKind as Lexed, tokenize};

use super::Unfinished;

/// A piece of SQL text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Of what kind.
    pub kind: TokenKind,
    /// Where in the text, in bytes.
    pub range: Range<usize>,
    /// Whether its closing quote or comment end is there.
    pub is_closed: bool,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// White space.
    Blank,
    /// `-- ...` or `/* ... */`.
    Comment,
    /// A keyword or an identifier without quotes.
    Word,
    /// `"a quoted identifier"`.
    QuotedName,
    /// A string in single quotes, of any kind.
    Text,
    /// A string in dollar quotes.
    DollarText,
    /// A number.
    Number,
    /// `$1`.
    Parameter,
    /// Everything else, one character each.
    Sign,
}

impl Token {
    /// What a text that ends in this token breaks off in.
    pub(super) fn unfinished(&self) -> Option<Unfinished> {
        match self.kind {
            _ if self.is_closed => None,
            TokenKind::Comment => Some(Unfinished::Comment),
            TokenKind::QuotedName => Some(Unfinished::DoubleQuote),
            TokenKind::DollarText => Some(Unfinished::DollarQuote),
            _ => Some(Unfinished::SingleQuote),
        }
    }
}

/// The tokens of a text, in order and without gaps.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let mut escapes = Escapes::Off;
    let mut start = 0;
    while start < text.len() {
        let (kind, is_closed, length) = next(&text[start..], escapes);
        let range = start..start + length;
        escapes = escapes.after(&text[range.clone()], kind);
        start = range.end;
        found.push(Token { kind, range, is_closed });
    }
    found
}

/// Whether a string that begins here continues an escape string.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    Off,
    /// Right after an escape string.
    Ended,
    /// After an escape string and a line break.
    Continued,
}

impl Escapes {
    fn after(self, token: &str, kind: TokenKind) -> Self {
        match kind {
            TokenKind::Text if self == Self::Continued || token.starts_with(['e', 'E']) => {
                Self::Ended
            }
            TokenKind::Blank if self != Self::Off && token.contains(['\n', '\r']) => {
                Self::Continued
            }
            TokenKind::Blank => self,
            TokenKind::Comment if self != Self::Off && token.starts_with("--") => self,
            _ => Self::Off,
        }
    }
}

fn next(text: &str, escapes: Escapes) -> (TokenKind, bool, usize) {
    if escapes == Escapes::Continued && text.starts_with('\'') {
        let (kind, is_closed, length) = first(&format!("E{text}"));
        return (kind, is_closed, length - 1);
    }
    first(text)
}

fn first(text: &str) -> (TokenKind, bool, usize) {
    let Some(token) = tokenize(text).next() else { return (TokenKind::Blank, true, text.len()) };
    let (kind, is_closed) = read(token.kind);
    (kind, is_closed, token.len as usize)
}

fn read(kind: Lexed) -> (TokenKind, bool) {
    match kind {
        Lexed::Whitespace | Lexed::Eof => (TokenKind::Blank, true),
        Lexed::LineComment => (TokenKind::Comment, true),
        Lexed::BlockComment { terminated } => (TokenKind::Comment, terminated),
        Lexed::Ident => (TokenKind::Word, true),
        Lexed::QuotedIdent { terminated, .. } => (TokenKind::QuotedName, terminated),
        Lexed::PositionalParam { .. } => (TokenKind::Parameter, true),
        Lexed::Literal { kind } => literal(kind),
        _ => (TokenKind::Sign, true),
    }
}

fn literal(kind: LiteralKind) -> (TokenKind, bool) {
    match kind {
        LiteralKind::Int { .. } | LiteralKind::Numeric { .. } => (TokenKind::Number, true),
        LiteralKind::DollarQuotedString { terminated } => (TokenKind::DollarText, terminated),
        LiteralKind::Str { terminated }
        | LiteralKind::NationalStr { terminated }
        | LiteralKind::ByteStr { terminated }
        | LiteralKind::BitStr { terminated }
        | LiteralKind::UnicodeEscStr { terminated }
        | LiteralKind::EscStr { terminated } => (TokenKind::Text, terminated),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tokens_cover_the_text_without_gaps(text in any::<String>()) {
            let mut end = 0;
            for token in tokens(&text) {
                prop_assert_eq!(token.range.start, end);
                prop_assert!(token.range.end > end);
                end = token.range.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
