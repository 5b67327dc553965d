//! What the names in a statement stand for, as far as this client has asked.

use std::collections::{HashMap, HashSet};

use super::named::{Named, Written, readings};
use super::{Tables, Unnamed};
use crate::core::sql;
use crate::gateway::backend::{BackendError, Question, Questions};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{Name, Statement};
use crate::gateway::transaction::pair::array;

/// PostgreSQL documentation, 5.6. System Columns.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

impl Tables {
    /// Whether a name of the statement stands for another table than when the client last looked;
    /// asked once for each change.
    pub(crate) fn is_outdated(&mut self, statement: &Statement) -> bool {
        let names = statement.names.iter().flat_map(readings);
        let outdated = names.into_iter().any(|(_, name)| self.outdated.contains(&name));
        if outdated {
            self.outdated.clear();
        }
        outdated
    }

    /// Notes the version of a definition that the client sees from now on. Says whether it had seen
    /// an older one.
    pub(crate) fn look_at(&mut self, relation: u32, version: u64) -> bool {
        self.looked.insert(relation, version).is_some_and(|seen| seen < version)
    }

    /// The relations that a statement's names may stand for.
    pub(crate) async fn resolve(
        &mut self,
        backend: &mut impl Questions,
        names: &[Name],
    ) -> Result<Named, BackendError> {
        let unknown: HashSet<Written> = names
            .iter()
            .flat_map(readings)
            .map(|(_, name)| name)
            .filter(|name| !self.names.contains_key(name))
            .collect();
        if !unknown.is_empty() {
            self.look_up(backend, unknown.into_iter().collect()).await?;
        }
        Ok(self.named(names))
    }

    /// The same, where all of them are known already.
    pub(super) fn known(&self, names: &[Name]) -> Option<Named> {
        let mut all = names.iter().flat_map(readings);
        all.all(|(_, name)| self.names.contains_key(&name)).then(|| self.named(names))
    }

    fn named(&self, names: &[Name]) -> Named {
        let found = names.iter().enumerate().filter_map(|(place, name)| {
            let known =
                |(part, name): (usize, Written)| Some((place, part, (*self.names.get(&name)?)?));
            // The longest first: where `a.b` is a table in a schema, it is no column of `a`.
            readings(name).into_iter().rev().find_map(known)
        });
        // What the catalog's rows have beside their columns, a view of it has not.
        let is_plain = !names.iter().any(|name| SYSTEM_COLUMNS.contains(&name.last()));
        let is_catalog_view = |relation: &u32| self.catalog_views.contains(relation);
        let found = found.filter(|(_, _, relation)| is_plain || !is_catalog_view(relation));
        let found: Vec<_> = found.collect();
        let catalog_views = found.iter().map(|(_, _, relation)| *relation);
        let catalog_views =
            catalog_views.filter(|relation| self.catalog_views.contains(relation)).collect();
        let is_unknown = |place: &usize| found.iter().all(|(known, ..)| known != place);
        let unknown = (0..names.len()).filter(is_unknown);
        let unknown = unknown.flat_map(|place| readings(&names[place]));
        let unknown = unknown.map(|(_, (_, name))| name).collect();
        Named { found, catalog_views, unknown }.with_references(names).without_aliases(names)
    }

    /// The relations that a drop of the schemas that the statement names would shut.
    pub(crate) async fn inside(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
    ) -> Result<Vec<u32>, BackendError> {
        let names = statement.names.iter().map(Name::last);
        let question = Question::prepared(sql::optimistic::INSIDE).with(array(names));
        let rows = backend.ask(question).await?.rows;
        Ok(rows.iter().filter_map(|row| row.first()?.as_deref()?.parse().ok()).collect())
    }

