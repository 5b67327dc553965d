//! The tables that a scenario's setup has made, and what they hold at the beginning of each order.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use super::PlayerError;
use super::control::Control;
use crate::core::event::{Pid, Row};
use crate::core::syntax::{literal, quote};
use crate::explorer::played::TableRows;

/// A table of more rows is compared as a whole.
const LARGE: usize = 2_000;

/// All tables and sequences that the sessions may change.
pub(super) struct Tables {
    pub(super) all: Vec<Table>,
    pub(super) sequences: Vec<Sequence>,
    /// From a table to those that refer to it, by their places.
    referring: BTreeMap<usize, Vec<usize>>,
    /// Whether something would be done beside it when rows are put back: by a rule or a trigger.
    pub(super) has_rules: bool,
    /// Whether any table has triggers, those of foreign keys among them.
    pub(super) has_triggers: bool,
}

/// A table, as it is at the beginning.
pub(super) struct Table {
    pub(super) oid: u32,
    /// Its name, with its schema where that is not the scenario's own.
    pub(super) name: String,
    /// Its name in SQL.
    full: String,
    columns: Vec<String>,
    /// The columns that COPY gives and takes, in SQL.
    copied: String,
    is_large: bool,
    /// Its primary key as one text, in SQL.
    key: Option<String>,
    /// Where each row is stored, its key and its values; of a large table, how many and a digest.
    rows: Vec<Row>,
}

/// A sequence, and how far it is.
pub(super) struct Sequence {
    full: String,
    state: Row,
}

impl Tables {
    /// Those of the scenario: in its schema, or all.
    pub(super) async fn find(
        control: &Control,
        own: Option<&str>,
        only_own: bool,
    ) -> Result<Self, PlayerError> {
        let schemas = match own.filter(|_| only_own) {
            Some(own) => format!("n.nspname = {}", literal(own)),
            None => "n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'".to_owned(),
        };
        let tables = control.rows(&format!("{TABLES} and {schemas} {TABLES_ORDER}")).await?;
        let tables = tables.iter().map(|row| Table::read(row, own)).collect::<Option<Vec<_>>>();
        let tables = tables.ok_or(PlayerError::Unreadable("its tables"))?;
        let sequences = control.rows(&format!("{SEQUENCES} and {schemas} order by 1, 2")).await?;
        let sequences = sequences.iter().filter_map(|row| {
            let full = full(row.first()?.as_deref()?, row.get(1)?.as_deref()?);
            Some(Sequence { full, state: Row::new() })
        });
        let mut found = Self {
            all: tables,
            sequences: sequences.collect(),
            referring: BTreeMap::new(),
            has_rules: control.cell(RULES).await?.as_deref() == Some("t"),
            has_triggers: control.cell(TRIGGERS).await?.as_deref() == Some("t"),
        };
        found.refer(&control.rows(REFERENCES).await?);
        Ok(found)
    }

    fn refer(&mut self, references: &[Row]) {
        let places: BTreeMap<u32, usize> =
            self.all.iter().enumerate().map(|(at, table)| (table.oid, at)).collect();
        for row in references {
            let place = |at: usize| {
                let oid = row.get(at)?.as_deref()?.parse().ok()?;
                places.get(&oid).copied()
            };
            if let (Some(from), Some(to)) = (place(0), place(1)) {
                self.referring.entry(to).or_default().push(from);
            }
        }
    }

    /// Keeps what they hold now as what they hold at the beginning. The rows themselves are kept
    /// on the server, in tables that nobody but the control connection sees.
    pub(super) async fn keep(&mut self, control: &Control) -> Result<(), PlayerError> {
        for (at, table) in self.all.iter_mut().enumerate() {
            let count = control.cell(&format!("select count(*) from only {}", table.full)).await?;
            let count = count.and_then(|count| count.parse().ok()).unwrap_or(usize::MAX);
            table.is_large = count > LARGE;
            table.rows = control.rows(&table.question()).await?;
            let (kept, copied, full) = (kept(at), &table.copied, &table.full);
            control
                .run(&format!(
                    "drop table if exists {kept}; \
                     create temp table {kept} as select {copied} from only {full}"
                ))
                .await?;
        }
        let states = self.sequence_states(control).await?;
        for (sequence, state) in self.sequences.iter_mut().zip(states) {
            sequence.state = state;
        }
        Ok(())
    }

