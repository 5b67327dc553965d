//! Reads answers and tables, and numbers what is noise as it is met.

use std::collections::BTreeMap;

use super::{Answered, Noise, Reply, Said, Table, TableRows, Value};
use super::{ServerMessage, answer};
use crate::core::event::Column;
use crate::explorer::outcome::AnswerColumn;

type Cells = Vec<Option<String>>;

/// What has been met so far: for each kind of noise, its values.
pub(super) struct Reader<'a> {
    noise: &'a Noise,
    met: BTreeMap<String, BTreeMap<String, usize>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(noise: &'a Noise) -> Self {
        Self { noise, met: BTreeMap::new() }
    }

    pub(super) fn answered(&mut self, session: usize, step: usize, answered: &Answered) -> Reply {
        let noise = self.noise;
        let is_fixed = |statement| noise.is_fixed((session, step, statement));
        let mut said = self.said(&answered.outcomes, is_fixed, |(statement, column), name, oid| {
            noise.of_answer(AnswerColumn { session, step, statement, column }, name, oid)
        });
        if answered.lost.is_some() {
            said.push(Said::Lost);
        }
        Reply::Answered(said)
    }

    pub(super) fn finally(&mut self, outcomes: &[answer::Outcome]) -> Vec<Said> {
        let noise = self.noise;
        let is_fixed = |statement| noise.is_fixed_finally(statement);
        self.said(outcomes, is_fixed, |at, name, oid| noise.of_finally(at, name, oid))
    }

    pub(super) fn tables(&mut self, tables: &[TableRows]) -> Vec<Table> {
        let mut tables: Vec<&TableRows> = tables.iter().collect();
        tables.sort_by(|a, b| a.table.cmp(&b.table));
        tables.into_iter().map(|table| self.table(table)).collect()
    }

    fn table(&mut self, table: &TableRows) -> Table {
        let columns = table.columns.iter();
        let of: Vec<_> = columns.map(|name| self.noise.of_table(&table.table, name)).collect();
        let rows = self.rows(&table.rows, &of);
        Table { name: table.table.clone(), columns: table.columns.clone(), rows }
    }

    fn said(
        &mut self,
        outcomes: &[answer::Outcome],
        is_fixed: impl Fn(usize) -> bool,
        of: impl Fn((usize, usize), &str, u32) -> Option<String>,
    ) -> Vec<Said> {
        let each = outcomes.iter().enumerate();
        each.map(|(statement, outcome)| match outcome {
            answer::Outcome::Done { tag } => Said::Done(tag.clone()),
            answer::Outcome::Failed(ServerMessage { code, .. }) => Said::Failed(code.clone()),
            answer::Outcome::Result { columns, rows, count, tag } => {
                let name = |(nth, column): (usize, &Column)| {
                    of((statement, nth), &column.name, column.type_oid)
                };
                let of: Vec<_> = columns.iter().enumerate().map(name).collect();
                Said::Rows {
                    columns: columns.iter().map(|column| column.name.clone()).collect(),
                    rows: if is_fixed(statement) {
                        rows.iter().map(|row| self.row(row, &of)).collect()
                    } else {
                        self.rows(rows, &of)
                    },
                    count: *count,
                    tag: tag.clone(),
                }
            }
        })
        .collect()
    }

    /// Rows in an order of their own: by what is not noise, then by what has been met before. Rows
    /// that are alike in both are met here first, and which of them has which number says nothing.
    fn rows(&mut self, rows: &[Cells], of: &[Option<String>]) -> Vec<Vec<Value>> {
        let mut rows: Vec<&Cells> = rows.iter().collect();
        rows.sort_by_cached_key(|row| self.known(row, of));
        let mut read: Vec<Vec<Value>> = rows.into_iter().map(|row| self.row(row, of)).collect();
        read.sort();
        read
    }

    /// What is known of a row: its plain values, and the numbers of what has been met before.
    fn known(&self, row: &Cells, of: &[Option<String>]) -> (Vec<Option<String>>, Vec<usize>) {
        let cells = row.iter().zip(of);
        let plain =
            cells.clone().map(|(cell, of)| match (cell, kind(cell.as_deref(), of.as_deref())) {
                (Some(text), None) => Some(text.clone()),
                _ => None,
            });
        let numbers = cells.filter_map(|(cell, of)| {
            let (cell, of) = (cell.as_ref()?, kind(cell.as_deref(), of.as_deref())?);
            Some(self.met.get(of).and_then(|met| met.get(cell)).copied().unwrap_or(usize::MAX))
        });
        (plain.collect(), numbers.collect())
    }

    fn row(&mut self, row: &Cells, of: &[Option<String>]) -> Vec<Value> {
        let cells = row.iter().zip(of);
        cells
            .map(|(cell, of)| match (cell, kind(cell.as_deref(), of.as_deref())) {
                (None, _) => Value::Null,
                (Some(text), None) => Value::Text(text.clone()),
                (Some(text), Some(of)) => self.alias(text, of),
            })
            .collect()
    }

    fn alias(&mut self, text: &str, of: &str) -> Value {
        let met = self.met.entry(of.to_owned()).or_default();
        let next = met.len() + 1;
        let number = *met.entry(text.to_owned()).or_insert(next);
        Value::Alias { of: of.to_owned(), number }
    }
}

/// Whose values this is one of, if it is noise: its column's, or a moment.
fn kind<'a>(cell: Option<&str>, of: Option<&'a str>) -> Option<&'a str> {
    of.or_else(|| cell.is_some_and(is_moment).then_some("moment"))
}

/// Whether it is a moment that a clock gave: `2026-11-29 21:22:41.123456+00`. One that somebody has
/// written down has no fractions of a second.
pub fn is_moment(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| {
        text.get(range).is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let shape = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':'), (19, b'.')];
    let bytes = text.as_bytes();
    shape.iter().all(|&(at, sign)| bytes.get(at) == Some(&sign))
        && [0..4, 5..7, 8..10, 11..13, 14..16, 17..19, 20..21].into_iter().all(digits)
        && text.len() <= "2026-11-29 21:22:41.123456+00:00:00".len()
}

#[cfg(test)]
mod tests {
    use super::is_moment;

    #[test]
    fn a_clock_is_told_from_a_date_that_somebody_wrote() {
        assert!(is_moment("2026-11-29 21:22:41.123456+00"));
        assert!(is_moment("2026-11-29 21:22:41.1"));
        assert!(!is_moment("2026-11-29 21:22:41+00"));
        assert!(!is_moment("2026-11-29"));
        assert!(!is_moment("a 2026-11-29 21:22:41.123456 b"));
    }
}
