//! How a statement meets large tables: where they are stored, or in copies with some of their rows
//! or all.

use std::collections::HashSet;

use super::checks::ReferenceCheck;
use super::condition::conditions;
use super::part::{Approach, Steady};
use super::ties::Loss;
use super::{Named, Tables};
use crate::gateway::backend::{BackendError, Question, Questions};
use crate::gateway::statement::{Expression, Finds, Kind, Single, Statement};
use crate::gateway::transaction::pair::array;
use crate::gateway::transaction::shape::Shape;

/// How a statement meets a large table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    Stored,
    Part,
    Whole,
}

impl Tables {
    /// Learns whether a relation counts as large. It does until everything is learned anew.
    pub(super) async fn measure(
        &mut self,
        backend: &mut impl Questions,
        shape: &Shape,
    ) -> Result<(), BackendError> {
        const SIZE: &str = "select pg_relation_size(c.oid)::text from pg_catalog.pg_class c \
                            where c.oid = $1::oid";
        if self.large_from.is_none() || !shape.may_be_copied_in_part() {
            return Ok(());
        }
        let is_tied = shape.is_tied();
        // Without a key its copy could not outlive a transaction in any case.
        let is_fleeting = shape.key().is_none() && !is_tied;
        let is_large = is_fleeting || self.crowds.are_at(shape.oid) || {
            let answer = backend.ask(Question::prepared(SIZE).with(shape.oid.to_string())).await?;
            self.is_large_enough(answer.value(0))
        };
        if is_large {
            let large = if is_tied { &mut self.grown } else { &mut self.large };
            large.insert(shape.oid);
        }
        Ok(())
    }

    fn is_large_enough(&self, size: Option<&str>) -> bool {
        let size = size.and_then(|size| size.parse::<u64>().ok());
        size.zip(self.large_from).is_some_and(|(size, least)| size >= least)
    }

    /// Notes the size of a table that is copied whole.
    pub(super) fn note_size(&mut self, table: u32, size: Option<&str>) {
        self.has_outgrown |= self.is_large_enough(size) && self.may_be_copied_in_part(table);
    }

    /// How a statement meets the relations that it names. `sent` is what the server gets.
    pub(crate) async fn approach(
        &mut self,
        backend: &mut impl Questions,
        sent: &Statement,
        executed: &Statement,
        named: &Named,
    ) -> Result<Approach, BackendError> {
        let needed = named.all();
        let stored = needed.iter().filter(|it| !self.catalog_views.contains(it)).copied();
        self.learn(backend, &stored.collect::<Vec<_>>()).await?;
        if self.large.is_empty() {
            return Ok(Approach { needed, ..Approach::default() });
        }
        let single = (sent.sql == executed.sql).then(|| executed.single()).flatten();
        if let Some(single) = &single {
            self.learn_calls(backend, single).await?;
        }
        let mut approach = Approach::default();
        for relation in needed {
            if self.is_view(relation) {
                self.approach_view(backend, &mut approach, relation, sent, executed).await?;
                continue;
            }
            let is_run = !matches!(sent.kind, Kind::Prepare(_));
            let face = self.face(relation, is_run, executed, single.as_ref(), named);
            let is_target =
                single.as_ref().is_none_or(|it| named.relation_at(it.target) == Some(relation));
            if is_target && face.is_some_and(|face| face != Face::Stored) {
                self.approach_tied(&mut approach, relation, executed, face == Some(Face::Part));
            }
            match face {
                None => approach.needed.push(relation),
                Some(Face::Stored) => approach.stored.push(relation),
                Some(Face::Part) => {
                    approach.part = single.clone().map(|single| (relation, single));
                    approach.needed.push(relation);
                }
                Some(Face::Whole) => {
                    approach.whole.insert(relation);
                    approach.needed.push(relation);
                }
            }
        }
        let whole = approach.whole.clone();
        approach.stored.retain(|table| !whole.contains(table));
        approach.part = approach.part.filter(|(table, _)| !whole.contains(table));
        Ok(approach)
    }

