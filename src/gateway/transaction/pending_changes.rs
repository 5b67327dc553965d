//! What the open transaction changed and locked, asked of all its copies in one round
//! trip.
//!
//! A statement without a block around it is asked about ahead: the questions travel right behind
//! it, so that its COMMIT finds the answers there already. Whatever runs afterwards in the same
//! transaction makes them void.

use std::sync::Arc;

use super::Transaction;
use super::pair::Sought;
use super::row_changes::{Change, TableChanges};
use super::state::{Block, Brings, State};
use super::tables::{Approach, AskedReference, Bringing, Broken, Used, with_keys};
use crate::gateway::backend::{Answer, Asked, BackendError, Heard, Question, Questions};
use crate::gateway::news::Happening;
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{Kind, Statement};

/// Has the questions behind it planned once, and not for each transaction's keys. Those without
/// parameters are in any case.
const PLANNED_ONCE: &str = "select set_config('plan_cache_mode', 'force_generic_plan', true)";

/// Questions that travel behind a statement.
#[derive(Debug)]
pub(crate) struct Ahead {
    asked: Option<Asked>,
    /// How many of them find collisions.
    collisions: usize,
    /// The foreign keys that the next ones are about.
    references: Vec<AskedReference>,
    /// Whether the others are about the transaction's changes.
    foresees: bool,
}

impl Ahead {
    pub(crate) const NOTHING: Self =
        Self { asked: None, collisions: 0, references: Vec::new(), foresees: false };
}

