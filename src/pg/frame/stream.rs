//! One side's frames over a byte stream.

use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::tag::Tag;
use super::{Frame, HEAD};

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

/// Why no more is kept of what the other side says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hearing {
    /// It has said everything, or its connection is broken.
    Ended,
    Full,
}

/// How much may come with one read.
const ROOM: usize = 8 * 1024;

/// How much is gathered before it is written while results stream.
const FULL: usize = 32 * 1024;

impl<T: Tag, S: Stream> FrameStream<T, S> {
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
            self.read.reserve(ROOM);
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Whatever has been read beyond the last frame, or what comes next, for who passes it on
    /// unread; empty at the end. Dropping the future loses nothing.
    pub(crate) async fn bytes(&mut self) -> io::Result<BytesMut> {
        if self.read.is_empty() {
            self.read.reserve(ROOM);
            self.stream.read_buf(&mut self.read).await?;
        }
        Ok(self.read.split())
    }

    /// Sends what is queued, unless there is a further frame to answer first, and takes the next
    /// frame. Dropping the future loses nothing.
    pub(crate) async fn exchange(&mut self) -> io::Result<Option<Frame<T>>> {
        // Who sends a batch of frames gets the answers in one write; but a sender that never pauses
        // must not make the queue grow without end.
        if !self.has_frame() || self.is_full() {
            self.flush().await?;
        }
        self.next().await
    }

    /// Whether all of a further frame is here already.
    pub(crate) fn has_frame(&self) -> bool {
        let length = self.read.get(1..HEAD).and_then(|length| length.try_into().ok());
        let length = length.map(|length| u32::from_be_bytes(length) as usize);
        // Greater, not equal: the length leaves out the tag's byte.
        length.is_some_and(|length| self.read.len() > length)
    }

    /// What the next frame begins with, once that is here.
    pub(crate) fn next_byte(&self) -> Option<u8> {
        self.read.first().copied()
    }

    /// Keeps what the other side says for [`next`](Self::next) until there is `most` of it, or
    /// until the other side has said everything. Dropping the future loses nothing.
    pub(crate) async fn hear(&mut self, most: usize) -> Hearing {
        while self.read.len() < most {
            self.read.reserve(ROOM);
            if !matches!(self.stream.read_buf(&mut self.read).await, Ok(1..)) {
                return Hearing::Ended;
            }
        }
        Hearing::Full
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
            // Writing first: only while the other side takes nothing is there a reason to read.
            // Where both wait, both wake this task.
            if let Poll::Ready(written) = self.poll_write(cx) {
                return Poll::Ready(written);
            }
            if ready!(self.poll_read(cx))? == 0 {
                // Whoever has stopped sending in the middle of a batch is taken to be gone: nobody
                // would take the rest.
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    /// Writes what the socket takes at once. Neither that it takes no more nor that it is broken is
    /// told from here: the rest goes out with [`poll_next_writing`](Self::poll_next_writing), and
    /// the other side's last words may still lie in the other direction.
    pub(crate) fn poll_push(&mut self, cx: &mut Context<'_>) {
        let _untold = self.poll_write(cx);
    }

    /// The next frame, or `None` at the stream's end, while what is queued goes out: so neither
    /// side ever stands still for the other.
    pub(crate) fn poll_next_writing(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Frame<T>>>> {
        self.poll_push(cx);
        loop {
            if let Some(frame) = Frame::take(&mut self.read)? {
                return Poll::Ready(Ok(Some(frame)));
            }
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(Ok(None));
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.read.reserve(ROOM);
        // A future made anew for each poll: `read_buf` keeps nothing between two polls, so dropping
        // one that waits loses no byte.
        pin!(self.stream.read_buf(&mut self.read)).poll(cx)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.out))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(written);
        }
        // That `out` is empty does not mean that it is sent: TLS may keep the last record.
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Whether what is queued is worth a write.
    pub(crate) fn is_full(&self) -> bool {
        self.out.len() >= FULL
    }

    /// The stream under the frames.
    pub(crate) fn get_ref(&self) -> &S {
        &self.stream
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

impl<T, S> fmt::Debug for FrameStream<T, S> {
    /// Without the bytes, which may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (read, queued) = (self.read.len(), self.out.len());
        f.debug_struct("FrameStream")
            .field("read", &read)
            .field("queued", &queued)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ClientTag, put, put_text};
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
