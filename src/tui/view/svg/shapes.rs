//! Borders, rules and bars, drawn.
//!
//! ```text
//!  ╭──     a line from the cell's middle to each side that it leads to; the round corners are arcs
//!  │  ▐▒▌  half cells, hatching, the hourglass
//! ```

use std::fmt::Write as _;

use super::{HEIGHT, WIDTH};

/// What is drawn in one colour.
#[derive(Default)]
pub(super) struct Shapes {
    /// A path of strokes.
    pub(super) lines: String,
    /// A path of areas.
    pub(super) areas: String,
}

/// The sides to which a box-drawing character leads, 1 for yes: left, right, up, down.
const BOXES: [(&str, [usize; 4]); 11] = [
    ("─", [1, 1, 0, 0]),
    ("│", [0, 0, 1, 1]),
    ("├", [0, 1, 1, 1]),
    ("┤", [1, 0, 1, 1]),
    ("└", [0, 1, 1, 0]),
    ("┘", [1, 0, 1, 0]),
    ("┌", [0, 1, 0, 1]),
    ("┐", [1, 0, 0, 1]),
    ("┬", [1, 1, 0, 1]),
    ("┴", [1, 1, 1, 0]),
    ("┼", [1, 1, 1, 1]),
];

impl Shapes {
    /// Draws a character if it is one of those that are drawn; the place is its cell's corner.
    pub(super) fn draw(&mut self, symbol: &str, place: (usize, usize)) -> bool {
        if let Some((_, sides)) = BOXES.iter().find(|(known, _)| *known == symbol) {
            self.rules(*sides, place);
            return true;
        }
        match symbol {
            "╭" => self.corner(place, (WIDTH, HEIGHT)),
            "╮" => self.corner(place, (0, HEIGHT)),
            "╯" => self.corner(place, (0, 0)),
            "╰" => self.corner(place, (WIDTH, 0)),
            "╌" => self.dashes(place),
            "▒" => self.hatching(place),
            "⏳" => self.hourglass(place),
            "█" => self.area(place, 0, WIDTH),
            "▌" => self.area(place, 0, WIDTH / 2),
            "▐" => self.area(place, WIDTH / 2 + 1, WIDTH - WIDTH / 2 - 1),
            _ => return false,
        }
        true
    }

    fn rules(&mut self, [left, right, up, down]: [usize; 4], (x, y): (usize, usize)) {
        let (from, to) = middle((x, y));
        let (west, east) = (left * (WIDTH / 2), right * (WIDTH - WIDTH / 2));
        let (north, south) = (up * (HEIGHT / 2), down * (HEIGHT / 2));
        if left + right > 0 {
            let _ = write!(self.lines, "M{} {to}.5h{}", from - west, west + east);
        }
        if up + down > 0 {
            let _ = write!(self.lines, "M{from}.5 {}v{}", to - north, north + south);
        }
    }

    /// A quarter of an ellipse between the middles of two sides, around the corner that they share.
    fn corner(&mut self, (x, y): (usize, usize), (right, down): (usize, usize)) {
        let (from, to) = middle((x, y));
        let (side, foot) = (x + right, y + down);
        let _ = write!(self.lines, "M{side} {to}.5Q{from}.5 {to}.5 {from}.5 {foot}");
    }

    fn dashes(&mut self, (x, y): (usize, usize)) {
        let (_, to) = middle((x, y));
        let _ = write!(self.lines, "M{} {to}.5h3M{} {to}.5h3", x + 1, x + 5);
    }

    fn hatching(&mut self, (x, y): (usize, usize)) {
        for row in 0..HEIGHT / WIDTH {
            let foot = y + (row + 1) * WIDTH;
            let _ = write!(self.lines, "M{x} {foot}l{WIDTH} -{WIDTH}");
        }
    }

    /// Two cells wide. It is drawn because not every machine that shows a picture has a font with
    /// it.
    fn hourglass(&mut self, (x, y): (usize, usize)) {
        let _ = write!(self.areas, "M{} {}h10l-4 6l4 6h-10l4 -6z", x + 4, y + 3);
    }

    fn area(&mut self, (x, y): (usize, usize), from: usize, width: usize) {
        let _ = write!(self.areas, "M{} {y}h{width}v{HEIGHT}h-{width}z", x + from);
    }
}

fn middle((x, y): (usize, usize)) -> (usize, usize) {
    (x + WIDTH / 2, y + HEIGHT / 2)
}
