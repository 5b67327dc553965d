//! An open connection: statements go in, messages come out, both at the same time.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{Sink, Stream};
use pgwire::messages::simplequery::Query;
use pgwire::messages::terminate::Terminate;
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio_util::codec::Framed;

use super::cancel::Canceller;
use super::codec::Codec;
use super::error::{ConnectError, WireError};
use super::socket::Socket;
use super::startup;
use super::target::Target;
use crate::core::event::{Pid, octets};

/// Longer SQL does not fit a message (PostgreSQL's `MaxAllocSize`, less the head).
const LONGEST_SQL: usize = 0x3fff_fff0;

/// The frames of a socket.
pub(super) type Frames = Framed<Socket, Codec>;

/// A connection that the server has let in.
#[derive(Debug)]
pub struct Connection {
    frames: Frames,
    parameters: BTreeMap<String, String>,
    canceller: Canceller,
}

impl AsFd for Connection {
    /// The socket, to be held open.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.frames.get_ref().as_fd()
    }
}

impl Connection {
    /// Connects to the first of the target's places that lets us in.
    pub async fn connect(target: &Target) -> Result<Self, ConnectError> {
        startup::connect(target).await
    }

    /// Takes over frames whose startup is done.
    pub(super) fn new(
        frames: Frames,
        parameters: BTreeMap<String, String>,
        canceller: Canceller,
    ) -> Self {
        Self { frames, parameters, canceller }
    }

    /// Frames and canceller, for who speaks on by other means.
    pub(super) fn into_parts(self) -> (Frames, Canceller) {
        (self.frames, self.canceller)
    }

    /// Hands one Query message to the socket. What the socket does not take at once goes out while
    /// [`next`](Self::next) waits for the answer, so neither side ever stands still for the other.
    pub async fn submit(&mut self, sql: &str) -> Result<(), WireError> {
        if let Some(at) = sql.bytes().position(|byte| byte == 0) {
            return Err(WireError::ZeroByte(at));
        }
        let Ok(sql) = String::from_utf8(octets::restore(sql).into_owned()) else {
            return Err(WireError::NotUtf8);
        };
        if sql.len() > LONGEST_SQL {
            return Err(WireError::TooLong(sql.len()));
        }
        self.send(PgWireFrontendMessage::Query(Query::new(sql))).await
    }

    /// Hands any message to the socket, like [`submit`](Self::submit).
    pub(crate) async fn send(&mut self, message: PgWireFrontendMessage) -> Result<(), WireError> {
        Pin::new(&mut self.frames).start_send(message)?;
        poll_fn(|cx| Poll::Ready(self.push(cx))).await
    }

    /// The next message of the server. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<PgWireBackendMessage, WireError> {
        let message = poll_fn(|cx| {
            self.push(cx)?;
            self.poll_message(cx)
        })
        .await?;
        if let PgWireBackendMessage::ParameterStatus(status) = &message {
            self.parameters.insert(status.name.clone(), status.value.clone());
        }
        Ok(message)
    }

    /// A message that has arrived already; nothing where that is not so.
    pub(crate) async fn next_if_ready(
        &mut self,
    ) -> Option<Result<PgWireBackendMessage, WireError>> {
        poll_fn(|cx| match self.poll_message(cx) {
            Poll::Ready(message) => Poll::Ready(Some(message)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    /// What cancels the statement that runs here, from anywhere.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// A parameter as the server reported it last: `server_version`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// The process that `BackendKeyData` named. Behind a pooler or a gateway it may be nobody's.
    pub fn key_pid(&self) -> Pid {
        self.canceller.pid()
    }

    /// Whether nobody else can read what is said here.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.frames.get_ref().is_encrypted()
    }

    /// Says goodbye, so that the server need not find out by itself.
    pub async fn terminate(mut self) -> Result<(), WireError> {
        let goodbye = PgWireFrontendMessage::Terminate(Terminate::new());
        Pin::new(&mut self.frames).start_send(goodbye)?;
        poll_fn(|cx| Pin::new(&mut self.frames).poll_close(cx)).await
    }

    /// Writes what the socket takes. A broken pipe is not told from here: the server's last
    /// words may still lie in the other direction, and reading finds the end after them.
    fn push(&mut self, cx: &mut Context<'_>) -> Result<(), WireError> {
        match Pin::new(&mut self.frames).poll_flush(cx) {
            Poll::Ready(Err(WireError::Io(_)) | Ok(())) | Poll::Pending => Ok(()),
            Poll::Ready(Err(error)) => Err(error),
        }
    }

    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<PgWireBackendMessage, WireError>> {
        Pin::new(&mut self.frames).poll_next(cx).map(|message| match message {
            Some(message) => message,
            None => Err(WireError::Closed),
        })
    }
}
