//! The structure of private copies: tables, their foreign keys, the views over them; made once, and
//! made again where a rollback took it away.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::shapes::{ask_shapes, marks_in, marks_question};
use super::{Copy, Made, Named, Numbers, Open, Part, Tables, View};
use crate::core::sql;
use crate::core::syntax::{Strings, quote};
use crate::gateway::backend::{BackendError, Question, Questions};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{Name, Statement};
use crate::gateway::transaction::pair::{Pair, array, renaming};
use crate::gateway::transaction::shape::{Keep, Shape};

impl Tables {
    /// The shapes of these relations and of the tables under them, refusing what this engine cannot
    /// do.
    pub(super) async fn learn(
        &mut self,
        backend: &mut impl Questions,
        relations: &[u32],
    ) -> Result<Vec<u32>, BackendError> {
        let mut wanted: Vec<u32> = relations.to_vec();
        let mut reached = Vec::new();
        if !relations.is_empty() {
            self.refuse_unnamed(backend).await?;
        }
        while let Some(relation) = wanted.pop() {
            if reached.contains(&relation) {
                continue;
            }
            let shape = self.shape(backend, relation).await?;
            if shape.is_read_where_it_stands() {
                continue;
            }
            reached.push(relation);
            if let Some(refusal) = shape.refusal() {
                return Err(refusal.into());
            }
            wanted.extend(self.under(backend, &shape).await?);
            wanted.extend(shape.tied_to());
        }
        self.measure_tied(&reached);
        // What a view reads comes before the view: tables first, then views by age.
        reached.sort_by_key(|relation| {
            (self.shapes.get(relation).is_some_and(|shape| shape.is_view()), *relation)
        });
        Ok(reached)
    }

    /// What a view reads. Neither a view nor a default may call what reads tables.
    pub(super) async fn under(
        &mut self,
        backend: &mut impl Questions,
        shape: &Shape,
    ) -> Result<Vec<u32>, BackendError> {
        let names = Statement::read(&shape.expressions(), Strings::Conforming).names;
        let read = self.resolve(backend, &names).await?;
        match self.refused_call(&names) {
            Some(refusal) => Err(refusal.into()),
            None if shape.is_view() => Ok(read.relations()),
            None => Ok(Vec::new()),
        }
    }

    async fn shape(
        &mut self,
        backend: &mut impl Questions,
        relation: u32,
    ) -> Result<Arc<Shape>, BackendError> {
        if let Some(shape) = self.shapes.get(&relation) {
            return Ok(Arc::clone(shape));
        }
        // Asked before the shape: a mark that is too old is noticed, one that is too new would not
        // be.
        let marks = backend.ask(marks_question(&[relation])).await?;
        let mut found = ask_shapes(backend, &[relation]).await?;
        let shape = found.remove(&relation).ok_or_else(Refusal::schema_changed)?;
        self.marks.extend(marks_in(&marks));
        self.shapes.insert(relation, Arc::clone(&shape));
        self.measure(backend, &shape).await?;
        Ok(shape)
    }

    /// These relations, and all that a copy of them would be made of or tied to.
    pub(crate) async fn reach(
        &mut self,
        backend: &mut impl Questions,
        relations: &[u32],
    ) -> Result<Vec<u32>, BackendError> {
        let is_catalog_view = |relation: &&u32| self.catalog_views.contains(relation);
        let stored: Vec<u32> =
            relations.iter().filter(|it| !is_catalog_view(it)).copied().collect();
        self.learn(backend, &stored).await
    }

    /// Makes the structure of every copy that these relations need. Returns all the tables under
    /// them.
    pub(crate) async fn ensure(
        &mut self,
        backend: &mut impl Questions,
        relations: &[u32],
        open: Open,
    ) -> Result<Vec<u32>, BackendError> {
        let (catalog_views, relations): (Vec<u32>, Vec<u32>) =
            relations.iter().partition(|relation| self.catalog_views.contains(relation));
        self.make_catalog_views(backend, &catalog_views, open).await?;
        let relations = &relations;
        let reached = self.learn(backend, relations).await?;
        let (views, tables): (Vec<u32>, Vec<u32>) =
            reached.into_iter().partition(|relation| self.is_view(*relation));
        let missing: Vec<u32> =
            tables.iter().filter(|table| !self.copies.contains_key(table)).copied().collect();
        for table in &missing {
            self.make(backend, *table, open).await?;
        }
        // Foreign keys once both ends exist, views once all that they read does.
        self.tie(backend, &missing, open).await?;
        for view in views {
            if !self.views.contains_key(&view) {
                self.make(backend, view, open).await?;
            }
        }
        self.under_all(backend, relations).await
    }