    /// What they hold now, in the same order.
    pub(super) async fn look(&self, control: &Control) -> Result<Vec<Vec<Row>>, PlayerError> {
        let questions: Vec<String> = self.all.iter().map(Table::question).collect();
        Ok(try_join_all(questions.iter().map(|question| control.rows(question))).await?)
    }

    /// Those that hold something else than at the beginning, or in another place.
    pub(super) fn changed(&self, now: &[Vec<Row>]) -> Vec<usize> {
        let both = self.all.iter().zip(now).enumerate();
        both.filter(|(_, (table, rows))| table.rows != **rows).map(|(at, _)| at).collect()
    }

    /// What is told of them.
    pub(super) fn told(&self, now: Vec<Vec<Row>>) -> Vec<TableRows> {
        self.all.iter().zip(now).map(|(table, rows)| table.told(rows)).collect()
    }

    /// How far the sequences are: the last value, and whether it was given out.
    pub(super) async fn sequence_states(&self, control: &Control) -> Result<Vec<Row>, PlayerError> {
        if self.sequences.is_empty() {
            return Ok(Vec::new());
        }
        let each = self.sequences.iter().enumerate().map(|(at, sequence)| {
            format!("select {at}, last_value, is_called from {}", sequence.full)
        });
        let all = each.collect::<Vec<_>>().join(" union all ");
        Ok(control.rows(&format!("{all} order by 1")).await?)
    }

    /// Puts these tables back, and all sequences that have moved.
    pub(super) async fn put_back(
        &self,
        control: &Control,
        changed: &[usize],
        sequences: &[Row],
    ) -> Result<(), PlayerError> {
        let all = self.with_referring(changed);
        let moved = self.sequences.iter().zip(sequences).filter(|(it, now)| it.state != **now);
        let mut statements: Vec<String> =
            moved.filter_map(|(sequence, _)| sequence.set_back()).collect();
        if !all.is_empty() {
            let names: Vec<&str> = all.iter().map(|&at| self.all[at].full.as_str()).collect();
            // A new file for each, so that every order finds its rows where the last one did.
            statements.push(format!("truncate {}", names.join(", ")));
            statements.extend(all.iter().map(|&at| self.all[at].filled_from(&kept(at))));
        }
        if statements.is_empty() {
            return Ok(());
        }
        // In one message, which is one transaction.
        Ok(control.run(&statements.join(";")).await?)
    }

    /// The tables that a backend has opened in its transaction.
    pub(super) async fn locked_by(
        &self,
        control: &Control,
        pid: Pid,
    ) -> Result<BTreeSet<String>, PlayerError> {
        let question = format!(
            "select distinct relation from pg_catalog.pg_locks \
             where pid = {pid} and locktype = 'relation'"
        );
        let rows = control.rows(&question).await?;
        let oids = rows.iter().filter_map(|row| row.first()?.as_deref()?.parse::<u32>().ok());
        let oids: BTreeSet<u32> = oids.collect();
        let locked = self.all.iter().filter(|table| oids.contains(&table.oid));
        Ok(locked.map(|table| table.name.clone()).collect())
    }

    /// TRUNCATE takes a table only together with those that refer to it.
    fn with_referring(&self, changed: &[usize]) -> Vec<usize> {
        let mut all: Vec<usize> = changed.to_vec();
        let mut at = 0;
        while at < all.len() {
            for from in self.referring.get(&all[at]).into_iter().flatten() {
                if !all.contains(from) {
                    all.push(*from);
                }
            }
            at += 1;
        }
        all
    }

    pub(super) fn every(&self) -> Vec<usize> {
        (0..self.all.len()).collect()
    }
}

impl Sequence {
    fn set_back(&self) -> Option<String> {
        let last = self.state.get(1)?.as_deref()?;
        let is_called = self.state.get(2)?.as_deref()? == "t";
        let name = literal(&self.full);
        Some(format!("select pg_catalog.setval({name}, {last}, {is_called})"))
    }
}

impl Table {
    fn read(row: &Row, own: Option<&str>) -> Option<Self> {
        let cell = |at: usize| row.get(at)?.as_deref();
        let (schema, name) = (cell(1)?, cell(2)?);
        let columns: Vec<String> = serde_json::from_str(cell(3)?).ok()?;
        let copied: Vec<String> = serde_json::from_str(cell(4)?).ok()?;
        let key: Vec<String> = serde_json::from_str(cell(5)?).ok()?;
        let copied: Vec<String> = copied.iter().map(|column| quote(column)).collect();
        let is_own = own == Some(schema) || own.is_none() && schema == "public";
        Some(Self {
            oid: cell(0)?.parse().ok()?,
            name: if is_own { name.to_owned() } else { format!("{schema}.{name}") },
            full: full(schema, name),
            columns,
            copied: copied.join(", "),
            is_large: false,
            key: (!key.is_empty()).then(|| row_of(&key)),
            rows: Vec::new(),
        })
    }

