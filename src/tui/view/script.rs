//! The script's pane.
//!
//! ```text
//! ╭ script ──────────────────────────────────────────────────────────────────────╮
//! │ ✔ Bob      verifies that A-4 is still free   select * from seats where ...   │   met
//! │ ✘ Mallory  tries to take A-4                 expected UPDATE 1, got …        │   not met
//! │ ▶ Bob      books A-4                         update seats set booked_by ...  │   comes next
//! ╰──────────────────────────────────────────────────────────────────────────────╯
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::{View, ending, frame_of, put_line, sql};
use crate::core::event::SessionName;
use crate::core::syntax::{self, Strings};
use crate::stage::BEING_SET_UP;
use crate::stage::keys::Action;
use crate::stage::script::{Mark, Script};
use crate::stage::text;
use crate::tui::theme::Role;

/// Draws the script.
pub(super) fn draw(view: &View<'_>, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let title = Line::from(view.span(" script ", Role::Title));
    frame_of(view, Role::Border).title(title).render(area, buffer);
    let inner = Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    };
    if let Some(why) = view.stage.course().broken() {
        return draw_broken(view, why, inner, buffer);
    }
    let Some(script) = view.stage.course().script() else { return draw_setup(view, inner, buffer) };
    let columns = Columns::of(script, inner.width);
    let first = first_line(script, usize::from(inner.height));
    let end = script.lines().saturating_sub(first);
    for (line, y) in (first..script.lines()).zip(inner.top()..inner.bottom()) {
        let row = Rect { y, height: 1, ..inner };
        if line < script.len() {
            draw_step(view, script, line, &columns, row, buffer);
        } else {
            draw_finally(view, script, &columns, row, buffer);
        }
    }
    let indent = u16::try_from(columns.name + 4).unwrap_or(0).min(inner.width);
    let y = inner.y.saturating_add(u16::try_from(end).unwrap_or(u16::MAX)).min(inner.bottom());
    let below =
        Rect { x: inner.x + indent, y, width: inner.width - indent, height: inner.bottom() - y };
    ending::draw(view, script, below, buffer);
}

fn draw_setup(view: &View<'_>, area: Rect, buffer: &mut Buffer) {
    draw_words(view, BEING_SET_UP, Role::Dim, area, buffer);
}

fn draw_broken(view: &View<'_>, why: &str, area: Rect, buffer: &mut Buffer) {
    draw_lines(view, &broken_lines(view, why, cells(area)), Role::Error, area, buffer);
}

/// How many rows it takes on a screen of this width to say why the run cannot go on.
pub(super) fn broken_height(view: &View<'_>, width: u16) -> Option<usize> {
    let why = view.stage.course().broken()?;
    Some(broken_lines(view, why, usize::from(width.saturating_sub(4))).len())
}

/// In the first line what has happened; what a server has said about it follows as it said it.
fn broken_lines(view: &View<'_>, why: &str, cells: usize) -> Vec<String> {
    let restart = view.stage.key(Action::Restart);
    let first = "The run cannot continue:";
    let Some((what, told)) = why.split_once('\n') else {
        let words = format!("{first} {}. {restart} starts again.", text::visible(why));
        return text::wrap(&words, cells);
    };
    let mut lines = text::wrap(&format!("{first} {}", text::visible(what)), cells);
    lines.extend(told.lines().flat_map(|line| as_told(line, cells)));
    lines.push(format!("{restart} starts again."));
    lines
}

/// A line of what a server has said: as it is where that fits, since a mark under it counts on its
/// blanks.
fn as_told(line: &str, cells: usize) -> Vec<String> {
    let line = text::visible(line);
    if text::width(&line) <= cells { vec![line.into_owned()] } else { text::wrap(&line, cells) }
}

fn cells(area: Rect) -> usize {
    usize::from(area.width)
}

fn draw_words(view: &View<'_>, words: &str, role: Role, area: Rect, buffer: &mut Buffer) {
    draw_lines(view, &text::wrap(&text::visible(words), cells(area)), role, area, buffer);
}

fn draw_lines(view: &View<'_>, lines: &[String], role: Role, area: Rect, buffer: &mut Buffer) {
    for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
        buffer.set_stringn(area.x, y, line, usize::from(area.width), view.style(role));
    }
}

/// The line at the top: the next step is in sight with one that has run above it; in the end, what
/// was read is.
fn first_line(script: &Script, height: usize) -> usize {
    let last = (script.lines() + script.ending_lines()).saturating_sub(height);
    let above = if height > 4 { 2 } else { 1.min(height.saturating_sub(1)) };
    let first = script.next().saturating_sub(above).min(last);
    if script.ending_lines() > 0 { last.min(script.len()) } else { first }
}

