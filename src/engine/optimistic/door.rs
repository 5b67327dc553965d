//! The door: a new connection's way in, up to its first `ReadyForQuery` (PostgreSQL documentation, 54.2.1).

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio_rustls::TlsAcceptor;

use super::common::Common;
use super::lookout::Lookout;
use super::refusal::Refusal;
use super::server::Server;
use super::session::{Session, State};
use super::tables::Tables;
use super::{Mode, SERVER_VERSION};
use crate::event::Pid;
use crate::wire::frame::{ClientTag, Line, Stream, put, put_text};
use crate::wire::{ConnectError, Connection};

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;
/// `MAX_STARTUP_PACKET_LENGTH` of PostgreSQL.
const LONGEST: u32 = 10_000;

/// What a client says first.
enum Opening {
    Startup(BTreeMap<String, String>),
    Encrypt,
    EncryptOtherwise,
    Cancel(i32, Vec<u8>),
}

/// Lets a client in and serves it until it leaves.
pub(super) async fn receive(
    mut stream: Box<dyn Stream>,
    common: Arc<Common>,
    tls: Option<TlsAcceptor>,
) -> io::Result<()> {
    loop {
        match read_opening(&mut stream).await? {
            Opening::Encrypt => {
                let Some(acceptor) = &tls else {
                    stream.write_all(b"N").await?;
                    continue;
                };
                stream.write_all(b"S").await?;
                stream.flush().await?;
                stream = Box::new(acceptor.accept(stream).await?);
            }
            Opening::EncryptOtherwise => stream.write_all(b"N").await?,
            Opening::Cancel(pid, secret) => return cancel(&common, pid, &secret).await,
            Opening::Startup(parameters) => return admit(stream, common, parameters).await,
        }
    }
}

async fn read_opening(stream: &mut Box<dyn Stream>) -> io::Result<Opening> {
    let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
    let length = stream.read_u32().await?;
    if !(8..=LONGEST).contains(&length) {
        return Err(invalid("not a PostgreSQL client"));
    }
    let mut packet = BytesMut::zeroed(length as usize - 4);
    stream.read_exact(&mut packet).await?;
    match packet.get_u32() {
        SSL_REQUEST => Ok(Opening::Encrypt),
        GSS_REQUEST => Ok(Opening::EncryptOtherwise),
        CANCEL_REQUEST if packet.len() >= 8 => {
            let pid = packet.get_i32();
            Ok(Opening::Cancel(pid, packet.to_vec()))
        }
        version if version >> 16 == 3 => Ok(Opening::Startup(parameters(&packet))),
        _ => Err(invalid("a version of the protocol that nobody speaks")),
    }
}

/// Names and values, each ended by a zero byte.
fn parameters(packet: &[u8]) -> BTreeMap<String, String> {
    let mut texts =
        packet.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
    let mut parameters = BTreeMap::new();
    while let (Some(name), Some(value)) =
        (texts.next().filter(|name| !name.is_empty()), texts.next())
    {
        parameters.insert(name, value);
    }
    parameters
}

async fn cancel(common: &Common, pid: i32, secret: &[u8]) -> io::Result<()> {
    // An unknown key gets no answer, as at a PostgreSQL.
    if let Some(canceller) = common.canceller(pid, secret) {
        canceller.cancel().await.map_err(io::Error::other)?;
    }
    Ok(())
}

async fn admit(
    stream: Box<dyn Stream>,
    common: Arc<Common>,
    mut parameters: BTreeMap<String, String>,
) -> io::Result<()> {
    let mut client = Line::<ClientTag>::new(stream, BytesMut::new());
    let user = parameters.remove("user").unwrap_or_default();
    // Any name will do: there is one database behind the gateway, and the gateway's own user is the one who works on it.
    parameters.remove("database");
    parameters.remove("replication");
    let options: Vec<_> =
        parameters.keys().filter(|name| name.starts_with("_pq_.")).cloned().collect();
    for option in options {
        parameters.remove(&option);
    }
    if !common.passwords.admit(&mut client, &user).await? {
        return Ok(());
    }
    if common.mode == Mode::PassThrough {
        return pass_through(client, &common, parameters).await;
    }
    if let Some(encoding) = other_encoding(&parameters) {
        Refusal::unsupported(format!("client_encoding {encoding} is not supported"))
            .write_fatal(&mut client.out);
        return client.flush().await;
    }
    parameters.insert("default_transaction_isolation".to_owned(), "repeatable read".to_owned());
    match Server::connect(&common.backend, &parameters).await {
        Err(error) => turn_away(client, &error).await,
        Ok(server) if server.parameters().contains_key(MARK) => {
            Refusal::unsupported(BEHIND_ITSELF).write_fatal(&mut client.out);
            client.flush().await
        }
        Ok(server) => {
            let application = parameters.get("application_name").cloned().unwrap_or_default();
            welcome(client, server, common, application).await?.serve().await;
            Ok(())
        }
    }
}

