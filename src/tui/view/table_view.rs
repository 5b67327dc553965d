//! A watched table that is no seat map: its rows, and behind each who holds, changes, awaits it.
//!
//! ```text
//!  id │ owner │ balance │
//! ────┼───────┼─────────┼──────────────────────────────
//!   1 │ Alice │     100 │ ◐ Bob for share  ⏳ Mallory for update
//!   2 │ Bob   │      50 │
//!   … and 40 more rows
//! ```
//!
//! Of a long table the rows that somebody holds, awaits or has changed show, wherever they stand,
//! and as many of the first ones as there is room for.

use std::cmp::Reverse;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::flow::Counted;
use super::row_note::{RowNote, Scene, Trim};
use crate::core::scenario::counted;
use crate::core::seats::{WatchedRow, WatchedTable};
use crate::stage::text;
use crate::stage::watched::Weight;
use crate::tui::theme::Role;
use crate::tui::view::lines;

/// A value longer than this is cut, however wide the screen.
const WIDEST_VALUE: usize = 32;
/// Cells for the locks behind the values, where somebody has any.
const LOCKS: usize = 24;
/// With fewer cells than this a session's name is not told from another.
const LEAST_NOTE: usize = 9;
/// Cells for the count of those behind it.
const MORE: usize = 6;
/// Rows that are measured and shown; nobody reads more on a screen.
const MOST_ROWS: usize = 200;
/// With more rows that were changed than this, they are not worth a higher table.
const MOST_TOUCHED: usize = 8;
/// Below so many lines a row is worth more than the rule above it.
const SHORT: usize = 6;
/// The cells of a wall with its blanks.
const WALL: usize = 3;
/// Header and rule.
const FRAME: usize = 2;

/// A table with its locks by row.
#[derive(Debug)]
pub(super) struct TableView<'a> {
    table: &'a WatchedTable,
    scene: Scene<'a>,
}

impl<'a> TableView<'a> {
    pub(super) fn of(table: &'a WatchedTable, scene: Scene<'a>) -> Self {
        Self { table, scene }
    }

    /// The width in which every value has room, and a lock behind it.
    pub(super) fn comfortable_width(&self) -> usize {
        let first: Vec<_> = self.table.places.iter().take(MOST_ROWS).collect();
        let values: usize = Grid::of(self.table, &first, usize::MAX).taken();
        values + 1 + LOCKS
    }

    /// How many lines show the rows that matter.
    pub(super) fn needed_height(&self) -> usize {
        let rows = |least| self.table.places.iter().filter(|row| self.weight(row) >= least).count();
        let touched = rows(Weight::Touched);
        let kept = if touched > MOST_TOUCHED { rows(Weight::Held) } else { touched }.max(1);
        1 + kept + usize::from(kept < self.table.places.len())
    }

    /// How many lines show every row.
    pub(super) fn desired_height(&self) -> usize {
        self.table.places.len() + FRAME
    }

    fn weight(&self, row: &WatchedRow) -> Weight {
        self.scene.marks.weight(&self.table.name, row)
    }

    /// How many of so many lines the header takes: a row that matters is worth more than the rule,
    /// and one row more than what stands over it.
    fn above(&self, room: usize) -> usize {
        let is_whole = self.table.places.len() + FRAME <= room;
        match room {
            ..=1 => 0,
            _ if is_whole || (room >= SHORT && self.needed_height() < room) => FRAME,
            _ => 1,
        }
    }

