//! A backend without a PostgreSQL: it answers by a script, and remembers what it was asked.

use std::collections::VecDeque;
use std::io;

use super::error::BackendError;
use super::question::{Answer, AnswerRow, Question};
use super::questions::{Asked, Heard, Questions};
use crate::pg::frame::FromServer;

/// Rows, from a question's parameters.
type Rows = Box<dyn Fn(&[Option<String>]) -> Vec<AnswerRow> + Send>;

/// What comes of a question.
pub(crate) enum Reaction {
    /// Rows, from its parameters.
    Rows(Rows),
    /// An error with this SQLSTATE.
    Refused(&'static str),
    /// The connection's end.
    Lost,
}

impl Reaction {
    /// These rows, whatever the parameters are.
    pub(crate) fn rows<const N: usize>(rows: &[[&str; N]]) -> Self {
        let text = |value: &&str| Some((*value).to_owned());
        let rows: Vec<AnswerRow> = rows.iter().map(|row| row.iter().map(text).collect()).collect();
        Self::Rows(Box::new(move |_| rows.clone()))
    }
}

/// Answers by a script: the last rule decides whose text is a part of the question, or, written
/// behind a `=`, all of it. A question without a rule succeeds and gives no rows.
#[derive(Default)]
pub(crate) struct ScriptedBackend {
    rules: Vec<Rule>,
    asked: Vec<String>,
    queued: VecDeque<Vec<Question>>,
    deferred: Vec<Question>,
}

impl ScriptedBackend {
    /// From now on this comes of every question with such a text in it.
    pub(crate) fn on(&mut self, text: &str, reaction: Reaction) {
        self.rules.retain(|rule| rule.text != text);
        self.rules.push(Rule { text: text.to_owned(), reaction, is_once: false });
    }

    /// The same, of the next such question alone.
    pub(crate) fn once(&mut self, text: &str, reaction: Reaction) {
        self.rules.push(Rule { text: text.to_owned(), reaction, is_once: true });
    }

    /// What it was asked since this was called before: each question with its parameters.
    pub(crate) fn take_asked(&mut self) -> Vec<String> {
        std::mem::take(&mut self.asked)
    }

    fn answer(&mut self, question: &Question) -> Result<Answer, BackendError> {
        let parameters: Vec<_> =
            question.parameters.iter().map(|text| text.as_deref().unwrap_or("null")).collect();
        self.asked.push(format!("{} | {}", question.sql, parameters.join(" | ")));
        let Some(at) = self.rules.iter().rposition(|rule| rule.is_for(&question.sql)) else {
            return Ok(Answer::default());
        };
        let reacted = match &self.rules[at].reaction {
            Reaction::Rows(rows) => Ok(Answer { rows: rows(&question.parameters) }),
            Reaction::Refused(code) => Err(BackendError::Server(error(code))),
            Reaction::Lost => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        };
        if self.rules[at].is_once {
            self.rules.remove(at);
        }
        reacted
    }
}

struct Rule {
    text: String,
    reaction: Reaction,
    is_once: bool,
}

impl Rule {
    fn is_for(&self, sql: &str) -> bool {
        match self.text.strip_prefix('=') {
            Some(whole) => sql == whole,
            None => sql.contains(&self.text),
        }
    }
}

impl Questions for ScriptedBackend {
    async fn ask_all(&mut self, questions: Vec<Question>) -> Result<Vec<Answer>, BackendError> {
        // As a connection does, so that whatever can interleave does.
        tokio::task::yield_now().await;
        questions.iter().map(|question| self.answer(question)).collect()
    }

    fn queue(&mut self, questions: &[Question]) -> Asked {
        self.queued.push_back(questions.to_vec());
        Asked { deferred: 0, count: questions.len(), ours: Vec::new(), parsed: VecDeque::new() }
    }

    async fn send(&mut self) -> io::Result<()> {
        Ok(())
    }

    async fn heard(&mut self, _asked: Asked) -> io::Result<Heard> {
        tokio::task::yield_now().await;
        let mut answers = Vec::new();
        for question in self.queued.pop_front().unwrap_or_default() {
            match self.answer(&question) {
                Ok(answer) => answers.push(answer),
                Err(BackendError::Lost(error)) => return Err(error),
                Err(error) => return Ok(Heard { answers, refused: Some(error) }),
            }
        }
        Ok(Heard { answers, refused: None })
    }

    fn defer(&mut self, questions: Vec<Question>) {
        self.deferred = questions;
    }

    async fn deferred(&mut self) -> Result<Vec<Answer>, BackendError> {
        let questions = std::mem::take(&mut self.deferred);
        self.ask_all(questions).await
    }

    async fn try_on_stored(&mut self, sql: &str) -> Result<(), BackendError> {
        self.ask(Question::once(format!("try: {sql}"))).await.map(drop)
    }
}

/// An `ErrorResponse` with this SQLSTATE.
fn error(code: &str) -> FromServer {
    let fields = [(b'S', "ERROR"), (b'V', "ERROR"), (b'C', code), (b'M', "as scripted")];
    FromServer::with(b'E', &[]).with_error_fields(fields)
}
