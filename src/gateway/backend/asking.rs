//! How the gateway asks: Parse, Bind and Execute under names of its own, and what is prepared stays
//! so for the next time.

use std::collections::VecDeque;
use std::io;

use super::error::BackendError;
use super::message::without_place;
use super::question::{Answer, COPIES_FIRST, Keep, Question, STORED_FIRST, Spelling};
use super::questions::{Asked, Heard, Questions};
use super::{Backend, Deferred};
use crate::pg::frame::{FromServer, ServerTag};
use crate::pg::message::frontend::{NO_TYPES, put_bind_mixed, put_close, put_execute, put_parse};
use crate::pg::response::{Aside, Part, Response};

impl Questions for Backend {
    async fn ask_all(&mut self, questions: Vec<Question>) -> Result<Vec<Answer>, BackendError> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let asked = self.queue(&questions);
        self.flush().await?;
        self.answers(asked).await
    }

    fn defer(&mut self, questions: Vec<Question>) {
        self.deferred = Deferred::Waiting(questions);
    }

    async fn deferred(&mut self) -> Result<Vec<Answer>, BackendError> {
        self.send_deferred().await?;
        match std::mem::take(&mut self.deferred) {
            Deferred::Heard(Ok(answers)) => Ok(answers),
            Deferred::Heard(Err(frame)) => Err(BackendError::Server(frame)),
            Deferred::Nothing | Deferred::Waiting(_) | Deferred::Sent => Ok(Vec::new()),
        }
    }

    fn queue(&mut self, questions: &[Question]) -> Asked {
        let (mut parsed, mut ours) = (VecDeque::new(), Vec::new());
        let deferred = self.put_deferred(&mut parsed);
        let mut spelling = Spelling::Clients;
        for (place, question) in questions.iter().enumerate() {
            if question.spelling != spelling {
                spelling = question.spelling;
                ours.push(place + ours.len());
                self.put_question(&spelling.question(), &mut parsed);
            }
            self.put_question(question, &mut parsed);
        }
        if spelling == Spelling::Ours {
            ours.push(questions.len() + ours.len());
            self.put_question(&Spelling::Clients.question(), &mut parsed);
        }
        self.put_sync();
        Asked { deferred, count: questions.len(), ours, parsed }
    }

    async fn send(&mut self) -> io::Result<()> {
        self.flush().await
    }

    /// Reads up to `ReadyForQuery`.
    async fn heard(&mut self, asked: Asked) -> io::Result<Heard> {
        let Asked { deferred, count, ours, mut parsed } = asked;
        let (mut answers, refused) = self.hear(&mut parsed).await?;
        if deferred > 0 {
            let own = answers.split_off(deferred.min(answers.len()));
            let all = std::mem::replace(&mut answers, own);
            // The error is one of the deferred, if they have not all been answered.
            let failed = refused.clone().filter(|_| all.len() < deferred);
            self.deferred = Deferred::Heard(failed.map_or(Ok(all), Err));
        }
        for place in
            ours.into_iter().rev().filter(|place| *place < answers.len()).collect::<Vec<_>>()
        {
            answers.remove(place);
        }
        answers.truncate(count);
        // The settings need no bringing back: they are LOCAL, and go with the transaction that this
        // error ends.
        if refused.is_some() {
            self.is_portal_left = true;
            self.forget_unparsed(parsed);
        }
        Ok(Heard { answers, refused: refused.map(BackendError::Server) })
    }

    fn close_unnamed_portal(&mut self) {
        self.put_close(b'P', "");
    }

    /// The stored tables are found first where `pg_temp` comes last.
    async fn try_on_stored(&mut self, sql: &str) -> Result<(), BackendError> {
        let name = self.own.clone();
        let mut parsed = VecDeque::new();
        self.put_question(&Question::prepared(STORED_FIRST), &mut parsed);
        self.put_close(b'S', &name);
        put_parse(&mut self.line.out, &name, sql, NO_TYPES);
        parsed.push_back(None);
        self.put_close(b'S', &name);
        self.put_question(&Question::prepared(COPIES_FIRST), &mut parsed);
        self.put_sync();
        self.flush().await?;
        self.answers(Asked { deferred: 0, count: 2, ours: Vec::new(), parsed }).await.map(drop)
    }
}

impl Backend {
    /// Asks what was deferred, if nothing has been queued behind it.
    pub(crate) async fn send_deferred(&mut self) -> Result<(), BackendError> {
        if let Deferred::Waiting(_) = self.deferred {
            self.ask_all(vec![Question::prepared("select")]).await?;
        }
        Ok(())
    }

    /// Puts what was deferred in front of what is queued; how many questions that are.
    fn put_deferred(&mut self, parsed: &mut VecDeque<Option<String>>) -> usize {
        let Deferred::Waiting(questions) = &mut self.deferred else { return 0 };
        let questions = std::mem::take(questions);
        self.deferred = Deferred::Sent;
        for question in &questions {
            self.put_question(question, parsed);
        }
        questions.len()
    }

