//! The client's text: UTF-8, or refused as PostgreSQL refuses it. No byte of a statement is ever
//! replaced.
//!
//! The gateway finds names in statements, so it must be able to read them; and what it sends on
//! instead of them it writes in UTF-8. Values of parameters and the lines of a COPY pass it unread,
//! and are for the server to judge.

use super::Protocol;
use crate::gateway::backend::BackendError;
use crate::gateway::refusal::Refusal;
use crate::pg::frame::Fields;

/// The next string of a client's message.
pub(super) fn text(fields: &mut Fields) -> Result<String, Refusal> {
    let bytes = fields.string().ok_or_else(|| Refusal::protocol("malformed message"))?;
    String::from_utf8(bytes.into()).map_err(|error| {
        let invalid = &error.as_bytes()[error.utf8_error().valid_up_to()..];
        Refusal::invalid_bytes(&told(invalid))
    })
}

/// The bytes of a character that is none, as `report_invalid_encoding` prints them: as many as its
/// first byte announces.
fn told(invalid: &[u8]) -> String {
    let announced = match invalid.first() {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => 1,
    };
    let bytes = invalid.iter().take(announced).map(|byte| format!("{byte:#04x}"));
    bytes.collect::<Vec<_>>().join(" ")
}

impl Protocol {
    /// Refuses a statement that has changed the encoding to one in which the gateway cannot read.
    /// In a transaction the rollback that an error brings takes the change back.
    pub(super) async fn check_encoding(&mut self) -> Result<(), BackendError> {
        let Some(refusal) = self.unreadable() else { return Ok(()) };
        if self.transaction.is_idle() {
            self.backend.restore_encoding().await?;
        }
        Err(refusal.into())
    }

    /// Why nothing more of the client's can be read, if that is so.
    pub(super) fn unreadable(&self) -> Option<Refusal> {
        self.backend.parameters().unreadable_encoding().map(Refusal::encoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_bytes_are_told_as_the_first_announces() {
        for (bytes, expected) in [
            (&b"\xe9'"[..], "0xe9 0x27"),
            (b"\xe9') x", "0xe9 0x27 0x29"),
            (b"\xc3(x", "0xc3 0x28"),
            (b"\xf0\x9f\x98", "0xf0 0x9f 0x98"),
            (b"\xff\xff", "0xff"),
            (b"\x80abc", "0x80"),
        ] {
            assert_eq!(told(bytes), expected);
        }
    }
}
