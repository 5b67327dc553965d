//! What a client is told of an answer to a question that it has not asked.

use super::OWN;
use crate::pg::frame::FromServer;
use crate::pg::message::{ErrorFields, Message as _};

/// An error without places in a text that no client has written, or a portal that none has bound.
pub(super) fn without_place(frame: &FromServer) -> FromServer {
    let Ok(fields) = ErrorFields::read(frame) else { return frame.clone() };
    let ours = [format!("portal \"{OWN}"), "unnamed portal".to_owned()];
    let is_of_ours = |text: &[u8]| ours.iter().any(|portal| text.starts_with(portal.as_bytes()));
    let is_place = |(letter, text): &(u8, &[u8])| {
        b"Ppq".contains(letter) || (*letter == b'W' && is_of_ours(text))
    };
    frame.with_error_fields(fields.iter().filter(|field| !is_place(field)))
}
