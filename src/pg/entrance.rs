//! The gateway's way into a server for one client: the client's own start-up packet goes there as
//! it came, and every frame of the answer is seen.
//!
//! A server asks for the password of the user in the packet. Whoever has that password answers: the
//! gateway where it is the [`Target`]'s user, the client itself otherwise.

use std::io;

use bytes::{BufMut, BytesMut};
use tokio::io::AsyncWriteExt as _;

use super::auth::Authenticator;
use super::cancel::Canceller;
use super::connection::{Connection, ServerFrames};
use super::error::{ConnectError, WireError};
use super::frame::{FrameStream, FromServer, ServerTag, put};
use super::message::{Authentication, BackendKey, Message as _};
use super::policy::SessionAttrs;
use super::reconnector::Reconnector;
use super::socket::Socket;
use super::startup::Route;
use super::target::Target;
use crate::core::event::octets;

/// A connection on its way in.
pub(crate) struct Entrance {
    line: ServerFrames,
    route: Route,
    proof: Authenticator,
    pid: i32,
    secret: Vec<u8>,
    is_encrypted: bool,
    has_password: bool,
}

impl Reconnector {
    /// The way to a target. Where only the server can tell which of several is passable, it is
    /// asked.
    pub(crate) async fn find(target: &Target) -> Result<Self, ConnectError> {
        if let Some(passage) = Self::certain(target) {
            return Ok(passage);
        }
        let connection = Connection::connect(target).await?;
        let passage = Self::of(&connection, target);
        // Somebody who hangs up without a word is no worse a guest.
        connection.terminate().await.ok();
        Ok(passage)
    }

    /// Whether the same way is right the next time: one of several servers may have changed its
    /// part meanwhile.
    pub(crate) fn stays(&self) -> bool {
        self.target().places.len() == 1 && self.target().session_attrs == SessionAttrs::Any
    }

    /// Sends a start-up packet, or any other that may come first, on a connection of its own. The
    /// password is the target's if the user is.
    pub(crate) async fn enter(&self, packet: &[u8], user: &[u8]) -> Result<Entrance, ConnectError> {
        let place = self.route().place.to_string();
        let entering = self.enter_at_leisure(packet, user);
        let Some(after) = self.target().connect_timeout else { return entering.await };
        let timed_out = ConnectError::TimedOut { place, after };
        tokio::time::timeout(after, entering).await.unwrap_or(Err(timed_out))
    }

    async fn enter_at_leisure(&self, packet: &[u8], user: &[u8]) -> Result<Entrance, ConnectError> {
        let route = self.route().clone();
        let mut socket = route.open().await?;
        let place = route.place.to_string();
        let broken = |error| ConnectError::Broken { place, source: WireError::Io(error) };
        let sent = async { socket.write_all(packet).await.and(socket.flush().await) };
        sent.await.map_err(broken)?;
        let is_encrypted = matches!(socket, Socket::Tls(_));
        let end_point = socket.end_point();
        let mut place = route.place.clone();
        if !self.is_for(user) {
            // Were the target's password given here, a user who has proved nothing to anybody would
            // be let in wherever the two passwords are the same.
            place.password = None;
        }
        Ok(Entrance {
            has_password: place.password.is_some(),
            proof: Authenticator::new(&self.target_of(user), &place, end_point),
            line: FrameStream::new(socket, BytesMut::new()),
            pid: 0,
            // A server that gives no key is sent one all the same: a request has this length.
            secret: vec![0; 4],
            route,
            is_encrypted,
        })
    }

    /// The target as this user's: what goes wrong is told under the user's own name. Only that: who
    /// is called otherwise than the target's user has no password that the name would belong to.
    fn target_of(&self, user: &[u8]) -> Target {
        Target { user: octets::spelled_out(user), ..self.target().clone() }
    }

    fn is_for(&self, user: &[u8]) -> bool {
        self.target().user().as_bytes() == user
    }
}

impl Entrance {
    /// The next frame of the server; nothing at the end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<FromServer>> {
        let frame = self.line.next().await?;
        if let Some(frame) = frame.as_ref().filter(|frame| frame.tag == ServerTag::Key) {
            let BackendKey { pid, secret } = BackendKey::read(frame).map_err(io::Error::other)?;
            (self.pid, self.secret) = (pid, secret.to_vec());
        }
        Ok(frame)
    }

    /// Whether the next frame is here already.
    pub(crate) fn has_frame(&self) -> bool {
        self.line.has_frame()
    }

    /// Whether the password of the user who comes in is known here.
    pub(crate) fn has_password(&self) -> bool {
        self.has_password
    }

    /// Bytes of the server, whatever they mean; none at the end.
    pub(crate) async fn bytes(&mut self) -> io::Result<BytesMut> {
        self.line.bytes().await
    }

    /// Hands the client's bytes on.
    pub(crate) async fn pass(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.line.out.put_slice(bytes);
        self.line.flush().await
    }

    /// Answers an authentication request with the target's own password.
    pub(crate) async fn prove(&mut self, request: &FromServer) -> Result<(), ConnectError> {
        let place = self.route.place.to_string();
        let broken = |source| ConnectError::Broken { place: place.clone(), source };
        let request = Authentication::read(request).map_err(broken)?;
        self.proof.answer(request, &mut self.line.out)?;
        self.line.flush().await.map_err(|error| broken(WireError::Io(error)))
    }

    /// The request as a client may see it who cannot bind to this channel: it ends here.
    pub(crate) fn unbound(&self, request: &FromServer) -> BytesMut {
        let mut out = BytesMut::new();
        match Authentication::read(request) {
            // The client sees the gateway's certificate or none, so a proof bound to it cannot hold
            // for the server's. A server offers `-PLUS` over TLS alone.
            Ok(Authentication::Sasl(mechanisms)) if self.is_encrypted => {
                put(&mut out, b'R', |out| {
                    out.put_i32(SASL);
                    for name in mechanisms.iter().filter(|name| !name.ends_with(b"-PLUS")) {
                        out.put_slice(name);
                        out.put_u8(0);
                    }
                    out.put_u8(0);
                });
            }
            _ => out.put_slice(request.bytes()),
        }
        out
    }

    /// Cancels what runs on the connection, by the key that the server gave.
    pub(crate) fn canceller(&self) -> Canceller {
        Canceller::new(self.route.clone(), self.pid, self.secret.clone())
    }

    /// The stream, and what was read of it beyond the last frame.
    pub(crate) fn into_parts(self) -> (Socket, BytesMut) {
        self.line.into_parts()
    }
}

/// `AuthenticationSASL` (PostgreSQL documentation, 54.7).
const SASL: i32 = 10;

/// Whether an authentication request says that nothing more is asked.
pub(crate) fn lets_in(request: &FromServer) -> bool {
    request.body() == [0; 4]
}
