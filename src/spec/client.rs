//! A connection as a program on libpq sees it.
//!
//! isolationtester's output depends on *when* libpq looks at a message: a step counts as done when its first result is complete, notices are printed
//! when libpq comes across them, notifications are kept until somebody asks. So what has arrived ([`Client::hear`]) and what has been
//! looked at ([`Client::look`]) are two things here as they are there (PostgreSQL sources, `pqParseInput3`, `PQgetResult`, `PQexec`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgwire::messages::copy::CopyFail;
use pgwire::messages::data::RowDescription;
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio::task::coop::unconstrained;

use super::Trouble;
use super::news::News;
use crate::event::{Column, Pid, Row, ServerMessage, SessionName};
use crate::isolation_output::Telling;
use crate::wire::{Canceller, Connection, Target, WireError, cells};

/// What libpq says of a connection that is gone already.
pub(super) const NO_CONNECTION: &str = "no connection to the server\n";

/// What libpq says when the server hangs up.
const HUNG_UP: &str = "server closed the connection unexpectedly\n\
    \tThis probably means the server terminated abnormally\n\
    \tbefore or while processing the request.\n";

/// Adds the session's name to the application's, as isolationtester does, and tells the process.
const INTRODUCE: &str =
    "select set_config('application_name', current_setting('application_name') || '/' || ";

/// One result of a submission.
#[derive(Debug)]
pub(super) enum Answer {
    /// A command without rows.
    Done,
    /// Nothing was in the submission.
    Empty,
    /// Rows, perhaps none.
    Rows { columns: Vec<Column>, rows: Vec<Row> },
    /// The server's error.
    Failed(ServerMessage),
    /// The connection broke.
    Broken(String),
    /// COPY, which no step can serve; libpq's name for the result.
    Copy(&'static str),
}

/// Where libpq stands with a submission.
#[derive(Debug)]
enum Stage {
    Idle,
    /// A result is awaited.
    Busy,
    /// A result is complete.
    Answered(Answer),
}

/// A notification that nobody has asked for yet.
#[derive(Debug)]
pub(super) struct Notification {
    pub(super) channel: String,
    pub(super) payload: String,
    pub(super) from: Pid,
}

/// A connection and what has come over it.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) name: SessionName,
    pub(super) pid: Pid,
    connection: Connection,
    inbox: VecDeque<PgWireBackendMessage>,
    /// How the connection ended, in libpq's words.
    lost: Option<String>,
    stage: Stage,
    columns: Option<Vec<Column>>,
    rows: Vec<Row>,
    sql: Arc<str>,
    /// When something was sent or heard last.
    pub(super) stirred: Instant,
    notifications: Vec<Notification>,
}

impl Client {
    /// Connects, and introduces itself by the session's name.
    pub(super) async fn connect(target: &Target, name: &SessionName) -> Result<Self, Trouble> {
        let mut connection = Connection::connect(target).await?;
        let quoted = name.as_str().replace('\'', "''");
        let reply = connection
            .ask(&format!(
                "{INTRODUCE}E'{}', false), pg_backend_pid()",
                quoted.replace('\\', "\\\\")
            ))
            .await?;
        let pid = reply.cell.ok().flatten().and_then(|pid| pid.parse().ok());
        Ok(Self {
            name: name.clone(),
            pid: pid.map_or(connection.key_pid(), Pid),
            connection,
            inbox: VecDeque::new(),
            lost: None,
            stage: Stage::Idle,
            columns: None,
            rows: Vec::new(),
            sql: "".into(),
            stirred: Instant::now(),
            notifications: Vec::new(),
        })
    }

    /// Runs SQL of ours before the run begins.
    pub(super) async fn prepare(&mut self, sql: &str) -> Result<(), Trouble> {
        self.connection.ask(sql).await?;
        Ok(())
    }

    /// Sends a submission (`PQsendQuery`).
    pub(super) async fn send(&mut self, sql: &str) -> Result<(), String> {
        if self.lost.is_some() {
            return Err(NO_CONNECTION.to_owned());
        }
        self.connection.submit(sql).await.map_err(|error| format!("{error}\n"))?;
        self.sql = sql.into();
        self.stage = Stage::Busy;
        self.stirred = Instant::now();
        Ok(())
    }

    /// Waits until something has arrived, or the time is over; whether it has.
    pub(super) async fn hear(&mut self, patience: Duration) -> Heard {
        if self.lost.is_some() {
            return Heard::Something;
        }
        match tokio::time::timeout(patience, self.connection.next()).await {
            Ok(message) => {
                self.take(message);
                self.gather().await;
                Heard::Something
            }
            Err(_) => Heard::Nothing,
        }
    }

    /// Takes in what has arrived already. The scheduler's budget must not make it overlook anything.
    pub(super) async fn gather(&mut self) {
        while self.lost.is_none()
            && let Some(message) = unconstrained(self.connection.next_if_ready()).await
        {
            self.take(message);
        }
    }

    fn take(&mut self, message: Result<PgWireBackendMessage, WireError>) {
        self.stirred = Instant::now();
        match message {
            Ok(message) => self.inbox.push_back(message),
            Err(WireError::Closed) => self.lost = Some(HUNG_UP.to_owned()),
            Err(error) => self.lost = Some(format!("{error}\n")),
        }
    }

    /// How the connection ended, when all that came before has been looked at.
    pub(super) fn lost(&self) -> Option<&str> {
        self.lost.as_deref().filter(|_| self.inbox.is_empty())
    }

