//! Seats with names: the density that a room can read.
//!
//! ```text
//! A    1 Carol     2 ·        3 Oscar    4 ● Bob      5 ◐ Alice
//!                                          ⏳ Mallory
//! ```

use ratatui::text::Span;

use super::arrange::{AISLE, Block, Density, blank};
use super::{TITLE, over, title_line};
use crate::stage::text;
use crate::stage::watched::plan::{Compartment, Plan, Row, Seat};
use crate::tui::theme::Role;
use crate::tui::view::row_note::{RowNote, Scene};

/// Between a row's letter and its first seat.
const AFTER_LABEL: usize = 3;
/// Fewer cells than this do not tell names apart: a sign, a blank and four letters.
const LEAST_NOTE: usize = 6;
/// From here on down, notes are cut one cell at a time until they fit.
const MOST_NOTE: usize = 24;
/// A player's name longer than this finds no room kept free for it.
const MOST_KEPT_FREE: usize = 10;

/// Columns of given widths, seats of a given height.
#[derive(Clone, Debug)]
pub(super) struct Names {
    label: usize,
    number: usize,
    /// How wide a note can be, by column. A compartment with fewer columns uses the first ones.
    notes: Vec<usize>,
    gap: usize,
    /// How many lines one seat may take for its holders and its queue.
    lines: usize,
}

impl Names {
    /// All columns alike, with room for every note, and for any player to come and wait without
    /// anything moving.
    pub(super) fn made_alike(&self, scene: &Scene<'_>) -> Self {
        let player = scene.cast.iter().map(|name| text::width(name.as_str())).max().unwrap_or(0);
        let waiting = text::width(scene.signs().waiting) + 1 + player.min(MOST_KEPT_FREE);
        let widest = self.notes.iter().copied().max().unwrap_or(0).max(waiting);
        Self { notes: vec![widest; self.notes.len()], gap: 3, ..self.clone() }
    }

    /// Each column as wide as its own widest note.
    pub(super) fn fitted(plan: &Plan<'_>, scene: &Scene<'_>) -> Self {
        let parts = &plan.compartments;
        let columns = parts.iter().map(|part| part.numbers.len()).max().unwrap_or(0);
        let mut widths = vec![0; columns];
        for (column, seat) in parts.iter().flat_map(|part| &part.rows).flat_map(|row| &row.seats) {
            let widest = notes(seat, scene).map(|note| note.width()).max().unwrap_or(0);
            widths[*column] = widths[*column].max(widest);
        }
        let numbers = parts.iter().flat_map(|part| &part.numbers).map(|number| text::width(number));
        let labels = parts.iter().flat_map(|part| &part.rows).map(|row| text::width(&row.label));
        Self {
            label: labels.max().unwrap_or(0),
            number: numbers.max().unwrap_or(0),
            notes: widths,
            gap: 2,
            lines: usize::MAX,
        }
    }

    /// The width of the widest note.
    pub(super) fn widest(&self) -> usize {
        self.notes.iter().copied().max().unwrap_or(0)
    }

    pub(super) fn with_gap(&self, gap: usize) -> Self {
        Self { gap, ..self.clone() }
    }

    pub(super) fn with_lines(&self, lines: usize) -> Self {
        Self { lines, ..self.clone() }
    }

    /// Long notes cut so that all compartments stand side by side, if enough of each is left to
    /// tell names apart.
    pub(super) fn cut_to(&self, width: usize, plan: &Plan<'_>) -> Option<Self> {
        let cut = |most: usize| Self {
            notes: self.notes.iter().map(|cells| (*cells).min(most)).collect(),
            gap: 1,
            ..self.clone()
        };
        let fits = |names: &Self| {
            let parts = plan.compartments.iter().map(|part| names.width(part) + AISLE);
            parts.sum::<usize>() <= width + AISLE
        };
        (LEAST_NOTE..=MOST_NOTE).rev().map(cut).find(fits)
    }

    fn cell(&self, column: usize) -> usize {
        self.number + 1 + self.notes[column]
    }

    /// The cells of columns and the gaps behind them.
    fn span(&self, columns: std::ops::Range<usize>) -> usize {
        columns.map(|column| self.cell(column) + self.gap).sum()
    }

