//! Messages of the extended protocol as the gateway writes and reads its own.

use bytes::{BufMut, BytesMut};

use super::question::AnswerRow;
use crate::pg::frame::{FromServer, put, put_text};

/// No types of parameters: what follows the text of a Parse.
pub(super) const NO_TYPES: &[u8] = &[0, 0];

/// Writes a Parse, with what follows its text.
pub(crate) fn put_parse(out: &mut BytesMut, name: &str, sql: &str, types: &[u8]) {
    put(out, b'P', |out| {
        put_text(out, name);
        put_text(out, sql);
        out.put_slice(types);
    });
}

/// An error without places in a text that no client has written.
pub(super) fn without_place(frame: &FromServer) -> FromServer {
    let mut told = Vec::new();
    let mut fields = frame.fields();
    while let Some(letter) = fields.byte().filter(|letter| *letter != 0) {
        let text = fields.text().unwrap_or_default();
        if !matches!(letter, b'P' | b'p' | b'q') {
            told.push((letter, text));
        }
    }
    frame.with_error_fields(&told)
}

pub(super) fn put_parameters(out: &mut BytesMut, parameters: &[Option<String>]) {
    out.put_u16(u16::try_from(parameters.len()).unwrap_or(u16::MAX));
    for parameter in parameters {
        match parameter {
            None => out.put_i32(-1),
            Some(text) => {
                out.put_i32(i32::try_from(text.len()).unwrap_or(i32::MAX));
                out.put_slice(text.as_bytes());
            }
        }
    }
}

/// The values of a row, where all of them are text.
pub(super) fn values(frame: &FromServer) -> Option<AnswerRow> {
    let mut fields = frame.fields();
    (0..fields.short()?).map(|_| fields.value()).collect()
}
