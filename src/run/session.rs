//! One named session: a task, submissions in, events out.
//!
//! ```text
//!  submit ──▶ ┌──────────────────────────────┐
//!  cancel ──▶ │ queue ─▶ Link ⇄ server       │ ──▶ Connected  Sent  Columns  Rows  Done  Failed
//!  close ───▶ │   one submission at a time   │     Notice  Notification  Ready  Lost  Closed
//!             └──────────────────────────────┘
//! ```
//!
//! Submissions are answered in the order in which they came; those that come while one is in flight
//! wait in the session, and each is sent when the one before is answered whole. What a server says
//! unasked (NOTIFY, the end of a backend) is told at once. A
//! [`Lost`](crate::core::event::Kind::Lost) answers everything that was submitted before it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::core::event::{Event, Pid, SessionName, SubmissionId, TransactionStatus};
use crate::pg::Target;
use crate::run::guardian::Guardian;

mod answer;
mod event_sender;
mod link;
mod task;

/// How long a statement has to end once it is cancelled.
pub const CANCEL_PATIENCE: Duration = Duration::from_secs(2);

/// How a session begins.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// Its name.
    pub name: SessionName,
    /// Its `application_name`.
    pub application: String,
    /// The server.
    pub target: Target,
    /// SQL that every connection of it begins with, in silence: `search_path`, the isolation level.
    pub prelude: Vec<String>,
    /// The moment from which [`Event::at`] counts.
    pub clock: Instant,
    /// Who ends its statements if this program is killed; where there is none, they go on.
    pub guardian: Option<Guardian>,
}

/// A running session. Dropping it closes it.
#[derive(Debug)]
pub struct Session {
    name: SessionName,
    orders: mpsc::UnboundedSender<Order>,
    closing: DropGuard,
    goodbye: oneshot::Receiver<()>,
}

/// What a session is asked.
#[derive(Debug)]
enum Order {
    Submit(Submission),
    TellLoss(Submission),
    Cancel,
    Silence(oneshot::Sender<Silence>),
    Hear(oneshot::Sender<()>),
    Reconnect,
}

/// What became of a session that was to fall silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Nothing that it has sent goes on; its transaction stands like this.
    Kept(TransactionStatus),
    /// It has no connection on which anything could go on.
    Absent,
    /// The statement in flight did not end though it was cancelled again and again; this backend
    /// still works on it.
    Broken(Pid),
}

/// SQL to send as one Query message.
#[derive(Debug)]
struct Submission {
    id: SubmissionId,
    sql: Arc<str>,
    step: Option<usize>,
}

impl Session {
    /// Starts the session's task, which connects:
    /// [`Connected`](crate::core::event::Kind::Connected) or
    /// [`Lost`](crate::core::event::Kind::Lost) follows. Must be called within a tokio runtime.
    pub fn start(options: SessionOptions, events: mpsc::Sender<Event>) -> Self {
        let name = options.name.clone();
        let (orders, received) = mpsc::unbounded_channel();
        let (farewell, goodbye) = oneshot::channel();
        let closing = CancellationToken::new();
        tokio::spawn(task::run(options, events, received, closing.clone(), farewell));
        Self { name, orders, closing: closing.drop_guard(), goodbye }
    }

    /// Its name.
    pub fn name(&self) -> &SessionName {
        &self.name
    }

    /// Sends SQL, exactly these bytes, as soon as everything submitted before is answered. `step`
    /// is passed through to [`Sent`](crate::core::event::Kind::Sent). Not being connected is
    /// answered by `Lost`.
    pub fn submit(&self, submission: SubmissionId, sql: Arc<str>, step: Option<usize>) {
        self.order(Order::Submit(Submission { id: submission, sql, step }));
    }

    /// Tells that SQL was sent and is lost, because the connection was before: what psql finds out
    /// when it next sends something.
    pub fn tell_loss(&self, submission: SubmissionId, sql: Arc<str>, step: Option<usize>) {
        self.order(Order::TellLoss(Submission { id: submission, sql, step }));
    }

    /// Cancels the statement in flight; with none in flight, nothing happens. Submissions behind it
    /// stay.
    pub fn cancel(&self) {
        self.order(Order::Cancel);
    }

    /// Takes back what was not sent yet, cancels what is in flight until it is answered, and tells
    /// nobody the answer. Only then is it certain that another session's end lets nothing of this
    /// one through. Somebody must take the events meanwhile.
    pub fn silence(&self) -> impl Future<Output = Silence> + use<> {
        let (told, fallen) = oneshot::channel();
        self.order(Order::Silence(told));
        async { fallen.await.unwrap_or(Silence::Absent) }
    }

    /// Hears what the server has to say to an idle session: notifications that were sent to it, the
    /// end that somebody has made of it. They are told before this is over. A session that is busy
    /// or has no connection hears nothing.
    ///
    /// Nothing is executed for that: the server answers a Sync, and says what it has to say before
    /// the answer.
    pub fn hear(&self) -> impl Future<Output = ()> + use<> {
        let (heard, told) = oneshot::channel();
        self.order(Order::Hear(heard));
        async { told.await.unwrap_or(()) }
    }

    /// Connects anew after a loss.
    pub fn reconnect(&self) {
        self.order(Order::Reconnect);
    }

    /// Says goodbye to the server, cancelling what is in flight, and tells
    /// [`Closed`](crate::core::event::Kind::Closed). Returns once the server has been told, whether
    /// or not anybody takes the events.
    pub async fn close(self) {
        drop(self.closing);
        self.goodbye.await.ok();
    }

    /// A task that is gone has said `Closed` already; there is nobody to tell.
    fn order(&self, order: Order) {
        self.orders.send(order).ok();
    }
}
