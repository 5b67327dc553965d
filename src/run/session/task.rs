//! The session's loop: one `select!` over orders, the server's messages and the end.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::event_sender::EventSender;
use super::link::{Hearing, Link};
use super::{CANCEL_PATIENCE, Order, SessionOptions, TaskEnds};
use crate::core::event::{Event, Kind, Pid, ServerMessage, SubmissionId, TransactionStatus};
use crate::pg::frame::FromServer;
use crate::pg::{ConnectError, WireError};
use crate::run::participant::{Silence, Submission};

/// A closing session waits no longer than this for a server that does not listen.
const PATIENCE: Duration = Duration::from_secs(1);

/// Frames that are taken in one go before orders are looked at again.
const GULP: usize = 512;

/// Lives until the session is closed.
pub(super) async fn run(
    options: SessionOptions,
    events: mpsc::Sender<Event>,
    TaskEnds { orders, closing }: TaskEnds,
) {
    let sender = EventSender::new(options.name.clone(), options.clock, events, closing.clone());
    let queue = VecDeque::new();
    let close_reason = None;
    let mut task = Task { options, orders, closing, sender, queue, link: None, close_reason };
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
    options: SessionOptions,
    orders: mpsc::UnboundedReceiver<Order>,
    closing: CancellationToken,
    sender: EventSender,
    queue: VecDeque<Submission>,
    link: Option<Link>,
    /// Why the last connection was lost.
    close_reason: Option<String>,
}

/// What the loop woke up for.
enum Wake {
    Order(Order),
    Frame(Result<FromServer, WireError>),
    Cancelled(Result<(), ConnectError>),
    Closing,
}

impl Task {
    /// Connects, unless the session is closed meanwhile, or says why it cannot. Orders wait in
    /// their channel.
    async fn connect(&mut self) -> Result<(), String> {
        let established = tokio::select! {
            biased;
            () = self.closing.cancelled() => return Ok(()),
            established = Link::establish(&self.options) => established,
        };
        let mut link = established.map_err(|error| error.to_string())?;
        self.sender.tell(Kind::Connected { pid: link.pid }).await;
        // Behind `Connected`, with which everything that was known of the session begins anew.
        for odd in link.oddities() {
            self.sender.tell(odd).await;
        }
        if let Some(unguarded) = link.unguarded() {
            self.sender.tell(unguarded).await;
        }
        self.link = Some(link);
        Ok(())
    }

    /// A submission that finds no connection, and cannot have a new one, is lost with it.
    async fn revive(&mut self, submission: Submission) {
        if self.link.is_none()
            && let Err(reason) = self.connect().await
        {
            return self.sender.tell_sent_and_lost(submission, reason).await;
        }
        self.enqueue(submission).await;
    }

    async fn turn(&mut self) {
        match self.wake().await {
            Wake::Order(order) => self.obey(order).await,
            Wake::Frame(frame) => self.hear(frame).await,
            Wake::Cancelled(result) => self.cancelled(result).await,
            Wake::Closing => self.closing.cancel(),
        }
    }

    async fn wake(&mut self) -> Wake {
        let Self { orders, closing, link, .. } = self;
        tokio::select! {
            biased;
            () = closing.cancelled() => Wake::Closing,
            // Orders go before frames: a cancel must not wait behind the million rows that it is to
            // stop.
            order = orders.recv() => order.map_or(Wake::Closing, Wake::Order),
            wake = happening(link.as_mut()) => wake,
        }
    }

    async fn obey(&mut self, order: Order) {
        match (order, &mut self.link) {
            (Order::Submit(submission), _) => self.enqueue(submission).await,
            (Order::TellLoss(submission), _) => self.tell_loss(submission).await,
            (Order::Cancel, Some(link)) => link.cancel(),
            (Order::Cancel, None) => {}
            (Order::Silence(told), _) => {
                let silence = self.fall_silent().await;
                // Whoever does not wait for it any more need not know.
                let _ = told.send(silence);
            }
            (Order::Hear(heard), Some(_)) => self.ask_for_news(heard).await,
            (Order::Hear(_), None) => {}
            (Order::Reconnect, None) => {
                if let Err(reason) = self.connect().await {
                    self.sender.tell_lost(reason).await;
                }
            }
            (Order::Revive(submission), _) => self.revive(submission).await,
            (Order::Reconnect, Some(_)) => {
                self.sender.tell(Kind::Note("the session is already connected".to_owned())).await;
            }
        }
    }

    async fn enqueue(&mut self, submission: Submission) {
        if self.link.is_none() {
            let reason = "the session is not connected, so nothing was sent; reconnect first";
            return self.sender.tell_lost(reason.to_owned()).await;
        }
        self.queue.push_back(submission);
        self.send_next().await;
    }

    /// The submission comes too late: the connection was lost before it.
    async fn tell_loss(&mut self, submission: Submission) {
        let reason = self.close_reason.clone().unwrap_or_else(|| "it was lost before".to_owned());
        self.sender.tell_sent_and_lost(submission, reason).await;
    }

    /// Asks an idle server for what it has to say. Dropping `heard` says that there is nothing to
    /// be heard.
    async fn ask_for_news(&mut self, heard: oneshot::Sender<()>) {
        let Some(link) = self.link.as_mut().filter(|link| link.is_free()) else { return };
        link.hearing = Some(Hearing::until(heard));
        link.connection.sync().await;
    }

