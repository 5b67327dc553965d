//! What the names in a statement stand for, as far as this client has asked.

use std::collections::{HashMap, HashSet};

use super::{Tables, Unnamed, Written};
use crate::core::sql;
use crate::gateway::backend::{BackendError, Question, Server};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{Name, Statement};
use crate::gateway::transaction::changes::array;

/// The relations that a statement may name.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// By the name's place in the statement: the relation, and which part of the name is the
    /// relation's.
    pub(crate) found: Vec<(usize, usize, u32)>,
    /// Those among them that are the catalog's.
    sights: HashSet<u32>,
    /// Names that stand for no relation.
    pub(crate) unknown: Vec<String>,
}

impl Named {
    /// Whether no table is named.
    pub(crate) fn is_empty(&self) -> bool {
        self.relations().is_empty()
    }

    /// The tables and views.
    pub(crate) fn relations(&self) -> Vec<u32> {
        self.all().into_iter().filter(|relation| !self.sights.contains(relation)).collect()
    }

    /// The names, of these, under which tables and views were found.
    pub(crate) fn known(&self, names: &[Name]) -> Vec<String> {
        let name = |(place, part, _): &(usize, usize, u32)| names[*place].parts[*part].clone();
        self.found.iter().map(name).collect()
    }

    /// The tables and views, and what is read of the catalog.
    pub(crate) fn all(&self) -> Vec<u32> {
        self.found.iter().map(|(_, _, relation)| *relation).collect()
    }
}

impl Named {
    /// Leaves out the `c` of `pg_class c` where a table is called so: a statement that asks the
    /// catalog would seem to read that table. Other statements are not read so closely, since a
    /// table that is missed would be read without its copy.
    fn without_aliases(mut self, names: &[Name]) -> Self {
        if !names.iter().any(Name::is_catalog) {
            return self;
        }
        let bare = |first: &str, is_alias: bool| {
            names
                .iter()
                .any(|name| !name.is_path() && name.parts[0] == first && name.is_alias == is_alias)
        };
        self.found.retain(|(place, part, _)| {
            let first = &names[*place].parts[0];
            *part > 0 || !bare(first, true) || bare(first, false)
        });
        self
    }

    /// Adds `holds.until` where the table is named `s.holds`: such a reference means it, whatever
    /// `holds` is in the search path. Where a bare `holds` stands as well, that may be an alias
    /// that hides the table, and PostgreSQL is left to judge.
    fn with_references(mut self, names: &[Name]) -> Self {
        let is_bare =
            |first: &str| names.iter().any(|name| !name.is_path() && name.parts[0] == first);
        let references = names.iter().enumerate().filter_map(|(place, name)| {
            let first = name.parts[0].as_str();
            let is_open = name.is_path()
                && self.found.iter().all(|(known, part, _)| *known != place || *part == 0);
            let relation = self.qualified(names, first).filter(|_| is_open && !is_bare(first))?;
            Some((place, 0, relation))
        });
        let references: Vec<_> = references.collect();
        self.found.retain(|(known, ..)| references.iter().all(|(place, ..)| place != known));
        self.found.extend(references);
        self.found.sort_unstable();
        self
    }

    /// The one relation that is named with its schema and is called so.
    fn qualified(&self, names: &[Name], called: &str) -> Option<u32> {
        let is_it = |(place, part, _): &&(usize, usize, u32)| {
            *part > 0 && names[*place].parts[*part] == called
        };
        let relations: HashSet<u32> =
            self.found.iter().filter(is_it).map(|(_, _, relation)| *relation).collect();
        relations.iter().next().copied().filter(|_| relations.len() == 1)
    }
}

/// The readings of a name, each with the place of the part that is the relation's name.
/// PostgreSQL documentation, 5.6. System Columns.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

