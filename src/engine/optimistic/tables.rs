//! One client's private copies: which there are, what they are copies of, how fresh they are.
//!
//! Structure and contents are two things. The structure of a copy is made once, outside of any transaction where
//! possible, because a rollback takes away what was made inside. The contents are brought up to date by the first statement of a
//! transaction that names the table.

mod contents;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::changes::{Pair, array};
use super::journal::Seen;
use super::ledger::RowId;
use super::refusal::Refusal;
use super::server::{Question, Server, Trouble};
use super::shape::Shape;
use super::statement::{Name, Statement};
use super::words::quote;
use crate::sql;

/// A name as a statement may write it: with a schema or without.
type Written = (Option<String>, String);

/// The copies of one client, and what it knows of the schema.
#[derive(Default)]
pub(super) struct Tables {
    schema: Option<SchemaMark>,
    names: HashMap<Written, Option<u32>>,
    /// Names of functions that may read tables.
    reading: HashSet<Written>,
    shapes: HashMap<u32, Arc<Shape>>,
    copies: HashMap<u32, Copy>,
    views: HashMap<u32, View>,
    /// Names whose tables have changed since this client looked at them.
    outdated: HashSet<Written>,
    /// The version of each table's definition that this client has seen.
    looked: HashMap<u32, u64>,
    /// Whether the client has been told of the change that is about to be seen.
    told: bool,
    /// Tables whose copies a rollback took away.
    wanted: HashSet<u32>,
    /// Tables whose first filling a rollback undid.
    unseen: HashSet<u32>,
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
    made: Made,
    /// What the committed contents are.
    seen: Option<Seen>,
    /// The file that held the stored table then.
    file: Option<String>,
    in_use: Option<InUse>,
}

/// A private view over copies.
struct View {
    name: String,
    made: Made,
}

/// A copy in the transaction that is open.
#[derive(Debug)]
pub(super) struct InUse {
    /// The last command of the refresh; what came later is the client's.
    pub(super) boundary: i64,
    /// The file that holds the stored table, where all of it was read.
    pub(super) file: Option<String>,
    /// Whether a statement that may have written named the table.
    pub(super) written: bool,
    /// Whether a row may be gone, or its key changed.
    pub(super) may_vanish: bool,
    /// Whether a statement that locks rows named the table, since the locks were last gathered.
    pub(super) locked: bool,
    /// Rows found locked FOR UPDATE so far.
    pub(super) strong: HashSet<RowId>,
    /// Rows found locked FOR KEY SHARE.
    pub(super) shared: HashSet<RowId>,
}

/// A copy that the open transaction uses.
pub(super) struct Used<'a> {
    pub(super) shape: &'a Arc<Shape>,
    pub(super) copy: &'a str,
    file: Option<&'a str>,
    pub(super) state: &'a mut InUse,
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

/// The relations that a statement may name.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// By the name's place in the statement: the relation, and which part of the name is the relation's.
    found: Vec<(usize, usize, u32)>,
}

impl Named {
    /// Whether no table is named.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The relations.
    pub(super) fn relations(&self) -> Vec<u32> {
        self.found.iter().map(|(_, _, relation)| *relation).collect()
    }
}

