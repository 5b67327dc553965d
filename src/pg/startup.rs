//! From a target to an open connection: which places, in which order, and what is said first.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use bytes::BytesMut;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use super::auth::Authenticator;
use super::cancel::Canceller;
use super::connection::{Connection, ServerFrames};
use super::error::{ConnectError, Refusal, WireError};
use super::frame::{FrameStream, FromServer, ServerTag};
use super::message::frontend::put_startup;
use super::message::{Authentication, BackendKey, ErrorFields, Message as _, ParameterStatus};
use super::policy::{Choice, HostOrder, SessionAttrs};
use super::session_attrs::suits;
use super::socket::Socket;
use super::target::{Encoding, Host, ServerAddress, Target};
use super::terms::TlsTerms;
use super::tls::{Encryption, negotiate};
use super::unix::UnixSocket;
use crate::core::event::{ServerMessage, octets};

/// One way to a server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Route {
    pub(super) place: ServerAddress,
    terms: TlsTerms,
    encryption: Encryption,
}

impl Route {
    /// The same for a process that works in another folder.
    pub(super) fn in_any_folder(self) -> Self {
        Self { terms: self.terms.in_any_folder(), ..self }
    }
}

/// Connects to a place of the kind that `target_session_attrs` wants; where a standby is merely
/// preferred, in a second round to any.
pub(super) async fn connect(target: &Target) -> Result<Connection, ConnectError> {
    if target.session_attrs == SessionAttrs::PreferStandby
        // Why no standby was found need not be kept: the second round meets the same places, and
        // tells why those that cannot be reached cannot.
        && let Ok(standby) = connect_round(target, SessionAttrs::Standby).await
    {
        return Ok(standby);
    }
    connect_round(target, target.session_attrs).await
}

/// Tries the target's places in turn; a server that was reached and said no ends the search, as in
/// libpq.
async fn connect_round(target: &Target, wanted: SessionAttrs) -> Result<Connection, ConnectError> {
    let mut failures = Vec::new();
    for place in in_order(target.places.clone(), target.host_order) {
        match connect_place(target, &place, wanted).await {
            Ok(connection) => return Ok(connection),
            Err(error) if may_try_next(&error) => failures.push(error),
            Err(error) => {
                failures.push(error);
                break;
            }
        }
    }
    Err(one_or_several(failures))
}

fn in_order(mut places: Vec<ServerAddress>, order: HostOrder) -> Vec<ServerAddress> {
    if order == HostOrder::Random {
        places.shuffle(&mut rand::rng());
    }
    places
}

/// Whether another host can do better (PostgreSQL documentation, 34.1.1.3).
fn may_try_next(error: &ConnectError) -> bool {
    match error {
        ConnectError::Unreachable { .. }
        | ConnectError::TimedOut { .. }
        | ConnectError::Unsuitable { .. } => true,
        ConnectError::Several(failures) => failures.iter().all(may_try_next),
        // 57P03 comes, for example, from a standby that does not accept connections yet, where
        // another host may do (libpq: `PQconnectPoll`, fe-connect.c).
        _ => error.refusal() == Some(Refusal::NotReady),
    }
}

fn one_or_several(mut failures: Vec<ConnectError>) -> ConnectError {
    if failures.len() == 1 { failures.remove(0) } else { ConnectError::Several(failures) }
}

/// Tries every address of a place.
async fn connect_place(
    target: &Target,
    place: &ServerAddress,
    wanted: SessionAttrs,
) -> Result<Connection, ConnectError> {
    let mut failures = Vec::new();
    for place in in_order(addresses(place).await?, target.host_order) {
        match in_time(target, place, wanted).await {
            Ok(connection) => return Ok(connection),
            Err(error) if may_try_next(&error) => failures.push(error),
            Err(error) => return Err(error),
        }
    }
    Err(one_or_several(failures))
}

/// The place once for each address that its name has.
async fn addresses(place: &ServerAddress) -> Result<Vec<ServerAddress>, ConnectError> {
    let Host::Tcp { name, address: None } = &place.host else { return Ok(vec![place.clone()]) };
    let unknown = |source| ConnectError::Unreachable { place: place.to_string(), source };
    let found = tokio::net::lookup_host((name.as_str(), place.port)).await.map_err(unknown)?;
    let at = |address: IpAddr| Host::Tcp { name: name.clone(), address: Some(address) };
    Ok(found.map(|socket| ServerAddress { host: at(socket.ip()), ..place.clone() }).collect())
}

/// Within `connect_timeout`, which counts anew for each address.
async fn in_time(
    target: &Target,
    place: ServerAddress,
    wanted: SessionAttrs,
) -> Result<Connection, ConnectError> {
    let name = place.to_string();
    let connecting = connect_suitable(target, place, wanted);
    let Some(after) = target.connect_timeout else { return connecting.await };
    let timed_out = ConnectError::TimedOut { place: name, after };
    tokio::time::timeout(after, connecting).await.unwrap_or(Err(timed_out))
}

