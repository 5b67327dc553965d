//! What is held and where, to be changed; and what has passed by itself.
//!
//! ```text
//! ╭ what is held ─────────────────────────────────────────────────────╮
//! │ 1    watch         nothing                                        │
//! │ 2 ▶  breakpoints   what meets a breakpoint                        │   as it is now
//! │ 3    everything    everything but what passes by itself           │
//! │                                                                   │
//! │      write seats                                                  │
//! │ hold at: commit and actor ali█                                    │   being typed
//! ╰───────────────────────────────────────────────────────────────────╯
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::dialog::keys_line;
use super::{View, centred, lines, open_box, put_line};
use crate::debugger::breakpoints::HoldMode;
use crate::debugger::guests::PassedStatement;
use crate::stage::debugging::Debugging;
use crate::stage::layers::{BreakpointPanel, PanelLine, PassedList};
use crate::stage::text;
use crate::tui::theme::Role;

const TITLE: &str = "what is held";
const LABEL: &str = "hold at: ";

/// What can be typed, while nothing is.
const EXAMPLES: [&str; 3] = [
    "table seats, read seats, write seats, begin, commit, rollback",
    "actor alice, write seats and actor alice",
    "after read seats before write seats, shape select * from seats",
];

/// Draws the panel; gives the cursor's place, where a breakpoint is typed.
pub(super) fn draw(
    view: &View<'_>,
    panel: &BreakpointPanel,
    screen: Rect,
    buffer: &mut Buffer,
) -> Position {
    let width = screen.width.saturating_sub(4).min(76);
    let cells = usize::from(width.saturating_sub(4));
    let rows = rows(view, panel);
    let below = below(view, panel, cells);
    let needed = rows.len() + below.len() + 3;
    let height = u16::try_from(needed + 2).unwrap_or(u16::MAX).min(screen.height);
    let inner = open_box(view, centred(screen, width, height), TITLE, buffer);
    let room = usize::from(inner.height).saturating_sub(below.len() + 2);
    // Of many breakpoints the last are in sight, and the one that is being typed.
    let marked = rows.iter().position(|(_, is_marked)| *is_marked).unwrap_or(0);
    let first = rows.len().saturating_sub(room).min(marked);
    let mut y = inner.y;
    let mut cursor = Position { x: inner.x, y };
    for (line, is_marked) in rows.into_iter().skip(first).take(room) {
        if is_marked {
            let end = inner.x + u16::try_from(line.width()).unwrap_or(0);
            cursor = Position { x: end.min(inner.right().saturating_sub(1)), y };
        }
        let row = Rect { y, height: 1, ..inner };
        put_line(view, line.spans, row, buffer);
        if is_marked {
            buffer.set_style(row, view.selection());
        }
        y += 1;
    }
    let foot = Rect { y, height: inner.bottom().saturating_sub(y), ..inner };
    lines::put_lines(buffer, foot, &below);
    let keys = [
        ("1-3".to_owned(), "how much"),
        ("Enter".to_owned(), "adds"),
        ("Del".to_owned(), "removes"),
        ("Esc".to_owned(), "closes"),
    ];
    let foot = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
    lines::put_lines(buffer, foot, &[keys_line(view, &keys)]);
    cursor
}

/// The lines that can be marked.
fn rows(view: &View<'_>, panel: &BreakpointPanel) -> Vec<(Line<'static>, bool)> {
    let signs = view.theme.signs();
    let row = |(place, (line, is_marked)): (usize, (PanelLine<'_>, bool))| {
        let line = match line {
            PanelLine::Mode(mode) => {
                let sign = if mode == panel.mode() { signs.next } else { " " };
                Line::from(vec![
                    view.span(format!("{} ", place + 1), Role::Key),
                    view.span(format!("{sign}  "), Role::Next),
                    view.span(format!("{:<13}", mode.name()), Role::Strong),
                    view.span(words_of(view, mode), Role::Screen),
                ])
            }
            PanelLine::Breakpoint(rule) => {
                let rule = text::visible(&rule.to_string()).into_owned();
                Line::from(vec![view.span("     ", Role::Dim), view.span(rule, Role::Strong)])
            }
            PanelLine::Typed(typed) => {
                let typed = text::visible(typed).into_owned();
                Line::from(vec![view.span(LABEL, Role::Key), view.span(typed, Role::Strong)])
            }
        };
        (line, is_marked)
    };
    panel.lines().enumerate().map(row).collect()
}

/// What stands under the typed line: what is wrong in it, or what could be written there.
fn below(view: &View<'_>, panel: &BreakpointPanel, cells: usize) -> Vec<Line<'static>> {
    let (words, role) = match panel.mistake() {
        Some(mistake) => (vec![mistake], Role::Error),
        None => (EXAMPLES.to_vec(), Role::Dim),
    };
    let rows = words.into_iter().flat_map(|words| text::wrap(&text::visible(words), cells));
    rows.map(|row| Line::from(view.span(row, role))).collect()
}

fn words_of(view: &View<'_>, mode: HoldMode) -> String {
    let watched = view.stage.debugging().map(|it| it.overview.watched.join(", "));
    match (mode, watched.filter(|watched| !watched.is_empty())) {
        (HoldMode::Watch, _) => "nothing; everything is shown".to_owned(),
        (HoldMode::Everything, _) => "everything but what passes by itself".to_owned(),
        (HoldMode::Breakpoints, None) => {
            "what meets a breakpoint; without one, any table".to_owned()
        }
        (HoldMode::Breakpoints, Some(tables)) => {
            format!("what meets a breakpoint; without one, {}", text::visible(&tables))
        }
    }
}

/// Draws what has passed by itself, the newest last.
pub(super) fn draw_passed(view: &View<'_>, list: PassedList, screen: Rect, buffer: &mut Buffer) {
    let Some(Debugging { overview, .. }) = view.stage.debugging() else { return };
    let all = &overview.last_passed;
    let (width, most) = (screen.width.saturating_sub(4).min(110), screen.height.saturating_sub(2));
    let height = u16::try_from(all.len() + 4).unwrap_or(u16::MAX).min(most);
    let title = format!("passed by themselves: the last {} of {}", all.len(), overview.passed);
    let inner = open_box(view, centred(screen, width, height), &title, buffer);
    let rows = usize::from(inner.height).saturating_sub(2);
    let end = all.len() - list.below(all.len(), rows);
    let names = all.iter().map(|passed| text::width(&text::visible(&passed.actor)));
    let name = names.max().unwrap_or(0).min(24);
    let shown = &all[end.saturating_sub(rows)..end];
    for (passed, y) in shown.iter().zip(inner.top()..inner.bottom()) {
        put_line(view, passed_spans(view, passed, name), Rect { y, height: 1, ..inner }, buffer);
    }
    let keys = [("Up Down".to_owned(), "scrolls"), ("Esc".to_owned(), "closes")];
    let foot = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
    lines::put_lines(buffer, foot, &[keys_line(view, &keys)]);
}

fn passed_spans(
    view: &View<'_>,
    passed: &PassedStatement,
    name: usize,
) -> Vec<ratatui::text::Span<'static>> {
    let actor = text::pad(&text::visible(&passed.actor), name, view.theme.signs().ellipsis);
    let sql = match &*passed.sql {
        "" => "(an empty query)".to_owned(),
        sql => text::visible(sql).into_owned(),
    };
    vec![view.span(actor, Role::Dim), view.span(format!("  {sql}"), Role::Screen)]
}
