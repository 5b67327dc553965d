//! Writes events as text, one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::processes::Processes;
use super::{Options, waits, without_processes};
use crate::core::event::answer::{self, Answer, Outcome};
use crate::core::event::{Conflict, Event, Fate, Form, Kind, SessionName, Typed};
use crate::core::syntax::Strings;
use crate::reports::lesson::Lessons;
use crate::reports::psql::{self, Standing, Verbosity};

/// What the runner's own connection is called: it looks at the `finally` part.
const RUNNER: &str = "finally";

/// How much is told of a statement that was held and has not gone to the server, in bytes.
const LONGEST_HELD: usize = 400;

/// A transcript being written.
pub(super) struct Writer {
    options: Options,
    text: String,
    sessions: BTreeMap<Option<SessionName>, Line>,
    processes: Processes,
    /// Whose step or statement was sent last.
    stepped: Option<SessionName>,
}

/// What must be known of a session to write its next line.
#[derive(Default)]
struct Line {
    standing: Standing,
    sql: Option<Arc<str>>,
    /// What the debugger holds of it.
    held: Option<Arc<str>>,
    /// What becomes of the answer that is coming.
    form: Form,
    answer: Answer,
    lessons: Lessons,
    was_lost: bool,
    strings: Strings,
    /// Whether it is clear whose answer comes.
    is_named: bool,
}

impl Writer {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            text: String::new(),
            sessions: BTreeMap::new(),
            processes: Processes::default(),
            stepped: None,
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Writes what an event has to say.
    pub(super) fn apply(&mut self, event: &Event) {
        if let (Kind::Connected { pid }, Some(name)) = (&event.kind, &event.session) {
            self.processes.learn(*pid, name);
        }
        let name = event.session.as_ref().map_or(RUNNER, SessionName::as_str);
        let line = self.sessions.entry(event.session.clone()).or_default();
        line.strings = event.kind.strings().unwrap_or(line.strings);
        line.standing.apply(&event.kind);
        self.text.extend(line.name_answer(name, event, self.stepped.as_ref()));
        let outcome = line.answer.apply(&event.kind);
        let taught = line.lessons.apply(&event.kind).filter(|_| self.options.lessons);
        let lines = match &event.kind {
            Kind::Sent { sql, typed, .. } => {
                self.stepped.clone_from(&event.session);
                if !self.text.is_empty() && event.kind.line() != Some("") {
                    self.text.push('\n');
                }
                if event.session == Some(SessionName::pause()) && sql.starts_with("-- pause ") {
                    vec![sql.to_string()]
                } else {
                    line.sent(name, sql, typed.as_deref())
                }
            }
            Kind::Columns(_) | Kind::Rows(_) | Kind::Done { .. } | Kind::Failed(_) => {
                let answered = |outcome| line.answered(outcome, &self.processes, self.options);
                outcome.map(answered).unwrap_or_default()
            }
            Kind::Notice(message) => line.message(&self.processes.told(message, self.options)),
            Kind::Ready { elapsed, .. } => self.time("Time: ", *elapsed),
            Kind::Connected { .. } | Kind::Lost { .. } | Kind::Closed => {
                line.connection(name, &event.kind, self.options)
            }
            Kind::Waiting(wait) if !self.options.processes => {
                vec![format!("{name} {}.", waits(&without_processes(wait)))]
            }
            Kind::Resumed { waited } => resumed(name, *waited, self.options),
            Kind::Held { sql, does, why, .. } => {
                line.held = Some(Arc::clone(sql));
                vec![String::new(), format!("{name} is held: {} ({why}).", psql::one_line(does))]
            }
            Kind::LetGo { held, fate } => line.let_go(name, *held, fate, self.options),
            kind => aside(name, kind),
        };
        for line in lines.into_iter().chain(taught.map(|lesson| format!("  {lesson}"))) {
            self.text.push_str(&line);
            self.text.push('\n');
        }
    }

    fn time(&self, before: &str, time: Duration) -> Vec<String> {
        if self.options.times { vec![format!("{before}{}", milliseconds(time))] } else { vec![] }
    }
}

impl Line {
    /// Says whose answer comes, where another session has been sent something since.
    fn name_answer(
        &mut self,
        name: &str,
        event: &Event,
        stepped: Option<&SessionName>,
    ) -> Option<String> {
        match event.kind {
            Kind::Sent { .. } => self.is_named = false,
            Kind::Resumed { .. } => self.is_named = true,
            Kind::Columns(_) | Kind::Done { .. } | Kind::Failed(_)
                if event.session.as_ref() != stepped =>
            {
                let was_named = std::mem::replace(&mut self.is_named, true);
                return (!was_named).then(|| format!("{name} is answered:\n"));
            }
            _ => {}
        }
        None
    }

