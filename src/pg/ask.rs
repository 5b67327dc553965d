//! A question of our own over a connection, asked in silence.

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::DataRow;
use pgwire::messages::response::TransactionStatus as StatusByte;

use super::connection::Connection;
use super::error::WireError;
use crate::core::event::{Row, ServerMessage, TransactionStatus, octets};

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The last cell of the last row, or the server's refusal.
    pub(crate) cell: Result<Option<String>, ServerMessage>,
    /// The transaction status afterwards.
    pub(crate) status: TransactionStatus,
}

impl Connection {
    /// Runs SQL and gives what its last row ends with. What the server says besides is not told to
    /// anybody.
    pub(crate) async fn ask(&mut self, sql: &str) -> Result<Reply, WireError> {
        self.submit(sql).await?;
        let mut cell = Ok(None);
        loop {
            match self.next().await? {
                PgWireBackendMessage::DataRow(row) if cell.is_ok() => {
                    cell = Ok(cells(&row).and_then(|mut row| row.pop()?));
                }
                PgWireBackendMessage::ErrorResponse(error) => {
                    cell = Err(ServerMessage::from_fields(&error.fields));
                }
                PgWireBackendMessage::ReadyForQuery(ready) => {
                    return Ok(Reply { cell, status: transaction_status(ready.status) });
                }
                _ => {}
            }
        }
    }
}

/// The status byte in our own words.
pub(crate) fn transaction_status(byte: StatusByte) -> TransactionStatus {
    match byte {
        StatusByte::Idle => TransactionStatus::Idle,
        StatusByte::Transaction => TransactionStatus::InTransaction,
        StatusByte::Error => TransactionStatus::Failed,
    }
}

/// The texts of a row, bytes of other encodings kept; nothing when its lengths do not add up.
pub(crate) fn cells(row: &DataRow) -> Option<Row> {
    let mut rest = &row.data[..];
    let mut cells = Vec::with_capacity(usize::try_from(row.field_count).ok()?.min(rest.len()));
    for _ in 0..row.field_count {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        rest = behind;
        cells.push(match i32::from_be_bytes(*length) {
            -1 => None,
            length => {
                let (text, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
                rest = behind;
                Some(octets::keep(text))
            }
        });
    }
    rest.is_empty().then_some(cells)
}
