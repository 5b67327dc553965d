//! A connection's bytes for who has a codec of their own: the gateway, which moves frames without
//! reading them, and the rush.

use bytes::BytesMut;

use super::cancel::Canceller;
use super::connection::Connection;
use super::socket::Socket;

/// What is left of a connection when its codec is taken away.
pub(crate) struct Raw {
    /// The stream, TLS included.
    pub(crate) stream: Socket,
    /// What was read beyond the startup.
    pub(crate) read: BytesMut,
    /// Cancels what runs on it.
    pub(crate) canceller: Canceller,
}

impl Connection {
    /// Gives the stream away.
    pub(crate) fn into_raw(self) -> Raw {
        let (frames, canceller) = self.into_parts();
        let parts = frames.into_parts();
        Raw { stream: parts.io, read: parts.read_buf, canceller }
    }
}
