//! Breakpoints as they are written.

use std::fmt;
use std::str::FromStr;

use super::{Access, AccessKind, Breakpoint, Term};
use crate::core::scenario::mistake::did_you_mean;
use crate::core::syntax::{self, Strings, Token, TokenKind};
use crate::debugger::shape::Shape;
use crate::debugger::tables::TableName;

/// The words with which a term begins.
const WORDS: [&str; 12] = [
    "table", "read", "write", "insert", "update", "delete", "begin", "commit", "rollback", "actor",
    "after", "shape",
];

/// What is wrong in a breakpoint, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("breakpoint `{text}`, column {column}: {problem}")]
pub struct BreakpointError {
    pub text: String,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl FromStr for Breakpoint {
    type Err = BreakpointError;

    fn from_str(text: &str) -> Result<Self, BreakpointError> {
        let reader = Reader { text };
        let mut terms = Vec::new();
        let mut from = 0;
        loop {
            let end = reader.end_of_term(from);
            terms.push(reader.term(from, end)?);
            if end == text.len() {
                return Ok(Self { terms });
            }
            from = end + "and".len();
        }
    }
}

struct Reader<'a> {
    text: &'a str,
}

/// A part of the text, without blanks around it, and where it begins.
#[derive(Clone, Copy)]
struct Piece<'a> {
    at: usize,
    text: &'a str,
}

impl<'a> Piece<'a> {
    fn of(whole: &'a str, from: usize, end: usize) -> Self {
        let text = &whole[from..end];
        let trimmed = text.trim_start();
        Self { at: from + text.len() - trimmed.len(), text: trimmed.trim_end() }
    }

    /// Its first word, and what follows.
    fn split(self) -> (Self, Self) {
        let end = self.text.find(char::is_whitespace).unwrap_or(self.text.len());
        let word = Self { at: self.at, text: &self.text[..end] };
        let rest = Self::of(self.text, end, self.text.len());
        (word, Self { at: self.at + rest.at, text: rest.text })
    }
}

impl<'a> Reader<'a> {
    /// Where the term ends: at the next `and` that stands in no quotes. A shape, which may have
    /// one in it, goes to the end.
    fn end_of_term(&self, from: usize) -> usize {
        let (first, _) = Piece::of(self.text, from, self.text.len()).split();
        if first.text.eq_ignore_ascii_case("shape") {
            return self.text.len();
        }
        self.word(from, "and").unwrap_or(self.text.len())
    }

    /// Where this word stands, after a byte.
    fn word(&self, from: usize, word: &str) -> Option<usize> {
        let is_it = |token: &Token| {
            let text = &self.text[from..][token.range.clone()];
            token.kind == TokenKind::Word && text.eq_ignore_ascii_case(word)
        };
        let tokens = syntax::tokens(&self.text[from..], Strings::default());
        // Between blanks: `actor rock-and-roll` has none.
        let stands_alone = |at: usize| {
            let (before, after) = (&self.text[..at], &self.text[at + word.len()..]);
            before.is_empty()
                || before.ends_with(char::is_whitespace) && after.starts_with(char::is_whitespace)
                || before.ends_with(char::is_whitespace) && after.is_empty()
        };
        let places = tokens.into_iter().filter(is_it).map(|token| from + token.range.start);
        places.into_iter().find(|at| stands_alone(*at))
    }

    fn term(&self, from: usize, end: usize) -> Result<Term, BreakpointError> {
        let term = Piece::of(self.text, from, end);
        let (word, rest) = term.split();
        match word.text.to_ascii_lowercase().as_str() {
            "" if self.text.trim().is_empty() => {
                Err(self.wrong(term, "it is empty; write `table seats` or `commit`"))
            }
            "" => {
                Err(self
                    .wrong(term, "a condition is missing here; write one, or leave out the `and`"))
            }
            "begin" => self.alone(rest, Term::Begin),
            "commit" => self.alone(rest, Term::Commit),
            "rollback" => self.alone(rest, Term::Rollback),
            "actor" => self.actor(rest),
            "shape" if rest.text.is_empty() => Err(self
                .wrong(rest, "a statement belongs here: `shape select * from seats where id = ?`")),
            "shape" => Ok(Term::Shape(Shape::of(rest.text, Strings::default()))),
            "after" => self.order(rest),
            _ => self.access(term).map(Term::Does),
        }
    }

