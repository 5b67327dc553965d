//! What the server says in its messages, byte for byte, and what libpq says where there are none
//! any more.

use std::io;

use super::Notification;
use crate::core::event::octets::keep;
use crate::core::event::{Column, Pid, Row};
use crate::pg::frame::{Fields, FromServer};

/// What libpq says when the server hangs up.
pub(super) const HUNG_UP: &str = "server closed the connection unexpectedly\n\
    \tThis probably means the server terminated abnormally\n\
    \tbefore or while processing the request.\n";

/// Why nothing can be read any more (PostgreSQL sources, `pqsecure_raw_read`).
pub(super) fn in_the_words_of_libpq(error: &io::Error) -> String {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    if matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof) {
        return HUNG_UP.to_owned();
    }
    let text = error.to_string();
    let text = text.split(" (os error ").next().unwrap_or_default();
    format!("could not receive data from server: {text}\n")
}

pub(super) fn notification(frame: &FromServer) -> Option<Notification> {
    let mut fields = frame.fields();
    let from = Pid(fields.long()?);
    let (channel, payload) = (keep(&fields.string()?), keep(&fields.string()?));
    Some(Notification { channel, payload, from })
}

/// The columns of a `RowDescription` (PostgreSQL documentation, 55.7): after each name 18 bytes, of
/// which the type's are the third field.
pub(super) fn columns(fields: &mut Fields) -> Option<Vec<Column>> {
    let count = fields.short()?;
    let column = |_| {
        let name = keep(&fields.string()?);
        let _table_and_place = fields.bytes(6)?;
        let type_oid = fields.long()?.cast_unsigned();
        let _size_modifier_and_format = fields.bytes(8)?;
        Some(Column { name, type_oid })
    };
    (0..count).map(column).collect()
}

pub(super) fn row(fields: &mut Fields) -> Option<Row> {
    let count = fields.short()?;
    (0..count).map(|_| Some(fields.value_bytes()?.map(|bytes| keep(&bytes)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_connection_is_a_closed_one() {
        let reset = io::Error::from_raw_os_error(rustix::io::Errno::CONNRESET.raw_os_error());
        assert_eq!(in_the_words_of_libpq(&reset), HUNG_UP);
        let other = io::Error::from_raw_os_error(rustix::io::Errno::TIMEDOUT.raw_os_error());
        let expected = "could not receive data from server: Connection timed out\n";
        assert_eq!(in_the_words_of_libpq(&other), expected);
    }
}