    /// Its name in SQL.
    pub(super) fn full(&self) -> &str {
        &self.full
    }

    /// How many rows it has at the beginning; of a large one, more than can be told apart.
    pub(super) fn count(&self) -> usize {
        if self.is_large { LARGE } else { self.rows.len() }
    }

    fn question(&self) -> String {
        let table = &self.full;
        if self.is_large {
            return format!(
                "select null, null, count(*), pg_catalog.md5(pg_catalog.string_agg(\
                 pg_catalog.md5(t::text), '' order by pg_catalog.md5(t::text))) from only {table} t"
            );
        }
        let key = self.key.as_deref().unwrap_or("null");
        format!("select t.ctid, {key}, t.* from only {table} as t")
    }

    /// What fills it from what was kept.
    fn filled_from(&self, kept: &str) -> String {
        let columns = match self.copied.as_str() {
            "" => String::new(),
            columns => format!("({columns})"),
        };
        format!("insert into {} {columns} overriding system value select * from {kept}", self.full)
    }

    /// The keys of the rows that are not what they were at the beginning; of a table whose rows
    /// have none, nothing.
    pub(super) fn changed_keys(&self, now: &[Row]) -> Option<BTreeSet<String>> {
        self.key.as_ref().filter(|_| !self.is_large)?;
        let of =
            |rows: &[Row]| -> BTreeSet<Row> { rows.iter().map(|row| row[1..].to_vec()).collect() };
        let (then, now) = (of(&self.rows), of(now));
        let changed = then.symmetric_difference(&now);
        Some(changed.filter_map(|row| row.first()?.clone()).collect())
    }

    fn told(&self, rows: Vec<Row>) -> TableRows {
        let mut rows: Vec<Row> = rows.into_iter().map(|row| row[2..].to_vec()).collect();
        rows.sort();
        let columns = if self.is_large {
            vec!["rows".to_owned(), "digest".to_owned()]
        } else {
            self.columns.clone()
        };
        TableRows { table: self.name.clone(), columns, rows }
    }
}

/// Columns as one text, in SQL.
pub(super) fn row_of(columns: &[String]) -> String {
    let columns: Vec<String> = columns.iter().map(|it| format!("t.{}", quote(it))).collect();
    format!("row({})::text", columns.join(", "))
}

/// Where the rows of the table at this place are kept.
fn kept(at: usize) -> String {
    format!("pg_temp.overbooked_kept_{at}")
}

fn full(schema: &str, name: &str) -> String {
    format!("{}.{}", quote(schema), quote(name))
}

/// Tables with rows of their own, and their columns: all, and those that are not computed.
const TABLES: &str = "select c.oid, n.nspname, c.relname, \
    coalesce((select json_agg(attname order by attnum) from pg_catalog.pg_attribute \
    where attrelid = c.oid and attnum > 0 and not attisdropped), '[]'), \
    coalesce((select json_agg(attname order by attnum) from pg_catalog.pg_attribute \
    where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = ''), '[]'), \
    coalesce((select json_agg(a.attname order by k.place) from pg_catalog.pg_index i, \
    pg_catalog.unnest(i.indkey::int2[]) with ordinality as k(attnum, place), \
    pg_catalog.pg_attribute a where i.indrelid = c.oid and i.indisprimary \
    and a.attrelid = c.oid and a.attnum = k.attnum), '[]') \
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
    where c.relkind = 'r' and c.relpersistence <> 't'";
const TABLES_ORDER: &str = "order by 2, 3";

const SEQUENCES: &str = "select n.nspname, c.relname \
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
    where c.relkind = 'S' and c.relpersistence <> 't'";

/// From which table to which a foreign key leads.
const REFERENCES: &str =
    "select conrelid, confrelid from pg_catalog.pg_constraint where contype = 'f'";

/// Whether a rule is on any table; that of a view is no such one.
const RULES: &str = "select exists (select from pg_catalog.pg_rewrite r \
    join pg_catalog.pg_class c on c.oid = r.ev_class \
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
    where c.relkind = 'r' and n.nspname not like 'pg\\_%' \
    and n.nspname <> 'information_schema')";

const TRIGGERS: &str = "select exists (select from pg_catalog.pg_trigger)";
