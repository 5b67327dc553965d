//! Foreign keys among tables that are copied in parts.
//!
//! ```text
//!  what a statement may do                          who sees to the foreign keys
//!  a row that refers: comes, or refers to another    a question behind the statement, which looks
//!                                                    for what is referred to in the stored table
//!  a row that is referred to: goes, or its key does  PostgreSQL: all rows of all tables that are
//!                                                    tied are brought, and the copies tied as well
//!  anything else                                     nobody, since nothing can come of it
//! ```
//!
//! Copies that hold a part are not tied, since a row that is referred to may not be among their
//! rows. Tables that foreign keys tie to one another are copied in parts all of them or none.

use std::collections::HashSet;

use super::{Copy, Tables};
use crate::gateway::backend::{Answer, BackendError, Question, Questions};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::Statement;
use crate::gateway::transaction::ledger::RowId;
use crate::gateway::transaction::pair::Pair;
use crate::gateway::transaction::shape::{Constraint, Shape};

fn names(columns: &[String]) -> impl Iterator<Item = &str> {
    columns.iter().map(String::as_str)
}

impl Tables {
    /// Counts tables that are tied to one another as large where one of them is.
    pub(super) fn measure_tied(&mut self, reached: &[u32]) {
        for table in reached {
            let is_tied = self.shapes.get(table).is_some_and(|shape| shape.is_tied());
            if !is_tied || self.large.contains(table) {
                continue;
            }
            let all = self.tied(&[*table]);
            let has_grown = all.iter().any(|table| self.grown.contains(table));
            if has_grown && self.may_be_copied_in_part(*table) {
                self.large.extend(all);
            }
        }
    }

    /// Whether copies of a table, and of all that are tied to it, may hold a part of their rows.
    pub(super) fn may_be_copied_in_part(&self, table: u32) -> bool {
        let may_be =
            |table: &u32| self.shapes.get(table).is_some_and(|shape| shape.may_be_copied_in_part());
        self.tied(&[table]).iter().all(may_be)
    }

