//! The words of isolationtester's files (PostgreSQL sources, `specscanner.l`).

use std::fmt;

use super::super::Mistake;
use super::super::mistake::Source;

/// A word, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) what: What,
    pub(super) at: usize,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Keyword(Keyword),
    Name(String),
    /// A block in braces: its text, without the blanks at the ends of its first and last line.
    Sql(String),
    Number(usize),
    Sign(char),
}

/// The words that cannot be names unless they are quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Notices,
    Permutation,
    Session,
    Setup,
    Step,
    Teardown,
}

impl Keyword {
    const ALL: [Self; 6] =
        [Self::Notices, Self::Permutation, Self::Session, Self::Setup, Self::Step, Self::Teardown];
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Notices => "notices",
            Self::Permutation => "permutation",
            Self::Session => "session",
            Self::Setup => "setup",
            Self::Step => "step",
            Self::Teardown => "teardown",
        })
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyword(keyword) => write!(f, "`{keyword}`"),
            Self::Name(name) => write!(f, "\"{name}\""),
            Self::Sql(_) => f.write_str("SQL in braces"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Sign(sign) => write!(f, "`{sign}`"),
        }
    }
}

/// All words of a file.
pub(super) fn words(source: Source) -> Result<Vec<Word>, Mistake> {
    // A string of the protocol ends at its first zero byte: the server would read half of the SQL.
    if let Some(at) = source.text.find('\0') {
        let mistake = source.mistake(at, "a zero byte, which no server accepts");
        return Err(mistake.with_hint("is it a text file?"));
    }
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(first) = source.text[at..].chars().next() {
        let rest = &source.text[at..];
        let (what, length) = match first {
            ' ' | '\t' | '\r' | '\n' | '\u{b}' | '\u{c}' => (None, 1),
            '#' => (None, rest.find(['\n', '\r']).unwrap_or(rest.len())),
            '"' => quoted(source, at)?,
            '{' => block(source, at)?,
            ',' | '(' | ')' | '*' => (Some(What::Sign(first)), 1),
            '0'..='9' => number(source, at)?,
            'a'..='z' | 'A'..='Z' | '_' | '\u{80}'.. => name(rest),
            other => {
                let shown = other.escape_debug();
                return Err(source.mistake(at, format!("unexpected character \"{shown}\"")));
            }
        };
        words.extend(what.map(|what| Word { what, at }));
        at += length;
    }
    Ok(words)
}

type Scanned = (Option<What>, usize);

fn name(rest: &str) -> Scanned {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '\u{80}'..);
    let name = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
    // In small letters alone, as in specscanner.l: `Setup` is a name.
    let keyword = Keyword::ALL.into_iter().find(|keyword| keyword.to_string() == name);
    (Some(keyword.map_or_else(|| What::Name(name.to_owned()), What::Keyword)), name.len())
}

fn number(source: Source, at: usize) -> Result<Scanned, Mistake> {
    let rest = &source.text[at..];
    let digits = &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())];
    let number = digits.parse().map_err(|_| source.mistake(at, "the number is too large"))?;
    Ok((Some(What::Number(number)), digits.len()))
}

/// `"a name"`, a quote in it doubled.
fn quoted(source: Source, at: usize) -> Result<Scanned, Mistake> {
    let mut name = String::new();
    let mut rest = source.text[at + 1..].char_indices().peekable();
    while let Some((place, c)) = rest.next() {
        match c {
            '"' if rest.next_if(|(_, next)| *next == '"').is_none() => {
                return Ok((Some(What::Name(name)), place + 2));
            }
            '\n' => {
                let problem = "unexpected newline in quoted identifier";
                return Err(source
                    .mistake(at + 1 + place, problem)
                    .with_hint("close it with `\"`"));
            }
            c => name.push(c),
        }
    }
    Err(source.mistake(at, "unterminated quoted identifier").with_hint("close it with `\"`"))
}

/// `{ SQL }`, up to the first closing brace.
fn block(source: Source, at: usize) -> Result<Scanned, Mistake> {
    let rest = &source.text[at + 1..];
    // specscanner.l knows no quotes within a block: the brace in `{ select '}'; }` ends it too.
    let Some(end) = rest.find('}') else {
        return Err(source.mistake(at, "unterminated sql block").with_hint("close it with `}`"));
    };
    let sql = rest[..end].trim_start_matches(is_blank).trim_end_matches(is_blank);
    Ok((Some(What::Sql(sql.to_owned())), end + 2))
}

/// What isolationtester strips from a block's ends: blanks, but not line ends.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\u{c}')
}
