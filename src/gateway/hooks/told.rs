//! What a client is told, read for whoever listens.

use crate::core::event::{Column, Pid, Row, ServerMessage, TransactionStatus};

/// A word of the server's, or of the gateway in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The columns of the rows that follow, once for each statement that has any: where the client
    /// has not asked for them with this one, those that it was told of its prepared statement.
    Columns(Vec<Column>),
    /// A row, each value as text, also where the client asked for its bytes.
    Row(Row),
    /// A statement is over.
    Done {
        tag: String,
    },
    /// There was no statement in the text.
    Empty,
    /// As many rows as Execute asked for were told; there may be more.
    Suspended,
    /// A statement, or a step before it, has failed.
    Failed(ServerMessage),
    Notice(ServerMessage),
    /// What another session has told by NOTIFY.
    Notification {
        from: Pid,
        channel: String,
        payload: String,
    },
    /// A setting has changed that the server reports.
    Parameter {
        name: String,
        value: String,
    },
    /// COPY begins, in either direction.
    Copying,
    /// A message of the client's is answered whole.
    Ready(TransactionStatus),
}
