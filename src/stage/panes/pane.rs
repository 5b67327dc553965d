//! One session's pane: what was said in it, what is being typed, how the session stands. A fold
//! over its events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::editor::Editor;
use super::result::Incoming;
use super::scrollback::{LINE_KEPT, Line, Look, Scrollback};
use super::search_path::SearchPath;
use crate::core::event::answer::stands_under_a_result;
use crate::core::event::{
    Event, Kind, ServerMessage, SessionName, SubmissionId, TransactionStatus, Wait,
};
use crate::core::syntax::{self, Unfinished};
use crate::reports::psql::{self, Verbosity};
use crate::stage::{text, words};

mod waiting;

pub use waiting::Waiting;

/// How many lines of one statement are echoed.
const ECHOED: usize = 200;

/// How many cells of a name stand in a prompt.
const PROMPT_NAME: usize = 16;

/// Whether there is somebody at the other end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    #[default]
    Connecting,
    Open,
    /// Not any more; Enter reconnects.
    Lost,
    /// Not any more, and that was asked for; Enter connects again, too.
    Closed,
}

/// A submission that is not answered yet.
#[derive(Clone, Debug)]
pub struct InFlight {
    pub submission: SubmissionId,
    /// Its SQL, for the place of an error in it.
    pub sql: Arc<str>,
}

/// A session on the screen.
#[derive(Clone, Debug)]
pub struct Pane {
    pub name: SessionName,
    /// Whether it is connected.
    pub link: Link,
    /// The transaction status, as the server told it last.
    pub status: TransactionStatus,
    pub in_flight: Option<InFlight>,
    /// What somebody sent and the run has not said that it went out: refused, it comes back into
    /// the editor.
    asked: Option<String>,
    pub waiting: Option<Waiting>,
    /// What was said.
    pub scrollback: Scrollback,
    /// What is being typed.
    pub editor: Editor,
    /// Typed statements that wait for the one before them, as in psql a line of several is sent one
    /// by one.
    queue: VecDeque<String>,
    incoming: Option<Incoming>,
    /// Where it looks for names without a schema.
    pub search_path: SearchPath,
}

impl Pane {
    /// The pane of a session that has not said anything.
    pub fn new(name: SessionName) -> Self {
        Self {
            name,
            link: Link::default(),
            status: TransactionStatus::default(),
            in_flight: None,
            asked: None,
            waiting: None,
            scrollback: Scrollback::default(),
            editor: Editor::default(),
            queue: VecDeque::new(),
            incoming: None,
            search_path: SearchPath::default(),
        }
    }

    /// The same pane in a fresh run: what was typed and remembered stays, also what was on its way;
    /// what the old session said goes.
    #[must_use]
    pub fn fresh(mut self) -> Self {
        self.take_back();
        Self { editor: self.editor, ..Self::new(self.name) }
    }

    /// The same session as somebody else sees it: what was said, and nothing that is being typed.
    #[must_use]
    pub fn for_others(&self) -> Self {
        let mut scrollback = self.scrollback.clone();
        scrollback.follow();
        scrollback.shift_back();
        let mut editor = Editor::default();
        editor.read_strings(self.editor.strings());
        Self {
            link: self.link,
            status: self.status,
            in_flight: self.in_flight.clone(),
            waiting: self.waiting.clone(),
            scrollback,
            editor,
            incoming: self.incoming.clone(),
            ..Self::new(self.name.clone())
        }
    }

    /// The prompt before a statement (`alice=*# `), or before its further lines (`alice-*# `).
    pub fn prompt(&self, unfinished: Option<Unfinished>) -> String {
        let name = self.name.as_str().to_lowercase();
        let name = text::fit(&name, PROMPT_NAME, "").into_owned();
        if self.link != Link::Open {
            return format!("{name}!?> ");
        }
        psql::prompt(&name, self.status, unfinished)
    }

    /// Whether a transaction would be lost with the session.
    pub fn has_transaction(&self) -> bool {
        self.link == Link::Open && self.status != TransactionStatus::Idle
    }

    /// Whether something would be lost with the session: a transaction, or what runs or waits.
    pub fn has_something_to_lose(&self) -> bool {
        self.has_transaction() || (self.link == Link::Open && self.is_busy())
    }

    /// Whether there is nobody at the other end any more.
    pub fn is_gone(&self) -> bool {
        matches!(self.link, Link::Lost | Link::Closed)
    }

    /// Whether a statement runs, or is on its way.
    pub fn is_busy(&self) -> bool {
        self.in_flight.is_some() || self.asked.is_some()
    }