    fn alone(&self, rest: Piece<'a>, term: Term) -> Result<Term, BreakpointError> {
        if rest.text.is_empty() {
            return Ok(term);
        }
        Err(self.wrong(rest, "nothing belongs here; conditions are joined by `and`"))
    }

    fn actor(&self, name: Piece<'a>) -> Result<Term, BreakpointError> {
        let quoted = name.text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let actor = quoted.map_or(name.text.to_owned(), |inner| inner.replace("\"\"", "\""));
        if actor.is_empty() {
            return Err(self.wrong(name, "an actor's name belongs here: `actor alice`"));
        }
        Ok(Term::Actor(actor))
    }

    fn order(&self, rest: Piece<'a>) -> Result<Term, BreakpointError> {
        let end = rest.at + rest.text.len();
        let Some(before) = self.word(rest.at, "before").filter(|at| *at < end) else {
            return Err(
                self.wrong(rest, "`before` is missing: `after read seats before write seats`")
            );
        };
        let first = Piece::of(self.text, rest.at, before);
        let after = self.access(first)?;
        if after.kind.verb().is_some() {
            return Err(self.wrong(first, "here it is read, write or table, with the table's name"));
        }
        let what = Piece::of(self.text, before + "before".len(), end);
        if what.text.eq_ignore_ascii_case("commit") {
            return Ok(Term::Order { after, before: None });
        }
        Ok(Term::Order { after, before: Some(self.access(what)?) })
    }

    fn access(&self, piece: Piece<'a>) -> Result<Access, BreakpointError> {
        let (word, rest) = piece.split();
        let text = word.text.to_ascii_lowercase();
        let kind = AccessKind::ALL.into_iter().find(|kind| kind.word() == text);
        let Some(kind) = kind else { return Err(self.unknown(word, &text)) };
        let table = match TableName::read(rest.text) {
            None if rest.text.is_empty() && kind != AccessKind::Table => None,
            None if rest.text.is_empty() => {
                return Err(self.wrong(rest, "a table's name belongs here"));
            }
            None => {
                let problem = format!("`{}` is no table's name; write it as in SQL", rest.text);
                return Err(self.wrong(rest, &problem));
            }
            table => table,
        };
        Ok(Access { kind, table })
    }

    fn unknown(&self, word: Piece<'a>, text: &str) -> BreakpointError {
        let hint = match did_you_mean(text, WORDS) {
            Some(close) => format!("did you mean {close}?"),
            None => format!("a condition begins with one of {}", WORDS.join(", ")),
        };
        let problem = match text {
            "" => "read, write or table belongs here".to_owned(),
            _ => format!("there is no condition `{text}`; {hint}"),
        };
        self.wrong(word, &problem)
    }

    fn wrong(&self, at: Piece<'a>, problem: &str) -> BreakpointError {
        BreakpointError {
            text: self.text.to_owned(),
            column: self.text[..at.at].chars().count() + 1,
            problem: problem.to_owned(),
        }
    }
}

impl fmt::Display for Breakpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A shape goes to the end, and so it comes last.
        let (shapes, others): (Vec<_>, Vec<_>) =
            self.terms.iter().partition(|term| matches!(term, Term::Shape(_)));
        for (nth, term) in others.into_iter().chain(shapes).enumerate() {
            write!(f, "{}{term}", if nth == 0 { "" } else { " and " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Does(access) => access.fmt(f),
            Self::Begin => f.write_str("begin"),
            Self::Commit => f.write_str("commit"),
            Self::Rollback => f.write_str("rollback"),
            Self::Actor(name) => write!(f, "actor {}", written_actor(name)),
            Self::Shape(shape) => write!(f, "shape {shape}"),
            Self::Order { after, before: Some(before) } => {
                write!(f, "after {after} before {before}")
            }
            Self::Order { after, before: None } => write!(f, "after {after} before commit"),
        }
    }
}

