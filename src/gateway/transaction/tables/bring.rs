//! What is brought into copies of large tables, and what becomes of it.

use std::collections::HashSet;

use super::condition::Condition;
use super::part::{Approach, BringingRows, NO_COMMAND, Parameters, Part, with_keys};
use super::selection::{Selection, Selections};
use super::structure::build;
use super::{Copy, InUse, Open, Renewal, Tables, Unnoted};
use crate::core::syntax::quote;
use crate::gateway::backend::{Answer, AnswerRow, BackendError, BoundValues, Question, Questions};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{Finds, Name, Statement};
use crate::gateway::transaction::journal::Key;
use crate::gateway::transaction::pair::part::Wanted;
use crate::gateway::transaction::pair::{Pair, at_once, renaming};

impl Tables {
    /// Brings what a statement needs into the copies of large tables. What is left to be asked for
    /// that is returned: it may as well travel with the statement.
    pub(crate) async fn bring(
        &mut self,
        backend: &mut impl Questions,
        approach: &Approach,
        statement: &Statement,
        parameters: Parameters<'_>,
    ) -> Result<Option<BringingRows>, BackendError> {
        for table in &approach.whole {
            self.bring_rest(backend, *table).await?;
            self.let_be_found(backend, *table).await?;
        }
        if approach.binds {
            self.bind(backend, &approach.whole).await?;
        }
        for check in &approach.checks {
            self.used_by(*check).into_iter().for_each(|table| self.use_part(table));
        }
        let Some((table, single)) = &approach.part else { return Ok(None) };
        self.use_part(*table);
        let condition = match &single.finds {
            Finds::New => return Ok(None),
            Finds::Where(None) => {
                self.bring_rest(backend, *table).await?;
                return Ok(None);
            }
            Finds::Where(Some(condition)) => Condition::of(statement, condition),
            Finds::Conflicting(arrivals) => {
                let Some(shape) = self.shapes.get(table) else { return Ok(None) };
                Condition::among(statement, shape, arrivals)
            }
        };
        let chosen = match parameters {
            Parameters::BoundBefore => return Ok(None),
            Parameters::None => BoundValues::default().chosen(&condition.parameters),
            Parameters::Bound(bound) => bound.chosen(&condition.parameters),
        };
        // Where a parameter is missing, the server will say so.
        let Some(mut bound) = chosen else { return Ok(None) };
        bound.append(&condition.constants);
        let alias = single.alias.as_deref();
        let selection = Selection::of(alias, &condition, &bound);
        if selection.as_ref().is_some_and(|selection| self.has_brought(*table, selection)) {
            return Ok(None);
        }
        let question = self.bringing(*table, alias, condition, bound);
        Ok(question.map(|question| BringingRows { table: *table, question, selection }))
    }

    fn use_part(&mut self, table: u32) {
        if let Some(copy) = self.copies.get_mut(&table) {
            copy.in_use.get_or_insert_with(InUse::part);
        }
    }

    fn has_brought(&self, table: u32, selection: &Selection) -> bool {
        let used = self.copies.get(&table).and_then(|copy| copy.in_use.as_ref());
        used.is_some_and(|used| used.selections.have(selection))
    }

    fn bringing(
        &self,
        table: u32,
        alias: Option<&str>,
        condition: Condition,
        bound: BoundValues,
    ) -> Option<Question> {
        let copy = self.copies.get(&table)?;
        let used = copy.in_use.as_ref().filter(|used| !used.is_complete)?;
        let pair = Pair::new(&copy.shape, &copy.name);
        let wanted = Wanted {
            alias: alias.map_or_else(|| quote(&copy.shape.name), str::to_owned),
            condition: condition.sql,
            raises_errors: !condition.is_plain,
            is_empty: !used.written && used.brought.is_empty(),
            lacking_from: used.may_vanish.then_some(bound.values.len() + 1),
        };
        // A text with the client's constants or comments in it is not asked again.
        let is_its_own = bound.values.is_empty()
            || ["--", "/*"].iter().any(|comment| wanted.condition.contains(comment));
        let sql = pair.bring(&wanted);
        let question = if is_its_own { Question::once(sql) } else { Question::prepared(sql) };
        let question = question.with_bound(bound);
        Some(if used.may_vanish { with_keys(question, &pair, &used.brought) } else { question })
    }

    /// Asks whether a table is what it was when this client learned of it, and what the snapshot
    /// shows; from then on it stays so for as long as the transaction.
    pub(crate) fn look_question(&self, table: u32) -> Option<Question> {
        let shape = self.shapes.get(&table)?;
        Some(Question::prepared(Pair::new(shape, &shape.name).look()))
    }

    /// What was answered to that.
    pub(crate) fn looked(&mut self, table: u32, answer: &Answer) -> Result<(), Refusal> {
        if answer.value(0) != answer.value(1) {
            return Err(Refusal::schema_changed());
        }
        if let Some(used) = self.state(table) {
            used.file = answer.value(0).map(str::to_owned);
        }
        Ok(())
    }

    /// Notes what has been brought into the copy of this table.
    pub(crate) fn brought(
        &mut self,
        table: u32,
        rows: Vec<AnswerRow>,
        selection: Option<Selection>,
    ) {
        let Some(used) = self.state(table) else { return };
        let command = rows.first().and_then(|row| row.first()?.as_deref()?.parse::<i64>().ok());
        used.fills.extend(command);
        let keys = rows
            .into_iter()
            .map(|row| -> Key { row.into_iter().skip(2).map(Option::unwrap_or_default).collect() });
        used.brought.extend(keys);
        used.selections.extend(selection);
    }

