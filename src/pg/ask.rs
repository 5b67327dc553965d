//! A question of our own over a connection, asked in silence.

use super::connection::Connection;
use super::error::WireError;
use super::response::{CopyDirection, Part};
use crate::core::event::{ServerMessage, TransactionStatus};

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The last cell of the last row, or the server's refusal.
    pub cell: Result<Option<String>, ServerMessage>,
    /// The transaction status afterwards.
    pub status: TransactionStatus,
}

impl Connection {
    /// Runs SQL and gives what its last row ends with. What the server says besides is not told to
    /// anybody.
    pub async fn ask(&mut self, sql: &str) -> Result<Reply, WireError> {
        let mut cell = Ok(None);
        let status = self
            .hear(sql, |part| match part {
                Part::Row { row, .. } if cell.is_ok() => cell = Ok(row.texts().pop().flatten()),
                Part::Failed(fields) => cell = Err(fields.into()),
                _ => {}
            })
            .await?;
        Ok(Reply { cell, status })
    }

    /// Runs SQL and shows every part of the answer, but for its end. COPY gets no data.
    pub(crate) async fn hear(
        &mut self,
        sql: &str,
        mut each: impl FnMut(Part<'_>),
    ) -> Result<TransactionStatus, WireError> {
        self.submit(sql).await?;
        loop {
            let frame = self.next().await?;
            match self.fold(&frame)? {
                Part::Ready(status) => return Ok(status),
                // The server waits for data and we for its answer: without a word both would wait
                // for ever.
                Part::Copy(CopyDirection::In | CopyDirection::Both) => {
                    self.refuse_copy("there are no data for COPY").await;
                }
                part => each(part),
            }
        }
    }
}