    /// What foreign keys ask of a statement that changes rows of this large table.
    fn approach_tied(
        &self,
        approach: &mut Approach,
        table: u32,
        executed: &Statement,
        is_part: bool,
    ) {
        match self.loss(table, executed) {
            Loss::Nothing => {}
            Loss::Refused if is_part => {
                approach.checks.push(ReferenceCheck::Referred(table));
                approach.stored.extend(self.referring(table).map(|(referring, _)| referring));
            }
            Loss::TakesAlong if is_part => {
                let taken = self.taken_along(table).unwrap_or_default();
                let reached = std::iter::once(&table).chain(&taken);
                let referring = reached.flat_map(|table| self.referring(*table));
                approach.checks.push(ReferenceCheck::TakesAlong(table));
                approach.stored.extend(referring.map(|(referring, _)| referring));
            }
            _ => {
                let all = self.tied(&[table]);
                approach.needed.extend(&all);
                approach.whole.extend(&all);
                approach.binds = true;
            }
        }
        let refers = self.refers(table, executed);
        if !refers.is_empty() {
            approach.checks.push(ReferenceCheck::Referring(table));
            approach.stored.extend(refers);
        }
    }

    /// A view over large tables is read where it is stored as long as nothing under it has changed.
    async fn approach_view(
        &mut self,
        backend: &mut impl Questions,
        approach: &mut Approach,
        view: u32,
        sent: &Statement,
        executed: &Statement,
    ) -> Result<(), BackendError> {
        let bases = self.bases(backend, view).await?;
        let large: Vec<u32> =
            bases.iter().filter(|table| self.large.contains(table)).copied().collect();
        let only_reads =
            matches!(sent.kind, Kind::Prepare(_)) || !executed.writes && executed.locks.is_none();
        let is_unchanged = !bases.iter().any(|table| self.is_changed(*table));
        if !large.is_empty() && only_reads && is_unchanged && !self.views.contains_key(&view) {
            approach.stored.extend(bases);
        } else {
            // Under a view nobody knows which columns change.
            let is_tied = |table: &&u32| self.shapes.get(table).is_some_and(|it| it.is_tied());
            let tied: Vec<u32> = large.iter().filter(is_tied).copied().collect();
            let tied = if only_reads { Vec::new() } else { self.tied(&tied) };
            approach.binds |= !tied.is_empty();
            approach.whole.extend(large.into_iter().chain(tied));
            approach.needed.push(view);
        }
        Ok(())
    }

    /// The tables under a view.
    async fn bases(
        &mut self,
        backend: &mut impl Questions,
        view: u32,
    ) -> Result<HashSet<u32>, BackendError> {
        let (mut wanted, mut reached, mut bases) = (vec![view], HashSet::new(), HashSet::new());
        while let Some(relation) = wanted.pop() {
            let Some(shape) = self.shapes.get(&relation).cloned() else { continue };
            if !reached.insert(relation) {
                continue;
            }
            if shape.is_view() {
                wanted.extend(self.under(backend, &shape).await?);
            } else {
                bases.insert(relation);
            }
        }
        Ok(bases)
    }

    /// Whether the open transaction may have changed rows of a table.
    pub(super) fn is_changed(&self, table: u32) -> bool {
        let in_use = self.copies.get(&table).and_then(|copy| copy.in_use.as_ref());
        in_use.is_some_and(|used| used.written)
    }

    /// Whether the large table's copy is what statements find under its name.
    pub(super) fn is_found(&self, table: u32) -> bool {
        let part = self.copies.get(&table).and_then(|copy| copy.part.as_ref());
        part.is_some_and(|part| part.is_found)
    }

    /// How a statement meets a table; nothing where the table is not large.
    fn face(
        &self,
        table: u32,
        is_run: bool,
        executed: &Statement,
        single: Option<&Single>,
        named: &Named,
    ) -> Option<Face> {
        if !self.large.contains(&table) {
            return None;
        }
        let acts = executed.writes || executed.locks.is_some();
        let only_reads = !acts && !self.is_changed(table);
        Some(match single {
            _ if self.is_found(table) => Face::Whole,
            _ if !is_run => Face::Stored,
            _ if self.loss(table, executed) == Loss::Unclear => Face::Whole,
            Some(single) if named.relation_at(single.target) == Some(table) => {
                if only_reads {
                    Face::Stored
                } else if self.suffices(table, executed, single, named) {
                    Face::Part
                } else {
                    Face::Whole
                }
            }
            Some(_) if !self.is_changed(table) => Face::Stored,
            None if only_reads => Face::Stored,
            _ => Face::Whole,
        })
    }

