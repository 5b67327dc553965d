//! The tokens of a text, as PostgreSQL tells them apart.
//!
//! The server's scanner (`scan.l`) and psql's (`psqlscan.l`) agree about where a token ends, and so
//! does this one. It goes byte by byte, as they do: every byte of a character outside of ASCII is
//! one of an identifier.

use std::ops::Range;

use super::Unfinished;

/// What a backslash is in a string without a prefix. A server says it of each session as
/// `standard_conforming_strings`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strings {
    /// A character like any other: `on`, as servers are unless they are told otherwise.
    #[default]
    Conforming,
    /// The beginning of an escape, as in `E'...'`: `off`.
    Escaping,
}

impl Strings {
    /// The setting by which a server says it.
    pub const SETTING: &str = "standard_conforming_strings";

    /// Of a value of the setting.
    pub fn of(setting: &str) -> Self {
        if setting == "off" { Self::Escaping } else { Self::Conforming }
    }
}

/// A piece of SQL text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    /// Where in the text, in bytes.
    pub range: Range<usize>,
    /// Whether its closing quote or comment end is there.
    pub is_closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
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
    Number,
    /// `$1`.
    Parameter,
    /// Everything else, one character each, or `..`.
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
pub fn tokens(text: &str, strings: Strings) -> Vec<Token> {
    Tokens::new(text, strings).collect()
}

/// The tokens of a text one after the other. Whoever reads them may leave a part out.
pub(super) struct Tokens<'a> {
    text: &'a str,
    strings: Strings,
    before: Before,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str, strings: Strings) -> Self {
        Self { text, strings, before: Before::Other, at: 0 }
    }

    /// Goes on at this byte.
    pub(super) fn go_on_at(&mut self, at: usize) {
        (self.before, self.at) = (Before::Other, at);
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let rest = self.text.as_bytes().get(self.at..).filter(|rest| !rest.is_empty())?;
        let piece = next(rest, self.before.continued(), self.strings);
        let range = self.at..self.at + piece.length;
        self.before = self.before.then(&piece, &rest[..piece.length]);
        self.at = range.end;
        Some(Token { kind: piece.kind, range, is_closed: piece.is_closed })
    }
}

/// What a backslash is in one string.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    Plain,
    Escapes,
}

/// A token without its place.
struct Piece {
    kind: TokenKind,
    length: usize,
    is_closed: bool,
    backslash: Backslash,
}

impl Piece {
    fn of(kind: TokenKind, length: usize) -> Self {
        Self { kind, length, is_closed: true, backslash: Backslash::Plain }
    }

    /// One that needs its end.
    fn delimited(kind: TokenKind, end: Option<usize>, rest: &[u8]) -> Self {
        Self { is_closed: end.is_some(), ..Self::of(kind, end.unwrap_or(rest.len())) }
    }
}

/// What came before a token. A string goes on after a line break, in the way in which it began:
/// `E'a'` newline `'\''`.
#[derive(Clone, Copy)]
enum Before {
    Other,
    /// A string, and what may stand on its line.
    Text(Backslash),
    /// A string and a line break.
    TextAndBreak(Backslash),
}

impl Before {
    fn continued(self) -> Option<Backslash> {
        match self {
            // SQL wants a line break between the parts of a string (PostgreSQL documentation,
            // 4.1.2.1): `'a' 'b'` on one line is a mistake, and its second part a string for
            // itself.
            Self::TextAndBreak(backslash) => Some(backslash),
            Self::Text(_) | Self::Other => None,
        }
    }

    fn then(self, piece: &Piece, token: &[u8]) -> Self {
        match (self, piece.kind) {
            (_, TokenKind::Text) => Self::Text(piece.backslash),
            (Self::Text(backslash), TokenKind::Blank)
                if token.iter().any(|byte| matches!(byte, b'\n' | b'\r')) =>
            {
                Self::TextAndBreak(backslash)
            }
            (_, TokenKind::Blank) => self,
            // To the scanner `--` comments are blanks, also between the parts of a string
            // (psqlscan.l, `horiz_whitespace`). A comment in `/* */` is not, and ends it.
            (_, TokenKind::Comment) if token.starts_with(b"--") => self,
            _ => Self::Other,
        }
    }
}

