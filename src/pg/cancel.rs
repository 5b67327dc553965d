//! Cancelling from outside: a `CancelRequest` on a connection of its own (PostgreSQL documentation,
//! 54.2.8).

use std::time::Duration;

use bytes::BytesMut;
use pgwire::messages::PgWireFrontendMessage;
use pgwire::messages::cancel::CancelRequest;
use pgwire::messages::startup::SecretKey;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::error::{ConnectError, WireError};
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
    #[serde(with = "secret")]
    secret: SecretKey,
}

impl Canceller {
    pub(super) fn new(route: Route, pid: i32, secret: SecretKey) -> Self {
        Self { route, pid, secret }
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
        (self.pid, secret::bytes(&self.secret))
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
        PgWireFrontendMessage::CancelRequest(CancelRequest::new(self.pid, self.secret.clone()))
            .encode(&mut bytes)
            .map_err(|error| broken(error.into()))?;
        socket.write_all(&bytes).await.map_err(|error| broken(WireError::Io(error)))?;
        socket.flush().await.map_err(|error| broken(WireError::Io(error)))?;
        // The server answers with nothing but the end of the connection, after it has sent the
        // signal.
        let mut nothing = [0; 16];
        while matches!(socket.read(&mut nothing).await, Ok(read) if read > 0) {}
        Ok(())
    }
}

/// A secret as the bytes that go over the wire.
mod secret {
    use bytes::Bytes;
    use pgwire::messages::startup::SecretKey;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn bytes(secret: &SecretKey) -> Vec<u8> {
        match secret {
            SecretKey::I32(number) => number.to_be_bytes().to_vec(),
            SecretKey::Bytes(bytes) => bytes.to_vec(),
        }
    }

    pub(super) fn serialize<S: Serializer>(secret: &SecretKey, to: S) -> Result<S::Ok, S::Error> {
        bytes(secret).serialize(to)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<SecretKey, D::Error> {
        Ok(SecretKey::Bytes(Bytes::from(Vec::<u8>::deserialize(from)?)))
    }
}
