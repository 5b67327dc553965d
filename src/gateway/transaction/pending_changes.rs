//! What the open transaction changed and locked, asked of all its copies in one round
//! trip.
//!
//! A statement without a block around it is asked about ahead: the questions travel right behind
//! it, so that its COMMIT finds the answers there already. Whatever runs afterwards in the same
//! transaction makes them void.

use std::sync::Arc;

use super::Transaction;
use super::row_changes::{Change, TableChanges};
use super::state::{Block, State};
use super::tables::{Used, low};
use crate::gateway::backend::{Answer, Asked, BackendError, Question, Questions};
use crate::gateway::news::Happening;
use crate::gateway::statement::{Kind, Statement};

/// Questions that travel behind a statement.
#[derive(Debug)]
pub(crate) struct Ahead(Option<Asked>);

impl Ahead {
    pub(crate) const NOTHING: Self = Self(None);
}

impl Transaction {
    /// What the open transaction changed and locked.
    pub(super) async fn changes(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<Vec<TableChanges>, BackendError> {
        let questions = self.changes_questions();
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let answers = backend.ask_all(questions).await;
        Ok(self.changes_in(answers.map_err(BackendError::of_changed_schema)?))
    }

    /// The changes as of COMMIT, with what was asked ahead.
    pub(super) async fn final_changes(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<Vec<TableChanges>, BackendError> {
        match self.foreseen.take() {
            Some(changes) => Ok(changes),
            None => self.changes(backend).await,
        }
    }

    /// Queues the questions behind a statement that is likely the last of its transaction.
    pub(crate) fn ask_ahead(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
    ) -> Ahead {
        let State::Open(open) = &self.state else { return Ahead::NOTHING };
        let alone = open.block == Block::Implicit && statement.kind == Kind::Query;
        // Not behind a COPY: the server would take the questions for messages within its data.
        if !alone || !statement.writes || statement.locks.is_some() || statement.copies() {
            return Ahead::NOTHING;
        }
        let questions = self.changes_questions();
        if questions.is_empty() {
            return Ahead::NOTHING;
        }
        Ahead(Some(backend.queue(&questions)))
    }

    /// Takes the answers to what was asked ahead. They are an error where the statement before them
    /// was.
    pub(crate) async fn hear_ahead(
        &mut self,
        backend: &mut impl Questions,
        ahead: Ahead,
    ) -> Result<(), BackendError> {
        let Some(asked) = ahead.0 else { return Ok(()) };
        let answers = backend.answers(asked).await?;
        self.foreseen = Some(self.changes_in(answers));
        Ok(())
    }

    /// Tells the console what this client alone can see.
    pub(super) async fn tell_private(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        if self.shared.news.is_heard() && self.xid().is_some() {
            let changes = self.changes(backend).await?;
            let private = self.private_changes(backend, &changes).await?;
            self.tell(Happening::Private(private));
        }
        Ok(())
    }

    fn changes_questions(&mut self) -> Vec<Question> {
        let Some(xid) = self.xid() else { return Vec::new() };
        let used = self.tables.used().into_iter().filter(|used| used.state.may_have_changes());
        used.map(|used| changes_question(&used, xid)).collect()
    }

    fn changes_in(&mut self, answers: Vec<Answer>) -> Vec<TableChanges> {
        // Paired by order: no table comes into use between the questions and their answers.
        let used = self.tables.used().into_iter().filter(|used| used.state.may_have_changes());
        used.zip(answers).map(|(used, answer)| found(&used, answer)).collect()
    }
}

fn found(used: &Used<'_>, answer: Answer) -> TableChanges {
    TableChanges {
        shape: Arc::clone(used.shape),
        copy: used.copy.to_owned(),
        file: used.file().map(str::to_owned),
        changes: answer.rows.into_iter().filter_map(Change::read).collect(),
        strong: used.state.strong.clone(),
        shared: used.state.shared.clone(),
    }
}

/// Asks what the transaction did to one table.
pub(super) fn changes_question(used: &Used<'_>, xid: u64) -> Question {
    let question = used.shape.asking(Question::prepared(used.pair().changes()));
    question
        .with(low(xid))
        .with(used.state.boundary.to_string())
        .with(used.state.may_vanish.to_string())
        .with(used.state.locked.to_string())
}
