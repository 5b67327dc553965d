//! A new connection's way in, up to its first `ReadyForQuery` (PostgreSQL documentation,
//! 54.2.1).
//!
//! What becomes of the parameters of a start-up packet:
//!
//! | parameter | pass-through | optimistic |
//! |---|---|---|
//! | `user` | the server's | any will do: the gateway's own works, or a role of that name |
//! | `database` | the server's | the one behind the gateway; another is refused |
//! | `replication` | the server's | refused: a stream of changes has no conflicts |
//! | `client_encoding` | the server's | the server's; unreadable ones are refused |
//! | `options`, settings, `_pq_.` | the server's | the server's |
//! | settings that the client does not name | the gateway's own | the same |
//!
//! A password file is the gateway's own question, and comes first. What no PostgreSQL understands
//! goes to the one behind, whose answer is the right one for its version.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Protocol;

use super::rewound::Rewound;
use super::tap::{Heard, Tap};
use crate::core::event::{Pid, octets};
use crate::gateway::backend::{Backend, Parameters};
use crate::gateway::cancellers::{Cancelling, NotedCanceller};
use crate::gateway::certificate::Tls;
use crate::gateway::context::Context;
use crate::gateway::dsql::{self, Strictness};
use crate::gateway::guest::Guest;
use crate::gateway::hang_up::HangUp;
use crate::gateway::mode::Mode;
use crate::gateway::options::SERVER_VERSION;
use crate::gateway::packet::{Opening, StartUp};
use crate::gateway::pass_through::{self, Asked};
use crate::gateway::refusal::Refusal;
use crate::observer::flavor::MARK;
use crate::pg::frame::{ClientTag, FrameStream, ServerTag, Stream, put, put_text};
use crate::pg::{Entrance, lets_in};

/// How long a client may take until it has said who it is: PostgreSQL's `authentication_timeout`.
const PATIENCE: Duration = Duration::from_mins(1);

/// By which way a client comes in.
#[derive(Clone, Default)]
pub(crate) struct Way {
    /// Which of the addresses that are listened on; nothing for the Unix socket.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) tls: Option<Tls>,
    /// What tells that the client has hung up, where somebody wants to know.
    pub(crate) hang_up: Option<Arc<HangUp>>,
}

/// What is known of a connection before anything is said on it.
pub(crate) struct Arrival {
    stream: Box<dyn Stream>,
    came_by: Option<SocketAddr>,
    hang_up: Option<Arc<HangUp>>,
    /// What its channel can be bound to, once it is encrypted.
    end_point: Option<Arc<[u8]>>,
    is_encrypted: bool,
}

/// Lets a client in and serves it until it leaves.
pub(crate) async fn receive(
    stream: Box<dyn Stream>,
    context: Arc<Context>,
    way: Way,
) -> io::Result<()> {
    let Way { address: came_by, tls, hang_up } = way;
    let arrival = Arrival { stream, came_by, hang_up, end_point: None, is_encrypted: false };
    let opened = tokio::time::timeout(PATIENCE, open(arrival, tls));
    let opened = tokio::select! {
        opened = opened => opened?,
        // Who has not said who it is has nobody to be told, as at a PostgreSQL.
        () = context.closing.cancelled() => return Ok(()),
    };
    let (arrival, opening) = opened?;
    match opening {
        Opening::Cancel(packet) => cancel(arrival.stream, &context, &packet).await,
        // A session's future is large, and nobody else's need be.
        Opening::Session(packet) => Box::pin(begin(arrival, context, packet)).await,
        Opening::Early(asked) => Refusal::early(asked).turn_away(client(arrival.stream)).await,
        again if context.mode == Mode::PassThrough => {
            pass_through::refer_again(arrival.stream, &context, again.code()).await
        }
        // PostgreSQL takes a request that is repeated for a protocol version, 1234.5679
        // (`ProcessStartupPacket`).
        again => Refusal::version(again.code(), "3.0").turn_away(client(arrival.stream)).await,
    }
}

