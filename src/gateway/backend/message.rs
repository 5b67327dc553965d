//! What a client is told of an answer to a question that it has not asked.

use crate::pg::frame::FromServer;
use crate::pg::message::{ErrorFields, Message as _};

/// An error without places in a text that no client has written.
pub(super) fn without_place(frame: &FromServer) -> FromServer {
    let Ok(fields) = ErrorFields::read(frame) else { return frame.clone() };
    frame.with_error_fields(fields.iter().filter(|(letter, _)| !b"Ppq".contains(letter)))
}
