//! How the gateway asks: Parse, Bind and Execute under names of its own, and what is prepared stays
//! so for the next time.

use std::collections::VecDeque;
use std::io;

use super::Backend;
use super::error::BackendError;
use super::message::without_place;
use super::question::{Answer, COPIES_FIRST, Keep, Question, STORED_FIRST, Spelling};
use super::questions::{Asked, Questions};
use crate::pg::frame::ServerTag;
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

    fn queue(&mut self, questions: &[Question]) -> Asked {
        let (mut parsed, mut ours) = (VecDeque::new(), Vec::new());
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
        Asked { count: questions.len(), ours, parsed }
    }

    async fn send(&mut self) -> io::Result<()> {
        self.flush().await
    }

    /// Reads up to `ReadyForQuery`.
    async fn answers(&mut self, asked: Asked) -> Result<Vec<Answer>, BackendError> {
        let Asked { count, ours, mut parsed } = asked;
        // A row belongs to the last answer. The end of the last statement leaves an empty one
        // behind, which is cut off below.
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
                Part::Failed(_) => refused = Some(frame),
                Part::Aside(Aside::Parameter(_) | Aside::Notification(_)) => {
                    self.aside.push(frame);
                }
                _ => {}
            }
        }
        // The settings need no bringing back: they are LOCAL, and go with the transaction that this
        // error ends.
        if let Some(frame) = refused {
            self.is_portal_left = true;
            self.forget_unparsed(parsed);
            return Err(BackendError::Server(without_place(&frame)));
        }
        for place in ours.into_iter().rev() {
            answers.remove(place);
        }
        answers.truncate(count);
        Ok(answers)
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
        self.answers(Asked { count: 2, ours: Vec::new(), parsed }).await.map(drop)
    }
}

impl Backend {
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
        let asked = Asked { count: 0, ours: Vec::new(), parsed: VecDeque::new() };
        self.answers(asked).await.map(drop)
    }

    fn put_question(&mut self, question: &Question, parsed: &mut VecDeque<Option<String>>) {
        let known_as = question.known_as();
        let kept = self.prepared.get(&known_as).filter(|_| question.keep == Keep::Prepared);
        let known = kept.cloned();
        let name = known.clone().unwrap_or_else(|| self.new_name(question.keep));
        if known.is_none() {
            // What an error has kept from being closed would be in the way.
            self.put_close(b'S', &name);
            put_parse(&mut self.line.out, &name, &question.sql, &question.types());
            let kept = (question.keep == Keep::Prepared).then_some(known_as);
            // Noted before the server has parsed it, since the next question of the same batch may
            // have the same text. `forget_unparsed` takes it back after an error.
            if let Some(sql) = &kept {
                self.prepared.insert(sql.clone(), name.clone());
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

    /// Bind and Execute, on a portal of our own.
    fn put_execution(&mut self, name: &str, question: &Question) {
        let portal = self.own.clone();
        if std::mem::take(&mut self.is_portal_left) {
            self.put_close(b'P', &portal);
        }
        let out = &mut self.line.out;
        let own = question.parameters.iter().map(|own| (own.as_deref().map(str::as_bytes), false));
        let bound = question.bound.values.iter();
        let bound = bound.map(|bound| (bound.value.as_deref(), bound.is_binary));
        put_bind_mixed(out, &portal, name, &bound.chain(own).collect::<Vec<_>>());
        put_execute(out, &portal);
        self.put_close(b'P', &portal);
    }

    /// Statements whose Parse was never reached, or failed, are not prepared.
    fn forget_unparsed(&mut self, unparsed: VecDeque<Option<String>>) {
        for sql in unparsed.into_iter().flatten() {
            self.prepared.remove(&sql);
        }
    }
}

fn unreadable() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it answered in an encoding other than UTF-8")
}