/// Up to what a client wants, encrypted or not. It may ask for each kind of encryption once, and
/// not within another.
async fn open(mut arrival: Arrival, tls: Option<Tls>) -> io::Result<(Arrival, Opening)> {
    let (mut may_encrypt, mut may_encrypt_otherwise) = (true, true);
    loop {
        let opening = Opening::read(&mut arrival.stream).await?;
        let (asks, asked) = match opening {
            Opening::Encrypt => (may_encrypt, "SSL request"),
            Opening::EncryptOtherwise => (may_encrypt_otherwise, "GSSAPI encryption request"),
            _ => (false, ""),
        };
        // Whoever waits for the answer has said nothing more. Somebody in between could otherwise
        // put words before the handshake that would count as said within it (CVE-2021-23214).
        let is_early = asks && has_said_more(&mut arrival.stream);
        match (opening, &tls) {
            (Opening::Encrypt, Some(tls)) if may_encrypt => {
                arrival.stream.write_all(b"S").await?;
                arrival.stream.flush().await?;
                arrival = encrypt(arrival, tls).await?.0;
                (may_encrypt, may_encrypt_otherwise) = (false, false);
            }
            (Opening::Encrypt, None) if may_encrypt => {
                arrival.stream.write_all(b"N").await?;
                may_encrypt = false;
            }
            (Opening::EncryptOtherwise, _) if may_encrypt_otherwise => {
                arrival.stream.write_all(b"N").await?;
                may_encrypt_otherwise = false;
            }
            (Opening::Handshake(read), Some(tls)) if !arrival.is_encrypted => {
                let stream = Box::new(Rewound::new(read, arrival.stream));
                let (encrypted, announced) = encrypt(Arrival { stream, ..arrival }, tls).await?;
                // PostgreSQL refuses direct TLS without ALPN as well (`ProcessSSLStartup`).
                if announced != Announced::Ours {
                    return Err(io::Error::other(
                        "TLS was begun without saying for which protocol",
                    ));
                }
                arrival = encrypted;
                (may_encrypt, may_encrypt_otherwise) = (false, false);
            }
            (Opening::Handshake(_), _) => {
                return Err(io::Error::other("TLS is begun where there is none"));
            }
            (opening, _) => return Ok((arrival, opening)),
        }
        if is_early {
            return Ok((arrival, Opening::Early(asked)));
        }
    }
}

/// Whether the client has sent more than what was read, which is taken away and never looked at.
fn has_said_more(stream: &mut Box<dyn Stream>) -> bool {
    let mut unread = [0; PACKET];
    let read = stream.read(&mut unread).now_or_never();
    matches!(read, Some(Ok(1..)))
}

/// What a client says that it will speak within TLS (PostgreSQL 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Announced {
    Ours,
    Nothing,
}

async fn encrypt(arrival: Arrival, tls: &Tls) -> io::Result<(Arrival, Announced)> {
    let stream = tls.acceptor.accept(arrival.stream).await?;
    // Only our protocol is offered, so whatever was agreed on is ours.
    let is_said = stream.get_ref().1.alpn_protocol().is_some();
    let announced = if is_said { Announced::Ours } else { Announced::Nothing };
    let end_point = tls.end_point.clone();
    let stream = Box::new(stream);
    Ok((Arrival { stream, end_point, is_encrypted: true, ..arrival }, announced))
}

async fn cancel(mut stream: Box<dyn Stream>, context: &Context, packet: &[u8]) -> io::Result<()> {
    // The length, the code, the process, and its secret. An unknown key gets no answer, as at a
    // PostgreSQL.
    let key = packet[8..].split_first_chunk::<4>();
    let cancelling = key.map_or(Cancelling::Unknown, |(pid, secret)| {
        context.cancellers.cancel(i32::from_be_bytes(*pid), secret)
    });
    match cancelling {
        Cancelling::Done => {}
        _ if context.mode == Mode::PassThrough => {
            return pass_through::refer(stream, context, packet).await;
        }
        Cancelling::AtServer(canceller) => canceller.cancel().await.map_err(io::Error::other)?,
        Cancelling::Unknown => {}
    }
    // Not before the request was passed on: libpq's `PQcancel` returns when the connection ends.
    stream.shutdown().await
}

