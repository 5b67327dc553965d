//! A connection's bytes for who has a codec of their own: the gateway, which moves frames without reading them, and the rush.

use std::collections::BTreeMap;

use bytes::BytesMut;

use super::cancel::Canceller;
use super::connection::Connection;
use super::socket::Socket;
use super::target::Target;

/// What is left of a connection when its codec is taken away.
pub(crate) struct Raw {
    /// The stream, TLS included.
    pub(crate) stream: Socket,
    /// What was read beyond the startup.
    pub(crate) read: BytesMut,
    /// The parameters that the server reported.
    pub(crate) parameters: BTreeMap<String, String>,
    /// Cancels what runs on it.
    pub(crate) canceller: Canceller,
}

impl Connection {
    /// Gives the stream away.
    pub(crate) fn into_raw(self) -> Raw {
        let (frames, parameters, canceller) = self.into_parts();
        let parts = frames.into_parts();
        Raw { stream: parts.io, read: parts.read_buf, parameters, canceller }
    }
}

impl Target {
    /// The same place with these startup parameters on top of its own.
    pub(crate) fn with_parameters(&self, parameters: &BTreeMap<String, String>) -> Self {
        let mut target = self.clone();
        target.parameters.extend(parameters.clone());
        target
    }
}
