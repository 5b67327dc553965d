//! Expressions as they are written.

use std::fmt;
use std::str::FromStr;

use super::{Doing, Expression, What, Who};
use crate::core::scenario::mistake::did_you_mean;

/// What is said of somebody.
const DOINGS: [&str; 6] = ["held", "waits", "running", "idle", "ended", "gone"];

/// No expression is longer, in bytes.
const LONGEST: usize = 4096;

/// No expression is nested deeper.
const DEEPEST: usize = 64;

/// What is wrong in an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expression `{text}`, column {column}: {problem}")]
pub struct ExpressionError {
    pub text: String,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > LONGEST {
            let text = format!("{}…", text.chars().take(40).collect::<String>());
            let problem = format!("it is too long; {LONGEST} bytes are the most");
            return Err(ExpressionError { text, column: 1, problem });
        }
        let mut reader = Reader { text, pieces: pieces(text)?, next: 0 };
        if reader.pieces.is_empty() {
            return Err(reader.wrong("it is empty; write `alice held` or `nothing held`"));
        }
        let expression = reader.any(0)?;
        match reader.peek() {
            None => Ok(expression),
            Some(_) => {
                Err(reader.wrong("nothing belongs here; conditions are joined by `and` or `or`"))
            }
        }
    }
}

/// A word, a text in quotes or a parenthesis, and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    at: usize,
    kind: PieceKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PieceKind {
    Word(String),
    Quoted(String),
    Open,
    Close,
}

fn pieces(text: &str) -> Result<Vec<Piece>, ExpressionError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let from = at;
        at += first.len_utf8();
        let kind = match first {
            '(' => PieceKind::Open,
            ')' => PieceKind::Close,
            '"' | '\'' => {
                let (inside, end) = in_quotes(text, at, first)
                    .ok_or_else(|| error(text, from, "this quote is never closed"))?;
                at = end;
                PieceKind::Quoted(inside)
            }
            blank if blank.is_whitespace() => continue,
            _ => {
                let ends = |c: char| c.is_whitespace() || "()\"'".contains(c);
                at = text[from..].find(ends).map_or(text.len(), |length| from + length);
                PieceKind::Word(text[from..at].to_owned())
            }
        };
        found.push(Piece { at: from, kind });
    }
    Ok(found)
}

/// What stands in quotes, a doubled one being one; and where it ends.
fn in_quotes(text: &str, from: usize, quote: char) -> Option<(String, usize)> {
    let mut inside = String::new();
    let mut letters = text[from..].char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != quote {
            inside.push(letter);
        } else if letters.next_if(|(_, next)| *next == quote).is_some() {
            inside.push(quote);
        } else {
            return Some((inside, from + at + quote.len_utf8()));
        }
    }
    None
}

fn error(text: &str, at: usize, problem: &str) -> ExpressionError {
    ExpressionError {
        text: text.to_owned(),
        column: text[..at].chars().count() + 1,
        problem: problem.to_owned(),
    }
}

