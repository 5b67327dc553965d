//! What a submission was answered, and whether that is what was expected.

use super::super::Expected;
use super::Verdict;
use crate::event::{Kind, Row, ServerMessage};

/// What came back for a submission.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    outcomes: Vec<Outcome>,
    /// Whether the statement that is being answered has a result.
    has_result: bool,
}

/// One thing that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A row, its values split as a file writes them.
    Row(Vec<String>),
    /// A statement is done; `rows` if it had a result.
    Done { tag: String, rows: Option<u64> },
    /// A statement failed.
    Failed { code: String, message: String },
    /// The connection broke.
    Lost(String),
}

impl Answer {
    pub(super) fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    pub(super) fn push(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    pub(super) fn apply(&mut self, kind: &Kind) {
        match kind {
            Kind::Columns(_) => self.has_result = true,
            Kind::Rows(rows) => {
                self.outcomes.extend(rows.iter().map(|row| Outcome::Row(written(row))));
            }
            Kind::Done { tag, rows } => {
                let rows = std::mem::take(&mut self.has_result).then_some(*rows);
                self.push(Outcome::Done { tag: tag.clone(), rows });
            }
            Kind::Failed(ServerMessage { code, message, .. }) => {
                self.has_result = false;
                self.push(Outcome::Failed { code: code.clone(), message: message.clone() });
            }
            _ => {}
        }
    }

    /// The last thing that came back.
    pub(super) fn describe(&self) -> String {
        self.outcomes.last().map_or_else(|| "nothing".to_owned(), Outcome::describe)
    }
}

impl Outcome {
    fn describe(&self) -> String {
        match self {
            Self::Row(cells) => cells.join(" | "),
            Self::Done { tag, .. } => tag.clone(),
            Self::Failed { code, message } => format!("ERROR {code} {message}"),
            Self::Lost(reason) => format!("the connection was lost: {reason}"),
        }
    }
}

/// A row as a file writes it: a value that itself has a `|` in it counts as several.
fn written(row: &Row) -> Vec<String> {
    row.iter()
        .flat_map(|value| value.as_deref().unwrap_or_default().split('|'))
        .map(|cell| cell.trim().to_owned())
        .collect()
}

/// Judges what was expected of an answer. Rows must come in order, and so must tags and counts; more may come than is expected.
pub(super) fn judge(expected: &[&Expected], outcomes: &[Outcome]) -> Vec<Verdict> {
    let mut places = Places::default();
    expected.iter().map(|expected| places.judge(expected, outcomes)).collect()
}

/// How far rows, tags, counts and errors have been found. Each kind is looked for from its own last place on, so that a
/// file may name a tag before or after the rows.
#[derive(Default)]
struct Places {
    row: usize,
    tag: usize,
    count: usize,
    error: usize,
}

impl Places {
    fn judge(&mut self, expected: &Expected, outcomes: &[Outcome]) -> Verdict {
        let place = match expected {
            Expected::Row(_) => &mut self.row,
            Expected::Tag(_) => &mut self.tag,
            Expected::RowCount(_) => &mut self.count,
            Expected::Error { .. } => &mut self.error,
            Expected::WaitsFor(_) | Expected::Resumes { .. } => return Verdict::NotReached,
        };
        let rest = &outcomes[*place..];
        match rest.iter().position(|outcome| fits(expected, outcome)) {
            Some(found) => {
                *place += found + 1;
                Verdict::Kept
            }
            None => Verdict::Broken { found: instead(expected, rest) },
        }
    }
}

fn fits(expected: &Expected, outcome: &Outcome) -> bool {
    match (expected, outcome) {
        (Expected::Row(cells), Outcome::Row(row)) => row == cells,
        (Expected::Tag(wanted), Outcome::Done { tag, .. }) => tag == wanted,
        (Expected::RowCount(count), Outcome::Done { rows, .. }) => *rows == Some(*count),
        (Expected::Error { code: wanted, text }, Outcome::Failed { code, message }) => {
            code == wanted.as_str() && message.contains(text)
        }
        _ => false,
    }
}

/// How many rows are named when the expected one is not among them.
const ROWS_NAMED: usize = 3;

/// What came instead.
fn instead(expected: &Expected, outcomes: &[Outcome]) -> String {
    let trouble =
        outcomes.iter().find(|it| matches!(it, Outcome::Failed { .. } | Outcome::Lost(_)));
    if let Some(trouble) = trouble {
        return trouble.describe();
    }
    match expected {
        Expected::Row(_) => rows(outcomes),
        Expected::RowCount(_) => {
            let count = outcomes.iter().find_map(|it| match it {
                Outcome::Done { rows, .. } => *rows,
                _ => None,
            });
            count.map_or_else(|| "no rows".to_owned(), crate::scenario::rows)
        }
        _ => {
            let done = outcomes.iter().find(|it| matches!(it, Outcome::Done { .. }));
            done.map_or_else(|| "nothing".to_owned(), Outcome::describe)
        }
    }
}

fn rows(outcomes: &[Outcome]) -> String {
    let rows: Vec<String> =
        outcomes.iter().filter(|it| matches!(it, Outcome::Row(_))).map(Outcome::describe).collect();
    match rows.len() {
        0 => "no further row".to_owned(),
        count if count > ROWS_NAMED => {
            format!("{}; and {} more", rows[..ROWS_NAMED].join("; "), count - ROWS_NAMED)
        }
        _ => rows.join("; "),
    }
}
