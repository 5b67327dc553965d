//! The script to look through: every step, and the whole SQL of the chosen one below.
//!
//! ```text
//! ╭ script ──────────────────────────────────────────────────────────────────────╮
//! │ ✔ Bob      begins                                                            │
//! │ ▶ Bob      verifies that A-4 is still free                                   │   comes next
//! │   Mallory  tries to take A-4                                                 │   chosen
//! │                                                                              │
//! │ update seats set booked_by = 'Mallory'                                       │
//! │ where (seat_row, seat_number) = ('A', 4) and booked_by is null;              │
//! │                                                                              │
//! │ Enter plays on to it   Esc closes   Up Down choose                           │
//! ╰──────────────────────────────────────────────────────────────────────────────╯
//! ```
//!
//! What a step must do is shown once it has been played: until then the room may guess.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::dialog::keys_line;
use super::{View, centred, open_box, put_line, script as steps, sql};
use crate::core::scenario::Step;
use crate::core::scenario::check::Verdict;
use crate::core::syntax::{self, Strings};
use crate::stage::layers::Browse;
use crate::stage::script::Script;
use crate::stage::text;
use crate::tui::theme::Role;
use crate::tui::view::lines;

/// The rows that are kept for the chosen step's SQL, if there are as many.
const PREVIEW: u16 = 9;

/// Draws the list and the chosen step.
pub(super) fn draw(view: &View<'_>, browse: &Browse, screen: Rect, buffer: &mut Buffer) {
    let Some(script) = view.stage.course().script() else { return };
    let width = screen.width.saturating_sub(8).min(120);
    let most = screen.height.saturating_sub(4);
    let count = u16::try_from(script.len() + 1).unwrap_or(u16::MAX);
    let area = centred(screen, width, count.saturating_add(PREVIEW + 5).min(most));
    let inner = open_box(view, area, "script", buffer);
    let body = Rect { height: inner.height.saturating_sub(2), ..inner };
    let preview = PREVIEW.min(body.height / 2);
    let list = Rect { height: body.height - preview - 1, ..body };
    let below = Rect { y: list.bottom() + 1, height: preview, ..body };
    draw_list(view, script, browse.chosen(), list, buffer);
    draw_step(view, script, browse.chosen(), below, buffer);
    let foot = Rect { y: inner.bottom().saturating_sub(1), height: 1, ..inner };
    lines::put_lines(buffer, foot, &[keys(view, script, browse.chosen(), foot.width)]);
}

/// What can be done here, as much of it as there is room for.
fn keys(view: &View<'_>, script: &Script, chosen: usize, cells: u16) -> Line<'static> {
    let goes = match chosen.cmp(&script.next()) {
        std::cmp::Ordering::Less => "goes back to it",
        std::cmp::Ordering::Equal => "stays here",
        std::cmp::Ordering::Greater => "plays on to it",
    };
    let keys = [("Enter".into(), goes), ("Esc".into(), "closes"), ("Up Down".into(), "choose")];
    let most = (1..=keys.len()).rev().map(|count| keys_line(view, &keys[..count]));
    let mut fitting = most.filter(|line| line.width() <= usize::from(cells));
    fitting.next().unwrap_or_default()
}

fn draw_list(view: &View<'_>, script: &Script, chosen: usize, area: Rect, buffer: &mut Buffer) {
    let height = usize::from(area.height).max(1);
    let count = script.len() + 1;
    let first = chosen.saturating_sub(height / 2).min(count.saturating_sub(height));
    let names = (0..script.len()).filter_map(|launch| script.step(launch));
    let name = names.map(|step| text::width(step.session.as_str())).max().unwrap_or(0).min(24);
    for (launch, y) in (first..count).zip(area.top()..area.bottom()) {
        let row = Rect { y, height: 1, ..area };
        let spans = line(view, script, launch, name);
        put_line(view, spans, row, buffer);
        if launch == chosen {
            buffer.set_style(row, view.style(Role::Selection));
        }
    }
}

fn line(view: &View<'_>, script: &Script, launch: usize, name: usize) -> Vec<Span<'static>> {
    let is_next = launch == script.next();
    let Some(step) = script.step(launch) else {
        let sign = if is_next { view.theme.signs().next } else { " " };
        return vec![view.span(format!("{sign} the end, after the last step"), Role::Dim)];
    };
    let (sign, style) = steps::sign(view, &script.mark(launch), is_next);
    let plain = view.style(if launch < script.next() { Role::Dim } else { Role::Screen });
    vec![
        Span::styled(format!("{sign} "), style),
        Span::styled(
            steps::fitted(view, step.session.as_str(), name),
            steps::accent(view, &step.session),
        ),
        Span::styled(format!("  {}", text::visible(&step.narration)), plain),
    ]
}

/// The whole SQL, and of a step that has been played what the file says of it.
fn draw_step(view: &View<'_>, script: &Script, chosen: usize, area: Rect, buffer: &mut Buffer) {
    let Some(step) = script.step(chosen) else { return };
    let mut shown = sql_lines(view, step, usize::from(area.width));
    shown.extend(said_lines(view, script, chosen));
    let most = usize::from(area.height);
    if shown.len() > most && most > 0 {
        shown.truncate(most - 1);
        shown.push(Line::from(view.span(view.theme.signs().ellipsis, Role::Dim)));
    }
    lines::put_lines(buffer, area, &shown);
}

fn sql_lines(view: &View<'_>, step: &Step, cells: usize) -> Vec<Line<'static>> {
    let in_rows = |line: &str| {
        if text::width(line) <= cells { vec![line.to_owned()] } else { text::wrap(line, cells) }
    };
    let rows = step.sql.trim_end().lines().flat_map(in_rows);
    rows.map(|row| coloured(view, &row)).collect()
}

fn coloured(view: &View<'_>, row: &str) -> Line<'static> {
    let colours = syntax::colours(row, Strings::default()).into_iter();
    let spans = sql::spans(view, row, 0..row.len(), colours, Style::new());
    let owned = spans.into_iter().map(|span| Span::styled(span.content.into_owned(), span.style));
    owned.collect()
}

fn said_lines(view: &View<'_>, script: &Script, launch: usize) -> Vec<Line<'static>> {
    let said = script.said_of(launch).into_iter();
    said.map(|(expected, verdict)| {
        let role = if *verdict == Verdict::Kept { Role::Kept } else { Role::Broken };
        Line::from(view.span(text::visible(&format!("--> {expected}")).into_owned(), role))
    })
    .collect()
}
