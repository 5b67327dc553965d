//! An answer in the form that was asked for, line by line, each with what it is.

use super::expanded::expanded;
use super::sheet;
use super::table::{Table, footer};
use crate::core::event::{Column, Form, Row, Typed};

/// What a line of an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It stands over a table.
    Title,
    /// Column names.
    Heading,
    /// The rule under them, or the one over a record.
    Rule,
    /// A row, or a column of a record.
    Row,
    /// It stands under a table and says more of it.
    Footer,
    /// How many rows there are.
    Count,
    /// A sentence in the place of a table.
    Said,
}

/// A line and what it is.
pub type Drawn = (Part, String);

/// The result of a statement as psql shows it in this form. `cells` is how wide the room for it is,
/// if that is known; of `total` rows, `rows` are those that were kept.
pub fn answer(
    form: &Form,
    columns: &[Column],
    rows: &[Row],
    total: u64,
    cells: Option<usize>,
) -> Vec<Drawn> {
    let table = |title: Option<&str>| aligned(title, columns, rows, total);
    match form {
        Form::Expanded => records(columns, rows, total),
        Form::Auto if cells.is_some_and(|cells| Table::new(columns, rows).width() > cells) => {
            records(columns, rows, total)
        }
        Form::Kept { .. } => match total {
            0 => said("no rows returned for \\gset"),
            1 => Vec::new(),
            _ => said("more than one row returned for \\gset"),
        },
        Form::List { none: Some(none), .. } if total == 0 => said(none),
        Form::List { title, .. } => table(Some(title)),
        Form::Sheets { none } if total == 0 => said(none),
        Form::Sheets { .. } => sheet::sheets(rows, total),
        Form::Table | Form::Auto | Form::Said(_) | Form::Set { .. } => table(None),
    }
}

/// A sentence, a line each.
pub fn said(text: &str) -> Vec<Drawn> {
    text.lines().flat_map(super::visible).map(|line| (Part::Said, line.text)).collect()
}

/// What stands over the answer to a query that is sent again: psql's `(every 2s)`.
pub fn again(typed: &Typed) -> Option<String> {
    let every = typed.every.filter(|_| typed.line.is_empty())?;
    Some(format!("(every {}s)", every.as_secs_f64()))
}

fn aligned(title: Option<&str>, columns: &[Column], rows: &[Row], total: u64) -> Vec<Drawn> {
    let mut lines = Table::new(columns, rows).drawn(title);
    lines.push((Part::Count, footer(rows.len() as u64, total)));
    lines
}

fn records(columns: &[Column], rows: &[Row], total: u64) -> Vec<Drawn> {
    let mut lines = if columns.is_empty() { Vec::new() } else { expanded(columns, rows) };
    let kept = rows.len() as u64;
    if columns.is_empty() || total == 0 || kept < total {
        lines.push((Part::Count, footer(kept, total)));
    }
    lines
}
