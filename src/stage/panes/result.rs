//! A result on its way: shown while it comes, drawn anew when it is whole.
//!
//! How wide a column is depends on every row, so rows that came in later can widen what is already
//! on the screen. Drawing anew only each time the rows have doubled keeps the sum of that work in
//! proportion to the rows.

use std::sync::Arc;

use super::scrollback::{Columns, Line, Look};
use crate::core::event::{Column, ROWS_KEPT, Row};
use crate::reports::psql;

/// How much of one value is kept, in bytes: a thousand rows of a mebibyte each would fill the
/// memory.
const VALUE_KEPT: usize = 2 * 1024;

/// The columns and rows so far.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The number of the first line of its drawing.
    pub from: u64,
    columns: Vec<Column>,
    rows: Vec<Row>,
    drawn: usize,
}

impl Incoming {
    /// A result whose columns are known, to be drawn from this line on.
    pub fn new(columns: Vec<Column>, from: u64) -> Self {
        Self { from, columns, rows: Vec::new(), drawn: 0 }
    }

    /// Takes rows in; whether it is time to draw them.
    pub fn take(&mut self, rows: &[Row]) -> bool {
        let room = ROWS_KEPT.saturating_sub(self.rows.len());
        self.rows.extend(
            rows.iter()
                .take(room)
                .map(|row| row.iter().map(|value| shortened(value.as_ref())).collect()),
        );
        let is_due = self.rows.len() >= 2 * self.drawn || self.rows.len() == ROWS_KEPT;
        if is_due {
            self.drawn = self.rows.len();
        }
        is_due
    }

    /// The result as psql draws it; without its count while more may come, and nothing before the
    /// first row: a statement that fails has no result, and columns alone stand over nothing.
    pub fn lines(&self, count: Option<u64>) -> Vec<Line> {
        if count.is_none() && self.rows.is_empty() {
            return Vec::new();
        }
        let told = count.unwrap_or(self.rows.len() as u64);
        let mut lines = looks(&psql::result(&self.columns, &self.rows, told));
        if count.is_none() {
            lines.pop();
        }
        lines
    }
}

fn shortened(value: Option<&String>) -> Option<String> {
    let value = value?;
    if value.len() <= VALUE_KEPT {
        return Some(value.clone());
    }
    let kept = &value[..value.floor_char_boundary(VALUE_KEPT)];
    Some(format!("{kept}... ({} bytes in total)", value.len()))
}

/// Column names above the rule, rows below it, the count last.
fn looks(text: &[String]) -> Vec<Line> {
    let is_rule =
        |line: &String| line.starts_with('-') && line.bytes().all(|b| b == b'-' || b == b'+');
    let rule = text.iter().position(is_rule).unwrap_or(0);
    let last = text.len().saturating_sub(1);
    let look = |index: usize| match index {
        _ if index == last => Look::Tag,
        _ if index < rule => Look::Heading,
        _ if index == rule => Look::Rule,
        _ => Look::Row,
    };
    let columns =
        text.get(rule).map(|rule| Columns::of(rule, text[..last].iter().map(String::as_str)));
    let columns = Arc::new(columns.unwrap_or_default());
    let line = |(index, text): (usize, &String)| {
        let line = Line::new(look(index), text);
        if index == last { line } else { line.of(&columns) }
    };
    text.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(incoming: &Incoming, count: Option<u64>) -> Vec<String> {
        incoming.lines(count).iter().map(|line| line.shown(80).trim_end().to_owned()).collect()
    }

    #[test]
    fn columns_without_rows_are_shown_only_with_their_count() {
        let column = Column { name: "n".to_owned(), type_oid: 23 };
        let mut incoming = Incoming::new(vec![column], 0);
        assert!(texts(&incoming, None).is_empty(), "an error follows");
        assert_eq!(texts(&incoming, Some(0)), [" n", "---", "(0 rows)"]);
        incoming.take(&[vec![Some("1".to_owned())]]);
        assert_eq!(texts(&incoming, None), [" n", "---", " 1"]);
    }
}