async fn begin(arrival: Arrival, context: Arc<Context>, packet: Bytes) -> io::Result<()> {
    let Some(start_up) = StartUp::parse(&packet) else {
        return pass_through::refer(arrival.stream, &context, &packet).await;
    };
    let Arrival { stream, came_by, hang_up, end_point, is_encrypted: _ } = arrival;
    let guest = Guest { came_by, hang_up, parameters: start_up.texts() };
    let mut client = client(stream);
    // Two names that differ in a byte are two names, be they UTF-8 or not.
    let user = octets::keep(start_up.user());
    let admitted = context.passwords.admit(&mut client, &user, end_point.as_deref());
    let admitted = tokio::select! {
        admitted = tokio::time::timeout(PATIENCE, admitted) => admitted??,
        () = context.closing.cancelled() => false,
    };
    if !admitted {
        return client.close().await;
    }
    if context.mode == Mode::PassThrough {
        let asked = if context.passwords.are_asked() { Asked::ByGateway } else { Asked::Nothing };
        let start_up = with_the_gateways_settings(start_up, &context);
        return pass_through::pass_through(client, &context, &start_up, asked, guest).await;
    }
    // Behind the password, since its refusals tell which database is served here.
    match adapted(start_up, &context) {
        Ok(mut start_up) => {
            let role = context.roles.role_of(start_up.user()).await;
            start_up.set("user", &role);
            // Apart: a session's future is large, and a client that is not let in needs none.
            Box::pin(admit(client, context, &start_up, guest)).await
        }
        Err(refusal) => {
            refusal.write_fatal(&mut client.out);
            client.close().await
        }
    }
}

/// The packet with which the gateway begins the session for a client, where the client can have
/// what it asks for.
fn adapted(mut start_up: StartUp, context: &Context) -> Result<StartUp, Refusal> {
    if let Some(parameter) = start_up.not_utf8() {
        return Err(Refusal::not_utf8(&parameter));
    }
    // Nothing is lost here: all of it is UTF-8.
    let text = |name| start_up.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
    let (served, wanted) =
        (context.connector.target().database(), text("database").unwrap_or_default());
    if !wanted.is_empty() && wanted != served {
        return Err(Refusal::other_database(&wanted, served));
    }
    if text("replication").is_some_and(|value| !is_off(&value)) {
        return Err(Refusal::unsupported("replication is not supported by the optimistic engine"));
    }
    if context.strictness == Strictness::Dsql {
        let refused = |(name, value): &(String, String)| dsql::refused_parameter(name, value);
        if let Some(refusal) = start_up.texts().iter().find_map(refused) {
            return Err(refusal);
        }
        if let Some(options) = text("options") {
            start_up.set("options", &dsql::with_own_prefix(&options));
        }
        if let Some(value) = start_up.get(dsql::OWN_SETTING) {
            let value = String::from_utf8_lossy(value).into_owned();
            start_up.remove(dsql::OWN_SETTING);
            start_up.set("dsql.disable_sync_create_index", &value);
        }
    }
    start_up.remove("replication");
    start_up.set("database", served);
    // SHOW opens no transaction here and tells the session's default outside of one, which must
    // therefore be the level that transactions really have.
    start_up.set("default_transaction_isolation", "repeatable read");
    Ok(with_the_gateways_settings(start_up, context))
}

/// The settings with which the gateway connects (`options` of its own server's URL) are those of
/// its clients, where they say nothing.
fn with_the_gateways_settings(mut start_up: StartUp, context: &Context) -> StartUp {
    let options = start_up.get("options").map(|options| String::from_utf8_lossy(options));
    // In `options` a setting may be written with dashes: `--statement-timeout=1`
    // (`ParseLongOption`).
    let options = options.unwrap_or_default().replace('-', "_");
    for (name, value) in context.connector.target().parameters() {
        // PostgreSQL sets the packet's own parameters after its `options`
        // (`process_startup_options`), so the gateway's setting would win over what the client says
        // there.
        if !options.contains(name.as_str()) {
            start_up.set_unless_there(name, value);
        }
    }
    start_up
}

/// PostgreSQL's ways to say no, which may be cut short.
fn is_off(value: &str) -> bool {
    let value = value.to_lowercase();
    // One letter of `off` is not enough, since `o` could be `on` (`parse_bool_with_len`).
    let begins = |word: &str, least: usize| value.len() >= least && word.starts_with(&value);
    value == "0" || begins("false", 1) || begins("no", 1) || begins("off", 2)
}

