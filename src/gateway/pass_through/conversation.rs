//! What a client and a server say to each other, moved unread in both directions, but for the
//! lengths of the server's messages: where one ends, the gateway's own last words may stand.
//!
//! The directions take turns, a buffer each. Somebody who writes without end would otherwise keep
//! the other's answer from coming through: a driver that sends a large batch learns of an error in
//! its first row only when the rest has been sent.

use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// How much is read at once.
pub(super) const BUFFER: usize = 32 * 1024;

/// After how many turns others get theirs.
const TURNS: usize = 64;

/// Two streams, and what is on its way between them.
pub(super) struct Conversation<C, S> {
    pub(super) client: C,
    pub(super) server: S,
    up: Flow,
    down: Flow,
    /// How far what the client has been told has come.
    pub(super) place: FramePosition,
}

impl<C, S> Conversation<C, S>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Between two, of each of whom something may have been read already.
    pub(super) fn new((client, said): (C, BytesMut), (server, answered): (S, BytesMut)) -> Self {
        let (up, down) = (Flow::beginning_with(&said), Flow::beginning_with(&answered));
        Self { client, server, up, down, place: FramePosition::default() }
    }

    /// Until both have said everything. Dropping the future loses nothing.
    pub(super) async fn run(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_run(cx)).await
    }

    fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        for _ in 0..TURNS {
            let up = self.up.poll_step(cx, &mut self.client, &mut self.server, |_| {});
            let place = &mut self.place;
            let told = |bytes: &[u8]| place.advance(bytes);
            let down = self.down.poll_step(cx, &mut self.server, &mut self.client, told);
            // Both directions take a step before the error of either counts: where the server has
            // hung up, writing to it fails while its last words are still to be read.
            match (up?, down?) {
                (Poll::Ready(Step::Over), Poll::Ready(Step::Over)) => return Poll::Ready(Ok(())),
                (Poll::Ready(Step::Moved), _) | (_, Poll::Ready(Step::Moved)) => {}
                _ => return Poll::Pending,
            }
        }
        // More can be moved at once, so no stream would wake this task.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Tells the client the rest of a message that has begun, and nothing more.
    pub(super) async fn finish_message(&mut self) -> io::Result<()> {
        let down = &mut self.down;
        while self.place.is_within() {
            if down.unwritten.is_empty() {
                down.unwritten = 0..self.server.read(&mut down.buffer).await?;
            }
            if down.unwritten.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let length = self.place.part(down.unwritten.len());
            let part = &down.buffer[down.unwritten.clone()][..length];
            // One write at a time, and each is noted: the caller gives up after a while, and must
            // then know whether the client is within a message.
            let written = self.client.write(part).await?;
            self.place.advance(&part[..written]);
            down.unwritten.start += written;
        }
        Ok(())
    }
}

struct Flow {
    buffer: Box<[u8]>,
    unwritten: Range<usize>,
    stage: ConversationStage,
    needs_flush: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ConversationStage {
    Open,
    /// The one side has said everything; the other has not been told.
    Ending,
    Over,
}

/// What came of a turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Moved,
    Over,
}

impl Flow {
    fn beginning_with(read: &[u8]) -> Self {
        let mut buffer = vec![0; BUFFER.max(read.len())].into_boxed_slice();
        buffer[..read.len()].copy_from_slice(read);
        Self {
            buffer,
            unwritten: 0..read.len(),
            stage: ConversationStage::Open,
            needs_flush: false,
        }
    }

    /// Reads once, if there is nothing to write, and writes once.
    fn poll_step(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        mut told: impl FnMut(&[u8]),
    ) -> Poll<io::Result<Step>> {
        if self.stage == ConversationStage::Open && self.unwritten.is_empty() {
            ready!(self.poll_read(cx, from, to))?;
        }
        match self.stage {
            ConversationStage::Open => {
                let bytes = &self.buffer[self.unwritten.clone()];
                let written = ready!(Pin::new(to).poll_write(cx, bytes))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                told(&bytes[..written]);
                self.unwritten.start += written;
                self.needs_flush = true;
            }
            ConversationStage::Ending => {
                // This ends one direction alone: a client that says nothing more may still wait for
                // answers.
                ready!(Pin::new(to).poll_shutdown(cx))?;
                self.stage = ConversationStage::Over;
            }
            ConversationStage::Over => return Poll::Ready(Ok(Step::Over)),
        }
        Poll::Ready(Ok(Step::Moved))
    }

    /// What was written must be on its way before more is waited for.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        let mut space = ReadBuf::new(&mut self.buffer);
        match Pin::new(from).poll_read(cx, &mut space) {
            Poll::Ready(read) => read?,
            Poll::Pending => {
                if self.needs_flush && Pin::new(to).poll_flush(cx)?.is_ready() {
                    self.needs_flush = false;
                }
                return Poll::Pending;
            }
        }
        self.unwritten = 0..space.filled().len();
        if self.unwritten.is_empty() {
            self.stage = ConversationStage::Ending;
        }
        Poll::Ready(Ok(()))
    }
}

