//! What was read in the end, under the script's last line: the rows, and beside them what the file
//! says of them.
//!
//! ```text
//! │ ✔ finally  as expected                 select seat_row, seat_number ...   │
//! │             seat_row | seat_number | booked_by     ✔ A | 4 | Bob           │
//! │            ----------+-------------+-----------    ✔ A | 5 | Alice         │
//! │             A        |           4 | Bob           ✔ (2 rows)              │
//! │             A        |           5 | Alice                                 │
//! │            (2 rows)                                                        │
//! ```
//!
//! Where there is no room side by side, one stands under the other: first what is not as the file
//! says, in full.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::View;
use crate::core::scenario::Expected;
use crate::core::scenario::check::{Verdict, mismatch};
use crate::stage::script::Script;
use crate::stage::text;
use crate::tui::theme::Role;

/// Between the rows and what the file says of them.
const GAP: usize = 4;

type Row = Vec<Span<'static>>;

/// Draws as much of it as there is room for, and says how much there is not.
pub(super) fn draw(view: &View<'_>, script: &Script, area: Rect, buffer: &mut Buffer) {
    let cells = usize::from(area.width);
    let said = said(view, script, usize::MAX);
    let for_rows = cells.saturating_sub(widest(&said) + GAP);
    let beside = answer(view, script, for_rows);
    let taken = widest(&beside);
    if taken <= for_rows {
        draw_rows(view, beside, area, buffer);
        let x = area.x.saturating_add(u16::try_from(taken + GAP).unwrap_or(u16::MAX));
        let x = x.min(area.right());
        return draw_rows(view, said, Rect { x, width: area.right() - x, ..area }, buffer);
    }
    let mut rows = [self::said(view, script, cells), answer(view, script, cells)];
    if !script.is_the_end_broken() {
        rows.reverse();
    }
    draw_rows(view, rows.concat(), area, buffer);
}

fn widest(rows: &[Row]) -> usize {
    rows.iter().map(|row| row.iter().map(Span::width).sum()).max().unwrap_or(0)
}

fn draw_rows(view: &View<'_>, mut rows: Vec<Row>, area: Rect, buffer: &mut Buffer) {
    let (height, total) = (usize::from(area.height), rows.len());
    if total > height {
        rows.truncate(height.saturating_sub(1));
        let left_out = total - rows.len();
        let words = format!("{} {left_out} more lines", view.theme.signs().ellipsis);
        rows.push(vec![view.span(words, Role::Notice)]);
    }
    for (row, y) in rows.into_iter().zip(area.top()..area.bottom()) {
        super::put_line(view, row, Rect { y, height: 1, ..area }, buffer);
    }
}

/// The rows as psql draws them.
fn answer(view: &View<'_>, script: &Script, cells: usize) -> Vec<Row> {
    let row = |line: &crate::stage::panes::scrollback::Line| {
        vec![Span::styled(line.shown(cells).trim_end().to_owned(), view.latest_look(line.look))]
    };
    script.ending().lines().iter().map(row).collect()
}

/// Each line of the file that is about the end, with its sign, in rows of at most so many cells.
fn said(view: &View<'_>, script: &Script, cells: usize) -> Vec<Row> {
    let signs = view.theme.signs();
    let rows = |(expected, verdict): (&Expected, &Verdict)| {
        let (sign, role, words) = match verdict {
            Verdict::Broken { found } => (signs.broken, Role::Broken, mismatch(expected, found)),
            _ => (signs.kept, Role::Kept, expected.to_string()),
        };
        let words = text::wrap(&text::visible(&words), cells.saturating_sub(2));
        let row = |(nth, words): (usize, String)| {
            let sign = if nth == 0 { format!("{sign} ") } else { "  ".to_owned() };
            let quiet = if role == Role::Kept { Role::Dim } else { role };
            vec![view.span(sign, role), view.span(words, quiet)]
        };
        words.into_iter().enumerate().map(row).collect::<Vec<_>>()
    };
    script.said_of_the_end().into_iter().flat_map(rows).collect()
}
