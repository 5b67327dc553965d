//! One client: its connection, its backend, its transaction. A task each.
//!
//! ```text
//!  client ──frames──▶ Session ──frames──▶ PostgreSQL
//!                       │ simple.rs    one Query message: statement by statement
//!                       │ extended.rs  Parse, Bind, Describe, Execute, Sync
//!                       │ admit.rs     what must be so before a statement may run
//!                       │ transaction.rs, commit.rs
//! ```

mod encoding;
mod extended;
pub(crate) mod handshake;
mod names;
pub(crate) mod packet;
mod rewound;
mod simple;
mod substitute;
mod waiting;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use crate::core::event::Pid;
use crate::gateway::backend::{BackendError, Server, error_field};
use crate::gateway::news::{Happening, News};
use crate::gateway::protocol::simple::Held;
use crate::gateway::refusal::Refusal;
use crate::gateway::shared::Shared;
use crate::gateway::statement::Access;
use crate::gateway::transaction::client_handle::ClientHandle;
use crate::gateway::transaction::commit::TableChanges;
use crate::gateway::transaction::ddl::Ddl;
use crate::gateway::transaction::ledger::Snapshot;
use crate::gateway::transaction::tables::Tables;
use crate::pg::frame::{ClientTag, FrameStream, FromClient, FromServer, ServerTag, put};
use names::{Portal, Prepared};
use waiting::Waiting;

/// A client that has been let in.
pub(crate) struct Session {
    pub(crate) client: FrameStream<ClientTag>,
    pub(crate) server: Server,
    pub(crate) common: Arc<Shared>,
    pub(crate) place: ClientHandle,
    pub(crate) tables: Tables,
    pub(crate) state: State,
    /// When the client began with what it tries to commit, counted among all: who has lost tries
    /// on.
    pub(crate) trying_since: Option<u64>,
    /// What the client has prepared, by name.
    pub(crate) prepared: HashMap<String, Prepared>,
    /// What it has bound or declared.
    pub(crate) portals: HashMap<String, Portal>,
    /// After an error in the extended protocol, everything up to Sync is skipped.
    pub(crate) skips: bool,
    /// Messages that have not been sent to the server yet.
    pub(crate) waiting: Vec<Waiting>,
    /// The `CommandComplete` of the last Execute: an implicit transaction may still be refused.
    pub(crate) held: Held,
    /// Whether the statement that runs was given up for another client's sake: nothing more of its
    /// answer is passed on.
    pub(crate) gave_up: bool,
    /// Whether the statement that runs is an EXPLAIN, whose rows name tables.
    pub(crate) explains: bool,
    /// What a statement of its own has changed, asked for together with it.
    pub(crate) foreseen: Option<Vec<TableChanges>>,
    pub(crate) application: Arc<str>,
    pub(crate) pid: Pid,
}

/// Where the client stands.
#[derive(Debug)]
pub(crate) enum State {
    /// No transaction.
    Idle,
    /// In a transaction.
    Open(Box<Transaction>),
    /// In a transaction block that has failed; the backend has been rolled back already.
    Failed,
    /// In a transaction that somebody's DDL has ended; the client does not know yet.
    Aborted(Block),
}

/// How a transaction came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// By BEGIN.
    Explicit,
    /// By a statement outside of a block; it ends with the statement's message.
    Implicit,
}

/// An open transaction.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) block: Block,
    pub(crate) access: Access,
    pub(crate) since: Instant,
    pub(crate) snapshot: Snapshot,
    /// How often the schema had changed when the snapshot was taken.
    pub(crate) schema_change: u64,
    /// Its number.
    pub(crate) xid: u64,
    /// Its DDL.
    pub(crate) ddl: Option<Ddl>,
    /// Whether a statement has named a table.
    pub(crate) dml: bool,
    /// How many rows its statements say they have changed: at least as many as there are.
    pub(crate) rows: u64,
    /// What has become of the search path in it.
    pub(crate) path: SearchPath,
    /// Where the copies stand.
    pub(crate) copies: SearchPathState,
    /// Whether the client has a part in it: a statement of its own has been sent, and what it did
    /// must not be undone in silence.
    pub(crate) has_part: bool,
}

/// What has become of the search path in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SearchPath {
    /// It is what it was at the beginning.
    AsBegun,
    /// It may be another one since, and the copies are not made for it.
    Moved,
    /// The copies were made anew for it: a rollback brings back those from before.
    Followed,
    /// It may be another one again since then.
    MovedAgain,
}

