//! The gateway's side towards PostgreSQL: one connection for each client, on which the client's own
//! statements and the gateway's questions alternate.
//!
//! The gateway asks over the extended protocol, with statements of its own name: a Query message
//! would destroy the client's unnamed statement and portal (PostgreSQL documentation, 54.2.3).

mod asking;
mod error;
mod leave;
mod message;
mod parameters;
mod parsing;
mod question;
mod questions;
#[cfg(test)]
mod scripted;
mod watchdog;

use std::io;
use std::num::NonZero;

use bytes::BufMut;
use lru::LruCache;

use crate::pg::frame::{FrameStream, FromServer, ServerTag};
use crate::pg::message::frontend::{put_copy_fail, put_flush, put_query, put_sync};
use crate::pg::{Canceller, ConnectError, Connection, Entrance, Target};
pub(crate) use error::{BackendError, error_field};
pub(crate) use leave::{FAREWELL, take_leave};
pub(crate) use parameters::Parameters;
pub(crate) use question::{
    Answer, AnswerRow, BoundValue, BoundValues, COPIES_FIRST, Question, STORED_FIRST,
};
pub(crate) use questions::{Asked, Heard, Questions};
#[cfg(test)]
pub(crate) use scripted::{Reaction, ScriptedBackend};
use watchdog::watch;
pub(crate) use watchdog::{Look, Watchdog};

/// How many of the gateway's own statements stay prepared on a connection: enough for some dozen
/// tables, and what a server keeps in memory for them is bounded.
const MOST_PREPARED: NonZero<usize> = NonZero::new(500).expect("it is not zero");

/// What the names of the gateway's own statements begin with.
const OWN: &str = "overbooked_";

/// The connection to PostgreSQL.
pub(crate) struct Backend {
    line: FrameStream<ServerTag>,
    canceller: Canceller,
    parameters: Parameters,
    prepared: LruCache<String, String>,
    named: u64,
    /// Whether the client may have an unnamed portal, which none of ours must replace.
    has_unnamed_portal: bool,
    /// Whether an error may have left our portal behind, until the transaction that it has failed
    /// ends.
    is_portal_left: bool,
    /// What the names of the gateway's own statements and portals begin with: no client comes upon
    /// it.
    own: String,
    /// What is asked before anything else, while its answers are not wanted yet.
    deferred: Deferred,
    /// What the server said to the client while the gateway was asking.
    aside: Vec<FromServer>,
    watchdog: Option<Box<dyn Watchdog>>,
}

/// Questions whose answers are wanted later.
#[derive(Default)]
enum Deferred {
    #[default]
    Nothing,
    /// For what is queued next.
    Waiting(Vec<Question>),
    Sent,
    /// The error that one of them failed with is the whole batch's.
    Heard(Result<Vec<Answer>, FromServer>),
}

impl Backend {
    /// Connects for the gateway's own questions.
    pub(crate) async fn connect(target: &Target) -> Result<Self, ConnectError> {
        let (frames, canceller) = Connection::connect(target).await?.into_parts();
        let (stream, read) = frames.into_parts();
        let line = FrameStream::<ServerTag>::new(Box::new(stream), read);
        Ok(Self::new(line, canceller, Parameters::default()))
    }

    /// Takes over a connection that the server has let in.
    pub(crate) fn entered(entrance: Entrance, parameters: Parameters) -> Self {
        let canceller = entrance.canceller();
        let (stream, read) = entrance.into_parts();
        Self::new(FrameStream::new(Box::new(stream), read), canceller, parameters)
    }

    fn new(line: FrameStream<ServerTag>, canceller: Canceller, parameters: Parameters) -> Self {
        Self {
            line,
            canceller,
            parameters,
            prepared: LruCache::new(MOST_PREPARED),
            named: 0,
            has_unnamed_portal: false,
            is_portal_left: false,
            own: format!("{OWN}{:016x}", rand::random::<u64>()),
            deferred: Deferred::Nothing,
            aside: Vec::new(),
            watchdog: None,
        }
    }

    /// Has the server give up whatever it does, and waits until its process is gone.
    pub(crate) async fn leave(mut self) {
        take_leave(self.line.stream(), &self.canceller).await;
    }

    /// What cancels the statement that runs.
    pub(crate) fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// The parameters that the server has reported.
    pub(crate) fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The next frame; the stream's end is an error.
    pub(crate) async fn next(&mut self) -> io::Result<FromServer> {
        loop {
            let next = self.line.next();
            let frame = match &self.watchdog {
                Some(watchdog) => watch(watchdog.as_ref(), next).await?,
                None => next.await?,
            };
            if let Some(frame) = self.take_note(frame)? {
                return Ok(frame);
            }
        }
    }

    /// The next frame while nothing is asked. Dropping the future loses nothing.
    pub(crate) async fn next_unasked(&mut self) -> io::Result<FromServer> {
        loop {
            let frame = self.line.next().await?;
            if let Some(frame) = self.take_note(frame)? {
                return Ok(frame);
            }
        }
    }

    /// Keeps a parameter that the server reports. An encoding that is refused never reaches the
    /// client.
    fn take_note(&mut self, frame: Option<FromServer>) -> io::Result<Option<FromServer>> {
        let ended =
            || io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection");
        let frame = frame.ok_or_else(ended)?;
        let is_kept = frame.tag != ServerTag::Parameter || self.parameters.note(&frame);
        Ok(is_kept.then_some(frame))
    }

    /// Brings back the encoding that the client had before the one that it cannot have.
    pub(crate) async fn restore_encoding(&mut self) -> Result<(), BackendError> {
        let encoding = self.parameters.readable_encoding();
        let question = Question::once("select set_config('client_encoding', $1, false)");
        self.ask(question.with(encoding)).await.map(drop)
    }

    /// Has this connection watched from now on: nobody may hold it up.
    pub(crate) fn watched_by(mut self, watchdog: Box<dyn Watchdog>) -> Self {
        self.watchdog = Some(watchdog);
        self
    }

    /// Forgets statements that DISCARD or DEALLOCATE has taken away.
    pub(crate) fn forget_prepared(&mut self) {
        self.prepared.clear();
    }

    /// Queues a client's statement.
    pub(crate) fn put_query(&mut self, sql: &str) {
        put_query(&mut self.line.out, sql);
    }

    /// Queues messages of a client's as they came.
    pub(crate) fn put_messages(&mut self, messages: &[u8]) {
        self.has_unnamed_portal = true;
        self.line.out.put_slice(messages);
    }

    /// Queues what tells the server that the client has not gone to sleep.
    pub(crate) fn put_flush(&mut self) {
        put_flush(&mut self.line.out);
    }

    /// Queues what has the server answer to all before it.
    pub(crate) fn put_sync(&mut self) {
        put_sync(&mut self.line.out);
    }

    /// Queues the end of a COPY that is given up.
    pub(crate) fn put_copy_failure(&mut self, reason: &str) {
        put_copy_fail(&mut self.line.out, reason);
    }

    /// Whether so much is queued that it should be on its way.
    pub(crate) fn is_full(&self) -> bool {
        self.line.is_full()
    }

    /// Sends what is queued. What the server says meanwhile is kept.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.line.flush_hearing().await
    }

    /// Has the server give up the statement that runs. Where that does not arrive, its answer goes
    /// on to its end.
    pub(crate) async fn cancel(&mut self) {
        self.canceller.cancel().await.ok();
    }

    /// What the server said to the client while the gateway was asking.
    pub(crate) fn take_aside(&mut self) -> Vec<FromServer> {
        std::mem::take(&mut self.aside)
    }
}
