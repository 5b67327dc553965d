//! The seats as dots: one each, by compartment; where there are more seats than cells, one for
//! several.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use crate::stage::rush::RushStage;
use crate::tui::theme::{Role, Theme};
use crate::tui::view::lines;

/// How full a dot that stands for several seats is, where the terminal has the characters.
const FULLNESS: [&str; 5] = ["·", "░", "▒", "▓", "█"];

/// Draws the compartments one under the other, each with a line that counts.
pub(super) fn draw(stage: &RushStage, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let plan = stage.options.plan();
    let rooms = Layout::vertical((0..plan.compartments).map(|_| Constraint::Fill(1))).split(area);
    let largest = (0..plan.compartments).map(|number| plan.places(number).len()).max();
    let lowest = rooms.iter().map(|room| room.height.saturating_sub(1)).min();
    let density = Density::of(largest.unwrap_or(0), area.width, lowest.unwrap_or(0));
    for (number, room) in (0..plan.compartments).zip(rooms.iter()) {
        let sales = stage.sales.get(plan.places(number)).unwrap_or_default();
        compartment(&Compartment { number, sales }, density, theme, *room, buffer);
    }
}

/// How close the dots are. All compartments have the same, or a fuller one would look emptier.
#[derive(Clone, Copy)]
struct Density {
    /// Cells from one dot to the next.
    step: usize,
    seats_a_dot: usize,
    /// Dots in a row.
    row: usize,
}

impl Density {
    /// For so many seats, in so many cells.
    fn of(seats: usize, width: u16, height: u16) -> Self {
        let (width, height) = (usize::from(width), usize::from(height));
        // Seats that have a cell of their own stand apart where there is room.
        let step = if width.div_ceil(2) * height >= seats { 2 } else { 1 };
        let row = width.div_ceil(step);
        Self { step, seats_a_dot: seats.div_ceil((row * height).max(1)).max(1), row }
    }
}

struct Compartment<'a> {
    number: u32,
    sales: &'a [u8],
}

impl Compartment<'_> {
    fn letter(&self) -> char {
        u8::try_from(self.number).map_or('?', |number| char::from(b'A' + number % 26))
    }

    /// How many are sold, and how many of them twice.
    fn words(&self) -> (String, String) {
        let sold = self.sales.iter().filter(|sales| **sales > 0).count();
        let twice = self.sales.iter().filter(|sales| **sales > 1).count();
        let twice = if twice > 0 { format!(", {twice} sold twice") } else { String::new() };
        (format!("{}  {sold} of {} sold", self.letter(), self.sales.len()), twice)
    }
}

fn compartment(
    compartment: &Compartment<'_>,
    density: Density,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) {
    if area.is_empty() {
        return;
    }
    let (words, twice) = compartment.words();
    let x = lines::put(buffer, area, (area.x, area.y), &words, theme.style(Role::Heading));
    lines::put(buffer, area, (x, area.y), &twice, theme.style(Role::Conflict));
    let Density { step, seats_a_dot, row } = density;
    let height = usize::from(area.height) - 1;
    let dots = compartment.sales.chunks(seats_a_dot);
    for (place, seats) in dots.enumerate().take(row * height) {
        let (sign, role) = dot(seats, theme);
        let x = area.x + u16::try_from(place % row * step).unwrap_or(0);
        let y = area.y + 1 + u16::try_from(place / row).unwrap_or(0);
        lines::put(buffer, area, (x, y), sign, theme.style(role));
    }
}

/// A seat that was sold twice shows however many others share its dot.
fn dot(seats: &[u8], theme: &Theme) -> (&'static str, Role) {
    let signs = theme.signs();
    let sold = seats.iter().filter(|sales| **sales > 0).count();
    if seats.iter().any(|sales| *sales > 1) {
        (signs.gone, Role::Conflict)
    } else if sold == 0 {
        (signs.free, Role::Free)
    } else if seats.len() == 1 || signs.booked.is_ascii() {
        (signs.booked, Role::Booked)
    } else {
        (FULLNESS[sold * (FULLNESS.len() - 1) / seats.len()], Role::Booked)
    }
}
