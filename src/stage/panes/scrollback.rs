//! What a session's pane has shown: lines, bounded, drawn without touching those that are out of
//! sight.
//!
//! ```text
//!      first ──▶ ┌──────────────┐          Nothing is wrapped ahead of time. A frame walks up from
//!                │ ...          │          the last line (or down from where somebody scrolled to)
//!      top    ──▶│ ┌──────────┐ │          until the pane is full: a resize costs nothing, and
//!                │ │ the pane │ │          ten thousand lines cost what forty do.
//!      newest ──▶└─┴──────────┴─┘
//! ```
//!
//! A place in it is a line's number, counted since the pane was opened, and a row within that line;
//! so it stays where it is while lines come in below and old ones fall off above.

use std::collections::VecDeque;
use std::ops::Range;

mod columns;
mod line;

pub use columns::Columns;
pub use line::{LINE_KEPT, Line, Look};

/// How many lines a pane keeps.
pub const LINES_KEPT: usize = 10_000;

/// A row of the pane: a part of a line.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    pub line: &'a Line,
    /// The line's number.
    pub number: u64,
    /// Which bytes of it.
    pub range: Range<usize>,
    /// Whether the line ends here.
    pub ends: bool,
}

/// The size of the room in which lines are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Its width in cells.
    pub cells: usize,
    /// Its height in rows.
    pub rows: usize,
}

/// A row's place: a line, and which of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ScrollPosition {
    line: u64,
    row: usize,
}

/// The lines of a pane and where somebody has scrolled to.
#[derive(Clone, Debug, Default)]
pub struct Scrollback {
    lines: VecDeque<Line>,
    /// The number of the oldest line kept.
    first: u64,
    /// The topmost row shown; `None` follows the newest.
    top: Option<ScrollPosition>,
    /// How many cells of wide tables are out of sight on the left.
    shift: usize,
}

impl Scrollback {
    /// Adds a line below; the oldest goes when there are too many.
    pub fn push(&mut self, line: Line) {
        self.lines.push_back(line);
        if self.lines.len() > LINES_KEPT {
            self.lines.pop_front();
            self.first += 1;
        }
    }

    /// The number of the oldest line kept.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The text of the line with this number.
    pub fn text_of(&self, number: u64) -> Option<&str> {
        self.line(number).map(|line| &*line.text)
    }

    /// What the server said to the last statement that it has answered.
    pub fn last_answer(&self) -> Vec<&str> {
        let mut answer = Vec::new();
        for line in self.lines.iter().rev() {
            match line.look {
                Look::Statement { .. } if !answer.is_empty() => break,
                look if look.is_answer() => answer.push(&*line.text),
                _ => {}
            }
        }
        answer.reverse();
        answer
    }

