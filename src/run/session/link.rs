//! A session's connection while it lasts: connected, prepared by the prelude, and what it is busy
//! with.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::SessionOptions;
use super::answer::{Answer, COPY_IN_REFUSED, Turn, told};
use crate::core::event::{Kind, Pid, ServerMessage, SubmissionId, TransactionStatus};
use crate::core::syntax::{self, Strings, Verb};
use crate::pg::frame::FromServer;
use crate::pg::response::Part;
use crate::pg::{ConnectError, Connection, WireError};
use crate::reports::psql::IS_SUPERUSER;
use crate::run::guardian::{Activity, Guardian, Held};

/// How long a statement has to end after it was cancelled, before it is cancelled again.
const CANCEL_AGAIN: Duration = Duration::from_millis(100);

/// A cancel request on its way.
type Cancelling = Pin<Box<dyn Future<Output = Result<(), ConnectError>> + Send>>;

/// The connection and its state.
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) pid: Pid,
    pub(super) status: TransactionStatus,
    /// The answer that is coming in, while a submission is in flight.
    pub(super) answer: Option<Answer>,
    /// What was submitted.
    sql: Arc<str>,
    /// How many of its statements are done.
    done: usize,
    /// Until a cancel request has arrived nothing new is sent, so that it cannot hit the wrong
    /// statement.
    pub(super) cancelling: Option<Cancelling>,
    /// Who waits for what an idle server has to say. Until that is over nothing new is sent, so
    /// that each answer is to what was asked.
    pub(super) hearing: Option<Hearing>,
    /// The server's reason for hanging up, when it gave one.
    pub(super) last_words: Option<ServerMessage>,
    /// The guardian's part in the connection.
    held: Option<Held>,
    /// Why it has none, though there is a guardian.
    unguarded: Option<io::Error>,
}

/// An idle server was asked for what it has to say.
#[derive(Debug)]
pub(super) struct Hearing {
    heard: oneshot::Sender<()>,
    /// Whether it has said all of it.
    pub(super) is_over: bool,
}

impl Hearing {
    pub(super) fn until(heard: oneshot::Sender<()>) -> Self {
        Self { heard, is_over: false }
    }

    /// Tells whoever waits that it is over.
    pub(super) fn tell(self) {
        // Whoever does not wait for it any more need not know.
        let _ = self.heard.send(());
    }
}

/// A session could not be made ready.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the connection was lost while the session was being prepared: {0}")]
    Wire(#[from] WireError),
    #[error(
        "cannot prepare the session: {sql}: {}: {} ({})",
        .message.severity,
        .message.message,
        .message.code
    )]
    Prelude { sql: String, message: Box<ServerMessage> },
}

impl Link {
    /// Connects under the session's name and runs its prelude.
    pub(super) async fn establish(options: &SessionOptions) -> Result<Self, LinkError> {
        let target = options.target.with_application_name(&options.application);
        let mut link = Self::of(Connection::connect(&target).await?);
        link.be_held_by(options.guardian.as_ref());
        for sql in &options.prelude {
            link.ask(sql).await?;
        }
        link.learn_pid().await?;
        Ok(link)
    }

    fn of(connection: Connection) -> Self {
        Self {
            pid: connection.key_pid(),
            connection,
            status: TransactionStatus::Idle,
            answer: None,
            sql: "".into(),
            done: 0,
            cancelling: None,
            hearing: None,
            last_words: None,
            held: None,
            unguarded: None,
        }
    }

    /// Not to be guarded is no reason to do nothing, but to say so.
    fn be_held_by(&mut self, guardian: Option<&Guardian>) {
        match guardian.map(|guardian| guardian.hold(&self.connection)).transpose() {
            Ok(held) => self.held = held,
            Err(error) => self.unguarded = Some(error),
        }
    }

    /// What must be said of a session whose statements would go on if this program were killed.
    pub(super) fn unguarded(&mut self) -> Option<Kind> {
        let error = self.unguarded.take()?;
        Some(Kind::Note(format!(
            "the process that would cancel its statements if this program were killed cannot be \
             reached ({error}); start the program again to have it back"
        )))
    }

    /// A submission is about to be sent.
    pub(super) fn begin(&mut self, submission: SubmissionId, sql: &Arc<str>) {
        (self.sql, self.done) = (Arc::clone(sql), 0);
        self.answer = Some(Answer::new(submission));
        self.note(Activity::Sending);
        // Asked at each statement, since the guardian may end at any time; told once.
        if let Some(loss) = self.held.as_ref().and_then(Held::loss) {
            self.held = None;
            self.unguarded = Some(loss);
        }
    }

    /// The submission has been sent whole.
    pub(super) fn sent(&self) {
        self.note(Activity::Busy);
    }

    /// Nothing is in flight any more.
    pub(super) fn end(&mut self) {
        self.answer = None;
        self.note(Activity::Idle);
    }

    fn note(&self, activity: Activity) {
        if let Some(held) = &self.held {
            held.note(activity);
        }
    }

    /// What must be known of a new session before its first statement is split and shown behind a
    /// prompt, where it is not as on most servers.
    pub(super) fn oddities(&self) -> Vec<Kind> {
        let usual = [(Strings::SETTING, "on"), (IS_SUPERUSER, "on")];
        let told = usual.iter().filter_map(|(name, usual)| {
            let value = self.connection.parameter(name).filter(|value| value != usual)?;
            Some(Kind::Parameter { name: (*name).to_owned(), value: value.to_owned() })
        });
        told.collect()
    }

