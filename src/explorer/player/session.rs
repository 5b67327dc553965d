//! A player's connection: what is sent, and what has been answered so far.

use std::collections::VecDeque;

use crate::core::event::answer::{Answer, Outcome};
use crate::core::event::{Kind, Pid, ServerMessage, TransactionStatus};
use crate::pg::frame::FromServer;
use crate::pg::response::{CopyDirection, Part};
use crate::pg::{ConnectError, Connection, Reconnector, WireError};

/// A session that stays connected from order to order.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Session {
    pub(super) name: String,
    way: Reconnector,
    /// Whether the process that the key names is not the one that works for it.
    is_behind: bool,
    connection: Option<Connection>,
    pub(super) pid: Pid,
    pub(super) status: TransactionStatus,
    /// What is sent once what is under way is answered.
    rest: VecDeque<String>,
    is_busy: bool,
    answer: Answer,
    outcomes: Vec<Outcome>,
    /// Why the connection was lost in what is under way, or before it.
    lost: Option<String>,
    /// Whether that was told as part of an answer.
    is_loss_told: bool,
    /// How many ends of statements of ours are to be passed over.
    passed_over: u32,
    /// Its `deadlock_timeout` in milliseconds, where that is known.
    deadline: Option<u32>,
    /// Whether that was set in the transaction that is open, and goes with it if it fails.
    is_deadline_open: bool,
}

/// What was answered to a step: to each statement, how the transaction stands, and how the
/// connection was lost, if it was.
type Taken = (Vec<Outcome>, TransactionStatus, Option<String>);

impl Session {
    pub(super) async fn open(
        name: &str,
        way: &Reconnector,
        is_behind: bool,
    ) -> Result<Self, ConnectError> {
        let mut session = Self {
            name: name.to_owned(),
            way: way.with_application_name(name),
            is_behind,
            connection: None,
            pid: Pid(0),
            status: TransactionStatus::Idle,
            rest: VecDeque::new(),
            is_busy: false,
            answer: Answer::default(),
            outcomes: Vec::new(),
            lost: None,
            is_loss_told: false,
            passed_over: 0,
            deadline: None,
            is_deadline_open: false,
        };
        session.connect().await?;
        Ok(session)
    }

    /// Connects, if it is not connected.
    pub(super) async fn connect(&mut self) -> Result<(), ConnectError> {
        if self.connection.is_some() {
            return Ok(());
        }
        let mut connection = self.way.open().await?;
        self.pid = connection.key_pid();
        if self.is_behind
            && let Ok(reply) = connection.ask("select pg_catalog.pg_backend_pid()").await
            && let Ok(Some(pid)) = reply.cell
        {
            self.pid = pid.parse().map_or(self.pid, Pid);
        }
        self.connection = Some(connection);
        self.status = TransactionStatus::Idle;
        (self.is_busy, self.lost, self.is_loss_told) = (false, None, false);
        (self.passed_over, self.deadline) = (0, None);
        self.rest.clear();
        self.outcomes.clear();
        Ok(())
    }

    /// Sends a step. `deadline` is the `deadlock_timeout` that it is to have.
    pub(super) async fn launch(
        &mut self,
        statements: &[String],
        deadline: Option<u32>,
    ) -> Result<(), WireError> {
        self.gather();
        if self.connection.is_none() {
            // What the server has said as it went is all the answer that there is.
            return Ok(());
        }
        self.outcomes.clear();
        self.answer.cut();
        // In a failed transaction nothing waits, and nothing can be set.
        if deadline != self.deadline
            && let Some(time) = deadline.filter(|_| self.status != TransactionStatus::Failed)
        {
            self.put_ahead(&format!("set deadlock_timeout = {time}")).await;
            self.deadline = deadline;
            self.is_deadline_open = self.status != TransactionStatus::Idle;
        }
        if statements.iter().any(|sql| sql.to_lowercase().contains("deadlock_timeout")) {
            // The step sets one of its own.
            self.forget_deadline();
        }
        self.rest = statements.iter().cloned().collect();
        self.is_busy = true;
        self.send_next().await;
        Ok(())
    }

    /// Sends something whose answer is passed over.
    async fn put_ahead(&mut self, sql: &str) {
        if let Some(connection) = &mut self.connection
            && connection.submit(sql).await.is_ok()
        {
            self.passed_over += 1;
        }
    }

    /// Sends the next statement; without one, the step is answered.
    async fn send_next(&mut self) {
        while let Some(sql) = self.rest.pop_front() {
            let Some(connection) = &mut self.connection else { break };
            match connection.submit(&sql).await {
                Ok(()) => return,
                // What no message can carry is refused by ourselves, as in a run.
                Err(error @ (WireError::ZeroByte(_) | WireError::NotUtf8)) => {
                    let refusal = ServerMessage::ours("22021", &error.to_string());
                    self.outcomes.push(Outcome::Failed(refusal));
                }
                Err(error) => self.lose(&error),
            }
        }
        self.is_busy = false;
    }

    /// Waits until something has come, and takes what has. Whoever does not wait to the end loses
    /// nothing.
    pub(super) async fn hear(&mut self) {
        let Some(connection) = &mut self.connection else { return std::future::pending().await };
        let frame = connection.next().await;
        self.take(frame).await;
        self.gather_all().await;
    }