    /// These tables, and those whose rows PostgreSQL may look at or change when theirs change.
    pub(crate) fn with_bound(&self, tables: &[u32]) -> Vec<u32> {
        let (bound, free): (Vec<u32>, Vec<u32>) =
            tables.iter().partition(|table| self.is_bound(**table));
        let mut all = self.tied(&bound);
        all.extend(free);
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether PostgreSQL sees to the foreign keys of this table's copy.
    pub(super) fn is_bound(&self, table: u32) -> bool {
        self.shapes.get(&table).is_some_and(|shape| shape.is_tied())
            && (!self.large.contains(&table) || self.bound.contains(&table))
    }

    /// Whether rows of this large table that others refer to may go, or their keys.
    pub(super) fn unties(&self, table: u32, statement: &Statement) -> bool {
        let Some(shape) = self.shapes.get(&table).filter(|_| statement.writes) else {
            return false;
        };
        let referring = shape.referred_by.iter().filter_map(|child| self.shapes.get(child));
        let keys = referring.flat_map(|child| child.foreign_keys());
        let mut keys = keys.filter(|key| key.refers_to == table);
        keys.any(|key| statement.deletes || shape.may_set(names(&key.referred), &statement.sets))
    }

    /// Has PostgreSQL see to the foreign keys of copies that hold all rows by now, for the rest of
    /// the transaction.
    pub(super) async fn bind(
        &mut self,
        backend: &mut impl Questions,
        tables: &HashSet<u32>,
    ) -> Result<(), BackendError> {
        let copy_of = |table: u32| self.copies.get(&table).map(|copy| copy.name.clone());
        let is_unbound = |copy: &&Copy| {
            let table = copy.shape.oid;
            // Of tables that are tied, copies may be when all of them hold all rows.
            let are_all_whole = || self.tied(&[table]).iter().all(|other| tables.contains(other));
            copy.part.is_some() && !self.bound.contains(&table) && are_all_whole()
        };
        let mut copies: Vec<&Copy> = self.copies.values().filter(is_unbound).collect();
        // PostgreSQL checks in the order in which the foreign keys were made.
        copies.sort_unstable_by_key(|copy| copy.shape.oid);
        let ties = copies.iter().flat_map(|copy| copy.shape.tying(&copy.name, copy_of));
        let questions: Vec<Question> = ties.map(Question::once).collect();
        self.bound.extend(copies.iter().map(|copy| copy.shape.oid).collect::<Vec<_>>());
        if questions.is_empty() {
            return Ok(());
        }
        backend.close_unnamed_portal();
        let bound = backend.ask_all(questions).await;
        // An open cursor reads a copy (`object_in_use`).
        let in_use = |trouble: &BackendError| trouble.code().as_deref() == Some("55006");
        match bound {
            Err(trouble) if in_use(&trouble) => Err(Refusal::unsupported(
                "a statement that may take rows away to which foreign keys refer is not supported \
                 while a cursor is open on a large table",
            )
            .into()),
            bound => bound.map(drop),
        }
    }

    /// The tables to which rows may refer that a statement brings to this large table or changes
    /// in it, where nobody else sees to that.
    pub(super) fn refers(&self, table: u32, statement: &Statement) -> Vec<u32> {
        let Some(shape) = self.shapes.get(&table).filter(|_| statement.writes) else {
            return Vec::new();
        };
        if !self.large.contains(&table) || self.is_bound(table) {
            return Vec::new();
        }
        let inserts = statement.may_insert();
        let keys = shape.foreign_keys();
        let may_refer =
            keys.filter(|key| inserts || shape.may_set(names(&key.columns), &statement.sets));
        may_refer.map(|key| key.refers_to).collect()
    }

    /// The tables to which foreign keys of this one refer.
    pub(super) fn referred_tables(&self, table: u32) -> Vec<u32> {
        let shape = self.shapes.get(&table);
        shape.iter().flat_map(|shape| shape.foreign_keys()).map(|key| key.refers_to).collect()
    }

    /// Asks, for each foreign key of this table, to which rows those refer that this transaction
    /// has written.
    pub(crate) fn reference_questions(&self, table: u32) -> Vec<Question> {
        let Some(copy) = self.copies.get(&table) else { return Vec::new() };
        let Some(used) = copy.in_use.as_ref() else { return Vec::new() };
        let pair = Pair::new(&copy.shape, &copy.name);
        let asks = |key: &Constraint| {
            let referred = self.copies.get(&key.refers_to)?;
            let sql = pair.references(key, &Pair::new(&referred.shape, &referred.name));
            Some(Question::prepared(sql).with(used.fills_array()))
        };
        // All or none: they are told apart by their order.
        copy.shape.foreign_keys().map(asks).collect::<Option<_>>().unwrap_or_default()
    }

    /// What was answered: the rows that are referred to are claimed, and where there is none the
    /// statement is refused, in PostgreSQL's words.
    pub(crate) fn referred(
        &mut self,
        table: u32,
        answers: impl Iterator<Item = Answer>,
    ) -> Result<(), Refusal> {
        let Some(shape) = self.shapes.get(&table).cloned() else { return Ok(()) };
        for (key, answer) in shape.foreign_keys().zip(answers) {
            let mut found = Vec::new();
            for row in answer.rows {
                let mut values = row.into_iter();
                if let Some(missing) = values.next().flatten() {
                    return Err(self.missing(&shape, key, &missing));
                }
                if let Some(stored) = values.collect::<Option<_>>() {
                    found.push(RowId { table: key.refers_to, key: stored });
                }
            }
            if let Some(used) = self.state(key.refers_to) {
                used.shared.extend(found);
            }
        }
        Ok(())
    }

    fn missing(&self, shape: &Shape, key: &Constraint, values: &str) -> Refusal {
        let (table, constraint) = (&shape.name, &key.name);
        let referred = self.shapes.get(&key.refers_to).map(|shape| shape.name.clone());
        let referred = referred.unwrap_or_default();
        let columns = key.columns.join(", ");
        let message = format!(
            "insert or update on table \"{table}\" violates foreign key constraint \
             \"{constraint}\""
        );
        let detail = format!("Key ({columns})=({values}) is not present in table \"{referred}\".");
        Refusal::broken_reference(message)
            .with('D', detail)
            .with('s', &*shape.schema)
            .with('t', &**table)
            .with('n', &**constraint)
    }
}
