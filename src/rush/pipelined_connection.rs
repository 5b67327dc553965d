//! A connection for statements whose parameters and results are whole numbers: what is queued goes
//! out in one write, and the answers are read by whoever waits for them.
//!
//! A short statement of the rush is answered in some ten microseconds. A driver that gives each
//! statement to a task of its own, and its answer back from there, would add a quarter to that.

use bytes::{BufMut, BytesMut};

use super::attempt_error::{AttemptError, ErrorClass};
use super::connector::Preparing;
use crate::core::event::ServerMessage;
use crate::pg::frame::{self, Fields, FromServer, ServerTag, put, put_text};
use crate::pg::{Connection, Socket};

/// The type `integer` (`pg_type`).
const INTEGER: i32 = 23;
/// The format of a value in the server's own form, not as text (PostgreSQL documentation, 54.1.3).
const BINARY: i16 = 1;

/// The first two columns of the first row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The first column.
    pub first: Option<i32>,
    /// The second.
    pub second: Option<i32>,
}

/// What the statements that went out together came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    /// The first row of all.
    pub found: Option<Found>,
    /// How many rows were touched by all of them.
    pub count: u64,
}

/// A row of a result as text; `None` is NULL.
pub(super) type TextRow = Vec<Option<String>>;

/// One connection.
pub(super) struct PipelinedConnection {
    frames: frame::FrameStream<ServerTag, Socket>,
    preparing: Preparing,
    /// How many of the statements that were queued are not answered.
    awaited: u32,
}

impl PipelinedConnection {
    /// A line over a connection that was let in.
    pub(super) fn over(connection: Connection, preparing: Preparing) -> Self {
        let raw = connection.into_raw();
        Self { frames: frame::FrameStream::new(raw.stream, raw.read), preparing, awaited: 0 }
    }

    /// Whether statements may be left prepared.
    pub(super) fn preparing(&self) -> Preparing {
        self.preparing
    }

    /// Queues a text, perhaps of several statements.
    pub(super) fn queue(&mut self, sql: &str) {
        put(&mut self.frames.out, b'Q', |out| put_text(out, sql));
        self.awaited += 1;
    }

    /// Queues the preparing of a statement under a name.
    pub(super) fn queue_parse(&mut self, name: &str, sql: &str, parameters: usize) {
        put_parse(&mut self.frames.out, name, sql, parameters);
        self.queue_sync();
    }

    /// Queues a statement that is prepared under this name.
    pub(super) fn queue_named(&mut self, name: &str, parameters: &[i32]) {
        put_execution(&mut self.frames.out, name, parameters);
        self.queue_sync();
    }

    /// Queues a statement that leaves nothing prepared.
    pub(super) fn queue_unnamed(&mut self, sql: &str, parameters: &[i32]) {
        put_parse(&mut self.frames.out, "", sql, parameters.len());
        put_execution(&mut self.frames.out, "", parameters);
        self.queue_sync();
    }

    fn queue_sync(&mut self) {
        put(&mut self.frames.out, b'S', |_| {});
        self.awaited += 1;
    }

    /// Sends what is queued and hears all of it out; the first error of all is the one that counts.
    pub(super) async fn reply(&mut self) -> Result<Reply, AttemptError> {
        let mut first = None;
        let count = self.hear(|row| _ = first.get_or_insert_with(|| as_found(row))).await?;
        match first {
            Some(None) => Err(AttemptError::unreadable()),
            first => Ok(Reply { found: first.flatten(), count }),
        }
    }

    /// Runs a text of ours, perhaps several statements, and gives every row as text.
    pub(super) async fn run(&mut self, sql: &str) -> Result<Vec<TextRow>, AttemptError> {
        self.queue(sql);
        let mut rows = Vec::new();
        self.hear(|row| rows.push(as_text(row))).await?;
        rows.into_iter().collect::<Option<_>>().ok_or_else(AttemptError::unreadable)
    }

