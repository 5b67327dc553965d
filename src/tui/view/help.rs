//! Every key, what psql's fingers may type, and what the signs on the map say.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::dialog::height_of;
use super::{View, centred, open_box};
use crate::stage::keys::TABLE;
use crate::stage::text;
use crate::tui::theme::Role;
use crate::tui::view::lines;

/// Draws the help from this line on.
pub(super) fn draw(view: &View<'_>, down: u16, screen: Rect, buffer: &mut Buffer) {
    let lines = lines(view, screen.width);
    let widest = lines.iter().map(Line::width).max().unwrap_or(0) + 4;
    let width = u16::try_from(widest).unwrap_or(u16::MAX);
    let area = centred(screen, width, height(&lines, screen.height));
    let inner = open_box(view, area, "keys", buffer);
    let last = lines.len().saturating_sub(usize::from(inner.height));
    let first = usize::from(down).min(last);
    lines::put_lines(buffer, inner, &lines[first..]);
    if first < last {
        let at = (inner.x, area.bottom().saturating_sub(1));
        lines::put(
            buffer,
            area,
            at,
            " Down: the rest, and the map's signs ",
            view.style(Role::Notice),
        );
    }
}

/// How many lines of it are out of sight.
pub(crate) fn beyond(view: &View<'_>) -> u16 {
    let lines = lines(view, view.area.as_size().width);
    height_of(&lines).saturating_sub(height(&lines, view.area.as_size().height))
}

fn height(lines: &[Line<'_>], screen: u16) -> u16 {
    height_of(lines).min(screen.saturating_sub(2))
}

/// The lines for a screen of this width; what is said of a key goes on below itself.
fn lines(view: &View<'_>, screen: u16) -> Vec<Line<'static>> {
    let cells = usize::from(screen.saturating_sub(4));
    let keys =
        TABLE.iter().map(|entry| (view.stage.setting().keys.words(entry.action), entry.help));
    let mut lines = columns(view, &keys.collect::<Vec<_>>(), cells);
    let heading = |words: &'static str| Line::from(view.span(words, Role::Dim));
    lines.push(Line::default());
    lines.push(heading(
        "In a pane: \\d NAME, \\dt, \\l, \\dn, \\du, \\conninfo, \\q, \\? as in psql.",
    ));
    lines.push(Line::default());
    lines.push(heading("On the map:"));
    lines.extend(columns(view, &signs(view), cells));
    lines
}

/// What the legend's words say.
fn signs(view: &View<'_>) -> Vec<(String, &'static str)> {
    let signs = view.theme.signs();
    let words = [
        (signs.free, "free", "nobody holds it"),
        (signs.locked, "held", "locked (SELECT ... FOR UPDATE), not changed yet"),
        (signs.uncommitted, "not yet committed", "changed by a transaction that is still open"),
        (
            signs.booked,
            "booked",
            "committed; nobody is holding or changing it (each seat is counted once)",
        ),
        (signs.waiting, "waiting", "these sessions are waiting for the row, in this order"),
    ];
    words.map(|(sign, word, meaning)| (format!("{sign} {word}"), meaning)).to_vec()
}

fn columns(view: &View<'_>, rows: &[(String, &'static str)], cells: usize) -> Vec<Line<'static>> {
    let width = rows.iter().map(|(left, _)| text::width(left)).max().unwrap_or(0);
    let room = cells.saturating_sub(width + 3);
    let lines = |(left, right): &(String, &'static str)| {
        let row = |(nth, right): (usize, String)| {
            let left = text::pad(if nth == 0 { left } else { "" }, width, "");
            let right = view.span(format!("   {right}"), Role::Screen);
            Line::from(vec![view.span(left, Role::Key), right])
        };
        text::wrap(right, room).into_iter().enumerate().map(row).collect::<Vec<_>>()
    };
    rows.iter().flat_map(lines).collect()
}