/// Copies of copies have no rows that PostgreSQL could judge.
pub(crate) const BEHIND_ITSELF: &str =
    "the server behind this engine is already an optimistic engine; connect to it directly";

/// What cannot be had through the engine, from where only the engine is seen.
pub(crate) const ALONE: &str = "this server is itself the optimistic engine; for PostgreSQL's \
    locks, connect to the server behind it";

/// How much is read at once of what nobody looks at.
const PACKET: usize = 8 * 1024;

fn client(stream: Box<dyn Stream>) -> FrameStream<ClientTag> {
    FrameStream::new(stream, BytesMut::new())
}

async fn admit(
    mut client: FrameStream<ClientTag>,
    context: Arc<Context>,
    start_up: &StartUp,
    guest: Guest,
) -> io::Result<()> {
    let server = match context.connector.enter(&start_up.bytes(), start_up.user()).await {
        Err(error) => return Refusal::of_connecting(&error).turn_away(client).await,
        Ok(server) => server,
    };
    let Some((backend, canceller)) = welcome(&mut client, server, &context).await? else {
        return client.close().await;
    };
    // Nothing is lost here: who comes this far has been refused anything but UTF-8.
    let application = start_up.get("application_name").map(|name| String::from_utf8_lossy(name));
    let application = application.unwrap_or_default();
    let (pid, _) = backend.canceller().key_bytes();
    let joined = guest.join(context.hooks.as_ref(), Pid(pid), Mode::Optimistic);
    let hooked = joined.map(|joined| {
        let joined = Arc::new(joined);
        let heard = Arc::new(Heard::new(Arc::clone(&joined), &application));
        (joined, heard)
    });
    if let Some((_, heard)) = &hooked {
        let (stream, read) = client.into_parts();
        let tap = Tap::new(stream, &read, Arc::clone(heard));
        client = FrameStream::new(Box::new(tap), read);
    }
    Protocol::new(client, (backend, canceller), context, &application, hooked).serve().await;
    Ok(())
}

/// Hands on what the server says on the way in, under the engine's own version, and proves who the
/// gateway is. Nothing if that was a refusal.
async fn welcome(
    client: &mut FrameStream<ClientTag>,
    mut server: Entrance,
    context: &Context,
) -> io::Result<Option<(Backend, NotedCanceller)>> {
    let mut parameters = Parameters::default();
    loop {
        let Some(frame) = server.next().await? else { return Ok(None) };
        match frame.tag {
            ServerTag::Authentication => {
                if let Err(error) = server.prove(&frame).await {
                    Refusal::of_connecting(&error).write_fatal(&mut client.out);
                    return Ok(None);
                }
                if lets_in(&frame) {
                    client.pass(&frame);
                }
            }
            ServerTag::Parameter => {
                parameters.note(&frame);
                match frame.fields().text().as_deref() {
                    Some(MARK) => {
                        Refusal::unsupported(BEHIND_ITSELF).write_fatal(&mut client.out);
                        return Ok(None);
                    }
                    Some("server_version") => {
                        put_parameter(client, "server_version", SERVER_VERSION);
                    }
                    _ => client.pass(&frame),
                }
            }
            ServerTag::Ready => {
                // Not earlier: it takes both the client's encoding and the server's, which are
                // reported one after the other.
                if let Some(encoding) = parameters.unreadable_encoding() {
                    Refusal::encoding(encoding).write_fatal(&mut client.out);
                    return Ok(None);
                }
                put_parameter(client, MARK, "optimistic");
                client.pass(&frame);
                let backend = Backend::entered(server, parameters);
                // Whoever knows its key may use it at once.
                let canceller = context.cancellers.note(backend.canceller());
                client.flush().await?;
                return Ok(Some((backend, canceller)));
            }
            _ => client.pass(&frame),
        }
    }
}

fn put_parameter(client: &mut FrameStream<ClientTag>, name: &str, value: &str) {
    put(&mut client.out, b'S', |out| {
        put_text(out, name);
        put_text(out, value);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_is_said_as_to_postgresql() {
        for no in ["0", "f", "False", "FALSE", "n", "no", "of", "off"] {
            assert!(is_off(no), "{no}");
        }
        for other in ["", "o", "on", "1", "true", "database", "nope", "00"] {
            assert!(!is_off(other), "{other}");
        }
    }
}
