//! Pass-through: the client and the server speak with each other, from the start-up packet on, and nothing is changed.
//!
//! ```text
//!  client ──start-up packet──▶ server       as it came
//!         ◀─frames, whole────              up to the first ReadyForQuery: a password may be asked for that the gateway has
//!         ◀─bytes───────────▶              from then on, unread
//! ```
//!
//! Unread, but for the lengths of the server's messages: when the gateway ends, its last words may not stand within another message.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BufMut;
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, copy_bidirectional_with_sizes,
};

use super::common::Common;
use super::door::turn_away;
use super::packet::StartUp;
use super::refusal::Refusal;
use crate::wire::frame::{ClientTag, Line, ServerTag, Stream};
use crate::wire::{Canceller, Entrance, lets_in};

const BUFFER: usize = 32 * 1024;

/// How long the gateway's end may take: a client that does not read what it is told, a server that does not hear.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

/// How often a server is told again to give up a statement: a request between two statements cancels nothing.
const INSISTENCE: Duration = Duration::from_millis(100);

/// What the client has been asked already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Nothing,
    /// For a password of the gateway's file.
    ByGateway,
}

/// Who answers when the server asks for a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prover {
    Gateway,
    Client,
}

/// Hands on a packet that begins no session, and what the server answers to it.
pub(super) async fn refer(
    mut stream: Box<dyn Stream>,
    common: &Common,
    packet: &[u8],
) -> io::Result<()> {
    match common.enter_server(packet, b"").await {
        Err(error) => turn_away(Line::new(stream, bytes::BytesMut::new()), &error).await,
        Ok(mut server) => loop {
            let bytes = server.bytes().await?;
            if bytes.is_empty() {
                break stream.shutdown().await;
            }
            stream.write_all(&bytes).await?;
        },
    }
}

/// Connects a client with the server for as long as both want.
pub(super) async fn pass_through(
    mut client: Line<ClientTag>,
    common: &Common,
    start_up: &StartUp,
    asked: Asked,
) -> io::Result<()> {
    let mut server = match common.enter_server(&start_up.bytes(), start_up.user()).await {
        Err(error) => return turn_away(client, &error).await,
        Ok(server) => server,
    };
    // Who was asked by the gateway cannot be asked once more.
    let prover = match asked {
        Asked::Nothing if !server.has_password() => Prover::Client,
        Asked::Nothing | Asked::ByGateway => Prover::Gateway,
    };
    if !let_in(&mut client, &mut server, prover).await? {
        return client.close().await;
    }
    let canceller = server.canceller();
    converse(client, server, canceller, common).await
}

/// Up to the first `ReadyForQuery`; whether it came to that.
async fn let_in(
    client: &mut Line<ClientTag>,
    server: &mut Entrance,
    prover: Prover,
) -> io::Result<bool> {
    loop {
        tokio::select! {
            frame = server.next() => {
                let Some(frame) = frame? else { return Ok(false) };
                if frame.tag == ServerTag::Authentication {
                    if prover == Prover::Gateway
                        && let Err(error) = server.prove(&frame).await
                    {
                        Refusal::of_connecting(&error).write_fatal(&mut client.out);
                        return Ok(false);
                    }
                    if prover == Prover::Client || lets_in(&frame) {
                        client.out.put_slice(&server.unbound(&frame));
                    }
                } else {
                    client.pass(&frame);
                }
                if !server.has_frame() {
                    client.flush().await?;
                }
                if frame.tag == ServerTag::Ready {
                    return client.flush().await.map(|()| true);
                }
            }
            bytes = client.bytes(), if prover == Prover::Client => {
                let bytes = bytes?;
                if bytes.is_empty() {
                    return Ok(false);
                }
                server.pass(&bytes).await?;
            }
        }
    }
}

/// Connects the two streams and looks at nothing but lengths.
async fn converse(
    client: Line<ClientTag>,
    server: Entrance,
    canceller: Canceller,
    common: &Common,
) -> io::Result<()> {
    let ((client, said), (mut server, heard)) = (client.into_parts(), server.into_parts());
    let end = End::default();
    let mut client = Measured { stream: client, place: Place::default(), end: &end };
    client.write_all(&heard).await?;
    server.write_all(&said).await?;
    let copied = {
        let copying = copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER);
        let mut copying = std::pin::pin!(copying);
        tokio::select! {
            copied = &mut copying => Some(copied),
            () = common.closing.cancelled() => {
                end.is_wanted.store(true, Ordering::Relaxed);
                if end.is_within.load(Ordering::Relaxed) {
                    // Until the message is over, or longer than anybody waits.
                    tokio::time::timeout(FAREWELL, copying).await.ok();
                }
                None
            }
        }
    };
    match copied {
        Some(copied) => copied.map(drop),
        None => {
            let told = tokio::time::timeout(FAREWELL, client.say_farewell());
            let (told, ()) = tokio::join!(told, take_leave(&mut server, &canceller));
            // Who does not listen is not told.
            told.unwrap_or(Ok(()))
        }
    }
}

