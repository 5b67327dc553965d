//! A way to a server for a driver that speaks the protocol itself.
//!
//! tokio-postgres brings its own ideas of hosts and TLS, and libpq's users would not get what their connection string says. So the driver is given a stream
//! that is open and encrypted already, by the same route as a [`Connection`] that was let in.

use std::future::{Ready, ready};
use std::io;

use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_postgres::{Client, Config};

use super::auth::EndPoint;
use super::connection::Connection;
use super::error::ConnectError;
use super::socket::Socket;
use super::startup::Route;
use super::target::Target;

/// A route that has proved passable, and how to introduce oneself at its end.
#[derive(Clone, Debug)]
pub struct Passage {
    route: Route,
    config: Config,
}

/// What moves a driver's bytes; it has to be polled for anything to happen.
pub type Carrier = tokio_postgres::Connection<Socket, Socket>;

/// Why a driver got no connection.
#[derive(Debug, thiserror::Error)]
pub enum PassageError {
    /// There is no way through any more.
    #[error(transparent)]
    Closed(#[from] ConnectError),
    /// The server did not let it in.
    #[error("{0}")]
    Refused(#[from] tokio_postgres::Error),
}

impl Passage {
    /// The way that this connection has taken.
    pub fn of(connection: &Connection, target: &Target) -> Self {
        let route = connection.canceller().route().clone();
        let mut config = target.tokio_postgres_config();
        if let Some(password) = &route.place().password {
            config.password(password.reveal());
        }
        // The driver is not to negotiate: it is handed what `AlreadyOpen` has.
        config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
        Self { route, config }
    }

    /// One more connection by the same way.
    pub async fn open(&self) -> Result<(Client, Carrier), PassageError> {
        let socket = self.route.open().await?;
        Ok(self.config.connect_raw(socket, AlreadyOpen).await?)
    }
}

/// A connector with nothing left to do.
struct AlreadyOpen;

impl TlsConnect<Socket> for AlreadyOpen {
    type Stream = Socket;
    type Error = io::Error;
    type Future = Ready<io::Result<Socket>>;

    fn connect(self, socket: Socket) -> Self::Future {
        ready(Ok(socket))
    }
}

impl TlsStream for Socket {
    fn channel_binding(&self) -> ChannelBinding {
        match self.end_point() {
            EndPoint::Certificate(hash) => ChannelBinding::tls_server_end_point(hash),
            EndPoint::Plain | EndPoint::Nameless => ChannelBinding::none(),
        }
    }
}
