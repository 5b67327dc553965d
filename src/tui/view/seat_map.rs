//! The seat map: who sits where, who holds what, who waits for it.
//!
//! ```text
//!                         S C R E E N                            caption, where there is room
//! A    1 Carol     2 ·        4 ● Bob      5 ◐ Alice             compartments, as dense as fits
//!                               ⏳ Mallory
//! ╰ ◐ 1 held   ● 1 not yet committed   ⏳ 1 waiting   · 1 free ───╯   legend, in the border
//! ```
//!
//! A small theatre shows names and queues, as boxes on a large screen; a larger one two letters a
//! seat; a cinema of six hundred one sign a seat. What a dense map cannot show on the seat stands
//! below it in words. Where even that is too much, the rows that somebody holds, awaits or has
//! changed stay, and those next to them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

mod arrange;
mod boxes;
mod dots;
mod fit;
mod initials;
mod legend;
mod names;
mod queues;
mod way;

use crate::stage::watched::Weight;
use crate::stage::watched::plan::{Compartment, Plan, Seat};
use arrange::blank;
use fit::Fit;
use legend::{Shown, legend};
use way::Way;

use super::flow::Counted;
use super::row_note::{Scene, Trim};
use crate::core::scenario::counted;
use crate::core::seats::WatchedTable;
use crate::stage::text;
use crate::tui::theme::Role;
use crate::tui::view::lines;

const CAPTION: &str = "S C R E E N";
/// Cells that a long title may add to a narrow compartment.
const TITLE: usize = 20;

/// A watched table, read as a seat map.
#[derive(Debug)]
pub(super) struct SeatMap<'a> {
    plan: Plan<'a>,
    scene: Scene<'a>,
}

impl<'a> SeatMap<'a> {
    /// The map, if the table is one.
    pub(super) fn of(table: &'a WatchedTable, scene: Scene<'a>) -> Option<Self> {
        Some(Self { plan: Plan::of(table, scene.marks)?, scene })
    }

    /// The width in which names stand side by side, with room for a waiter on every seat.
    pub(super) fn comfortable_width(&self) -> usize {
        fit::comfortable_width(&self.plan, &self.scene)
    }

    /// How many lines show the rows that matter.
    pub(super) fn needed_height(&self, width: usize) -> usize {
        fit::needed_height(&self.plan, width, &self.scene)
    }

    /// How many lines show everything, at the best density that this width and so many lines allow.
    pub(super) fn desired_height(&self, width: usize, most: usize) -> usize {
        Fit::of(&self.plan, (width, most), &self.scene).height()
    }

    /// Draws the map into all of the area; gives its legend.
    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer) -> Vec<Counted<'a>> {
        let (width, height) = (usize::from(area.width), usize::from(area.height));
        let fit = Fit::of(&self.plan, (width, height), &self.scene);
        lines::put_lines(buffer, area, &self.picture(&fit, width, height));
        if self.scene.trim == Trim::Bare {
            return Vec::new();
        }
        legend(&self.plan, fit.way.as_ref().map_or(Shown::Dots, Way::shown), &self.scene)
    }

    /// Caption, seats, and below a dense map the queues in words: at most `room` lines.
    fn picture<'b>(&'b self, fit: &'b Fit<'_, 'b>, width: usize, room: usize) -> Vec<Line<'b>> {
        let Some(way) = &fit.way else {
            return queues::queues(&self.plan, (width, room), &self.scene);
        };
        let caption = way.has_caption().then(|| self.caption(width));
        let mut lines: Vec<Line<'_>> = caption.into_iter().collect();
        let picture = way.draw(&fit.plan, &self.scene);
        let is_cut = lines.len() + picture.lines.len() > room;
        let below = if is_cut { picture.rows_below(room.saturating_sub(1)) } else { 0 };
        let left_out = fit.left_out + below;
        let room = room.saturating_sub(usize::from(left_out > 0));
        lines.extend(picture.lines);
        lines.truncate(room);
        if way.shown() != Shown::Names {
            let below = (width, room - lines.len());
            lines.extend(queues::queues(&self.plan, below, &self.scene));
        }
        lines.extend((left_out > 0).then(|| self.more_rows(left_out)));
        lines
    }

    fn caption(&self, width: usize) -> Line<'a> {
        let margin = width.saturating_sub(CAPTION.len()) / 2;
        Line::from(vec![blank(margin), self.scene.span(CAPTION, Role::Heading)])
    }

    fn more_rows(&self, count: usize) -> Line<'a> {
        let (ellipsis, rows) = (self.scene.signs().ellipsis, counted(count as u64, "more row"));
        Line::from(self.scene.span(format!("{ellipsis} and {rows}"), Role::Dim))
    }
}

/// A compartment's title, centred over its block.
fn title_line<'a>(
    part: &'a Compartment<'a>,
    width: usize,
    scene: &Scene<'a>,
) -> Option<Vec<Span<'a>>> {
    let title = text::fit(part.title.as_deref()?, width, scene.signs().ellipsis);
    let margin = (width - text::width(&title)) / 2;
    Some(vec![blank(margin), scene.span(title, Role::Title)])
}

/// What is laid over a place that has just changed.
fn over(seats: &[(usize, Seat<'_>)], scene: &Scene<'_>) -> Style {
    let is_lit = seats.iter().any(|(_, seat)| seat.lit);
    if is_lit { scene.style(Role::Changed) } else { Style::new() }
}

/// Of several seats in one place, the one that a single sign should show.
fn most_telling<'b, 'a>(seats: &'b [(usize, Seat<'a>)]) -> &'b Seat<'a> {
    let contested = seats.iter().find(|(_, seat)| !seat.place.holders.is_empty());
    &contested.unwrap_or(&seats[0]).1
}

#[cfg(test)]
mod tests;