    /// Sends the next submission if nothing is in the way. `Sent` is told first: an answer can only
    /// come after it.
    async fn send_next(&mut self) {
        // More than one only where a statement could not be sent: that is answered here, and the
        // session is free again.
        while let Some(link) = self.link.as_mut().filter(|link| link.is_free()) {
            let Some(Submission { id, sql, step, typed }) = self.queue.pop_front() else { return };
            let sent = Kind::Sent { submission: id, sql: sql.clone(), step, typed };
            self.sender.tell(sent).await;
            link.begin(id, &sql);
            if let Some(unguarded) = link.unguarded() {
                self.sender.tell(unguarded).await;
            }
            match link.connection.submit(&sql).await {
                Ok(()) => link.sent(),
                Err(error) => self.unsendable(id, error).await,
            }
        }
    }
}

impl Task {
    /// Takes what the server said, and everything more that has arrived already.
    async fn hear(&mut self, first: Result<FromServer, WireError>) {
        let Some(link) = &mut self.link else { return };
        let mut kinds = Vec::new();
        let ending = listen(link, first, &mut kinds).await;
        // Before `hearing` is told: `Heard` says that all of it has been told.
        for kind in kinds {
            self.sender.tell(kind).await;
        }
        if let Some(link) = &mut self.link
            && let Some(hearing) = link.hearing.take_if(|hearing| hearing.is_over)
        {
            hearing.tell();
        }
        match ending {
            Ok(()) => self.send_next().await,
            Err(error) => self.lose(error).await,
        }
    }

    async fn cancelled(&mut self, result: Result<(), ConnectError>) {
        if let Some(link) = &mut self.link {
            link.cancelling = None;
        }
        if let Err(error) = result {
            let note = format!("the cancel request failed: {error}");
            self.sender.tell(Kind::Note(note)).await;
        }
        self.send_next().await;
    }

    /// A statement that no message can carry is answered by ourselves; anything else is the
    /// connection's end.
    async fn unsendable(&mut self, submission: SubmissionId, error: WireError) {
        let code = match &error {
            WireError::ZeroByte(_) | WireError::NotUtf8 => "22021",
            WireError::TooLong(_) => "54000",
            _ => return self.lose(error).await,
        };
        let Some(link) = &mut self.link else { return };
        link.end();
        let status = link.status;
        self.sender.tell(Kind::Failed(ServerMessage::ours(code, &error.to_string()))).await;
        let elapsed = Duration::ZERO;
        self.sender.tell(Kind::Ready { submission, status, elapsed }).await;
    }

    async fn lose(&mut self, error: WireError) {
        // Whoever waits for what it hears must hear of its end first: the link is dropped last.
        let Some(link) = self.link.take() else { return };
        self.queue.clear();
        let in_transaction = link.status != TransactionStatus::Idle;
        let reason = link.close_reason(&error);
        self.close_reason = Some(reason.clone());
        self.sender.tell(Kind::Lost { reason, in_transaction }).await;
    }

    /// Sends nothing more, and hears the end of what was sent.
    async fn fall_silent(&mut self) -> Silence {
        self.queue.clear();
        let Some(link) = &mut self.link else { return Silence::Absent };
        // Less than a teardown waits for everybody's silence (`TIDY_UP`): which backend is to be
        // ended must be known before that is over.
        match tokio::time::timeout(CANCEL_PATIENCE, link.cancel_until_idle()).await {
            Err(_) => Silence::Broken(link.pid),
            // The server has hung up, and with that has ended what it was asked.
            Ok(()) if link.answer.is_some() => Silence::Absent,
            Ok(()) => Silence::Kept(link.status),
        }
    }

    /// Leaves the server: what is in flight is cancelled, because a backend that waits for a lock
    /// would not notice that we are gone, and its place in the queue would hold up others.
    async fn part(&mut self) {
        if let Silence::Broken(pid) = self.fall_silent().await {
            self.sender.tell(Kind::Note(goes_on(pid))).await;
        }
        let Some(link) = self.link.take() else { return };
        tokio::time::timeout(PATIENCE, link.connection.terminate()).await.ok();
    }
}

/// What is said of a statement that outlives its session.
fn goes_on(pid: Pid) -> String {
    format!(
        "the statement in flight cannot be cancelled and keeps running without its session; select \
         pg_terminate_backend({pid}) ends it"
    )
}

/// What comes from outside: a frame, or the end of a cancel request. Without a connection,
/// nothing ever.
async fn happening(link: Option<&mut Link>) -> Wake {
    let Some(Link { connection, cancelling, .. }) = link else { return pending().await };
    let Some(cancelling) = cancelling else { return Wake::Frame(connection.next().await) };
    tokio::select! {
        frame = connection.next() => Wake::Frame(frame),
        result = cancelling => Wake::Cancelled(result),
    }
}

/// Folds frames for as long as they are there without waiting, at most a gulp of them.
async fn listen(
    link: &mut Link,
    first: Result<FromServer, WireError>,
    kinds: &mut Vec<Kind>,
) -> Result<(), WireError> {
    link.take(&first?, kinds).await?;
    for _ in 1..GULP {
        // What was submitted next goes out at once, before what else has come is looked at.
        if link.answer.is_none() {
            return Ok(());
        }
        let Some(frame) = link.connection.next_if_ready().await else { break };
        link.take(&frame?, kinds).await?;
    }
    if let Some(answer) = &mut link.answer {
        answer.pause(kinds);
    }
    Ok(())
}