fn next(rest: &[u8], continued: Option<Backslash>, strings: Strings) -> Piece {
    let plain = match strings {
        Strings::Conforming => Backslash::Plain,
        Strings::Escaping => Backslash::Escapes,
    };
    match *rest {
        [first, ..] if is_blank(first) => Piece::of(TokenKind::Blank, run(rest, 0, is_blank)),
        [b'-', b'-', ..] => {
            Piece::of(TokenKind::Comment, run(rest, 0, |byte| !matches!(byte, b'\n' | b'\r')))
        }
        [b'/', b'*', ..] => Piece::delimited(TokenKind::Comment, comment_end(rest), rest),
        // Only a quote without a prefix goes on with a string; `E'a'` newline `E'b'` are two.
        [b'\'', ..] => string(rest, 0, continued.unwrap_or(plain)),
        [b'e' | b'E', b'\'', ..] => string(rest, 1, Backslash::Escapes),
        // The scanner takes the N for itself and reads a plain string behind it (`xnstart`).
        [b'n' | b'N', b'\'', ..] => string(rest, 1, plain),
        // These have no escapes, whatever the session says of plain strings; U&'...' is even
        // refused unless backslashes are plain.
        [b'b' | b'B' | b'x' | b'X', b'\'', ..] => bits(rest),
        [b'u' | b'U', b'&', b'\'', ..] => string(rest, 2, Backslash::Plain),
        [b'u' | b'U', b'&', b'"', ..] => quoted_name(rest, 2),
        [b'"', ..] => quoted_name(rest, 0),
        [b'$', ..] => dollar(rest),
        [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..] => {
            Piece::of(TokenKind::Number, number_end(rest))
        }
        [first, ..] if begins_name(first) => Piece::of(TokenKind::Word, run(rest, 0, is_in_name)),
        [b'.', b'.', ..] => Piece::of(TokenKind::Sign, 2),
        // One byte is one character here: all bytes of a longer one begin a name. So every token
        // ends at a character's boundary, which slicing the text relies on. Where an operator ends
        // matters to nobody, but for a comment in it (`a<--b`), which is looked for first.
        _ => Piece::of(TokenKind::Sign, 1),
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

fn is_in_name(byte: u8) -> bool {
    // So `a$b$c` is one name, and no string begins in it.
    begins_name(byte) || byte.is_ascii_digit() || byte == b'$'
}

/// Where a run of such bytes ends.
fn run(rest: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    rest[from..].iter().position(|byte| !belongs(*byte)).map_or(rest.len(), |at| from + at)
}

/// A string whose opening quote stands at `quote`.
fn string(rest: &[u8], quote: usize, backslash: Backslash) -> Piece {
    // By bytes, since neither a quote nor a backslash is ever part of a longer character of UTF-8.
    let mut at = quote + 1;
    let end = loop {
        match (rest.get(at), rest.get(at + 1)) {
            (None, _) => break None,
            // At the end of the text this steps past it, and the string is unfinished, as it should
            // be.
            (Some(b'\\'), _) if backslash == Backslash::Escapes => at += 2,
            (Some(b'\''), Some(b'\'')) => at += 2,
            (Some(b'\''), _) => break Some(at + 1),
            _ => at += 1,
        }
    };
    Piece { backslash, ..Piece::delimited(TokenKind::Text, end, rest) }
}

/// A bit string, `B'01'` or `X'1f'`, which ends at its first quote: what follows `X'a'` in
/// `X'a''b'` is a string of its own (psqlscan.l, `xbinside`).
fn bits(rest: &[u8]) -> Piece {
    let end = rest[2..].iter().position(|byte| *byte == b'\'').map(|at| at + 3);
    Piece { backslash: Backslash::Plain, ..Piece::delimited(TokenKind::Text, end, rest) }
}

fn quoted_name(rest: &[u8], quote: usize) -> Piece {
    let mut at = quote + 1;
    let end = loop {
        match (rest.get(at), rest.get(at + 1)) {
            (None, _) => break None,
            (Some(b'"'), Some(b'"')) => at += 2,
            (Some(b'"'), _) => break Some(at + 1),
            _ => at += 1,
        }
    };
    Piece::delimited(TokenKind::QuotedName, end, rest)
}

fn comment_end(rest: &[u8]) -> Option<usize> {
    // Comments nest, unlike those of C (PostgreSQL documentation, 4.1.5).
    let (mut at, mut depth) = (0, 0);
    loop {
        match rest.get(at..at + 2)? {
            b"/*" => (at, depth) = (at + 2, depth + 1),
            b"*/" if depth == 1 => return Some(at + 2),
            b"*/" => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
}

/// A dollar-quoted string, a parameter, or a sign that means nothing.
fn dollar(rest: &[u8]) -> Piece {
    let tag_end = match rest.get(1) {
        // A tag is a name without `$` (scan.l, `dolqdelim`). What begins like one and is not
        // closed, as in `$x 1`, is a `$` by itself and then a name (`dolqfailed`).
        Some(first) if begins_name(*first) => run(rest, 1, |byte| byte != b'$' && is_in_name(byte)),
        _ => 1,
    };
    if rest.get(tag_end) == Some(&b'$') {
        let (quote, text) = rest.split_at(tag_end + 1);
        let end = text.windows(quote.len()).position(|window| window == quote);
        let end = end.map(|at| at + 2 * quote.len());
        return Piece::delimited(TokenKind::DollarText, end, rest);
    }
    match run(rest, 1, |byte| byte.is_ascii_digit()) {
        1 => Piece::of(TokenKind::Sign, 1),
        end => Piece::of(TokenKind::Parameter, end),
    }
}

fn number_end(rest: &[u8]) -> usize {
    let based: Option<fn(u8) -> bool> = match rest {
        [b'0', b'x' | b'X', ..] => Some(|byte| byte.is_ascii_hexdigit()),
        [b'0', b'o' | b'O', ..] => Some(|byte| matches!(byte, b'0'..=b'7')),
        [b'0', b'b' | b'B', ..] => Some(|byte| matches!(byte, b'0' | b'1')),
        _ => None,
    };
    // `0x` without a digit behind it is a 0 and a name. Servers before 16 know no such numbers at
    // all; a statement ends at the same `;` either way.
    if let Some(end) = based.map(|is_digit| digits(rest, 2, is_digit)).filter(|end| *end > 2) {
        return end;
    }
    let decimal = |from| digits(rest, from, |byte| byte.is_ascii_digit());
    let mut end = decimal(0);
    // `1..10` is a number, a sign and a number.
    if rest.get(end) == Some(&b'.') && (end == 0 || rest.get(end + 1) != Some(&b'.')) {
        end = decimal(end + 1);
    }
    if matches!(rest.get(end), Some(b'e' | b'E')) {
        let signed = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
        let exponent = end + 1 + signed;
        // Else the `e` begins the next word: `case when true then 1else 2 end`.
        if rest.get(exponent).is_some_and(u8::is_ascii_digit) {
            end = decimal(exponent);
        }
    }
    end
}

/// Where digits end, between which an underscore may stand.
fn digits(rest: &[u8], from: usize, is_digit: fn(u8) -> bool) -> usize {
    let mut at = from;
    loop {
        match (rest.get(at), rest.get(at + 1)) {
            (Some(byte), _) if is_digit(*byte) => at += 1,
            (Some(b'_'), Some(byte)) if at > 0 && is_digit(*byte) => at += 2,
            _ => return at,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(text: &str) -> Vec<&str> {
        let tokens = tokens(text, Strings::Conforming).into_iter();
        let tokens = tokens.filter(|token| token.kind != TokenKind::Blank);
        tokens.map(|token| &text[token.range]).collect()
    }

    #[test]
    fn tokens_end_where_postgresql_ends_them() {
        for (text, expected) in [
            ("1from", vec!["1", "from"]),
            ("1..10", vec!["1", "..", "10"]),
            ("1.5e-3x", vec!["1.5e-3", "x"]),
            ("1else", vec!["1", "else"]),
            ("0x1F_f 1_000_ .5", vec!["0x1F_f", "1_000", "_", ".5"]),
            ("a$b$c $1 $1$x$ $ $x", vec!["a$b$c", "$1", "$1", "$x$ $ $x"]),
            ("$x $x1", vec!["$", "x", "$", "x1"]),
            ("$é$;$e$;$é$", vec!["$é$;$e$;$é$"]),
            ("a<--b", vec!["a", "<", "--b"]),
            ("a*/*/**/*/b", vec!["a", "*", "/*/**/*/", "b"]),
            ("u&\"a\"\"b\" U&'\\'x", vec!["u&\"a\"\"b\"", "U&'\\'", "x"]),
            ("\u{feff}a", vec!["\u{feff}a"]),
            ("ärger😀1", vec!["ärger😀1"]),
        ] {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }

    #[test]
    fn a_string_goes_on_in_the_next_line_in_the_way_in_which_it_began() {
        for (text, strings, expected) in [
            ("E'a'\n'\\';'", Strings::Conforming, "'\\';'"),
            ("E'a' -- c\n -- d\r'\\';'", Strings::Conforming, "'\\';'"),
            ("E'a' /* c */\n'\\';'", Strings::Conforming, "'\\'"),
            ("E'a' '\\';'", Strings::Conforming, "'\\'"),
            ("'a'\n'\\';'", Strings::Conforming, "'\\'"),
            ("'\\';'", Strings::Escaping, "'\\';'"),
            ("X'a'\n'\\';'", Strings::Escaping, "'\\'"),
            ("X'a' '\\';'", Strings::Escaping, "'\\';'"),
            ("X'a''\\';'", Strings::Escaping, "'\\';'"),
            ("E'a'\n'b'\n'\\';'", Strings::Conforming, "'\\';'"),
        ] {
            let found = tokens(text, strings).into_iter().map(|token| &text[token.range]);
            assert!(found.collect::<Vec<_>>().contains(&expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn tokens_cover_the_text_without_gaps(text in any::<String>(), escaping in any::<bool>()) {
            let strings = if escaping { Strings::Escaping } else { Strings::Conforming };
            let mut end = 0;
            for token in tokens(&text, strings) {
                prop_assert_eq!(token.range.start, end);
                prop_assert!(token.range.end > end);
                prop_assert!(text.is_char_boundary(token.range.end));
                end = token.range.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
