//! A result in psql's expanded format (PostgreSQL sources, `print.c`, `print_aligned_vertical`,
//! border 1): a record a row, a column a line.

use std::iter::repeat_n;

use super::answer::{Drawn, Part};
use super::visible::{Line, visible};
use crate::core::event::{Column, Row};

/// The rows as records.
pub(super) fn expanded(columns: &[Column], rows: &[Row]) -> Vec<Drawn> {
    let names: Vec<Vec<Line>> = columns.iter().map(|column| visible(&column.name)).collect();
    let cell = |value: &Option<String>| visible(value.as_deref().unwrap_or_default());
    let rows: Vec<Vec<Vec<Line>>> =
        rows.iter().map(|row| row.iter().take(columns.len()).map(cell).collect()).collect();
    let widest = |cells: &[Vec<Line>]| {
        cells.iter().flatten().map(|line| line.width).max().unwrap_or_default()
    };
    let head = widest(&names);
    let data = rows.iter().map(|row| widest(row)).max().unwrap_or_default();
    let data = data.max(room_beside_a_sign(&rows, head));
    let mut lines = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        lines.push((Part::Rule, rule(number + 1, head, data)));
        for (name, value) in names.iter().zip(row) {
            lines.extend(column(name, value, head, data));
        }
    }
    lines
}

/// How wide values are at least, where one goes on in the next line: the sign for that stands under
/// the end of the rule.
fn room_beside_a_sign(rows: &[Vec<Vec<Line>>], head: usize) -> usize {
    let goes_on = rows.iter().flatten().any(|value| value.len() > 1);
    let rule = label(rows.len()).len();
    if goes_on { rule.saturating_sub(head + 4) } else { 0 }
}

fn label(number: usize) -> String {
    format!("-[ RECORD {number} ]")
}

/// The rule over a record: dashes as wide as its lines, and a cross where the names end.
fn rule(number: usize, head: usize, data: usize) -> String {
    let whole = head + 3 + data;
    let mut rule = label(number);
    rule.extend(repeat_n('-', head.saturating_sub(rule.len())));
    while rule.len() < whole {
        rule.push(if rule.len() == head + 1 { '+' } else { '-' });
    }
    rule
}

/// A column of a record: its name and its value, either of which may have several lines.
fn column(name: &[Line], value: &[Line], head: usize, data: usize) -> Vec<Drawn> {
    let blank = Line::default();
    let height = name.len().max(value.len());
    let line = |nth: usize| {
        let (left, right) = (name.get(nth).unwrap_or(&blank), value.get(nth));
        let goes_on = if nth + 1 < name.len() { '+' } else { ' ' };
        let mut text = padded(left, head);
        text.push(goes_on);
        text.push('|');
        if let Some(right) = right {
            text.push(' ');
            if nth + 1 < value.len() {
                text.push_str(&padded(right, data));
                text.push('+');
            } else {
                text.push_str(&right.text);
            }
        }
        (Part::Row, text)
    };
    (0..height).map(line).collect()
}

fn padded(line: &Line, width: usize) -> String {
    let blanks = repeat_n(' ', width.saturating_sub(line.width));
    line.text.chars().chain(blanks).collect()
}
