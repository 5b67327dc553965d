//! Frames: one tag byte, a length, a body. What passes through the gateway is never decoded, only
//! moved.
//!
//! The same byte means one thing from a client and another from a server (`D` is Describe or a row,
//! `C` Close or a command's end), so the side it came from is part of a frame's type.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The tag and the length.
const HEAD: usize = 5;

/// PostgreSQL's own bound for one message (`PQ_LARGE_MESSAGE_LIMIT`).
const LONGEST: usize = 0x3fff_ffff;

/// What a client's frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientTag {
    Query,
    Parse,
    Bind,
    Describe,
    Execute,
    Close,
    Flush,
    Sync,
    CopyData,
    CopyDone,
    CopyFail,
    FunctionCall,
    /// Any answer to an authentication request.
    Password,
    Terminate,
    Unknown(u8),
}

impl From<u8> for ClientTag {
    fn from(byte: u8) -> Self {
        match byte {
            b'Q' => Self::Query,
            b'P' => Self::Parse,
            b'B' => Self::Bind,
            b'D' => Self::Describe,
            b'E' => Self::Execute,
            b'C' => Self::Close,
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'd' => Self::CopyData,
            b'c' => Self::CopyDone,
            b'f' => Self::CopyFail,
            b'F' => Self::FunctionCall,
            b'p' => Self::Password,
            b'X' => Self::Terminate,
            other => Self::Unknown(other),
        }
    }
}

/// What a server's frame is, as far as anybody here must tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerTag {
    Authentication,
    Negotiation,
    Key,
    Row,
    RowDescription,
    ParameterDescription,
    NoData,
    ParseComplete,
    BindComplete,
    CloseComplete,
    CommandComplete,
    EmptyQuery,
    PortalSuspended,
    CopyIn,
    CopyOut,
    CopyData,
    CopyDone,
    Error,
    Notice,
    Notification,
    Parameter,
    Ready,
    Other,
}

impl From<u8> for ServerTag {
    fn from(byte: u8) -> Self {
        match byte {
            b'R' => Self::Authentication,
            b'v' => Self::Negotiation,
            b'K' => Self::Key,
            b'D' => Self::Row,
            b'T' => Self::RowDescription,
            b't' => Self::ParameterDescription,
            b'n' => Self::NoData,
            b'1' => Self::ParseComplete,
            b'2' => Self::BindComplete,
            b'3' => Self::CloseComplete,
            b'C' => Self::CommandComplete,
            b'I' => Self::EmptyQuery,
            b's' => Self::PortalSuspended,
            b'G' => Self::CopyIn,
            b'H' => Self::CopyOut,
            b'd' => Self::CopyData,
            b'c' => Self::CopyDone,
            b'E' => Self::Error,
            b'N' => Self::Notice,
            b'A' => Self::Notification,
            b'S' => Self::Parameter,
            b'Z' => Self::Ready,
            _ => Self::Other,
        }
    }
}

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

