//! What is selected in a pane, and the cursor that selects it.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::View;
use crate::stage::layers::Selection;
use crate::stage::panes::scrollback::Row;
use crate::stage::text;

/// How many cells of tables are out of sight on the left, so that the cursor is not.
pub(super) fn shift(selection: &Selection, cells: usize) -> usize {
    (selection.cursor().cell + 1).saturating_sub(cells)
}

/// Marks what is selected in a row; gives the cursor's place, if it stands here.
pub(super) fn draw(
    view: &View<'_>,
    selection: &Selection,
    row: &Row<'_>,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    let cells = Cells::of(selection, row, area);
    if let Some(selected) = selection.cells_of(row.number) {
        let (from, to) = (*selected.start(), *selected.end());
        for x in area.left()..area.right() {
            if cells.at(x).is_some_and(|cell| (from..=to).contains(&cell)) {
                buffer.set_style(Rect { x, width: 1, ..area }, view.selection());
            }
        }
    }
    let cursor = selection.cursor();
    // A shorter line has the cursor at its end.
    let cell = cursor.cell.min(cells.end.saturating_sub(1).max(cells.begin));
    let is_here = cursor.line == row.number && cells.holds(cursor.cell, row.ends);
    is_here.then(|| Position { x: cells.column(cell), y: area.y })
}

/// The cells of a line that stand in one row of the screen.
struct Cells {
    begin: usize,
    end: usize,
    /// The column of the first.
    x: u16,
}

impl Cells {
    fn of(selection: &Selection, row: &Row<'_>, area: Rect) -> Self {
        let (text, look) = (&*row.line.text, row.line.look);
        let (begin, indent) = if look.is_table() {
            (shift(selection, usize::from(area.width)), 0)
        } else {
            let hanging = if row.range.start == 0 { 0 } else { look.hanging() };
            (text::width(&text[..row.range.start]), look.lead() + hanging)
        };
        let end = text::width(text[..row.range.end].trim_end()).max(begin);
        let x = area.x + u16::try_from(indent).unwrap_or(0).min(area.width.saturating_sub(1));
        Self { begin, end, x }
    }

    /// The cell of the line in this column of the screen.
    fn at(&self, x: u16) -> Option<usize> {
        let cell = self.begin + usize::from(x.checked_sub(self.x)?);
        (cell < self.end).then_some(cell)
    }

    fn column(&self, cell: usize) -> u16 {
        self.x + u16::try_from(cell.saturating_sub(self.begin)).unwrap_or(0)
    }

    /// Whether the line's cell stands here; in its last row, whatever lies beyond it too.
    fn holds(&self, cell: usize, is_last: bool) -> bool {
        cell >= self.begin && (cell < self.end || is_last)
    }
}