/// An actor's name, in quotes where it would be read as something else.
fn written_actor(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-#/.:".contains(c);
    let is_word = |word: &str| {
        let is_and = word.eq_ignore_ascii_case("and");
        !word.is_empty() && word.chars().all(is_plain) && !is_and && !word.contains("--")
    };
    if name.split(' ').all(is_word) { name.to_owned() } else { syntax::quote(name) }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.word())?;
        self.table.as_ref().map_or(Ok(()), |table| write!(f, " {table}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        text.parse::<Breakpoint>().unwrap().to_string()
    }

    fn wrong(text: &str) -> String {
        text.parse::<Breakpoint>().unwrap_err().to_string()
    }

    #[test]
    fn a_breakpoint_is_written_as_it_is_read() {
        for text in [
            "table seats",
            "read",
            "write public.\"Odd and Even\"",
            "commit and actor alice 2",
            "actor bookings#create and write seats",
            "actor rock-and-roll",
            "actor \"a and b\" and commit",
            "actor \"it's\"",
            "after read seats before write shows and actor bob",
            "after write before commit",
            "actor bob and shape select * from seats where a = ? and b = ?",
        ] {
            assert_eq!(written(text), text);
        }
        assert_eq!(written("  TABLE  Seats AND  Commit "), "table seats and commit");
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_what_to_do() {
        for (text, column, expected) in [
            ("", 1, "it is empty; write `table seats` or `commit`"),
            ("writ seats", 1, "there is no condition `writ`; did you mean write?"),
            ("commit now", 8, "nothing belongs here; conditions are joined by `and`"),
            ("table", 6, "a table's name belongs here"),
            ("read a b", 6, "`a b` is no table's name; write it as in SQL"),
            ("commit and", 11, "a condition is missing here; write one, or leave out the `and`"),
            ("actor", 6, "an actor's name belongs here: `actor alice`"),
            ("after read seats", 7, "`before` is missing: `after read seats before write seats`"),
            (
                "after update seats before commit",
                7,
                "here it is read, write or table, with the table's name",
            ),
            ("after read seats before", 24, "read, write or table belongs here"),
            (
                "commit and shape",
                17,
                "a statement belongs here: `shape select * from seats where id = ?`",
            ),
        ] {
            let place = format!("breakpoint `{text}`, column {column}: ");
            assert_eq!(wrong(text), format!("{place}{expected}"));
        }
        assert!(wrong("xyzzy").ends_with(
            "begins with one of table, read, write, insert, update, \
            delete, begin, commit, rollback, actor, after, shape"
        ));
    }

    fn access() -> impl Strategy<Value = Access> {
        let kind =
            prop_oneof![Just(AccessKind::Table), Just(AccessKind::Read), Just(AccessKind::Write)];
        let name = "[a-zA-Z \"]{1,6}".prop_map(|name| TableName { schema: None, name });
        (kind, name).prop_map(|(kind, table)| Access { kind, table: Some(table) })
    }

    fn term() -> impl Strategy<Value = Term> {
        prop_oneof![
            access().prop_map(Term::Does),
            Just(Term::Commit),
            "[a-z2'\" #-]{1,12}".prop_map(Term::Actor),
            (access(), access())
                .prop_map(|(after, before)| Term::Order { after, before: Some(before) }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(terms in prop::collection::vec(term(), 1..4)) {
            let breakpoint = Breakpoint { terms };
            let text = breakpoint.to_string();
            prop_assert_eq!(text.parse::<Breakpoint>(), Ok(breakpoint), "{}", text);
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = text.parse::<Breakpoint>();
            let _ = format!("after {text} before and actor {text}").parse::<Breakpoint>();
        }
    }
}