    /// Makes the views through which the catalog is seen without the copies.
    async fn make_catalog_views(
        &mut self,
        backend: &mut impl Questions,
        catalog_views: &[u32],
        open: Open,
    ) -> Result<(), BackendError> {
        let missing =
            catalog_views.iter().filter(|catalog_view| !self.views.contains_key(catalog_view));
        let missing: Vec<_> = missing.map(u32::to_string).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let question = Question::prepared(sql::optimistic::SIGHT)
            .with(array(missing.iter().map(String::as_str)));
        for row in backend.ask(question).await?.rows {
            let mut values = row.into_iter().flatten();
            let catalog_view = values.next().and_then(|number| number.parse().ok());
            let (Some(catalog_view), Some(name), Some(creation)) =
                (catalog_view, values.next(), values.next())
            else {
                continue;
            };
            self.built.extend(build(backend, vec![Question::once(creation)], open).await?);
            let made = if open == Open::Yes { Made::Now } else { Made::Kept };
            let numbers = Numbers::ask(backend, &name, catalog_view).await?;
            self.views.insert(catalog_view, View { name, numbers, made });
        }
        Ok(())
    }

    /// Whether it is a view.
    pub(crate) fn is_view(&self, relation: u32) -> bool {
        self.shapes.get(&relation).is_some_and(|shape| shape.is_view())
    }

    /// Gives new copies their foreign keys.
    async fn tie(
        &mut self,
        backend: &mut impl Questions,
        tables: &[u32],
        open: Open,
    ) -> Result<(), BackendError> {
        let copies = tables.iter().filter_map(|table| self.copies.get(table));
        let ties = self.tying(copies.filter(|copy| copy.part.is_none()));
        self.built.extend(build(backend, ties, open).await?);
        Ok(())
    }

    /// The tables that these relations are or read, as views.
    async fn under_all(
        &mut self,
        backend: &mut impl Questions,
        relations: &[u32],
    ) -> Result<Vec<u32>, BackendError> {
        let mut wanted = relations.to_vec();
        let mut reached = HashSet::new();
        while let Some(relation) = wanted.pop() {
            let Some(shape) = self.shapes.get(&relation).cloned() else { continue };
            if reached.insert(relation) && shape.is_view() {
                wanted.extend(self.under(backend, &shape).await?);
            }
        }
        let mut tables: Vec<u32> =
            reached.into_iter().filter(|table| self.copies.contains_key(table)).collect();
        tables.sort_unstable();
        Ok(tables)
    }

    async fn make(
        &mut self,
        backend: &mut impl Questions,
        relation: u32,
        open: Open,
    ) -> Result<(), BackendError> {
        let Some(shape) = self.shapes.get(&relation).cloned() else { return Ok(()) };
        let name = self.copy_name(backend, &shape).await?;
        let made = if open == Open::Yes { Made::Now } else { Made::Kept };
        if let Some(definition) = &shape.definition {
            let statement = Statement::read(definition, Strings::Conforming);
            let named = self.resolve(backend, &statement.names).await?;
            let creation = shape.view_creation(&name, &self.rewrite_view(&statement, &named).sql);
            let creation = self.over_parts(&named, creation);
            let creation = creation.into_iter().map(Question::once).collect();
            self.built.extend(build(backend, creation, open).await?);
            let numbers = Numbers::ask(backend, &name, relation).await?;
            self.views.insert(relation, View { name, numbers, made });
            return Ok(());
        }
        let part = self.large.contains(&relation).then(|| Part::named(&name));
        let pair = Pair::new(&shape, &name);
        let keeps = part.is_some() || shape.key().is_some();
        let keep = if keeps { Keep::Rows } else { Keep::Nothing };
        let statements = shape.creation(&name, keep).into_iter().chain(pair.map_creation());
        let questions = statements.map(Question::once).collect();
        let built = build(backend, questions, open).await;
        self.built.extend(built.map_err(BackendError::of_changed_schema)?);
        let numbers = Numbers::ask(backend, &name, relation).await?;
        let copy = Copy {
            shape,
            name,
            numbers,
            made,
            seen: None,
            file: None,
            is_littered: false,
            part,
            in_use: None,
        };
        self.copies.insert(relation, copy);
        Ok(())
    }

    /// What makes a view over copies that do not go by their tables' names: these have them for as
    /// long as it is made.
    fn over_parts(&self, named: &Named, creation: Vec<String>) -> Vec<String> {
        let relations: BTreeSet<u32> = named.all().into_iter().collect();
        let copies = relations.iter().filter_map(|table| self.copies.get(table));
        let own = |copy: &&Copy| copy.part.as_ref().is_some_and(|part| !part.is_found);
        let names: Vec<(&str, &str)> =
            copies.filter(own).map(|copy| (&copy.name[..], &copy.shape.name[..])).collect();
        let before = names.iter().map(|(own, name)| renaming(own, name));
        let after = names.iter().map(|(own, name)| renaming(name, own));
        before.chain(creation).chain(after).collect()
    }

