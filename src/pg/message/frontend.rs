//! What is said to a server, written behind whatever else is queued.

use bytes::{BufMut, BytesMut};

use crate::pg::frame::{put, put_counted, put_text};

/// Protocol 3.0, which every server of today speaks.
const VERSION: u32 = 3 << 16;

// 1234 in the upper half, where a version has its major number, and 5679 and 5678 in the lower one
// (pqcomm.h): no version will ever be mistaken for them.

/// What stands in the place of a version where TLS is asked for.
pub(crate) const SSL_REQUEST: u32 = 80_877_103;

/// What stands in the place of a version where a statement is to be cancelled.
pub(crate) const CANCEL_REQUEST: u32 = 80_877_102;

/// The parameters' types are the server's to find out: what follows the text of a [`put_parse`].
pub(crate) const NO_TYPES: &[u8] = &[0, 0];

/// The first packet of a session.
pub(crate) fn put_startup<'a>(
    out: &mut BytesMut,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    put_untagged(out, VERSION, |out| {
        for (name, value) in parameters {
            put_text(out, name);
            put_text(out, value);
        }
        out.put_u8(0);
    });
}

/// The first packet where TLS is wanted.
pub(crate) fn put_ssl_request(out: &mut BytesMut) {
    put_untagged(out, SSL_REQUEST, |_| {});
}

/// The only packet of a connection that cancels what runs on another.
pub(crate) fn put_cancel_request(out: &mut BytesMut, pid: i32, secret: &[u8]) {
    put_untagged(out, CANCEL_REQUEST, |out| {
        out.put_i32(pid);
        out.put_slice(secret);
    });
}

/// What comes first has no tag, for the sake of servers from before protocol 3.
fn put_untagged(out: &mut BytesMut, code: u32, body: impl FnOnce(&mut BytesMut)) {
    put_counted(out, |out| {
        out.put_u32(code);
        body(out);
    });
}

/// A password, clear or hashed.
pub(crate) fn put_password(out: &mut BytesMut, password: &str) {
    put(out, b'p', |out| put_text(out, password));
}

/// The beginning of a SASL exchange by this mechanism.
pub(crate) fn put_sasl_initial(out: &mut BytesMut, mechanism: &str, data: &[u8]) {
    put(out, b'p', |out| {
        put_text(out, mechanism);
        out.put_u32(u32::try_from(data.len()).unwrap_or(u32::MAX));
        out.put_slice(data);
    });
}

/// A further part of a SASL exchange.
pub(crate) fn put_sasl(out: &mut BytesMut, data: &[u8]) {
    put(out, b'p', |out| out.put_slice(data));
}

/// A text, perhaps of several statements.
pub(crate) fn put_query(out: &mut BytesMut, sql: &str) {
    put(out, b'Q', |out| put_text(out, sql));
}

/// A statement to be prepared, with what follows its text: how many of its parameters have which
/// types.
pub(crate) fn put_parse(out: &mut BytesMut, name: &str, sql: &str, types: &[u8]) {
    put(out, b'P', |out| {
        put_text(out, name);
        put_text(out, sql);
        out.put_slice(types);
    });
}

/// How values are written, ours and the server's (PostgreSQL documentation, 54.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    /// In the server's own form.
    Binary,
}

/// A portal of a prepared statement with these values.
pub(crate) fn put_bind<V: AsRef<[u8]>>(
    out: &mut BytesMut,
    portal: &str,
    statement: &str,
    format: Format,
    values: impl ExactSizeIterator<Item = Option<V>>,
) {
    put(out, b'B', |out| {
        put_text(out, portal);
        put_text(out, statement);
        put_format(out, format);
        put_values(out, values);
        put_format(out, format);
    });
}

/// The same, each value with whether it is in the server's own form; what is answered is text.
pub(crate) fn put_bind_mixed(
    out: &mut BytesMut,
    portal: &str,
    statement: &str,
    values: &[(Option<&[u8]>, bool)],
) {
    put(out, b'B', |out| {
        put_text(out, portal);
        put_text(out, statement);
        out.put_u16(u16::try_from(values.len()).unwrap_or(u16::MAX));
        for (_, is_binary) in values {
            out.put_u16(u16::from(*is_binary));
        }
        put_values(out, values.iter().map(|(value, _)| *value));
        put_format(out, Format::Text);
    });
}

/// One format for all values, or none, which is text.
fn put_format(out: &mut BytesMut, format: Format) {
    match format {
        Format::Text => out.put_u16(0),
        Format::Binary => {
            out.put_u16(1);
            out.put_u16(1);
        }
    }
}

fn put_values<V: AsRef<[u8]>>(
    out: &mut BytesMut,
    values: impl ExactSizeIterator<Item = Option<V>>,
) {
    out.put_u16(u16::try_from(values.len()).unwrap_or(u16::MAX));
    for value in values {
        match value.as_ref().map(AsRef::as_ref) {
            None => out.put_i32(-1),
            Some(value) => {
                out.put_i32(i32::try_from(value.len()).unwrap_or(i32::MAX));
                out.put_slice(value);
            }
        }
    }
}

/// All rows of a portal.
pub(crate) fn put_execute(out: &mut BytesMut, portal: &str) {
    put(out, b'E', |out| {
        put_text(out, portal);
        out.put_u32(0);
    });
}

/// The end of a portal (`P`) or a prepared statement (`S`).
pub(crate) fn put_close(out: &mut BytesMut, what: u8, name: impl AsRef<[u8]>) {
    put(out, b'C', |out| {
        out.put_u8(what);
        out.put_slice(name.as_ref());
        out.put_u8(0);
    });
}

/// The end of what belongs together: it is answered by `ReadyForQuery`.
pub(crate) fn put_sync(out: &mut BytesMut) {
    put(out, b'S', |_| {});
}

/// Has the server say what it has to say so far.
pub(crate) fn put_flush(out: &mut BytesMut) {
    put(out, b'H', |_| {});
}

/// No data for COPY, and why.
pub(crate) fn put_copy_fail(out: &mut BytesMut, reason: &str) {
    put(out, b'f', |out| put_text(out, reason));
}

pub(crate) fn put_terminate(out: &mut BytesMut) {
    put(out, b'X', |_| {});
}
