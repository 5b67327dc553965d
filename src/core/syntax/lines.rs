//! What is typed, as psql reads it: statements, and commands that begin with a backslash.
//!
//! ```text
//!  select 1;              a statement
//!  select 2 as n \gset    a command with the query that it sends
//!  \x \d seats            two commands on a line
//!  select                 what is not ended yet: psql's query buffer
//! ```
//!
//! A backslash begins a command wherever it stands in no string, quoted name or comment, and the
//! command goes to the end of its line, or to the next backslash (PostgreSQL sources,
//! `psqlscanslash.l`). `\\` ends one too. A command that sends nothing leaves the query before it
//! as it is, to be gone on with.

use super::tokens::{Tokens, tokens};
use super::{Scanner, Strings, Token, TokenKind, Unfinished};

/// The commands that send the query before them.
const SENDS: [&str; 4] = ["g", "gx", "gset", "watch"];
/// The commands whose argument is the rest of the line, whatever stands in it.
const WHOLE_LINE: [&str; 5] = ["h", "help", "!", "copy", "restrict"];

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub pieces: Vec<Piece>,
    /// The query that is not ended.
    pub rest: String,
    /// What it breaks off in.
    pub unfinished: Option<Unfinished>,
    /// Whether there is a `/* */` comment in the query that is not ended: psql keeps it, unlike one
    /// that begins with `--`.
    has_comment: bool,
}

/// A statement or a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A statement with its `;`.
    Statement(String),
    Command(Command),
}

/// A command that begins with a backslash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Its name without the backslash: `gset`.
    pub name: String,
    /// What follows it on its line.
    pub arguments: String,
    /// The query that it sends, if it sends what was typed before it.
    pub query: String,
    /// Where its backslash stands in the text, in bytes.
    pub at: usize,
}

impl Piece {
    /// The text that reads as this piece.
    pub fn text(&self) -> String {
        match self {
            Self::Statement(text) => text.clone(),
            Self::Command(Command { name, arguments, query, .. }) => {
                let blank = if ends_in_line_comment(query) { '\n' } else { ' ' };
                let command = format!("{query}{blank}\\{name} {arguments}");
                command.trim().to_owned()
            }
        }
    }
}

impl Reading {
    /// In what psql's prompt says that a line goes on.
    pub fn goes_on_in(&self) -> Option<Unfinished> {
        self.unfinished.or(self.has_comment.then_some(Unfinished::Statement))
    }

    /// Whether Enter should carry it out: nothing in it is unfinished, or its last line is a
    /// command.
    pub fn is_complete(&self, text: &str) -> bool {
        let last_line = text.trim_end().rfind('\n').map_or(0, |end| end + 1);
        let ends_in_command = self.pieces.last().is_some_and(
            |piece| matches!(piece, Piece::Command(command) if command.at >= last_line),
        );
        ends_in_command || (self.unfinished.is_none() && !self.pieces.is_empty())
    }
}

/// Reads a text.
pub fn read(text: &str, strings: Strings) -> Reading {
    let mut reader =
        Reader { text, read: Reading::default(), scanner: Scanner::default(), from: 0 };
    let mut tokens = Tokens::new(text, strings);
    while let Some(token) = tokens.next() {
        reader.read.unfinished = token.unfinished();
        if is_backslash(text, &token) {
            tokens.go_on_at(reader.command(token.range.start));
        } else {
            let is_comment = token.kind == TokenKind::Comment;
            reader.read.has_comment |= is_comment && text[token.range.clone()].starts_with("/*");
            reader.take(&token);
        }
    }
    reader.finish()
}

struct Reader<'a> {
    text: &'a str,
    read: Reading,
    scanner: Scanner,
    /// Where what is not in the query yet begins.
    from: usize,
}

