//! Seats with two letters: more of them than names leave room for.
//!
//! ```text
//!       1    2    3    4    5
//! A    Ca   ·    Os   ●Bo! ◐Al        ! somebody waits for it
//! ```

use std::borrow::Cow;

use ratatui::text::Span;
use unicode_segmentation::UnicodeSegmentation;

use super::arrange::{Block, Density, blank};
use super::{TITLE, most_telling, over, title_line};
use crate::stage::text;
use crate::stage::watched::plan::{Compartment, Plan, Row, Seat, State};
use crate::tui::theme::Role;
use crate::tui::view::row_note::{Scene, hold_sign, holder_text};

/// A sign, two letters, the mark of a seat that is waited for.
const CELL: usize = 4;
const PITCH: usize = CELL + 1;

/// Two letters a seat.
#[derive(Clone, Copy, Debug)]
pub(super) struct Initials {
    label: usize,
}

impl Initials {
    /// Two letters a seat, unless the seats' numbers themselves are longer.
    pub(super) fn of(plan: &Plan<'_>) -> Option<Self> {
        let parts = &plan.compartments;
        let mut numbers = parts.iter().flat_map(|part| &part.numbers);
        let labels = parts.iter().flat_map(|part| &part.rows).map(|row| text::width(&row.label));
        let fits = numbers.all(|number| text::width(number) < CELL);
        fits.then(|| Self { label: labels.max().unwrap_or(0) + 2 })
    }

    fn header<'a>(self, part: &'a Compartment<'a>, scene: &Scene<'a>) -> Vec<Span<'a>> {
        let number = |number: &Cow<'_, str>| text::pad(number, PITCH, "");
        let numbers: String = part.numbers.iter().map(number).collect();
        vec![blank(self.label + 1), scene.span(numbers.trim_end().to_owned(), Role::Dim)]
    }

    fn row<'a>(self, row: &'a Row<'a>, scene: &Scene<'a>) -> Vec<Span<'a>> {
        let label = text::pad(&row.label, self.label, scene.signs().ellipsis);
        let mut line = vec![scene.span(label, Role::Heading)];
        let mut next = 0;
        for seats in row.columns() {
            let column = seats[0].0;
            line.push(blank((column - next) * PITCH));
            line.extend(cell(seats, scene));
            next = column + 1;
        }
        line
    }
}

fn cell<'a>(seats: &'a [(usize, Seat<'a>)], scene: &Scene<'a>) -> [Span<'a>; 4] {
    let seat = most_telling(seats);
    let signs = scene.signs();
    let (sign, letters, role) = match seat.state {
        State::Free => (" ".into(), signs.free.into(), Role::Free),
        State::Booked => (" ".into(), initials(seat.booked_by.as_deref()), Role::Booked),
        State::Held | State::Uncommitted => held(seat, scene),
    };
    let is_awaited = seats.iter().any(|(_, seat)| !seat.place.waiters.is_empty());
    let mark = if is_awaited { signs.awaited } else { " " };
    let differs = if seats.iter().any(|(_, seat)| seat.differs) { signs.differs } else { " " };
    let over = over(seats, scene);
    [
        scene.span(sign, role).patch_style(over),
        scene.span(text::pad(&letters, 2, ""), role).patch_style(over),
        scene.span(mark, Role::Waiting).patch_style(over),
        scene.span(differs, Role::Conflict),
    ]
}

fn held<'a>(seat: &'a Seat<'a>, scene: &Scene<'_>) -> (Cow<'a, str>, Cow<'a, str>, Role) {
    let signs = scene.signs();
    let change = seat.place.holders.iter().find(|hold| hold.kind.is_change());
    match change.or(seat.place.holders.first()) {
        Some(hold) => {
            let role = hold_sign(hold.kind, signs).1;
            let sign = if role == Role::Locked { signs.locked } else { signs.uncommitted };
            (sign.into(), initials(Some(&holder_text(&hold.holder))), role)
        }
        None => (signs.uncommitted.into(), "".into(), Role::Uncommitted),
    }
}

/// The first two letters of a name, in at most two cells.
fn initials<'a>(name: Option<&str>) -> Cow<'a, str> {
    let first: String = name.unwrap_or("?").graphemes(true).take(2).collect();
    text::head(&first, 2).to_owned().into()
}

impl Density for Initials {
    fn width(&self, part: &Compartment<'_>) -> usize {
        let title = part.title.as_deref().map_or(0, text::width).min(TITLE);
        title.max(self.label + part.numbers.len() * PITCH)
    }

    fn height(&self, part: &Compartment<'_>) -> usize {
        part.rows.len() + 1 + usize::from(part.title.is_some())
    }

    fn block<'a>(&self, part: &'a Compartment<'a>, scene: &Scene<'a>) -> Block<'a> {
        let title = title_line(part, self.width(part), scene).into_iter();
        let rows = part.rows.iter().map(|row| vec![self.row(row, scene)]);
        Block::stacked(title.chain([self.header(part, scene)]), rows)
    }
}
