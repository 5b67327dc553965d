//! Foreign keys among tables that are copied in parts.
//!
//! ```text
//!  what a statement may do                          who sees to the foreign keys
//!  a row that refers: comes, or refers to another    a question behind the statement, which looks
//!                                                    for what is referred to in the stored table
//!  a row that is referred to: goes, or its key does
//!    and that must not be                            a question behind it, which looks for rows
//!                                                    that refer to it there
//!    and takes rows along that refer to it           what brings those behind it, and takes them
//!                                                    (`take_along`)
//!    and anything else is done about those           PostgreSQL: all rows of all tables that are
//!                                                    tied are brought, and the copies tied as well
//!  anything else                                     nobody, since nothing can come of it
//! ```
//!
//! Copies that hold a part are not tied, since a row that is referred to may not be among their
//! rows. Tables that foreign keys tie to one another are copied in parts all of them or none.

use std::collections::HashSet;

use super::{Copy, Tables};
use crate::gateway::backend::{BackendError, Question, Questions};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::Statement;
use crate::gateway::transaction::shape::{Action, Constraint};

/// What may become of rows to which others refer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loss {
    /// They stay as they are.
    Nothing,
    /// They may go, unless somebody refers to them.
    Refused,
    /// They may go, and take along those that refer to them.
    TakesAlong,
    /// PostgreSQL knows.
    Unclear,
}

pub(super) fn names(columns: &[String]) -> impl Iterator<Item = &str> {
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

    /// What a statement may take away from rows of this large table to which others refer.
    pub(super) fn loss(&self, table: u32, statement: &Statement) -> Loss {
        let Some(shape) = self.shapes.get(&table).filter(|_| statement.writes) else {
            return Loss::Nothing;
        };
        // What an UPDATE takes from one row it may give to another, and RESTRICT does not mind.
        let on_update = |key: &Constraint| match key.on_update() {
            Action::None => Loss::Refused,
            _ => Loss::Unclear,
        };
        let on_delete = |key: &Constraint| match key.on_delete() {
            Action::None | Action::Restrict => Loss::Refused,
            _ if self.taken_along(table).is_some() => Loss::TakesAlong,
            _ => Loss::Unclear,
        };
        let losses = self.referring(table).flat_map(|(_, key)| {
            let is_set = shape.may_set(names(&key.referred), &statement.sets);
            let by_update = is_set.then(|| on_update(key));
            by_update.into_iter().chain(statement.deletes.then(|| on_delete(key)))
        });
        losses.max().unwrap_or(Loss::Nothing)
    }

    /// The tables whose rows go or change with those of this one, near or far; nothing where not
    /// all of those rows can be brought and told apart by their keys.
    pub(super) fn taken_along(&self, table: u32) -> Option<Vec<u32>> {
        let (mut wanted, mut taken) = (vec![table], Vec::new());
        while let Some(referred) = wanted.pop() {
            for (table, key) in self.referring(referred) {
                if !self.is_by_row_key(key) {
                    return None;
                }
                match key.on_delete() {
                    Action::None | Action::Restrict => continue,
                    Action::Cascade if !taken.contains(&table) => wanted.push(table),
                    Action::Cascade => {}
                    Action::SetNull(columns) if self.goes_no_further(table, &columns) => {}
                    Action::SetNull(_) | Action::SetDefault => return None,
                }
                taken.push(table);
            }
        }
        let has_key = |table: &u32| self.shapes.get(table).is_some_and(|it| it.key().is_some());
        taken.iter().all(has_key).then_some(taken)
    }

    /// Whether this foreign key refers to rows by their own keys, by which it is told what is lost:
    /// other values may have gone from one row to another.
    fn is_by_row_key(&self, key: &Constraint) -> bool {
        let own = self.shapes.get(&key.refers_to).and_then(|shape| shape.key());
        let own = own.unwrap_or_default();
        let is_own = |name: &String| own.iter().any(|column| column.name == *name);
        key.referred.len() == own.len() && key.referred.iter().all(is_own)
    }

    /// Whether no foreign key has to do with what changes where these columns become null.
    fn goes_no_further(&self, table: u32, columns: &[String]) -> bool {
        let Some(shape) = self.shapes.get(&table) else { return false };
        let refers_to = |key: &Constraint| shape.may_set(names(&key.referred), columns);
        // A generated column may come to refer to something else.
        let is_generated = |key: &Constraint| shape.may_set(names(&key.columns), &[]);
        !self.referring(table).any(|(_, key)| refers_to(key))
            && !shape.foreign_keys().any(is_generated)
    }

    /// The foreign keys that refer to this table, with their own tables.
    pub(super) fn referring(&self, table: u32) -> impl Iterator<Item = (u32, &Constraint)> {
        let referring = self.shapes.get(&table).map(|shape| &shape.referred_by[..]);
        let referring = referring.unwrap_or_default().iter();
        referring.filter_map(|other| self.shapes.get(other)).flat_map(move |shape| {
            let keys = shape.foreign_keys().filter(move |key| key.refers_to == table);
            keys.map(|key| (shape.oid, key))
        })
    }

    /// What gives these copies their foreign keys, the oldest first: PostgreSQL checks them in the
    /// order in which they were made.
    pub(super) fn tying<'c>(&self, copies: impl Iterator<Item = &'c Copy>) -> Vec<Question> {
        let copy_of = |table: u32| self.copies.get(&table).map(|copy| copy.name.clone());
        let mut ties: Vec<_> =
            copies.flat_map(|copy| copy.shape.tying(&copy.name, copy_of)).collect();
        ties.sort_unstable();
        ties.into_iter().map(|(_, sql)| Question::once(sql)).collect()
    }

    /// Has PostgreSQL see to the foreign keys of copies that hold all rows by now, for the rest of
    /// the transaction.
    pub(super) async fn bind(
        &mut self,
        backend: &mut impl Questions,
        tables: &HashSet<u32>,
    ) -> Result<(), BackendError> {
        let is_unbound = |copy: &&Copy| {
            let table = copy.shape.oid;
            // Of tables that are tied, copies may be when all of them hold all rows.
            let are_all_whole = || self.tied(&[table]).iter().all(|other| tables.contains(other));
            copy.part.is_some() && !self.bound.contains(&table) && are_all_whole()
        };
        let copies: Vec<&Copy> = self.copies.values().filter(is_unbound).collect();
        let questions = self.tying(copies.iter().copied());
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
}
