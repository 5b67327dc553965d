//! Seats with names: the density that a room can read.
//!
//! ```text
//! A    1 Carol     2 ·        3 Oscar    4 ● Bob      5 ◐ Alice
//!                                          ⏳ Mallory
//! ```

use ratatui::text::Span;

use super::arrange::{Block, Density, blank};
use super::plan::{Compartment, Plan, Row, Seat};
use super::{TITLE, over, title_line};
use crate::tui::remark::{Remark, Scene};
use crate::tui::text;
use crate::tui::theme::Role;

/// Between a row's letter and its first seat.
const AFTER_LABEL: usize = 3;
/// Fewer cells than this do not tell names apart: a sign, a blank and four letters.
const LEAST_REMARK: usize = 6;

/// Names of a given width, seats of a given height.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    label: usize,
    number: usize,
    remark: usize,
    gap: usize,
    /// How many lines one seat may take for its holders and its queue.
    lines: usize,
}

impl Names {
    /// Room for the longest remark.
    pub(super) fn whole(plan: &Plan<'_>, scene: &Scene<'_>) -> Self {
        let width = |seat| remarks(seat, scene).map(|remark| remark.width()).max().unwrap_or(0);
        let parts = &plan.compartments;
        let numbers = parts.iter().flat_map(|part| &part.numbers).map(|number| text::width(number));
        let labels = parts.iter().flat_map(|part| &part.rows).map(|row| text::width(&row.label));
        Self {
            label: labels.max().unwrap_or(0),
            number: numbers.max().unwrap_or(0),
            remark: plan.seats().map(width).max().unwrap_or(0),
            gap: 3,
            lines: 8,
        }
    }

    pub(super) fn with_gap(self, gap: usize) -> Self {
        Self { gap, ..self }
    }

    pub(super) fn with_lines(self, lines: usize) -> Self {
        Self { lines, ..self }
    }

    /// Names cut so that all these columns fit, if enough of each name is left.
    pub(super) fn cut_to(self, width: usize, plan: &Plan<'_>) -> Option<Self> {
        let parts = &plan.compartments;
        let columns: usize = parts.iter().map(|part| part.numbers.len()).sum();
        let labels = parts.len() * (self.label + AFTER_LABEL);
        let aisles = parts.len().saturating_sub(1) * super::arrange::AISLE;
        let room = width.checked_sub(labels + aisles)? / columns.max(1);
        let remark = room.checked_sub(self.number + 2)?;
        (remark >= LEAST_REMARK).then(|| Self { remark: remark.min(self.remark), gap: 1, ..self })
    }

    fn cell(self) -> usize {
        self.number + 1 + self.remark
    }

    fn row_height(self, row: &Row<'_>) -> usize {
        let height = |seats: &[(usize, Seat<'_>)]| -> usize {
            seats.iter().map(|(_, seat)| remark_count(seat)).sum()
        };
        row.columns().map(height).max().unwrap_or(1).min(self.lines)
    }

    fn row<'a>(self, part: &'a Compartment<'a>, row: &'a Row<'a>, scene: &Scene<'a>) -> Lines<'a> {
        let height = self.row_height(row);
        let label = text::pad(&row.label, self.label + AFTER_LABEL, scene.signs().ellipsis);
        let mut lines = vec![vec![blank(self.label + AFTER_LABEL)]; height];
        lines[0] = vec![scene.span(label, Role::Heading)];
        let mut next = 0;
        for seats in row.columns() {
            let column = seats[0].0;
            let skipped = (column - next) * (self.cell() + self.gap);
            next = column + 1;
            let cell = self.place(&part.numbers[column], seats, height, scene);
            for (line, spans) in lines.iter_mut().zip(cell) {
                line.push(blank(skipped));
                line.extend(spans);
                line.push(blank(if next == part.numbers.len() { 0 } else { self.gap }));
            }
        }
        lines
    }

    /// One place in the row: exactly `height` lines, the remarks below each other.
    fn place<'a>(
        self,
        number: &'a str,
        seats: &'a [(usize, Seat<'a>)],
        height: usize,
        scene: &Scene<'a>,
    ) -> Lines<'a> {
        let over = over(seats, scene);
        let ellipsis = scene.signs().ellipsis;
        let mut lines: Lines<'a> = shortened(seats, self.lines, scene)
            .into_iter()
            .map(|remark| {
                let mut line = vec![blank(self.number + 1)];
                line.extend(remark.spans(self.remark, over, ellipsis));
                line
            })
            .collect();
        lines.resize_with(height, || vec![blank(self.cell())]);
        let number = format!("{}{number} ", " ".repeat(self.number - text::width(number)));
        lines[0][0] = scene.span(number, Role::Dim).patch_style(over);
        lines
    }
}