async fn connect_suitable(
    target: &Target,
    place: ServerAddress,
    wanted: SessionAttrs,
) -> Result<Connection, ConnectError> {
    let name = place.to_string();
    let mut connection = enter(target, place).await?;
    match suits(&mut connection, wanted).await {
        Ok(true) => Ok(connection),
        Ok(false) => {
            connection.terminate().await.ok();
            Err(ConnectError::Unsuitable { place: name, wanted: wanted.name() })
        }
        Err(source) => Err(ConnectError::Broken { place: name, source }),
    }
}

/// Tries what `sslmode` has for a place: one attempt, or a second one where the first was refused.
async fn enter(target: &Target, place: ServerAddress) -> Result<Connection, ConnectError> {
    let mut failures: Vec<ConnectError> = Vec::new();
    for encryption in Encryption::attempts(target.tls.mode, &place) {
        let route = Route::new(place.clone(), target.tls.clone(), *encryption);
        match attempt(target, route).await {
            Ok(connection) => return Ok(connection),
            Err(failed) => {
                failures.push(failed.error);
                if failed.outlook == Outlook::Final {
                    break;
                }
            }
        }
    }
    // With `prefer`, a wrong password fails once over TLS and once without, in the same words.
    failures.dedup_by_key(|error| error.to_string());
    Err(one_or_several(failures))
}

/// An attempt that failed.
struct Failed {
    error: ConnectError,
    outlook: Outlook,
}

/// Whether an attempt with the other choice about TLS may do better.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outlook {
    Better,
    Final,
}

async fn attempt(target: &Target, mut route: Route) -> Result<Connection, Failed> {
    let socket = route.open().await.map_err(|error| Failed { outlook: unopened(&error), error })?;
    let encrypted = socket.is_encrypted();
    // To be found out before the route's encryption is replaced by what came of it. Where TLS was
    // only wanted if offered, and is not, the second attempt (plain) would be this one once more;
    // and nothing comes after the attempt that demands TLS.
    let outlook = match (route.encryption, encrypted) {
        (Encryption::IfOffered, false) | (Encryption::Demanded, _) => Outlook::Final,
        (Encryption::Plain, _) | (Encryption::IfOffered, true) => Outlook::Better,
    };
    // A cancel request goes the way that has proved passable.
    route.encryption = if encrypted { Encryption::Demanded } else { Encryption::Plain };
    introduce(target, route, socket).await.map_err(|error| {
        // A database that does not exist or a server that is full is so with and without TLS: a
        // second attempt would only cost the server another process.
        let outlook = if is_about_the_user(&error) { outlook } else { Outlook::Final };
        Failed { error, outlook }
    })
}

/// One more connection by a route that has proved passable.
pub(super) async fn connect_by(target: &Target, route: Route) -> Result<Connection, ConnectError> {
    let socket = route.open().await?;
    introduce(target, route, socket).await
}

async fn introduce(
    target: &Target,
    route: Route,
    socket: Socket,
) -> Result<Connection, ConnectError> {
    Handshake::begin(target, route, socket).await?.finish().await
}

/// Where not even TLS came about, doing without it may help.
fn unopened(error: &ConnectError) -> Outlook {
    match error {
        ConnectError::Tls { .. } | ConnectError::TlsFile { .. } => Outlook::Better,
        _ => Outlook::Final,
    }
}

/// `pg_hba.conf` can tell users with and without TLS apart.
fn is_about_the_user(error: &ConnectError) -> bool {
    matches!(error.refusal(), Some(Refusal::WrongPassword | Refusal::NotPermitted | Refusal::Other))
}

impl Route {
    pub(super) fn new(place: ServerAddress, terms: TlsTerms, encryption: Encryption) -> Self {
        Self { place, terms, encryption }
    }

    /// A connected socket, on which nothing of the protocol proper has been said yet.
    pub(super) async fn open(&self) -> Result<Socket, ConnectError> {
        let unreachable =
            |source| ConnectError::Unreachable { place: self.place.to_string(), source };
        match &self.place.host {
            Host::Socket(folder) => {
                let path = socket_path(folder, self.place.port);
                UnixSocket::connect(&path).await.map(Socket::Unix).map_err(unreachable)
            }
            Host::Tcp { name, address } => {
                let stream = dial(name, *address, self.place.port).await.map_err(unreachable)?;
                negotiate(stream, &self.place, &self.terms, self.encryption).await
            }
        }
    }
}

/// An `@` at the beginning means Linux's abstract names, which begin with a zero byte.
fn socket_path(folder: &Path, port: u16) -> PathBuf {
    let path = folder.join(format!(".s.PGSQL.{port}"));
    // Only now, with the file's name at the end: the server builds the path first and then replaces
    // the `@` (src/common/ip.c), so `.s.PGSQL.5432` is part of the abstract name.
    match path.to_str().and_then(|text| text.strip_prefix('@')) {
        Some(name) => PathBuf::from(format!("\0{name}")),
        None => path,
    }
}

/// A statement is one small write that waits for its answer: Nagle's algorithm would only delay it.
/// And a console may stand idle for longer than a firewall remembers.
async fn dial(name: &str, address: Option<IpAddr>, port: u16) -> io::Result<TcpStream> {
    let stream = match address {
        Some(address) => TcpStream::connect((address, port)).await?,
        None => TcpStream::connect((name, port)).await?,
    };
    stream.set_nodelay(true)?;
    rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
    Ok(stream)
}

