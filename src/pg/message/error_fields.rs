//! The fields of an error or a notice, by their protocol letters (PostgreSQL documentation, 54.8).

use super::Message;
use crate::core::event::{ServerMessage, octets};
use crate::pg::frame::Fields;

/// `ErrorResponse` or `NoticeResponse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ErrorFields<'a>(Fields<'a>);

impl<'a> Message<'a> for ErrorFields<'a> {
    /// Up to a zero in the place of a letter.
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        let message = Self(*fields);
        while fields.byte()? != 0 {
            fields.string()?;
        }
        Some(message)
    }
}

impl<'a> ErrorFields<'a> {
    /// The fields with their letters, in their order.
    pub(crate) fn iter(mut self) -> impl Iterator<Item = (u8, &'a [u8])> {
        std::iter::from_fn(move || {
            let letter = self.0.byte().filter(|letter| *letter != 0)?;
            Some((letter, self.0.string()?))
        })
    }
}

impl From<ErrorFields<'_>> for ServerMessage {
    /// Bytes of other encodings are kept.
    fn from(fields: ErrorFields<'_>) -> Self {
        let mut message = Self::default();
        for (letter, text) in fields.iter() {
            message.set(letter, octets::keep(text));
        }
        message
    }
}

impl ServerMessage {
    /// An error that never reached a server, because we know already what would come of it.
    pub(crate) fn ours(code: &str, message: &str) -> Self {
        Self {
            severity: "ERROR".to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
            ..Self::default()
        }
    }

    /// Of the two severities the untranslated one (`V`, PostgreSQL 9.6 and later) is kept.
    fn set(&mut self, letter: u8, text: String) {
        match letter {
            b'V' => self.severity = text,
            // `S` is translated by `lc_messages`: an error of a German server is a `FEHLER`.
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
