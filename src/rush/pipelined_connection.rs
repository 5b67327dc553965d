//! A connection for statements whose parameters and results are whole numbers: what is queued goes
//! out in one write, and the answers are read by whoever waits for them.
//!
//! A short statement of the rush is answered in some ten microseconds. A driver that gives each
//! statement to a task of its own, and its answer back from there, would add a quarter to that.

use bytes::{BufMut, BytesMut};

use super::attempt_error::{AttemptError, ErrorClass};
use super::connector::Preparing;
use crate::core::event::Row;
use crate::pg::message::DataRow;
use crate::pg::message::frontend::{Format, put_bind, put_execute, put_parse, put_query, put_sync};
use crate::pg::response::{Part, Response};
use crate::pg::{Connection, ServerFrames};

/// The type `integer` (`pg_type`).
const INTEGER: i32 = 23;
/// The first two columns of the first row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The first column.
    pub first: Option<i32>,
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

pub(super) struct PipelinedConnection {
    frames: ServerFrames,
    preparing: Preparing,
    response: Response,
}

impl PipelinedConnection {
    /// A line over a connection that was let in.
    pub(super) fn over(connection: Connection, preparing: Preparing) -> Self {
        let (frames, _canceller) = connection.into_parts();
        Self { frames, preparing, response: Response::default() }
    }

    /// Whether statements may be left prepared.
    pub(super) fn preparing(&self) -> Preparing {
        self.preparing
    }

    /// Queues a text, perhaps of several statements.
    pub(super) fn queue(&mut self, sql: &str) {
        put_query(&mut self.frames.out, sql);
        self.response.await_one();
    }

    /// Queues the preparing of a statement under a name.
    pub(super) fn queue_parse(&mut self, name: &str, sql: &str, parameters: usize) {
        put_parse(&mut self.frames.out, name, sql, &integers(parameters));
        self.queue_sync();
    }

    /// Queues a statement that is prepared under this name.
    pub(super) fn queue_named(&mut self, name: &str, parameters: &[i32]) {
        put_execution(&mut self.frames.out, name, parameters);
        self.queue_sync();
    }

    /// Queues a statement that leaves nothing prepared.
    pub(super) fn queue_unnamed(&mut self, sql: &str, parameters: &[i32]) {
        put_parse(&mut self.frames.out, "", sql, &integers(parameters.len()));
        put_execution(&mut self.frames.out, "", parameters);
        self.queue_sync();
    }

    fn queue_sync(&mut self) {
        put_sync(&mut self.frames.out);
        self.response.await_one();
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
    pub(super) async fn run(&mut self, sql: &str) -> Result<Vec<Row>, AttemptError> {
        self.queue(sql);
        let mut rows = Vec::new();
        self.hear(|row| rows.push(row.utf8())).await?;
        rows.into_iter().collect::<Option<_>>().ok_or_else(AttemptError::unreadable)
    }

    /// Gives every row away and counts those that were touched.
    async fn hear(&mut self, mut each: impl FnMut(DataRow<'_>)) -> Result<u64, AttemptError> {
        // Whoever hung up may have said why before; that is found where the answers are read.
        let _ = self.frames.flush().await;
        let (mut count, mut trouble) = (0, None);
        while !self.response.is_whole() {
            let Ok(Some(frame)) = self.frames.next().await else {
                let lost = || AttemptError::Lost(ErrorClass::connection_lost());
                return Err(trouble.unwrap_or_else(lost));
            };
            match self.response.apply(&frame) {
                Ok(Part::Row { row, .. }) => each(row),
                Ok(Part::Done { tag, .. }) => count += tag.rows().unwrap_or(0),
                Ok(Part::Failed(fields)) => {
                    let said = AttemptError::said_by_server(&fields.into());
                    if matches!(said, AttemptError::Lost(_)) {
                        return Err(said);
                    }
                    trouble.get_or_insert(said);
                }
                Ok(_) => {}
                Err(_) => _ = trouble.get_or_insert_with(AttemptError::unreadable),
            }
        }
        trouble.map_or(Ok(count), Err)
    }
}

/// So many parameters, all of them integers.
fn integers(parameters: usize) -> BytesMut {
    let mut types = BytesMut::new();
    // Our statements have few parameters.
    types.put_u16(u16::try_from(parameters).unwrap_or(u16::MAX));
    (0..parameters).for_each(|_| types.put_i32(INTEGER));
    types
}

/// Bind and Execute, of the unnamed portal.
fn put_execution(out: &mut BytesMut, name: &str, parameters: &[i32]) {
    let values = parameters.iter().map(|parameter| Some(parameter.to_be_bytes()));
    put_bind(out, "", name, Format::Binary, values);
    put_execute(out, "");
}

/// None where the row is not of two whole numbers or more.
fn as_found(row: DataRow<'_>) -> Option<Found> {
    let mut values = row.values();
    Some(Found { first: number(values.next()?)?, second: number(values.next()?)? })
}

/// The outer `None` is a value that is no integer, the inner one NULL.
fn number(value: Option<&[u8]>) -> Option<Option<i32>> {
    let Some(value) = value else { return Some(None) };
    value.try_into().ok().map(|bytes| Some(i32::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_is_as_the_protocol_has_it() {
        let mut out = BytesMut::new();
        put_execution(&mut out, "s1", &[7]);
        let bind = b"B\0\0\0\x1a\0s1\0\0\x01\0\x01\0\x01\0\0\0\x04\0\0\0\x07\0\x01\0\x01";
        let execute = b"E\0\0\0\x09\0\0\0\0\0";
        assert_eq!(out, [&bind[..], execute].concat());
    }
}
