//! What a file cannot have: commands of psql's that mean nothing in it, and COPY with its data.

use std::ops::Range;

use super::super::Mistake;
use super::super::mistake::{Source, did_you_mean};
use crate::core::psql::{COMMANDS, find, not_here};
use crate::core::syntax::{self, Piece, Strings, Token, TokenKind, tokens_of_lines};

/// Where SQL stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a step, where commands may stand that a session carries out.
    Step,
    /// In a setup, a teardown, or at the end.
    Elsewhere,
}

/// Refuses what a session cannot send and psql's part of it cannot do.
pub(super) fn check(source: Source, sql: &Range<usize>, place: Place) -> Result<(), Mistake> {
    // First, since the data that follows it may look like commands.
    check_copy(source, sql)?;
    let text = &source.text[sql.clone()];
    for piece in syntax::read(text, Strings::default()).pieces {
        if let Piece::Command(command) = piece {
            check_command(source, sql.start + command.at, &command, place)?;
        }
    }
    Ok(())
}

fn check_command(
    source: Source,
    at: usize,
    command: &syntax::Command,
    place: Place,
) -> Result<(), Mistake> {
    let name = command.name.as_str();
    if !find(name).is_some_and(|known| known.is_for_files) {
        return Err(refused(source, at, name));
    }
    if place == Place::Elsewhere {
        let problem = format!("\\{name} is a psql command, and only SQL can stand here");
        let hint = "put it in a step, under `-- NAME: what happens`";
        return Err(source.mistake(at, problem).with_hint(hint));
    }
    let first = command.arguments.split_whitespace().next();
    let (problem, hint) = match (name, first) {
        ("g" | "gx", Some(_)) => ("writes no file here", "leave out what follows it"),
        ("unset", None) => ("names no variable", "write `\\unset NAME`"),
        ("set", Some("AUTOCOMMIT" | "ON_ERROR_ROLLBACK" | "ON_ERROR_STOP")) => {
            ("has no such setting here", "write BEGIN, SAVEPOINT and COMMIT where they belong")
        }
        _ => return Ok(()),
    };
    Err(source.mistake(at, format!("\\{name} {problem}")).with_hint(hint))
}

fn refused(source: Source, at: usize, name: &str) -> Mistake {
    let problem = format!("\\{name} is a psql command, not one of the server's");
    let for_files = COMMANDS.iter().filter(|command| command.is_for_files);
    let is_meant = find(name).is_none() && not_here(name) == not_here("");
    let close = did_you_mean(name, for_files.map(|command| command.name)).filter(|_| is_meant);
    source.mistake(at, problem).with_hint(match close {
        Some(close) => format!("did you mean \\{close}?"),
        None => not_here(name).to_owned(),
    })
}

fn check_copy(source: Source, sql: &Range<usize>) -> Result<(), Mistake> {
    let text = &source.text[sql.clone()];
    let tokens: Vec<Token> = tokens_of_lines(text, Strings::default())
        .into_iter()
        .filter(|token| !matches!(token.kind, TokenKind::Blank | TokenKind::Comment))
        .collect();
    let mut start = 0;
    for (nth, token) in tokens.iter().enumerate() {
        let said = &text[token.range.clone()];
        if said.eq_ignore_ascii_case("stdin") && is_copy_in(text, &tokens[start..nth]) {
            return Err(copy(source, sql.start + token.range.start));
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

fn copy(source: Source, at: usize) -> Mistake {
    source
        .mistake(at, "COPY FROM STDIN needs data from the client, and a session here has none")
        .with_hint("use INSERT, or COPY FROM a file of the server")
}