impl Reader<'_> {
    fn take(&mut self, token: &Token) {
        if self.scanner.take(self.text, token) {
            self.add_until(token.range.end);
            let statement = self.take_query();
            self.read.pieces.push(Piece::Statement(statement));
        }
    }

    fn add_until(&mut self, end: usize) {
        self.read.rest.push_str(&self.text[self.from..end]);
        self.from = end;
    }

    fn take_query(&mut self) -> String {
        self.scanner = Scanner::default();
        self.read.has_comment = false;
        std::mem::take(&mut self.read.rest).trim_matches(is_blank).to_owned()
    }

    /// Reads the command whose backslash stands here; gives where what follows it begins.
    fn command(&mut self, at: usize) -> usize {
        self.add_until(at);
        let Span { name, arguments, next } = Span::at(self.text, at);
        self.from = next;
        self.push(at, name, arguments);
        next
    }

    fn push(&mut self, at: usize, name: &str, arguments: &str) {
        let has_query = self.scanner.has_tokens;
        let query = match name {
            "" => return,
            "r" | "reset" => {
                self.take_query();
                String::new()
            }
            _ if SENDS.contains(&name) && has_query => self.take_query(),
            _ => String::new(),
        };
        let (name, arguments) = (name.to_owned(), arguments.trim().to_owned());
        self.read.pieces.push(Piece::Command(Command { name, arguments, query, at }));
    }

    fn finish(mut self) -> Reading {
        self.add_until(self.text.len());
        let open = self.scanner.unfinished();
        let unfinished = self.read.unfinished.or(open);
        Reading { unfinished, ..self.read }
    }
}

/// A command in a text.
struct Span<'a> {
    name: &'a str,
    arguments: &'a str,
    /// Where what follows it begins.
    next: usize,
}

impl<'a> Span<'a> {
    /// The one whose backslash stands at this byte.
    fn at(text: &'a str, at: usize) -> Self {
        let rest = &text[at + 1..];
        let is_end = |c: char| c.is_whitespace() || c == '\\';
        let whole_name = &rest[..rest.find(is_end).unwrap_or(rest.len())];
        let name = whole_name.trim_end_matches(';');
        let line = &rest[whole_name.len()..];
        let line = &line[..line.find('\n').unwrap_or(line.len())];
        let is_whole_line = WHOLE_LINE.contains(&name);
        let arguments = if is_whole_line { line } else { &line[..arguments_end(line)] };
        let end = at + 1 + whole_name.len() + arguments.len();
        // Two backslashes end a command and begin none.
        let next = if text[end..].starts_with("\\\\") { end + 2 } else { end };
        Self { name, arguments, next }
    }
}

/// The tokens of a text in which there may be commands: each command is one, whatever its arguments
/// look like.
pub fn tokens_of_lines(text: &str, strings: Strings) -> Vec<Token> {
    let mut tokens = Tokens::new(text, strings);
    let mut found = Vec::new();
    while let Some(token) = tokens.next() {
        let start = token.range.start;
        if !is_backslash(text, &token) {
            found.push(token);
            continue;
        }
        let next = Span::at(text, start).next.max(start + 1);
        tokens.go_on_at(next);
        let end = start + text[start..next].trim_end().len();
        let (kind, is_closed) = (TokenKind::Sign, true);
        found.push(Token { kind, range: start..end, is_closed });
        if end < next {
            found.push(Token { kind: TokenKind::Blank, range: end..next, is_closed });
        }
    }
    found
}

fn is_backslash(text: &str, token: &Token) -> bool {
    token.kind == TokenKind::Sign && &text[token.range.clone()] == "\\"
}

