//! A frame as a picture: SVG, with the colours that the terminal was given.
//!
//! Letters are text, in cells of a fixed size, so that they can be searched and copied. Borders and
//! bars are drawn, because fonts leave gaps between them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::Modifier;

use crate::stage::text;

mod palette;
mod shapes;
#[cfg(test)]
mod tests;

use palette::{BACKGROUND, INK, hex};

/// A cell's width: what a monospaced letter of [`FONT`] pixels takes.
const WIDTH: usize = 9;
/// A cell's height.
const HEIGHT: usize = 18;
/// The size of the letters.
const FONT: usize = 15;
/// How far a letter's foot stands below the top of its cell.
const FOOT: usize = 14;
/// The margin around the screen.
const MARGIN: usize = 12;

/// The picture of a frame, under a title for those who cannot see it.
pub(crate) fn render(frame: &Buffer, title: &str) -> String {
    let (columns, rows) = (usize::from(frame.area.width), usize::from(frame.area.height));
    let (width, height) = (columns * WIDTH + 2 * MARGIN, rows * HEIGHT + 2 * MARGIN);
    let mut picture = Picture { ground: ground(frame), ..Picture::default() };
    for (y, row) in frame.content.chunks(columns.max(1)).enumerate() {
        picture.row(row, MARGIN + y * HEIGHT);
    }
    let Picture { ground, grounds, shapes, letters } = picture;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" \
         role=\"img\" font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" \
         font-size=\"{FONT}\" \
         xml:space=\"preserve\">\n<title>{}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{ground}\"/>\n{grounds}",
        escaped(title)
    );
    for (ink, shape) in shapes {
        let _ = writeln!(svg, "<path stroke=\"{ink}\" fill=\"none\" d=\"{}\"/>", shape.lines);
        let _ = writeln!(svg, "<path fill=\"{ink}\" d=\"{}\"/>", shape.areas);
    }
    svg + &letters + "</svg>\n"
}

/// What the screen is painted with, and so the margin too: the background of its first cell.
fn ground(frame: &Buffer) -> String {
    frame.content.first().map_or_else(|| BACKGROUND.to_owned(), |cell| hex(cell.bg, BACKGROUND))
}

/// What has been drawn of a frame.
#[derive(Default)]
struct Picture {
    /// What need not be painted, because everything is.
    ground: String,
    grounds: String,
    /// What is drawn instead of written, by its colour.
    shapes: BTreeMap<String, shapes::Shapes>,
    letters: String,
}

/// How a cell looks.
#[derive(Clone, PartialEq, Eq)]
struct Look {
    ink: String,
    background: String,
    attributes: Modifier,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let (ink, background) = (hex(cell.fg, INK), hex(cell.bg, BACKGROUND));
        let is_reversed = cell.modifier.contains(Modifier::REVERSED);
        let (ink, background) = if is_reversed { (background, ink) } else { (ink, background) };
        Self { ink, background, attributes: cell.modifier - Modifier::REVERSED }
    }

    fn attributes(&self) -> String {
        let named = [
            (Modifier::BOLD, " font-weight=\"bold\""),
            (Modifier::ITALIC, " font-style=\"italic\""),
            (Modifier::UNDERLINED, " text-decoration=\"underline\""),
            (Modifier::CROSSED_OUT, " text-decoration=\"line-through\""),
            (Modifier::DIM, " opacity=\"0.6\""),
        ];
        let has = |attribute: &Modifier| self.attributes.contains(*attribute);
        named.iter().filter(|(attribute, _)| has(attribute)).map(|(_, words)| *words).collect()
    }
}

impl Picture {
    fn row(&mut self, cells: &[Cell], y: usize) {
        let mut x = 0;
        while x < cells.len() {
            let look = Look::of(&cells[x]);
            let run = run_length(&cells[x..], &look);
            let end = (x + run).min(cells.len());
            self.background(&look, (x, y), end - x);
            if !look.attributes.contains(Modifier::HIDDEN) {
                self.write(&cells[x..end], &look, (x, y));
            }
            x = end;
        }
    }

    fn background(&mut self, look: &Look, (x, y): (usize, usize), cells: usize) {
        if look.background != self.ground {
            let (x, width) = (MARGIN + x * WIDTH, cells * WIDTH);
            let _ = writeln!(
                self.grounds,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" fill=\"{}\"/>",
                look.background
            );
        }
    }

    /// Writes cells of one look: pieces of plain letters at once, everything else where it belongs.
    fn write(&mut self, cells: &[Cell], look: &Look, (x, y): (usize, usize)) {
        let mut at = 0;
        while at < cells.len() {
            let symbol = cells[at].symbol();
            let place = (MARGIN + (x + at) * WIDTH, y);
            let shapes = self.shapes.entry(look.ink.clone()).or_default();
            if shapes.draw(symbol, place) {
                at += text::width(symbol).max(1);
                continue;
            }
            let plain = cells[at..].iter().take_while(|cell| cell.symbol().is_ascii()).count();
            let piece: String = cells[at..at + plain.max(1)].iter().map(Cell::symbol).collect();
            self.letters(&piece, look, place);
            at += if plain > 0 { plain } else { text::width(symbol).max(1) };
        }
    }

    fn letters(&mut self, piece: &str, look: &Look, (x, y): (usize, usize)) {
        let is_seen = !piece.trim().is_empty() || look.attributes.contains(Modifier::UNDERLINED);
        if !is_seen {
            return;
        }
        let (y, width) = (y + FOOT, text::width(piece) * WIDTH);
        let _ = writeln!(
            self.letters,
            "<text x=\"{x}\" y=\"{y}\" textLength=\"{width}\" fill=\"{}\"{}>{}</text>",
            look.ink,
            look.attributes(),
            escaped(piece)
        );
    }
}

/// How many cells from here on look the same. What stands behind a wide character belongs to it.
fn run_length(cells: &[Cell], look: &Look) -> usize {
    let mut at = 0;
    while at < cells.len() && Look::of(&cells[at]) == *look {
        at += text::width(cells[at].symbol()).max(1);
    }
    at
}

/// Text as XML allows it (XML 1.0, 2.2 and 2.4).
fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => '\u{FFFD}'.to_string(),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}
