//! Seats as boxes: on a large screen, to be read from the back row.
//!
//! ```text
//!     ╭ 4 ───────────╮ ╭ 5 ───────────╮
//! A   │ ● Bob        │ │ ◐ Alice      │
//!     │ ⏳ Mallory   │ │              │
//!     ╰──────────────╯ ╰──────────────╯
//! ```

use ratatui::text::Span;

use super::arrange::{Block, Density, blank};
use super::names::{Names, note_count, shortened};
use super::{TITLE, over, title_line};
use crate::stage::text;
use crate::stage::watched::plan::{Compartment, Plan, Row, Seat, State};
use crate::tui::theme::Role;
use crate::tui::view::row_note::Scene;

/// Between a row's letter and its first box.
const AFTER_LABEL: usize = 2;
/// Between two boxes.
const GAP: usize = 1;
/// Borders, and a blank inside each.
const AROUND: usize = 4;
/// The cells and the lines inside a box, the largest first.
const SIZES: [(usize, usize); 4] = [(26, 4), (18, 3), (13, 3), (10, 2)];
/// From here on a queue is shortened.
const MOST_LINES: usize = 6;

/// Boxes of one size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boxes {
    label: usize,
    /// The cells for a note.
    note: usize,
    /// The lines inside; a longer queue makes a row of boxes higher.
    lines: usize,
}

impl Boxes {
    /// Boxes of every size in which each note has room, the largest first.
    pub(super) fn all(plan: &Plan<'_>, scene: &Scene<'_>) -> Vec<Self> {
        let widest = Names::fitted(plan, scene).made_alike(scene).widest();
        let parts = &plan.compartments;
        let numbers = parts.iter().flat_map(|part| &part.numbers).map(|number| text::width(number));
        let widest = widest.max(numbers.max().unwrap_or(0) + 2);
        let labels = parts.iter().flat_map(|part| &part.rows).map(|row| text::width(&row.label));
        let label = labels.max().unwrap_or(0) + AFTER_LABEL;
        SIZES.map(|(note, lines)| Self { label, note: note.max(widest), lines }).to_vec()
    }

    fn cells(self) -> usize {
        self.note + AROUND
    }

    fn row_lines(self, row: &Row<'_>) -> usize {
        let notes = |seats: &[(usize, Seat<'_>)]| -> usize {
            seats.iter().map(|(_, seat)| note_count(seat)).sum()
        };
        row.columns().map(notes).max().unwrap_or(1).clamp(self.lines, MOST_LINES)
    }

    fn row<'a>(
        self,
        part: &'a Compartment<'a>,
        row: &'a Row<'a>,
        scene: &Scene<'a>,
    ) -> Vec<Vec<Span<'a>>> {
        let height = self.row_lines(row) + 2;
        let label = text::pad(&row.label, self.label, scene.signs().ellipsis);
        let mut lines = vec![vec![blank(self.label)]; height];
        lines[1] = vec![scene.span(label, Role::Heading)];
        let mut next = 0;
        for seats in row.columns() {
            let column = seats[0].0;
            let skipped = (column - next) * (self.cells() + GAP) + if next > 0 { GAP } else { 0 };
            next = column + 1;
            let drawn = self.seat(&part.numbers[column], seats, height - 2, scene);
            for (line, spans) in lines.iter_mut().zip(drawn) {
                line.push(blank(skipped));
                line.extend(spans);
            }
        }
        lines
    }

    /// One box: its border with the number, and so many lines inside.
    fn seat<'a>(
        self,
        number: &'a str,
        seats: &'a [(usize, Seat<'a>)],
        lines: usize,
        scene: &Scene<'a>,
    ) -> Vec<Vec<Span<'a>>> {
        let (set, over) = (scene.theme.border(), over(seats, scene));
        let edge = scene.style(edge(seats));
        let side = |text: String| Span::styled(text, edge);
        let rest = self.cells().saturating_sub(text::width(number) + 4);
        let differs = seats.iter().any(|(_, seat)| seat.differs);
        let (mark, role) =
            if differs { (scene.signs().differs, Role::Conflict) } else { (" ", Role::Heading) };
        let mut drawn = vec![vec![
            side(set.top_left.to_owned()),
            scene.span(format!(" {number}{mark}"), role).patch_style(over),
            side(format!("{}{}", set.horizontal_top.repeat(rest), set.top_right)),
        ]];
        let mut notes = shortened(seats, lines, scene).into_iter();
        for _ in 0..lines {
            let note = notes.next().map(|it| it.spans(self.note, over, scene.signs().ellipsis));
            let mut line = vec![side(set.vertical_left.to_owned()), Span::styled(" ", over)];
            line.extend(note.unwrap_or_else(|| vec![Span::styled(" ".repeat(self.note), over)]));
            line.extend([Span::styled(" ", over), side(set.vertical_right.to_owned())]);
            drawn.push(line);
        }
        let below = set.horizontal_bottom.repeat(self.cells() - 2);
        drawn.push(vec![side(format!("{}{below}{}", set.bottom_left, set.bottom_right))]);
        drawn
    }
}

/// A box has the colour of what goes on in it.
fn edge(seats: &[(usize, Seat<'_>)]) -> Role {
    let seat = super::most_telling(seats);
    match seat.state {
        _ if seats.iter().any(|(_, seat)| !seat.place.waiters.is_empty()) => Role::Waiting,
        State::Held => Role::Locked,
        State::Uncommitted => Role::Uncommitted,
        State::Free | State::Booked => Role::Border,
    }
}

impl Density for Boxes {
    fn width(&self, part: &Compartment<'_>) -> usize {
        let title = part.title.as_deref().map_or(0, text::width).min(TITLE);
        let boxes = (part.numbers.len() * (self.cells() + GAP)).saturating_sub(GAP);
        title.max(self.label + boxes)
    }

    fn height(&self, part: &Compartment<'_>) -> usize {
        let rows: usize = part.rows.iter().map(|row| self.row_lines(row) + 2).sum();
        rows + usize::from(part.title.is_some())
    }

    fn block<'a>(&self, part: &'a Compartment<'a>, scene: &Scene<'a>) -> Block<'a> {
        let rows = part.rows.iter().map(|row| self.row(part, row, scene));
        Block::stacked(title_line(part, self.width(part), scene), rows)
    }
}