/// Has the server give up what it does for a client, and hangs up; over when its process is gone, or does not hear.
pub(super) async fn take_leave(
    server: &mut (impl AsyncRead + AsyncWrite + Unpin),
    canceller: &Canceller,
) {
    tokio::time::timeout(FAREWELL, hang_up(server, canceller)).await.ok();
}

async fn hang_up(server: &mut (impl AsyncRead + AsyncWrite + Unpin), canceller: &Canceller) {
    server.shutdown().await.ok();
    let mut again = tokio::time::interval(INSISTENCE);
    let mut unread = vec![0; BUFFER];
    loop {
        tokio::select! {
            biased;
            read = server.read(&mut unread) => if !matches!(read, Ok(1..)) { return },
            // Nobody may hear it any more, which is what is wanted.
            _ = again.tick() => { canceller.cancel().await.ok(); }
        }
    }
}

/// What the one who ends a conversation and the one who writes to the client tell each other.
#[derive(Default)]
struct End {
    /// The client is to be told no more than the message that has begun.
    is_wanted: AtomicBool,
    /// A message has begun and is not over.
    is_within: AtomicBool,
}

/// How far a stream of messages has come.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// The beginning of a message, up to its length, and how much of it is there.
    head: [u8; HEAD],
    known: usize,
    /// How much of the message's body is missing.
    missing: usize,
}

const HEAD: usize = 5;

impl Place {
    fn is_within(&self) -> bool {
        self.known > 0 || self.missing > 0
    }

    /// How many of so many bytes belong to the part that has begun: the head, or the body.
    fn part(&self, length: usize) -> usize {
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

/// A client's stream that knows whether what was written to it ends with a message.
struct Measured<'a, S> {
    stream: S,
    place: Place,
    end: &'a End,
}

impl<S: AsyncWrite + Unpin> Measured<'_, S> {
    /// Unless a message is left half said.
    async fn say_farewell(&mut self) -> io::Result<()> {
        if !self.place.is_within() {
            let mut out = bytes::BytesMut::new();
            Refusal::terminated().write_fatal(&mut out);
            self.stream.write_all(&out).await?;
        }
        self.stream.shutdown().await
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Measured<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Measured<'_, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let bytes = match (this.end.is_wanted.load(Ordering::Relaxed), this.place.is_within()) {
            (false, _) => bytes,
            (true, true) => &bytes[..this.place.part(bytes.len())],
            (true, false) => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        };
        let written = std::task::ready!(Pin::new(&mut this.stream).poll_write(cx, bytes))?;
        this.place.advance(&bytes[..written]);
        this.end.is_within.store(this.place.is_within(), Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{put, put_text};

    #[tokio::test]
    async fn the_last_words_come_after_the_message_that_has_begun() {
        let mut said = bytes::BytesMut::new();
        put(&mut said, b'D', |out| put_text(out, "a row of some length"));
        put(&mut said, b'n', |_| {});
        put(&mut said, b'C', |out| put_text(out, "SELECT 1"));
        let ends = [0, 26, 31, said.len()];
        for cut in 0..=said.len() {
            let (ours, mut theirs) = tokio::io::duplex(1024);
            let end = End::default();
            let mut client = Measured { stream: ours, place: Place::default(), end: &end };
            client.write_all(&said[..cut]).await.unwrap();
            end.is_wanted.store(true, Ordering::Relaxed);
            let rest = client.write_all(&said[cut..]).await;
            assert_eq!(rest.is_ok(), cut == said.len() || cut > 31, "{cut}");
            client.say_farewell().await.unwrap();
            let mut heard = Vec::new();
            theirs.read_to_end(&mut heard).await.unwrap();
            let end = ends.into_iter().find(|end| *end >= cut).unwrap();
            assert!(heard.starts_with(&said[..end]) && heard[end..].starts_with(b"E"), "{cut}");
        }
    }
}
