//! The relations that the names in a statement stand for.

use std::collections::HashSet;

use crate::gateway::statement::Name;

/// A name as a statement may write it: with a schema or without.
pub(super) type Written = (Option<String>, String);

/// The relations that a statement may name.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// By the name's place in the statement: the relation, and which part of the name is the
    /// relation's.
    pub(super) found: Vec<(usize, usize, u32)>,
    /// Those among them that are the catalog's.
    pub(super) catalog_views: HashSet<u32>,
    /// Names that stand for no relation.
    pub(crate) unknown: Vec<String>,
}

impl Named {
    /// What the name at this place in the statement stands for.
    pub(super) fn relation_at(&self, place: usize) -> Option<u32> {
        let found = self.found.iter().find(|(known, ..)| *known == place);
        found.map(|(.., relation)| *relation)
    }

    /// Whether no table is named.
    pub(crate) fn is_empty(&self) -> bool {
        self.relations().is_empty()
    }

    /// The tables and views.
    pub(crate) fn relations(&self) -> Vec<u32> {
        self.all().into_iter().filter(|relation| !self.catalog_views.contains(relation)).collect()
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
    pub(super) fn without_aliases(mut self, names: &[Name]) -> Self {
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
    pub(super) fn with_references(mut self, names: &[Name]) -> Self {
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
pub(super) fn readings(name: &Name) -> Vec<(usize, Written)> {
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