impl SearchPath {
    /// It may be another one from now on.
    pub(crate) fn move_on(&mut self) {
        *self = match self {
            Self::AsBegun | Self::Moved => Self::Moved,
            Self::Followed | Self::MovedAgain => Self::MovedAgain,
        };
    }

    /// Whether the copies are made for another one.
    pub(crate) fn has_moved(self) -> bool {
        matches!(self, Self::Moved | Self::MovedAgain)
    }

    /// Whether copies were made anew.
    pub(crate) fn was_followed(self) -> bool {
        matches!(self, Self::Followed | Self::MovedAgain)
    }
}

/// Where the copies stand in the search path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SearchPathState {
    /// Before the stored tables.
    Before,
    /// Behind them, for a look at the catalog.
    Behind,
}

/// Whether the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    More,
    Bye,
}

impl Session {
    /// Serves the client until it leaves or a connection breaks.
    pub(crate) async fn serve(mut self) {
        let common = Arc::clone(&self.common);
        let ended = loop {
            // A turn that is broken off leaves nothing half said: what is to be written is written
            // from its queue on.
            let turn = tokio::select! {
                biased;
                () = common.closing.cancelled() => break Err(Refusal::terminated()),
                turn = self.turn() => turn,
            };
            match turn {
                Ok(Next::More) => {}
                Ok(Next::Bye) => break Ok(()),
                Err(error) => {
                    tracing::debug!(%error, "a client's session ends");
                    break Err(Refusal::lost(&error.to_string()));
                }
            }
        };
        self.tell(Happening::Gone);
        self.leave(ended).await;
    }

    /// The backend goes first: a client that never reads again is waited for by nobody but itself.
    async fn leave(self, ended: Result<(), Refusal>) {
        let Self { mut client, server, place, .. } = self;
        if let Err(refusal) = ended {
            refusal.write_fatal(&mut client.out);
            // PostgreSQL would notice only when the statement that may still run has something to
            // say.
            server.leave().await;
        } else {
            drop(server);
        }
        drop(place);
        // The client may be what broke.
        client.close().await.ok();
    }

    /// Takes one message of the client, or makes way when another client needs it. A client that
    /// does not read what it has asked for is waited for no otherwise than one that says nothing.
    async fn turn(&mut self) -> io::Result<Next> {
        let doom = Arc::clone(&self.place.doom);
        let client = &mut self.client;
        tokio::select! {
            biased;
            () = doom.wait() => {
                self.make_way().await?;
                Ok(Next::More)
            }
            frame = client.exchange() => match frame? {
                Some(frame) => self.take(frame).await,
                None => Ok(Next::Bye),
            },
            // A server that goes away while nobody speaks (a shutdown, a kill) is news for the
            // client.
            frame = self.server.next_unasked() => {
                let frame = frame?;
                self.client.pass(&frame);
                // An error that nobody has asked for is the last that the server says.
                Ok(if frame.tag == ServerTag::Error { Next::Bye } else { Next::More })
            }
        }
    }

    async fn take(&mut self, frame: FromClient) -> io::Result<Next> {
        // A configuration file that was read anew, or a trigger at a COMMIT: there was no statement
        // to refuse.
        if let Some(refusal) = self.unreadable() {
            refusal.write_fatal(&mut self.client.out);
            return Ok(Next::Bye);
        }
        match frame.tag {
            ClientTag::Terminate => return Ok(Next::Bye),
            ClientTag::Query => self.take_query(&frame).await?,
            ClientTag::Sync => self.take_sync().await?,
            ClientTag::Flush => self.take_flush().await?,
            ClientTag::Parse
            | ClientTag::Bind
            | ClientTag::Describe
            | ClientTag::Execute
            | ClientTag::Close => self.take_extended(frame).await?,
            // What is left of a COPY that has failed is ignored (PostgreSQL documentation, 54.2.6).
            ClientTag::CopyData | ClientTag::CopyDone | ClientTag::CopyFail => {}
            ClientTag::FunctionCall => {
                self.refuse(&Refusal::unsupported("function calls of the old protocol")).await?;
                self.ready();
            }
            ClientTag::Password | ClientTag::Unknown(_) => {
                Refusal::protocol("unexpected message").write_fatal(&mut self.client.out);
                return Ok(Next::Bye);
            }
        }
        Ok(Next::More)
    }

