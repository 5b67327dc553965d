//! SQL as text: where a statement ends, what it does, what its words are, how it is coloured.
//! Whoever reads SQL reads it here.
//!
//! The rules for where a statement ends are psql's own (PostgreSQL sources, `psqlscan.l`): a `;`
//! outside of quotes, dollar quotes, comments, parentheses and the body of a `CREATE FUNCTION ...
//! BEGIN ATOMIC`. What psql would send as one statement is one statement here, but for a string
//! that goes on in the next line (`E'a'` newline `'\';'`): psql, which reads line by line, forgets
//! there how it began, and the server does not. Nothing in here can fail: SQL that makes no sense
//! is still text with an end.
//!
//! ```text
//!  text ──tokens──▶ blanks, comments, quotes, signs ──┬─split──▶ statements, what is unfinished
//!                                                     ├─words──▶ verb, reach, gateway's statements
//!                                                     └─colours
//! ```

use std::ops::Range;

mod built_in;
mod colour;
mod lines;
#[cfg(test)]
mod mixtures;
mod reach;
mod tokens;
mod verb;
mod words;

pub use colour::{Colour, KEYWORDS, Span, colours, is_keyword};
pub use lines::{Command, Piece, Reading, read, tokens_of_lines};
pub use reach::{Made, Reach, reach};
pub use tokens::{Strings, Token, TokenKind, tokens};
pub use verb::{Verb, verb};
pub use words::{
    Word, WordKind, begins, has, identifier, literal, parenthesized, quote, quote_if_needed, words,
};

/// A statement in a longer text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement<'a> {
    /// Its text, from its first token or comment to its `;` inclusive.
    pub text: &'a str,
    /// Where in the text it stands, in bytes.
    pub range: Range<usize>,
    /// Whether it ends with a `;`. Only the last can lack it.
    pub is_terminated: bool,
    /// Whether there is nothing in it but its `;` and comments.
    pub is_empty: bool,
}

impl<'a> Statement<'a> {
    /// Its text without the `;`.
    pub fn body(&self) -> &'a str {
        let end = self.text.len() - usize::from(self.is_terminated);
        self.text[..end].trim_end()
    }
}

/// What a text breaks off in: psql's second prompt tells it by one sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// A statement without its `;`.
    Statement,
    Parenthesis,
    SingleQuote,
    /// A quoted identifier.
    DoubleQuote,
    /// A dollar-quoted string.
    DollarQuote,
    /// A `/*` comment.
    Comment,
}

/// The statements of a text. Pieces that are only blanks and comments are none.
pub fn split(text: &str, strings: Strings) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    let mut scanner = Scanner::default();
    for token in tokens(text, strings) {
        if scanner.take(text, &token) {
            statements.extend(scanner.finish(text, token.range.end));
        }
    }
    statements.extend(scanner.finish(text, text.trim_end().len()));
    statements
}

/// Whether Enter should send the text: it holds a statement, and nothing in it is unfinished.
pub fn is_complete(text: &str, strings: Strings) -> bool {
    unfinished(text, strings).is_none() && !split(text, strings).is_empty()
}

/// What the text breaks off in; `None` after a `;` and where there is nothing yet.
pub fn unfinished(text: &str, strings: Strings) -> Option<Unfinished> {
    let mut scanner = Scanner::default();
    let mut broken_off = None;
    for token in tokens(text, strings) {
        // Only the last token can be open, since an open one goes on to the end of the text.
        broken_off = token.unfinished();
        if scanner.take(text, &token) {
            scanner = Scanner::default();
        }
    }
    // As psql's prompt has it: `select ('a` breaks off in the quote, and the parenthesis comes
    // after that.
    broken_off.or_else(|| scanner.unfinished())
}

/// Where psql would be in a statement, by counting what it counts.
#[derive(Default)]
struct Scanner {
    /// Where the statement begins: its first comment or token.
    start: Option<usize>,
    /// Whether there has been anything but comments.
    has_tokens: bool,
    /// Whether there has been anything but comments and a `;`.
    has_words: bool,
    parentheses: usize,
    /// How deep in `BEGIN ATOMIC ... END`, each CASE counted too.
    blocks: usize,
    words: FirstWords,
    ended: bool,
}

impl Scanner {
    /// Takes a token in; true when it ends the statement.
    fn take(&mut self, text: &str, token: &Token) -> bool {
        if token.kind == TokenKind::Blank {
            return false;
        }
        self.start.get_or_insert(token.range.start);
        if token.kind == TokenKind::Comment {
            return false;
        }
        self.has_tokens = true;
        // A string has its quotes here, so that `'('` counts as no parenthesis.
        let word = &text[token.range.clone()];
        self.has_words |= word != ";";
        match word {
            "(" => self.parentheses += 1,
            // One too many is for the server to complain of: the statement ends at its `;` all the
            // same, as in psql.
            ")" => self.parentheses = self.parentheses.saturating_sub(1),
            // `create rule r as on insert to t do (select 1; select 2);` is one statement.
            ";" => self.ended = self.parentheses == 0 && self.blocks == 0,
            _ if token.kind == TokenKind::Word => self.take_word(word),
            _ => {}
        }
        self.ended
    }

    fn take_word(&mut self, word: &str) {
        self.words.push(word);
        // psql's own rule of thumb (psqlscan.l, `{identifier}`): BEGIN opens a body in CREATE [OR
        // REPLACE] FUNCTION or PROCEDURE alone, since everywhere else it begins a transaction. CASE
        // ends with END too, and counts only within a body.
        if self.parentheses > 0 || !self.words.create_routine() {
            return;
        }
        if word.eq_ignore_ascii_case("begin")
            || (self.blocks > 0 && word.eq_ignore_ascii_case("case"))
        {
            self.blocks += 1;
        } else if word.eq_ignore_ascii_case("end") {
            self.blocks = self.blocks.saturating_sub(1);
        }
    }

