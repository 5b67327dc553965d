//! The comments of a scenario file that mean something: `-- setup`, `-- Alice: books A-4`.

use std::ops::Range;

use super::super::mistake::{Source, did_you_mean};
use super::super::{Mistake, SessionName};
use super::unknown_session;
use crate::core::syntax::{Strings, TokenKind, tokens_of_lines};

/// A comment that begins a part of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) meaning: Meaning,
    pub(super) range: Range<usize>,
}

/// Which part a mark begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Setup,
    Teardown,
    Finally,
    Step {
        session: SessionName,
        narration: String,
    },
    /// Time passes; how much, as it is written.
    Pause(String),
}

/// What a file is made of, as far as marks are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A `--` comment that has its line to itself.
    Line,
    /// A `--` comment at the end of a line of SQL.
    Trailing,
    /// A `/* */` comment.
    Block,
    Sql,
}

/// The pieces of the text from a byte on; blanks are left out.
pub(super) fn pieces(text: &str, from: usize) -> Vec<(Piece, Range<usize>)> {
    tokens_of_lines(&text[from..], Strings::default())
        .into_iter()
        .filter(|token| token.kind != TokenKind::Blank)
        .map(|token| {
            let range = from + token.range.start..from + token.range.end;
            (piece(text, token.kind, &range), range)
        })
        .collect()
}

fn piece(text: &str, kind: TokenKind, range: &Range<usize>) -> Piece {
    if kind != TokenKind::Comment {
        return Piece::Sql;
    }
    let line = text[..range.start].rfind('\n').map_or(0, |end| end + 1);
    match (text[range.clone()].starts_with("--"), text[line..range.start].trim().is_empty()) {
        (false, _) => Piece::Block,
        (true, true) => Piece::Line,
        (true, false) => Piece::Trailing,
    }
}

/// What a `--` comment says.
pub(super) fn said(comment: &str) -> &str {
    comment.trim_start_matches("--").trim()
}

/// The marks of a file's body.
pub(super) fn marks(
    source: Source,
    from: usize,
    sessions: &[SessionName],
) -> Result<Vec<Mark>, Mistake> {
    let pieces = pieces(source.text, from);
    let mut marks = Vec::new();
    for (nth, (piece, range)) in pieces.iter().enumerate() {
        if *piece != Piece::Line {
            continue;
        }
        let comment = &source.text[range.clone()];
        // Within a statement a comment may say anything and have a colon in it. Between two
        // statements a name and a colon can only be meant as a step.
        let begins_a_step = pieces[..nth].last().is_none_or(|(_, last)| ends(source.text, last));
        if let Some(meaning) = meaning(comment, sessions) {
            marks.push(Mark { meaning, range: range.clone() });
        } else if begins_a_step && is_almost_an_arrow(comment) {
            return Err(almost_an_arrow(source, range.start, comment));
        } else if let Some(name) = would_be_session(comment) {
            let known = sessions.iter().map(SessionName::as_str);
            if begins_a_step || did_you_mean(name, known).is_some() {
                let at = range.start + comment.find(name).unwrap_or(0);
                return Err(unknown_session(source, at, name, sessions).and_comments());
            }
        }
    }
    Ok(marks)
}

impl Mistake {
    /// Says how to write a comment that is not meant as a step.
    fn and_comments(mut self) -> Self {
        let how = "a comment that is not a step must not start with a name and a colon";
        self.hint = Some(self.hint.map_or(how.to_owned(), |hint| format!("{hint} ({how})")));
        self
    }
}

/// `-- > BEGIN`, `---> BEGIN`, `-- -> BEGIN`, `-- --> BEGIN`: an arrow that would be taken for a
/// comment.
fn is_almost_an_arrow(comment: &str) -> bool {
    let said = comment.trim_start_matches(['-', ' ']);
    !comment.starts_with("-->") && (said.starts_with('>') || said.starts_with('→'))
}

fn almost_an_arrow(source: Source, at: usize, comment: &str) -> Mistake {
    let said = comment.trim_start_matches(['-', ' ', '>', '→']);
    let mistake = source.mistake(at, "this looks like a `-->` line, but is only a comment");
    mistake.with_hint(format!("write `--> {said}`"))
}

/// Whether a comment after this piece stands between statements.
fn ends(text: &str, piece: &Range<usize>) -> bool {
    let text = &text[piece.clone()];
    text == ";" || text.starts_with("--") || text.starts_with('\\')
}

/// What a comment means to a file with these sessions.
pub(super) fn meaning(comment: &str, sessions: &[SessionName]) -> Option<Meaning> {
    if comment.starts_with("-->") {
        return None;
    }
    match said(comment) {
        "setup" => return Some(Meaning::Setup),
        "teardown" => return Some(Meaning::Teardown),
        "finally" => return Some(Meaning::Finally),
        _ => {}
    }
    if let Some(length) = said(comment).strip_prefix("pause ")
        // `-- pause for a moment` is a comment.
        && length.starts_with(|c: char| c.is_ascii_digit())
    {
        return Some(Meaning::Pause(length.trim().to_owned()));
    }
    let (name, narration) = said(comment).split_once(':')?;
    let session = sessions.iter().find(|session| session.as_str() == name.trim())?.clone();
    Some(Meaning::Step { session, narration: narration.trim().to_owned() })
}

/// The word that would be a session's name if the comment were a step: `-- Alise: begins`.
pub(super) fn would_be_session(comment: &str) -> Option<&str> {
    if comment.starts_with("-->") {
        return None;
    }
    let (name, rest) = said(comment).split_once(':')?;
    let is_word = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let is_said = rest.is_empty() || rest.starts_with(char::is_whitespace);
    (is_word && is_said && !name.is_empty()).then_some(name)
}