    /// Folds one of this session's events, which came in at this moment.
    pub fn apply(&mut self, event: &Event, now: Duration) {
        if let Some(strings) = event.kind.strings() {
            self.editor.read_strings(strings);
        }
        let sql = self.in_flight.as_ref().map_or("", |flight| &flight.sql);
        self.search_path.apply(&event.kind, sql, self.editor.strings());
        match &event.kind {
            Kind::Connected { .. } => self.connected(),
            Kind::Lost { reason, in_transaction } => self.lost(reason, *in_transaction),
            Kind::Closed => self.closed(),
            Kind::Sent { submission, sql, .. } => self.sent(*submission, sql),
            Kind::Columns(columns) => {
                self.settle();
                self.incoming = Some(Incoming::new(columns.clone(), self.scrollback.end()));
            }
            Kind::Rows(rows) => self.rows(rows),
            Kind::Done { tag, rows } => self.done(tag, *rows),
            Kind::Failed(message) => self.failed(message),
            Kind::Notice(_)
            | Kind::Notification { .. }
            | Kind::Resumed { .. }
            | Kind::Conflict(_)
            | Kind::Note(_) => self.before_result(|pane| pane.note(&event.kind)),
            Kind::Ready { status, elapsed, .. } => self.ready(*status, *elapsed),
            Kind::Waiting(wait) => self.begins_to_wait(wait, now),
            Kind::Parameter { .. } | Kind::WatchedTables(_) | Kind::Quiet => {}
        }
    }

    /// Says what stands by itself. A result that is still coming stands below it, as in psql.
    fn before_result(&mut self, say: impl FnOnce(&mut Self)) {
        let incoming = self.incoming.take();
        if let Some(incoming) = &incoming {
            self.scrollback.take_back(incoming.from);
        }
        say(self);
        if let Some(mut incoming) = incoming {
            incoming.from = self.scrollback.end();
            incoming.lines(None).into_iter().for_each(|line| self.scrollback.push(line));
            self.incoming = Some(incoming);
        }
    }

    fn note(&mut self, kind: &Kind) {
        match kind {
            Kind::Notice(message) => self.notice(message),
            Kind::Notification { channel, payload, from } => {
                self.say(Look::Notice, &psql::notification(channel, payload, *from));
            }
            Kind::Resumed { waited } => self.resumed(*waited),
            Kind::Conflict(conflict) => self.say(Look::Lesson, &words::conflict(conflict)),
            Kind::Note(text) => self.say(Look::Note, text),
            _ => {}
        }
    }

    /// Takes what was typed, to be sent statement by statement as psql does.
    pub fn queue_typed(&mut self) {
        let strings = self.editor.strings();
        let text = self.editor.take();
        let statements = syntax::split(&text, strings).into_iter();
        self.queue.extend(statements.map(|statement| statement.text.to_owned()));
    }

