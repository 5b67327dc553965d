//! A connection's bytes for who moves frames without reading them: the gateway.

use std::collections::BTreeMap;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};

use super::cancel::Canceller;
use super::connection::Connection;
use super::target::Target;

/// A byte stream to a server.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// What is left of a connection when its codec is taken away.
pub(crate) struct Raw {
    /// The stream, TLS included.
    pub(crate) stream: Box<dyn ByteStream>,
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
        Raw { stream: Box::new(parts.io), read: parts.read_buf, parameters, canceller }
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
