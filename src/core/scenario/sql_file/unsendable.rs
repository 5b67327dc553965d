//! What psql would do itself and no server can: backslash commands, and COPY with its data in the
//! file.

use std::ops::Range;

use super::super::Mistake;
use super::super::mistake::Source;
use crate::core::syntax::{Strings, Token, TokenKind, tokens};

/// Refuses SQL that a session cannot send.
pub(super) fn check(source: Source, sql: &Range<usize>) -> Result<(), Mistake> {
    let text = &source.text[sql.clone()];
    let tokens: Vec<Token> = tokens(text, Strings::default())
        .into_iter()
        .filter(|token| !matches!(token.kind, TokenKind::Blank | TokenKind::Comment))
        .collect();
    let mut start = 0;
    for (nth, token) in tokens.iter().enumerate() {
        let said = &text[token.range.clone()];
        let at = sql.start + token.range.start;
        if said.starts_with('\\') && token.kind != TokenKind::Word {
            return Err(backslash(source, at));
        }
        if said.eq_ignore_ascii_case("stdin") && is_copy_in(text, &tokens[start..nth]) {
            return Err(copy(source, at));
        }
        if said == ";" {
            start = nth + 1;
        }
    }
    Ok(())
}

fn is_copy_in(text: &str, before: &[Token]) -> bool {
    let is = |token: Option<&Token>, word: &str| {
        token.is_some_and(|token| text[token.range.clone()].eq_ignore_ascii_case(word))
    };
    is(before.first(), "copy") && is(before.last(), "from")
}

fn backslash(source: Source, at: usize) -> Mistake {
    let command: String =
        source.text[at..].chars().take_while(|c| !c.is_whitespace() && *c != ';').collect();
    let hint = match command.as_str() {
        "\\gset" => "end the statement with `;` and name its value under it: `--> (name)`",
        "\\set" => "write the value itself, or take it from an answer: `--> (name)`",
        "\\echo" | "\\qecho" | "\\warn" => "put it in a comment or in a step's narration",
        "\\i" | "\\ir" | "\\include" => "put the SQL into the file, or name it as `-- setup-file:`",
        "\\c" | "\\connect" => "give each connection a name of its own under `-- sessions:`",
        "\\sleep" => "write `-- pause 300 ms`",
        "\\copy" => "use INSERT, or COPY FROM a file of the server",
        "\\." => "this ends data of a COPY FROM STDIN; use INSERT",
        _ => "write the SQL that shows the same",
    };
    let problem = format!("{command} is a psql command, not one of the server's");
    source.mistake(at, problem).with_hint(hint)
}

fn copy(source: Source, at: usize) -> Mistake {
    source
        .mistake(at, "COPY FROM STDIN needs data from the client, and a session here has none")
        .with_hint("use INSERT, or COPY FROM a file of the server")
}