    /// Takes what has come already.
    pub(super) async fn gather_all(&mut self) {
        while let Some(connection) = &mut self.connection {
            let Some(frame) = connection.next_if_ready().await else { return };
            self.take(frame).await;
        }
    }

    /// Takes what an idle connection has come to say: that it is gone.
    fn gather(&mut self) {
        use futures::FutureExt as _;
        let _all = tokio::task::coop::unconstrained(self.gather_all()).now_or_never();
    }

    async fn take(&mut self, frame: Result<FromServer, WireError>) {
        let Some(connection) = &mut self.connection else { return };
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return self.lose(&error),
        };
        let part = match connection.fold(&frame) {
            Ok(part) => part,
            Err(error) => return self.lose(&error),
        };
        if let Part::Ready(status) = part {
            return self.end_statement(status).await;
        }
        if self.passed_over > 0 {
            return;
        }
        match kind(part) {
            Heard::Told(kind) => self.outcomes.extend(self.answer.apply(&kind)),
            Heard::WantsData => connection.refuse_copy("an explored step has no data").await,
            Heard::Nothing => {}
        }
    }

    async fn end_statement(&mut self, status: TransactionStatus) {
        let is_over = status != TransactionStatus::InTransaction;
        if is_over && self.passed_over == 0 && std::mem::take(&mut self.is_deadline_open) {
            self.deadline = None;
        }
        self.status = status;
        if self.passed_over > 0 {
            self.passed_over -= 1;
        } else if self.is_busy {
            // Its next statement is sent by the next poll of whoever listens.
            Box::pin(self.send_next()).await;
        }
    }

    fn lose(&mut self, error: &WireError) {
        self.connection = None;
        self.lost = Some(error.to_string());
        self.is_busy = false;
        self.status = TransactionStatus::Idle;
        self.rest.clear();
    }

    /// Whether what was sent is not answered yet.
    pub(super) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Whether it can play no more in this order: its connection is gone, and a step has told so.
    pub(super) fn is_gone(&self) -> bool {
        self.connection.is_none() && self.is_loss_told
    }

    /// Whether its connection is gone.
    pub(super) fn is_lost(&self) -> bool {
        self.connection.is_none()
    }

    pub(super) fn take_answer(&mut self) -> Taken {
        self.is_loss_told = self.lost.is_some();
        (std::mem::take(&mut self.outcomes), self.status, self.lost.clone())
    }

    /// Nothing more of the step is to be sent.
    pub(super) fn drop_rest(&mut self) {
        self.rest.clear();
    }

    /// Sends statements of ours one behind the other and waits for all; the first refusal, if there
    /// is one. Each is a transaction of its own.
    pub(super) async fn perform(
        &mut self,
        statements: &[String],
    ) -> Result<Result<(), ServerMessage>, WireError> {
        let answers = self.ask(statements).await?;
        let refused = answers.into_iter().flatten().find_map(|outcome| match outcome {
            Outcome::Failed(message) => Some(message),
            _ => None,
        });
        Ok(refused.map_or(Ok(()), Err))
    }

    /// Sends statements one behind the other, and gives what each was answered.
    pub(super) async fn ask(
        &mut self,
        statements: &[String],
    ) -> Result<Vec<Vec<Outcome>>, WireError> {
        let Some(connection) = &mut self.connection else { return Err(WireError::Closed) };
        for sql in statements {
            connection.submit(sql).await?;
        }
        let mut answers = Vec::with_capacity(statements.len());
        let mut outcomes = Vec::new();
        let mut answer = Answer::default();
        while answers.len() < statements.len() {
            let frame = connection.next().await?;
            let part = connection.fold(&frame)?;
            if let Part::Ready(status) = part {
                self.status = status;
                answers.push(std::mem::take(&mut outcomes));
                continue;
            }
            match kind(part) {
                Heard::Told(kind) => outcomes.extend(answer.apply(&kind)),
                Heard::WantsData => connection.refuse_copy("an explored step has no data").await,
                Heard::Nothing => {}
            }
        }
        if std::mem::take(&mut self.is_deadline_open) {
            self.deadline = None;
        }
        Ok(answers)
    }

    /// Asks the server, on a connection of its own, to cancel what is under way.
    pub(super) async fn cancel(&self) -> Result<(), ConnectError> {
        match &self.connection {
            Some(connection) => connection.canceller().cancel().await,
            None => Ok(()),
        }
    }

    /// What its `deadlock_timeout` is, is not known any more.
    pub(super) fn forget_deadline(&mut self) {
        self.deadline = None;
    }

    /// Lets the connection go.
    pub(super) fn give_up(&mut self) {
        self.lose(&WireError::Closed);
    }

    /// Says goodbye.
    pub(super) async fn close(self) {
        if let Some(connection) = self.connection {
            let _gone_in_any_case = connection.terminate().await;
        }
    }
}

/// What a part of an answer comes to.
enum Heard {
    Told(Kind),
    WantsData,
    Nothing,
}

fn kind(part: Part<'_>) -> Heard {
    Heard::Told(match part {
        Part::Columns(columns) => Kind::Columns(columns.columns()),
        Part::Row { row, .. } => Kind::Rows(vec![row.texts()]),
        Part::Done { tag, rows } => Kind::Done { tag: tag.text(), rows },
        Part::Failed(fields) => Kind::Failed(fields.into()),
        Part::Copy(CopyDirection::In | CopyDirection::Both) => return Heard::WantsData,
        _ => return Heard::Nothing,
    })
}
