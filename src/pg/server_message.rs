//! The fields of an error or a notice, by their protocol letters (PostgreSQL documentation, 54.8).

use super::frame::FromServer;
use crate::core::event::{ServerMessage, octets};

impl From<&FromServer> for ServerMessage {
    /// Of an `ErrorResponse` or a `NoticeResponse`.
    fn from(frame: &FromServer) -> Self {
        Self::from_frame(frame, octets::keep)
    }
}

impl ServerMessage {
    /// Of an `ErrorResponse` or a `NoticeResponse`, whose bytes `read` makes into text.
    pub(crate) fn from_frame(frame: &FromServer, read: impl Fn(&[u8]) -> String) -> Self {
        let mut message = Self::default();
        let mut fields = frame.fields();
        while let Some(letter) = fields.byte().filter(|letter| *letter != 0) {
            message.set(letter, &read(&fields.string().unwrap_or_default()));
        }
        message
    }

    /// Sorts the fields of an `ErrorResponse` or a `NoticeResponse`. Of the two severities the
    /// untranslated one (`V`, PostgreSQL 9.6 and later) is kept.
    pub(crate) fn from_fields(fields: &[(u8, String)]) -> Self {
        let mut message = Self::default();
        for (letter, text) in fields {
            message.set(*letter, text);
        }
        message
    }

    /// An error that never reached a server, because we know already what would come of it.
    pub(crate) fn ours(code: &str, message: &str) -> Self {
        Self {
            severity: "ERROR".to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
            ..Self::default()
        }
    }

    fn set(&mut self, letter: u8, text: &str) {
        let text = text.to_owned();
        match letter {
            b'V' => self.severity = text,
            b'S' if self.severity.is_empty() => self.severity = text,
            b'S' => {}
            b'C' => self.code = text,
            b'M' => self.message = text,
            b'D' => self.detail = Some(text),
            b'H' => self.hint = Some(text),
            b'W' => self.context = Some(text),
            b'P' => self.position = text.parse().ok(),
            other => self.more.push((char::from(other), text)),
        }
    }
}