    /// When what is typed now would be sent, if that is not at once.
    pub fn turn(&self) -> Option<&'static str> {
        match self.link {
            Link::Connecting => Some("once the session is connected"),
            _ if self.is_busy() && self.waiting.is_none() => {
                Some("once the previous statement is answered")
            }
            _ => None,
        }
    }

    /// Forgets what was typed and waits for its turn.
    pub fn empty_queue(&mut self) {
        self.queue.clear();
    }

    /// Adds lines in the console's own words or the server's.
    pub fn say(&mut self, look: Look, text: &str) {
        for line in text.lines() {
            self.scrollback.push(Line::new(look, line));
        }
    }

    fn connected(&mut self) {
        if self.is_gone() {
            self.say(Look::Note, "reconnected");
        }
        self.link = Link::Open;
        self.status = TransactionStatus::Idle;
    }

    fn lost(&mut self, reason: &str, in_transaction: bool) {
        self.settle();
        self.say(Look::Lost, &format!("connection lost: {reason}"));
        if in_transaction {
            self.say(Look::Lost, "its open transaction was rolled back");
        }
        self.say(Look::Note, "Enter reconnects");
        self.end(Link::Lost);
    }

    fn closed(&mut self) {
        self.settle();
        self.say(Look::Note, "session closed; Enter reopens it");
        self.end(Link::Closed);
    }

    fn end(&mut self, link: Link) {
        self.link = link;
        self.status = TransactionStatus::Idle;
        self.in_flight = None;
        self.waiting = None;
        self.take_back();
    }

    /// What was sent and did not go out is in the editor again, with what was to follow it.
    pub fn take_back(&mut self) {
        let rest = std::mem::take(&mut self.queue);
        let unsent: Vec<String> = self.asked.take().into_iter().chain(rest).collect();
        if unsent.is_empty() {
            return;
        }
        let typed = Some(self.editor.text()).filter(|text| !text.is_empty());
        let whole: Vec<String> = unsent.into_iter().chain(typed).collect();
        self.editor.put(&whole.join("\n"));
    }

    fn sent(&mut self, submission: SubmissionId, sql: &Arc<str>) {
        self.settle();
        let echoed = &sql[..sql.floor_char_boundary(LINE_KEPT)];
        let lines = echoed.trim_matches(['\n', '\r']).split('\n');
        for (index, line) in lines.take(ECHOED).enumerate() {
            self.echo(line, (index > 0).then_some(Unfinished::Statement));
        }
        if echoed.len() < sql.len() {
            self.say(Look::Note, &format!("... {} bytes in total", sql.len()));
        }
        self.scrollback.follow();
        self.scrollback.shift_back();
        self.asked.take_if(|asked| **asked == **sql);
        self.in_flight = Some(InFlight { submission, sql: sql.clone() });
    }

    /// Shows a line of a statement behind its prompt.
    pub fn echo(&mut self, line: &str, unfinished: Option<Unfinished>) {
        let prompt = text::visible(&self.prompt(unfinished)).into_owned();
        let look = Look::Statement { prompt: u16::try_from(prompt.len()).unwrap_or(u16::MAX) };
        let line = line.trim_end().replace('\t', "    ");
        self.scrollback.push(Line::new(look, &format!("{prompt}{line}")));
    }

    fn rows(&mut self, rows: &[crate::core::event::Row]) {
        let Some(incoming) = &mut self.incoming else { return };
        if incoming.take(rows) {
            self.scrollback.take_back(incoming.from);
            incoming.lines(None).into_iter().for_each(|line| self.scrollback.push(line));
        }
    }

    /// Shows the rest of a result that is not going to end in a tag.
    fn settle(&mut self) {
        if let Some(incoming) = self.incoming.take() {
            self.scrollback.take_back(incoming.from);
            incoming.lines(None).into_iter().for_each(|line| self.scrollback.push(line));
        }
    }

    fn done(&mut self, tag: &str, rows: u64) {
        let Some(incoming) = self.incoming.take() else { return self.say(Look::Tag, tag) };
        self.scrollback.take_back(incoming.from);
        incoming.lines(Some(rows)).into_iter().for_each(|line| self.scrollback.push(line));
        if stands_under_a_result(tag) {
            self.say(Look::Tag, tag);
        }
    }

    fn failed(&mut self, message: &ServerMessage) {
        self.settle();
        let sql = self.in_flight.as_ref().map(|flight| flight.sql.clone()).unwrap_or_default();
        self.tell(message, &sql, Look::Error);
        if let Some(lesson) = crate::reports::lesson::of(message) {
            self.say(Look::Lesson, lesson);
        }
    }

    fn tell(&mut self, message: &ServerMessage, sql: &str, first: Look) {
        let lines = psql::message(message, sql, Verbosity::WithCode);
        for (index, line) in lines.iter().enumerate() {
            let look = if index == 0 { first } else { Look::Detail };
            self.scrollback.push(Line::new(look, line));
        }
    }

    fn notice(&mut self, message: &ServerMessage) {
        for (index, line) in psql::message(message, "", Verbosity::Default).iter().enumerate() {
            let look = if index == 0 { Look::Notice } else { Look::Detail };
            self.scrollback.push(Line::new(look, line));
        }
    }

    fn ready(&mut self, status: TransactionStatus, elapsed: Duration) {
        self.settle();
        if let (Some(_), Some(line)) = (&self.in_flight, self.scrollback.last_mut()) {
            line.aside = Some(words::milliseconds(elapsed).into());
        }
        self.status = status;
        self.in_flight = None;
        self.waiting = None;
    }

    /// A change of what is waited for is the same wait going on.
    fn begins_to_wait(&mut self, wait: &Wait, now: Duration) {
        let since = self.waiting.as_ref().map_or(now, |waiting| waiting.since);
        self.waiting = Some(Waiting { wait: wait.clone(), since });
    }

    fn resumed(&mut self, waited: Duration) {
        let Some(waiting) = self.waiting.take() else { return };
        let whom = words::blockers(&waiting.wait.blockers);
        let text = format!("waited {} for {whom}", words::wait(waited));
        self.say(Look::Wait, &text);
    }

    /// The next typed statement, if the one before it is answered.
    pub fn next_of_queue(&mut self) -> Option<String> {
        if self.is_busy() || self.link != Link::Open {
            return None;
        }
        self.asked = self.queue.pop_front();
        self.asked.clone()
    }

    /// How the session stands, in the words of its title: the longest first, then what is left of
    /// them in a narrow one.
    pub fn state(&self, now: Duration) -> Vec<String> {
        let words: &[&str] = match (self.link, &self.waiting, self.status) {
            (Link::Connecting, ..) => &["connecting", "..."],
            (Link::Lost, ..) => &["connection lost", "lost"],
            (Link::Closed, ..) => &["closed"],
            (_, Some(waiting), _) => return waiting.title(now),
            (_, None, _) if self.in_flight.is_some() => &["running", "runs"],
            (_, None, TransactionStatus::InTransaction) => &["in transaction", "in trans.", "*"],
            (_, None, TransactionStatus::Failed) => &["failed transaction", "failed", "!"],
            (_, None, TransactionStatus::Idle) => &["idle"],
        };
        words.iter().map(|&word| word.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests;
