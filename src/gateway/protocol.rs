//! One client: what it says, message by message, and what it is told. A task each.
//!
//! ```text
//!  client ──frames──▶ Protocol ──────────────frames──────────────▶ Backend ──▶ PostgreSQL
//!                       │  │ simple     one Query message: statement by statement    ▲
//!                       │  │ extended   Parse, Bind, Describe, Execute, Sync         │
//!                       │  └ run        a statement of either, between the hooks     │
//!                       ▼                                                            │
//!                     Transaction ──questions────────────────────────────────────────┘
//! ```
//!
//! It owns the client's connection, the server's, and the names that the client has given. What a
//! statement may do, and what must be so before it runs, is the transaction's to say.

mod dispatch;
mod encoding;
mod extended;
pub(crate) mod handshake;
mod held;
mod holding;
mod iam;
mod job;
mod limits;
mod names;
mod queue;
mod renew;
mod reply;
mod rewound;
mod run;
mod simple;
mod sizes;
mod substitute;
mod syntax;
mod tap;

use std::io;
use std::sync::Arc;

use crate::core::event::Pid;
use crate::core::syntax::Strings;
use crate::gateway::backend::{Backend, BackendError};
use crate::gateway::cancellers::NotedCanceller;
use crate::gateway::context::Context;
use crate::gateway::dsql::{self, Strictness};
use crate::gateway::facade::{self, Done};
use crate::gateway::guest::Joined;
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::Statement;
use crate::gateway::transaction::blocker_watchdog::BlockerWatchdog;
use crate::gateway::transaction::ends::MadeWay;
use crate::gateway::transaction::{Status, Transaction};
use crate::pg::frame::{ClientTag, FrameStream, FromClient, FromServer, ServerTag, put};
use held::Held;
use names::Names;
use queue::Queued;
use tap::Heard;

/// A client that has been let in.
pub(super) struct Protocol {
    context: Arc<Context>,
    /// Where there are hooks.
    heard: Option<Arc<Heard>>,
    joined: Option<Arc<Joined>>,
    client: FrameStream<ClientTag>,
    backend: Backend,
    transaction: Transaction,
    /// What the client has prepared, bound and declared.
    names: Names,
    /// Messages that have not been sent to the server yet.
    queue: Vec<Queued>,
    /// The `CommandComplete` of the last Execute: an implicit transaction may still be refused.
    held: Held,
    /// After an error in the extended protocol, everything up to Sync is skipped.
    skips: bool,
    /// Whether the statement that runs was given up for another client's sake: nothing more of its
    /// answer is passed on.
    gave_up: bool,
    /// Whether the statement that runs is an EXPLAIN, whose rows name tables.
    explains: bool,
    /// The columns of the result that is told in which names of tables stand.
    columns_of_names: Vec<usize>,
    /// What the open transaction has done of which others are told once it is committed.
    done: Done,
    /// How long the longest value is that was bound since sizes were looked at.
    longest_bound: usize,
    canceller: NotedCanceller,
    cut: Cut,
}

/// Whether the connection ends without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Never,
    Now,
    /// When the statement that runs has taken effect, or could not.
    After,
}

/// Whether the session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    More,
    Bye,
}

impl Protocol {
    /// A client whose server has let it in, and which calls itself so.
    fn new(
        client: FrameStream<ClientTag>,
        (backend, canceller): (Backend, NotedCanceller),
        context: Arc<Context>,
        application: &str,
        hooked: Option<(Arc<Joined>, Arc<Heard>)>,
    ) -> Self {
        let (pid, _) = backend.canceller().key_bytes();
        let clients = Arc::clone(context.transactions.clients());
        let (joined, heard) = hooked.unzip();
        let watchdog = BlockerWatchdog::new(Arc::clone(&context.blockers), clients, pid);
        Self {
            joined,
            heard,
            client,
            backend: backend.watched_by(Box::new(watchdog)),
            transaction: Transaction::new(Arc::clone(&context.transactions), Pid(pid), application),
            names: Names::default(),
            queue: Vec::new(),
            held: Held::Nothing,
            skips: false,
            gave_up: false,
            explains: false,
            columns_of_names: Vec::new(),
            done: Done::default(),
            longest_bound: 0,
            cut: Cut::Never,
            canceller,
            context,
        }
    }

