//! Pass-through: the client and the server speak with each other, from the start-up packet on, and
//! nothing is changed.
//!
//! ```text
//!  client ──start-up packet──▶ server       as it came
//!         ◀─frames, whole────              up to the first ReadyForQuery: a password may be asked for that the gateway has
//!         ◀─bytes───────────▶              from then on, unread
//! ```
//!
//! Unread, but for the lengths of the server's messages: when the gateway ends, its last words may
//! not stand within another message.

use std::io;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::gateway::conversation::{BUFFER, Conversation, FramePosition};
use crate::gateway::protocol::handshake::{turn_away, turn_out};
use crate::gateway::protocol::packet::StartUp;
use crate::gateway::refusal::Refusal;
use crate::gateway::shared::Shared;
use crate::pg::frame::{ClientTag, FrameStream, ServerTag, Stream};
use crate::pg::{Canceller, Entrance, lets_in};

/// How long the gateway's end may take: a client that does not read what it is told, a server that
/// does not hear.
pub(crate) const FAREWELL: Duration = Duration::from_secs(2);

/// How often a server is told again to give up a statement: a request between two statements
/// cancels nothing.
const INSISTENCE: Duration = Duration::from_millis(100);

/// What the client has been asked already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
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
pub(crate) async fn refer(
    stream: Box<dyn Stream>,
    common: &Shared,
    packet: &[u8],
) -> io::Result<()> {
    match common.enter_server(packet, b"").await {
        Err(error) => turn_away(FrameStream::new(stream, BytesMut::new()), &error).await,
        Ok(server) => hand_on(stream, server, &[]).await,
    }
}

/// Hands on a request for encryption that has been answered before, to where it has been answered
/// before: what is wrong with it, the server knows, and which versions it speaks.
pub(crate) async fn refer_again(
    stream: Box<dyn Stream>,
    common: &Shared,
    code: u32,
) -> io::Result<()> {
    let packet = [8, code].map(u32::to_be_bytes).concat();
    let mut server = match common.enter_server(&packet, b"").await {
        Err(error) => return turn_away(FrameStream::new(stream, BytesMut::new()), &error).await,
        Ok(server) => server,
    };
    let first = server.bytes().await?;
    match &first[..] {
        b"N" => {
            server.pass(&packet).await?;
            hand_on(stream, server, &[]).await
        }
        // Where it encrypts, what is asked for again would have to be asked within.
        b"S" | b"G" => turn_out(stream, &Refusal::version(code, "3.0")).await,
        // It was asked on the way there.
        refused => hand_on(stream, server, refused).await,
    }
}

/// Hands on what the server says until it hangs up, some of which has been read.
async fn hand_on(mut stream: Box<dyn Stream>, mut server: Entrance, read: &[u8]) -> io::Result<()> {
    stream.write_all(read).await?;
    loop {
        let bytes = server.bytes().await?;
        if bytes.is_empty() {
            return stream.shutdown().await;
        }
        stream.write_all(&bytes).await?;
    }
}

/// Connects a client with the server for as long as both want.
pub(crate) async fn pass_through(
    mut client: FrameStream<ClientTag>,
    common: &Shared,
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
    client: &mut FrameStream<ClientTag>,
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

/// Connects the two streams until both are over or the gateway ends.
async fn converse(
    client: FrameStream<ClientTag>,
    server: Entrance,
    canceller: Canceller,
    common: &Shared,
) -> io::Result<()> {
    let mut conversation = Conversation::new(client.into_parts(), server.into_parts());
    tokio::select! {
        over = conversation.run() => return over,
        () = common.closing.cancelled() => {}
    }
    // Until the message is over, or longer than anybody waits.
    tokio::time::timeout(FAREWELL, conversation.finish_message()).await.ok();
    let Conversation { mut client, mut server, place, .. } = conversation;
    let told = tokio::time::timeout(FAREWELL, say_farewell(&mut client, place));
    let (told, ()) = tokio::join!(told, take_leave(&mut server, &canceller));
    // Who does not listen is not told.
    told.unwrap_or(Ok(()))
}

/// Unless a message is left half said.
async fn say_farewell(
    client: &mut (impl AsyncWrite + Unpin),
    place: FramePosition,
) -> io::Result<()> {
    if !place.is_within() {
        let mut out = BytesMut::new();
        Refusal::terminated().write_fatal(&mut out);
        client.write_all(&out).await?;
    }
    client.shutdown().await
}

/// Has the server give up what it does for a client, and hangs up; over when its process is gone,
/// or does not hear.
pub(crate) async fn take_leave(
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
