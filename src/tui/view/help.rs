//! Every key, what psql's fingers may type, and what the signs on the map say.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::dialog::{height_of, put_lines};
use super::{centred, open_box};
use crate::tui::app::App;
use crate::tui::keys::TABLE;
use crate::tui::text;
use crate::tui::theme::Role;

/// Draws the help from this line on.
pub(super) fn draw(app: &App, down: u16, screen: Rect, buffer: &mut Buffer) {
    let lines = lines(app, screen.width);
    let widest = lines.iter().map(Line::width).max().unwrap_or(0) + 4;
    let width = u16::try_from(widest).unwrap_or(u16::MAX);
    let area = centred(screen, width, height(&lines, screen.height));
    let inner = open_box(app, area, "keys", buffer);
    let last = lines.len().saturating_sub(usize::from(inner.height));
    let first = usize::from(down).min(last);
    put_lines(inner, &lines[first..], buffer);
    if first < last {
        let at = (inner.x, area.bottom().saturating_sub(1));
        text::put(
            buffer,
            area,
            at,
            " Down: the rest, and the map's signs ",
            app.style(Role::Notice),
        );
    }
}

/// How many lines of it are out of sight.
pub(in crate::tui) fn beyond(app: &App) -> u16 {
    let lines = lines(app, app.size().width);
    height_of(&lines).saturating_sub(height(&lines, app.size().height))
}

fn height(lines: &[Line<'_>], screen: u16) -> u16 {
    height_of(lines).min(screen.saturating_sub(2))
}

/// The lines for a screen of this width; what is said of a key goes on below itself.
fn lines(app: &App, screen: u16) -> Vec<Line<'static>> {
    let cells = usize::from(screen.saturating_sub(4));
    let keys = TABLE.iter().map(|entry| (app.setting.keys.words(entry.action), entry.help));
    let mut lines = columns(app, &keys.collect::<Vec<_>>(), cells);
    let heading = |words: &'static str| Line::from(app.span(words, Role::Dim));
    lines.push(Line::default());
    lines.push(heading(
        "In a pane: \\d NAME, \\dt, \\l, \\dn, \\du, \\conninfo, \\q, \\? as in psql.",
    ));
    lines.push(Line::default());
    lines.push(heading("On the map:"));
    lines.extend(columns(app, &signs(app), cells));
    lines
}

/// What the legend's words say.
fn signs(app: &App) -> Vec<(String, &'static str)> {
    let signs = app.setting.theme.signs();
    let words = [
        (signs.free, "free", "nobody has it"),
        (signs.locked, "held", "locked by SELECT ... FOR UPDATE, not changed yet"),
        (signs.uncommitted, "not yet committed", "changed by a transaction that is still open"),
        (
            signs.booked,
            "booked",
            "committed, and nobody holds or changes it; each seat counts once",
        ),
        (signs.waiting, "waiting", "these sessions wait for the row, in this order"),
    ];
    words.map(|(sign, word, meaning)| (format!("{sign} {word}"), meaning)).to_vec()
}

fn columns(app: &App, rows: &[(String, &'static str)], cells: usize) -> Vec<Line<'static>> {
    let width = rows.iter().map(|(left, _)| text::width(left)).max().unwrap_or(0);
    let room = cells.saturating_sub(width + 3);
    let lines = |(left, right): &(String, &'static str)| {
        let row = |(nth, right): (usize, String)| {
            let left = text::pad(if nth == 0 { left } else { "" }, width, "");
            let right = app.span(format!("   {right}"), Role::Screen);
            Line::from(vec![app.span(left, Role::Key), right])
        };
        text::wrap(right, room).into_iter().enumerate().map(row).collect::<Vec<_>>()
    };
    rows.iter().flat_map(lines).collect()
}