    fn row_height(&self, row: &Row<'_>) -> usize {
        let height = |seats: &[(usize, Seat<'_>)]| -> usize {
            seats.iter().map(|(_, seat)| note_count(seat)).sum()
        };
        row.columns().map(height).max().unwrap_or(1).min(self.lines)
    }

    fn row<'a>(&self, part: &'a Compartment<'a>, row: &'a Row<'a>, scene: &Scene<'a>) -> Lines<'a> {
        let height = self.row_height(row);
        let label = text::pad(&row.label, self.label + AFTER_LABEL, scene.signs().ellipsis);
        let mut lines = vec![vec![blank(self.label + AFTER_LABEL)]; height];
        lines[0] = vec![scene.span(label, Role::Heading)];
        let mut next = 0;
        for seats in row.columns() {
            let column = seats[0].0;
            let skipped = self.span(next..column);
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

    /// One place in the row: exactly `height` lines, the notes below each other.
    fn place<'a>(
        &self,
        number: &'a str,
        seats: &'a [(usize, Seat<'a>)],
        height: usize,
        scene: &Scene<'a>,
    ) -> Lines<'a> {
        let over = over(seats, scene);
        let ellipsis = scene.signs().ellipsis;
        let column = seats[0].0;
        let mut lines: Lines<'a> = shortened(seats, self.lines, scene)
            .into_iter()
            .map(|note| {
                let mut line = vec![blank(self.number + 1)];
                line.extend(note.spans(self.notes[column], over, ellipsis));
                line
            })
            .collect();
        lines.resize_with(height, || vec![blank(self.cell(column))]);
        let blank = " ".repeat(self.number - text::width(number));
        let differs = seats.iter().any(|(_, seat)| seat.differs);
        let (mark, role) =
            if differs { (scene.signs().differs, Role::Conflict) } else { (" ", Role::Dim) };
        lines[0][0] = scene.span(format!("{blank}{number}{mark}"), role).patch_style(over);
        lines
    }
}

type Lines<'a> = Vec<Vec<Span<'a>>>;

/// What there is to say about a seat: who sits there, who holds it, who waits for it.
fn notes<'a>(seat: &'a Seat<'a>, scene: &Scene<'_>) -> impl Iterator<Item = RowNote<'a>> {
    let place = seat.place;
    let signs = scene.signs();
    let settled = match (&seat.booked_by, place.holders.is_empty()) {
        (Some(name), _) if place.committed => {
            Some(RowNote::text(name.as_ref().into(), scene.style(Role::Booked)))
        }
        (None, true) if place.committed => Some(RowNote::sign(signs.free, Role::Free, scene)),
        (_, true) => Some(RowNote::sign(signs.uncommitted, Role::Uncommitted, scene)),
        (_, false) => None,
    };
    let holds = place.holders.iter().map(|hold| RowNote::hold(hold, scene));
    let waiters = place.waiters.iter().map(|waiter| RowNote::waiter(waiter, scene));
    settled.into_iter().chain(holds).chain(waiters)
}

pub(super) fn note_count(seat: &Seat<'_>) -> usize {
    let place = seat.place;
    let settled = (place.committed && seat.booked_by.is_some()) || place.holders.is_empty();
    usize::from(settled) + place.holders.len() + place.waiters.len()
}

/// The notes about one place in at most so many lines; the last one counts those left out.
pub(super) fn shortened<'a>(
    seats: &'a [(usize, Seat<'a>)],
    lines: usize,
    scene: &Scene<'_>,
) -> Vec<RowNote<'a>> {
    let count: usize = seats.iter().map(|(_, seat)| note_count(seat)).sum();
    let all = seats.iter().flat_map(|(_, seat)| notes(seat, scene));
    if count <= lines {
        return all.collect();
    }
    let left_out = count - (lines - 1);
    let waiting: usize = seats.iter().map(|(_, seat)| seat.place.waiters.len()).sum();
    let rest = if left_out <= waiting {
        RowNote::more_waiters(left_out, scene)
    } else {
        RowNote::more_holders(left_out, scene)
    };
    all.take(lines - 1).chain([rest]).collect()
}

impl Density for Names {
    fn width(&self, part: &Compartment<'_>) -> usize {
        let title = part.title.as_deref().map_or(0, text::width).min(TITLE);
        let columns = self.span(0..part.numbers.len()).saturating_sub(self.gap);
        title.max(self.label + AFTER_LABEL + columns)
    }

    fn height(&self, part: &Compartment<'_>) -> usize {
        let rows: usize = part.rows.iter().map(|row| self.row_height(row)).sum();
        rows + usize::from(part.title.is_some())
    }

    fn block<'a>(&self, part: &'a Compartment<'a>, scene: &Scene<'a>) -> Block<'a> {
        let rows = part.rows.iter().map(|row| self.row(part, row, scene));
        Block::stacked(title_line(part, self.width(part), scene), rows)
    }
}