    /// Behind a pooler or a gateway the key's process is not the backend's; the backend itself
    /// knows. One that has no such function keeps the key's.
    async fn learn_pid(&mut self) -> Result<(), LinkError> {
        match self.ask("select pg_backend_pid()").await {
            Ok(cell) => {
                let pid = cell.and_then(|text| text.parse().ok()).map(Pid);
                self.pid = pid.unwrap_or(self.pid);
                Ok(())
            }
            Err(LinkError::Prelude { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn ask(&mut self, sql: &str) -> Result<Option<String>, LinkError> {
        let reply = self.connection.ask(sql).await?;
        self.status = reply.status;
        let refused =
            |message| LinkError::Prelude { sql: sql.to_owned(), message: Box::new(message) };
        reply.cell.map_err(refused)
    }

    /// Takes one frame: an answer's, or one that came unasked.
    pub(super) async fn take(
        &mut self,
        frame: &FromServer,
        kinds: &mut Vec<Kind>,
    ) -> Result<(), WireError> {
        let part = self.connection.fold(frame)?;
        if let Part::Failed(fields) = part {
            self.remember(fields.into());
        }
        if self.answer.is_some()
            && let Part::Done { tag, .. } = part
        {
            self.follow_transaction(tag.tag());
        }
        let Some(answer) = &mut self.answer else { return self.overhear(part, frame, kinds) };
        let turn = answer.apply(part, kinds)?;
        self.follow(turn).await;
        Ok(())
    }

    /// Within a submission only the command tags tell where a transaction begins and ends; should
    /// the connection break before `ReadyForQuery`, that is what we know about it.
    fn follow_transaction(&mut self, tag: &[u8]) {
        match tag {
            b"BEGIN" | b"START TRANSACTION" => self.status = TransactionStatus::InTransaction,
            b"ROLLBACK" if self.rolls_back_to_a_savepoint() => {}
            b"COMMIT" | b"ROLLBACK" | b"PREPARE TRANSACTION" => {
                self.status = TransactionStatus::Idle;
            }
            _ => {}
        }
        self.done += 1;
    }

    /// Whether the statement that is just done was ROLLBACK TO SAVEPOINT, which has the tag
    /// `ROLLBACK` and ends no transaction.
    fn rolls_back_to_a_savepoint(&self) -> bool {
        let strings =
            self.connection.parameter(Strings::SETTING).map(Strings::of).unwrap_or_default();
        syntax::split(&self.sql, strings).get(self.done).is_some_and(|statement| {
            syntax::verb(&syntax::words(statement.text, strings)) == Verb::RollbackTo
        })
    }

    /// While nothing is in flight a server may only tell, or say why it hangs up; and it answers
    /// whoever asks what it has to say.
    fn overhear(
        &mut self,
        part: Part<'_>,
        frame: &FromServer,
        kinds: &mut Vec<Kind>,
    ) -> Result<(), WireError> {
        match (part, &mut self.hearing) {
            (Part::Aside(aside), _) => kinds.push(told(aside)),
            // `take` has kept it for the loss that is to follow.
            (Part::Failed(_), _) => {}
            (Part::Ready(_), Some(hearing)) => hearing.is_over = true,
            _ => return Err(WireError::unexpected(frame.tag)),
        }
        Ok(())
    }

    async fn follow(&mut self, turn: Turn) {
        match turn {
            Turn::Listen => {}
            Turn::RefuseCopy => self.connection.refuse_copy(COPY_IN_REFUSED).await,
            Turn::Over(status) => {
                self.status = status;
                self.end();
            }
        }
    }

    /// An error after which the server hangs up explains the loss that follows.
    fn remember(&mut self, message: ServerMessage) {
        if matches!(message.severity.as_str(), "FATAL" | "PANIC") {
            self.last_words = Some(message);
        }
    }

    /// Begins to cancel what is in flight.
    pub(super) fn cancel(&mut self) {
        if self.answer.is_some() && self.cancelling.is_none() {
            let canceller = self.connection.canceller();
            self.cancelling = Some(Box::pin(async move { canceller.cancel().await }));
        }
    }

    /// Cancels what is in flight until it has ended: a request that comes before the server has
    /// begun with the statement cancels nothing.
    pub(super) async fn cancel_until_idle(&mut self) {
        while self.answer.is_some() {
            self.cancel();
            // Its end is awaited, or a request that is late would hit the rollback that is sent
            // next. One that does not get through is made again.
            if let Some(cancelling) = self.cancelling.take() {
                cancelling.await.ok();
            }
            if let Ok(Err(_)) = timeout(CANCEL_AGAIN, self.hear_out()).await {
                return;
            }
        }
    }

    /// Takes frames that nobody is told any more, until the answer has ended.
    async fn hear_out(&mut self) -> Result<(), WireError> {
        let mut untold = Vec::new();
        while self.answer.is_some() {
            let frame = self.connection.next().await?;
            self.take(&frame, &mut untold).await?;
            untold.clear();
        }
        Ok(())
    }

    /// Whether the next submission may go out.
    pub(super) fn is_free(&self) -> bool {
        self.answer.is_none() && self.cancelling.is_none() && self.hearing.is_none()
    }

    /// Why the connection is gone, in the server's words where it left some.
    pub(super) fn close_reason(&self, error: &WireError) -> String {
        match &self.last_words {
            Some(last) => format!("{}: {} ({})", last.severity, last.message, last.code),
            None => error.to_string(),
        }
    }
}
