//! A result in psql's aligned format (PostgreSQL sources, `print.c`, `print_aligned_text`, border
//! 1).

use std::iter::repeat_n;

use unicode_width::UnicodeWidthStr;

use super::answer::{Drawn, Part};
use super::visible::{Line, visible};
use crate::core::event::{Column, Row};

/// A result as psql draws it, without the empty line that psql prints after it.
///
/// Of `total` rows, `rows` are those that were kept; the footer says so when they are fewer.
pub fn result(columns: &[Column], rows: &[Row], total: u64) -> Vec<String> {
    let lines = Table::new(columns, rows).drawn(None).into_iter().map(|(_, text)| text);
    lines.chain([footer(rows.len() as u64, total)]).collect()
}

/// `(3 rows)`, or what is missing of them.
pub fn footer(shown: u64, total: u64) -> String {
    if shown < total {
        return format!("({total} rows, the first {shown} are shown)");
    }
    crate::core::scenario::rows(total)
}

/// A cell: its lines, of which there is at least one.
type Cell = Vec<Line>;

pub(super) struct Table {
    names: Vec<Cell>,
    right: Vec<bool>,
    rows: Vec<Vec<Cell>>,
    widths: Vec<usize>,
}

impl Table {
    pub(super) fn new(columns: &[Column], rows: &[Row]) -> Self {
        let names: Vec<Cell> = columns.iter().map(|column| visible(&column.name)).collect();
        let cell = |value: &Option<String>| visible(value.as_deref().unwrap_or_default());
        let rows: Vec<Vec<Cell>> =
            rows.iter().map(|row| row.iter().take(columns.len()).map(cell).collect()).collect();
        let mut widths: Vec<usize> = names.iter().map(|name| width(name)).collect();
        for (nth, cell) in rows.iter().flat_map(|row| row.iter().enumerate()) {
            widths[nth] = widths[nth].max(width(cell));
        }
        Self { names, right: columns.iter().map(Column::is_right_aligned).collect(), rows, widths }
    }

    /// How wide it is, in cells.
    pub(super) fn width(&self) -> usize {
        let values: usize = self.widths.iter().sum();
        values + (3 * self.widths.len()).saturating_sub(1)
    }

    /// Its lines, without the count of its rows.
    pub(super) fn drawn(&self, title: Option<&str>) -> Vec<Drawn> {
        let mut lines: Vec<Drawn> = title.map(|title| self.title(title)).into_iter().collect();
        lines.extend(self.header().into_iter().map(|text| (Part::Heading, text)));
        lines.push((Part::Rule, self.rule()));
        let rows = self.rows.iter().flat_map(|row| self.row(row));
        lines.extend(rows.map(|text| (Part::Row, text)));
        lines
    }

    /// The title in the middle over the table.
    fn title(&self, title: &str) -> Drawn {
        let title = super::one_line(title);
        let space = self.width().saturating_sub(title.width());
        (Part::Title, format!("{}{title}", blanks(space / 2)))
    }

    /// The names, centred. Each column that goes on below has a `+`.
    fn header(&self) -> Vec<String> {
        let height = self.names.iter().map(Vec::len).max().unwrap_or(0);
        (0..height)
            .map(|nth| {
                let cells = self.names.iter().zip(&self.widths).map(|(name, &width)| {
                    let end = if nth + 1 < name.len() { "+" } else { " " };
                    format!(" {}{end}", centred(name.get(nth), width))
                });
                cells.collect::<Vec<_>>().join("|")
            })
            .collect()
    }

    fn rule(&self) -> String {
        if self.widths.is_empty() {
            return "--".to_owned();
        }
        self.widths.iter().map(|width| "-".repeat(width + 2)).collect::<Vec<_>>().join("+")
    }

    fn row(&self, row: &[Cell]) -> Vec<String> {
        let height = row.iter().map(Vec::len).max().unwrap_or(0);
        (0..height)
            .map(|nth| {
                let cells =
                    row.iter().enumerate().map(|(column, cell)| self.cell(column, cell, nth));
                cells.collect::<Vec<_>>().join("|")
            })
            .collect()
    }

    /// One line of a cell, with its blank in front. The last column is not padded.
    fn cell(&self, column: usize, cell: &[Line], nth: usize) -> String {
        let line = cell.get(nth).cloned().unwrap_or_default();
        let padding = blanks(self.widths[column] - line.width);
        let goes_on = nth + 1 < cell.len();
        let is_last = column + 1 == self.widths.len();
        let end = match (goes_on, is_last) {
            (true, _) => "+",
            (false, false) => " ",
            (false, true) => "",
        };
        match self.right[column] {
            true if nth < cell.len() => format!(" {padding}{}{end}", line.text),
            _ if is_last && !goes_on => format!(" {}", line.text),
            _ => format!(" {}{padding}{end}", line.text),
        }
    }
}

fn width(cell: &[Line]) -> usize {
    cell.iter().map(|line| line.width).max().unwrap_or(0)
}

fn centred(line: Option<&Line>, width: usize) -> String {
    let line = line.cloned().unwrap_or_default();
    let space = width - line.width;
    format!("{}{}{}", blanks(space / 2), line.text, blanks(space.div_ceil(2)))
}

fn blanks(count: usize) -> String {
    repeat_n(' ', count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INT: u32 = 23;
    const TEXT: u32 = 25;

    fn column(name: &str, type_oid: u32) -> Column {
        Column { name: name.to_owned(), type_oid }
    }

    fn row(values: &[&str]) -> Row {
        values.iter().map(|value| Some((*value).to_owned())).collect()
    }

    #[test]
    fn a_result_is_drawn_as_psql_draws_it() {
        let columns = [column("seat_row", TEXT), column("n", INT), column("booked_by", TEXT)];
        let rows =
            [row(&["A", "4", "Bob"]), vec![Some("A".to_owned()), Some("15".to_owned()), None]];
        assert_eq!(
            result(&columns, &rows, 2),
            [
                " seat_row | n  | booked_by ",
                "----------+----+-----------",
                " A        |  4 | Bob",
                " A        | 15 | ",
                "(2 rows)",
            ]
        );
    }

    #[test]
    fn rows_that_were_not_kept_are_told() {
        let lines = result(&[column("n", INT)], &[row(&["1"])], 3000);
        assert_eq!(lines.last().unwrap(), "(3000 rows, the first 1 are shown)");
    }
}
