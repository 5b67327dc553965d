//! A connection as a program on libpq sees it.
//!
//! isolationtester's output depends on *when* libpq looks at a message: a step counts as done when
//! its first result is complete, notices are printed when libpq comes across them, notifications
//! are kept until somebody asks, and nobody reads what a connection says that has nothing to do. So
//! what has arrived ([`Client::hear`]) and what has been looked at ([`Client::look`]) are two
//! things here as they are there (PostgreSQL sources, `pqParseInput3`, `PQgetResult`, `PQexec`).
//!
//! What the server says is kept byte for byte ([`keep`]): a step may ask for any encoding.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use futures::FutureExt as _;
use tokio::task::coop::unconstrained;

use super::SpecError;
use super::news::TellingSender;
use crate::core::event::octets::keep;
use crate::core::event::{Column, Pid, Row, ServerMessage, SessionName};
use crate::pg::frame::{FromServer, ServerTag};
use crate::pg::message::frontend::{put_copy_fail, put_query, put_terminate};
use crate::pg::message::{ErrorFields, Notification as Notified};
use crate::pg::response::{Aside, CopyDirection, Part, Response};
use crate::pg::{Canceller, Connection, ServerFrames, Target, WireError};
use crate::reports::isolation_output::Telling;
use crate::reports::psql::libpq_message;

mod submissions;
mod words;

use words::{HUNG_UP, could_not_receive, in_the_words_of_libpq};

/// What libpq says of a connection that is gone already.
pub(super) const NO_CONNECTION: &str = "no connection to the server\n";

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
    /// COPY, which no step can serve.
    Copy(CopyDirection),
}

/// Where libpq stands with a submission.
#[derive(Debug)]
enum SubmissionStage {
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
pub(super) struct Client {
    pub(super) name: SessionName,
    pub(super) pid: Pid,
    line: ServerFrames,
    canceller: Canceller,
    inbox: VecDeque<FromServer>,
    /// How the connection ended, in libpq's words.
    lost: Option<String>,
    stage: SubmissionStage,
    response: Response,
    columns: Option<Vec<Column>>,
    rows: Vec<Row>,
    sql: Arc<str>,
    /// What was sent behind it, before it was answered.
    ahead: VecDeque<Arc<str>>,
    /// How often something was sent or heard.
    pub(super) stirs: u64,
    notifications: Vec<Notification>,
}

impl Client {
    /// Connects, introduces itself by the session's name, as isolationtester does, and asks what is
    /// to be asked besides. What the server says to that is kept for a look.
    pub(super) async fn connect(
        target: &Target,
        name: &SessionName,
        question: &str,
    ) -> Result<Self, SpecError> {
        let connection = Connection::connect(target).await?;
        let is_superuser = connection.parameter("is_superuser") == Some("on");
        let application = connection.parameter("application_name").unwrap_or_default();
        // isolationtester: `set_config('application_name', current_setting('application_name') ||
        // '/' || $1, false)`. Tests look for themselves in pg_stat_activity by that name.
        let introduction = introduction(&format!("{application}/{name}"), is_superuser);
        let first = [introduction.as_str(), question].join(";");
        let pid = connection.key_pid();
        let (line, canceller) = connection.into_parts();
        let mut client = Self {
            name: name.clone(),
            pid,
            line,
            canceller,
            inbox: VecDeque::new(),
            lost: None,
            stage: SubmissionStage::Idle,
            response: Response::default(),
            columns: None,
            rows: Vec::new(),
            sql: "".into(),
            ahead: VecDeque::new(),
            stirs: 0,
            notifications: Vec::new(),
        };
        client.send(first.trim_end_matches(';')).await.map_err(|reason| refusal(&reason))?;
        while !client.is_idle() {
            client.take_next().await;
        }
        Ok(client)
    }

    /// Sends a submission (`PQsendQuery`). That the server has hung up meanwhile is found out when
    /// it is listened to.
    pub(super) async fn send(&mut self, sql: &str) -> Result<(), String> {
        if self.lost.is_some() {
            return Err(NO_CONNECTION.to_owned());
        }
        if let Some(at) = sql.bytes().position(|byte| byte == 0) {
            return Err(format!("{}\n", WireError::ZeroByte(at)));
        }
        put_query(&mut self.line.out, sql);
        self.response.await_one();
        self.stirs += 1;
        if self.line.flush().await.is_err() {
            self.gather();
            if let Some(reason) = self.lost() {
                return Err(reason.to_owned());
            }
        }
        self.ahead.push_back(sql.into());
        if matches!(self.stage, SubmissionStage::Idle) && self.ahead.len() == 1 {
            self.turn();
        }
        Ok(())
    }