    /// What was answered up to `ReadyForQuery`, and the error that it ended with.
    async fn hear(
        &mut self,
        parsed: &mut VecDeque<Option<String>>,
    ) -> io::Result<(Vec<Answer>, Option<FromServer>)> {
        // A row belongs to the last answer. The end of each statement leaves an empty one behind,
        // the last of which is cut off below.
        let mut answers = vec![Answer::default()];
        let (mut response, mut refused) = (Response::default(), None);
        response.await_one();
        while !response.is_whole() {
            let frame = self.next().await?;
            match response.apply(&frame).map_err(io::Error::other)? {
                Part::Row { row, .. } => {
                    let row = row.utf8().ok_or_else(unreadable)?;
                    answers.last_mut().unwrap_or(&mut Answer::default()).rows.push(row);
                }
                Part::Done { .. } | Part::Empty => answers.push(Answer::default()),
                Part::Acknowledged(ServerTag::ParseComplete) => drop(parsed.pop_front()),
                Part::Failed(_) => refused = Some(without_place(&frame)),
                Part::Aside(Aside::Parameter(_) | Aside::Notification(_)) => {
                    self.aside.push(frame);
                }
                _ => {}
            }
        }
        answers.pop();
        Ok((answers, refused))
    }

    /// Prepares a client's statement of this name anew.
    pub(crate) async fn prepare_anew(
        &mut self,
        name: &str,
        sql: &str,
        types: &[u8],
    ) -> Result<(), BackendError> {
        self.put_close(b'S', name);
        put_parse(&mut self.line.out, name, sql, types);
        self.hear_out().await
    }

    /// Closes a client's statement of this name.
    pub(crate) async fn close_statement(&mut self, name: &str) -> Result<(), BackendError> {
        self.put_close(b'S', name);
        self.hear_out().await
    }

    async fn hear_out(&mut self) -> Result<(), BackendError> {
        self.put_sync();
        self.flush().await?;
        let parsed = VecDeque::new();
        let asked = Asked { deferred: 0, count: 0, ours: Vec::new(), parsed };
        self.answers(asked).await.map(drop)
    }

    fn put_question(&mut self, question: &Question, parsed: &mut VecDeque<Option<String>>) {
        let known_as = question.known_as();
        let known = match question.keep {
            Keep::Prepared => self.prepared.get(&known_as).cloned(),
            Keep::Once => None,
        };
        let name = known.clone().unwrap_or_else(|| self.new_name(question.keep));
        if known.is_none() {
            // What an error has kept from being closed would be in the way.
            self.put_close(b'S', &name);
            put_parse(&mut self.line.out, &name, &question.sql, &question.types());
            let kept = (question.keep == Keep::Prepared).then_some(known_as);
            // Noted before the server has parsed it, since the next question of the same batch may
            // have the same text. `forget_unparsed` takes it back after an error.
            let least_used = kept.clone().and_then(|sql| self.prepared.push(sql, name.clone()));
            if let Some((_, least_used)) = least_used {
                self.put_close(b'S', &least_used);
            }
            parsed.push_back(kept);
        }
        self.put_execution(&name, question);
        if question.keep == Keep::Once {
            self.put_close(b'S', &name);
        }
    }

    pub(super) fn put_close(&mut self, what: u8, name: &str) {
        put_close(&mut self.line.out, what, name);
    }

    fn new_name(&mut self, keep: Keep) -> String {
        if keep == Keep::Once {
            return self.own.clone();
        }
        self.named += 1;
        format!("{}_{}", self.own, self.named)
    }

    /// Bind and Execute, on a portal of our own. Beside a client that speaks the simple protocol
    /// that is the unnamed one, which need not be closed: whatever comes next replaces it.
    fn put_execution(&mut self, name: &str, question: &Question) {
        let portal = if self.has_unnamed_portal { self.own.clone() } else { String::new() };
        if self.has_unnamed_portal && std::mem::take(&mut self.is_portal_left) {
            self.put_close(b'P', &portal);
        }
        let out = &mut self.line.out;
        let own = question.parameters.iter().map(|own| (own.as_deref().map(str::as_bytes), false));
        let bound = question.bound.values.iter();
        let bound = bound.map(|bound| (bound.value.as_deref(), bound.is_binary));
        put_bind_mixed(out, &portal, name, &bound.chain(own).collect::<Vec<_>>());
        put_execute(out, &portal);
        if self.has_unnamed_portal {
            self.put_close(b'P', &portal);
        }
    }

    /// Statements whose Parse was never reached, or failed, are not prepared.
    fn forget_unparsed(&mut self, unparsed: VecDeque<Option<String>>) {
        for sql in unparsed.into_iter().flatten() {
            self.prepared.pop(&sql);
        }
    }
}

fn unreadable() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it answered in an encoding other than UTF-8")
}
