//! What a submission was answered.

use std::sync::Arc;

use crate::core::event::{Kind, Row, ServerMessage};
use crate::core::scenario::Cell;
use crate::core::syntax::{self, Strings};

/// What came back for a submission.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    outcomes: Vec<Outcome>,
    /// The columns of the result that is being told, if the statement has one.
    columns: Option<Arc<[String]>>,
}

/// One thing that came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// This was sent; what follows is its answer.
    Asked(Arc<str>),
    /// A row of the result with these columns.
    Row { columns: Arc<[String]>, values: Row },
    /// A statement is done; `rows` if it had a result.
    Done { tag: String, rows: Option<u64> },
    /// A statement failed.
    Failed { code: String, message: String },
    /// The server said something beside.
    Said { severity: String, code: String, message: String },
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
            Kind::Columns(columns) => {
                self.columns = Some(columns.iter().map(|column| column.name.clone()).collect());
            }
            Kind::Rows(rows) => {
                let columns = self.columns.clone().unwrap_or_default();
                let row = |values: &Row| Outcome::Row {
                    columns: Arc::clone(&columns),
                    values: values.clone(),
                };
                self.outcomes.extend(rows.iter().map(row));
            }
            Kind::Done { tag, rows } => {
                let rows = self.columns.take().map(|_| *rows);
                self.push(Outcome::Done { tag: tag.clone(), rows });
            }
            Kind::Failed(ServerMessage { code, message, .. }) => {
                self.columns = None;
                self.push(Outcome::Failed { code: code.clone(), message: message.clone() });
            }
            Kind::Notice(ServerMessage { severity, code, message, .. }) => {
                let [severity, code, message] = [severity, code, message].map(String::clone);
                self.push(Outcome::Said { severity, code, message });
            }
            _ => {}
        }
    }

    /// The last thing that came back.
    pub(super) fn describe(&self) -> String {
        let mut answers = self.outcomes.iter().rev();
        let last = answers.find(|it| !matches!(it, Outcome::Said { .. } | Outcome::Asked(_)));
        last.map_or_else(|| "nothing".to_owned(), Outcome::describe)
    }
}

impl Outcome {
    /// Whether it was asked not to wait.
    pub(super) fn is_of_nowait(&self) -> bool {
        let Self::Asked(sql) = self else { return false };
        syntax::words(sql, Strings::default()).iter().any(|word| word.is("nowait"))
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::Row { values, .. } => {
                let cells = values.iter().map(|value| Cell::of(value.as_deref()).to_string());
                cells.collect::<Vec<_>>().join(" | ").trim_end().to_owned()
            }
            Self::Asked(_) => "nothing".to_owned(),
            Self::Done { tag, .. } => tag.clone(),
            Self::Failed { code, message } => format!("ERROR {code} {message}"),
            Self::Said { severity, code, message } => format!("{severity} {code}: {message}"),
            Self::Lost(reason) => format!("connection lost: {reason}"),
        }
    }
}
