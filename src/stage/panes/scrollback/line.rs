//! A line of the scrollback, and what it is.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::Columns;
use crate::stage::{text, wrap};

/// How much of one line is kept, in bytes: enough for any screen, little enough for a statement of
/// a mebibyte.
pub const LINE_KEPT: usize = 8 * 1024;

/// What a line is, which says how it looks and whether it wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A statement that was sent, behind its prompt of so many bytes.
    Statement {
        /// The prompt's length.
        prompt: u16,
    },
    Heading,
    /// The rule under the column names.
    Rule,
    /// A row of a table.
    Row,
    /// A command tag, a count of rows.
    Tag,
    /// An error's first line.
    Error,
    /// What follows an error's first line, or a notice's.
    Detail,
    /// What an error means, in plain words.
    Lesson,
    Notice,
    Wait,
    /// The console's own words.
    Note,
    /// A connection that broke.
    Lost,
}

impl Look {
    /// Whether it belongs to a table, which keeps its shape; everything else wraps.
    pub fn is_table(self) -> bool {
        matches!(self, Self::Heading | Self::Rule | Self::Row)
    }

    /// Whether the server has said it.
    pub fn is_answer(self) -> bool {
        self.is_table() || matches!(self, Self::Tag | Self::Error | Self::Detail | Self::Notice)
    }

    /// By how much the rows after a line's first are indented.
    pub fn hanging(self) -> usize {
        match self {
            Self::Statement { .. } | Self::Error | Self::Detail | Self::Notice => 2,
            _ => 0,
        }
    }

    /// How many cells are kept free before all of a line's rows, for a sign.
    pub fn lead(self) -> usize {
        if matches!(self, Self::Lesson) { 2 } else { 0 }
    }
}

/// A line of the scrollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text, clean.
    pub text: Box<str>,
    /// What it is.
    pub look: Look,
    /// What stands at the right edge beside its last row: the time taken.
    pub aside: Option<Box<str>>,
    /// The columns of the table that it belongs to.
    pub columns: Option<Arc<Columns>>,
}

impl Line {
    /// A line fit for the terminal, cut where nobody reads on.
    pub fn new(look: Look, text: &str) -> Self {
        let kept = &text[..text.floor_char_boundary(LINE_KEPT)];
        Self { text: text::visible(kept).into(), look, aside: None, columns: None }
    }

    /// The same line in a table with these columns.
    #[must_use]
    pub fn of(self, columns: &Arc<Columns>) -> Self {
        Self { columns: Some(Arc::clone(columns)), ..self }
    }

    /// The text of a table's line, as it is drawn where there is room for so many cells.
    pub fn shown(&self, cells: usize) -> Cow<'_, str> {
        match &self.columns {
            Some(columns) => columns.shown(&self.text, cells),
            None => Cow::Borrowed(&self.text),
        }
    }

    /// How wide its table is drawn where there is room for so many cells; 0 for what is no table.
    pub fn table_width(&self, cells: usize) -> usize {
        match &self.columns {
            Some(columns) => columns.width(cells),
            None if self.look.is_table() => text::width(self.text.trim_end()),
            None => 0,
        }
    }

    /// The rows that it takes at this width.
    pub(super) fn rows(&self, cells: usize) -> Vec<Range<usize>> {
        if self.look.is_table() {
            std::iter::once(0..self.text.len()).collect()
        } else {
            let room = cells.saturating_sub(self.look.lead());
            wrap::wrapped(&self.text, room, self.look.hanging())
        }
    }
}