/// The parameter by which the engine is known to itself.
pub(crate) const MARK: &str = "overbooked_engine";

/// Copies of copies have no rows that PostgreSQL could judge.
pub(crate) const BEHIND_ITSELF: &str = "the server behind this engine is an optimistic engine already; connect to it as it is, without another in front of it";

/// What cannot be had through the engine, from where only the engine is seen.
pub(crate) const ALONE: &str =
    "this server is optimistic itself; PostgreSQL's way is seen behind it, not here";

/// An encoding in which the gateway cannot read a statement's names.
fn other_encoding(parameters: &BTreeMap<String, String>) -> Option<&String> {
    let encoding = parameters.get("client_encoding")?;
    let plain = encoding.to_lowercase().replace(['-', '_', '\'', ' '], "");
    (!matches!(plain.as_str(), "utf8" | "unicode" | "sqlascii" | "auto" | "")).then_some(encoding)
}

async fn turn_away(mut client: Line<ClientTag>, error: &ConnectError) -> io::Result<()> {
    Refusal::lost(&error.to_string()).write_fatal(&mut client.out);
    client.flush().await
}

/// Says what the server said when it let us in, and serves from then on.
async fn welcome(
    mut client: Line<ClientTag>,
    server: Server,
    common: Arc<Common>,
    application: String,
) -> io::Result<Session> {
    let canceller = server.canceller();
    let (pid, secret) = canceller.key_bytes();
    put_welcome(&mut client.out, server.parameters(), pid, &secret, Some(SERVER_VERSION));
    client.flush().await?;
    let place = common.enter(canceller);
    let lookout = Lookout::new(Arc::clone(&common), pid);
    Ok(Session {
        client,
        server: server.watched_by(lookout),
        common,
        place,
        tables: Tables::default(),
        state: State::Idle,
        prepared: std::collections::HashMap::new(),
        portals: std::collections::HashMap::new(),
        prepared_by_sql: std::collections::HashMap::new(),
        skips: false,
        waiting: Vec::new(),
        turned: None,
        held: super::simple::Held::Nothing,
        gave_up: false,
        foreseen: None,
        application: application.into(),
        pid: Pid(pid),
    })
}

fn put_welcome(
    out: &mut BytesMut,
    parameters: &BTreeMap<String, String>,
    pid: i32,
    secret: &[u8],
    version: Option<&str>,
) {
    put(out, b'R', |out| out.put_u32(0));
    for (name, value) in parameters {
        let value = if name == "server_version" { version.unwrap_or(value) } else { value };
        put(out, b'S', |out| {
            put_text(out, name);
            put_text(out, value);
        });
    }
    if version.is_some() {
        put(out, b'S', |out| {
            put_text(out, MARK);
            put_text(out, "optimistic");
        });
    }
    put(out, b'K', |out| {
        out.put_i32(pid);
        out.put_slice(secret);
    });
    put(out, b'Z', |out| out.put_u8(b'I'));
}

/// Connects the two streams and looks at nothing more.
async fn pass_through(
    mut client: Line<ClientTag>,
    common: &Arc<Common>,
    parameters: BTreeMap<String, String>,
) -> io::Result<()> {
    const BUFFER: usize = 32 * 1024;
    let raw = match Connection::connect(&common.backend.with_parameters(&parameters)).await {
        Err(error) => return turn_away(client, &error).await,
        Ok(connection) => connection.into_raw(),
    };
    let (pid, secret) = raw.canceller.key_bytes();
    put_welcome(&mut client.out, &raw.parameters, pid, &secret, None);
    client.out.put_slice(&raw.read);
    client.flush().await?;
    let _place = common.enter(raw.canceller);
    let (mut client, read) = client.into_parts();
    let mut server = raw.stream;
    server.write_all(&read).await?;
    copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER).await?;
    Ok(())
}
