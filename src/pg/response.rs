//! The answer to what was submitted: the server's frames, folded into the parts of an answer.
//!
//! Everybody who listens to a server uses this one fold, whether one text was sent or many prepared
//! statements in one go:
//!
//! ```text
//!  submitted   begin; select …; selec;                      listen to what comes in between
//!  frames      C      T D D D C  E               Z          N A S
//!                │      │ │   │  │               │          │
//!  parts       Done  Columns  Done{rows: 3}      Ready      Aside
//!                         Row{1,2,3}  Failed
//! ```
//!
//! A part borrows from its frame, so rows that nobody keeps are never copied. What each part means
//! to whoever listens (events, libpq's results, a number of rows) is theirs.

use super::error::WireError;
use super::frame::{FromServer, ServerTag};
use super::message::{
    CommandComplete, CopyResponse, DataRow, ErrorFields, Message, Notification, ParameterStatus,
    RowDescription,
};
use crate::core::event::TransactionStatus;

/// An answer that is coming in, or several one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Response {
    /// How many `ReadyForQuery` are still to come.
    awaited: u32,
    /// How many rows the statement has given that is being answered.
    rows: u64,
    copied: Copied,
}

/// What COPY has sent us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copied {
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
}

/// What a frame adds to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'f> {
    /// The columns of the rows that follow.
    Columns(RowDescription<'f>),
    /// A row, and the how manieth of its statement it is.
    Row { row: DataRow<'f>, number: u64 },
    /// A statement has ended well, and has given so many rows.
    Done { tag: CommandComplete<'f>, rows: u64 },
    /// There was no statement in the text.
    Empty,
    /// A statement has failed. What was submitted with it and stands behind it is not carried out.
    Failed(ErrorFields<'f>),
    /// A COPY begins.
    Copy(CopyDirection),
    /// A piece of what COPY sends us.
    CopyData,
    /// A COPY to us has sent everything.
    Copied(Copied),
    /// A step of the extended protocol is done; or all the rows that were asked for are there.
    Acknowledged(ServerTag),
    /// What a server may say at any moment, asked or not.
    Aside(Aside<'f>),
    /// One submission is answered whole, and its transaction stands like this.
    Ready(TransactionStatus),
}

/// Who sends the data of a COPY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CopyDirection {
    In,
    /// The server does.
    Out,
    /// Both do: replication.
    Both,
}

/// What a server may say at any moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aside<'f> {
    Notice(ErrorFields<'f>),
    Notification(Notification<'f>),
    Parameter(ParameterStatus<'f>),
}

impl Response {
    /// One more submission is on its way: a Query, or whatever ends with a Sync.
    pub(crate) fn await_one(&mut self) {
        self.awaited += 1;
    }

    /// Whether everything that was submitted is answered.
    pub(crate) fn is_whole(&self) -> bool {
        self.awaited == 0
    }

    /// Takes a frame and says what it adds. After an error about a frame the rest of the answer can
    /// still be heard out.
    pub(crate) fn apply<'f>(&mut self, frame: &'f FromServer) -> Result<Part<'f>, WireError> {
        // Asked before counting, since the last `ReadyForQuery` itself is still awaited.
        let is_asked = !self.is_whole();
        // Counted before reading: were an unreadable `ReadyForQuery` not counted, whoever hears the
        // answer out would wait for one more for ever.
        self.count(frame);
        let part = self.part(frame)?;
        match part {
            // An error may come unasked: a server that is shut down says 57P01 to idle sessions.
            Part::Aside(_) | Part::Failed(_) => Ok(part),
            _ if is_asked => Ok(part),
            _ => Err(WireError::unexpected(frame.tag)),
        }
    }

    /// What must be known of a frame even if it cannot be read.
    fn count(&mut self, frame: &FromServer) {
        match frame.tag {
            ServerTag::Ready => self.awaited = self.awaited.saturating_sub(1),
            ServerTag::Row => self.rows += 1,
            // A statement that fails after some rows never gets the `CommandComplete` that takes
            // them.
            ServerTag::RowDescription | ServerTag::Error => self.rows = 0,
            ServerTag::CopyOut => self.copied = Copied::default(),
            ServerTag::CopyData => self.copied.add(frame.body()),
            _ => {}
        }
    }

    fn part<'f>(&mut self, frame: &'f FromServer) -> Result<Part<'f>, WireError> {
        Ok(match frame.tag {
            ServerTag::RowDescription => Part::Columns(RowDescription::read(frame)?),
            ServerTag::Row => Part::Row { row: DataRow::read(frame)?, number: self.rows },
            ServerTag::CommandComplete => {
                let rows = std::mem::take(&mut self.rows);
                Part::Done { tag: CommandComplete::read(frame)?, rows }
            }
            ServerTag::EmptyQuery => Part::Empty,
            ServerTag::Error => Part::Failed(ErrorFields::read(frame)?),
            ServerTag::CopyIn => copy(frame, CopyDirection::In)?,
            ServerTag::CopyOut => copy(frame, CopyDirection::Out)?,
            ServerTag::CopyBoth => copy(frame, CopyDirection::Both)?,
            ServerTag::CopyData => Part::CopyData,
            ServerTag::CopyDone => Part::Copied(self.copied),
            ServerTag::ParseComplete
            | ServerTag::BindComplete
            | ServerTag::CloseComplete
            | ServerTag::ParameterDescription
            | ServerTag::NoData
            | ServerTag::PortalSuspended => Part::Acknowledged(frame.tag),
            ServerTag::Notice => Part::Aside(Aside::Notice(ErrorFields::read(frame)?)),
            ServerTag::Notification => Part::Aside(Aside::Notification(Notification::read(frame)?)),
            ServerTag::Parameter => Part::Aside(Aside::Parameter(ParameterStatus::read(frame)?)),
            ServerTag::Ready => Part::Ready(TransactionStatus::read(frame)?),
            ServerTag::Authentication
            | ServerTag::Negotiation
            | ServerTag::Key
            // The first three belong to the beginning of a session, and nobody who listens here has
            // sent a `FunctionCall`.
            | ServerTag::FunctionResult => return Err(WireError::unexpected(frame.tag)),
        })
    }
}

fn copy(frame: &FromServer, direction: CopyDirection) -> Result<Part<'_>, WireError> {
    CopyResponse::read(frame).map(|CopyResponse| Part::Copy(direction))
}

