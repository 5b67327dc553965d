//! One session's pane: what was said in it, what is being typed, how the session stands. A fold
//! over its events.

use std::sync::Arc;
use std::time::Duration;

use super::editor::Editor;
use super::queue::{File, Queue, Queued};
use super::result::{Incoming, looks};
use super::scrollback::{LINE_KEPT, Line, Look, Scrollback};
use super::search_path::SearchPath;
use crate::core::event::answer::stands_under_a_result;
use crate::core::event::{
    Event, Form, Kind, ServerMessage, SessionName, SubmissionId, TransactionStatus, Typed, Wait,
};
use crate::core::syntax::Unfinished;
use crate::reports::lesson::Lessons;
use crate::reports::psql::{self, Standing, Verbosity};
use crate::stage::{text, words};

mod held;
mod latest;
mod waiting;

pub use held::Held;
pub use waiting::{Release, Waiting};

use latest::Latest;

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
    /// What becomes of its answer.
    pub form: Form,
}

/// A session on the screen.
#[derive(Clone, Debug)]
pub struct Pane {
    pub name: SessionName,
    /// Whether it is connected.
    pub link: Link,
    /// What its prompt tells of it.
    standing: Standing,
    pub in_flight: Option<InFlight>,
    /// What somebody sent and the run has not said that it went out: refused, it comes back into
    /// the editor.
    asked: Option<String>,
    pub waiting: Option<Waiting>,
    /// Whether it shows the transactions of a client of the debugger, into which nothing is typed.
    pub is_guest: bool,
    /// The guest's statement that is held.
    pub held: Option<Held>,
    /// What is to be said behind the statement that is sent next.
    behind_sent: Option<&'static str>,
    /// What was said.
    pub scrollback: Scrollback,
    /// What is being typed.
    pub editor: Editor,
    /// What was typed and waits for what was typed before it, as in psql a line of several
    /// statements is sent one by one.
    pub(crate) queue: Queue,
    /// How often it sends its query again, while it does (`\watch`).
    pub repeats: Option<Duration>,
    /// How wide its pane is.
    cells: usize,
    incoming: Option<Incoming>,
    /// Where it looks for names without a schema.
    pub search_path: SearchPath,
    latest: Latest,
    lessons: Lessons,
}

impl Pane {
    /// The pane of a session that has not said anything.
    pub fn new(name: SessionName) -> Self {
        Self {
            name,
            link: Link::default(),
            standing: Standing::default(),
            in_flight: None,
            asked: None,
            waiting: None,
            is_guest: false,
            held: None,
            behind_sent: None,
            scrollback: Scrollback::default(),
            editor: Editor::default(),
            queue: Queue::default(),
            repeats: None,
            cells: usize::MAX,
            incoming: None,
            search_path: SearchPath::default(),
            latest: Latest::default(),
            lessons: Lessons::default(),
        }
    }

