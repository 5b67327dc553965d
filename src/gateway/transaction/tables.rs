//! One client's private copies: which there are, what they are copies of, how fresh they are.
//!
//! Structure and contents are two things. The structure of a copy is made once, outside of any
//! transaction where possible, because a rollback takes away what was made inside. The contents are
//! brought up to date by the first statement of a transaction that names the table.

mod approach;
mod bring;
mod checks;
mod condition;
mod contents;
mod crowded;
mod named;
mod names;
mod numbers;
mod object_names;
mod part;
mod references;
mod retold;
mod rewrite;
mod rewritten;
mod selection;
mod shapes;
mod structure;
mod taken;
mod ties;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::journal::{Journal, Key, Seen};
use super::ledger::{RowId, Snapshot};
use super::pair::Pair;
use super::shape::Shape;
use crate::gateway::backend::{BackendError, Question, Questions};
use crate::gateway::statement::Statement;
pub(crate) use checks::{AskedReference, Broken, Following, Lost, ReferenceCheck};
use crowded::Crowds;
pub(super) use named::Named;
use named::Written;
use numbers::Numbers;
pub(super) use part::with_keys;
pub(crate) use part::{Approach, Bringing, Parameters};
use part::{Calls, Part};
pub(crate) use rewritten::Rewritten;
pub(crate) use selection::Selection;
use selection::Selections;
pub(super) use shapes::{Marks, marks_in};
use shapes::{ask_shapes, marks_question};

/// Copies are temporary tables, which PostgreSQL finds first unless it is told otherwise.
pub(super) const TEMPORARY_FIRST: &str =
    "a search_path that names pg_temp is not supported on this engine";

/// The copies of one client, and what it knows of the schema.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Tables {
    schema: Option<SchemaMark>,
    /// The latest snapshot that is known to show that schema.
    shown: Option<Snapshot>,
    names: HashMap<Written, Option<u32>>,
    /// Whether the search path by which they are known goes with the open transaction.
    are_names_passing: bool,
    /// Names of functions that may read tables.
    reading: HashSet<Written>,
    /// Whether something that no statement names may call what reads tables, once that has been
    /// asked.
    unnamed: Option<Unnamed>,
    shapes: HashMap<u32, Arc<Shape>>,
    /// From how many bytes on a table is copied in parts; nothing where none is.
    large_from: Option<u64>,
    /// Those that are so large.
    large: HashSet<u32>,
    /// Those among tables tied by foreign keys that are so large by themselves.
    grown: HashSet<u32>,
    /// Those whose copies, with all rows in them, were tied in the open transaction.
    bound: HashSet<u32>,
    /// Whether a table that is copied whole has become too large or too crowded for that.
    has_outgrown: bool,
    /// Which small tables are written by many.
    crowds: Crowds,
    /// Which functions may be called once more.
    calls: Calls,
    /// What tells whether the shapes are still those.
    marks: Marks,
    copies: HashMap<u32, Copy>,
    views: HashMap<u32, View>,
    /// Relations of the catalog that are seen through a view without the copies.
    catalog_views: HashSet<u32>,
    /// Names whose tables have changed since this client looked at them.
    outdated: HashSet<Written>,
    /// The version of each table's definition that this client has seen.
    looked: HashMap<u32, u64>,
    /// Whether the client has been told of the change that is about to be seen.
    is_change_told: bool,
    /// Tables whose copies a rollback took away.
    wanted: HashSet<u32>,
    /// Tables whose copies are brought up to date before the next transaction begins.
    undone: HashSet<u32>,
    /// Whether copies were dropped in the open transaction, which its rollback brings back.
    left: bool,
    /// The transactions in which copies were made: nobody else sees anything of them.
    pub(super) built: Vec<u64>,
}

/// What PostgreSQL calls without being told by name: the functions behind operators, casts and
/// domains.
#[derive(Clone, Debug)]
enum Unnamed {
    /// None of them reads tables.
    Harmless,
    /// One may: a statement that uses tables is refused with these words.
    Reading(String),
}

