//! Pass-through: the client and the server speak with each other, from the start-up packet on, and
//! nothing is changed.
//!
//! ```text
//!  client ──start-up packet──▶ server       as it came
//!         ◀─frames, whole────     up to the first ReadyForQuery: the gateway may have the password
//!         ◀─bytes───────────▶              from then on, unread
//! ```
//!
//! Unread, but for the lengths of the server's messages: when the gateway ends, its last words may
//! not stand within another message. Where somebody may hold statements, messages are read for
//! them (`observed`), and still none is changed.

mod conversation;
mod observed;

use std::io;
use std::pin::pin;

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::backend::{FAREWELL, take_leave};
use super::context::Context;
use super::guest::Guest;
use super::mode::Mode;
use super::packet::StartUp;
use super::refusal::Refusal;
use super::talk::Talk;
use crate::core::event::{Pid, octets};
use crate::pg::frame::{ClientTag, FrameStream, ServerTag, Stream};
use crate::pg::{Canceller, Entrance, lets_in};
use conversation::{Conversation, FramePosition};
use observed::{ObservedConversation, Observer};

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
    stream: Box<dyn Stream>,
    context: &Context,
    packet: &[u8],
) -> io::Result<()> {
    match context.connector.enter(packet, b"").await {
        Err(error) => Refusal::of_connecting(&error).turn_away(client(stream)).await,
        Ok(server) => hand_on(stream, server, &[]).await,
    }
}

/// Hands on a request for encryption that has been answered before, to where it has been answered
/// before: what is wrong with it, the server knows, and which versions it speaks.
pub(super) async fn refer_again(
    stream: Box<dyn Stream>,
    context: &Context,
    code: u32,
) -> io::Result<()> {
    let packet = [8, code].map(u32::to_be_bytes).concat();
    let mut server = match context.connector.enter(&packet, b"").await {
        Err(error) => return Refusal::of_connecting(&error).turn_away(client(stream)).await,
        Ok(server) => server,
    };
    let first = server.bytes().await?;
    match &first[..] {
        b"N" => {
            server.pass(&packet).await?;
            hand_on(stream, server, &[]).await
        }
        // Where it encrypts, what is asked for again would have to be asked within.
        b"S" | b"G" => Refusal::version(code, "3.0").turn_away(client(stream)).await,
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

/// What is told to whoever is at the other end of this.
fn client(stream: Box<dyn Stream>) -> FrameStream<ClientTag> {
    FrameStream::new(stream, BytesMut::new())
}

/// Connects a client with the server for as long as both want.
pub(super) async fn pass_through(
    mut client: FrameStream<ClientTag>,
    context: &Context,
    start_up: &StartUp,
    asked: Asked,
    guest: Guest,
) -> io::Result<()> {
    let mut server = match context.connector.enter(&start_up.bytes(), start_up.user()).await {
        Err(error) => return Refusal::of_connecting(&error).turn_away(client).await,
        Ok(server) => server,
    };
    // Who was asked by the gateway cannot be asked once more.
    let prover = match asked {
        Asked::Nothing if !server.has_password() => Prover::Client,
        Asked::Nothing | Asked::ByGateway => Prover::Gateway,
    };
    let application = start_up.get("application_name").map(|name| octets::keep(name));
    let mut talk = Talk::of(&application.unwrap_or_default());
    if !let_in(&mut client, &mut server, prover, &mut talk).await? {
        return client.close().await;
    }
    let canceller = server.canceller();
    let (pid, _) = canceller.key_bytes();
    match guest.join(context.hooks.as_ref(), Pid(pid), Mode::PassThrough) {
        None => converse(client, server, canceller, context).await,
        Some(joined) => {
            let noted = context.cancellers.note(canceller.clone());
            let observer = Observer::new(joined, talk, noted.hold());
            converse_observed(client, server, canceller, observer, context).await
        }
    }
}

/// Up to the first `ReadyForQuery`; whether it came to that.
async fn let_in(
    client: &mut FrameStream<ClientTag>,
    server: &mut Entrance,
    prover: Prover,
    talk: &mut Talk,
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
                if frame.tag == ServerTag::Parameter {
                    talk.note_parameter(&frame);
                }
                if !server.has_frame() {
                    client.flush().await?;
                }
                if frame.tag == ServerTag::Ready {
                    return client.flush().await.map(|()| true);
                }
            }
            // Where the gateway itself answers the server, whatever a client sends this early is no
            // password: it stays unread until the server is ready.
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
    context: &Context,
) -> io::Result<()> {
    let mut conversation = Conversation::new(client.into_parts(), server.into_parts());
    tokio::select! {
        over = conversation.run() => return over,
        () = context.closing.cancelled() => {}
    }
    // Until the message is over, or longer than anybody waits.
    tokio::time::timeout(FAREWELL, conversation.finish_message()).await.ok();
    let Conversation { mut client, mut server, place, .. } = conversation;
    let told = tokio::time::timeout(FAREWELL, say_farewell(&mut client, place));
    // Both at once: a client that does not read its last words must not delay the server's end.
    let (told, ()) = tokio::join!(told, take_leave(&mut server, &canceller));
    // Who does not listen is not told.
    told.unwrap_or(Ok(()))
}

/// The same, with somebody who is told of each statement and may hold it.
async fn converse_observed(
    client: FrameStream<ClientTag>,
    server: Entrance,
    canceller: Canceller,
    observer: Observer,
    context: &Context,
) -> io::Result<()> {
    let (client, server) = (client.into_parts(), server.into_parts());
    let mut conversation = ObservedConversation::new(client, server, observer);
    let over = tokio::select! {
        over = conversation.run() => Some(over),
        () = context.closing.cancelled() => None,
    };
    tell_lost(&mut conversation, context).await;
    if let Some(over) = over {
        return over;
    }
    let (mut client, mut server) = conversation.into_ends();
    // Only whole messages are queued for it.
    Refusal::terminated().write_fatal(&mut client.out);
    let told = tokio::time::timeout(FAREWELL, client.close());
    let (told, ()) = tokio::join!(told, take_leave(&mut server, &canceller));
    told.unwrap_or(Ok(()))
}

/// Tells of what is lost. Whoever holds that may do so for as long as he likes, but not for long
/// beyond the gateway's end.
async fn tell_lost<C: Stream, S: Stream>(
    conversation: &mut ObservedConversation<C, S>,
    context: &Context,
) {
    let mut told = pin!(conversation.tell_lost());
    tokio::select! {
        () = &mut told => {}
        () = context.closing.cancelled() => drop(tokio::time::timeout(FAREWELL, told).await),
    }
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