    /// What was typed behind psql's prompts, and what psql says to it by itself.
    fn sent(&mut self, name: &str, sql: &Arc<str>, typed: Option<&Typed>) -> Vec<String> {
        self.sql = Some(Arc::clone(sql));
        self.form = typed.map(|typed| typed.answer.clone()).unwrap_or_default();
        let text = typed.map_or(&**sql, |typed| &typed.line);
        let prompts = self.standing.prompts(name, text, self.strings);
        let lines = prompts.zip(text.lines());
        let lines = lines.map(|(prompt, line)| format!("{prompt}{}", psql::one_line(line)));
        let said = if let Form::Said(text) = &self.form { psql::said(text) } else { Vec::new() };
        let again = typed.and_then(psql::again);
        lines.chain(again).chain(said.into_iter().map(|(_, text)| text)).collect()
    }

    /// The result, and the tag where psql prints one: not under a result that was only looked at.
    fn answered(&self, outcome: Outcome, processes: &Processes, options: Options) -> Vec<String> {
        match outcome {
            Outcome::Result { columns, rows, count, tag } => {
                let lines = psql::answer(&self.form, &columns, &rows, count, None).into_iter();
                let mut lines: Vec<String> = lines.map(|(_, text)| text).collect();
                if answer::stands_under_a_result(&tag) {
                    let gap = Some(String::new()).filter(|_| !lines.is_empty());
                    lines.extend(gap.into_iter().chain([tag]));
                }
                lines
            }
            Outcome::Done { tag } => vec![tag],
            Outcome::Failed(message) => self.message(&processes.told(&message, options)),
        }
    }

    /// What goes to the server is told with that; what does not is told here.
    fn let_go(&mut self, name: &str, held: Duration, fate: &Fate, options: Options) -> Vec<String> {
        let after =
            if options.times { format!(" after {}", milliseconds(held)) } else { String::new() };
        let sql = self.held.take().unwrap_or_default();
        let says = match fate {
            Fate::Passed => return vec![format!("{name} is let go{after}.")],
            Fate::CutAfter => {
                return vec![format!("{name} is let go{after}, and cut off before the answer.")];
            }
            Fate::Refused(code) => format!("{name} is answered {code} by hand{after}"),
            Fate::RefusedByRule { code, rule } => {
                format!("{name} is refused with {code} by --refuse '{rule}'{after}")
            }
            Fate::Cut => format!("{name} is cut off{after}"),
            Fate::Cancelled => format!("{name}'s program cancels{after}"),
            Fate::Abandoned => format!("{name}'s program hangs up{after}"),
            Fate::ServerGone => format!("the server ends {name}'s connection{after}"),
        };
        let shown = psql::one_line(&sql[..sql.floor_char_boundary(LONGEST_HELD)]);
        vec![format!("{says}; the server has not seen: {shown}")]
    }

    fn message(&self, message: &crate::core::event::ServerMessage) -> Vec<String> {
        psql::message(message, self.sql.as_deref().unwrap_or_default(), Verbosity::WithCode)
    }

    fn connection(&mut self, name: &str, kind: &Kind, options: Options) -> Vec<String> {
        match kind {
            Kind::Lost { reason, in_transaction } => {
                *self = Self { was_lost: true, ..Self::default() };
                let undone =
                    if *in_transaction { " Its open transaction was rolled back." } else { "" };
                vec![format!("{name} has lost its connection: {}.{undone}", psql::one_line(reason))]
            }
            Kind::Connected { pid } if options.processes && pid.is_of_database() => {
                vec![format!("{name} is connected, process {pid}.")]
            }
            Kind::Connected { .. } if std::mem::take(&mut self.was_lost) => {
                vec![format!("{name} is reconnected.")]
            }
            Kind::Closed => vec![format!("{name} disconnects.")],
            _ => vec![],
        }
    }
}

fn resumed(name: &str, waited: Duration, options: Options) -> Vec<String> {
    let after =
        if options.times { format!(" after {}", milliseconds(waited)) } else { String::new() };
    vec![format!("{name} resumes{after}.")]
}

/// What is told beside the answers.
fn aside(name: &str, kind: &Kind) -> Vec<String> {
    match kind {
        Kind::Waiting(wait) => vec![format!("{name} {}.", waits(wait))],
        Kind::Notification { channel, payload, .. } => {
            let (channel, payload) = (psql::one_line(channel), psql::one_line(payload));
            vec![format!("{name} is notified on {channel}: {payload}")]
        }
        Kind::Conflict(Conflict { table, key, winner, .. }) => {
            let winner = winner.as_deref().unwrap_or("Somebody else");
            vec![format!("  {winner} changed row {key} of {table} and committed first.")]
        }
        Kind::Note(note) => vec![format!("note: {}", psql::one_line(note))],
        _ => vec![],
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1000.0)
}