    /// Draws the table into all of the area; gives its legend.
    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer) -> Vec<Counted<'a>> {
        let (width, room) = (usize::from(area.width), usize::from(area.height));
        let above = self.above(room);
        let (shown, left_out) = self.shown(room.saturating_sub(above));
        let grid = Grid::of(self.table, &shown, width);
        let mut lines = vec![self.header(&grid), self.rule(&grid, width)];
        lines.truncate(above);
        lines.extend(shown.iter().map(|place| self.row(place, &grid, width)));
        if left_out > 0 && lines.len() < room {
            let words = format!(
                "{} and {}",
                self.scene.signs().ellipsis,
                counted(left_out as u64, "more row")
            );
            lines.push(Line::from(self.scene.span(words, Role::Dim)));
        }
        lines::put_lines(buffer, area, &lines);
        self.legend()
    }

    /// The rows for so many lines, in order, and how many are left out.
    fn shown(&self, room: usize) -> (Vec<&'a WatchedRow>, usize) {
        let places = &self.table.places;
        let room = room.min(MOST_ROWS);
        if places.len() <= room {
            return (places.iter().collect(), 0);
        }
        // Of a single line a row is worth more than the count of the others.
        let room = if room > 1 { room - 1 } else { room };
        let mut chosen: Vec<usize> = (0..places.len()).collect();
        chosen.sort_by_cached_key(|at| Reverse(self.weight(&places[*at])));
        chosen.truncate(room);
        chosen.sort_unstable();
        (chosen.iter().map(|at| &places[*at]).collect(), places.len() - chosen.len())
    }

    fn wall(&self) -> Span<'a> {
        self.scene.span(format!(" {} ", self.scene.signs().wall), Role::Border)
    }

    fn header(&self, grid: &Grid) -> Line<'a> {
        let mut spans = vec![Span::raw(" ")];
        for (name, cells) in self.table.columns.iter().zip(&grid.widths) {
            let name = text::pad(&text::visible(name), *cells, self.scene.signs().ellipsis);
            spans.extend([self.scene.span(name, Role::Heading), self.wall()]);
        }
        Line::from(spans)
    }

    fn rule(&self, grid: &Grid, width: usize) -> Line<'a> {
        let signs = self.scene.signs();
        let mut rule: String =
            grid.widths.iter().map(|cells| signs.rule.repeat(cells + 2) + signs.crossing).collect();
        let rest = width.saturating_sub(text::width(&rule));
        rule.push_str(&signs.rule.repeat(rest));
        Line::from(self.scene.span(rule, Role::Border))
    }

    fn row(&self, place: &'a WatchedRow, grid: &Grid, width: usize) -> Line<'a> {
        let is_lit = self.scene.marks.is_lit(&self.table.name, &place.key);
        let role = if place.committed { Role::Booked } else { Role::Uncommitted };
        let over = if is_lit { self.scene.style(Role::Changed) } else { Style::new() };
        let differs = self.scene.marks.differs(&self.table.name, &place.key);
        let mark = if differs { self.scene.signs().differs } else { " " };
        let mut spans = vec![self.scene.span(mark, Role::Conflict)];
        for (column, cells) in grid.widths.iter().enumerate() {
            let value = grid.aligned(column, &shown_value(place, column), *cells, &self.scene);
            spans.extend([self.scene.span(value, role).patch_style(over), self.wall()]);
        }
        let used: usize = spans.iter().map(Span::width).sum();
        spans.extend(self.locks(place, width.saturating_sub(used)));
        Line::from(spans)
    }

    /// Holders and waiters in the queue's order, as many as there is room for.
    fn locks(&self, place: &'a WatchedRow, width: usize) -> Vec<Span<'a>> {
        let holds = place.holders.iter().map(|hold| RowNote::hold_with_mode(hold, &self.scene));
        let waiters =
            place.waiters.iter().map(|waiter| RowNote::waiter_with_mode(waiter, &self.scene));
        let mut left = width;
        let mut count = place.holders.len() + place.waiters.len();
        let mut spans = Vec::new();
        for note in holds.chain(waiters) {
            let room = left.saturating_sub(if count > 1 { MORE } else { 0 });
            if !spans.is_empty() && note.width().min(LEAST_NOTE) > room {
                break;
            }
            let cells = note.width().min(if spans.is_empty() { left } else { room });
            spans.extend(note.spans(cells, Style::new(), self.scene.signs().ellipsis));
            spans.push(Span::raw("  "));
            left = left.saturating_sub(cells + 2);
            count -= 1;
        }
        if count > 0 {
            spans.push(self.scene.span(format!("+{count}"), Role::Dim));
        }
        spans
    }

    fn legend(&self) -> Vec<Counted<'a>> {
        if self.scene.trim == Trim::Bare {
            return Vec::new();
        }
        let (places, signs) = (&self.table.places, self.scene.signs());
        let count = |is: fn(&WatchedRow) -> bool| places.iter().filter(|place| is(place)).count();
        let held = count(|place| !place.holders.is_empty() && !is_uncommitted(place));
        let waiting: usize = places.iter().map(|place| place.waiters.len()).sum();
        let entry = |sign: &'static str, role, count: usize, words: String| {
            (count, vec![self.scene.span(sign, role), self.scene.span(words, Role::Dim)])
        };
        let uncommitted = count(is_uncommitted);
        vec![
            entry("", Role::Dim, places.len(), counted(places.len() as u64, "row")),
            entry(signs.locked, Role::Locked, held, format!(" {held} held")),
            entry(
                signs.uncommitted,
                Role::Uncommitted,
                uncommitted,
                format!(" {uncommitted} not yet committed"),
            ),
            entry(signs.waiting, Role::Waiting, waiting, format!(" {waiting} waiting")),
        ]
    }
}