    /// The statement that was scanned, if it was one, and a fresh start.
    fn finish<'a>(&mut self, text: &'a str, end: usize) -> Option<Statement<'a>> {
        let Self { start, has_tokens, has_words, ended, .. } = std::mem::take(self);
        let range = start.filter(|_| has_tokens)?..end;
        let text = &text[range.clone()];
        Some(Statement { text, range, is_terminated: ended, is_empty: !has_words })
    }

    fn unfinished(&self) -> Option<Unfinished> {
        match self {
            Self { parentheses: 1.., .. } => Some(Unfinished::Parenthesis),
            Self { has_tokens: true, .. } => Some(Unfinished::Statement),
            _ => None,
        }
    }
}

/// The first four words of a statement: as many as psql looks at to know `CREATE OR REPLACE
/// FUNCTION`.
#[derive(Default)]
struct FirstWords {
    seen: usize,
    initials: [u8; 4],
}

impl FirstWords {
    fn push(&mut self, word: &str) {
        let known = ["create", "or", "replace", "function", "procedure"]
            .into_iter()
            .find(|known| word.eq_ignore_ascii_case(known));
        if let (Some(slot), Some(known)) = (self.initials.get_mut(self.seen), known) {
            // No two of the five begin with the same letter.
            *slot = known.as_bytes()[0];
        }
        self.seen += 1;
    }

    fn create_routine(&self) -> bool {
        matches!(self.initials, [b'c', b'f' | b'p', ..] | [b'c', b'o', b'r', b'f' | b'p'])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STRINGS: Strings = Strings::Conforming;

    fn texts(sql: &str) -> Vec<&str> {
        split(sql, STRINGS).into_iter().map(|statement| statement.text).collect()
    }

    #[test]
    fn semicolons_separate_statements() {
        assert_eq!(
            texts(" select 1; select 2 ;\nselect 3"),
            ["select 1;", "select 2 ;", "select 3"]
        );
    }

    #[test]
    fn semicolons_inside_quotes_and_comments_do_not() {
        let sql = "select ';', \";\", $$;$$, $a$ $$;$$ $a$, E'\\';' /* ; /* ; */ ; */ -- ;\n;";
        assert_eq!(texts(sql), [sql]);
    }

    #[test]
    fn a_continued_escape_string_keeps_its_escapes() {
        let sql = "select E'a'\n'\\';' ;";
        assert_eq!(texts(sql), [sql]);
    }

    #[test]
    fn a_rule_with_several_actions_is_one_statement() {
        let sql = "create rule r as on insert to t do (select 1; select 2);";
        assert_eq!(texts(sql), [sql]);
    }

    #[test]
    fn the_body_of_a_function_is_part_of_it() {
        let sql = "create or replace function f() returns int begin atomic \
                   select case when true then 1 end; select 2; end;";
        assert_eq!(texts(&format!("{sql} select 3;")), [sql, "select 3;"]);
    }

    #[test]
    fn begin_outside_of_a_function_opens_no_body() {
        assert_eq!(texts("begin; select 1; end;").len(), 3);
    }

    #[test]
    fn comments_alone_are_no_statement() {
        assert!(texts("-- nothing\n/* here */ ").is_empty());
        assert_eq!(texts("-- why\nselect 1;"), ["-- why\nselect 1;"]);
    }

    #[test]
    fn enter_sends_what_is_complete() {
        for complete in ["select 1;", "select 1; -- done", "select 1;\n", "begin; select 2;", ";"] {
            assert!(is_complete(complete, STRINGS), "{complete}");
        }
        for open in ["", "  ", "-- c", "select 1", "select ';", "select $$;", "select 1; s", "/* ;"]
        {
            assert!(!is_complete(open, STRINGS), "{open}");
        }
    }

    #[test]
    fn what_is_unfinished_is_told() {
        use Unfinished::*;
        for (text, expected) in [
            ("select", Some(Statement)),
            ("select (1;", Some(Parenthesis)),
            ("select 'a", Some(SingleQuote)),
            ("select E'a\\'", Some(SingleQuote)),
            ("select \"a", Some(DoubleQuote)),
            ("select $x$ $y$", Some(DollarQuote)),
            ("select 1; /* /* */", Some(Comment)),
            ("select 1;", None),
            ("-- select", None),
        ] {
            assert_eq!(unfinished(text, STRINGS), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn splitting_loses_nothing_but_blanks_and_comments(text in "[a-z0-9;'\"$()/*\\-\\\\ \n\
            E\u{e9}]{0,60}") {
            let mut end = 0;
            for statement in split(&text, STRINGS) {
                prop_assert!(statement.range.start >= end);
                prop_assert_eq!(&text[statement.range.clone()], statement.text);
                end = statement.range.end;
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            for strings in [Strings::Conforming, Strings::Escaping] {
                let _ = (split(&text, strings), is_complete(&text, strings));
                let _ = unfinished(&text, strings);
                let words = words(&text, strings);
                let _ = (verb(&words), reach(&words), colours(&text, strings));
            }
        }

        #[test]
        fn a_split_text_splits_the_same_again(text in "[a-c;'$() \n]{0,40}") {
            let first: Vec<_> = texts(&text);
            let again = first.join("\n");
            prop_assert_eq!(first, texts(&again));
        }
    }
}