impl<T: From<u8>> Frame<T> {
    /// The first frame of the buffer, when all of it is there.
    fn take(buffer: &mut BytesMut) -> io::Result<Option<Self>> {
        if buffer.len() < HEAD {
            return Ok(None);
        }
        let length = u32::from_be_bytes([buffer[1], buffer[2], buffer[3], buffer[4]]) as usize;
        if !(4..=LONGEST).contains(&length) {
            let text = format!("invalid message length {length} for tag {:#04x}", buffer[0]);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        if buffer.len() < length + 1 {
            buffer.reserve(length + 1 - buffer.len());
            return Ok(None);
        }
        let bytes = buffer.split_to(length + 1).freeze();
        Ok(Some(Self { tag: T::from(bytes[0]), bytes }))
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

    /// The same message with another body.
    pub(crate) fn with_body(&self, body: &[u8]) -> Self
    where
        T: Copy,
    {
        let mut out = BytesMut::new();
        put(&mut out, self.bytes[0], |out| out.put_slice(body));
        Self { tag: self.tag, bytes: out.freeze() }
    }

    /// An `ErrorResponse` or a `NoticeResponse` of these fields.
    pub(crate) fn with_error_fields(&self, fields: &[(u8, String)]) -> Self
    where
        T: Copy,
    {
        let mut body = BytesMut::new();
        for (letter, text) in fields {
            body.put_u8(*letter);
            put_text(&mut body, text);
        }
        body.put_u8(0);
        self.with_body(&body)
    }

    /// The same `ErrorResponse` with another value in one of its fields.
    pub(crate) fn with_error_field(&self, letter: u8, value: &str) -> Self
    where
        T: Copy,
    {
        let mut out = BytesMut::new();
        let mut fields = self.fields();
        put(&mut out, self.bytes[0], |out| {
            while let Some(field) = fields.byte().filter(|byte| *byte != 0) {
                let text = fields.string().unwrap_or_default();
                out.put_u8(field);
                out.put_slice(if field == letter { value.as_bytes() } else { &text });
                out.put_u8(0);
            }
            out.put_u8(0);
        });
        Self { tag: self.tag, bytes: out.freeze() }
    }

    /// A reader over the body.
    pub(crate) fn fields(&self) -> Fields {
        Fields(self.bytes.slice(HEAD..))
    }
}

/// Reads a body's fields in order; a body that is too short gives `None`.
#[derive(Debug)]
pub(crate) struct Fields(Bytes);

impl Fields {
    /// A string up to its zero byte, where it is UTF-8.
    pub(crate) fn text(&mut self) -> Option<String> {
        String::from_utf8(self.string()?.into()).ok()
    }

    /// The bytes of a string up to its zero byte.
    pub(crate) fn string(&mut self) -> Option<Bytes> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let bytes = self.0.split_to(end);
        self.0.advance(1);
        Some(bytes)
    }

    /// One byte.
    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.0.has_remaining().then(|| self.0.get_u8())
    }

    /// A 16-bit number.
    pub(crate) fn short(&mut self) -> Option<u16> {
        (self.0.remaining() >= 2).then(|| self.0.get_u16())
    }

    /// A 32-bit number.
    pub(crate) fn long(&mut self) -> Option<i32> {
        (self.0.remaining() >= 4).then(|| self.0.get_i32())
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, length: usize) -> Option<Bytes> {
        (self.0.remaining() >= length).then(|| self.0.split_to(length))
    }

    /// A value of a row as text, where it is UTF-8 (PostgreSQL documentation, 54.7, `DataRow`): the
    /// inner `None` is NULL.
    pub(crate) fn value(&mut self) -> Option<Option<String>> {
        let Some(bytes) = self.value_bytes()? else { return Some(None) };
        String::from_utf8(bytes.into()).ok().map(Some)
    }

    /// The bytes of a value of a row.
    pub(crate) fn value_bytes(&mut self) -> Option<Option<Bytes>> {
        match usize::try_from(self.long()?) {
            Err(_) => Some(None),
            Ok(length) => self.bytes(length).map(Some),
        }
    }

    /// Everything that is left.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.0
    }
}

