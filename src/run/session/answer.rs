//! The answer to one submission: messages of the server, folded into facts.
//!
//! Rows are gathered and told in batches; those behind the first [`ROWS_KEPT`] of a result are
//! counted without being read.

use std::time::Instant;

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{DataRow, RowDescription};
use pgwire::messages::response::TransactionStatus as StatusByte;

use crate::core::event::{
    Column, Kind, Pid, ROWS_KEPT, Row, ServerMessage, SubmissionId, TransactionStatus,
};
use crate::pg::{cells, transaction_status};

/// Rows are told when so many are gathered, or when the server makes a pause.
const BATCH: usize = 256;

/// An answer that is coming in.
#[derive(Debug)]
pub(super) struct Answer {
    submission: SubmissionId,
    since: Instant,
    batch: Vec<Row>,
    counted: u64,
    copied: Copied,
}

/// What COPY has sent us.
#[derive(Debug, Default)]
struct Copied {
    lines: u64,
    bytes: u64,
}

/// What is to be done after a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Wait for the next message.
    Listen,
    /// The server waits for COPY's data: refuse.
    RefuseCopy,
    /// The answer is whole.
    Over(TransactionStatus),
    /// The message is none that the protocol has here, or its content contradicts itself.
    Nonsense,
}

impl Answer {
    pub(super) fn new(submission: SubmissionId) -> Self {
        Self {
            submission,
            since: Instant::now(),
            batch: Vec::new(),
            counted: 0,
            copied: Copied::default(),
        }
    }

    /// Takes a message; the facts in it are added to `kinds`.
    pub(super) fn apply(&mut self, message: PgWireBackendMessage, kinds: &mut Vec<Kind>) -> Turn {
        if let PgWireBackendMessage::DataRow(row) = message {
            return self.row(&row, kinds);
        }
        self.pause(kinds);
        match message {
            PgWireBackendMessage::RowDescription(description) => {
                self.counted = 0;
                kinds.push(Kind::Columns(columns(description)));
            }
            PgWireBackendMessage::CommandComplete(done) => {
                let rows = std::mem::take(&mut self.counted);
                kinds.push(Kind::Done { tag: done.tag, rows });
            }
            PgWireBackendMessage::ErrorResponse(error) => {
                self.counted = 0;
                kinds.push(Kind::Failed(ServerMessage::from_fields(&error.fields)));
            }
            PgWireBackendMessage::ReadyForQuery(ready) => {
                return self.ready(ready.status, kinds);
            }
            PgWireBackendMessage::CopyInResponse(_) | PgWireBackendMessage::CopyBothResponse(_) => {
                return Turn::RefuseCopy;
            }
            PgWireBackendMessage::CopyOutResponse(_) => self.copied = Copied::default(),
            PgWireBackendMessage::CopyData(data) => self.copied.add(&data.data),
            PgWireBackendMessage::CopyDone(_) => kinds.push(Kind::Note(self.copied.note())),
            PgWireBackendMessage::EmptyQueryResponse(_) => {}
            other => match unasked(other) {
                Some(kind) => kinds.push(kind),
                None => return Turn::Nonsense,
            },
        }
        Turn::Listen
    }

    /// The server makes a pause: what is gathered is told now.
    pub(super) fn pause(&mut self, kinds: &mut Vec<Kind>) {
        if !self.batch.is_empty() {
            kinds.push(Kind::Rows(std::mem::take(&mut self.batch)));
        }
    }

    fn row(&mut self, row: &DataRow, kinds: &mut Vec<Kind>) -> Turn {
        self.counted += 1;
        if self.counted > ROWS_KEPT as u64 {
            return Turn::Listen;
        }
        let Some(cells) = cells(row) else { return Turn::Nonsense };
        self.batch.push(cells);
        if self.batch.len() >= BATCH {
            self.pause(kinds);
        }
        Turn::Listen
    }

    fn ready(&self, status: StatusByte, kinds: &mut Vec<Kind>) -> Turn {
        let status = transaction_status(status);
        let elapsed = self.since.elapsed();
        kinds.push(Kind::Ready { submission: self.submission, status, elapsed });
        Turn::Over(status)
    }
}

/// What COPY ... FROM STDIN is answered. The server's error repeats it to the person.
pub(super) const COPY_IN_REFUSED: &str = "COPY FROM STDIN is refused: a console session has no data to send; use INSERT, or COPY FROM a file";

impl Copied {
    fn add(&mut self, data: &[u8]) {
        self.lines += 1;
        self.bytes += data.len() as u64;
    }

    fn note(&self) -> String {
        let Self { lines, bytes } = self;
        format!(
            "COPY TO STDOUT sent {lines} lines ({bytes} bytes), which are not shown; use SELECT to see them"
        )
    }
}

/// What a server may say at any moment, asked or not.
pub(super) fn unasked(message: PgWireBackendMessage) -> Option<Kind> {
    match message {
        PgWireBackendMessage::NoticeResponse(notice) => {
            Some(Kind::Notice(ServerMessage::from_fields(&notice.fields)))
        }
        PgWireBackendMessage::NotificationResponse(told) => Some(Kind::Notification {
            channel: told.channel,
            payload: told.payload,
            from: Pid(told.pid),
        }),
        PgWireBackendMessage::ParameterStatus(status) => {
            Some(Kind::Parameter { name: status.name, value: status.value })
        }
        _ => None,
    }
}

fn columns(description: RowDescription) -> Vec<Column> {
    let column = |field: pgwire::messages::data::FieldDescription| Column {
        name: field.name,
        type_oid: field.type_id,
    };
    description.fields.into_iter().map(column).collect()
}
