//! The columns of a table, as psql has drawn them, and how they are drawn where that is too wide.
//!
//! ```text
//!  seat_row | seat_number | next_number    as psql draws it: a blank on either side of every value
//! ----------+-------------+-------------
//!  A        |           4 |           5
//!
//! seat_row|seat_number|next_number         without these blanks, where only that makes it fit
//! --------+-----------+-----------
//! A       |          4|          5
//! ```
//!
//! What does not fit even so keeps its blanks and is cut at the edge, where a sign says so.

use std::borrow::Cow;

use crate::stage::{text, wrap};

/// The widths of a table's columns, in cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    widths: Vec<usize>,
    /// Whether some value goes on in the next line, which is told in the blank behind it.
    goes_on: bool,
}

impl Columns {
    /// Reads them from the rule under the names; `table` is every line of it.
    pub fn of<'a>(rule: &str, table: impl IntoIterator<Item = &'a str>) -> Self {
        let widths = rule.split('+').map(|dashes| dashes.len().saturating_sub(2)).collect();
        let columns = Self { widths, goes_on: false };
        let goes_on = table.into_iter().any(|line| columns.goes_on_after(line));
        Self { goes_on, ..columns }
    }

    fn goes_on_after(&self, line: &str) -> bool {
        self.places().any(|(from, width)| &line[wrap::window(line, from + width, 1)] == "+")
    }

    /// Where each value begins, and how wide it is.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        self.widths.iter().scan(0, |from, width| {
            let begins = *from + 1;
            *from += width + 3;
            Some((begins, *width))
        })
    }

    /// How wide the table is where there is room for so many cells.
    pub fn width(&self, cells: usize) -> usize {
        let columns = self.widths.len();
        let values: usize = self.widths.iter().sum();
        let whole = values + (3 * columns).saturating_sub(1);
        let squeezed = values + columns.saturating_sub(1);
        if whole > cells && squeezed <= cells && !self.goes_on { squeezed } else { whole }
    }

    /// A line of the table, as it is drawn where there is room for so many cells.
    pub fn shown<'a>(&self, line: &'a str, cells: usize) -> Cow<'a, str> {
        let whole = self.width(usize::MAX);
        if self.width(cells) == whole {
            return Cow::Borrowed(line);
        }
        let value = |(from, width)| &line[wrap::window(line, from, width)];
        let between = if line.starts_with('-') { "+" } else { "|" };
        let last = self.widths.len().saturating_sub(1);
        let values = self.places().enumerate().map(|(nth, place)| match value(place) {
            value if nth == last => value.to_owned(),
            value => text::pad(value, place.1, ""),
        });
        Cow::Owned(values.collect::<Vec<_>>().join(between))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::Column;
    use crate::reports::psql;

    fn table(names: &[&str], row: &[&str]) -> Vec<String> {
        let column = |name: &&str| Column { name: (*name).to_owned(), type_oid: 25 };
        let columns: Vec<Column> = names.iter().map(column).collect();
        let row = row.iter().map(|value| Some((*value).to_owned())).collect();
        let mut lines = psql::result(&columns, &[row], 1);
        lines.pop();
        lines
    }

    fn shown(lines: &[String], cells: usize) -> Vec<String> {
        let rule = lines.iter().find(|line| line.starts_with('-')).unwrap();
        let columns = Columns::of(rule, lines.iter().map(String::as_str));
        lines.iter().map(|line| columns.shown(line, cells).into_owned()).collect()
    }

    #[test]
    fn a_table_that_fits_keeps_its_blanks() {
        let table = table(&["seat", "booked_by"], &["A-4", "Bob"]);
        assert_eq!(shown(&table, 18), table);
    }

    #[test]
    fn one_that_is_a_little_too_wide_goes_without_them() {
        let table = table(&["seat", "booked_by", "n"], &["A-4", "張偉", "e\u{301}"]);
        assert_eq!(
            shown(&table, 16),
            ["seat|booked_by|n", "----+---------+-", "A-4 |張偉     |e\u{301}"]
        );
    }

    #[test]
    fn one_that_does_not_fit_even_so_stays_as_it_is() {
        let table = table(&["seat", "booked_by"], &["A-4", "Bob"]);
        assert_eq!(shown(&table, 13), table);
    }

    #[test]
    fn a_value_of_several_lines_keeps_the_sign_that_it_goes_on() {
        let table = table(&["seat", "booked_by"], &["A-4\nA-5", "Bob"]);
        assert_eq!(shown(&table, 14), table);
    }
}
