//! Who holds and who waits, in words, for maps too dense to show it on the seat.
//!
//! ```text
//! A-4 ● Bob ⏳ Mallory ⏳ Trent   A-5 ◐ Alice   … and 12 more
//! ```

use ratatui::text::{Line, Span};

use crate::stage::text;
use crate::stage::watched::plan::{Plan, Seat};
use crate::tui::theme::Role;
use crate::tui::view::flow::{Entry, flow_in};
use crate::tui::view::row_note::{RowNote, Scene};

/// Names that are shown of one seat's queue.
const NAMES: usize = 4;

/// The seats that somebody holds or awaits, the awaited ones first, in at most so many lines.
pub(super) fn queues<'a>(
    plan: &'a Plan<'a>,
    (width, height): (usize, usize),
    scene: &Scene<'a>,
) -> Vec<Line<'a>> {
    let mut seats: Vec<_> = plan.seats().filter(|seat| seat.place.is_contested()).collect();
    seats.sort_by_key(|seat| seat.place.waiters.is_empty());
    // No line holds more entries than a third of its cells.
    let entries: Vec<_> = seats
        .iter()
        .take(height.saturating_mul(width.div_ceil(3)))
        .map(|seat| entry(seat, width, scene))
        .collect();
    let more = |left_out: usize| {
        scene.span(format!("{} and {left_out} more", scene.signs().ellipsis), Role::Dim)
    };
    flow_in(entries, seats.len(), (width, height), |shown| more(seats.len() - shown))
}

fn entry<'a>(seat: &'a Seat<'a>, width: usize, scene: &Scene<'a>) -> Entry<'a> {
    let place = seat.place;
    let holds = place.holders.iter().map(|hold| RowNote::hold(hold, scene));
    let waiters = place.waiters.iter().map(|waiter| RowNote::waiter(waiter, scene));
    let mut spans = vec![scene.span(text::visible(&place.key), Role::Heading)];
    for note in holds.chain(waiters).take(NAMES) {
        let cells = note.width().min(width / 2);
        spans.push(Span::raw(" "));
        spans.extend(note.spans(cells, ratatui::style::Style::new(), scene.signs().ellipsis));
    }
    let left_out = (place.holders.len() + place.waiters.len()).saturating_sub(NAMES);
    if left_out > 0 {
        spans.push(scene.span(format!(" +{left_out}"), Role::Dim));
    }
    spans
}