    /// Serves the client until it leaves or a connection breaks.
    async fn serve(mut self) {
        let context = Arc::clone(&self.context);
        let ended = loop {
            // A turn that is broken off leaves nothing half said: what is to be written is written
            // from its queue on.
            let turn = tokio::select! {
                biased;
                () = context.closing.cancelled() => break Err(Refusal::terminated()),
                turn = self.turn() => turn,
            };
            match turn {
                Ok(_) if self.is_cut_due() => break Err(Refusal::lost("it is cut")),
                Ok(Next::More) => {}
                Ok(Next::Bye) => break Ok(()),
                Err(error) => {
                    tracing::debug!(%error, "a client's session ends");
                    break Err(Refusal::lost(&error.to_string()));
                }
            }
        };
        // Before `leave`, which may wait for a while until the server's process is gone.
        self.transaction.tell_gone();
        self.leave(ended).await;
    }

    /// The backend goes first: a client that never reads again is waited for by nobody but itself.
    async fn leave(self, ended: Result<(), Refusal>) {
        let Self { mut client, backend, transaction, canceller, cut, .. } = self;
        if let Err(refusal) = ended {
            if cut == Cut::Never {
                refusal.write_fatal(&mut client.out);
            }
            // PostgreSQL would notice only when the statement that may still run has something to
            // say.
            backend.leave().await;
        } else {
            // It idles between two messages, where PostgreSQL notices a closed connection by
            // itself.
            drop(backend);
        }
        // From here on others take this client's tables. Were they let in before the backend is
        // told to go, they would wait in PostgreSQL for the locks of a statement that still runs.
        drop((transaction, canceller));
        // The client may be what broke.
        client.close().await.ok();
    }

