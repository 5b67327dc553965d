//! An open connection: statements go in, the parts of their answers come out, both at the same
//! time.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll};

use super::cancel::Canceller;
use super::error::{ConnectError, WireError};
use super::frame::{FrameStream, FromServer, ServerTag};
use super::message::frontend::{put_copy_fail, put_query, put_sync, put_terminate};
use super::response::{Aside, Part, Response};
use super::socket::Socket;
use super::startup;
use super::target::Target;
use crate::core::event::{Pid, octets};

/// Longer SQL does not fit a message (PostgreSQL's `MaxAllocSize`, less the head).
const LONGEST_SQL: usize = 0x3fff_fff0;

/// The frames of a server's socket.
pub(crate) type ServerFrames = FrameStream<ServerTag, Socket>;

/// A connection that the server has let in.
#[derive(Debug)]
pub struct Connection {
    frames: ServerFrames,
    response: Response,
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
        frames: ServerFrames,
        parameters: BTreeMap<String, String>,
        canceller: Canceller,
    ) -> Self {
        Self { frames, response: Response::default(), parameters, canceller }
    }

    /// Frames and canceller, for who has a way of their own to ask and to listen.
    pub(crate) fn into_parts(self) -> (ServerFrames, Canceller) {
        (self.frames, self.canceller)
    }

    /// Hands one Query message to the socket. What the socket does not take at once goes out while
    /// [`next`](Self::next) waits for the answer, so neither side ever stands still for the other.
    pub(crate) async fn submit(&mut self, sql: &str) -> Result<(), WireError> {
        // The server would take the text up to there and refuse the message for what lies behind it
        // (`pq_getmsgend`, "invalid message format"), in words that say nothing of a zero byte.
        if let Some(at) = sql.bytes().position(|byte| byte == 0) {
            return Err(WireError::ZeroByte(at));
        }
        let sql = octets::restore(sql);
        let sql = std::str::from_utf8(&sql).map_err(|_| WireError::NotUtf8)?;
        if sql.len() > LONGEST_SQL {
            return Err(WireError::TooLong(sql.len()));
        }
        put_query(&mut self.frames.out, sql);
        self.response.await_one();
        self.push().await;
        Ok(())
    }

    /// Has the server say what it has to say, though nothing is to be done.
    pub(crate) async fn sync(&mut self) {
        put_sync(&mut self.frames.out);
        self.response.await_one();
        self.push().await;
    }

    /// Says that there are no data for COPY, and why.
    pub(crate) async fn refuse_copy(&mut self, reason: &str) {
        put_copy_fail(&mut self.frames.out, reason);
        self.push().await;
    }

    /// The next frame of the server, for [`fold`](Self::fold). Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<FromServer, WireError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// A frame that has arrived already; nothing where that is not so.
    pub(crate) async fn next_if_ready(&mut self) -> Option<Result<FromServer, WireError>> {
        poll_fn(|cx| match self.poll_next(cx) {
            Poll::Ready(frame) => Poll::Ready(Some(frame)),
            // The waker that was left behind is this task's own: when the frame comes, the task is
            // woken where it waits by then, at worst once for nothing.
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<FromServer, WireError>> {
        self.frames.poll_next_writing(cx).map(|frame| frame?.ok_or(WireError::Closed))
    }

    /// What a frame adds to the answer that is coming in.
    pub(crate) fn fold<'f>(&mut self, frame: &'f FromServer) -> Result<Part<'f>, WireError> {
        let part = self.response.apply(frame)?;
        if let Part::Aside(Aside::Parameter(reported)) = part {
            self.parameters.insert(octets::keep(reported.name), octets::keep(reported.value));
        }
        Ok(part)
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
        put_terminate(&mut self.frames.out);
        Ok(self.frames.close().await?)
    }

    async fn push(&mut self) {
        poll_fn(|cx| {
            self.frames.poll_push(cx);
            Poll::Ready(())
        })
        .await;
    }
}