fn readings(name: &Name) -> Vec<(usize, Written)> {
    let part = |at: usize| name.parts[at].clone();
    let mut readings = vec![(0, (None, part(0)))];
    if name.parts.len() > 1 {
        readings.push((1, (Some(part(0)), part(1))));
    }
    if name.parts.len() > 2 {
        readings.push((2, (Some(part(1)), part(2))));
    }
    readings
}

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
        server: &mut Server,
        names: &[Name],
    ) -> Result<Named, BackendError> {
        let unknown: HashSet<Written> = names
            .iter()
            .flat_map(readings)
            .map(|(_, name)| name)
            .filter(|name| !self.names.contains_key(name))
            .collect();
        if !unknown.is_empty() {
            self.look_up(server, unknown.into_iter().collect()).await?;
        }
        let found = names.iter().enumerate().filter_map(|(place, name)| {
            let known =
                |(part, name): (usize, Written)| Some((place, part, (*self.names.get(&name)?)?));
            readings(name).into_iter().rev().find_map(known)
        });
        // What the catalog's rows have beside their columns, a view of it has not.
        let is_plain = !names.iter().any(|name| SYSTEM_COLUMNS.contains(&name.last()));
        let is_sight = |relation: &u32| self.sights.contains(relation);
        let found = found.filter(|(_, _, relation)| is_plain || !is_sight(relation));
        let found: Vec<_> = found.collect();
        let sights = found.iter().map(|(_, _, relation)| *relation);
        let sights = sights.filter(|relation| self.sights.contains(relation)).collect();
        let is_unknown = |place: &usize| found.iter().all(|(known, ..)| known != place);
        let unknown = (0..names.len()).filter(is_unknown);
        let unknown = unknown.flat_map(|place| readings(&names[place]));
        let unknown = unknown.map(|(_, (_, name))| name).collect();
        Ok(Named { found, sights, unknown }.with_references(names).without_aliases(names))
    }

    /// The relations that a drop of the schemas that the statement names would shut.
    pub(crate) async fn inside(
        &mut self,
        server: &mut Server,
        statement: &Statement,
    ) -> Result<Vec<u32>, BackendError> {
        let names = statement.names.iter().map(Name::last);
        let question = Question::prepared(sql::optimistic::INSIDE).with(array(names));
        let rows = server.ask(question).await?.rows;
        Ok(rows.iter().filter_map(|row| row.first()?.as_deref()?.parse().ok()).collect())
    }

    async fn look_up(
        &mut self,
        server: &mut Server,
        names: Vec<Written>,
    ) -> Result<(), BackendError> {
        let schemas = names.iter().map(|(schema, _)| schema.as_deref());
        let schemas = schemas.map(|schema| schema.map_or("NULL".to_owned(), |name| array([name])));
        let schemas: Vec<_> =
            schemas.map(|text| text.trim_matches(['{', '}']).to_owned()).collect();
        let question = Question::prepared(sql::optimistic::RESOLVE)
            .with(format!("{{{}}}", schemas.join(",")))
            .with(array(names.iter().map(|(_, name)| name.as_str())));
        let answer = server.ask(question).await?;
        let numbers = |row: &Vec<Option<String>>| -> Option<(usize, u32)> {
            Some((row.first()?.as_deref()?.parse().ok()?, row.get(1)?.as_deref()?.parse().ok()?))
        };
        let found: HashMap<usize, u32> = answer.rows.iter().filter_map(numbers).collect();
        let sight = |row: &Vec<Option<String>>| -> Option<(usize, u32)> {
            Some((row.first()?.as_deref()?.parse().ok()?, row.get(3)?.as_deref()?.parse().ok()?))
        };
        let sights: HashMap<usize, u32> = answer.rows.iter().filter_map(sight).collect();
        self.sights.extend(sights.values());
        let reads = |row: &&Vec<Option<String>>| {
            row.get(2).is_some_and(|reads| reads.as_deref() == Some("true"))
        };
        let place = |row: &Vec<Option<String>>| row.first()?.as_deref()?.parse().ok();
        let reading: HashSet<usize> = answer.rows.iter().filter(reads).filter_map(place).collect();
        for (place, name) in names.into_iter().enumerate() {
            if reading.contains(&(place + 1)) {
                self.reading.insert(name.clone());
            }
            let relation = found.get(&(place + 1)).or_else(|| sights.get(&(place + 1)));
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
            "function {}() may read tables: of functions that are not built in, only immutable ones and those in C are supported",
            name.last()
        )))
    }

    /// Refuses to use tables where an operator, a cast or a domain may read them: no word of a
    /// statement shows that it does.
    pub(crate) async fn refuse_unnamed(&mut self, server: &mut Server) -> Result<(), BackendError> {
        let unnamed = match self.unnamed.take() {
            Some(known) => known,
            None => {
                let answer = server.ask(Question::prepared(sql::optimistic::UNNAMED)).await?;
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

    /// Names may be resolved otherwise from now on.
    pub(crate) fn forget_names(&mut self) {
        self.names.clear();
        self.reading.clear();
    }
}
