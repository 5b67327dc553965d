//! A result on its way: shown while it comes, drawn anew when it is whole.
//!
//! How wide a column is depends on every row, so rows that came in later can widen what is already
//! on the screen. Drawing anew only each time the rows have doubled keeps the sum of that work in
//! proportion to the rows.

use std::sync::Arc;

use super::scrollback::{Columns, Line, Look};
use crate::core::event::{Column, Form, ROWS_KEPT, Row};
use crate::reports::psql::{self, Drawn, Part};

/// How much of one value is kept, in bytes: a thousand rows of a mebibyte each would fill the
/// memory.
const VALUE_KEPT: usize = 2 * 1024;

/// The columns and rows so far.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The number of the first line of its drawing.
    pub from: u64,
    /// What becomes of it.
    form: Form,
    /// How wide the room for it is.
    cells: Option<usize>,
    columns: Vec<Column>,
    rows: Vec<Row>,
    drawn: usize,
}

impl Incoming {
    /// A result whose columns are known, to be drawn from this line on.
    pub fn new(columns: Vec<Column>, from: u64) -> Self {
        let form = Form::default();
        Self { from, form, cells: None, columns, rows: Vec::new(), drawn: 0 }
    }

    /// The same in this form, in a room of so many cells.
    #[must_use]
    pub fn in_form(self, form: &Form, cells: usize) -> Self {
        Self { form: form.clone(), cells: Some(cells), ..self }
    }

    /// Takes rows in; whether it is time to draw them.
    pub fn take(&mut self, rows: &[Row]) -> bool {
        let room = ROWS_KEPT.saturating_sub(self.rows.len());
        let is_sheets = matches!(self.form, Form::Sheets { .. });
        // A sheet's values are JSON, which means nothing without its end.
        let kept = |row: &Row| {
            if is_sheets {
                return row.clone();
            }
            row.iter().map(|value| shortened(value.as_ref())).collect()
        };
        self.rows.extend(rows.iter().take(room).map(kept));
        let is_due = self.rows.len() >= 2 * self.drawn || self.rows.len() == ROWS_KEPT;
        if is_due {
            self.drawn = self.rows.len();
        }
        is_due
    }

    /// The result as psql draws it; without its count while more may come, and nothing before the
    /// first row: a statement that fails has no result, and columns alone stand over nothing.
    pub fn lines(&self, count: Option<u64>) -> Vec<Line> {
        let is_shown_whole = !matches!(self.form, Form::Table | Form::Expanded | Form::Auto);
        if count.is_none() && (self.rows.is_empty() || is_shown_whole) {
            return Vec::new();
        }
        let told = count.unwrap_or(self.rows.len() as u64);
        let mut drawn = psql::answer(&self.form, &self.columns, &self.rows, told, self.cells);
        if count.is_none() {
            drawn.pop_if(|(part, _)| *part == Part::Count);
        }
        looks(&drawn)
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

/// The lines as they look in a pane. Those of a table know its columns.
pub(super) fn looks(drawn: &[Drawn]) -> Vec<Line> {
    let is_in_table = |part: Part| matches!(part, Part::Heading | Part::Rule | Part::Row);
    let mut lines = Vec::with_capacity(drawn.len());
    for run in drawn.chunk_by(|one, next| is_in_table(one.0) == is_in_table(next.0)) {
        let columns = columns(run);
        let line = |(part, text): &Drawn| {
            let line = Line::new(look(*part), text);
            columns.as_ref().map_or(line.clone(), |columns| line.of(columns))
        };
        lines.extend(run.iter().map(line));
    }
    lines
}

/// The columns of a table, which its rule under the headings tells; a record has none.
fn columns(run: &[Drawn]) -> Option<Arc<Columns>> {
    run.iter().find(|(part, _)| *part == Part::Heading)?;
    let (_, rule) = run.iter().find(|(part, _)| *part == Part::Rule)?;
    Some(Arc::new(Columns::of(rule, run.iter().map(|(_, text)| text.as_str()))))
}

fn look(part: Part) -> Look {
    match part {
        Part::Title | Part::Heading => Look::Heading,
        Part::Rule => Look::Rule,
        Part::Row => Look::Row,
        // Definitions are SQL, and may be longer than a pane is wide.
        Part::Footer | Part::Said => Look::Statement { prompt: 0 },
        Part::Count => Look::Tag,
    }
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

    #[test]
    fn a_long_definition_is_shown_to_its_end() {
        let form = Form::Sheets { none: String::new() };
        let mut incoming = Incoming::new(Vec::new(), 0).in_form(&form, 80);
        let definition = format!("{}\nthe end", "a line of it\n".repeat(VALUE_KEPT / 10));
        let footer = serde_json::to_string(&["View definition:", &definition]).unwrap();
        let row = |part: &str, cells: &str| ["1", part, cells].map(|it| Some(it.to_owned())).into();
        incoming.take(&[row("2", "[\"Column\"]"), row("30", &footer)]);
        assert_eq!(texts(&incoming, Some(2)).pop().as_deref(), Some("the end"));
    }
}
