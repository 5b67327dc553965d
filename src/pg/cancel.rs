//! Cancelling from outside: a `CancelRequest` on a connection of its own (PostgreSQL documentation,
//! 54.2.8).

use std::time::Duration;

use bytes::BytesMut;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::error::{ConnectError, WireError};
use super::message::frontend::put_cancel_request;
use super::startup::Route;
use crate::core::event::Pid;

/// How long a cancel request may take; the statement's own end is waited for elsewhere.
const DEADLINE: Duration = Duration::from_secs(10);

/// Cancels whatever statement its connection runs at the moment. Another process can do it, too: it
/// is written without a password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Canceller {
    route: Route,
    pid: i32,
    secret: Vec<u8>,
}

impl Canceller {
    pub(super) fn new(route: Route, pid: i32, secret: Vec<u8>) -> Self {
        Self { route, pid, secret }
    }

    /// The same for a process that works in another folder.
    pub(crate) fn in_any_folder(self) -> Self {
        Self { route: self.route.in_any_folder(), ..self }
    }

    /// The way that the connection has taken.
    pub(super) fn route(&self) -> &Route {
        &self.route
    }

    /// The process that the server named with the key.
    pub(super) fn pid(&self) -> Pid {
        Pid(self.pid)
    }

    /// The process and the secret's bytes, as `BackendKeyData` carries them.
    pub(crate) fn key_bytes(&self) -> (i32, Vec<u8>) {
        (self.pid, self.secret.clone())
    }

    /// Asks the server to cancel, by the same route (TLS included) as the connection's own. When
    /// this returns, the server has passed the request on; whether it came in time is seen in the
    /// statement's answer.
    pub async fn cancel(&self) -> Result<(), ConnectError> {
        let place = self.route.place.to_string();
        match tokio::time::timeout(DEADLINE, self.request()).await {
            Ok(result) => result,
            Err(_) => Err(ConnectError::TimedOut { place, after: DEADLINE }),
        }
    }

    async fn request(&self) -> Result<(), ConnectError> {
        let mut socket = self.route.open().await?;
        let broken = |source| ConnectError::Broken { place: self.route.place.to_string(), source };
        let mut bytes = BytesMut::new();
        put_cancel_request(&mut bytes, self.pid, &self.secret);
        socket.write_all(&bytes).await.map_err(|error| broken(WireError::Io(error)))?;
        // Over TLS what is written can stay behind in rustls's buffer; without a flush the request
        // might never leave.
        socket.flush().await.map_err(|error| broken(WireError::Io(error)))?;
        // The server answers with nothing but the end of the connection, after it has sent the
        // signal.
        // Were it not waited for, the session could go on to its next statement, and the signal
        // would cancel that one (libpq waits for the same reason, fe-cancel.c).
        let mut nothing = [0; 16];
        // A reset, or an end of TLS without `close_notify`, is an end as well: the request is out,
        // and there is nothing more to learn on this connection.
        while matches!(socket.read(&mut nothing).await, Ok(read) if read > 0) {}
        Ok(())
    }
}