/// The readings of a name, each with the place of the part that is the relation's name.
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
    /// Compares with what this transaction sees of the schema. `Err` says that copies are out of date and that
    /// [`catch_up`](Self::catch_up) must run outside of a transaction.
    pub(super) fn check(&mut self, mark: &SchemaMark) -> Result<(), OutOfDate> {
        match &self.schema {
            Some(known) if known == mark && !self.told => Ok(()),
            None => {
                self.schema = Some(mark.clone());
                Ok(())
            }
            Some(_) => Err(OutOfDate),
        }
    }

    /// Learns the schema anew: copies of tables that have changed are dropped, and their names remembered.
    pub(super) async fn catch_up(&mut self, server: &mut Server) -> Result<(), Trouble> {
        let known: Vec<u32> = self.shapes.keys().copied().collect();
        let shapes = ask_shapes(server, &known).await?;
        let same = |relation: &u32| shapes.get(relation) == self.shapes.get(relation);
        let changed: HashSet<u32> =
            known.iter().filter(|relation| !same(relation)).copied().collect();
        let is_changed = |found: &Option<u32>| found.is_some_and(|found| changed.contains(&found));
        let names = self.names.iter().filter(|(_, found)| is_changed(found));
        if !self.told {
            self.outdated.extend(names.map(|(name, _)| name.clone()));
        }
        self.forget(server).await
    }

    /// The client has been told that the schema changed: its next transaction learns it anew, without a word.
    pub(super) fn tell(&mut self) {
        self.told = true;
        self.looked.clear();
    }

    /// Drops every copy and forgets the schema, outside of a transaction.
    pub(super) async fn forget(&mut self, server: &mut Server) -> Result<(), Trouble> {
        if !self.copies.is_empty() || !self.views.is_empty() {
            server.ask(Question::once("discard temp")).await?;
        }
        let (outdated, looked) =
            (std::mem::take(&mut self.outdated), std::mem::take(&mut self.looked));
        *self = Self { outdated, looked, ..Self::default() };
        Ok(())
    }

    /// Whether a name of the statement stands for another table than when the client last looked; asked once for each change.
    pub(super) fn is_outdated(&mut self, statement: &Statement) -> bool {
        let names = statement.names.iter().flat_map(readings);
        let outdated = names.into_iter().any(|(_, name)| self.outdated.contains(&name));
        if outdated {
            self.outdated.clear();
        }
        outdated
    }

    /// Notes the version of a definition that the client sees from now on. Says whether it had seen an older one.
    pub(super) fn look_at(&mut self, relation: u32, version: u64) -> bool {
        self.looked.insert(relation, version).is_some_and(|seen| seen < version)
    }

    /// The relations that a statement's names may stand for.
    pub(super) async fn resolve(
        &mut self,
        server: &mut Server,
        names: &[Name],
    ) -> Result<Named, Trouble> {
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
        Ok(Named { found: found.collect() })
    }

    async fn look_up(&mut self, server: &mut Server, names: Vec<Written>) -> Result<(), Trouble> {
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
        let reads = |row: &&Vec<Option<String>>| {
            row.get(2).is_some_and(|reads| reads.as_deref() == Some("true"))
        };
        let place = |row: &Vec<Option<String>>| row.first()?.as_deref()?.parse().ok();
        let reading: HashSet<usize> = answer.rows.iter().filter(reads).filter_map(place).collect();
        for (place, name) in names.into_iter().enumerate() {
            if reading.contains(&(place + 1)) {
                self.reading.insert(name.clone());
            }
            self.names.insert(name, found.get(&(place + 1)).copied());
        }
        Ok(())
    }

    /// Why these names, which have been resolved, may not be called: the body of a function names tables that the statement does
    /// not, and so would read copies that nobody has brought up to date.
    pub(super) fn refused_call(&self, names: &[Name]) -> Option<Refusal> {
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

    /// Whether a value may be given for an identity column only by OVERRIDING SYSTEM VALUE, in one of these tables.
    pub(super) fn are_numbered(&self, tables: &[u32]) -> bool {
        tables.iter().any(|table| self.shapes.get(table).is_some_and(|shape| shape.is_numbered()))
    }

    /// The shapes of these relations and of the tables under them, refusing what this engine cannot do.
    async fn learn(&mut self, server: &mut Server, relations: &[u32]) -> Result<Vec<u32>, Trouble> {
        let mut wanted: Vec<u32> = relations.to_vec();
        let mut reached = Vec::new();
        while let Some(relation) = wanted.pop() {
            if reached.contains(&relation) {
                continue;
            }
            let shape = self.shape(server, relation).await?;
            if shape.is_read_where_it_stands() {
                continue;
            }
            reached.push(relation);
            if let Some(refusal) = shape.refusal() {
                return Err(refusal.into());
            }
            wanted.extend(self.under(server, &shape).await?);
            wanted.extend(shape.tied_to());
        }
        // What a view reads comes before the view: tables first, then views by age.
        reached.sort_by_key(|relation| {
            (self.shapes.get(relation).is_some_and(|shape| shape.is_view()), *relation)
        });
        Ok(reached)
    }

    /// What a view reads. Neither a view nor a default may call what reads tables.
    async fn under(&mut self, server: &mut Server, shape: &Shape) -> Result<Vec<u32>, Trouble> {
        let names = Statement::read(&shape.expressions()).names;
        let read = self.resolve(server, &names).await?;
        match self.refused_call(&names) {
            Some(refusal) => Err(refusal.into()),
            None if shape.is_view() => Ok(read.relations()),
            None => Ok(Vec::new()),
        }
    }

    async fn shape(&mut self, server: &mut Server, relation: u32) -> Result<Arc<Shape>, Trouble> {
        if let Some(shape) = self.shapes.get(&relation) {
            return Ok(Arc::clone(shape));
        }
        let mut found = ask_shapes(server, &[relation]).await?;
        let shape = found.remove(&relation).ok_or_else(Refusal::schema_changed)?;
        self.shapes.insert(relation, Arc::clone(&shape));
        Ok(shape)
    }

    /// Makes the structure of every copy that these relations need. Returns all the tables under them.
    pub(super) async fn ensure(
        &mut self,
        server: &mut Server,
        relations: &[u32],
        open: Open,
    ) -> Result<Vec<u32>, Trouble> {
        let reached = self.learn(server, relations).await?;
        let (views, tables): (Vec<u32>, Vec<u32>) =
            reached.into_iter().partition(|relation| self.is_view(*relation));
        let missing: Vec<u32> =
            tables.iter().filter(|table| !self.copies.contains_key(table)).copied().collect();
        for table in &missing {
            self.make(server, *table, open).await?;
        }
        self.tie(server, &missing).await?;
        for view in views {
            if !self.views.contains_key(&view) {
                self.make(server, view, open).await?;
            }
        }
        self.under_all(server, relations).await
    }

    fn is_view(&self, relation: u32) -> bool {
        self.shapes.get(&relation).is_some_and(|shape| shape.is_view())
    }

    /// Gives new copies their foreign keys.
    async fn tie(&mut self, server: &mut Server, tables: &[u32]) -> Result<(), Trouble> {
        let copy_of = |table: u32| self.copies.get(&table).map(|copy| copy.name.clone());
        let copies = tables.iter().filter_map(|table| self.copies.get(table));
        let ties: Vec<_> = copies.flat_map(|copy| copy.shape.tying(&copy.name, copy_of)).collect();
        if !ties.is_empty() {
            server.ask_all(ties.into_iter().map(Question::once).collect()).await?;
        }
        Ok(())
    }

    /// The tables that these relations are or read, as views.
    async fn under_all(
        &mut self,
        server: &mut Server,
        relations: &[u32],
    ) -> Result<Vec<u32>, Trouble> {
        let mut wanted = relations.to_vec();
        let mut reached = HashSet::new();
        while let Some(relation) = wanted.pop() {
            let Some(shape) = self.shapes.get(&relation).cloned() else { continue };
            if reached.insert(relation) && shape.is_view() {
                wanted.extend(self.under(server, &shape).await?);
            }
        }
        let mut tables: Vec<u32> =
            reached.into_iter().filter(|table| self.copies.contains_key(table)).collect();
        tables.sort_unstable();
        Ok(tables)
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
        match shape.key() {
            None => true,
            Some(key) => {
                shape.is_tied()
                    || statement.deletes
                    || key.iter().any(|column| statement.sets.contains(&column.name))
            }
        }
    }

    /// Whether foreign keys refer to one of these.
    pub(super) fn are_referred_to(&self, tables: &[u32]) -> bool {
        tables
            .iter()
            .any(|table| self.shapes.get(table).is_some_and(|shape| shape.is_referred_to()))
    }

    async fn make(
        &mut self,
        server: &mut Server,
        relation: u32,
        open: Open,
    ) -> Result<(), Trouble> {
        let Some(shape) = self.shapes.get(&relation).cloned() else { return Ok(()) };
        let name = self.copy_name(server, &shape).await?;
        let made = if open == Open::Yes { Made::Now } else { Made::Kept };
        if let Some(definition) = &shape.definition {
            let statement = Statement::read(definition);
            let named = self.resolve(server, &statement.names).await?;
            let creation = shape.view_creation(&name, &self.turn(&statement, &named).sql);
            server.ask(Question::once(creation)).await?;
            self.views.insert(relation, View { name, made });
            return Ok(());
        }
        let pair = Pair::new(&shape, &name);
        let statements = shape.creation(&name).into_iter().chain(pair.map_creation());
        server.ask_all(statements.map(Question::once).collect()).await?;
        self.copies
            .insert(relation, Copy { shape, name, made, seen: None, file: None, in_use: None });
        Ok(())
    }

    /// A copy is found before the stored table only where the bare name means that table; otherwise it has a name that
    /// nobody writes by accident.
    async fn copy_name(&mut self, server: &mut Server, shape: &Shape) -> Result<String, Trouble> {
        let bare = Name { parts: vec![shape.name.clone()], spans: Vec::new(), is_called: false };
        let means = self.resolve(server, &[bare]).await?.relations();
        let qualified = format!("{}.{}", shape.schema, shape.name);
        Ok(if means == [shape.oid] { shape.name.clone() } else { qualified })
    }

    /// The statement with its qualified names turned towards the copies.
    pub(super) fn turn(&self, statement: &Statement, named: &Named) -> Turned {
        let mut turned = Turned { sql: statement.sql.clone(), shifts: Vec::new() };
        for (place, part, relation) in named.found.iter().rev() {
            let copy = self.copies.get(relation).map(|copy| &copy.name);
            let Some(copy) = copy.or_else(|| self.views.get(relation).map(|view| &view.name))
            else {
                continue;
            };
            let name = &statement.names[*place];
            if *part > 0 || *copy != name.parts[*part] {
                let span = name.spans[0].start..name.spans[*part].end;
                turned.replace(span, &format!("pg_temp.{}", quote(copy)));
            }
        }
        turned
    }

    /// Makes again what a rollback took away, outside of a transaction.
    pub(super) async fn remake(&mut self, server: &mut Server) -> Result<(), Trouble> {
        let wanted: Vec<u32> = std::mem::take(&mut self.wanted).into_iter().collect();
        if !wanted.is_empty() {
            self.ensure(server, &wanted, Open::No).await?;
        }
        for table in std::mem::take(&mut self.unseen).into_iter().chain(wanted) {
            self.fill_apart(server, table).await?;
        }
        Ok(())
    }

    /// Whether some of these have no copy yet.
    pub(super) fn lacks(&self, relations: &[u32]) -> bool {
        let has = |relation: &u32| {
            self.copies.contains_key(relation) || self.views.contains_key(relation)
        };
        !relations.iter().all(has)
    }

    /// Whether there is any copy.
    pub(super) fn has_copies(&self) -> bool {
        !self.copies.is_empty() || !self.views.is_empty()
    }

    /// Statements that drop every copy inside of a transaction.
    pub(super) fn removal(&self) -> Vec<Question> {
        let views = self
            .views
            .values()
            .map(|view| format!("drop view if exists pg_temp.{} cascade", quote(&view.name)));
        let copies = self
            .copies
            .values()
            .map(|copy| format!("drop table pg_temp.{} cascade", quote(&copy.name)));
        views.chain(copies).map(Question::once).collect()
    }

    /// Names may be resolved otherwise from now on.
    pub(super) fn forget_names(&mut self) {
        self.names.clear();
        self.reading.clear();
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

/// A statement as it is sent, and where it differs from what the client wrote.
#[derive(Clone, Debug)]
pub(super) struct Turned {
    pub(super) sql: String,
    /// Where, in bytes of what the client wrote, and by how much longer.
    shifts: Vec<(usize, isize)>,
}

impl Turned {
    /// Replaces a piece; pieces come from the last to the first.
    fn replace(&mut self, span: std::ops::Range<usize>, by: &str) {
        self.shifts.insert(0, (span.end, by.len().cast_signed() - span.len().cast_signed()));
        self.sql.replace_range(span, by);
    }

    /// A place in what was sent (in characters from 1), as one in what the client wrote.
    pub(super) fn place(&self, sent: usize) -> usize {
        let mut by = 0;
        for (at, shift) in &self.shifts {
            if (sent.cast_signed() - by) > at.cast_signed() {
                by += shift;
            }
        }
        usize::try_from(sent.cast_signed() - by).unwrap_or(1).max(1)
    }
}

/// A transaction's number as `xid` has it.
pub(super) fn low(xid: u64) -> String {
    (xid & 0xffff_ffff).to_string()
}

async fn ask_shapes(
    server: &mut Server,
    relations: &[u32],
) -> Result<HashMap<u32, Arc<Shape>>, Trouble> {
    if relations.is_empty() {
        return Ok(HashMap::new());
    }
    let list: Vec<_> = relations.iter().map(u32::to_string).collect();
    let question =
        Question::prepared(sql::optimistic::SHAPE).with(array(list.iter().map(String::as_str)));
    let answer = server.ask(question).await?;
    let mut shapes = HashMap::new();
    for row in answer.rows {
        let text = row.into_iter().flatten().next().unwrap_or_default();
        let shape: Shape = serde_json::from_str(&text)
            .map_err(|error| Refusal::protocol(format!("the catalog makes no sense: {error}")))?;
        shapes.insert(shape.oid, Arc::new(shape));
    }
    Ok(shapes)
}