impl Transaction {
    /// What the open transaction changed and locked.
    pub(super) async fn changes(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<Vec<TableChanges>, BackendError> {
        self.ask_changes(backend, None).await
    }

    /// The changes as of COMMIT, with what was asked ahead.
    pub(super) async fn final_changes(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<Vec<TableChanges>, BackendError> {
        match self.foreseen.take() {
            Some(changes) => Ok(changes),
            // Nothing of the client's is planned any more in this transaction.
            None => self.ask_changes(backend, Some(Question::prepared(PLANNED_ONCE))).await,
        }
    }

    /// Asks for the changes, if there may be any; behind something else where they are asked for
    /// with parameters.
    async fn ask_changes(
        &mut self,
        backend: &mut impl Questions,
        ahead: Option<Question>,
    ) -> Result<Vec<TableChanges>, BackendError> {
        let about = self.changes_questions();
        if about.is_empty() {
            return Ok(Vec::new());
        }
        let ahead = ahead.filter(|_| about.iter().any(Question::has_parameters));
        let mut questions: Vec<Question> = ahead.into_iter().collect();
        let before = questions.len();
        questions.extend(about);
        let answers = backend.ask_all(questions).await;
        let answers = answers.map_err(BackendError::of_changed_schema)?;
        Ok(self.changes_in(answers.into_iter().skip(before).collect()))
    }

    /// Queues the questions behind a statement that is likely the last of its transaction.
    pub(crate) fn ask_ahead(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
    ) -> Ahead {
        let State::Open(open) = &self.state else { return Ahead::NOTHING };
        // Not behind a COPY: the server would take the questions for messages within its data.
        if statement.copies() {
            return Ahead::NOTHING;
        }
        let is_alone = open.block == Block::Implicit && statement.kind == Kind::Query;
        let takes_along = open.losing.is_some();
        let mut questions = self.collision_questions();
        let collisions = questions.len();
        let (references, about) = self.reference_questions();
        questions.extend(about);
        // What foreign keys claim is not known before their answers.
        let are_known = !references.iter().any(AskedReference::may_claim);
        let is_known = statement.locks.is_none() && are_known && !takes_along;
        let foresees = is_alone && statement.writes && is_known;
        if foresees {
            questions.extend(self.changes_questions());
        }
        if questions.is_empty() {
            return Ahead::NOTHING;
        }
        Ahead { asked: Some(backend.queue(&questions)), collisions, references, foresees }
    }

    /// Finds collisions, and rows that refer to nothing, that have not been looked for behind the
    /// statement that has run.
    pub(super) async fn check_keys(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
    ) -> Result<(), BackendError> {
        let mut questions = self.collision_questions();
        let collisions = questions.len();
        let (references, about) = self.reference_questions();
        questions.extend(about);
        let answers = backend.ask_all(questions).await?;
        self.note_references(&references, &mut answers.into_iter().skip(collisions))?;
        let State::Open(open) = &mut self.state else { return Ok(()) };
        match open.losing.take() {
            Some(table) => self.take_along(backend, statement, table).await,
            None => Ok(()),
        }
    }

    /// What is asked about foreign keys behind the statement that runs.
    fn reference_questions(&mut self) -> (Vec<AskedReference>, Vec<Question>) {
        let State::Open(open) = &mut self.state else { return (Vec::new(), Vec::new()) };
        let checks = std::mem::take(&mut open.references).into_iter();
        checks.flat_map(|check| self.tables.reference_questions(check)).unzip()
    }

    /// What was answered to that.
    pub(super) fn note_references(
        &mut self,
        references: &[AskedReference],
        answers: &mut impl Iterator<Item = Answer>,
    ) -> Result<(), Refusal> {
        let answered = references.iter().zip(answers);
        let broken =
            answered.filter_map(|(asked, answer)| self.tables.note_reference(asked, answer));
        Broken::first(broken).map_or(Ok(()), |broken| Err(broken.into_refusal()))
    }

    /// A collision is answered by an error.
    fn collision_questions(&mut self) -> Vec<Question> {
        let State::Open(open) = &mut self.state else { return Vec::new() };
        let tables = std::mem::take(&mut open.collisions);
        let questions = tables.iter().map(|table| self.tables.collision_question(*table));
        questions.flatten().collect()
    }

    /// Whether rows may be brought on the way to a statement: nothing that is asked behind it must
    /// know which.
    pub(super) fn may_be_brought_with(&self, executed: &Statement, approach: &Approach) -> bool {
        let Some(Bringing { rows: Some(rows), .. }) = &self.bringing else { return true };
        !self.tables.may_vanish(rows.table, executed)
            && self.tables.may_collide(executed, approach).is_none()
    }

    /// Whether something is to be asked on the way to a statement that is not sent yet.
    pub(crate) fn is_bringing(&self) -> bool {
        self.bringing.is_some()
    }

    /// Queues that.
    pub(crate) fn put_bringing(&mut self, backend: &mut impl Questions) {
        let Some(Bringing { looks, rows }) = self.bringing.take() else { return };
        let asks = looks.into_iter().map(|table| Some((table, self.tables.look_question(table)?)));
        let (looks, mut questions): (Vec<u32>, Vec<Question>) = asks.flatten().unzip();
        let rows = rows.map(|rows| {
            questions.push(rows.question);
            (rows.table, rows.selection)
        });
        self.brings = Some(Brings { looks, rows, asked: backend.queue(&questions) });
    }

    /// Takes the answers to it, all of them.
    pub(crate) async fn hear_brought(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        let Some(Brings { looks, rows, asked }) = self.brings.take() else { return Ok(()) };
        let Heard { answers, refused } = backend.heard(asked).await?;
        // What an error means depends on whether it came to the bringing.
        if let Some(trouble) = refused {
            let is_of_look = answers.len() < looks.len();
            return Err(if is_of_look { trouble.of_other_table() } else { trouble });
        }
        let mut answers = answers.into_iter();
        for table in looks {
            self.tables.looked(table, &answers.next().unwrap_or_default())?;
        }
        if let Some((table, selection)) = rows {
            let rows = answers.next().unwrap_or_default().rows;
            self.tables.brought(table, rows, selection);
        }
        Ok(())
    }

    /// Asks at once.
    pub(crate) async fn bring_now(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        if !self.is_bringing() {
            return Ok(());
        }
        self.put_bringing(backend);
        backend.send().await?;
        self.hear_brought(backend).await
    }

    /// The statement is not sent.
    pub(crate) fn drop_bringing(&mut self) {
        self.bringing = None;
    }

    /// Takes the answers to what was asked ahead. They are an error where the statement before them
    /// was.
    pub(crate) async fn hear_ahead(
        &mut self,
        backend: &mut impl Questions,
        ahead: Ahead,
    ) -> Result<(), BackendError> {
        let Some(asked) = ahead.asked else { return Ok(()) };
        let mut answers = backend.answers(asked).await?.into_iter().skip(ahead.collisions);
        self.note_references(&ahead.references, &mut answers)?;
        if ahead.foresees {
            self.foreseen = Some(self.changes_in(answers.collect()));
        }
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
        let State::Open(open) = &self.state else { return Vec::new() };
        if self.xid().is_none() {
            return Vec::new();
        }
        let are_settings_kept = open.are_settings_kept;
        let travels = self.brought_on_the_way();
        let is_in_setting = |table| are_settings_kept && travels != Some(table);
        let used = self.tables.used().into_iter().filter(|used| used.state.may_have_changes());
        used.map(|used| changes_question(&used, is_in_setting(used.shape.oid))).collect()
    }

    /// The table whose rows are being brought by what nobody has heard an answer to yet.
    pub(super) fn brought_on_the_way(&self) -> Option<u32> {
        self.brings.as_ref()?.rows.as_ref().map(|(table, _)| *table)
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

/// Asks what the transaction did to one table. The setting tells the latest command that brought
/// rows of it; where that is the only one known of, it need not be named as well.
pub(super) fn changes_question(used: &Used<'_>, is_setting_known: bool) -> Question {
    let (pair, state) = (used.pair(), &used.state);
    let names_brought = state.may_vanish && !state.is_complete;
    // What fills a whole copy does not set it.
    let is_in_setting = is_setting_known && !state.is_complete && state.fills.len() == 1;
    let named_fills = names_brought || !state.fills.is_empty() && !is_in_setting;
    let sought =
        Sought { gone: state.may_vanish, new: state.may_be_new, locked: state.locked, named_fills };
    let sql = if state.is_complete { pair.changes(sought) } else { pair.changes_of_part(sought) };
    let question = used.shape.asking(Question::prepared(sql));
    let question = if named_fills { question.with(state.fills_array()) } else { question };
    if names_brought { with_keys(question, &pair, &state.brought) } else { question }
}
