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

use crate::core::event::TransactionStatus;
use crate::core::syntax::Strings;
use crate::gateway::guest::Joined;
use crate::gateway::hooks::{Form, Parameter, StatementContext, StatementOutcome, Told, Verdict};
use crate::gateway::talk::{Ended, Launched, Talk};
use crate::pg::frame::{ClientTag, FrameStream, FromServer, ServerTag, Stream};

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

/// What is known of a client's session at a moment.
struct Said {
    application: Arc<str>,
    status: TransactionStatus,
    strings: Strings,
}

/// Who is told of a client's statements.
pub(super) struct Observer {
    joined: Joined,
    wants_answers: bool,
    /// Never held across an await.
    talk: Mutex<Talk>,
}

impl Observer {
    /// Of a client with whom the server has spoken so far.
    pub(super) fn new(joined: Joined, talk: Talk) -> Self {
        let wants_answers = joined.hooks().wants_answers();
        Self { joined, wants_answers, talk: Mutex::new(talk) }
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
            if let Some(launched) = statement {
                // What came before it is not held.
                to_server.flush().await?;
                self.ask(&launched).await;
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
            let (told, ended) = self.note_answered(&frame);
            for (launched, outcome) in ended {
                // The rows before its end are not held with it.
                to_client.flush().await?;
                self.tell(&launched, outcome).await;
            }
            for what in told {
                self.joined.hooks().told(self.joined.client(), what);
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
        for launched in lost {
            self.tell(&launched, StatementOutcome::Lost).await;
        }
    }

    fn note_answered(&self, frame: &FromServer) -> (Vec<Told>, Vec<Ended>) {
        let mut talk = self.talk();
        let told = if self.wants_answers { talk.told(frame) } else { Vec::new() };
        (told, talk.note_answered(frame))
    }

    /// What becomes of a statement that is about to go.
    async fn ask(&self, launched: &Launched) -> Verdict {
        let (parameters, said) = (launched.parameters(), self.said());
        let context = self.context(launched, &parameters, &said);
        self.joined.hooks().before_statement(context).await
    }

    /// Tells what came of a statement.
    async fn tell(&self, launched: &Launched, outcome: StatementOutcome) {
        let (parameters, said) = (launched.parameters(), self.said());
        let context = self.context(launched, &parameters, &said);
        self.joined.hooks().after_statement(context, outcome).await;
    }

    fn said(&self) -> Said {
        let talk = self.talk();
        let (application, status) = (Arc::clone(talk.application()), talk.status());
        Said { application, status, strings: talk.strings() }
    }

    fn context<'a>(
        &'a self,
        launched: &'a Launched,
        parameters: &'a [Parameter],
        said: &'a Said,
    ) -> StatementContext<'a> {
        let prepared = launched.prepared();
        StatementContext {
            client: self.joined.client(),
            application: &said.application,
            sql: launched.sql(),
            parameters,
            form: prepared.map_or(Form::Query, |prepared| Form::Execute { prepared }),
            status: said.status,
            strings: said.strings,
        }
    }
}
