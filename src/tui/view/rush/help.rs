//! What lies over the screen when somebody asks: the keys, and what the parts mean.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use crate::stage::rush::keys::TABLE;
use crate::stage::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::view::lines;

/// The widest line that reads well.
const READABLE: u16 = 76;
/// The column of names: as wide as the longest.
const NAME: usize = 14;

/// The parts of the screen, from top to bottom.
const PARTS: [(&str, &str); 9] = [
    ("requests/s", "completed requests, whatever the answer"),
    (
        "latency",
        "from the moment a request was due until its answer, waits and retries included; half take \
         longer than p50, one in a hundred longer than p99",
    ),
    ("lock waits", "sessions waiting for a lock, as sampled"),
    ("conflicts", "attempts lost to another session (then retried)"),
    ("taken", "the seat was already sold to somebody else"),
    ("gave up", "ran out of retries"),
    ("failed", "an error, or no connection"),
    ("errors", "by SQLSTATE, including those that a retry resolved"),
    (
        "done",
        "the result of each strategy; sold twice and missing (acknowledged, but there is no sale) \
         are read from the database",
    ),
];

/// Draws it in the middle.
pub(super) fn draw(theme: &Theme, screen: Rect, buffer: &mut Buffer) {
    let width = READABLE.min(screen.width);
    let lines = lines(theme, usize::from(width.saturating_sub(4)));
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(screen.height);
    let (x, y) = ((screen.width - width) / 2, (screen.height - height) / 2);
    let area = Rect { x: screen.x + x, y: screen.y + y, width, height };
    Clear.render(area, buffer);
    buffer.set_style(area, theme.style(Role::Screen));
    let block = Block::bordered()
        .border_set(theme.border())
        .border_style(theme.style(Role::Focus))
        .title(Span::styled(" what the screen shows ", theme.style(Role::Title)));
    let inside = block.inner(area);
    block.render(area, buffer);
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    lines::put_lines(buffer, inside, &lines);
}

fn lines(theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (key, words) in TABLE {
        lines.extend(entry(key, words, Role::Key, theme, cells));
    }
    lines.push(Line::default());
    lines.extend(entry("seats", &seats(theme), Role::Heading, theme, cells));
    for (name, words) in PARTS {
        lines.extend(entry(name, words, Role::Heading, theme, cells));
    }
    lines
}

fn seats(theme: &Theme) -> String {
    let signs = theme.signs();
    format!(
        "one dot per seat: {} free, {} sold, {} sold twice; with more seats than cells, one dot \
         stands for several",
        signs.free, signs.booked, signs.gone
    )
}

/// A name, and to the right of it what it means.
fn entry(name: &str, words: &str, role: Role, theme: &Theme, cells: usize) -> Vec<Line<'static>> {
    let words = text::wrap(words, cells.saturating_sub(NAME));
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    let line = |(name, words): (&str, String)| {
        let name = text::pad(name, NAME, theme.signs().ellipsis);
        Line::from(vec![
            Span::styled(name, theme.style(role)),
            Span::styled(words, theme.style(Role::Screen)),
        ])
    };
    names.zip(words).map(line).collect()
}
