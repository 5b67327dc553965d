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

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::core::event::{Event, SessionName, SubmissionId};
use crate::pg::Target;
use crate::run::guardian::Guardian;
use crate::run::participant::{Participant, Silence, Submission};

mod answer;
pub(crate) mod etcd;
mod event_sender;
mod link;
mod task;

/// How long a statement has to end once it is cancelled.
pub const CANCEL_PATIENCE: Duration = Duration::from_secs(2);

/// How a session begins.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    pub name: SessionName,
    /// Its `application_name`.
    pub application: String,
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

/// The task's ends of what its session holds.
struct TaskEnds {
    orders: mpsc::UnboundedReceiver<Order>,
    closing: CancellationToken,
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
    Revive(Submission),
}

impl Session {
    /// Starts the session's task, which connects:
    /// [`Connected`](crate::core::event::Kind::Connected) or
    /// [`Lost`](crate::core::event::Kind::Lost) follows. Must be called within a tokio runtime.
    pub fn start(options: SessionOptions, events: mpsc::Sender<Event>) -> Self {
        Self::of_task(options.name.clone(), |ends| task::run(options, events, ends))
    }

    /// The session that this task plays.
    fn of_task<T>(name: SessionName, task: impl FnOnce(TaskEnds) -> T) -> Self
    where
        T: Future<Output = ()> + Send + 'static,
    {
        let (orders, received) = mpsc::unbounded_channel();
        let (farewell, goodbye) = oneshot::channel();
        let closing = CancellationToken::new();
        let task = task(TaskEnds { orders: received, closing: closing.clone() });
        tokio::spawn(async move {
            task.await;
            farewell.send(()).ok();
        });
        Self { name, orders, closing: closing.drop_guard(), goodbye }
    }

    pub fn name(&self) -> &SessionName {
        &self.name
    }

    /// Sends SQL, exactly these bytes, as soon as everything submitted before is answered. `step`
    /// is passed through to [`Sent`](crate::core::event::Kind::Sent). Not being connected is
    /// answered by `Lost`.
    pub fn submit(&self, submission: SubmissionId, sql: Arc<str>, step: Option<usize>) {
        self.order(Order::Submit(Submission { id: submission, sql, step, typed: None }));
    }

    /// Cancels the statement in flight; with none in flight, nothing happens. Submissions behind it
    /// stay.
    pub fn cancel(&self) {
        self.order(Order::Cancel);
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

impl Participant for Session {
    fn submit(&self, submission: Submission) {
        self.order(Order::Submit(submission));
    }

    fn cancel(&self) {
        Session::cancel(self);
    }

    fn release(self: Box<Self>) -> BoxFuture<'static, ()> {
        self.close().boxed()
    }

    fn reconnect(&self) {
        Session::reconnect(self);
    }

    fn revive(&self, submission: Submission) {
        self.order(Order::Revive(submission));
    }

    fn tell_loss(&self, submission: Submission) {
        self.order(Order::TellLoss(submission));
    }

    // Nothing is executed for that: the server answers a Sync, and says what it has to say before
    // the answer. A session that is busy or has no connection hears nothing.
    fn hear(&self) -> BoxFuture<'static, ()> {
        let (heard, told) = oneshot::channel();
        self.order(Order::Hear(heard));
        async { told.await.unwrap_or(()) }.boxed()
    }

    fn silence(&self) -> BoxFuture<'static, Silence> {
        let (told, fallen) = oneshot::channel();
        self.order(Order::Silence(told));
        async { fallen.await.unwrap_or(Silence::Absent) }.boxed()
    }
}