    /// Gives every row away and counts those that were touched.
    async fn hear(&mut self, mut row: impl FnMut(&FromServer)) -> Result<u64, AttemptError> {
        // Whoever hung up may have said why before; that is found where the answers are read.
        let _ = self.frames.flush().await;
        let (mut count, mut trouble) = (0, None);
        while self.awaited > 0 {
            let Ok(Some(frame)) = self.frames.next().await else {
                let lost = || AttemptError::Lost(ErrorClass::connection_lost());
                return Err(trouble.unwrap_or_else(lost));
            };
            match frame.tag {
                ServerTag::Row => row(&frame),
                ServerTag::CommandComplete => count += touched(frame.body()),
                ServerTag::Ready => self.awaited -= 1,
                ServerTag::Error => {
                    let said = AttemptError::said_by_server(&ServerMessage::from(&frame));
                    if matches!(said, AttemptError::Lost(_)) {
                        return Err(said);
                    }
                    trouble.get_or_insert(said);
                }
                _ => {}
            }
        }
        trouble.map_or(Ok(count), Err)
    }
}

fn put_parse(out: &mut BytesMut, name: &str, sql: &str, parameters: usize) {
    put(out, b'P', |out| {
        put_text(out, name);
        put_text(out, sql);
        put_count(out, parameters);
        (0..parameters).for_each(|_| out.put_i32(INTEGER));
    });
}

/// Bind and Execute, of the unnamed portal.
fn put_execution(out: &mut BytesMut, name: &str, parameters: &[i32]) {
    put(out, b'B', |out| {
        put_text(out, "");
        put_text(out, name);
        out.put_i16(1);
        out.put_i16(BINARY);
        put_count(out, parameters.len());
        for parameter in parameters {
            out.put_i32(4);
            out.put_i32(*parameter);
        }
        out.put_i16(1);
        out.put_i16(BINARY);
    });
    put(out, b'E', |out| {
        put_text(out, "");
        out.put_i32(0);
    });
}

/// Our statements have few parameters.
fn put_count(out: &mut BytesMut, count: usize) {
    out.put_u16(u16::try_from(count).unwrap_or(u16::MAX));
}

/// The number at the end of a command tag; some commands have none.
fn touched(tag: &[u8]) -> u64 {
    let text = std::str::from_utf8(tag).unwrap_or_default();
    let last = text.trim_end_matches('\0').rsplit(' ').next();
    last.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// None where the row is not of two whole numbers or more.
fn as_found(row: &FromServer) -> Option<Found> {
    let mut fields = row.fields();
    fields.short().filter(|columns| *columns >= 2)?;
    Some(Found { first: number(&mut fields)?, second: number(&mut fields)? })
}

/// The outer `None` is a field that cannot be read, the inner one NULL.
fn number(fields: &mut Fields) -> Option<Option<i32>> {
    match fields.long()? {
        -1 => Some(None),
        4 => fields.long().map(Some),
        _ => None,
    }
}

fn as_text(row: &FromServer) -> Option<TextRow> {
    let mut fields = row.fields();
    (0..fields.short()?).map(|_| fields.value()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tags_number_is_its_last_word() {
        for (tag, count) in [("INSERT 0 3\0", 3), ("UPDATE 12\0", 12), ("COMMIT\0", 0), ("", 0)] {
            assert_eq!(touched(tag.as_bytes()), count, "{tag:?}");
        }
    }

    #[test]
    fn an_execution_is_as_the_protocol_has_it() {
        let mut out = BytesMut::new();
        put_execution(&mut out, "s1", &[7]);
        let bind = b"B\0\0\0\x1a\0s1\0\0\x01\0\x01\0\x01\0\0\0\x04\0\0\0\x07\0\x01\0\x01";
        let execute = b"E\0\0\0\x09\0\0\0\0\0";
        assert_eq!(out, [&bind[..], execute].concat());
    }
}
