//! What rows say that are not the same in every class.

use std::collections::BTreeSet;

use super::Aspect;
use crate::explorer::outcome::{Outcome, Reply, Said, Table, Value};

type Row = Vec<Value>;

/// The same rows in each class, with other values in some columns: for each row, these. Other rows:
/// those that are not everywhere.
pub(super) fn of_tables(outcomes: &[&Outcome]) -> Vec<Aspect> {
    let names: BTreeSet<&str> =
        outcomes.iter().flat_map(|it| &it.tables).map(|table| table.name.as_str()).collect();
    let of = |name: &str| {
        let own = outcomes.iter().map(|it| it.tables.iter().find(|table| table.name == name));
        let tables: Option<Vec<&Table>> = own.collect();
        tables.map(|tables| of_table(bare(name), &tables)).unwrap_or_default()
    };
    names.into_iter().flat_map(of).collect()
}

fn of_table(name: &str, tables: &[&Table]) -> Vec<Aspect> {
    let rows: Vec<&[Row]> = tables.iter().map(|table| table.rows.as_slice()).collect();
    let columns = tables.first().map_or(&[][..], |table| &table.columns);
    match key(&rows, columns.len()) {
        Some(key) => of_keyed(&rows, columns, key),
        None => vec![of_set(name, &rows)],
    }
}

/// How many of the first columns tell the rows of every class apart and are the same in all.
fn key(rows: &[&[Row]], columns: usize) -> Option<usize> {
    let keys = |rows: &[Row], size: usize| -> BTreeSet<Row> {
        rows.iter().map(|row| row.iter().take(size).cloned().collect()).collect()
    };
    let is_key = |size: usize| {
        let first = rows.first().map(|rows| keys(rows, size)).unwrap_or_default();
        rows.iter().all(|rows| rows.len() == first.len() && keys(rows, size) == first)
    };
    (0..columns).find(|&size| is_key(size))
}

/// `A-4 Bob`: a row's key, and the values of the columns that are not the same everywhere.
fn of_keyed(rows: &[&[Row]], columns: &[String], key: usize) -> Vec<Aspect> {
    let first = rows.first().copied().unwrap_or_default();
    let of_row = |row: &Row| {
        let own: Option<Vec<&Row>> =
            rows.iter().map(|rows| rows.iter().find(|it| it[..key] == row[..key])).collect();
        let own = own?;
        let differs = |column: &usize| own.iter().any(|row| row[*column] != own[0][*column]);
        let apart: Vec<usize> = (key..columns.len()).filter(differs).collect();
        (!apart.is_empty()).then(|| {
            let name = match key {
                0 => apart.iter().map(|&it| columns[it].clone()).collect::<Vec<_>>().join("/"),
                _ => joined(row[..key].iter(), "-"),
            };
            let values = own.iter().map(|row| joined(apart.iter().map(|&it| &row[it]), "/"));
            values.map(|value| format!("{name} {value}")).collect()
        })
    };
    first.iter().filter_map(of_row).collect()
}

/// `tickets Alice, Bob`: the rows that are not in every class, by the columns that differ between
/// these.
fn of_set(name: &str, rows: &[&[Row]]) -> Aspect {
    let everywhere = |row: &Row| rows.iter().all(|rows| rows.contains(row));
    let some: Vec<&Row> =
        rows.iter().flat_map(|rows| rows.iter()).filter(|row| !everywhere(row)).collect();
    let width = some.first().map_or(0, |row| row.len());
    let differs = |column: &usize| some.iter().any(|row| row.get(*column) != some[0].get(*column));
    let mut apart: Vec<usize> = (0..width).filter(differs).collect();
    if apart.is_empty() {
        apart = (0..width).collect();
    }
    let of = |rows: &&[Row]| {
        let own = rows.iter().filter(|row| some.contains(row));
        let own: Vec<String> =
            own.map(|row| joined(apart.iter().filter_map(|&it| row.get(it)), "-")).collect();
        let own = if own.is_empty() { "none".to_owned() } else { own.join(", ") };
        format!("{name} {own}")
    };
    rows.iter().map(of).collect()
}

/// What the statements of the `finally` part show.
pub(super) fn of_finally(outcomes: &[&Outcome]) -> Vec<Aspect> {
    let statements = outcomes.iter().map(|it| it.finally.len()).max().unwrap_or(0);
    let of = |statement| {
        let said = outcomes.iter().map(|it| it.finally.get(statement));
        of_said("the end", &said.collect::<Vec<_>>())
    };
    (0..statements).map(of).collect()
}

/// What a session's steps were answered, one after the other.
pub(super) fn of_answers(who: &str, session: usize, outcomes: &[&Outcome]) -> Vec<Aspect> {
    let steps = outcomes.first().map_or(0, |it| it.replies[session].len());
    let of_step = |step: usize| {
        let replies = outcomes.iter().map(|it| &it.replies[session][step]);
        let replies: Vec<&[Said]> = replies.map(answered).collect();
        let statements = replies.iter().map(|said| said.len()).max().unwrap_or(0);
        let of = move |statement| {
            let said: Vec<_> = replies.iter().map(|said| said.get(statement)).collect();
            of_said(who, &said)
        };
        (0..statements).map(of).collect::<Vec<_>>()
    };
    (0..steps).flat_map(of_step).collect()
}

fn answered(reply: &Reply) -> &[Said] {
    match reply {
        Reply::Answered(said) => said,
        Reply::Waits | Reply::NotSent => &[],
    }
}

fn of_said(what: &str, said: &[Option<&Said>]) -> Aspect {
    let rows: Option<Vec<&[Row]>> = said
        .iter()
        .map(|said| match said {
            Some(Said::Rows { rows, .. }) => Some(rows.as_slice()),
            _ => None,
        })
        .collect();
    if let Some(rows) = rows {
        return of_set(&format!("{what} sees"), &rows);
    }
    // An error is told of its session already, and what was not answered of who waits.
    let shown = said.iter().map(|said| said.map(|said| plain(what, said)).unwrap_or_default());
    shown.collect()
}

fn plain(what: &str, said: &Said) -> String {
    match said {
        Said::Rows { rows, .. } if rows.is_empty() => format!("{what} sees none"),
        Said::Rows { rows, .. } => {
            let rows: Vec<String> = rows.iter().map(|row| joined(row.iter(), "-")).collect();
            format!("{what} sees {}", rows.join(", "))
        }
        Said::Done(tag) => format!("{what} {tag}"),
        Said::Failed(code) => format!("{what} {code}"),
        Said::Lost => format!("{what} lost"),
    }
}

fn joined<'a>(values: impl Iterator<Item = &'a Value>, between: &str) -> String {
    let told: Vec<&Value> = values.collect();
    // Beside other values nothing is said of a null.
    let all: Vec<String> = told
        .iter()
        .filter(|value| told.len() == 1 || ***value != Value::Null)
        .map(|value| value.to_string().trim().to_owned())
        .collect();
    if all.is_empty() { "null".to_owned() } else { all.join(between) }
}

fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}
