//! Frames: one tag byte, a length, a body. What passes through the gateway is never decoded, only
//! moved.
//!
//! The same byte means one thing from a client and another from a server (`D` is Describe or a row,
//! `C` Close or a command's end), so the side it came from is part of a frame's type.

mod fields;
mod stream;
mod tag;

use std::io;

use bytes::{BufMut, Bytes, BytesMut};

use super::error::WireError;
pub(crate) use fields::Fields;
pub(crate) use stream::{FrameStream, Hearing, Stream};
pub(crate) use tag::{ClientTag, ServerTag, Tag};

/// The tag and the length.
const HEAD: usize = 5;

/// One whole message, head included, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Frame<T> {
    pub(crate) tag: T,
    bytes: Bytes,
}

/// A message of a client.
pub(crate) type FromClient = Frame<ClientTag>;
/// A message of a server.
pub(crate) type FromServer = Frame<ServerTag>;

impl<T: Tag> Frame<T> {
    /// The first frame of the buffer, when all of it is there.
    pub(crate) fn take(buffer: &mut BytesMut) -> io::Result<Option<Self>> {
        let Some((tag, length)) = Self::head(buffer)? else { return Ok(None) };
        if buffer.len() < length {
            // All of it at once: a row of many megabytes would otherwise be moved each time that
            // the buffer has grown too small for it.
            buffer.reserve(length - buffer.len());
            return Ok(None);
        }
        Ok(Some(Self { tag, bytes: buffer.split_to(length).freeze() }))
    }

    /// What the first frame is and how long, its head included; nothing while its head is not
    /// there. That the first byte begins no message is told without waiting for a second.
    fn head(buffer: &[u8]) -> io::Result<Option<(T, usize)>> {
        let malformed = || io::Error::new(io::ErrorKind::InvalidData, WireError::malformed(buffer));
        let Some(first) = buffer.first() else { return Ok(None) };
        let tag = T::of(*first).ok_or_else(malformed)?;
        let Some(length) = buffer.get(1..).and_then(<[u8]>::first_chunk) else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        // The length counts itself but not the tag, so the least is four (PostgreSQL documentation,
        // 54.1.1).
        let is_possible = (HEAD - 1..=tag.longest()).contains(&length);
        if is_possible { Ok(Some((tag, length + 1))) } else { Err(malformed()) }
    }
}

impl<T> Frame<T> {
    /// The whole message.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What follows the head.
    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[HEAD..]
    }

    /// A part of it, kept without a copy.
    pub(crate) fn part(&self, part: &[u8]) -> Bytes {
        self.bytes.slice_ref(part)
    }

    /// The same message with another body.
    pub(crate) fn with_body(&self, body: &[u8]) -> Self
    where
        T: Copy,
    {
        let mut out = BytesMut::new();
        put(&mut out, self.bytes[0], |out| out.put_slice(body));
        Self { tag: self.tag, bytes: out.freeze() }
    }

    /// The same `ErrorResponse` or `NoticeResponse` with these fields instead of its own.
    pub(crate) fn with_error_fields<V: AsRef<[u8]>>(
        &self,
        fields: impl IntoIterator<Item = (u8, V)>,
    ) -> Self
    where
        T: Copy,
    {
        let mut body = BytesMut::new();
        for (letter, text) in fields {
            body.put_u8(letter);
            body.put_slice(text.as_ref());
            body.put_u8(0);
        }
        body.put_u8(0);
        self.with_body(&body)
    }

    /// A reader over the body.
    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields::of(self.body())
    }
}

#[cfg(test)]
impl<T: Tag> Frame<T> {
    /// A message for tests.
    pub(crate) fn with(tag: u8, body: &[u8]) -> Self {
        let mut bytes = BytesMut::new();
        put(&mut bytes, tag, |out| out.put_slice(body));
        Self { tag: T::of(tag).unwrap(), bytes: bytes.freeze() }
    }
}

/// Appends a message: its tag, its length, then what `body` writes.
pub(crate) fn put(out: &mut BytesMut, tag: u8, body: impl FnOnce(&mut BytesMut)) {
    out.put_u8(tag);
    put_counted(out, body);
}

/// Appends a length and what it counts, itself included.
pub(crate) fn put_counted(out: &mut BytesMut, body: impl FnOnce(&mut BytesMut)) {
    let at = out.len();
    out.put_u32(0);
    body(out);
    // More than `u32` can say is more than any server takes: it reads this as -1, an invalid
    // length, and ends the session. A length cut off would have it read data as messages.
    let length = u32::try_from(out.len() - at).unwrap_or(u32::MAX);
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

/// Appends a string and its zero byte.
pub(crate) fn put_text(out: &mut BytesMut, text: &str) {
    out.put_slice(text.as_bytes());
    out.put_u8(0);
}
