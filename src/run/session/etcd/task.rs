//! The loop of a session that speaks to etcd: orders, the command in flight, changes of what is
//! watched.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::EtcdSessionOptions;
use super::client::Client;
use super::reply::{Refusal, Reply};
use crate::core::error_chain::with_causes;
use crate::core::etcd_command;
use crate::core::event::{Event, Kind, Pid, SubmissionId, TransactionStatus};
use crate::parts::etcd_client::Change;
use crate::run::participant::{Silence, Submission};
use crate::run::session::event_sender::EventSender;
use crate::run::session::{CANCEL_PATIENCE, Order, TaskEnds};

/// Why what is sent into a session without a connection is lost.
const NOT_CONNECTED: &str = "the session is not connected, so nothing was sent; reconnect first";

/// Lives until the session is closed.
pub(in crate::run::session) async fn run(
    options: EtcdSessionOptions,
    events: mpsc::Sender<Event>,
    TaskEnds { orders, closing }: TaskEnds,
) {
    let sender = EventSender::new(options.name.clone(), options.clock, events, closing.clone());
    let pid = options.claims.enter();
    let mut task = Task {
        options,
        pid,
        orders,
        closing,
        sender,
        queue: VecDeque::new(),
        client: None,
        at_work: None,
        told: mpsc::unbounded_channel().1,
        hearing: Vec::new(),
    };
    if let Err(reason) = task.connect().await {
        task.sender.tell_lost(reason).await;
    }
    while !task.closing.is_cancelled() {
        task.turn().await;
    }
    task.part().await;
    task.sender.conclude();
}

struct Task {
    options: EtcdSessionOptions,
    /// What the run calls the session in place of a backend.
    pid: Pid,
    orders: mpsc::UnboundedReceiver<Order>,
    closing: CancellationToken,
    sender: EventSender,
    queue: VecDeque<Submission>,
    /// While it is connected and nothing is in flight.
    client: Option<Client>,
    at_work: Option<Work>,
    /// Changes of what is watched.
    told: mpsc::UnboundedReceiver<Change>,
    /// Who waits until everything has been told.
    hearing: Vec<oneshot::Sender<()>>,
}

/// A command in flight. It has the client until it is done.
struct Work {
    submission: SubmissionId,
    since: Instant,
    cancelled: CancellationToken,
    done: BoxFuture<'static, (Client, Result<Reply, Refusal>)>,
}

/// What the loop woke up for.
enum Wake {
    Order(Order),
    Done(Box<(Client, Result<Reply, Refusal>)>),
    Change(Change),
    Closing,
}

impl Task {
    /// Connects, unless the session is closed meanwhile, or says why it cannot.
    async fn connect(&mut self) -> Result<(), String> {
        let connected = async {
            let url = self.options.source.open().await.map_err(|error| with_causes(&error))?;
            let connected = Client::connect(&url, &self.options.claims, self.pid).await;
            connected.map_err(|error| with_causes(&error))
        };
        let connected = tokio::select! {
            biased;
            () = self.closing.cancelled() => return Ok(()),
            connected = connected => connected,
        };
        let (client, told) = connected?;
        (self.client, self.told) = (Some(client), told);
        self.sender.tell(Kind::Connected { pid: self.pid }).await;
        Ok(())
    }

    fn is_connected(&self) -> bool {
        self.client.is_some() || self.at_work.is_some()
    }

    async fn turn(&mut self) {
        match self.wake().await {
            Wake::Order(order) => self.obey(order).await,
            Wake::Done(done) => self.finish(*done).await,
            Wake::Change(change) => self.tell_change(change).await,
            Wake::Closing => self.closing.cancel(),
        }
        self.tell_heard();
    }