    /// Whether the server has nothing to do for this connection, as far as has been heard.
    pub(super) fn is_idle(&self) -> bool {
        let is_ready = |message: &PgWireBackendMessage| {
            matches!(message, PgWireBackendMessage::ReadyForQuery(_))
        };
        self.lost.is_some() || matches!(self.stage, Stage::Idle) || self.inbox.iter().any(is_ready)
    }

    /// Whether the next result is still awaited, after a look at what has been heard (`PQisBusy`).
    pub(super) fn is_busy(&mut self, news: &mut News) -> bool {
        self.look(news);
        matches!(self.stage, Stage::Busy)
    }

    /// Looks at messages up to the end of a result and the notices behind it.
    fn look(&mut self, news: &mut News) {
        while let Some(message) = self.inbox.pop_front() {
            match message {
                PgWireBackendMessage::NoticeResponse(notice) => self.tell(&notice.fields, news),
                PgWireBackendMessage::NotificationResponse(told) => {
                    let from = Pid(told.pid);
                    let (channel, payload) = (told.channel, told.payload);
                    self.notifications.push(Notification { channel, payload, from });
                }
                message => match self.stage {
                    Stage::Answered(_) => return self.inbox.push_front(message),
                    Stage::Busy => self.fold(message),
                    Stage::Idle => self.overhear(message, news),
                },
            }
        }
    }

    fn tell(&self, fields: &[(u8, String)], news: &mut News) {
        let message = ServerMessage::from_fields(fields);
        let (session, sql) = (self.name.to_string(), self.sql.to_string());
        news.notice(self.pid, Telling::Notice { session, message, sql });
    }

    /// An error that answers nothing, because a connection is ended from elsewhere, is a notice to libpq.
    fn overhear(&self, message: PgWireBackendMessage, news: &mut News) {
        if let PgWireBackendMessage::ErrorResponse(error) = message {
            self.tell(&error.fields, news);
        }
    }

    fn fold(&mut self, message: PgWireBackendMessage) {
        match message {
            PgWireBackendMessage::RowDescription(described) => {
                self.columns = Some(columns(described));
            }
            PgWireBackendMessage::DataRow(row) => self.rows.extend(cells(&row)),
            PgWireBackendMessage::CommandComplete(_) => {
                let rows = std::mem::take(&mut self.rows);
                self.stage = Stage::Answered(match self.columns.take() {
                    Some(columns) => Answer::Rows { columns, rows },
                    None => Answer::Done,
                });
            }
            PgWireBackendMessage::EmptyQueryResponse(_) => self.answer(Answer::Empty),
            PgWireBackendMessage::ErrorResponse(error) => {
                self.answer(Answer::Failed(ServerMessage::from_fields(&error.fields)));
            }
            PgWireBackendMessage::CopyInResponse(_) => self.answer(Answer::Copy("PGRES_COPY_IN")),
            PgWireBackendMessage::CopyOutResponse(_) => self.answer(Answer::Copy("PGRES_COPY_OUT")),
            PgWireBackendMessage::ReadyForQuery(_) => self.stage = Stage::Idle,
            _ => {}
        }
    }

    fn answer(&mut self, answer: Answer) {
        self.columns = None;
        self.rows.clear();
        self.stage = Stage::Answered(answer);
    }

    /// The next result; nothing when the submission is answered whole (`PQgetResult`).
    pub(super) async fn result(&mut self, news: &mut News) -> Option<Answer> {
        loop {
            self.look(news);
            match std::mem::replace(&mut self.stage, Stage::Busy) {
                Stage::Answered(answer) => {
                    self.refuse_copy(&answer).await;
                    return Some(answer);
                }
                Stage::Idle => {
                    self.stage = Stage::Idle;
                    return None;
                }
                Stage::Busy => {
                    if let Some(reason) = self.lost.clone() {
                        self.stage = Stage::Idle;
                        return Some(Answer::Broken(reason));
                    }
                    let message = self.connection.next().await;
                    self.take(message);
                    self.gather().await;
                }
            }
        }
    }

    /// isolationtester has no data for COPY, and would wait for ever.
    async fn refuse_copy(&mut self, answer: &Answer) {
        if matches!(answer, Answer::Copy("PGRES_COPY_IN")) {
            let refusal = CopyFail::new("a specification has no data for COPY".to_owned());
            let sent = self.connection.send(PgWireFrontendMessage::CopyFail(refusal)).await;
            if let Err(error) = sent {
                self.lost.get_or_insert(format!("{error}\n"));
            }
        }
    }

    /// Runs a submission to its end and gives its last result (`PQexec`).
    pub(super) async fn execute(&mut self, sql: &str, news: &mut News) -> Result<Answer, String> {
        while self.result(news).await.is_some() {}
        self.send(sql).await?;
        let mut last = None;
        while let Some(answer) = self.result(news).await {
            last = Some(answer);
        }
        last.ok_or_else(|| NO_CONNECTION.to_owned())
    }

    /// The notifications that have come, after a look for more.
    pub(super) async fn notifications(&mut self, news: &mut News) -> Vec<Notification> {
        self.gather().await;
        self.look(news);
        std::mem::take(&mut self.notifications)
    }

    /// The submission that an error message of `PQerrorMessage` points into.
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    pub(super) fn canceller(&self) -> Canceller {
        self.connection.canceller()
    }

    /// Says goodbye.
    pub(super) async fn close(self) {
        let _gone_in_any_case = self.connection.terminate().await;
    }
}

/// Whether something has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Something,
    Nothing,
}

fn columns(described: RowDescription) -> Vec<Column> {
    let column = |field: pgwire::messages::data::FieldDescription| Column {
        name: field.name,
        type_oid: field.type_id,
    };
    described.fields.into_iter().map(column).collect()
}