/// How far a stream of messages has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FramePosition {
    /// The beginning of a message, up to its length, and how much of it is there.
    head: [u8; HEAD],
    known: usize,
    /// How much of the message's body is missing.
    missing: usize,
}

const HEAD: usize = 5;

impl FramePosition {
    /// Whether a message has begun and is not over.
    pub(super) fn is_within(self) -> bool {
        self.known > 0 || self.missing > 0
    }

    /// How many of so many bytes belong to the part that has begun: the head, or the body.
    fn part(self, length: usize) -> usize {
        length.min(if self.missing > 0 { self.missing } else { HEAD - self.known })
    }

    fn advance(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (part, rest) = bytes.split_at(self.part(bytes.len()));
            bytes = rest;
            if self.missing > 0 {
                self.missing -= part.len();
                continue;
            }
            self.head[self.known..self.known + part.len()].copy_from_slice(part);
            self.known += part.len();
            if self.known == HEAD {
                let [_, length @ ..] = self.head;
                // The length counts itself.
                self.missing = (u32::from_be_bytes(length) as usize).saturating_sub(4);
                self.known = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::frame::{put, put_text};
    use tokio::io::{DuplexStream, duplex};

    fn between(
        client: DuplexStream,
        server: DuplexStream,
    ) -> Conversation<DuplexStream, DuplexStream> {
        Conversation::new((client, BytesMut::new()), (server, BytesMut::new()))
    }

    #[tokio::test]
    async fn a_message_that_has_begun_is_finished_and_none_is_begun() {
        let mut said = BytesMut::new();
        put(&mut said, b'D', |out| put_text(out, "a row of some length"));
        put(&mut said, b'n', |_| {});
        put(&mut said, b'C', |out| put_text(out, "SELECT 1"));
        let ends = [0, 26, 31, said.len()];
        for cut in 0..=said.len() {
            let ((ours, mut client), (theirs, mut server)) = (duplex(1024), duplex(1024));
            let mut conversation = between(ours, theirs);
            server.write_all(&said[..cut]).await.unwrap();
            let mut heard = vec![0; cut];
            tokio::select! {
                over = conversation.run() => panic!("over: {over:?}"),
                read = client.read_exact(&mut heard) => drop(read.unwrap()),
            }
            server.write_all(&said[cut..]).await.unwrap();
            conversation.finish_message().await.unwrap();
            drop(conversation);
            client.read_to_end(&mut heard).await.unwrap();
            let end = ends.into_iter().find(|end| *end >= cut).unwrap();
            assert_eq!(heard, said[..end], "{cut}");
        }
    }

    #[tokio::test]
    async fn either_side_may_end_first_and_everything_arrives() {
        for size in [0, 1, BUFFER, 3 * BUFFER + 7] {
            let ((ours, client), (theirs, server)) = (duplex(100), duplex(1000));
            let mut conversation = Conversation::new(
                (ours, BytesMut::from(&b"said before"[..])),
                (theirs, BytesMut::from(&b"answered before"[..])),
            );
            let speak = async |mut stream: DuplexStream| {
                let (mut reader, mut writer) = tokio::io::split(&mut stream);
                let (bytes, mut heard) = (vec![7; size], Vec::new());
                let say = async {
                    writer.write_all(&bytes).await.unwrap();
                    writer.shutdown().await.unwrap();
                };
                tokio::join!(say, async { reader.read_to_end(&mut heard).await.unwrap() });
                heard
            };
            let (over, by_client, by_server) =
                tokio::join!(conversation.run(), speak(client), speak(server));
            over.unwrap();
            assert_eq!(by_client, [&b"answered before"[..], &vec![7; size]].concat());
            assert_eq!(by_server, [&b"said before"[..], &vec![7; size]].concat());
        }
    }

    /// Says something without end and listens.
    struct Endless(DuplexStream);

    impl AsyncRead for Endless {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            buffer.put_slice(&vec![1; buffer.remaining()]);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Endless {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.0).poll_write(cx, bytes)
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Takes everything, and says what it has to say.
    struct Patient(DuplexStream);

    impl AsyncRead for Patient {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(cx, buffer)
        }
    }

    impl AsyncWrite for Patient {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn who_speaks_without_end_is_answered_nevertheless() {
        let ((ours, mut client), (theirs, mut server)) = (duplex(1024), duplex(1024));
        let mut conversation =
            Conversation::new((Endless(ours), BytesMut::new()), (Patient(theirs), BytesMut::new()));
        server.write_all(b"an answer").await.unwrap();
        let mut heard = [0; 9];
        tokio::select! {
            over = conversation.run() => panic!("over: {over:?}"),
            read = client.read_exact(&mut heard) => drop(read.unwrap()),
        }
        assert_eq!(&heard, b"an answer");
    }
}