    /// Turns to what was sent next.
    fn turn(&mut self) {
        if let Some(next) = self.ahead.pop_front() {
            self.sql = next;
            self.stage = SubmissionStage::Busy;
        }
    }

    /// Waits until something has arrived. Whoever does not wait to the end loses nothing.
    pub(super) async fn hear(&mut self) {
        self.take_next().await;
        self.gather();
    }

    /// Takes in what has arrived already. The scheduler's budget must not make it overlook
    /// anything.
    pub(super) fn gather(&mut self) {
        while self.lost.is_none() {
            match unconstrained(self.line.next()).now_or_never() {
                Some(frame) => self.take(frame),
                None => return,
            }
        }
    }

    async fn take_next(&mut self) {
        if self.lost.is_none() {
            let frame = self.line.next().await;
            self.take(frame);
        }
    }

    fn take(&mut self, frame: io::Result<Option<FromServer>>) {
        self.stirs += 1;
        match frame {
            Ok(Some(frame)) => self.inbox.push_back(frame),
            Ok(None) => self.lost = Some(HUNG_UP.to_owned()),
            Err(error) => self.lost = Some(in_the_words_of_libpq(&error)),
        }
    }

    /// How the connection ended, when all that came before has been looked at.
    pub(super) fn lost(&self) -> Option<&str> {
        self.lost.as_deref().filter(|_| self.inbox.is_empty())
    }

    /// Whether the server has nothing to do for this connection, as far as has been heard.
    pub(super) fn is_idle(&self) -> bool {
        let open = usize::from(!matches!(self.stage, SubmissionStage::Idle)) + self.ahead.len();
        // Each submission ends with one ReadyForQuery.
        let is_ready = |frame: &&FromServer| frame.tag == ServerTag::Ready;
        self.lost.is_some() || self.inbox.iter().filter(is_ready).count() >= open
    }

    /// Whether the next result is still awaited, after a look at what has been heard (`PQisBusy`).
    pub(super) fn is_busy(&mut self, news: &mut TellingSender) -> bool {
        self.look(news);
        matches!(self.stage, SubmissionStage::Busy)
    }

    /// Looks at messages up to the end of a result and the notices behind it.
    fn look(&mut self, news: &mut TellingSender) {
        while let Some(frame) = self.inbox.pop_front() {
            let is_aside = matches!(frame.tag, ServerTag::Notice | ServerTag::Notification);
            match self.stage {
                // It belongs to what was sent next.
                SubmissionStage::Idle if !self.ahead.is_empty() => {
                    return self.inbox.push_front(frame);
                }
                // `pqParseInput3` takes notices and notifications in any state; all else waits
                // until the result has been fetched.
                SubmissionStage::Answered(_) if !is_aside => return self.inbox.push_front(frame),
                _ => self.take_look(&frame, news),
            }
        }
    }

    fn take_look(&mut self, frame: &FromServer, news: &mut TellingSender) {
        let is_idle = matches!(self.stage, SubmissionStage::Idle);
        match self.response.apply(frame) {
            Ok(Part::Aside(Aside::Notice(fields))) => self.tell(fields, news),
            Ok(Part::Aside(Aside::Notification(Notified { from, channel, payload }))) => {
                let (channel, payload) = (keep(channel), keep(payload));
                self.notifications.push(Notification { channel, payload, from });
            }
            Ok(Part::Aside(Aside::Parameter(_))) => {}
            // An error that answers nothing, because a connection is ended from elsewhere, is a
            // notice to libpq.
            Ok(Part::Failed(fields)) if is_idle => self.tell(fields, news),
            // And of anything else that answers nothing it takes no notice.
            _ if is_idle => {}
            Ok(part) => self.fold(part),
            Err(error) => {
                self.inbox.clear();
                self.lost = Some(could_not_receive(&error));
            }
        }
    }