/// A connection on its way in, until the first `ReadyForQuery`.
struct Handshake {
    route: Route,
    frames: ServerFrames,
    proof: Authenticator,
    parameters: BTreeMap<String, String>,
    pid: i32,
    secret: Vec<u8>,
}

impl Handshake {
    async fn begin(target: &Target, route: Route, socket: Socket) -> Result<Self, ConnectError> {
        let mut entry = Handshake {
            proof: Authenticator::new(target, &route.place, socket.end_point()),
            frames: FrameStream::new(socket, BytesMut::new()),
            parameters: BTreeMap::new(),
            pid: 0,
            // A server that never sends `BackendKeyData` gets a cancel request of the right length,
            // which is nobody's, instead of a malformed one.
            secret: vec![0; 4],
            route,
        };
        let introduction = introduction(target);
        let parameters = introduction.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        put_startup(&mut entry.frames.out, parameters);
        entry.flush().await?;
        Ok(entry)
    }

    async fn finish(mut self) -> Result<Connection, ConnectError> {
        while self.advance().await? == Stage::Entering {}
        let canceller = Canceller::new(self.route, self.pid, self.secret);
        Ok(Connection::new(self.frames, self.parameters, canceller))
    }

    async fn advance(&mut self) -> Result<Stage, ConnectError> {
        let frame = match self.frames.next().await {
            Ok(frame) => frame.ok_or_else(|| self.broken(WireError::Closed))?,
            Err(error) => return Err(self.broken(error.into())),
        };
        match frame.tag {
            ServerTag::Authentication => self.prove(&frame).await?,
            ServerTag::Ready => return Ok(Stage::Inside),
            ServerTag::Error => return Err(self.refused(&frame)),
            _ => self.note(&frame).map_err(|error| self.broken(error))?,
        }
        Ok(Stage::Entering)
    }

    async fn prove(&mut self, frame: &FromServer) -> Result<(), ConnectError> {
        let request = Authentication::read(frame).map_err(|error| self.broken(error))?;
        self.proof.answer(request, &mut self.frames.out)?;
        self.flush().await
    }

    /// Keeps what the server tells of itself (PostgreSQL documentation, 54.2.1). That it knows no
    /// newer protocol (`NegotiateProtocolVersion`) is no news: we ask for none.
    fn note(&mut self, frame: &FromServer) -> Result<(), WireError> {
        match frame.tag {
            ServerTag::Parameter => {
                let ParameterStatus { name, value } = ParameterStatus::read(frame)?;
                self.parameters.insert(octets::keep(name), octets::keep(value));
            }
            ServerTag::Key => {
                let BackendKey { pid, secret } = BackendKey::read(frame)?;
                (self.pid, self.secret) = (pid, secret.to_vec());
            }
            ServerTag::Notice | ServerTag::Negotiation => {}
            unexpected => return Err(WireError::unexpected(unexpected)),
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ConnectError> {
        let written = self.frames.flush().await;
        written.map_err(|error| self.broken(error.into()))
    }

    fn refused(&self, frame: &FromServer) -> ConnectError {
        let message = match ErrorFields::read(frame) {
            Ok(fields) => ServerMessage::from(fields),
            Err(error) => return self.broken(error),
        };
        ConnectError::Refused {
            place: self.route.place.to_string(),
            refusal: Refusal::of(&message.code),
            message: Box::new(message),
        }
    }

    fn broken(&self, error: WireError) -> ConnectError {
        let place = self.route.place.to_string();
        match error {
            WireError::Malformed { first } => ConnectError::NotPostgres { place, first },
            source => ConnectError::Broken { place, source },
        }
    }
}

/// How far an entry has come.
#[derive(PartialEq, Eq)]
enum Stage {
    Entering,
    Inside,
}

/// What a session begins with.
fn introduction(target: &Target) -> BTreeMap<String, String> {
    let mut parameters = target.parameters.clone();
    parameters.insert("user".to_owned(), target.user.clone());
    parameters.insert("database".to_owned(), target.database.clone());
    // Everything on the screen is UTF-8; the server converts. (A gateway's client may have asked
    // for another.)
    if target.encoding == Encoding::Utf8 {
        parameters.entry("client_encoding".to_owned()).or_insert_with(|| "UTF8".to_owned());
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreachable(place: &str) -> ConnectError {
        let source = std::io::ErrorKind::ConnectionRefused.into();
        ConnectError::Unreachable { place: place.to_owned(), source }
    }

    #[test]
    fn behind_a_name_whose_addresses_are_all_unreachable_the_next_host_is_tried() {
        let both = vec![unreachable("localhost (::1)"), unreachable("localhost (127.0.0.1)")];
        assert!(may_try_next(&one_or_several(both)));
        let broken =
            ConnectError::Broken { place: "localhost".to_owned(), source: WireError::Closed };
        assert!(!may_try_next(&one_or_several(vec![unreachable("localhost"), broken])));
    }
}