    /// Whether a part of the table is enough for a statement about it.
    fn suffices(&self, table: u32, executed: &Statement, single: &Single, named: &Named) -> bool {
        let Some(shape) = self.shapes.get(&table) else { return false };
        let is_elsewhere = |(place, part, relation): &(usize, usize, u32)| {
            let is_path = executed.names[*place].is_path();
            *relation == table
                && *place != single.target
                && (*part > 0 || (single.finds == Finds::New && !is_path))
        };
        let occurs = |number: usize| {
            let parameter = format!("${number}");
            executed.words.iter().filter(|word| word.text == parameter).count()
        };
        let is_steady = |expression: &Expression| {
            expression.calls.iter().all(|call| self.calls.get(call) == Some(&Steady::Yes))
                // What stands in two places has the type of the first, which may be elsewhere.
                && expression.parameters.iter().all(|(number, _)| occurs(*number) == 1)
        };
        let is_enough = match &single.finds {
            Finds::New | Finds::Where(None) => true,
            // What was brought could not be told apart.
            _ if shape.key().is_none() => false,
            Finds::Where(Some(condition)) => is_steady(condition),
            Finds::Conflicting(arrivals) => {
                let mut values = arrivals.rows.iter().flatten().flatten();
                values.all(is_steady) && conditions(shape, arrivals).is_some()
            }
        };
        is_enough && !named.found.iter().any(is_elsewhere)
    }

    /// Learns of the functions that a statement calls where it finds its rows whether they may be
    /// called once more.
    async fn learn_calls(
        &mut self,
        backend: &mut impl Questions,
        single: &Single,
    ) -> Result<(), BackendError> {
        const VOLATILE: &str = "select distinct p.proname from pg_catalog.pg_proc p \
                                where p.proname = any ($1::text[]) and p.provolatile = 'v'";
        let expressions: Vec<&Expression> = match &single.finds {
            Finds::Where(condition) => condition.iter().collect(),
            Finds::Conflicting(arrivals) => arrivals.rows.iter().flatten().flatten().collect(),
            Finds::New => Vec::new(),
        };
        let calls = expressions.iter().flat_map(|expression| &expression.calls);
        let unknown: HashSet<String> =
            calls.filter(|call| !self.calls.contains_key(*call)).cloned().collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let names = array(unknown.iter().map(String::as_str));
        let answer = backend.ask(Question::prepared(VOLATILE).with(names)).await?;
        let volatile: HashSet<String> = answer.rows.into_iter().flatten().flatten().collect();
        self.calls.extend(unknown.into_iter().map(|call| {
            let steady = if volatile.contains(&call) { Steady::No } else { Steady::Yes };
            (call, steady)
        }));
        Ok(())
    }

    /// Whether a statement of its own surely works on a part of a large table and on nothing else,
    /// and nothing is left to be done before its transaction begins.
    pub(crate) fn works_on_part_alone(&self, statement: &Statement) -> bool {
        let is_tidy = self.wanted.is_empty()
            && self.undone.is_empty()
            && !self.left
            && !self.has_outgrown
            && self.last_shown().is_some();
        let are_empty = || {
            let mut parts = self.copies.values().filter_map(|copy| copy.part.as_ref());
            parts.all(|part| !part.is_to_empty())
        };
        let is_part = || {
            let named = self.known(&statement.names)?;
            let (place, _) = self.turned(statement, &named)?;
            let table = named.relation_at(place).filter(|it| self.copies.contains_key(it))?;
            Some(named.all().iter().all(|relation| *relation == table))
        };
        is_tidy && are_empty() && is_part().unwrap_or(false)
    }

    /// The place in a statement of the table that is turned towards a part of it.
    pub(super) fn turned(&self, statement: &Statement, named: &Named) -> Option<(usize, Single)> {
        if self.large.is_empty() {
            return None;
        }
        let single = statement.single()?;
        let table = named.relation_at(single.target)?;
        let face = self.face(table, true, statement, Some(&single), named)?;
        (face == Face::Part).then_some((single.target, single))
    }

    /// The large table that the statement works on a part of, where it gives rows keys that stored
    /// rows may have.
    pub(crate) fn may_collide(&self, statement: &Statement, approach: &Approach) -> Option<u32> {
        let (table, single) = approach.part.as_ref()?;
        let shape = self.shapes.get(table)?;
        let sets_keys = shape.changes_keys(&statement.sets);
        let brings = !matches!(single.finds, Finds::Where(_)) && !shape.key_columns().is_empty();
        (statement.writes && (brings || sets_keys)).then_some(*table)
    }
}