type Lines<'a> = Vec<Vec<Span<'a>>>;

/// What there is to say about a seat: who sits there, who holds it, who waits for it.
fn remarks<'a>(seat: &'a Seat<'a>, scene: &Scene<'_>) -> impl Iterator<Item = Remark<'a>> {
    let place = seat.place;
    let signs = scene.signs();
    let settled = match (&seat.booked_by, place.holders.is_empty()) {
        (Some(name), _) if place.committed => {
            Some(Remark::text(name.as_ref().into(), scene.style(Role::Booked)))
        }
        (None, true) if place.committed => Some(Remark::sign(signs.free, Role::Free, scene)),
        (_, true) => Some(Remark::sign(signs.uncommitted, Role::Uncommitted, scene)),
        (_, false) => None,
    };
    let holds = place.holders.iter().map(|hold| Remark::hold(hold, scene));
    let waiters = place.waiters.iter().map(|waiter| Remark::waiter(waiter, scene));
    settled.into_iter().chain(holds).chain(waiters)
}

fn remark_count(seat: &Seat<'_>) -> usize {
    let place = seat.place;
    let settled = (place.committed && seat.booked_by.is_some()) || place.holders.is_empty();
    usize::from(settled) + place.holders.len() + place.waiters.len()
}

/// The remarks about one place in at most so many lines; the last one counts those left out.
fn shortened<'a>(
    seats: &'a [(usize, Seat<'a>)],
    lines: usize,
    scene: &Scene<'_>,
) -> Vec<Remark<'a>> {
    let count: usize = seats.iter().map(|(_, seat)| remark_count(seat)).sum();
    let all = seats.iter().flat_map(|(_, seat)| remarks(seat, scene));
    if count <= lines {
        return all.collect();
    }
    let left_out = count - (lines - 1);
    let waiting: usize = seats.iter().map(|(_, seat)| seat.place.waiters.len()).sum();
    let rest = if left_out <= waiting {
        Remark::more_waiters(left_out, scene)
    } else {
        Remark::more_holders(left_out, scene)
    };
    all.take(lines - 1).chain([rest]).collect()
}

impl Density for Names {
    fn size(&self, part: &Compartment<'_>) -> (usize, usize) {
        let columns = part.numbers.len();
        let gaps = columns.saturating_sub(1) * self.gap;
        let title = part.title.as_deref().map_or(0, text::width).min(TITLE);
        let width = self.label + AFTER_LABEL + columns * self.cell() + gaps;
        let rows: usize = part.rows.iter().map(|row| self.row_height(row)).sum();
        (width.max(title), rows + usize::from(part.title.is_some()))
    }

    fn block<'a>(&self, part: &'a Compartment<'a>, scene: &Scene<'a>) -> Block<'a> {
        let mut block = Block::default();
        block.lines.extend(title_line(part, self.size(part).0, scene));
        for row in &part.rows {
            block.row_starts.push(block.lines.len());
            block.lines.extend(self.row(part, row, scene));
        }
        block
    }
}
