//! A sign a seat: six hundred of them on a small screen.
//!
//! ```text
//! First                       rows that do not fit below each other go on beside:
//! A  ■■··■■●◐■■               A  ■■··■■●◐■■   C  ■■··■■■■■■
//! B  ■■■■!■··■■               B  ■■■■!■··■■   D  ··■■■■■■■■
//! ```

use ratatui::text::Span;

use super::arrange::{Block, Density, blank};
use super::{most_telling, over, title_line};
use crate::stage::text;
use crate::stage::watched::plan::{Compartment, Plan, Row, Seat, State};
use crate::tui::theme::Role;
use crate::tui::view::row_note::Scene;

/// Between two rows that stand beside each other.
const BETWEEN_ROWS: usize = 2;

/// Signs at a distance, so many rows side by side, so many seats before a row goes on below.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dots {
    label: usize,
    pitch: usize,
    abreast: usize,
    seats_a_line: usize,
}

impl Dots {
    /// Signs with blanks between them, every row on its own line.
    pub(super) fn apart(plan: &Plan<'_>) -> Self {
        let rows = plan.compartments.iter().flat_map(|part| &part.rows);
        let label = rows.map(|row| text::width(&row.label)).max().unwrap_or(0).min(8);
        Self { label: label + 1, pitch: 2, abreast: 1, seats_a_line: usize::MAX }
    }

    /// Signs without blanks between them.
    pub(super) fn close(self) -> Self {
        Self { pitch: 1, ..self }
    }

    /// So many rows beside each other.
    pub(super) fn abreast(self, abreast: usize) -> Self {
        Self { abreast, ..self }
    }

    /// Rows that break at the width.
    pub(super) fn broken_at(self, width: usize) -> Self {
        Self { seats_a_line: width.saturating_sub(self.label).max(1), ..self }
    }

    fn columns(self, part: &Compartment<'_>) -> usize {
        part.numbers.len().min(self.seats_a_line)
    }

    fn row_width(self, part: &Compartment<'_>) -> usize {
        self.label + self.columns(part) * self.pitch
    }

    fn row_height(self, part: &Compartment<'_>) -> usize {
        part.numbers.len().div_ceil(self.seats_a_line).max(1)
    }

    /// How many rows stand below each other.
    fn rows_down(self, part: &Compartment<'_>) -> usize {
        part.rows.len().div_ceil(self.abreast).max(1)
    }

    fn row<'a>(
        self,
        part: &Compartment<'_>,
        row: &Row<'_>,
        scene: &Scene<'a>,
    ) -> Vec<Vec<Span<'a>>> {
        let label = text::pad(&row.label, self.label, scene.signs().ellipsis);
        let mut lines = vec![vec![blank(self.label)]; self.row_height(part)];
        lines[0] = vec![scene.span(label, Role::Heading)];
        let mut ends = vec![0; lines.len()];
        for seats in row.columns() {
            let (line, column) = (seats[0].0 / self.seats_a_line, seats[0].0 % self.seats_a_line);
            lines[line].push(blank((column - ends[line]) * self.pitch));
            lines[line].push(sign(seats, scene));
            lines[line].push(blank(self.pitch - 1));
            ends[line] = column + 1;
        }
        for (line, end) in lines.iter_mut().zip(ends) {
            line.push(blank((self.columns(part) - end) * self.pitch));
        }
        lines
    }
}

fn sign<'a>(seats: &[(usize, Seat<'_>)], scene: &Scene<'a>) -> Span<'a> {
    let signs = scene.signs();
    let differs = seats.iter().any(|(_, seat)| seat.differs);
    let is_awaited = seats.iter().any(|(_, seat)| !seat.place.waiters.is_empty());
    let (sign, role) = match most_telling(seats).state {
        _ if differs => (signs.differs, Role::Conflict),
        _ if is_awaited => (signs.awaited, Role::Waiting),
        State::Free => (signs.free, Role::Free),
        State::Held => (signs.locked, Role::Locked),
        State::Uncommitted => (signs.uncommitted, Role::Uncommitted),
        State::Booked => (signs.booked, Role::Booked),
    };
    scene.span(sign, role).patch_style(over(seats, scene))
}

impl Density for Dots {
    fn width(&self, part: &Compartment<'_>) -> usize {
        let abreast = self.abreast.min(part.rows.len()).max(1);
        abreast * (self.row_width(part) + BETWEEN_ROWS) - BETWEEN_ROWS
    }

    fn height(&self, part: &Compartment<'_>) -> usize {
        self.rows_down(part) * self.row_height(part) + usize::from(part.title.is_some())
    }

    fn block<'a>(&self, part: &'a Compartment<'a>, scene: &Scene<'a>) -> Block<'a> {
        let mut block = Block::default();
        block.lines.extend(title_line(part, self.width(part), scene));
        let first = block.lines.len();
        let down = self.rows_down(part);
        block.lines.resize_with(first + down * self.row_height(part), Vec::new);
        for (at, row) in part.rows.iter().enumerate() {
            let top = first + (at % down) * self.row_height(part);
            block.row_starts.push(top);
            for (line, spans) in block.lines[top..].iter_mut().zip(self.row(part, row, scene)) {
                line.push(blank(if at < down { 0 } else { BETWEEN_ROWS }));
                line.extend(spans);
            }
        }
        block
    }
}
