//! Sheets that describe objects: the title, a table, and what else there is to say of it
//! (PostgreSQL sources, `describe.c`). The query has put everything together; a row of its result
//! is the sheet's number, which part it is, and the cells as JSON.

use super::answer::{Drawn, Part};
use super::table::Table;
use super::visible::visible;
use crate::core::event::{Column, Row};

/// What a row of the result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Title,
    Heads,
    Row,
    Footer,
}

/// A sheet as it is put together.
#[derive(Default)]
struct Sheet {
    title: String,
    columns: Vec<Column>,
    rows: Vec<Row>,
    /// Each with the heading under which it stands.
    footers: Vec<(String, String)>,
}

/// Types that are aligned to the left, and to the right: `text` and `int8` (`pg_type.dat`).
const TEXT: u32 = 25;
const NUMBER: u32 = 20;

/// The sheets in these rows, which are those that were kept of so many. What is missing is said.
pub(super) fn sheets(rows: &[Row], total: u64) -> Vec<Drawn> {
    let mut lines: Vec<Drawn> = Vec::new();
    let mut shown = 0;
    for rows in rows.chunk_by(|one, other| one.first() == other.first()) {
        let mut sheet = Sheet::default();
        let pieces: Vec<_> = rows.iter().filter_map(read).collect();
        let count = pieces.len() as u64;
        for (piece, cells) in pieces {
            sheet.take(piece, cells);
        }
        if sheet.columns.is_empty() {
            continue;
        }
        shown += count;
        if !lines.is_empty() {
            lines.push((Part::Footer, String::new()));
        }
        lines.extend(sheet.drawn());
    }
    if shown < total {
        let missing = format!("({} of {total} lines of this cannot be shown)", total - shown);
        lines.push((Part::Footer, missing));
    }
    lines
}

fn read(row: &Row) -> Option<(Piece, Vec<String>)> {
    let [_, Some(part), Some(cells)] = &row[..] else { return None };
    let piece = match part.parse::<u32>().ok()? {
        1 => Piece::Title,
        2 => Piece::Heads,
        3 => Piece::Row,
        4.. => Piece::Footer,
        0 => return None,
    };
    let cells: Vec<Option<String>> = serde_json::from_str(cells).ok()?;
    Some((piece, cells.into_iter().map(Option::unwrap_or_default).collect()))
}

impl Sheet {
    fn take(&mut self, piece: Piece, cells: Vec<String>) {
        match (piece, &cells[..]) {
            (Piece::Title, [title, ..]) => self.title.clone_from(title),
            (Piece::Heads, heads) => self.columns = heads.iter().map(|head| column(head)).collect(),
            (Piece::Row, _) => self.rows.push(cells.into_iter().map(Some).collect()),
            (Piece::Footer, [heading, text]) => {
                self.footers.push((heading.clone(), text.clone()));
            }
            _ => {}
        }
    }

    fn drawn(&self) -> Vec<Drawn> {
        let mut lines = Table::new(&self.columns, &self.rows).drawn(Some(&self.title));
        let mut under = "";
        for (heading, text) in &self.footers {
            if heading != under && !heading.is_empty() {
                lines.push((Part::Footer, heading.clone()));
            }
            under = heading;
            lines.extend(visible(text).into_iter().map(|line| (Part::Footer, line.text)));
        }
        lines
    }
}

/// A column; one whose name begins with `>` has numbers.
fn column(head: &str) -> Column {
    match head.strip_prefix('>') {
        Some(name) => Column { name: name.to_owned(), type_oid: NUMBER },
        None => Column { name: head.to_owned(), type_oid: TEXT },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(sheet: &str, part: &str, cells: &str) -> Row {
        [sheet, part, cells].map(|value| Some(value.to_owned())).into()
    }

    #[test]
    fn a_sheet_has_a_title_over_its_table_and_footers_under_their_headings() {
        let rows = [
            row("1", "1", "[\"Table \\\"public.t\\\"\"]"),
            row("1", "2", "[\"Column\", \"Type\"]"),
            row("1", "3", "[\"a\", \"integer\"]"),
            row("1", "20", "[\"Indexes:\", \"    \\\"a\\\"\"]"),
            row("1", "20", "[\"Indexes:\", \"    \\\"b\\\"\"]"),
            row("1", "30", "[\"\", \"Owned by: x\\ny\"]"),
            row("2", "1", "[\"View\"]"),
            row("2", "2", "[\"Column\"]"),
        ];
        let lines: Vec<String> = sheets(&rows, 8).into_iter().map(|(_, text)| text).collect();
        assert_eq!(
            lines[..9],
            [
                " Table \"public.t\"",
                " Column |  Type   ",
                "--------+---------",
                " a      | integer",
                "Indexes:",
                "    \"a\"",
                "    \"b\"",
                "Owned by: x",
                "y",
            ]
        );
        assert_eq!(lines[9..], ["", "  View", " Column ", "--------"]);
    }

    #[test]
    fn what_is_no_sheet_is_passed_over_and_what_is_missing_is_said() {
        assert!(sheets(&[], 0).is_empty());
        let rows = [row("1", "2", "[\"Column\"]"), row("1", "x", "[]"), vec![None]];
        let lines: Vec<String> = sheets(&rows, 4).into_iter().map(|(_, text)| text).collect();
        assert_eq!(
            lines,
            ["    ", " Column ", "--------", "(3 of 4 lines of this cannot be shown)"]
        );
    }
}