fn is_uncommitted(place: &WatchedRow) -> bool {
    !place.committed || place.holders.iter().any(|hold| hold.kind.is_change())
}

/// A value as text; of a row of which nothing is known, the key stands in the first column.
fn shown_value(place: &WatchedRow, column: usize) -> String {
    let is_unknown = place.values.iter().all(Option::is_none);
    match place.values.get(column).and_then(Option::as_deref) {
        Some(value) => text::visible(value).into_owned(),
        None if column == 0 && is_unknown => text::visible(&place.key).into_owned(),
        None => String::new(),
    }
}

/// The columns' widths and alignment.
struct Grid {
    widths: Vec<usize>,
    is_number: Vec<bool>,
}

impl Grid {
    fn of(table: &WatchedTable, shown: &[&WatchedRow], width: usize) -> Self {
        let widest = |(column, name): (usize, &String)| {
            let values = shown.iter().map(|place| text::width(&shown_value(place, column)));
            values.max().unwrap_or(0).max(text::width(&text::visible(name))).min(WIDEST_VALUE)
        };
        let mut widths: Vec<usize> = table.columns.iter().enumerate().map(widest).collect();
        let has_locks = shown.iter().any(|place| place.is_contested());
        let room = width.saturating_sub(if has_locks { LOCKS.min(width / 2) } else { 0 });
        shrink(&mut widths, room.saturating_sub(1));
        let is_number = (0..widths.len()).map(|column| is_number(shown, column)).collect();
        Self { widths, is_number }
    }

    /// The cells of all columns with the walls behind them.
    fn taken(&self) -> usize {
        self.widths.iter().map(|cells| cells + WALL).sum()
    }

    fn aligned(&self, column: usize, value: &str, cells: usize, scene: &Scene<'_>) -> String {
        let padded = text::pad(value, cells, scene.signs().ellipsis);
        let blank = cells.saturating_sub(text::width(value));
        if self.is_number[column] { " ".repeat(blank) + padded.trim_end() } else { padded }
    }
}

/// Takes cells from the widest column until all fit; columns for which nothing is left go.
fn shrink(widths: &mut Vec<usize>, room: usize) {
    const LEAST: usize = 3;
    widths.truncate(room / (1 + WALL) + 1);
    while widths.iter().map(|cells| cells + WALL).sum::<usize>() > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > LEAST => *widest -= 1,
            Some(_) => widths.truncate(widths.len() - 1),
            None => return,
        }
    }
}

fn is_number(shown: &[&WatchedRow], column: usize) -> bool {
    let mut values = shown
        .iter()
        .filter_map(|place| place.values.get(column).and_then(Option::as_deref))
        .peekable();
    values.peek().is_some() && values.all(|value| value.parse::<f64>().is_ok())
}
