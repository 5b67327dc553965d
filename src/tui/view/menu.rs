//! The words that can be completed to, beside the cursor.
//!
//! ```text
//!  alice=# select * from se
//!                        ╭──────────────────╮
//!                        │ seats     table  │   the chosen one is marked
//!                        │ sessions  table  │
//!                        ╰──────────── 1 / 2 ╯
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

use super::{View, frame_of};
use crate::stage::completion::Candidate;
use crate::stage::layers::Menu;
use crate::stage::text;
use crate::tui::theme::Role;
use crate::tui::view::lines;

/// How many words are in sight at once.
const ROWS: usize = 10;

/// The widest word that is shown whole.
const WIDEST: usize = 40;

/// Draws the menu below the cursor, or above it where there is more room.
pub(super) fn draw(view: &View<'_>, menu: &Menu, cursor: Position, buffer: &mut Buffer) {
    let screen = buffer.area;
    let candidates = menu.candidates();
    let word = candidates.iter().map(|it| text::width(&shown(it))).max().unwrap_or(0).min(WIDEST);
    let kind = candidates.iter().map(|it| it.kind.name().len()).max().unwrap_or(0);
    let width = u16::try_from(word + kind + 6).unwrap_or(u16::MAX).min(screen.width);
    let below = screen.bottom().saturating_sub(cursor.y + 1);
    let above = cursor.y.saturating_sub(screen.top());
    let wanted = u16::try_from(candidates.len().min(ROWS) + 2).unwrap_or(u16::MAX);
    let is_below = below >= wanted || below >= above;
    let height = wanted.min(if is_below { below } else { above });
    let y = if is_below { cursor.y + 1 } else { cursor.y - height };
    let x =
        cursor.x.saturating_sub(typed_width(view, menu)).min(screen.right().saturating_sub(width));
    let area = Rect { x, y, width, height };
    draw_box(view, menu, area, buffer);
    let inner = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(2),
    };
    let rows = usize::from(inner.height).max(1);
    let last = candidates.len().saturating_sub(rows);
    let first = menu.chosen().saturating_sub(rows / 2).min(last);
    for ((place, candidate), y) in
        candidates.iter().enumerate().skip(first).zip(inner.top()..inner.bottom())
    {
        let row = Rect { y, height: 1, ..inner };
        draw_row(view, candidate, place == menu.chosen(), word, row, buffer);
    }
}

/// How many cells of the word are typed: the menu begins where the word does.
fn typed_width(view: &View<'_>, menu: &Menu) -> u16 {
    let typed = view.stage.panes().focused().map_or(0, |pane| {
        let text = pane.editor.text();
        text::width(text.get(menu.from()..pane.editor.cursor()).unwrap_or_default())
    });
    u16::try_from(typed + 2).unwrap_or(0)
}

fn draw_box(view: &View<'_>, menu: &Menu, area: Rect, buffer: &mut Buffer) {
    Clear.render(area, buffer);
    buffer.set_style(area, view.style(Role::Screen));
    let place = format!(" {} / {} ", menu.chosen() + 1, menu.candidates().len());
    let place = Line::from(view.span(place, Role::Dim)).alignment(Alignment::Right);
    frame_of(view, Role::Focus).title_bottom(place).render(area, buffer);
}

fn draw_row(
    view: &View<'_>,
    candidate: &Candidate,
    is_chosen: bool,
    word: usize,
    row: Rect,
    buffer: &mut Buffer,
) {
    let plain = (view.style(Role::Screen), view.style(Role::Dim));
    let chosen = view.selection();
    let (of_word, of_kind) = if is_chosen { (chosen, chosen) } else { plain };
    buffer.set_style(row, of_word);
    let ellipsis = view.theme.signs().ellipsis;
    let padded = format!(" {}  ", text::pad(&shown(candidate), word, ellipsis));
    let x = lines::put(buffer, row, (row.x, row.y), &padded, of_word);
    lines::put(buffer, row, (x, row.y), candidate.kind.name(), of_kind);
}

fn shown(candidate: &Candidate) -> String {
    text::visible(&candidate.text).into_owned()
}
