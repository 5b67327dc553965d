//! From a target to an open connection: which places, in which order, and what is said first.

use std::collections::BTreeMap;
use std::net::IpAddr;

use futures::{SinkExt, StreamExt};
use pgwire::messages::response::ErrorResponse;
use pgwire::messages::startup::{SecretKey, Startup};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::codec::Framed;

use super::auth::{EndPoint, Proof};
use super::cancel::Canceller;
use super::codec::Codec;
use super::connection::{Connection, Frames};
use super::error::{ConnectError, Refusal, WireError};
use super::socket::Socket;
use super::target::{Host, Place, Target};
use crate::event::ServerMessage;

/// One way to a server.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) place: Place,
}

/// Tries the target's places in turn; a server that was reached and said no ends the search, as in libpq.
pub(super) async fn connect(target: &Target) -> Result<Connection, ConnectError> {
    let mut failures = Vec::new();
    for place in &target.places {
        match connect_place(target, place).await {
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

/// Whether another host can do better (PostgreSQL documentation, 34.1.1.3).
fn may_try_next(error: &ConnectError) -> bool {
    match error {
        ConnectError::Unreachable { .. }
        | ConnectError::TimedOut { .. }
        | ConnectError::Unsuitable { .. } => true,
        _ => error.refusal() == Some(Refusal::NotReady),
    }
}

fn one_or_several(mut failures: Vec<ConnectError>) -> ConnectError {
    if failures.len() == 1 { failures.remove(0) } else { ConnectError::Several(failures) }
}

/// Tries every address of a place.
async fn connect_place(target: &Target, place: &Place) -> Result<Connection, ConnectError> {
    let mut failures = Vec::new();
    for place in addresses(place).await? {
        match in_time(target, place).await {
            Ok(connection) => return Ok(connection),
            Err(error) if may_try_next(&error) => failures.push(error),
            Err(error) => return Err(error),
        }
    }
    Err(one_or_several(failures))
}

/// The place once for each address that its name has.
async fn addresses(place: &Place) -> Result<Vec<Place>, ConnectError> {
    let Host::Tcp { name, address: None } = &place.host else { return Ok(vec![place.clone()]) };
    let unknown = |source| ConnectError::Unreachable { place: place.to_string(), source };
    let found = tokio::net::lookup_host((name.as_str(), place.port)).await.map_err(unknown)?;
    let at = |address: IpAddr| Host::Tcp { name: name.clone(), address: Some(address) };
    Ok(found.map(|socket| Place { host: at(socket.ip()), ..place.clone() }).collect())
}

/// Within `connect_timeout`, which counts anew for each address.
async fn in_time(target: &Target, place: Place) -> Result<Connection, ConnectError> {
    let Some(after) = target.connect_timeout else { return enter(target, place).await };
    let timed_out = ConnectError::TimedOut { place: place.to_string(), after };
    tokio::time::timeout(after, enter(target, place)).await.unwrap_or(Err(timed_out))
}

async fn enter(target: &Target, place: Place) -> Result<Connection, ConnectError> {
    let route = Route { place };
    let socket = route.open().await?;
    Entry::begin(target, route, socket).await?.finish().await
}

impl Route {
    /// A connected socket, on which nothing of the protocol proper has been said yet.
    pub(super) async fn open(&self) -> Result<Socket, ConnectError> {
        let opened = match (&self.place.host, self.place.socket()) {
            (_, Some(path)) => UnixStream::connect(path).await.map(Socket::Unix),
            (Host::Tcp { address: Some(address), .. }, _) => {
                TcpStream::connect((*address, self.place.port)).await.map(Socket::Tcp)
            }
            (Host::Tcp { name, .. }, _) => {
                TcpStream::connect((name.as_str(), self.place.port)).await.map(Socket::Tcp)
            }
            (Host::Socket(folder), None) => UnixStream::connect(folder).await.map(Socket::Unix),
        };
        let socket = opened.map_err(|source| ConnectError::Unreachable {
            place: self.place.to_string(),
            source,
        })?;
        if let Socket::Tcp(stream) = &socket {
            // A statement is one small write that waits for its answer: Nagle's algorithm would only delay it.
            stream.set_nodelay(true).ok();
        }
        Ok(socket)
    }
}

/// A connection on its way in, until the first `ReadyForQuery`.
struct Entry {
    route: Route,
    frames: Frames,
    proof: Proof,
    parameters: BTreeMap<String, String>,
    key: (i32, SecretKey),
}

impl Entry {
    async fn begin(target: &Target, route: Route, socket: Socket) -> Result<Self, ConnectError> {
        let mut entry = Entry {
            proof: Proof::new(target, &route.place, EndPoint::Plain),
            frames: Framed::new(socket, Codec::default()),
            parameters: BTreeMap::new(),
            key: (0, SecretKey::default()),
            route,
        };
        entry.send(PgWireFrontendMessage::Startup(startup_message(target))).await?;
        Ok(entry)
    }

    async fn finish(mut self) -> Result<Connection, ConnectError> {
        while self.advance().await? == Stage::Entering {}
        let (pid, secret) = self.key;
        let canceller = Canceller::new(self.route, pid, secret);
        Ok(Connection::new(self.frames, self.parameters, canceller))
    }

    /// Takes one message of the startup (PostgreSQL documentation, 54.2.1).
    async fn advance(&mut self) -> Result<Stage, ConnectError> {
        match self.receive().await? {
            PgWireBackendMessage::Authentication(request) => {
                if let Some(answer) = self.proof.answer(request)? {
                    self.send(PgWireFrontendMessage::PasswordMessageFamily(answer)).await?;
                }
            }
            PgWireBackendMessage::ParameterStatus(status) => {
                self.parameters.insert(status.name, status.value);
            }
            PgWireBackendMessage::BackendKeyData(data) => self.key = (data.pid, data.secret_key),
            PgWireBackendMessage::ReadyForQuery(_) => return Ok(Stage::Inside),
            PgWireBackendMessage::ErrorResponse(error) => return Err(self.refused(&error)),
            PgWireBackendMessage::NoticeResponse(_)
            | PgWireBackendMessage::NegotiateProtocolVersion(_) => {}
            other => return Err(self.broken(WireError::unexpected(&other))),
        }
        Ok(Stage::Entering)
    }

    async fn send(&mut self, message: PgWireFrontendMessage) -> Result<(), ConnectError> {
        let sent = self.frames.send(message).await;
        sent.map_err(|error| self.broken(error))
    }

    async fn receive(&mut self) -> Result<PgWireBackendMessage, ConnectError> {
        match self.frames.next().await {
            Some(Ok(message)) => Ok(message),
            Some(Err(error)) => Err(self.broken(error)),
            None => Err(self.broken(WireError::Closed)),
        }
    }

    fn refused(&self, error: &ErrorResponse) -> ConnectError {
        let message = ServerMessage::from_fields(&error.fields);
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

fn startup_message(target: &Target) -> Startup {
    let mut startup = Startup::new();
    startup.parameters.clone_from(&target.parameters);
    startup.parameters.insert("user".to_owned(), target.user.clone());
    startup.parameters.insert("database".to_owned(), target.database.clone());
    // Everything on the screen is UTF-8; the server converts.
    startup.parameters.insert("client_encoding".to_owned(), "UTF8".to_owned());
    startup
}