    /// Brings all that is not there yet.
    async fn bring_rest(
        &mut self,
        backend: &mut impl Questions,
        table: u32,
    ) -> Result<(), BackendError> {
        self.use_part(table);
        let Some(copy) = self.copies.get(&table) else { return Ok(()) };
        let Some(used) = copy.in_use.as_ref().filter(|used| !used.is_complete) else {
            return Ok(());
        };
        let pair = Pair::new(&copy.shape, &copy.name);
        let question = if used.written || !used.brought.is_empty() {
            with_keys(Question::prepared(pair.bring_rest()), &pair, &used.brought)
        } else {
            Question::prepared(pair.fill())
        };
        let filled = backend.ask(question).await.map_err(BackendError::of_changed_schema)?;
        if filled.value(1) != filled.value(2) {
            return Err(Refusal::schema_changed().into());
        }
        let command = filled.value(0).and_then(|command| command.parse::<i64>().ok());
        let command = command.filter(|command| *command >= 0);
        if let (Some(mapping), Some(command)) = (pair.map_filling_of_command(), command) {
            backend.ask(Question::prepared(mapping).with(command.to_string())).await?;
        }
        if let Some(used) = self.state(table) {
            used.fills.extend(command);
            used.file = filled.value(1).map(str::to_owned);
            used.is_complete = true;
        }
        Ok(())
    }

    /// Gives a copy with all rows in it the table's name, where that means the table.
    async fn let_be_found(
        &mut self,
        backend: &mut impl Questions,
        table: u32,
    ) -> Result<(), BackendError> {
        let Some(shape) = self.shapes.get(&table).cloned() else { return Ok(()) };
        if self.is_found(table) {
            return Ok(());
        }
        let means = self.resolve(backend, &[Name::bare(&shape.name)]).await?.relations();
        let Some(copy) = self.copies.get_mut(&table) else { return Ok(()) };
        if means == [table] {
            backend.ask(Question::once(renaming(&copy.name, &shape.name))).await?;
            copy.name.clone_from(&shape.name);
        }
        if let Some(part) = &mut copy.part {
            part.is_found = true;
        }
        Ok(())
    }

    /// Has copies of large tables emptied before the next transaction: a statement may have run on
    /// one outside of any.
    pub(crate) fn distrust_parts(&mut self) {
        let parts = self.copies.values_mut().filter_map(|copy| copy.part.as_mut());
        parts.for_each(Part::distrust);
    }

    /// Puts copies of large tables back to how they are between transactions, while none is open:
    /// empty, and under their own names.
    pub(crate) async fn put_back(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        if std::mem::take(&mut self.has_outgrown) {
            return self.forget(backend).await;
        }
        let mut questions = Vec::new();
        for copy in self.copies.values() {
            let Some(part) = copy.part.as_ref() else { continue };
            if part.is_to_empty() {
                questions.push(Pair::new(&copy.shape, &copy.name).clear());
                questions
                    .extend((copy.name != part.name).then(|| renaming(&copy.name, &part.name)));
            }
        }
        if questions.is_empty() {
            return Ok(());
        }
        let questions = questions.into_iter().map(Question::once).collect();
        self.built.extend(build(backend, questions, Open::No).await?);
        self.copies.values_mut().for_each(Copy::is_put_back);
        Ok(())
    }

    /// What takes the rows out of copies of which a transaction has used a part, before its COMMIT.
    pub(crate) fn tidying(&self) -> Option<Question> {
        let is_partly_used = |copy: &&Copy| {
            let used = copy.in_use.as_ref().filter(|_| copy.part.is_some());
            used.is_some_and(|used| !used.is_complete && (used.written || !used.brought.is_empty()))
        };
        let used = self.copies.values().filter(is_partly_used);
        let mut used: Vec<&Copy> = used.collect();
        used.sort_unstable_by_key(|copy| copy.shape.oid);
        let sweeps = used.iter().map(|copy| Pair::new(&copy.shape, &copy.name).sweep());
        at_once(sweeps.collect()).map(Question::prepared)
    }

    /// Asks for an error of PostgreSQL's own where a row of this transaction's has a key of a
    /// stored row that is not in the copy.
    pub(crate) fn collision_question(&self, table: u32) -> Option<Question> {
        let copy = self.copies.get(&table)?;
        let used = copy.in_use.as_ref().filter(|used| !used.is_complete)?;
        let pair = Pair::new(&copy.shape, &copy.name);
        let question = Question::prepared(pair.collisions()).with(used.fills_array());
        Some(with_keys(question, &pair, &used.brought))
    }
}

impl InUse {
    /// Of a copy with no row in it.
    pub(super) fn part() -> Self {
        Self {
            fills: Vec::new(),
            brought: Vec::new(),
            is_complete: false,
            file: None,
            if_rolled_back: Renewal::AtUse,
            written: false,
            may_vanish: false,
            may_be_new: false,
            locked: false,
            unnoted: Unnoted::Nothing,
            unnoted_deletes: false,
            strong: HashSet::new(),
            shared: HashSet::new(),
            selections: Selections::default(),
            followed: HashSet::new(),
            referring: NO_COMMAND,
        }
    }
}

impl Copy {
    /// Its transaction has committed, in which so many rows were written.
    pub(super) fn commit_part(&mut self, used: &InUse, rows: u64) {
        if let Some(part) = &mut self.part {
            part.commit(rows + used.brought.len() as u64, used.is_complete);
        }
    }

    /// It was rolled back.
    pub(super) fn roll_back_part(&mut self, used: &InUse, rows: u64) {
        if let Some(part) = &mut self.part {
            part.roll_back(rows + used.brought.len() as u64, used.is_complete);
            self.name.clone_from(&part.name);
        }
    }

    fn is_put_back(&mut self) {
        if let Some(part) = self.part.as_mut().filter(|part| part.is_to_empty()) {
            part.empty();
            self.name.clone_from(&part.name);
        }
    }
}
