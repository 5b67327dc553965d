//! Pass-through for whoever holds statements: the client and the server speak with each other as
//! ever, message by message, and each statement is told before it goes and before its end is told
//! to the client.
//!
//! ```text
//!  client ──messages──▶ a statement? held ──▶ server
//!         ◀──messages── its end? held ◀──────
//! ```
//!
//! Nothing is changed on the way. The two directions do not wait for each other, but where hooks
//! hold statements: there each waits until what came before it is answered, so that while one is
//! held the server has nothing to do for this client, and everybody knows what it would see. Then
//! the messages are the client's too, with a Flush where the server would keep an answer to
//! itself, and of a portal that was held the Bind once more: a query reads what was committed by
//! its Bind. A snapshot of the whole transaction is taken at its first Parse, for whose answer most
//! clients wait before they say more; that one is as it was.
//!
//! | file | what it holds |
//! |---|---|
//! | `holding` | how a statement is held, and what ends that |
//! | `timeouts` | the server's patience meanwhile |
//! | `refusing` | what goes in the place of a statement that does not, and the last one that does |

mod holding;
mod refusing;
mod timeouts;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::io::{Empty, Join, ReadHalf, Sink, WriteHalf, empty, join, sink, split};
use tokio::sync::Notify;

use crate::core::event::TransactionStatus;
use crate::core::syntax::Strings;
use crate::gateway::cancellers::Hold;
use crate::gateway::guest::Joined;
use crate::gateway::hooks::{Form, Parameter, StatementContext, StatementOutcome, Told};
use crate::gateway::refusal::Refusal;
use crate::gateway::talk::{Ended, Launched, Talk, Telling};
use crate::pg::frame::{ClientTag, FrameStream, FromClient, FromServer, ServerTag, Stream};
use crate::pg::message::frontend::put_flush;

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

/// What becomes of a message.
enum Fate {
    Goes,
    /// It does not go, and fails with this.
    Fails(Launched, Refusal),
    /// It does not go, and the connection ends.
    Ends,
    /// It goes, and the connection ends instead of its answer.
    EndsAfter,
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "a held statement's connection has ended")
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
    /// Where it is noted that a statement is held, for whoever cancels it.
    hold: Arc<Hold>,
    /// Never held across an await.
    talk: Mutex<Talk>,
    /// That the server has said something.
    changed: Notify,
    /// Whether the client is told nothing more.
    is_muted: AtomicBool,
}

impl Observer {
    /// Of a client with whom the server has spoken so far.
    pub(super) fn new(joined: Joined, talk: Talk, hold: Arc<Hold>) -> Self {
        Self {
            joined,
            hold,
            talk: Mutex::new(talk),
            changed: Notify::new(),
            is_muted: AtomicBool::new(false),
        }
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
            match self.judge(&frame, from_client, to_server).await? {
                Fate::Goes => self.send(&frame, from_client.next_byte(), to_server),
                Fate::Fails(launched, refusal) => self.refuse(launched, refusal, to_server),
                Fate::Ends => return Err(ended()),
                Fate::EndsAfter => return self.send_last(&frame, from_client, to_server).await,
            }
            if !from_client.has_frame() || to_server.is_full() {
                to_server.flush().await?;
            }
        }
        to_server.close().await
    }

    /// Sends a message as it came, with another to follow that begins so, if that is here.
    fn send<S: Stream>(
        &self,
        frame: &FromClient,
        next: Option<u8>,
        to_server: &mut Writing<ServerTag, S>,
    ) {
        self.talk().note_said(frame);
        to_server.pass(frame);
        // A Sync or Flush has it answered anyway. A Sync of the gateway's own would end an implicit
        // transaction.
        let is_followed = matches!(next, Some(b'S' | b'H'));
        if frame.tag == ClientTag::Execute && !is_followed && self.joined.may_be_held() {
            put_flush(&mut to_server.out);
        }
    }

    /// Passes the server's messages on, the end of each statement when nobody holds it any more.
    async fn answer<C: Stream, S: Stream>(
        &self,
        from_server: &mut Reading<ServerTag, S>,
        to_client: &mut Writing<ClientTag, C>,
    ) -> io::Result<()> {
        while let Some(frame) = from_server.next().await? {
            let heard = self.talk().heard(frame);
            if let Some(frame) = heard {
                self.hand_over(&frame, to_client).await?;
            }
            if !from_server.has_frame() || to_client.is_full() {
                to_client.flush().await?;
            }
            self.changed.notify_waiters();
        }
        self.joined.hooks().server_left(self.joined.client().id);
        self.tell_lost().await;
        to_client.close().await?;
        self.talk().note_telling(Telling::Over);
        self.changed.notify_waiters();
        Ok(())
    }

    /// Tells everybody what the server has said.
    async fn hand_over<C: Stream>(
        &self,
        frame: &FromServer,
        to_client: &mut Writing<ClientTag, C>,
    ) -> io::Result<()> {
        let (told, ended) = self.note_answered(frame);
        for (launched, outcome) in ended {
            // The rows before its end are not held with it.
            to_client.flush().await?;
            self.tell(&launched, outcome).await;
        }
        if !self.is_muted.load(Ordering::Relaxed) {
            for what in told {
                self.joined.hooks().told(self.joined.client(), what);
            }
            to_client.pass(frame);
        }
        self.talk().note_telling(Telling::Done);
        Ok(())
    }

    /// Waits until this is so.
    async fn until(&self, is_so: impl Fn(&Talk) -> bool) {
        loop {
            // Made before the question: whatever changes behind it wakes this.
            let changed = self.changed.notified();
            if is_so(&self.talk()) {
                return;
            }
            changed.await;
        }
    }

    async fn tell_lost(&self) {
        let lost = self.talk().note_end();
        for launched in lost {
            self.tell(&launched, StatementOutcome::Lost).await;
        }
    }

    fn note_answered(&self, frame: &FromServer) -> (Vec<Told>, Vec<Ended>) {
        let mut talk = self.talk();
        let wants_answers = self.joined.hooks().wants_answers();
        let told = if wants_answers { talk.told(frame) } else { Vec::new() };
        talk.note_telling(Telling::Going);
        (told, talk.note_answered(frame))
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