    async fn look_up(
        &mut self,
        backend: &mut impl Questions,
        names: Vec<Written>,
    ) -> Result<(), BackendError> {
        let schemas = names.iter().map(|(schema, _)| schema.as_deref());
        // Without quotes, since in them it would be a schema called NULL (PostgreSQL documentation,
        // 8.15.2).
        let schemas = schemas.map(|schema| schema.map_or("NULL".to_owned(), |name| array([name])));
        let schemas: Vec<_> =
            schemas.map(|text| text.trim_matches(['{', '}']).to_owned()).collect();
        let question = Question::prepared(sql::optimistic::RESOLVE)
            .with(format!("{{{}}}", schemas.join(",")))
            .with(array(names.iter().map(|(_, name)| name.as_str())));
        let answer = backend.ask(question).await?;
        let numbers = |row: &Vec<Option<String>>| -> Option<(usize, u32)> {
            Some((row.first()?.as_deref()?.parse().ok()?, row.get(1)?.as_deref()?.parse().ok()?))
        };
        let found: HashMap<usize, u32> = answer.rows.iter().filter_map(numbers).collect();
        let catalog_view = |row: &Vec<Option<String>>| -> Option<(usize, u32)> {
            Some((row.first()?.as_deref()?.parse().ok()?, row.get(3)?.as_deref()?.parse().ok()?))
        };
        let catalog_views: HashMap<usize, u32> =
            answer.rows.iter().filter_map(catalog_view).collect();
        self.catalog_views.extend(catalog_views.values());
        let reads = |row: &&Vec<Option<String>>| {
            row.get(2).is_some_and(|reads| reads.as_deref() == Some("true"))
        };
        let place = |row: &Vec<Option<String>>| row.first()?.as_deref()?.parse().ok();
        let reading: HashSet<usize> = answer.rows.iter().filter(reads).filter_map(place).collect();
        for (place, name) in names.into_iter().enumerate() {
            if reading.contains(&(place + 1)) {
                self.reading.insert(name.clone());
            }
            let relation = found.get(&(place + 1)).or_else(|| catalog_views.get(&(place + 1)));
            self.names.insert(name, relation.copied());
        }
        Ok(())
    }

    /// Why these names, which have been resolved, may not be called: the body of a function names
    /// tables that the statement does not, and so would read copies that nobody has brought up to
    /// date.
    pub(crate) fn refused_call(&self, names: &[Name]) -> Option<Refusal> {
        let reads = |name: &&Name| {
            let last = readings(name).pop().map(|(_, written)| written);
            name.is_called && last.is_some_and(|written| self.reading.contains(&written))
        };
        let name = names.iter().find(reads)?;
        Some(Refusal::unsupported(format!(
            "function {}() may read tables: of functions that are not built in, only immutable \
             ones and those in C are supported",
            name.last()
        )))
    }

    /// Refuses to use tables where an operator, a cast or a domain may read them: no word of a
    /// statement shows that it does.
    pub(super) async fn refuse_unnamed(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        let unnamed = match self.unnamed.take() {
            Some(known) => known,
            None => {
                let answer = backend.ask(Question::prepared(sql::optimistic::UNNAMED)).await?;
                answer
                    .value(0)
                    .map_or(Unnamed::Harmless, |words| Unnamed::Reading(words.to_owned()))
            }
        };
        self.unnamed = Some(unnamed.clone());
        match unnamed {
            Unnamed::Harmless => Ok(()),
            Unnamed::Reading(words) => Err(Refusal::unsupported(words).into()),
        }
    }

    /// Names may be resolved otherwise again once the open transaction is over.
    pub(crate) fn forget_names_at_the_end(&mut self) {
        self.are_names_passing = true;
    }

    /// The transaction is over, and with it perhaps the search path.
    pub(super) fn forget_passing_names(&mut self) {
        if std::mem::take(&mut self.are_names_passing) {
            self.forget_names();
        }
    }

    /// Names may be resolved otherwise from now on.
    pub(crate) fn forget_names(&mut self) {
        self.names.clear();
        self.reading.clear();
    }
}