    async fn wake(&mut self) -> Wake {
        let Self { orders, closing, client, at_work, told, .. } = self;
        let done = async {
            match at_work {
                Some(work) => (&mut work.done).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = closing.cancelled() => Wake::Closing,
            order = orders.recv() => order.map_or(Wake::Closing, Wake::Order),
            // Between two commands, as a server tells a listener.
            Some(change) = told.recv(), if client.is_some() => Wake::Change(change),
            done = done => Wake::Done(Box::new(done)),
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Submit(submission) => {
                self.queue.push_back(submission);
                self.begin_next().await;
            }
            Order::TellLoss(submission) => self.lose(submission).await,
            Order::Cancel => {
                if let Some(work) = &self.at_work {
                    work.cancelled.cancel();
                }
            }
            Order::Silence(told) => {
                self.queue.clear();
                let silence = self.fall_silent().await;
                // Whoever does not wait for it any more need not know.
                let _ = told.send(silence);
            }
            // Whoever is busy says it together with the answer.
            Order::Hear(heard) if self.client.is_some() => self.hearing.push(heard),
            Order::Hear(_) => {}
            Order::Reconnect if !self.is_connected() => {
                if let Err(reason) = self.connect().await {
                    self.sender.tell_lost(reason).await;
                }
            }
            Order::Revive(submission) => {
                if !self.is_connected()
                    && let Err(reason) = self.connect().await
                {
                    return self.sender.tell_sent_and_lost(submission, reason).await;
                }
                self.queue.push_back(submission);
                self.begin_next().await;
            }
            Order::Reconnect => {
                let note = "the session is already connected".to_owned();
                self.sender.tell(Kind::Note(note)).await;
            }
        }
    }

    /// Begins with the next command if nothing is in flight. `Sent` is told first: an answer can
    /// only come after it.
    async fn begin_next(&mut self) {
        if self.at_work.is_some() {
            return;
        }
        let Some(submission) = self.queue.pop_front() else { return };
        let Some(mut client) = self.client.take() else {
            return self.lose(submission).await;
        };
        let Submission { id, sql, step, typed } = submission;
        // What psql asks the catalogs for such a command is SQL, which nobody has typed.
        let of_psql = typed.as_ref().map(|typed| typed.line.clone());
        let of_psql = of_psql.filter(|line| {
            line.trim_start().starts_with('\\') && etcd_command::parse(&sql).is_err()
        });
        self.sender.tell(Kind::Sent { submission: id, sql: sql.clone(), step, typed }).await;
        let cancelled = CancellationToken::new();
        let token = cancelled.clone();
        let done = async move {
            let reply = match of_psql {
                Some(command) => Err(etcd_command::of_psql(&command).into()),
                None => client.execute(&sql, &token).await,
            };
            (client, reply)
        };
        let (since, done) = (Instant::now(), done.boxed());
        self.at_work = Some(Work { submission: id, since, cancelled, done });
    }

    async fn finish(&mut self, (client, reply): (Client, Result<Reply, Refusal>)) {
        let Some(work) = self.at_work.take() else { return };
        self.client = Some(client);
        let kinds = match reply {
            Ok(reply) => reply.told(),
            Err(refusal) => vec![refusal.told()],
        };
        for kind in kinds {
            self.sender.tell(kind).await;
        }
        let (status, elapsed) = (TransactionStatus::Idle, work.since.elapsed());
        self.sender.tell(Kind::Ready { submission: work.submission, status, elapsed }).await;
        self.begin_next().await;
    }

    async fn lose(&mut self, submission: Submission) {
        self.sender.tell_sent_and_lost(submission, NOT_CONNECTED.to_owned()).await;
    }

    async fn tell_change(&mut self, change: Change) {
        let author = self.options.claims.author(change.revision).await.unwrap_or(Pid::UNKNOWN);
        let Some(client) = &mut self.client else { return };
        client.note_told(&change);
        let channel = client.keyspace.shown(&change.key).to_owned();
        let payload = match &change.value {
            Some(value) => format!("PUT {value}"),
            None => "DELETE".to_owned(),
        };
        self.sender.tell(Kind::Notification { channel, payload, from: author }).await;
    }

    /// Whoever waits for what there is to be told need not wait once it has been.
    fn tell_heard(&mut self) {
        if self.client.as_ref().is_some_and(Client::has_told_all) {
            for heard in self.hearing.drain(..) {
                let _ = heard.send(());
            }
        }
    }

    /// Cancels what is in flight and awaits its end, which nobody is told.
    async fn fall_silent(&mut self) -> Silence {
        let Some(work) = self.at_work.take() else {
            let is_there = self.client.is_some();
            let kept = Silence::Kept(TransactionStatus::Idle);
            return if is_there { kept } else { Silence::Absent };
        };
        work.cancelled.cancel();
        match timeout(CANCEL_PATIENCE, work.done).await {
            Ok((client, _)) => {
                self.client = Some(client);
                Silence::Kept(TransactionStatus::Idle)
            }
            // Its keys end with their leases.
            Err(_) => Silence::Absent,
        }
    }

    async fn part(&mut self) {
        self.fall_silent().await;
        if let Some(client) = self.client.take() {
            timeout(CANCEL_PATIENCE, client.leave()).await.ok();
        }
    }
}
