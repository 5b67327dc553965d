//! The SQL under a mark, and its `-->` lines.

use std::ops::Range;

use super::super::Mistake;
use super::super::mistake::Source;
use super::marks::{Piece, pieces};
use super::unsendable::{self, Place};
use crate::core::syntax::{self, Strings, Unfinished};

/// What stands under a mark.
pub(super) struct Part {
    /// The SQL, verbatim from its first token or comment to its last `;`.
    pub(super) sql: String,
    /// Where it begins in the file, in bytes.
    pub(super) at: usize,
    /// The `-->` comments.
    pub(super) arrows: Vec<Range<usize>>,
}

/// Reads what stands under a mark.
pub(super) fn read(source: Source, body: Range<usize>, place: Place) -> Result<Part, Mistake> {
    let text = source.text;
    let mut arrows: Vec<Range<usize>> = Vec::new();
    let mut sql: Option<Range<usize>> = None;
    let mut first_comment = None;
    for (piece, range) in pieces(&text[..body.end], body.start) {
        match piece {
            Piece::Line | Piece::Trailing if text[range.clone()].starts_with("-->") => {
                check_arrow(source, &piece, range.start, sql.as_ref())?;
                arrows.push(range);
            }
            // It would be sent with the rest of the step, and look as if it came after the answer.
            Piece::Sql if !arrows.is_empty() => return Err(late(source, range.start)),
            Piece::Sql => {
                let start = sql.map_or(first_comment.unwrap_or(range.start), |sql| sql.start);
                sql = Some(start..range.end);
            }
            Piece::Line | Piece::Trailing | Piece::Block => {
                first_comment.get_or_insert(range.start);
            }
        }
    }
    let sql = sql.unwrap_or(body.start..body.start);
    // Before the end is looked at: `select 1 \crosstabview` has no `;`, and that is not what is
    // wrong with it.
    unsendable::check(source, &sql, place)?;
    check_end(source, &sql)?;
    Ok(Part { at: sql.start, sql: text[sql].to_owned(), arrows })
}

/// Reads the `-->` lines under a mark that has no SQL.
pub(super) fn arrows_alone(
    source: Source,
    body: Range<usize>,
) -> Result<Vec<Range<usize>>, Mistake> {
    let mut arrows = Vec::new();
    for (piece, range) in pieces(&source.text[..body.end], body.start) {
        match piece {
            Piece::Sql => {
                let mistake = source.mistake(range.start, "a pause takes no SQL");
                return Err(mistake.with_hint("start a step with `-- NAME: what happens`"));
            }
            Piece::Line if source.text[range.clone()].starts_with("-->") => arrows.push(range),
            Piece::Line | Piece::Trailing | Piece::Block => {}
        }
    }
    Ok(arrows)
}

fn check_arrow(
    source: Source,
    piece: &Piece,
    at: usize,
    sql: Option<&Range<usize>>,
) -> Result<(), Mistake> {
    if *piece == Piece::Trailing {
        let problem = "`-->` on a line after SQL is only a comment";
        return Err(source.mistake(at, problem).with_hint("put it on a line of its own"));
    }
    if sql.is_none() {
        let problem = "this `-->` line comes before the SQL that it is about";
        return Err(source.mistake(at, problem).with_hint("put it under the SQL"));
    }
    Ok(())
}

fn late(source: Source, at: usize) -> Mistake {
    source
        .mistake(at, "SQL follows the step's `-->` lines")
        .with_hint("start a new step with `-- NAME: what happens`, or move the `-->` lines down")
}

/// Checks that the last statement is ended.
pub(super) fn check_end(source: Source, sql: &Range<usize>) -> Result<(), Mistake> {
    let text = &source.text[sql.clone()];
    let Some(unfinished) = syntax::read(text, Strings::default()).unfinished else { return Ok(()) };
    // Where the quote or the comment begins is the place to look at, and not the end of the file.
    let mut tokens = syntax::tokens_of_lines(text, Strings::default()).into_iter();
    let open = tokens.find(|token| !token.is_closed);
    let at = open.map_or(sql.end, |token| sql.start + token.range.start);
    let (problem, hint) = match unfinished {
        Unfinished::Statement => ("the statement is not terminated", "end it with `;`"),
        Unfinished::Parenthesis => ("a parenthesis is not closed", "close it, and end with `;`"),
        Unfinished::Comment => ("a comment begins here and never ends", "end it with `*/`"),
        Unfinished::DoubleQuote => {
            ("a quoted name begins here and never ends", "close it with `\"`")
        }
        Unfinished::SingleQuote => ("a string begins here and never ends", "close it with `'`"),
        Unfinished::DollarQuote => {
            ("a dollar-quoted string begins here and never ends", "close it with the same tag")
        }
    };
    Err(source.mistake(at, problem).with_hint(hint))
}