    /// The pane of a guest that has not said anything.
    pub fn of_guest(name: SessionName) -> Self {
        Self { is_guest: true, ..Self::new(name) }
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
            standing: self.standing,
            repeats: self.repeats,
            is_guest: self.is_guest,
            held: self.held.clone(),
            in_flight: self.in_flight.clone(),
            waiting: self.waiting.clone(),
            scrollback,
            editor,
            incoming: self.incoming.clone(),
            latest: self.latest.clone(),
            lessons: self.lessons.clone(),
            ..Self::new(self.name.clone())
        }
    }

    /// The prompt before a statement (`alice=*# `), or before its further lines (`alice-*# `).
    pub fn prompt(&self, unfinished: Option<Unfinished>) -> String {
        let name = self.prompt_name();
        if self.link != Link::Open {
            return format!("{name}!?> ");
        }
        self.standing.prompt(&name, unfinished)
    }

    fn prompt_name(&self) -> String {
        let name = self.name.as_str().to_lowercase();
        text::fit(&name, PROMPT_NAME, "").into_owned()
    }

    /// The transaction status, as the server told it last.
    pub fn status(&self) -> TransactionStatus {
        self.standing.status
    }

    /// It is so wide from now on.
    pub(crate) fn widen(&mut self, cells: usize) {
        self.cells = cells;
    }

    /// Whether a transaction would be lost with the session.
    pub fn has_transaction(&self) -> bool {
        self.link == Link::Open && self.status() != TransactionStatus::Idle
    }

    /// Whether something would be lost with the session: a transaction, or what runs or waits.
    pub fn has_something_to_lose(&self) -> bool {
        let is_at_work = self.is_busy() || self.held.is_some();
        self.has_transaction() || (self.link == Link::Open && is_at_work)
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
        self.standing.apply(&event.kind);
        match &event.kind {
            Kind::Connected { .. } => self.connected(),
            Kind::Lost { reason, in_transaction } => self.lost(reason, *in_transaction),
            Kind::Closed => self.closed(),
            Kind::Sent { submission, sql, step, typed } => {
                if step.is_none() {
                    self.asked = None;
                }
                self.sent(*submission, sql, typed.as_deref());
            }
            Kind::Columns(columns) => {
                self.settle();
                let incoming = Incoming::new(columns.clone(), self.scrollback.end());
                let form = self.in_flight.as_ref().map(|it| it.form.clone()).unwrap_or_default();
                self.incoming = Some(incoming.in_form(&form, self.cells));
            }
            Kind::Rows(rows) => self.rows(rows),
            Kind::Done { tag, rows } => self.done(tag, *rows),
            Kind::Failed(message) => self.failed(message),
            Kind::Notice(_)
            | Kind::Notification { .. }
            | Kind::Resumed { .. }
            | Kind::Conflict(_)
            | Kind::Note(_) => self.before_result(|pane| pane.note(&event.kind)),
            Kind::Held { sql, does, why, patience } => {
                self.settle();
                self.held = Some(Held {
                    sql: Arc::clone(sql),
                    does: does.clone(),
                    why: why.clone(),
                    patience: *patience,
                    since: now,
                });
            }
            Kind::LetGo { fate, .. } => self.let_go(fate),
            Kind::Ready { elapsed, .. } => self.ready(*elapsed),
            Kind::Waiting(wait) => self.begins_to_wait(wait, now),
            Kind::Parameter { .. } | Kind::WatchedTables(_) | Kind::Quiet => {}
        }
        self.latest.apply(&event.kind, now);
        if let Some(lesson) = self.lessons.apply(&event.kind) {
            self.say(Look::Lesson, lesson);
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

    /// Takes what was typed, to be carried out piece by piece as psql does. A query that is not
    /// ended stays.
    pub fn queue_typed(&mut self) {
        let strings = self.editor.strings();
        let text = self.editor.take();
        let rest = self.queue.add(&text, strings);
        let goes_on = if rest.is_empty() { "" } else { "\n" };
        self.editor.put(&format!("{rest}{goes_on}"));
    }

    /// What stands in a file comes before what was typed behind it.
    pub fn include(&mut self, text: &str, file: &File) {
        self.queue.include(text, file, self.editor.strings());
    }

    /// When what is typed now would be sent, if that is not at once.
    pub fn turn(&self) -> Option<&'static str> {
        match self.link {
            Link::Connecting => Some("once the session is connected"),
            _ if self.repeats.is_some() => None,
            _ if self.is_busy() && self.waiting.is_none() => {
                Some("once the previous statement is answered")
            }
            _ => None,
        }
    }

    /// Forgets what was typed and waits for its turn; whether a file was among it, which is said.
    pub fn empty_queue(&mut self) -> bool {
        let rest = self.queue.rest_of_files();
        if let Some(rest) = &rest {
            self.say(Look::Note, rest);
        }
        self.queue.clear();
        rest.is_some()
    }

    /// Adds lines in the console's own words or the server's.
    pub fn say(&mut self, look: Look, text: &str) {
        for line in text.lines() {
            self.scrollback.push(Line::new(look, line));
        }
    }

    fn connected(&mut self) {
        if self.is_gone() && !self.is_guest {
            self.say(Look::Note, "reconnected");
        }
        self.link = Link::Open;
    }

    fn lost(&mut self, reason: &str, in_transaction: bool) {
        self.settle();
        self.say(Look::Lost, &format!("connection lost: {reason}"));
        if in_transaction {
            self.say(Look::Lost, "its open transaction was rolled back");
        }
        if !self.is_guest {
            self.say(Look::Note, "Enter reconnects");
        }
        self.end(Link::Lost);
    }

    fn closed(&mut self) {
        self.settle();
        self.say(Look::Note, "session closed; Enter reopens it");
        self.end(Link::Closed);
    }

    fn end(&mut self, link: Link) {
        self.link = link;
        self.standing.status = TransactionStatus::Idle;
        self.repeats = None;
        self.in_flight = None;
        self.waiting = None;
        self.held = None;
        self.take_back();
    }

    /// Whether something was typed here of which the run has not said yet that it is sent.
    pub fn waits_to_be_sent(&self) -> bool {
        self.asked.is_some()
    }

    /// What was sent and did not go out is in the editor again, with what was to follow it. What
    /// was to follow from a file is said to be gone.
    pub fn take_back(&mut self) {
        if let Some(rest) = self.queue.rest_of_files() {
            self.say(Look::Note, &rest);
        }
        let rest = self.queue.take();
        let unsent: Vec<String> = self.asked.take().into_iter().chain(rest).collect();
        if unsent.is_empty() {
            return;
        }
        let typed = Some(self.editor.text()).filter(|text| !text.is_empty());
        let whole: Vec<String> = unsent.into_iter().chain(typed).collect();
        self.editor.put(&whole.join("\n"));
    }

    fn sent(&mut self, submission: SubmissionId, sql: &Arc<str>, typed: Option<&Typed>) {
        self.settle();
        self.echo_typed(typed.map_or(&**sql, |typed| &typed.line));
        if let Some(words) = self.behind_sent.take() {
            self.say(Look::Note, words);
        }
        if let Some(title) = typed.and_then(psql::again) {
            self.say(Look::Note, &title);
        }
        if let Some(Form::Said(text)) = typed.map(|typed| &typed.answer) {
            for line in looks(&psql::said(text)) {
                self.scrollback.push(line);
            }
        }
        self.scrollback.follow();
        self.scrollback.shift_back();
        self.repeats = typed.and_then(|typed| typed.every);
        let form = typed.map(|typed| typed.answer.clone()).unwrap_or_default();
        self.in_flight = Some(InFlight { submission, sql: sql.clone(), form });
    }

    /// Shows what was typed behind psql's prompts.
    fn echo_typed(&mut self, text: &str) {
        let kept = &text[..text.floor_char_boundary(LINE_KEPT)];
        let typed = kept.trim_matches(['\n', '\r']);
        let (name, strings) = (self.prompt_name(), self.editor.strings());
        let prompts = self.standing.prompts(&name, typed, strings);
        let prompts: Vec<String> = prompts.take(ECHOED).collect();
        for (prompt, line) in prompts.iter().zip(typed.lines()) {
            self.echo_behind(prompt, line);
        }
        if kept.len() < text.len() {
            self.say(Look::Note, &format!("... {} bytes in total", text.len()));
        }
    }

    /// Shows what was typed and goes nowhere behind the prompt.
    pub fn echo(&mut self, text: &str) {
        match text {
            "" => self.echo_behind(&self.prompt(None), ""),
            text => self.echo_typed(text),
        }
    }

    fn echo_behind(&mut self, prompt: &str, line: &str) {
        let prompt = text::visible(prompt).into_owned();
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
        self.repeats = None;
        let sql = self.in_flight.as_ref().map(|flight| flight.sql.clone()).unwrap_or_default();
        self.tell(message, &sql, Look::Error);
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

    fn ready(&mut self, elapsed: Duration) {
        self.settle();
        let was_asked = self.in_flight.as_ref().is_some_and(|flight| !flight.sql.is_empty());
        if let (true, Some(line)) = (was_asked, self.scrollback.last_mut()) {
            line.aside = Some(words::milliseconds(elapsed).into());
        }
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
        self.latest.wait_ended(waiting.wait);
    }

    /// What was typed next, if what was typed before it is answered. What is for the run is on its
    /// way from now on.
    pub fn next_of_queue(&mut self) -> Option<Queued> {
        if self.is_busy() || self.repeats.is_some() || self.link != Link::Open {
            return None;
        }
        let next = self.queue.pop()?;
        if !next.is_for_console() {
            self.asked = Some(next.text.clone());
        }
        Some(next)
    }

    /// How the session stands, in the words of its title: the longest first, then what is left of
    /// them in a narrow one.
    pub fn state(&self, now: Duration) -> Vec<String> {
        let words: &[&str] = match (self.link, &self.waiting, self.status()) {
            (Link::Lost, ..) if self.is_guest => &["hung up"],
            _ if self.held.is_some() => &["held"],
            (Link::Connecting, ..) => &["connecting", "..."],
            (Link::Lost, ..) => &["connection lost", "lost"],
            (Link::Closed, ..) => &["closed"],
            (_, Some(waiting), _) => return waiting.title(now),
            (_, None, _) if self.in_flight.is_some() => &["running", "runs"],
            (_, None, _) if self.repeats.is_some() => &["repeating", "repeats"],
            (_, None, TransactionStatus::InTransaction) => &["in transaction", "in trans.", "*"],
            (_, None, TransactionStatus::Failed) => &["failed transaction", "failed", "!"],
            (_, None, TransactionStatus::Idle) if self.is_guest => &["ended"],
            (_, None, TransactionStatus::Idle) => &["idle"],
        };
        words.iter().map(|&word| word.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests;