/// What tells that the schema or the search path changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SchemaMark {
    /// A number that changes with the catalog.
    pub(super) fingerprint: String,
    /// The schemas of the search path, as JSON.
    pub(super) path: String,
    /// How many changes the gateway's own clients had made.
    pub(super) change: u64,
}

/// When something was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Made {
    /// It is there to stay.
    Kept,
    /// In the transaction that is open; its rollback takes it away.
    Now,
}

/// A private copy.
struct Copy {
    shape: Arc<Shape>,
    name: String,
    numbers: Numbers,
    made: Made,
    /// What the committed contents are.
    seen: Option<Seen>,
    /// The file that held the stored table then.
    file: Option<String>,
    /// Whether a filling that was rolled back has left its rows behind, dead, where every look at
    /// the copy passes them.
    is_littered: bool,
    /// Where it holds a part of the rows.
    part: Option<Part>,
    in_use: Option<InUse>,
}

/// A private view over copies.
struct View {
    name: String,
    numbers: Numbers,
    made: Made,
}

/// What a rollback, which takes a copy back to what it was, leaves to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renewal {
    /// Nothing: the next transaction that names the table brings the copy up to date in a moment.
    AtUse,
    /// The copy is brought up to date before the next transaction begins.
    Before,
}

/// A copy in the transaction that is open.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct InUse {
    /// The commands that brought rows; what others wrote is the client's.
    pub(super) fills: Vec<i64>,
    /// The keys of the rows that were brought, where not all were.
    pub(super) brought: Vec<Key>,
    /// Whether all rows are in it.
    pub(super) is_complete: bool,
    /// The file that holds the stored table, where all of it was read.
    pub(super) file: Option<String>,
    if_rolled_back: Renewal,
    /// Whether a statement that may have written named the table.
    pub(super) written: bool,
    /// Whether a row may be gone, or its key changed.
    pub(super) may_vanish: bool,
    /// Whether a row may be new, or have another key of any unique index.
    pub(super) may_be_new: bool,
    /// Whether a statement that locks rows FOR UPDATE named the table, or foreign keys' checks may
    /// have marked rows of it.
    pub(super) locked: bool,
    /// Whether its locks are to be noted before the next statement that writes.
    pub(super) unnoted: Unnoted,
    /// Whether rows may have been deleted, or have lost their keys, that nobody has noted.
    pub(super) unnoted_deletes: bool,
    /// Rows found locked FOR UPDATE so far, or deleted before others came in their place.
    pub(super) strong: HashSet<RowId>,
    /// Rows found locked FOR KEY SHARE.
    pub(super) shared: HashSet<RowId>,
    /// Which rows were brought.
    selections: Selections,
    /// The keys of stored rows that are gone, and that nothing stored refers to any more.
    followed: HashSet<Key>,
    /// The last command whose rows' references were asked for.
    referring: i64,
}

/// Which rows locked FOR UPDATE nobody has noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unnoted {
    Nothing,
    /// Those of statements that have run.
    Past,
    /// A cursor locks more with each FETCH, which names no table.
    Coming,
}

/// A copy that the open transaction uses.
pub(super) struct Used<'a> {
    pub(super) shape: &'a Arc<Shape>,
    pub(super) copy: &'a str,
    file: Option<&'a str>,
    pub(super) state: &'a mut InUse,
}

impl InUse {
    /// The commands that brought rows, as PostgreSQL reads them.
    pub(super) fn fills_array(&self) -> String {
        let fills: Vec<_> = self.fills.iter().map(i64::to_string).collect();
        format!("{{{}}}", fills.join(","))
    }

    /// Whether there is anything to ask about it.
    pub(super) fn may_have_changes(&self) -> bool {
        self.written || self.locked || !self.strong.is_empty() || !self.shared.is_empty()
    }
}

impl Used<'_> {
    /// The file in which the copy found the stored table.
    pub(super) fn file(&self) -> Option<&str> {
        self.state.file.as_deref().or(self.file)
    }

    /// The stored table and its copy.
    pub(super) fn pair(&self) -> Pair<'_> {
        Pair::new(self.shape, self.copy)
    }
}