/// Appends a message: its tag, its length, then what `body` writes.
pub(crate) fn put(out: &mut BytesMut, tag: u8, body: impl FnOnce(&mut BytesMut)) {
    out.put_u8(tag);
    let at = out.len();
    out.put_u32(0);
    body(out);
    let length = u32::try_from(out.len() - at).unwrap_or(u32::MAX);
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

/// Appends a string and its zero byte.
pub(crate) fn put_text(out: &mut BytesMut, text: &str) {
    out.put_slice(text.as_bytes());
    out.put_u8(0);
}

/// A byte stream of either side.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One side's frames over a byte stream, with what is written held back until
/// [`flush`](Self::flush).
pub(crate) struct FrameStream<T, S = Box<dyn Stream>> {
    stream: S,
    read: BytesMut,
    /// What is to be written; public to those who build messages in place.
    pub(crate) out: BytesMut,
    side: std::marker::PhantomData<T>,
}

/// How much is gathered before it is written while results stream.
const FULL: usize = 32 * 1024;

impl<T: From<u8>, S: Stream> FrameStream<T, S> {
    /// Frames over this stream, of which `read` has been read already.
    pub(crate) fn new(stream: S, read: BytesMut) -> Self {
        Self { stream, read, out: BytesMut::new(), side: std::marker::PhantomData }
    }

    /// The next frame, or `None` at the stream's end. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Frame<T>>> {
        loop {
            if let Some(frame) = Frame::take(&mut self.read)? {
                return Ok(Some(frame));
            }
            self.read.reserve(8 * 1024);
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Whatever has been read beyond the last frame, or what comes next, for who passes it on
    /// unread; empty at the end. Dropping the future loses nothing.
    pub(crate) async fn bytes(&mut self) -> io::Result<BytesMut> {
        if self.read.is_empty() {
            self.read.reserve(8 * 1024);
            self.stream.read_buf(&mut self.read).await?;
        }
        Ok(self.read.split())
    }

    /// Sends what is queued, unless there is a further frame to answer first, and takes the next
    /// frame. Dropping the future loses nothing.
    pub(crate) async fn exchange(&mut self) -> io::Result<Option<Frame<T>>> {
        if !self.has_frame() || self.is_full() {
            self.flush().await?;
        }
        self.next().await
    }

    /// Whether all of a further frame is here already.
    pub(crate) fn has_frame(&self) -> bool {
        let length = self.read.get(1..HEAD).and_then(|length| length.try_into().ok());
        let length = length.map(|length| u32::from_be_bytes(length) as usize);
        length.is_some_and(|length| self.read.len() > length)
    }

    /// Queues a frame as it came.
    pub(crate) fn pass<U>(&mut self, frame: &Frame<U>) {
        self.out.put_slice(frame.bytes());
    }

    /// Writes what is queued.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            self.stream.write_all_buf(&mut self.out).await?;
        }
        self.stream.flush().await
    }

    /// Writes what is queued and says goodbye: without `close_notify` the other side of TLS takes
    /// the end for an attack.
    pub(crate) async fn close(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.stream.shutdown().await
    }

    /// Writes what is queued and keeps what the other side says meanwhile for [`next`](Self::next):
    /// somebody who answers before all of a batch has come stops reading once nobody takes the
    /// answers.
    pub(crate) async fn flush_hearing(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_flush_hearing(cx)).await
    }

    fn poll_flush_hearing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if let Poll::Ready(written) = self.poll_write(cx) {
                return Poll::Ready(written);
            }
            self.read.reserve(8 * 1024);
            let read = pin!(self.stream.read_buf(&mut self.read)).poll(cx);
            if ready!(read)? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.out))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(written);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Whether what is queued is worth a write.
    pub(crate) fn is_full(&self) -> bool {
        self.out.len() >= FULL
    }

    /// The stream, for who reads frames no more.
    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream and what was read of it beyond the last frame.
    pub(crate) fn into_parts(self) -> (S, BytesMut) {
        (self.stream, self.read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_survive_any_chunking() {
        let mut sent = BytesMut::new();
        put(&mut sent, b'Q', |out| put_text(out, "select 1"));
        put(&mut sent, b'S', |_| {});
        for chunk in 1..sent.len() {
            let (ours, mut theirs) = tokio::io::duplex(1024);
            let mut line = FrameStream::<ClientTag>::new(Box::new(ours), BytesMut::new());
            let bytes = sent.clone();
            tokio::spawn(async move {
                for part in bytes.chunks(chunk) {
                    theirs.write_all(part).await.unwrap();
                }
            });
            let query = line.next().await.unwrap().unwrap();
            assert_eq!(query.tag, ClientTag::Query);
            assert_eq!(query.fields().text().unwrap(), "select 1");
            assert_eq!(line.next().await.unwrap().unwrap().tag, ClientTag::Sync);
            assert!(line.next().await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn a_length_that_cannot_be_is_an_error() {
        let read = BytesMut::from(&b"Q\0\0\0\x01"[..]);
        let (ours, _theirs) = tokio::io::duplex(16);
        let mut line = FrameStream::<ClientTag>::new(Box::new(ours), read);
        assert!(line.next().await.is_err());
    }
}