    /// Says that the client may go on, and in which state it is.
    pub(crate) fn ready(&mut self) {
        let status = match &self.state {
            State::Open(open) if open.block == Block::Explicit => b'T',
            State::Aborted(Block::Explicit) => b'T',
            State::Failed => b'E',
            State::Open(_) | State::Aborted(Block::Implicit) | State::Idle => b'I',
        };
        put(&mut self.client.out, b'Z', |out| out.extend_from_slice(&[status]));
    }

    /// Hands over what the server said to the client while the gateway was asking.
    pub(crate) fn pass_aside(&mut self) {
        for frame in self.server.aside.drain(..) {
            self.client.pass(&frame);
        }
    }

    /// Writes a trouble as the client's error and does to the transaction what an error does.
    pub(crate) async fn fail(&mut self, trouble: BackendError) -> io::Result<()> {
        match trouble {
            BackendError::Lost(error) => Err(error),
            BackendError::Refused(refusal) => self.refuse(&refusal).await,
            // What another's DDL had cancelled may have been a question of the gateway's own.
            BackendError::Server(frame) if self.place.doom.is_called() && is_cancelled(&frame) => {
                self.refuse(&Refusal::schema_changed()).await
            }
            BackendError::Server(frame) => {
                self.pass(&frame);
                self.after_error().await
            }
        }
    }

    /// A statement of the client's is about to be sent.
    pub(crate) fn note_part(&mut self) {
        if let State::Open(open) = &mut self.state {
            open.has_part = true;
        }
    }

    /// Passes on what the server says, of the stored tables instead of their copies.
    pub(crate) fn pass(&mut self, frame: &FromServer) {
        if self.explains && frame.tag == ServerTag::Row {
            return self.client.pass(&self.tables.retold_plan(frame));
        }
        match self.tables.retold(frame) {
            Some(retold) => self.client.pass(&retold),
            None => self.client.pass(frame),
        }
    }

    /// What the server says next while it runs the client's statement, which is given up when
    /// another client needs the way.
    pub(crate) async fn next_reply(&mut self) -> Result<FromServer, BackendError> {
        let doom = Arc::clone(&self.place.doom);
        loop {
            let frame = tokio::select! {
                frame = self.server.next() => frame?,
                () = doom.wait(), if !self.gave_up => {
                    self.give_up().await;
                    continue;
                }
            };
            if frame.tag == ServerTag::Parameter {
                self.note_parameter(&frame);
            }
            return Ok(frame);
        }
    }

    /// Passes on what the server said. A client that does not read has its statement given up when
    /// another needs the way; while DDL acts nobody's pace counts, and the little that it says is
    /// kept.
    pub(crate) async fn hand_over(&mut self, frame: &FromServer) -> io::Result<()> {
        if self.gave_up {
            return Ok(());
        }
        self.pass(frame);
        if !self.client.is_full() || self.place.acts() {
            return Ok(());
        }
        let doom = Arc::clone(&self.place.doom);
        tokio::select! {
            biased;
            () = doom.wait() => self.give_up().await,
            flushed = self.client.flush() => flushed?,
        }
        Ok(())
    }

    async fn give_up(&mut self) {
        self.gave_up = true;
        // Where it does not arrive, the rest of the answer is read and dropped.
        self.server.canceller().cancel().await.ok();
    }

    /// Ends the transaction whose statement was given up, if it was.
    pub(crate) async fn end_given_up(&mut self) -> Result<(), BackendError> {
        if !std::mem::take(&mut self.gave_up) {
            return Ok(());
        }
        self.roll_back().await?;
        Err(Refusal::schema_changed().into())
    }

    fn note_parameter(&mut self, frame: &FromServer) {
        let mut fields = frame.fields();
        if let (Some("application_name"), Some(value)) = (fields.text().as_deref(), fields.text()) {
            self.application = value.into();
        }
    }

    /// Tells the console.
    pub(crate) fn tell(&self, what: Happening) {
        let application = self.application.to_string();
        self.common.tell(News { pid: self.pid, application, what });
    }
}

fn is_cancelled(frame: &FromServer) -> bool {
    const QUERY_CANCELED: &str = "57014";
    error_field(frame, b'C').as_deref() == Some(QUERY_CANCELED)
}