impl Copied {
    fn add(&mut self, data: &[u8]) {
        self.lines += 1;
        self.bytes += data.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of frames, in few words each.
    fn parts(response: &mut Response, frames: &[(u8, &[u8])]) -> Vec<String> {
        let in_short =
            |(tag, body): &(u8, &[u8])| match response.apply(&FromServer::with(*tag, body)) {
                Ok(Part::Columns(columns)) => format!("{} columns", columns.columns().len()),
                Ok(Part::Row { row, number }) => format!("row {number}: {:?}", row.texts()),
                Ok(Part::Done { tag, rows }) => format!("{}, {rows} rows", tag.text()),
                Ok(Part::Failed(_)) => "failed".to_owned(),
                Ok(Part::Aside(_)) => "aside".to_owned(),
                Ok(other) => format!("{other:?}"),
                Err(error) => error.to_string(),
            };
        frames.iter().map(in_short).collect()
    }

    fn awaiting(submissions: u32) -> Response {
        Response { awaited: submissions, ..Response::default() }
    }

    const ROW: (u8, &[u8]) = (b'D', b"\0\x02\0\0\0\x01x\xff\xff\xff\xff");
    const NO_COLUMNS: (u8, &[u8]) = (b'T', b"\0\0");
    const ERROR: (u8, &[u8]) = (b'E', b"SERROR\0\0");
    const READY: (u8, &[u8]) = (b'Z', b"I");

    #[test]
    fn rows_are_counted_for_each_statement() {
        let mut response = awaiting(1);
        let frames = [ROW, ROW, (b'C', &b"SELECT 2\0"[..]), ROW, ERROR, ROW, (b'C', b"X\0"), READY];
        let row = |number| format!("row {number}: [Some(\"x\"), None]");
        assert_eq!(
            parts(&mut response, &frames),
            [
                row(1),
                row(2),
                "SELECT 2, 2 rows".to_owned(),
                row(1),
                "failed".to_owned(),
                row(1),
                "X, 1 rows".to_owned(),
                "Ready(Idle)".to_owned()
            ]
        );
        assert!(response.is_whole());
    }

    #[test]
    fn what_answers_nothing_is_no_part_of_an_answer() {
        let mut response = awaiting(2);
        parts(&mut response, &[READY, READY]);
        let frames = [ERROR, (b'N', b"\0"), (b'S', b"a\0b\0"), READY, NO_COLUMNS, (b'K', &[0; 8])];
        assert_eq!(
            parts(&mut response, &frames),
            [
                "failed",
                "aside",
                "aside",
                "the server violated PostgreSQL's protocol: ReadyForQuery came unexpectedly",
                "the server violated PostgreSQL's protocol: RowDescription came unexpectedly",
                "the server violated PostgreSQL's protocol: BackendKeyData came unexpectedly",
            ]
        );
    }

    #[test]
    fn every_direction_of_copy_is_told_and_what_comes_is_counted() {
        let formats = b"\0\0\x01\0\0";
        let frames = [
            (b'G', &formats[..]),
            (b'W', formats),
            (b'H', formats),
            (b'd', b"line\n"),
            (b'd', b"x\n"),
            (b'c', b""),
        ];
        assert_eq!(
            parts(&mut awaiting(1), &frames),
            [
                "Copy(In)",
                "Copy(Both)",
                "Copy(Out)",
                "CopyData",
                "CopyData",
                "Copied(Copied { lines: 2, bytes: 7 })"
            ]
        );
    }

    #[test]
    fn an_answer_can_be_heard_out_after_a_frame_that_cannot_be_read() {
        let mut response = awaiting(1);
        let frames = [(b'D', &b"\0\x01"[..]), (b'Z', b"?")];
        assert_eq!(
            parts(&mut response, &frames),
            [
                "the server violated PostgreSQL's protocol: its DataRow cannot be read",
                "the server violated PostgreSQL's protocol: its ReadyForQuery cannot be read"
            ]
        );
        assert!(response.is_whole());
    }
}