/// Whether what follows on the same line would be part of a comment, however the session reads
/// strings.
fn ends_in_line_comment(query: &str) -> bool {
    let is_line_comment = |strings| {
        let last = tokens(query, strings).pop();
        last.is_some_and(|token| {
            token.kind == TokenKind::Comment && query[token.range].starts_with("--")
        })
    };
    is_line_comment(Strings::Conforming) || is_line_comment(Strings::Escaping)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// Where a command's arguments end: at the next backslash outside of quotes.
fn arguments_end(line: &str) -> usize {
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in line.char_indices() {
        match (c, quote) {
            _ if is_escaped => is_escaped = false,
            ('\\', Some('\'')) => is_escaped = true,
            ('\\', None) => return at,
            ('\'' | '"' | '`', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            _ => {}
        }
    }
    line.len()
}

#[cfg(test)]
mod tests {
    use proptest::collection;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::core::syntax::{split, unfinished};

    fn texts(text: &str) -> Vec<String> {
        read(text, Strings::default()).pieces.iter().map(Piece::text).collect()
    }

    fn commands(text: &str) -> Vec<(String, String, String)> {
        let pieces = read(text, Strings::default()).pieces.into_iter();
        let command = |piece| match piece {
            Piece::Command(it) => Some((it.query, it.name, it.arguments)),
            Piece::Statement(_) => None,
        };
        pieces.filter_map(command).collect()
    }

    fn command(query: &str, name: &str, arguments: &str) -> (String, String, String) {
        (query.to_owned(), name.to_owned(), arguments.to_owned())
    }

    #[test]
    fn a_command_ends_with_its_line_or_at_the_next_backslash() {
        assert_eq!(
            commands("\\x on \\d seats\n\\echo 'a \\'b\\\\c' \"\\\" d\n"),
            [
                command("", "x", "on"),
                command("", "d", "seats"),
                command("", "echo", "'a \\'b\\\\c' \"\\\" d")
            ]
        );
        assert_eq!(texts("\\x \\\\ select 1;"), ["\\x", "select 1;"]);
        assert_eq!(commands("\\dt;"), [command("", "dt", "")]);
        assert_eq!(commands("\\h alter \\ table"), [command("", "h", "alter \\ table")]);
    }

    #[test]
    fn a_command_that_sends_takes_the_query_before_it() {
        let one = "select 1 as a \\gset p_";
        assert_eq!(commands(one), [command("select 1 as a", "gset", "p_")]);
        assert_eq!(texts(one), [one]);
        assert_eq!(texts("begin; select 2\n  \\gx\n\\g"), ["begin;", "select 2 \\gx", "\\g"]);
    }

    #[test]
    fn a_command_that_sends_nothing_leaves_the_query_as_it_is() {
        let read = read("select 1\n\\x\n  + 1", Strings::default());
        assert_eq!(read.pieces.len(), 1);
        assert_eq!(read.rest, "select 1\n\n  + 1");
        assert_eq!(read.unfinished, Some(Unfinished::Statement));
        assert_eq!(texts("select 1 \\r\nselect 2;"), ["\\r", "select 2;"]);
    }

    #[test]
    fn a_backslash_in_a_string_or_a_comment_is_none() {
        let sql = "select '\\x', \"\\d\", $$\\q$$, e'\\'' /* \\q */ -- \\q\n;";
        assert_eq!(texts(sql), [sql]);
    }

    #[test]
    fn enter_carries_out_what_ends_in_a_command_or_is_ended() {
        let is_complete = |text| read(text, Strings::default()).is_complete(text);
        for complete in
            ["\\d", "select 1 \\g", "select 1;", "select (\n\\x", "\\echo it's", "\\x\n"]
        {
            assert!(is_complete(complete), "{complete}");
        }
        for open in ["", "select 1", "\\x\nselect", "select '\n\\x", "-- \\x"] {
            assert!(!is_complete(open), "{open}");
        }
    }

    #[test]
    fn a_command_behind_a_comment_begins_a_line() {
        let one = "select 1 as a -- one\n\\gset";
        assert_eq!(texts(one), [one]);
        assert_eq!(texts("select '--'\n\\gset"), ["select '--' \\gset"]);
    }

    proptest! {
        #[test]
        fn a_piece_is_read_from_its_text(
            parts in collection::vec(
                select(vec!["a", " ", "\n", ";", "--", "/*", "*/", "'", "\\gset", "\\x"]),
                0..16,
            ),
        ) {
            let text = parts.concat();
            for mut piece in read(&text, Strings::default()).pieces {
                let mut again = read(&piece.text(), Strings::default()).pieces;
                for one in again.iter_mut().chain([&mut piece]) {
                    if let Piece::Command(command) = one {
                        command.at = 0;
                    }
                }
                prop_assert_eq!(again, [piece], "{}", text);
            }
        }

        #[test]
        fn without_a_backslash_it_is_what_is_split(text in "[a-c;'\"$()/* \n-]{0,40}") {
            let read = read(&text, Strings::default());
            let pieces: Vec<String> = read.pieces.iter().map(Piece::text).collect();
            let ended = split(&text, Strings::default()).into_iter();
            let ended = ended.filter(|statement| statement.is_terminated);
            let ended: Vec<String> = ended.map(|statement| statement.text.to_owned()).collect();
            prop_assert_eq!(pieces, ended);
            prop_assert_eq!(read.unfinished, unfinished(&text, Strings::default()));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[\\\\a-c;'`\"$\u{e9} \n]{0,40}") {
            let _ = read(&text, Strings::Escaping).is_complete(&text);
        }
    }
}