    /// The number that the next line gets.
    pub fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    /// Takes back every line from this number on: a result that is still coming is drawn again and
    /// again.
    pub fn take_back(&mut self, from: u64) {
        self.lines.truncate(usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX));
    }

    /// The newest line.
    pub fn last_mut(&mut self) -> Option<&mut Line> {
        self.lines.back_mut()
    }

    /// Forgets everything shown; numbers go on.
    pub fn clear(&mut self) {
        self.first = self.end();
        self.lines.clear();
        self.top = None;
        self.shift = 0;
    }

    /// Every line kept, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Line> {
        self.lines.iter()
    }

    /// The rows that are in sight.
    pub fn visible(&self, room: Room) -> Vec<Row<'_>> {
        let Some(top) = self.top else { return self.newest(room) };
        let mut rows = Vec::with_capacity(room.rows);
        let top = self.clamped(top, room);
        for number in top.line..self.end() {
            let skipped = if number == top.line { top.row } else { 0 };
            rows.extend(self.rows_of(number, room.cells).skip(skipped));
            if rows.len() >= room.rows {
                break;
            }
        }
        rows.truncate(room.rows);
        rows
    }

    fn newest(&self, room: Room) -> Vec<Row<'_>> {
        let mut rows: Vec<Row<'_>> = Vec::with_capacity(room.rows + 8);
        for number in (self.first..self.end()).rev() {
            if rows.len() >= room.rows {
                break;
            }
            let from = rows.len();
            rows.extend(self.rows_of(number, room.cells));
            rows[from..].reverse();
        }
        rows.truncate(room.rows);
        rows.reverse();
        rows
    }

    fn line(&self, number: u64) -> Option<&Line> {
        self.lines.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn rows_of(&self, number: u64, cells: usize) -> impl Iterator<Item = Row<'_>> {
        self.line(number).into_iter().flat_map(move |line| {
            let ranges = line.rows(cells);
            let last = ranges.len() - 1;
            ranges.into_iter().enumerate().map(move |(index, range)| Row {
                line,
                number,
                range,
                ends: index == last,
            })
        })
    }

    fn height(&self, number: u64, cells: usize) -> usize {
        self.line(number).map_or(1, |line| line.rows(cells).len())
    }

    /// The topmost row when the newest is in sight.
    fn newest_top(&self, room: Room) -> ScrollPosition {
        let mut place = ScrollPosition { line: self.end(), row: 0 };
        self.step_up(&mut place, room.rows, room.cells);
        place
    }

    /// A place that may have fallen off above, or lie too far below after a resize.
    fn clamped(&self, place: ScrollPosition, room: Room) -> ScrollPosition {
        if place.line < self.first {
            return ScrollPosition { line: self.first, row: 0 };
        }
        let row = place.row.min(self.height(place.line, room.cells).saturating_sub(1));
        ScrollPosition { row, ..place }.min(self.newest_top(room))
    }

    fn step_up(&self, place: &mut ScrollPosition, rows: usize, cells: usize) {
        let mut left = rows;
        while left > place.row {
            if place.line <= self.first {
                place.row = 0;
                return;
            }
            left -= place.row + 1;
            place.line -= 1;
            place.row = self.height(place.line, cells) - 1;
        }
        place.row -= left;
    }

    fn step_down(&self, place: &mut ScrollPosition, rows: usize, cells: usize) {
        let mut left = rows;
        while left > 0 && place.line < self.end() {
            let below = self.height(place.line, cells) - 1 - place.row;
            if left <= below {
                place.row += left;
                return;
            }
            left -= below + 1;
            *place = ScrollPosition { line: place.line + 1, row: 0 };
        }
    }

    /// Shows another part in this room.
    pub fn go(&mut self, motion: Motion, room: Room) {
        let screenful = room.rows.saturating_sub(1).max(1);
        match motion {
            Motion::Screenful(direction) => self.go(Motion::Rows(direction, screenful), room),
            Motion::Rows(Direction::Up, rows) => self.scroll_up(rows, room),
            Motion::Rows(Direction::Down, rows) => self.scroll_down(rows, room),
            Motion::First => self.show_first(room),
            Motion::Line(number) => self.show(number, room),
            Motion::Reveal(number) => {
                if !self.visible(room).iter().any(|row| row.number == number) {
                    self.show(number, room);
                }
            }
            Motion::Sideways(cells) => self.shift_by(cells, room),
        }
    }

    /// Shows what is so many rows above.
    pub fn scroll_up(&mut self, rows: usize, room: Room) {
        let mut place =
            self.top.map_or_else(|| self.newest_top(room), |top| self.clamped(top, room));
        self.step_up(&mut place, rows, room.cells);
        self.settle(place, room);
    }

    /// Shows what is so many rows below; at the end the pane follows the newest line again.
    pub fn scroll_down(&mut self, rows: usize, room: Room) {
        let Some(top) = self.top else { return };
        let mut place = self.clamped(top, room);
        self.step_down(&mut place, rows, room.cells);
        self.settle(place, room);
    }

    /// Shows the line with this number in the middle.
    pub fn show(&mut self, number: u64, room: Room) {
        let mut place = ScrollPosition { line: number, row: 0 };
        self.step_up(&mut place, room.rows / 2, room.cells);
        self.settle(place, room);
    }

    /// Shows the oldest line.
    pub fn show_first(&mut self, room: Room) {
        self.settle(ScrollPosition { line: self.first, row: 0 }, room);
    }

    /// Follows the newest line.
    pub fn follow(&mut self) {
        self.top = None;
    }

    /// Shows wide tables from their first column on.
    pub fn shift_back(&mut self) {
        self.shift = 0;
    }

    /// Whether the widest table in sight is seen to its last column.
    pub fn is_at_right(&self, room: Room) -> bool {
        self.shift >= self.beyond(room)
    }

    fn settle(&mut self, place: ScrollPosition, room: Room) {
        self.top = (place < self.newest_top(room)).then_some(place);
    }

    /// By how many cells the widest table in sight is wider than the room.
    pub fn beyond(&self, room: Room) -> usize {
        let rows = self.visible(room);
        let widths = rows.iter().map(|row| row.line.table_width(room.cells));
        widths.max().unwrap_or(0).saturating_sub(room.cells)
    }

    /// Moves wide tables so many cells to the right, or to the left if that is negative.
    pub fn shift_by(&mut self, cells: isize, room: Room) {
        let most = self.beyond(room);
        self.shift = self.shift.min(most).saturating_add_signed(cells).min(most);
    }

    /// How many cells of this line are out of sight on the left: a table that fits stays where it
    /// is.
    pub fn shift_of(&self, line: &Line, cells: usize) -> usize {
        self.shift.min(line.table_width(cells).saturating_sub(cells))
    }

    /// How many lines lie below what is in sight; 0 when the newest is shown.
    pub fn lines_below(&self, room: Room) -> u64 {
        if self.top.is_none() {
            return 0;
        }
        self.visible(room).last().map_or(0, |row| self.end() - row.number - 1)
    }

    /// The number of the nearest line above (or below) `from` that contains `needle`, whatever its
    /// case.
    pub fn find(&self, needle: &str, from: u64, direction: Direction) -> Option<u64> {
        let needle = needle.to_lowercase();
        let holds = |number: &u64| {
            self.line(*number).is_some_and(|line| line.text.to_lowercase().contains(&needle))
        };
        match direction {
            Direction::Up => (self.first..from.min(self.end())).rev().find(holds),
            Direction::Down => (from.saturating_add(1).max(self.first)..self.end()).find(holds),
        }
    }
}

/// Which part of a pane to show, whatever room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// What is a screenful away.
    Screenful(Direction),
    /// What is so many rows away.
    Rows(Direction, usize),
    /// The oldest line.
    First,
    /// The line with this number.
    Line(u64),
    /// The same, where it is not in sight yet.
    Reveal(u64),
    /// What of wide tables is so many cells to the right, or to the left if that is negative.
    Sideways(isize),
}

/// Which way to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To older lines.
    Up,
    /// To newer lines.
    Down,
}

#[cfg(test)]
mod tests;
