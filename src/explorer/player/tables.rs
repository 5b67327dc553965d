//! The tables that a scenario's setup has made, and what they hold at the beginning of each order.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::future::try_join_all;

use super::PlayerError;
use super::control::Control;
use crate::core::event::Row;
use crate::core::syntax::{literal, quote};
use crate::explorer::played::TableRows;

/// A table of more rows is compared as a whole.
const LARGE: usize = 2_000;

/// All tables and sequences that the sessions may change.
pub(super) struct Tables {
    pub(super) tables: Vec<Table>,
    pub(super) sequences: Vec<Sequence>,
    /// From a table to those that refer to it, by their places.
    referring: BTreeMap<usize, Vec<usize>>,
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
    /// Where each row is stored, and its values; of a large table, how many and a digest.
    rows: Vec<Row>,
    data: Bytes,
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
        let mut found = Self { tables, sequences: sequences.collect(), referring: BTreeMap::new() };
        found.refer(&control.rows(REFERENCES).await?);
        Ok(found)
    }

    fn refer(&mut self, references: &[Row]) {
        let places: BTreeMap<u32, usize> =
            self.tables.iter().enumerate().map(|(at, table)| (table.oid, at)).collect();
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

    /// Keeps what they hold now as what they hold at the beginning.
    pub(super) async fn keep(&mut self, control: &Control) -> Result<(), PlayerError> {
        for table in &mut self.tables {
            let count = control.cell(&format!("select count(*) from only {}", table.full)).await?;
            let count = count.and_then(|count| count.parse().ok()).unwrap_or(usize::MAX);
            table.is_large = count > LARGE;
            table.rows = control.rows(&table.question()).await?;
            table.data = control.copy_out(&table.copy("to stdout")).await?;
        }
        let states = self.sequence_states(control).await?;
        for (sequence, state) in self.sequences.iter_mut().zip(states) {
            sequence.state = state;
        }
        Ok(())
    }

    /// What they hold now, in the same order.
    pub(super) async fn look(&self, control: &Control) -> Result<Vec<Vec<Row>>, PlayerError> {
        let questions: Vec<String> = self.tables.iter().map(Table::question).collect();
        Ok(try_join_all(questions.iter().map(|question| control.rows(question))).await?)
    }

    /// Those that hold something else than at the beginning, or in another place.
    pub(super) fn changed(&self, now: &[Vec<Row>]) -> Vec<usize> {
        let both = self.tables.iter().zip(now).enumerate();
        both.filter(|(_, (table, rows))| table.rows != **rows).map(|(at, _)| at).collect()
    }

    /// What is told of them.
    pub(super) fn told(&self, now: Vec<Vec<Row>>) -> Vec<TableRows> {
        self.tables.iter().zip(now).map(|(table, rows)| table.told(rows)).collect()
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
        let moved: Vec<String> = moved.filter_map(|(sequence, _)| sequence.set_back()).collect();
        if !moved.is_empty() {
            control.run(&moved.join(";")).await?;
        }
        if all.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = all.iter().map(|&at| self.tables[at].full.as_str()).collect();
        let copies = all.iter().map(|&at| async move {
            let table = &self.tables[at];
            if table.data.is_empty() {
                return Ok(());
            }
            control.copy_in(&table.copy("from stdin"), table.data.clone()).await
        });
        control.run(&format!("begin; truncate {}", names.join(", "))).await?;
        for copy in copies {
            copy.await?;
        }
        Ok(control.run("commit").await?)
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
        (0..self.tables.len()).collect()
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
        let copied: Vec<String> = copied.iter().map(|column| quote(column)).collect();
        let is_own = own == Some(schema) || own.is_none() && schema == "public";
        Some(Self {
            oid: cell(0)?.parse().ok()?,
            name: if is_own { name.to_owned() } else { format!("{schema}.{name}") },
            full: full(schema, name),
            columns,
            copied: copied.join(", "),
            is_large: false,
            rows: Vec::new(),
            data: Bytes::new(),
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
                "select null, count(*), pg_catalog.md5(pg_catalog.string_agg(\
                 pg_catalog.md5(t::text), '' order by pg_catalog.md5(t::text))) from only {table} t"
            );
        }
        format!("select t.ctid, t.* from only {table} as t")
    }

    fn copy(&self, direction: &str) -> String {
        match self.copied.as_str() {
            "" => format!("copy {} {direction}", self.full),
            columns => format!("copy {} ({columns}) {direction}", self.full),
        }
    }

    fn told(&self, rows: Vec<Row>) -> TableRows {
        let mut rows: Vec<Row> = rows.into_iter().map(|row| row[1..].to_vec()).collect();
        rows.sort();
        let columns = if self.is_large {
            vec!["rows".to_owned(), "digest".to_owned()]
        } else {
            self.columns.clone()
        };
        TableRows { table: self.name.clone(), columns, rows }
    }
}

fn full(schema: &str, name: &str) -> String {
    format!("{}.{}", quote(schema), quote(name))
}

/// Tables with rows of their own, and their columns: all, and those that are not computed.
const TABLES: &str = "select c.oid, n.nspname, c.relname, \
    coalesce((select json_agg(attname order by attnum) from pg_catalog.pg_attribute \
    where attrelid = c.oid and attnum > 0 and not attisdropped), '[]'), \
    coalesce((select json_agg(attname order by attnum) from pg_catalog.pg_attribute \
    where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = ''), '[]') \
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
    where c.relkind = 'r' and c.relpersistence <> 't'";
const TABLES_ORDER: &str = "order by 2, 3";

const SEQUENCES: &str = "select n.nspname, c.relname \
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
    where c.relkind = 'S' and c.relpersistence <> 't'";

/// From which table to which a foreign key leads.
const REFERENCES: &str =
    "select conrelid, confrelid from pg_catalog.pg_constraint where contype = 'f'";