    /// Takes one message of the client, or makes way when another client needs it. A client that
    /// does not read what it has asked for is waited for no otherwise than one that says nothing.
    async fn turn(&mut self) -> io::Result<Next> {
        let signal = self.transaction.signal();
        let client = &mut self.client;
        tokio::select! {
            biased;
            // First: a client that sends one message after another would otherwise keep others
            // waiting.
            () = signal.wait() => {
                self.make_way().await?;
                Ok(Next::More)
            }
            frame = client.exchange() => match frame? {
                Some(frame) => self.take(frame).await,
                None => Ok(Next::Bye),
            },
            // A server that goes away while nobody speaks (a shutdown, a kill) is news for the
            // client.
            frame = self.backend.next_unasked() => {
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
        if self.cut == Cut::After && !matches!(frame.tag, ClientTag::Sync | ClientTag::Close) {
            // Whatever else comes, the statement before it does not take effect by itself.
            self.cut = Cut::Now;
            return Ok(Next::Bye);
        }
        match frame.tag {
            ClientTag::Terminate => return Ok(Next::Bye),
            // PostgreSQL shows at each ReadyForQuery what it has to say: the next message may run
            // for long.
            ClientTag::Query => {
                self.take_query(&frame).await?;
                self.show_answers().await?;
            }
            ClientTag::Sync => {
                self.take_sync().await?;
                self.show_answers().await?;
            }
            ClientTag::Flush => self.take_flush().await?,
            ClientTag::Parse
            | ClientTag::Bind
            | ClientTag::Describe
            | ClientTag::Execute
            | ClientTag::Close => self.take_extended(frame).await?,
            // What is left of a COPY that has failed is ignored (PostgreSQL documentation, 54.2.6).
            ClientTag::CopyData | ClientTag::CopyDone | ClientTag::CopyFail => {}
            ClientTag::FunctionCall => {
                self.take_function_call().await?;
                self.show_answers().await?;
            }
            ClientTag::Password | ClientTag::Unknown(_) => {
                Refusal::protocol("unexpected message").write_fatal(&mut self.client.out);
                return Ok(Next::Bye);
            }
        }
        Ok(Next::More)
    }

    /// Shows the client what it has been answered so far.
    async fn show_answers(&mut self) -> io::Result<()> {
        let signal = self.transaction.signal();
        tokio::select! {
            biased;
            // The next turn makes way first, and what is left goes to the client after that.
            () = signal.wait() => Ok(()),
            shown = self.client.flush() => shown,
        }
    }

    /// Makes way for another client, between two statements or while one is held.
    async fn make_way(&mut self) -> io::Result<()> {
        match self.transaction.make_way(&mut self.backend).await? {
            MadeWay::SteppedBack => self.names.drop_portals_behind_ddl(),
            MadeWay::RolledBack => self.names.drop_portals(),
        }
        Ok(())
    }

    /// Says that the client may go on, and in which state it is.
    fn ready(&mut self) {
        let status = match self.transaction.status() {
            Status::Idle => b'I',
            Status::InBlock => b'T',
            Status::Failed => b'E',
        };
        put(&mut self.client.out, b'Z', |out| out.extend_from_slice(&[status]));
    }

    /// The end of a message: outside of a block nothing that Bind has made outlives it.
    fn end_message(&mut self) {
        if self.transaction.is_idle() {
            self.names.drop_portals();
        }
        // What the server said to the client while the gateway was asking.
        for frame in self.backend.take_aside() {
            self.client.pass(&frame);
        }
        self.ready();
    }

    /// Writes a trouble as the client's error and does to the transaction what an error does.
    async fn fail(&mut self, trouble: BackendError) -> io::Result<()> {
        // What another's DDL had cancelled may have been a question of the gateway's own.
        let is_aborted = trouble.is_cancelled() && self.transaction.signal().is_called();
        match trouble {
            BackendError::Lost(error) => Err(error),
            BackendError::Refused(refusal) => self.refuse(&refusal).await,
            BackendError::Server(_) if is_aborted => self.refuse(&Refusal::schema_changed()).await,
            BackendError::Server(frame) => {
                self.pass(&frame);
                self.done = Done::default();
                self.transaction.after_error(&mut self.backend).await?;
                self.names.drop_portals();
                Ok(())
            }
        }
    }

    /// Reads a statement of the client's; it is refused as the gateway is to refuse.
    fn read(&self, sql: &str, strings: Strings) -> Statement {
        let statement = Statement::read(sql, strings);
        let statement = match self.context.strictness {
            Strictness::Lenient => statement,
            Strictness::Dsql => dsql::completed(statement),
        };
        let refusal = statement.refusal.clone().or_else(|| facade::refusal(&statement));
        let statement = Statement { refusal, ..statement };
        match self.context.strictness {
            Strictness::Lenient => statement,
            Strictness::Dsql => {
                let refusal = dsql::refusal(&statement);
                let own = statement.refusal.clone();
                // Whether it is one depends on a setting, which the server is asked for.
                let own = own.filter(|own| *own != Refusal::index_at_once());
                Statement { refusal: refusal.or(own), ..statement }
            }
        }
    }

    /// Writes a refusal and does to the transaction what it does.
    async fn refuse(&mut self, refusal: &Refusal) -> io::Result<()> {
        refusal.in_words(self.context.wording).write(&mut self.client.out);
        self.done = Done::default();
        self.transaction.after_refusal(&mut self.backend, refusal).await?;
        self.names.drop_portals();
        Ok(())
    }

    /// Passes on what the server says, of the stored tables instead of their copies.
    fn pass(&mut self, frame: &FromServer) {
        // Of rows only plans are changed, and what is a table's name by its type. Any other value
        // is data, even if it reads like a copy's name.
        let retold = match frame.tag {
            ServerTag::Row if self.explains => Some(self.transaction.retold_plan(frame)),
            ServerTag::Row if self.columns_of_names.is_empty() => None,
            ServerTag::Row => self.transaction.retold_names(frame, &self.columns_of_names),
            _ => self.transaction.retold(frame),
        };
        match frame.tag {
            ServerTag::RowDescription => {
                self.columns_of_names = self.transaction.columns_of_names(frame);
            }
            // Of what follows no columns have been described here.
            ServerTag::BindComplete | ServerTag::NoData => self.columns_of_names.clear(),
            _ => {}
        }
        match retold {
            Some(retold) => self.client.pass(&retold),
            None => self.client.pass(frame),
        }
    }
}
