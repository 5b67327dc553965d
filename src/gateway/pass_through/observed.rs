//! Pass-through for whoever holds statements: the client and the server speak with each other as
//! ever, message by message, and each statement is told before it goes and before its end is told
//! to the client.
//!
//! ```text
//!  client ──messages──▶ a statement? held ──▶ server
//!         ◀──messages── its end? held ◀──────
//! ```
//!
//! Nothing is changed on the way. The two directions do not wait for each other.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::io::{Empty, Join, ReadHalf, Sink, WriteHalf, empty, join, sink, split};

use super::talk::Talk;
use crate::core::event::Pid;
use crate::gateway::hooks::{StatementContext, StatementHooks, StatementOutcome};
use crate::gateway::mode::Mode;
use crate::pg::frame::{ClientTag, FrameStream, ServerTag, Stream};

type Reading<T, S> = FrameStream<T, Join<ReadHalf<S>, Sink>>;
pub(super) type Writing<T, S> = FrameStream<T, Join<Empty, WriteHalf<S>>>;

/// Two streams, and who is told of the statements that go from one to the other.
pub(super) struct ObservedConversation<C, S> {
    from_client: Reading<ClientTag, C>,
    to_client: Writing<ClientTag, C>,
    from_server: Reading<ServerTag, S>,
    to_server: Writing<ServerTag, S>,
    observer: Observer,
}

impl<C: Stream, S: Stream> ObservedConversation<C, S> {
    /// Between two, of each of whom something may have been read already.
    pub(super) fn new(
        (client, said): (C, BytesMut),
        (server, answered): (S, BytesMut),
        observer: Observer,
    ) -> Self {
        let (from_client, to_client) = split(client);
        let (from_server, to_server) = split(server);
        Self {
            from_client: FrameStream::new(join(from_client, sink()), said),
            to_client: FrameStream::new(join(empty(), to_client), BytesMut::new()),
            from_server: FrameStream::new(join(from_server, sink()), answered),
            to_server: FrameStream::new(join(empty(), to_server), BytesMut::new()),
            observer,
        }
    }

    /// Until both have said everything. After its future was dropped, what the client is still to
    /// be told ends with a whole message.
    pub(super) async fn run(&mut self) -> io::Result<()> {
        let Self { from_client, to_client, from_server, to_server, observer } = self;
        let up = observer.pass_on(from_client, to_server);
        let down = observer.answer(from_server, to_client);
        tokio::try_join!(up, down).map(|((), ())| ())
    }

    /// Tells of the statements whose end nobody will learn any more, whatever has ended the
    /// conversation.
    pub(super) async fn tell_lost(&mut self) {
        self.observer.tell_lost().await;
    }

    /// What is still to be told to the client, and the server's stream, whole again.
    pub(super) fn into_ends(self) -> (Writing<ClientTag, C>, Join<ReadHalf<S>, WriteHalf<S>>) {
        let ((reader, _), (writer, _)) =
            (self.from_server.into_parts(), self.to_server.into_parts());
        (self.to_client, join(reader.into_inner().0, writer.into_inner().1))
    }
}

/// Who is told of a client's statements.
pub(super) struct Observer {
    hooks: Arc<dyn StatementHooks>,
    pid: Pid,
    /// Never held across an await.
    talk: Mutex<Talk>,
}

impl Observer {
    /// Of the client for which this process works, and which calls itself so.
    pub(super) fn new(hooks: Arc<dyn StatementHooks>, pid: Pid, application: &str) -> Self {
        Self { hooks, pid, talk: Mutex::new(Talk::of(application)) }
    }

    fn talk(&self) -> MutexGuard<'_, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes the client's messages on, each statement when nobody holds it any more.
    async fn pass_on<C: Stream, S: Stream>(
        &self,
        from_client: &mut Reading<ClientTag, C>,
        to_server: &mut Writing<ServerTag, S>,
    ) -> io::Result<()> {
        while let Some(frame) = from_client.next().await? {
            let statement = self.talk().note_said(&frame);
            if let Some(sql) = statement {
                // What came before it is not held.
                to_server.flush().await?;
                self.tell(&sql, None).await;
            }
            to_server.pass(&frame);
            if !from_client.has_frame() || to_server.is_full() {
                to_server.flush().await?;
            }
        }
        to_server.close().await
    }

    /// Passes the server's messages on, the end of each statement when nobody holds it any more.
    async fn answer<C: Stream, S: Stream>(
        &self,
        from_server: &mut Reading<ServerTag, S>,
        to_client: &mut Writing<ClientTag, C>,
    ) -> io::Result<()> {
        while let Some(frame) = from_server.next().await? {
            let ended = self.talk().note_answered(&frame);
            for (sql, outcome) in ended {
                // The rows before its end are not held with it.
                to_client.flush().await?;
                self.tell(&sql, Some(outcome)).await;
            }
            to_client.pass(&frame);
            if !from_server.has_frame() || to_client.is_full() {
                to_client.flush().await?;
            }
        }
        self.tell_lost().await;
        to_client.close().await
    }

    async fn tell_lost(&self) {
        let lost = self.talk().note_end();
        for sql in lost {
            self.tell(&sql, Some(StatementOutcome::Lost)).await;
        }
    }

    /// Tells of a statement, before it or with what came of it: the one place from which the hooks
    /// are called.
    async fn tell(&self, sql: &str, outcome: Option<StatementOutcome>) {
        let application = Arc::clone(self.talk().application());
        let context = StatementContext {
            pid: self.pid,
            application: &application,
            mode: Mode::PassThrough,
            sql,
        };
        match outcome {
            None => self.hooks.before_statement(context).await,
            Some(outcome) => self.hooks.after_statement(context, outcome).await,
        }
    }
}
