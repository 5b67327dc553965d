//! Rows: whether one is as a file writes it, and whether a result has exactly the rows that a file
//! lists.

use super::Verdict;
use super::answer::Outcome;
use crate::core::scenario::{Cell, Expected, Order, rows};

/// Whether this is the row that the line means.
pub(super) fn is_row(expected: &Expected, outcome: &Outcome) -> bool {
    let Outcome::Row { columns, values } = outcome else { return false };
    match expected {
        Expected::Row(cells) => fits(cells, values),
        Expected::Only(wanted) => wanted.iter().all(|(name, cell)| {
            let at = columns.iter().position(|column| column == name);
            at.is_some_and(|at| is_value(cell, values[at].as_deref()))
        }),
        _ => false,
    }
}

/// Whether the values are those of the cells. A value that itself has a `|` in it counts as several
/// where it is not in quotes.
fn fits(cells: &[Cell], values: &[Option<String>]) -> bool {
    let mut cells = cells.iter();
    for value in values {
        let value = value.as_deref();
        let is_kept = match cells.next() {
            None => false,
            Some(Cell::Plain(first)) => {
                let mut pieces = value.unwrap_or_default().split('|').map(str::trim);
                pieces.next() == Some(first.as_str())
                    && pieces.all(|piece| cells.next().is_some_and(|it| is_value(it, Some(piece))))
            }
            Some(cell) => is_value(cell, value),
        };
        if !is_kept {
            return false;
        }
    }
    cells.next().is_none()
}

fn is_value(cell: &Cell, value: Option<&str>) -> bool {
    match cell {
        Cell::Any => true,
        Cell::Quoted(wanted) => value == Some(wanted),
        Cell::Plain(wanted) => value.unwrap_or_default().trim() == wanted,
    }
}

/// A result: its rows, and how many it had in all.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) rows: &'a [Outcome],
    count: u64,
    /// Where it ends among the outcomes.
    pub(super) end: usize,
}

/// The results among these outcomes from a place on.
pub(super) fn results(outcomes: &[Outcome], from: usize) -> Vec<Table<'_>> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, outcome) in outcomes.iter().enumerate().skip(from) {
        match outcome {
            Outcome::Row { .. } => _ = start.get_or_insert(at),
            Outcome::Done { rows: Some(count), .. } => {
                let rows = &outcomes[start.take().unwrap_or(at)..at];
                found.push(Table { rows, count: *count, end: at + 1 });
            }
            // A function that raises a notice for each row has them come between the rows.
            Outcome::Said { .. } | Outcome::Asked(_) => {}
            _ => start = None,
        }
    }
    found
}

/// How a `rows:` line and the rows under it fare with this result.
pub(super) fn judge_whole(order: Order, lines: &[&Expected], table: Table) -> Vec<Verdict> {
    // The server's count: of a long result only the first rows are told.
    let has_all = u64::try_from(lines.len()).is_ok_and(|count| count == table.count);
    let head = if has_all { Verdict::Kept } else { Verdict::Broken { found: rows(table.count) } };
    let places = match order {
        Order::AsWritten => in_order(lines, table.rows),
        Order::Any => in_any_order(lines, table.rows),
    };
    let verdict = |(nth, place): (usize, Option<usize>)| match place {
        Some(_) => Verdict::Kept,
        None => Verdict::Broken { found: instead(order, nth, &places, table.rows) },
    };
    std::iter::once(head).chain(places.iter().copied().enumerate().map(verdict)).collect()
}

fn in_order(lines: &[&Expected], rows: &[Outcome]) -> Vec<Option<usize>> {
    let is_there = |(nth, line): (usize, &&Expected)| {
        rows.get(nth).filter(|row| is_row(line, row)).map(|_| nth)
    };
    lines.iter().enumerate().map(is_there).collect()
}

/// Gives each line a row of its own, so that as many as possible have one: a line with a `*` leaves
/// its row to one that needs it.
fn in_any_order(lines: &[&Expected], rows: &[Outcome]) -> Vec<Option<usize>> {
    let mut taken: Vec<Option<usize>> = vec![None; rows.len()];
    for nth in 0..lines.len() {
        let mut tried = vec![false; rows.len()];
        give(nth, lines, rows, &mut taken, &mut tried);
    }
    (0..lines.len()).map(|nth| taken.iter().position(|line| *line == Some(nth))).collect()
}

fn give(
    nth: usize,
    lines: &[&Expected],
    rows: &[Outcome],
    taken: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for at in 0..rows.len() {
        if tried[at] || !is_row(lines[nth], &rows[at]) {
            continue;
        }
        tried[at] = true;
        // A row that is taken is given up if its line finds another: an augmenting path of Kuhn's
        // algorithm for matchings. The first fit is not enough, for lines `*` and `1` and rows 1
        // and 2.
        if taken[at].is_none_or(|other| give(other, lines, rows, taken, tried)) {
            taken[at] = Some(nth);
            return true;
        }
    }
    false
}

fn instead(order: Order, nth: usize, places: &[Option<usize>], rows: &[Outcome]) -> String {
    let other = match order {
        Order::AsWritten => rows.get(nth),
        Order::Any => {
            let free = |at: &usize| !places.contains(&Some(*at));
            (0..rows.len()).find(free).and_then(|at| rows.get(at))
        }
    };
    other.map_or_else(|| "no further row".to_owned(), Outcome::describe)
}
