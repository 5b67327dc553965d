//! Results as libpq's `PQprint` draws them (PostgreSQL sources, `fe-print.c`): aligned, with a
//! header, without padding around cells.
//!
//! Its rules are older than psql's. A column is a column of numbers when all that stands in it
//! *looks* like numbers, whatever its type, so one without values is, too; widths are counted in
//! bytes, not in characters; a cell of several lines is not split.

use std::fmt::Write as _;

use crate::core::event::octets::length;
use crate::core::event::{Column, Row};

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

struct Drawn<'a> {
    name: &'a str,
    width: usize,
    side: Side,
}

/// A result's lines, the count of its rows and an empty line; nothing for a result without columns.
pub(super) fn drawn(columns: &[Column], rows: &[Row]) -> String {
    if columns.is_empty() {
        return String::new();
    }
    let columns: Vec<Drawn> =
        columns.iter().enumerate().map(|(place, column)| measure(column, place, rows)).collect();
    let rule: Vec<String> = columns.iter().map(|column| "-".repeat(column.width)).collect();
    let header = line(&columns, columns.iter().map(|column| column.name));
    let mut text = format!("{header}{}\n", rule.join("+"));
    for row in rows {
        text += &line(&columns, row.iter().map(|cell| cell.as_deref().unwrap_or_default()));
    }
    let plural = if rows.len() == 1 { "" } else { "s" };
    let _ = write!(text, "({} row{plural})\n\n", rows.len());
    text
}

fn measure<'a>(column: &'a Column, place: usize, rows: &[Row]) -> Drawn<'a> {
    let cells = || rows.iter().filter_map(|row| row.get(place)?.as_deref());
    let widest = cells().map(length).max().unwrap_or(0);
    let is_numeric = cells().filter(|cell| !cell.is_empty()).all(looks_like_a_number);
    let side = if is_numeric { Side::Right } else { Side::Left };
    Drawn { name: &column.name, width: widest.max(length(&column.name)), side }
}

/// A number to `PQprint`: digits, `.`, `E`, `e`, blanks and `-` in any order, but no `E` first and
/// a digit last.
fn looks_like_a_number(text: &str) -> bool {
    let is_part = |c: char| matches!(c, '0'..='9' | '.' | 'E' | 'e' | ' ' | '-');
    text.chars().all(is_part)
        && !text.starts_with(['E', 'e'])
        && text.ends_with(|c: char| c.is_ascii_digit())
}

fn line<'a>(columns: &[Drawn], cells: impl Iterator<Item = &'a str>) -> String {
    let padded = columns.iter().zip(cells).map(|(column, cell)| {
        let blanks = " ".repeat(column.width.saturating_sub(length(cell)));
        match column.side {
            Side::Left => format!("{cell}{blanks}"),
            Side::Right => format!("{blanks}{cell}"),
        }
    });
    padded.collect::<Vec<_>>().join("|") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&str], rows: &[&[Option<&str>]]) -> String {
        let column = |name: &&str| Column { name: (*name).to_owned(), type_oid: 25 };
        let columns: Vec<Column> = names.iter().map(column).collect();
        let row = |row: &&[Option<&str>]| row.iter().map(|cell| cell.map(str::to_owned)).collect();
        drawn(&columns, &rows.iter().map(row).collect::<Vec<Row>>())
    }

    #[test]
    fn numbers_stand_right_and_texts_left_with_their_blanks() {
        let text = table(&["id", "name"], &[&[Some("1"), Some("a")], &[Some("20"), Some("bcdef")]]);
        assert_eq!(text, "id|name \n--+-----\n 1|a    \n20|bcdef\n(2 rows)\n\n");
    }

    #[test]
    fn a_column_of_nothing_is_a_column_of_numbers() {
        assert_eq!(
            table(&["lock"], &[&[None], &[Some("")]]),
            "lock\n----\n    \n    \n(2 rows)\n\n"
        );
        assert_eq!(table(&["a", "b"], &[]), "a|b\n-+-\n(0 rows)\n\n");
    }

    #[test]
    fn widths_are_counted_in_bytes() {
        assert_eq!(table(&["é"], &[&[Some("abc")]]), "é \n---\nabc\n(1 row)\n\n");
    }

    #[test]
    fn a_byte_of_another_encoding_is_one_wide() {
        let cell = crate::core::event::octets::keep(b"caf\xe9");
        let text = table(&["x"], &[&[Some(&cell)]]);
        assert_eq!(text, format!("x   \n----\n{cell}\n(1 row)\n\n"));
    }

    #[test]
    fn a_result_without_columns_is_not_shown() {
        assert_eq!(table(&[], &[&[]]), "");
    }

    #[test]
    fn what_looks_like_a_number() {
        for (text, is_number) in [
            ("-1.5e10", true),
            ("2020-01-01", true),
            ("10 20", true),
            ("E10", false),
            ("5.", false),
            ("1e", false),
            ("0x10", false),
            ("10:20", false),
        ] {
            assert_eq!(looks_like_a_number(text), is_number, "{text}");
        }
    }
}