/// What stands in a name's place before the last look.
const FINALLY: &str = "finally";

/// The widths of a line's parts.
struct Columns {
    name: usize,
    narration: usize,
}

impl Columns {
    fn of(script: &Script, width: u16) -> Self {
        let width = usize::from(width);
        let players = script.scenario().sessions.iter().map(|player| player.name.as_str());
        let names = players.chain(script.scenario().finally.as_ref().map(|_| FINALLY));
        let name = names.map(text::width).max().unwrap_or(0).min(width / 5);
        let narration = (0..script.len()).filter_map(|launch| script.step(launch));
        let narration = narration.map(|step| text::width(&step.narration));
        let finally = script.scenario().finally.as_ref().map(|_| finally_words(script).len());
        let narration = narration.chain(finally).max().unwrap_or(0);
        Self { name, narration: narration.min(width.saturating_sub(name + 6) * 3 / 5) }
    }
}

fn draw_step(
    view: &View<'_>,
    script: &Script,
    launch: usize,
    columns: &Columns,
    area: Rect,
    buffer: &mut Buffer,
) {
    let Some(step) = script.step(launch) else { return };
    let is_next = launch == script.next();
    let mark = script.mark(launch);
    let (sign, sign_style) = sign(view, &mark, is_next);
    let plain = view.style(if launch < script.next() { Role::Dim } else { Role::Screen });
    let strong = if is_next { view.style(Role::Next) } else { plain };
    let name = accent(view, &step.session);
    let name_style = if is_next { name.patch(Style::new().bold()) } else { name };
    let mut spans = vec![
        Span::styled(format!("{sign} "), sign_style),
        Span::styled(fitted(view, step.session.as_str(), columns.name), name_style),
        Span::raw("  "),
        Span::styled(fitted(view, &step.narration, columns.narration), strong),
        Span::raw("   "),
    ];
    let statement = sql::on_one_line(&step.sql);
    match &mark {
        Mark::Broken(lines) => spans.push(mismatch(view, lines)),
        _ => {
            let colours = syntax::colours(&statement, Strings::default()).into_iter();
            let whole = 0..statement.len();
            let role = if is_next { Role::Screen } else { Role::Dim };
            spans.extend(sql::spans(view, &statement, whole, colours, view.style(role)));
        }
    }
    put_line(view, spans, area, buffer);
}

fn accent(view: &View<'_>, name: &SessionName) -> Style {
    view.theme.accent_of(name, &view.stage.panes().cast())
}

fn fitted(view: &View<'_>, words: &str, width: usize) -> String {
    text::pad(&text::visible(words), width, view.theme.signs().ellipsis)
}

fn sign(view: &View<'_>, mark: &Mark, is_next: bool) -> (&'static str, Style) {
    let signs = view.theme.signs();
    match mark {
        Mark::Broken(_) => (signs.broken, view.style(Role::Broken)),
        Mark::Kept => (signs.kept, view.style(Role::Kept)),
        Mark::Done => (signs.between, view.style(Role::Dim)),
        Mark::Sent => (signs.next, view.style(Role::Dim)),
        Mark::Ahead if is_next => (signs.next, view.style(Role::Next)),
        Mark::Ahead => (" ", view.style(Role::Dim)),
    }
}

fn mismatch(view: &View<'_>, lines: &[String]) -> Span<'static> {
    let first = lines.first().map_or("", String::as_str);
    view.span(text::visible(first).into_owned(), Role::Broken)
}

/// How the end is, in words.
fn finally_words(script: &Script) -> &'static str {
    match script.finally() {
        Mark::Kept => "as expected",
        Mark::Broken(_) => "not as expected",
        _ => "final state",
    }
}

fn draw_finally(
    view: &View<'_>,
    script: &Script,
    columns: &Columns,
    area: Rect,
    buffer: &mut Buffer,
) {
    let Some(finally) = &script.scenario().finally else { return };
    let mark = script.finally();
    let (sign, style) = sign(view, &mark, false);
    let words = finally_words(script);
    let mut spans = vec![
        Span::styled(format!("{sign} "), style),
        view.span(fitted(view, FINALLY, columns.name), Role::Dim),
        Span::raw("  "),
        Span::styled(fitted(view, words, columns.narration), view.style(Role::Dim)),
        Span::raw("   "),
    ];
    match &mark {
        Mark::Broken(lines) => spans.push(mismatch(view, lines)),
        _ => spans.push(view.span(sql::on_one_line(&finally.sql), Role::Dim)),
    }
    put_line(view, spans, area, buffer);
}
