//! The answer to one submission: its parts as facts.
//!
//! Rows are gathered and told in batches; those behind the first [`ROWS_KEPT`] of a result are
//! counted without being read.

use std::time::Instant;

use crate::core::event::{Kind, ROWS_KEPT, Row, SubmissionId, TransactionStatus, octets};
use crate::pg::WireError;
use crate::pg::message::{Notification, ParameterStatus};
use crate::pg::response::{Aside, Copied, CopyDirection, Part};

/// Rows are told when so many are gathered, or when the server makes a pause.
const BATCH: usize = 256;

/// An answer that is coming in.
#[derive(Debug)]
pub(super) struct Answer {
    submission: SubmissionId,
    since: Instant,
    batch: Vec<Row>,
}

/// What is to be done after a part of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Wait for the next part.
    Listen,
    /// The server waits for COPY's data: refuse.
    RefuseCopy,
    /// The answer is whole.
    Over(TransactionStatus),
}

impl Answer {
    pub(super) fn new(submission: SubmissionId) -> Self {
        Self { submission, since: Instant::now(), batch: Vec::new() }
    }

    /// Takes a part; the facts in it are added to `kinds`.
    pub(super) fn apply(
        &mut self,
        part: Part<'_>,
        kinds: &mut Vec<Kind>,
    ) -> Result<Turn, WireError> {
        if !matches!(part, Part::Row { .. }) {
            // Whatever else comes was sent behind these rows, a notice as well.
            self.pause(kinds);
        }
        match part {
            Part::Row { row, number } => {
                if number <= ROWS_KEPT as u64 {
                    self.keep(row.texts(), kinds);
                }
            }
            Part::Columns(columns) => kinds.push(Kind::Columns(columns.columns())),
            Part::Done { tag, rows } => kinds.push(Kind::Done { tag: tag.text(), rows }),
            Part::Failed(fields) => kinds.push(Kind::Failed(fields.into())),
            // The server would wait for data until the session ends (PostgreSQL documentation,
            // 54.2.6).
            Part::Copy(CopyDirection::In | CopyDirection::Both) => return Ok(Turn::RefuseCopy),
            Part::Copied(copied) => kinds.push(Kind::Note(note(copied))),
            Part::Aside(aside) => kinds.push(told(aside)),
            Part::Ready(status) => {
                let elapsed = self.since.elapsed();
                kinds.push(Kind::Ready { submission: self.submission, status, elapsed });
                return Ok(Turn::Over(status));
            }
            // No Query message is answered by a step of the extended protocol.
            Part::Acknowledged(tag) => return Err(WireError::unexpected(tag)),
            Part::Empty | Part::Copy(CopyDirection::Out) | Part::CopyData => {}
        }
        Ok(Turn::Listen)
    }

    /// The server makes a pause: what is gathered is told now.
    pub(super) fn pause(&mut self, kinds: &mut Vec<Kind>) {
        if !self.batch.is_empty() {
            kinds.push(Kind::Rows(std::mem::take(&mut self.batch)));
        }
    }

    fn keep(&mut self, row: Row, kinds: &mut Vec<Kind>) {
        self.batch.push(row);
        if self.batch.len() >= BATCH {
            self.pause(kinds);
        }
    }
}

/// What COPY ... FROM STDIN is answered. The server's error repeats it to the person.
pub(super) const COPY_IN_REFUSED: &str = "COPY FROM STDIN is refused: a console session has no \
    data to send; use INSERT, or COPY FROM a file";

fn note(Copied { lines, bytes }: Copied) -> String {
    format!(
        "COPY TO STDOUT sent {lines} lines ({bytes} bytes), which are not shown; use SELECT to see \
         them"
    )
}

/// What a server may say at any moment, as a fact.
pub(super) fn told(aside: Aside<'_>) -> Kind {
    match aside {
        Aside::Notice(fields) => Kind::Notice(fields.into()),
        Aside::Notification(Notification { from, channel, payload }) => Kind::Notification {
            channel: octets::keep(channel),
            payload: octets::keep(payload),
            from,
        },
        Aside::Parameter(ParameterStatus { name, value }) => {
            Kind::Parameter { name: octets::keep(name), value: octets::keep(value) }
        }
    }
}

#[cfg(test)]
mod tests;