struct Reader<'a> {
    text: &'a str,
    pieces: Vec<Piece>,
    next: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&PieceKind> {
        self.pieces.get(self.next).map(|piece| &piece.kind)
    }

    /// At what comes next.
    fn wrong(&self, problem: &str) -> ExpressionError {
        let at = self.pieces.get(self.next).map_or(self.text.len(), |piece| piece.at);
        error(self.text, at, problem)
    }

    fn is_word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.peek(), Some(PieceKind::Word(it)) if is(it, word));
        self.next += usize::from(is_it);
        is_it
    }

    fn any(&mut self, depth: usize) -> Result<Expression, ExpressionError> {
        let mut any = vec![self.all(depth)?];
        while self.is_word("or") {
            any.push(self.all(depth)?);
        }
        Ok(one_or(any, Expression::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Expression, ExpressionError> {
        let mut all = vec![self.condition(depth)?];
        while self.is_word("and") {
            all.push(self.condition(depth)?);
        }
        Ok(one_or(all, Expression::All))
    }

    fn condition(&mut self, depth: usize) -> Result<Expression, ExpressionError> {
        if depth >= DEEPEST {
            return Err(self.wrong("it is nested too deep"));
        }
        if self.is_word("not") {
            return Ok(Expression::Not(Box::new(self.condition(depth + 1)?)));
        }
        if self.peek() != Some(&PieceKind::Open) {
            return self.claim();
        }
        let opened = self.next;
        self.next += 1;
        let inside = self.any(depth + 1)?;
        if self.peek() != Some(&PieceKind::Close) {
            return Err(match self.peek() {
                None => error(self.text, self.pieces[opened].at, "this `(` is never closed"),
                Some(_) => self.wrong("`and`, `or` or `)` belongs here"),
            });
        }
        self.next += 1;
        Ok(inside)
    }

    /// `alice held`
    fn claim(&mut self) -> Result<Expression, ExpressionError> {
        if self.is_word("listening") {
            return Ok(Expression::Listening);
        }
        let who = match self.peek() {
            Some(PieceKind::Quoted(name)) if !name.trim().is_empty() => Who::Named(name.clone()),
            Some(PieceKind::Word(word)) if !is_reserved(word) => who(word),
            _ => return Err(self.wrong("a condition is missing here; write one like `alice held`")),
        };
        self.next += 1;
        Ok(Expression::Does(who, self.doing()?))
    }

    fn doing(&mut self) -> Result<Doing, ExpressionError> {
        let Some(PieceKind::Word(word)) = self.peek() else {
            return Err(self.wrong(&format!("one of {} belongs here", DOINGS.join(", "))));
        };
        let doing = match word.to_ascii_lowercase().as_str() {
            "held" => Doing::Held(None),
            "waits" | "wait" | "waiting" => Doing::Waits,
            "running" => Doing::Running,
            "idle" => Doing::Idle,
            "ended" => Doing::Ended,
            "gone" => Doing::Gone,
            _ => return Err(self.wrong(&unknown(word))),
        };
        self.next += 1;
        let Some(PieceKind::Quoted(text)) = self.peek() else { return Ok(doing) };
        if doing != Doing::Held(None) {
            return Err(self.wrong("a statement belongs only behind `held`"));
        }
        if text.trim().is_empty() {
            return Err(self.wrong("a statement's beginning or a table belongs in the quotes"));
        }
        let what = What::new(text);
        self.next += 1;
        Ok(Doing::Held(Some(what)))
    }
}

fn unknown(word: &str) -> String {
    match did_you_mean(word, DOINGS) {
        Some(close) => format!("there is no state `{word}`; did you mean {close}?"),
        None => format!("there is no state `{word}`; it is one of {}", DOINGS.join(", ")),
    }
}

fn one_or(mut all: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    match all.len() {
        1 => all.remove(0),
        _ => join(all),
    }
}

fn who(word: &str) -> Who {
    match word.parse() {
        Ok(number) => Who::AtLeast(number),
        Err(_) if is(word, "nothing") || is(word, "nobody") => Who::Nobody,
        Err(_) => Who::Named(word.to_owned()),
    }
}

fn is(word: &str, other: &str) -> bool {
    word.eq_ignore_ascii_case(other)
}

/// What is no name unless it stands in quotes.
fn is_reserved(word: &str) -> bool {
    ["and", "or", "not", "listening"].iter().any(|reserved| is(word, reserved))
}

pub(super) fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    let is_plain = |c: char| !c.is_whitespace() && !"()\"'".contains(c);
    let is_word = !name.is_empty() && name.chars().all(is_plain) && !is_reserved(name);
    if is_word && matches!(who(name), Who::Named(_)) {
        f.write_str(name)
    } else {
        f.write_str(&quoted(name))
    }
}

pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
