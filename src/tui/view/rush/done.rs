//! What the strategies that are over came to: a table, and the verdict in a sentence.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::pane;
use crate::rush::board::Board;
use crate::rush::table::{self, MISSING, SOLD_TWICE, Sentence};
use crate::stage::rush::Phase;
use crate::stage::text;
use crate::tui::theme::{Role, Theme};
use crate::tui::view::lines;

/// What the strategies that are over came to: titles, a line each, and the verdict in a sentence.
pub(super) fn lines(board: &Board, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let width = usize::from(width);
    let table = table::fitting(board, width);
    let columns = table.first().map(|titles| columns_of_faults(titles)).unwrap_or_default();
    let mut shown: Vec<Line<'static>> = Vec::with_capacity(table.len() + 1);
    for (place, line) in table.iter().enumerate() {
        let line = text::fit(&text::visible(line), width, theme.signs().ellipsis).into_owned();
        let role = if place == 0 { Role::Heading } else { Role::Screen };
        shown.push(with_faults(&line, role, &columns, theme));
    }
    if let Some(Sentence { text: sentence, is_clean }) = Sentence::of(board) {
        let role = if is_clean { Role::Kept } else { Role::Conflict };
        let wrapped = text::wrap(&sentence, width).into_iter();
        shown.extend(wrapped.map(|line| Line::styled(line, theme.style(role))));
    }
    shown
}

/// Where the columns stand whose figures should be 0, in characters; they end where their titles
/// do.
fn columns_of_faults(titles: &str) -> Vec<Range<usize>> {
    let place = |title: &str| {
        let begin = titles[..titles.find(title)?].chars().count();
        Some(begin..begin + title.chars().count())
    };
    [SOLD_TWICE, MISSING].into_iter().filter_map(place).collect()
}

/// A line of the table with such figures in colour.
fn with_faults(line: &str, role: Role, columns: &[Range<usize>], theme: &Theme) -> Line<'static> {
    let letters: Vec<char> = line.chars().collect();
    let figure = |column: &&Range<usize>| {
        let cell: String = letters.get((*column).clone()).unwrap_or_default().iter().collect();
        cell.trim().parse::<u64>().is_ok_and(|figure| figure > 0)
    };
    let mut spans = Vec::new();
    let mut from = 0;
    for column in columns.iter().filter(figure) {
        spans.push(Span::styled(
            letters[from..column.start].iter().collect::<String>(),
            theme.style(role),
        ));
        let figure: String = letters[column.clone()].iter().collect();
        spans.push(Span::styled(figure, theme.style(Role::Conflict)));
        from = column.end;
    }
    spans.push(Span::styled(letters[from..].iter().collect::<String>(), theme.style(role)));
    Line::from(spans)
}

/// The newest matter most where not all fit; the titles stay.
pub(super) fn draw(table: &[Line<'static>], theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let area = pane("done", theme, area, buffer);
    let skipped = table.len().saturating_sub(usize::from(area.height));
    let shown = table.iter().take(1).chain(table.iter().skip(1 + skipped));
    lines::put_lines(buffer, area, &shown.cloned().collect::<Vec<_>>());
}

/// While the rush runs it has half of the screen at most; when it is over, the table is what people
/// stay for.
pub(super) fn height(table: &[Line<'_>], phase: Phase, screen: u16) -> u16 {
    let wanted = u16::try_from(table.len() + 2).unwrap_or(u16::MAX);
    let room = if phase == Phase::Over { screen.saturating_sub(2) } else { screen / 2 };
    wanted.min(room)
}