impl Tables {
    /// None yet, of a client whose tables are copied in parts from so many bytes on.
    pub(super) fn new(large_from: Option<u64>) -> Self {
        Self { large_from, ..Self::default() }
    }

    /// Whether this snapshot shows the schema that is known, under this search path and after so
    /// many changes by the gateway's own clients: then the catalog need not be asked.
    pub(super) fn is_known_in(
        &mut self,
        journal: &Journal,
        snapshot: &Snapshot,
        path: &str,
        change: u64,
    ) -> bool {
        let same = |known: &SchemaMark| known.path == path && known.change == change;
        let is_known = !self.is_change_told
            && self.schema.as_ref().is_some_and(same)
            && self.shown.as_ref().is_some_and(|shown| journal.knows_all(shown, snapshot));
        if is_known {
            self.shown = Some(snapshot.clone());
        }
        is_known
    }

    /// The latest snapshot that shows the schema that is known, and the search path.
    pub(super) fn last_shown(&self) -> Option<(Snapshot, String)> {
        let schema = self.schema.as_ref().filter(|_| !self.is_change_told)?;
        Some((self.shown.clone()?, schema.path.clone()))
    }

    /// The schema that is known is what this snapshot shows.
    pub(super) fn shown_by(&mut self, snapshot: &Snapshot) {
        self.shown = Some(snapshot.clone());
    }

    /// Compares with what this transaction sees of the schema. `Err` says that copies are out of
    /// date and that [`catch_up`](Self::catch_up) must run outside of a transaction.
    pub(super) fn check(&mut self, mark: &SchemaMark, marks: &Marks) -> Result<(), OutOfDate> {
        let is_same = |(relation, mark): (&u32, &String)| marks.get(relation) == Some(mark);
        let are_same = self.marks.iter().all(is_same);
        match &self.schema {
            Some(known) if known == mark && are_same && !self.is_change_told => Ok(()),
            None => {
                self.schema = Some(mark.clone());
                Ok(())
            }
            Some(_) => Err(OutOfDate),
        }
    }

    /// What tells whether what is known of the tables is still so; nothing where nothing is known.
    pub(super) fn asks_marks(&self) -> Option<Question> {
        let known: Vec<u32> = self.marks.keys().copied().collect();
        (!known.is_empty()).then(|| marks_question(&known))
    }

    /// Learns the schema anew: copies of tables that have changed are dropped, and their names
    /// remembered.
    pub(super) async fn catch_up(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        let known: Vec<u32> = self.shapes.keys().copied().collect();
        let shapes = ask_shapes(backend, &known).await?;
        let same = |relation: &u32| shapes.get(relation) == self.shapes.get(relation);
        let changed: HashSet<u32> =
            known.iter().filter(|relation| !same(relation)).copied().collect();
        let is_changed = |found: &Option<u32>| found.is_some_and(|found| changed.contains(&found));
        let names = self.names.iter().filter(|(_, found)| is_changed(found));
        if !self.is_change_told {
            self.outdated.extend(names.map(|(name, _)| name.clone()));
        }
        self.forget(backend).await
    }

    /// The client has been told that the schema changed: its next transaction learns it anew,
    /// without a word.
    pub(super) fn tell(&mut self) {
        self.is_change_told = true;
        self.looked.clear();
    }

    /// Drops every copy and forgets the schema, outside of a transaction.
    pub(super) async fn forget(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        let left = self.has_copies() || self.left;
        // These stay: a change that the client has not been told of is still to be told.
        let (outdated, looked) =
            (std::mem::take(&mut self.outdated), std::mem::take(&mut self.looked));
        // Until they are gone nobody may take what is left of them for a copy.
        let (large_from, crowds) = (self.large_from, std::mem::take(&mut self.crowds));
        let built = std::mem::take(&mut self.built);
        *self = Self { large_from, crowds, outdated, looked, left, built, ..Self::default() };
        self.clear(backend).await
    }

    /// Drops what is left of copies that nobody knows of any more, outside of a transaction.
    pub(super) async fn clear(&mut self, backend: &mut impl Questions) -> Result<(), BackendError> {
        if self.left {
            backend.ask(Question::once("discard temp")).await?;
            self.left = false;
        }
        Ok(())
    }