    fn tell(&self, fields: ErrorFields<'_>, news: &mut TellingSender) {
        let message = ServerMessage::from(fields);
        let (session, sql) = (self.name.to_string(), keep(self.sql.as_bytes()));
        news.notice(self.pid, Telling::Notice { session, message, sql });
    }

    fn fold(&mut self, part: Part<'_>) {
        match part {
            Part::Columns(columns) => self.columns = Some(columns.columns()),
            Part::Row { row, .. } => self.rows.push(row.texts()),
            Part::Done { .. } => {
                let rows = std::mem::take(&mut self.rows);
                self.stage = SubmissionStage::Answered(match self.columns.take() {
                    Some(columns) => Answer::Rows { columns, rows },
                    None => Answer::Done,
                });
            }
            Part::Empty => self.answer(Answer::Empty),
            Part::Failed(fields) => self.answer(Answer::Failed(fields.into())),
            Part::Copy(direction) => self.answer(Answer::Copy(direction)),
            Part::Ready(_) => self.stage = SubmissionStage::Idle,
            Part::CopyData | Part::Copied(_) | Part::Acknowledged(_) | Part::Aside(_) => {}
        }
    }

    fn answer(&mut self, answer: Answer) {
        self.columns = None;
        self.rows.clear();
        self.stage = SubmissionStage::Answered(answer);
    }

    /// The next result; nothing when the submission is answered whole (`PQgetResult`).
    pub(super) async fn result(&mut self, news: &mut TellingSender) -> Option<Answer> {
        loop {
            self.look(news);
            // As in `PQgetResult`: behind a result that is handed out more may come, until
            // ReadyForQuery.
            match std::mem::replace(&mut self.stage, SubmissionStage::Busy) {
                SubmissionStage::Answered(answer) => {
                    self.refuse_copy(&answer).await;
                    return Some(answer);
                }
                SubmissionStage::Idle => {
                    self.stage = SubmissionStage::Idle;
                    return None;
                }
                SubmissionStage::Busy => {
                    if let Some(reason) = self.lost.clone() {
                        self.stage = SubmissionStage::Idle;
                        self.ahead.clear();
                        return Some(Answer::Broken(reason));
                    }
                    self.take_next().await;
                    self.gather();
                }
            }
        }
    }

    /// isolationtester has no data for COPY, and would wait for ever.
    async fn refuse_copy(&mut self, answer: &Answer) {
        if matches!(answer, Answer::Copy(CopyDirection::In | CopyDirection::Both)) {
            put_copy_fail(&mut self.line.out, "a specification has no data for COPY");
            if let Err(error) = self.line.flush().await {
                self.lost.get_or_insert(in_the_words_of_libpq(&error));
            }
        }
    }

    /// An error that answers what was sent last, as `PQerrorMessage` has it.
    pub(super) fn in_full(&self, message: &ServerMessage) -> String {
        libpq_message(message, &keep(self.sql.as_bytes()))
    }

    /// The notifications that have come, after a look for more.
    pub(super) fn notifications(&mut self, news: &mut TellingSender) -> Vec<Notification> {
        self.gather();
        self.look(news);
        std::mem::take(&mut self.notifications)
    }

    pub(super) fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    pub(super) async fn close(mut self) {
        put_terminate(&mut self.line.out);
        let _gone_in_any_case = self.line.close().await;
    }
}

/// The name as isolationtester gives it, and messages in English where the user may choose: that
/// takes a superuser.
fn introduction(application: &str, is_superuser: bool) -> String {
    let quoted = application.replace('\\', "\\\\").replace('\'', "''");
    let plainly = if is_superuser { "; set lc_messages to 'C'" } else { "" };
    format!("set application_name to E'{quoted}'{plainly}")
}

/// libpq's name for the result.
pub(super) fn copy_status(direction: CopyDirection) -> &'static str {
    match direction {
        CopyDirection::In => "PGRES_COPY_IN",
        CopyDirection::Out => "PGRES_COPY_OUT",
        CopyDirection::Both => "PGRES_COPY_BOTH",
    }
}

fn refusal(reason: &str) -> SpecError {
    SpecError::Wire(WireError::Protocol(reason.trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted() {
        let expected = "set application_name to E'it''s\\\\it/s1'; set lc_messages to 'C'";
        assert_eq!(introduction("it's\\it/s1", true), expected);
    }
}
