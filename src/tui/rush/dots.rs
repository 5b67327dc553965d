//! The house as dots: one a seat, by compartment; where there are more seats than cells, one for several.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::stand::Stand;
use crate::tui::text;
use crate::tui::theme::{Role, Theme};

/// How full a dot that stands for several seats is, where the terminal has the characters.
const FULLNESS: [&str; 5] = ["·", "░", "▒", "▓", "█"];

/// Draws the compartments one under the other, each with a line that counts.
pub(super) fn draw(stand: &Stand, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let per_compartment = stand.options.seats_per_compartment().max(1) as usize;
    let compartments = stand.sales.len().div_ceil(per_compartment).max(1);
    let height = usize::from(area.height) / compartments;
    for (number, sales) in stand.sales.chunks(per_compartment).enumerate() {
        let (Ok(top), Ok(height)) = (u16::try_from(number * height), u16::try_from(height)) else {
            return;
        };
        let place = Rect { y: area.y + top, height, ..area }.intersection(area);
        compartment(&Compartment { number, sales }, theme, place, buffer);
    }
}

struct Compartment<'a> {
    number: usize,
    sales: &'a [u8],
}

impl Compartment<'_> {
    fn letter(&self) -> char {
        u8::try_from(self.number).map_or('?', |number| char::from(b'A' + number % 26))
    }

    fn words(&self) -> String {
        let sold = self.sales.iter().filter(|sales| **sales > 0).count();
        let twice = self.sales.iter().filter(|sales| **sales > 1).count();
        let twice = if twice > 0 { format!(", {twice} twice") } else { String::new() };
        format!("{}  {sold} of {} sold{twice}", self.letter(), self.sales.len())
    }
}

fn compartment(compartment: &Compartment<'_>, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let words = compartment.words();
    text::put(buffer, area, (area.x, area.y), &words, theme.style(Role::Heading));
    let (width, height) = (usize::from(area.width), usize::from(area.height) - 1);
    let seats_a_dot = compartment.sales.len().div_ceil((width * height).max(1)).max(1);
    let dots = compartment.sales.chunks(seats_a_dot);
    for (place, seats) in dots.enumerate().take(width * height) {
        let (sign, role) = dot(seats, theme);
        let x = area.x + u16::try_from(place % width).unwrap_or(0);
        let y = area.y + 1 + u16::try_from(place / width).unwrap_or(0);
        text::put(buffer, area, (x, y), sign, theme.style(role));
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