    /// Forgets every copy and what depends on the search path, inside of a transaction. Returns
    /// what drops the copies.
    pub(super) fn start_anew(&mut self) -> Vec<Question> {
        let removal = self.removal();
        let before = std::mem::take(self);
        *self = Self {
            schema: before.schema,
            shown: before.shown,
            names: before.names,
            are_names_passing: before.are_names_passing,
            reading: before.reading,
            catalog_views: before.catalog_views,
            outdated: before.outdated,
            looked: before.looked,
            left: true,
            large_from: before.large_from,
            crowds: before.crowds,
            built: before.built,
            ..Self::default()
        };
        removal
    }

    /// Whether a value may be given for an identity column only by OVERRIDING SYSTEM VALUE, in one
    /// of these tables.
    pub(super) fn are_numbered(&self, tables: &[u32]) -> bool {
        tables.iter().any(|table| self.shapes.get(table).is_some_and(|shape| shape.is_numbered()))
    }

    /// These tables and all that foreign keys tie to them, near or far.
    pub(super) fn tied(&self, tables: &[u32]) -> Vec<u32> {
        let mut wanted = tables.to_vec();
        let mut reached = Vec::new();
        while let Some(table) = wanted.pop() {
            if !reached.contains(&table) {
                reached.push(table);
                wanted
                    .extend(self.shapes.get(&table).into_iter().flat_map(|shape| shape.tied_to()));
            }
        }
        reached.sort_unstable();
        reached
    }

    /// Whether a statement may take rows of this table away or give them other keys.
    pub(super) fn may_vanish(&self, table: u32, statement: &Statement) -> bool {
        let Some(shape) = self.shapes.get(&table).filter(|_| statement.writes) else {
            return false;
        };
        // Without a key, a row that changes is one that goes and one that comes.
        let changes = |shape: &Shape| shape.key().is_none() && statement.may_change();
        changes(shape) || self.is_bound(table) || Self::takes_keys(shape, statement)
    }

    /// Whether a statement may bring new rows of this table, or change a key of any unique index.
    pub(super) fn may_be_new(&self, table: u32, statement: &Statement) -> bool {
        let Some(shape) = self.shapes.get(&table).filter(|_| statement.writes) else {
            return false;
        };
        statement.may_insert() || shape.changes_keys(&statement.sets)
    }

    /// Whether rows of one of these tables may lose their keys by a statement, straight or along
    /// foreign keys.
    pub(super) fn may_take_keys(&self, tables: &[u32], statement: &Statement) -> bool {
        let mut shapes = tables.iter().filter_map(|table| self.shapes.get(table));
        statement.writes && shapes.any(|shape| Self::takes_keys(shape, statement))
    }

    fn takes_keys(shape: &Shape, statement: &Statement) -> bool {
        let key = shape.key().unwrap_or_default();
        statement.deletes || key.iter().any(|column| statement.sets.contains(&column.name))
    }

    /// Whether foreign keys refer to one of these.
    pub(super) fn are_referred_to(&self, tables: &[u32]) -> bool {
        tables
            .iter()
            .any(|table| self.shapes.get(table).is_some_and(|shape| shape.is_referred_to()))
    }

    /// Whether the check of a foreign key may have marked rows of this table's copy.
    pub(super) fn may_be_marked(&self, table: u32) -> bool {
        self.are_referred_to(&[table]) && self.is_bound(table)
    }

    /// Whether a copy goes by one of these names.
    pub(super) fn have_copy_called(&self, names: &[String]) -> bool {
        let copies = self.copies.values().map(|copy| &copy.name);
        let views = self.views.values().map(|view| &view.name);
        copies.chain(views).any(|name| names.contains(name))
    }

    /// Whether there is any copy.
    pub(super) fn has_copies(&self) -> bool {
        !self.copies.is_empty() || !self.views.is_empty()
    }
}

/// Whether a transaction is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    Yes,
    No,
}

/// The copies are of another schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutOfDate;

/// A transaction's number as `xid` has it.
pub(super) fn low(xid: u64) -> String {
    (xid & 0xffff_ffff).to_string()
}
