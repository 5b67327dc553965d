//! What one submission was answered, short enough to stand beside what the other engine answered.

use crate::core::event::{Kind, Row, ServerMessage, Wait};

/// What came back for a submission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// For whom it waited first, if it did.
    waited: Option<Wait>,
    results: Vec<Outcome>,
    state: SubmissionState,
}

/// Where the answer stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum SubmissionState {
    /// It is on its way.
    #[default]
    Open,
    /// Its session waits for somebody.
    Waiting,
    /// It is complete, or will never be.
    Over,
}

/// One thing that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// A result, of whose rows the first ones are known.
    Rows { known: Vec<Row>, count: Option<u64> },
    /// A statement without a result is done: its command tag.
    Done(String),
    /// A statement failed: its code, with DSQL's own where the message names one.
    Failed(String),
    /// The connection broke.
    Lost,
}

impl Answer {
    pub(super) fn apply(&mut self, kind: &Kind) {
        match kind {
            Kind::Columns(_) => self.results.push(Outcome::Rows { known: Vec::new(), count: None }),
            Kind::Rows(rows) => self.rows(rows),
            Kind::Done { tag, rows } => self.done(tag, *rows),
            Kind::Failed(message) => self.results.push(Outcome::Failed(code(message))),
            Kind::Waiting(wait) => {
                self.waited.get_or_insert_with(|| wait.clone());
                self.state = SubmissionState::Waiting;
            }
            Kind::Resumed { .. } => self.state = SubmissionState::Open,
            Kind::Ready { .. } => self.state = SubmissionState::Over,
            Kind::Lost { .. } if self.state != SubmissionState::Over => {
                self.results.push(Outcome::Lost);
                self.state = SubmissionState::Over;
            }
            _ => {}
        }
    }

    fn rows(&mut self, rows: &[Row]) {
        if let Some(Outcome::Rows { known, .. }) = self.results.last_mut() {
            known.extend_from_slice(rows);
        }
    }

    fn done(&mut self, tag: &str, rows: u64) {
        match self.results.last_mut() {
            Some(Outcome::Rows { count: count @ None, .. }) => *count = Some(rows),
            _ => self.results.push(Outcome::Done(tag.to_owned())),
        }
    }

    /// Whether there is nothing to come that could make this answer another one.
    fn is_settled(&self) -> bool {
        self.state != SubmissionState::Open
    }

    /// Whether the two are known to say different things. An answer on its way is not.
    pub fn differs_from(&self, other: &Self) -> bool {
        let same = self.results == other.results
            && self.waited.is_some() == other.waited.is_some()
            && self.state == other.state;
        self.is_settled() && other.is_settled() && !same
    }

    /// The answer in words, and of two results of the same size the row in which they differ.
    pub fn words_beside(&self, other: Option<&Self>) -> String {
        let wait = self.waited.as_ref().map(|wait| format!("waits for {}", whom(wait)));
        let others = |place: usize| other.and_then(|other| other.results.get(place));
        let results: Vec<String> = self
            .results
            .iter()
            .enumerate()
            .map(|(place, outcome)| outcome.words_beside(others(place)))
            .collect();
        let said: Vec<String> =
            wait.into_iter().chain((!results.is_empty()).then(|| results.join(", "))).collect();
        said.join(", then ")
    }
}

impl Outcome {
    fn words_beside(&self, other: Option<&Self>) -> String {
        match self {
            Self::Rows { known, count: Some(count) } => match telling_row(known, other) {
                Some(row) => row,
                None => crate::core::scenario::rows(*count),
            },
            Self::Rows { count: None, .. } => "rows".to_owned(),
            Self::Done(tag) => tag.clone(),
            Self::Failed(code) => format!("ERROR {code}"),
            Self::Lost => "connection lost".to_owned(),
        }
    }
}

/// The only row, or of as many rows as the other has the first that differs.
fn telling_row(known: &[Row], other: Option<&Outcome>) -> Option<String> {
    let differing = || match other {
        Some(Outcome::Rows { known: others, .. }) if others.len() == known.len() => {
            known.iter().zip(others).find(|(one, two)| one != two).map(|(one, _)| one)
        }
        _ => None,
    };
    let row = if known.len() == 1 { known.first() } else { differing() };
    row.map(cells).filter(|words| !words.trim().is_empty())
}

/// A row as psql separates it; a cell without a value says so, because the row may have no other.
fn cells(row: &Row) -> String {
    let cells: Vec<&str> = row.iter().map(|cell| cell.as_deref().unwrap_or("null")).collect();
    cells.join(" | ")
}

/// `40001`, `40001 (OC000)`: Aurora DSQL tells its conflicts apart in the message.
fn code(message: &ServerMessage) -> String {
    let own = message.message.rfind("(OC").map(|at| &message.message[at..]);
    own.map_or_else(|| message.code.clone(), |own| format!("{} {own}", message.code))
}

fn whom(wait: &Wait) -> String {
    match wait.blockers.as_slice() {
        [] => "somebody".to_owned(),
        blockers => {
            let names: Vec<String> = blockers.iter().map(ToString::to_string).collect();
            names.join(" and ")
        }
    }
}