    /// A copy is found before the stored table only where the bare name means that table; otherwise
    /// it has a name that nobody writes by accident.
    async fn copy_name(
        &mut self,
        backend: &mut impl Questions,
        shape: &Shape,
    ) -> Result<String, BackendError> {
        let means = self.resolve(backend, &[Name::bare(&shape.name)]).await?.relations();
        if means == [shape.oid] && !self.large.contains(&shape.oid) {
            return Ok(shape.name.clone());
        }
        let telling = shape.telling_name();
        let names = shape.own_names(&telling);
        let names = array(names.iter().map(|(name, _)| name.as_str()));
        let answer = backend.ask(Question::prepared(ARE_FREE).with(names)).await?;
        let are_free = answer.value(0) == Some("true");
        Ok(if are_free { telling } else { shape.numbered_name() })
    }

    /// Makes again what a rollback took away, outside of a transaction. What cannot be made is no
    /// longer what it was: then everything is learned anew, and nobody is told but whoever names
    /// it. Returns the tables whose copies are to be brought up to date before the next
    /// transaction.
    pub(crate) async fn remake(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<Vec<u32>, BackendError> {
        let wanted: Vec<u32> = std::mem::take(&mut self.wanted).into_iter().collect();
        if !wanted.is_empty()
            && let Err(trouble) = self.ensure(backend, &wanted, Open::No).await
        {
            return match trouble {
                BackendError::Lost(_) => Err(trouble),
                BackendError::Server(_) | BackendError::Refused(_) => {
                    self.catch_up(backend).await.map(|()| Vec::new())
                }
            };
        }
        // What was made in the transaction was perhaps filled in it as well: once is enough.
        let undone: BTreeSet<u32> =
            std::mem::take(&mut self.undone).into_iter().chain(wanted).collect();
        let is_kept_current =
            |table: &u32| self.copies.get(table).is_some_and(Copy::is_kept_current);
        Ok(undone.into_iter().filter(is_kept_current).collect())
    }

    /// Whether some of these have no copy yet.
    pub(crate) fn lacks(&self, relations: &[u32]) -> bool {
        let has = |relation: &u32| {
            self.copies.contains_key(relation) || self.views.contains_key(relation)
        };
        !relations.iter().all(has)
    }

    /// The views are gone, for as long as the transaction goes on at least: its rollback may bring
    /// some back.
    pub(crate) fn forget_views(&mut self) {
        self.left |= !self.views.is_empty();
        self.views.clear();
    }

    /// Statements that drop every copy inside of a transaction.
    pub(crate) fn removal(&self) -> Vec<Question> {
        let views = self
            .views
            .values()
            // IF EXISTS, since a view that reads another one goes with that.
            .map(|view| format!("drop view if exists pg_temp.{} cascade", quote(&view.name)));
        let copies = self
            .copies
            .values()
            .map(|copy| format!("drop table pg_temp.{} cascade", quote(&copy.name)));
        views.chain(copies).map(Question::once).collect()
    }
}

/// Whether these names are as short as names must be, and are neither those of stored relations,
/// which copies may have as well, nor those of this session's copies.
const ARE_FREE: &str = "select (not exists (select from unnest($1::text[]) as n(name) \
     where n.name <> n.name::name::text \
       or exists (select from pg_catalog.pg_class c where c.relname = n.name::name \
         and (c.relpersistence <> 't' or c.relnamespace = pg_catalog.pg_my_temp_schema()) \
     )))::text";

/// Makes structure, where no transaction is open in one that may write: the client's default may be
/// not to. The number of that one is returned.
pub(super) async fn build(
    backend: &mut impl Questions,
    questions: Vec<Question>,
    open: Open,
) -> Result<Option<u64>, BackendError> {
    const OWN: &str = "select txid_current()::text";
    if questions.is_empty() || open == Open::Yes {
        return backend.ask_all(questions).await.map(|_| None);
    }
    // In one transaction: a copy that an error leaves behind without its keys would still be found
    // before the stored table.
    let begin = ["begin read write", OWN].map(Question::prepared).into_iter();
    let end = std::iter::once(Question::prepared("commit"));
    match backend.ask_all(begin.chain(questions).chain(end).collect()).await {
        Ok(answers) => Ok(answers.get(1).and_then(|own| own.value(0)?.parse().ok())),
        Err(BackendError::Lost(error)) => Err(BackendError::Lost(error)),
        Err(trouble) => {
            backend.roll_back().await?;
            Err(trouble)
        }
    }
}
