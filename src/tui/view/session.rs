//! A session's pane.
//!
//! ```text
//! ╭ 3 Mallory ─ waiting 3.1 s for Bob ──╮   its number, its name, how it stands
//! │ mallory=# update seats set          │   what was said: statements, results as psql draws them
//! │   booked_by = 'Mallory' ...         │
//! │ ⏳ waits for Bob: row A-4            │   what it waits for
//! │ mallory=# █                         │   what is being typed
//! ╰─────────────────────────── ↓ 12 ────╯   how much lies below, when somebody has scrolled up
//! ```

use std::borrow::Cow;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Borders, Widget};

use super::{View, frame_of, put_line, selecting, sql};
use crate::core::event::TransactionStatus;
use crate::core::syntax::{self, Strings};
use crate::stage::keys::Action;
use crate::stage::layers::{Layer, Selection};
use crate::stage::panes::pane::{Link, Pane};
use crate::stage::panes::scrollback::{self, Look, Room, Row};
use crate::stage::{text, wrap};
use crate::tui::theme::Role;
use crate::tui::view::layout::{Framing, inside};
use crate::tui::view::lines;
use crate::tui::view::pane_footer::{self, PaneFooter};

/// Draws a session; gives the cursor's place.
pub(super) fn draw(
    view: &View<'_>,
    place: usize,
    area: Rect,
    now: Duration,
    buffer: &mut Buffer,
) -> Option<Position> {
    let pane = view.stage.panes().get(place)?;
    let inner = inside(area, view.framing);
    let footer = pane_footer::compose(view, pane, inner);
    let rows = usize::from(inner.height) - footer.height();
    let room = Room { cells: usize::from(inner.width), rows };
    draw_frame(view, place, area, now, room, buffer);
    let (shown, selecting) = draw_history(view, pane, inner, room, buffer);
    let below = Rect { y: inner.y + shown, height: inner.height - shown, ..inner };
    let typed = draw_footer(view, pane, &footer, below, buffer);
    if selection(view, pane).is_some() { selecting } else { typed }
}

/// Draws a session of which there is room for one line: how it stands, and what was said last.
pub(super) fn draw_folded(
    view: &View<'_>,
    place: usize,
    area: Rect,
    now: Duration,
    buffer: &mut Buffer,
) {
    let Some(pane) = view.stage.panes().get(place) else { return };
    let mut line = title(view, place, area.width, now);
    let says = |line: &&scrollback::Line| matches!(line.look, Look::Tag | Look::Error | Look::Lost);
    if let Some(said) = pane.scrollback.lines().rfind(says) {
        let style =
            if pane.has_news() { view.latest_look(said.look) } else { view.look(said.look) };
        line.push_span(view.span(format!("{} ", view.theme.signs().between), Role::Dim));
        line.push_span(Span::styled(said.text.trim(), style));
    }
    put_line(view, line.spans, Rect { height: 1, ..area }, buffer);
}

fn draw_frame(
    view: &View<'_>,
    place: usize,
    area: Rect,
    now: Duration,
    room: Room,
    buffer: &mut Buffer,
) {
    let Some(pane) = view.stage.panes().get(place) else { return };
    let mut frame =
        frame_of(view, border_role(view, place, now)).title(title(view, place, area.width, now));
    let below = pane.scrollback.lines_below(room);
    let more = (below > 0).then(|| {
        let more = format!(" {below} more below ");
        Line::from(view.span(more, Role::Notice)).alignment(Alignment::Right)
    });
    frame = match (view.framing, more) {
        (Framing::Whole, more) => {
            let beside = beside(view, pane, area, room);
            frame.title_bottom(beside.unwrap_or_default()).title_bottom(more.unwrap_or_default())
        }
        (Framing::Half, more) => {
            frame.borders(Borders::ALL - Borders::BOTTOM).title(more.unwrap_or_default())
        }
    };
    frame.render(area, buffer);
}

/// What shows the rest of a table that is cut off, where there is room to say so.
fn beside(view: &View<'_>, pane: &Pane, area: Rect, room: Room) -> Option<Line<'static>> {
    if pane.scrollback.beyond(room) == 0 {
        return None;
    }
    let (action, words) = match area.width < view.area.width {
        true => (Action::Zoom, "zoom"),
        false if pane.scrollback.is_at_right(room) => (Action::ScrollLeft, "scroll left"),
        false => (Action::ScrollRight, "scroll right"),
    };
    let hint = format!(" {}: {words} ", view.stage.key(action));
    let fits = text::width(&hint) + 2 <= usize::from(area.width);
    fits.then(|| Line::from(view.span(hint, Role::Notice)))
}

/// The pane that is typed in stands out, and for a moment one whose session was let through.
fn border_role(view: &View<'_>, place: usize, now: Duration) -> Role {
    let panes = view.stage.panes();
    match panes.get(place).and_then(|pane| pane.release(now)) {
        Some(_) => Role::Answer,
        None if place == panes.focus() && view.is_typed_in => Role::Focus,
        None => Role::Border,
    }
}

/// The cells below which a title goes without its number.
const NUMBERED: u16 = 26;

fn title<'a>(view: &View<'_>, place: usize, width: u16, now: Duration) -> Line<'a> {
    let Some(pane) = view.stage.panes().get(place) else { return Line::default() };
    let signs = view.theme.signs();
    let number = if width < NUMBERED { " ".to_owned() } else { format!(" {} ", place + 1) };
    let differs = view.stage.watched().differs_in(&pane.name);
    let mark = if differs { format!(" {}", signs.differs) } else { String::new() };
    let room = usize::from(width).saturating_sub(3 + number.len() + text::width(&mark));
    let states = states(view, pane, now);
    let shortest = states.last().map_or(0, |state| text::width(state));
    // The state says more than the end of a long name.
    let for_name = room.saturating_sub(shortest + 3).max(room.min(6));
    let name = text::visible(pane.name.as_str()).into_owned();
    let name = text::fit(&name, for_name, signs.ellipsis).into_owned();
    let left = room.saturating_sub(text::width(&name) + 3);
    let state = states.into_iter().find(|state| text::width(state) <= left);
    let focused = view.style(border_role(view, place, now));
    let accent = view.theme.accent(place);
    let mut spans = vec![
        view.span(mark, Role::Conflict),
        Span::styled(number, view.style(Role::Dim)),
        Span::styled(name, accent),
    ];
    if let Some(state) = state {
        spans.push(Span::styled(format!(" {} ", signs.rule), focused));
        spans.push(view.span(state, state_role(pane, now)));
    }
    spans.push(Span::raw(" "));
    Line::from(spans)
}

/// How a session stands, in words, the longest first. Where it has just been let through, that
/// comes first, with an arrow from whoever was in its way.
fn states(view: &View<'_>, pane: &Pane, now: Duration) -> Vec<String> {
    let arrow = view.theme.signs().followed;
    let release = pane.release(now).map(|release| {
        let released = |words: &str| format!("{words}{arrow} {}", release.by);
        [released("released "), released("")]
    });
    let stands = match &pane.held {
        Some(held) => held.title(now, view.theme.signs().rule),
        None => pane.state(now),
    };
    let states = release.into_iter().flatten().chain(stands);
    states.map(|state| text::visible(&state).into_owned()).collect()
}

fn state_role(pane: &Pane, now: Duration) -> Role {
    match (pane.link, &pane.waiting, pane.status()) {
        (Link::Lost, ..) => Role::Error,
        _ if pane.release(now).is_some() => Role::Answer,
        _ if pane.held.is_some() => Role::Held,
        (Link::Connecting | Link::Closed, ..) => Role::Dim,
        (_, Some(_), _) => Role::Waiting,
        (_, None, _) if pane.in_flight.is_some() => Role::Strong,
        (_, None, TransactionStatus::Failed) => Role::Error,
        (_, None, TransactionStatus::InTransaction) => Role::Uncommitted,
        (_, None, TransactionStatus::Idle) => Role::Dim,
    }
}

/// Draws the lines in sight from the top; gives how many rows they took, and where the cursor of a
/// selection stands.
fn draw_history(
    view: &View<'_>,
    pane: &Pane,
    inner: Rect,
    room: Room,
    buffer: &mut Buffer,
) -> (u16, Option<Position>) {
    let rows = pane.scrollback.visible(room);
    let needle = needle(view, pane);
    let mut cursor = None;
    for (row, y) in rows.iter().zip(inner.y..) {
        let area = Rect { y, height: 1, ..inner };
        draw_row(view, pane, row, area, buffer);
        if let Some(selection) = selection(view, pane) {
            let at = selecting::draw(view, selection, row, area, buffer);
            cursor = cursor.or(at);
        }
        if let Some(needle) = needle {
            mark_found(view, row, needle, area, buffer);
        }
    }
    (u16::try_from(rows.len()).unwrap_or(u16::MAX), cursor)
}

/// What is being selected in this pane.
fn selection<'a>(view: &View<'a>, pane: &Pane) -> Option<&'a Selection> {
    match view.stage.layers().top() {
        Some(Layer::Select(selection)) if *selection.session() == pane.name => Some(selection),
        _ => None,
    }
}

/// What is being looked for in this pane.
fn needle<'a>(view: &View<'a>, pane: &Pane) -> Option<&'a str> {
    let Some(Layer::FindText(find)) = view.stage.layers().top() else { return None };
    let is_here = view.stage.panes().focused().is_some_and(|focused| focused.name == pane.name);
    (is_here && !find.needle.is_empty()).then_some(find.needle.as_str())
}

fn draw_row(view: &View<'_>, pane: &Pane, row: &Row<'_>, area: Rect, buffer: &mut Buffer) {
    let line = row.line;
    let signs = view.theme.signs();
    let is_latest = pane.is_latest(row.number);
    let style = if is_latest { view.latest_look(line.look) } else { view.look(line.look) };
    if line.look.is_table() {
        draw_table_row(view, pane, line, style, area, buffer);
    } else {
        let lead = line.look.lead();
        let indent = lead + if row.range.start == 0 { 0 } else { line.look.hanging() };
        if lead > 0 && row.range.start == 0 {
            lines::put(buffer, area, (area.x, area.y), signs.becomes, style);
        }
        let spans = Line::from(row_spans(view, row, style, pane.editor.strings()));
        let x = area.x + u16::try_from(indent).unwrap_or(0).min(area.width);
        let end = buffer.set_line(x, area.y, &spans, area.right() - x).0;
        draw_aside(view, row, end, area, buffer);
    }
    if line.look.is_table() && row.ends {
        draw_aside(view, row, area.right(), area, buffer);
    }
}

/// A line of a table, with a sign at each edge at which it goes on.
fn draw_table_row(
    view: &View<'_>,
    pane: &Pane,
    line: &scrollback::Line,
    look: Style,
    area: Rect,
    buffer: &mut Buffer,
) {
    let cells = usize::from(area.width);
    // What is selected is seen as it is copied, not squeezed.
    let (text, shift) = match selection(view, pane) {
        Some(selection) => (Cow::Borrowed(&*line.text), selecting::shift(selection, cells)),
        None => (line.shown(cells), pane.scrollback.shift_of(line, cells)),
    };
    let shown = wrap::window(&text, shift, cells);
    let goes_on = shown.end < text.trim_end().len();
    buffer.set_stringn(area.x, area.y, &text[shown], cells, look);
    let [before, after] = view.theme.signs().beyond;
    let style = view.style(Role::Notice);
    if shift > 0 && area.width > 0 {
        lines::put(buffer, area, (area.x, area.y), before, style);
    }
    if goes_on && area.width > 0 {
        lines::put(buffer, area, (area.right() - 1, area.y), after, style);
    }
}

fn row_spans<'a>(view: &View<'_>, row: &Row<'a>, style: Style, strings: Strings) -> Vec<Span<'a>> {
    let (text, look) = (&*row.line.text, row.line.look);
    let Look::Statement { prompt } = look else {
        return vec![Span::styled(&text[row.range.clone()], style)];
    };
    let prompt = usize::from(prompt).min(text.len());
    let statement = row.range.start.max(prompt)..row.range.end.max(prompt);
    let mut spans = Vec::new();
    if row.range.start < prompt {
        spans.push(view.span(&text[row.range.start..prompt.min(row.range.end)], Role::Prompt));
    }
    let colours = syntax::colours(&text[prompt..], strings).into_iter();
    let colours = colours.map(|span| syntax::Span {
        range: span.range.start + prompt..span.range.end + prompt,
        colour: span.colour,
    });
    if statement.start < statement.end {
        spans.extend(sql::spans(view, text, statement, colours, view.style(Role::Screen)));
    }
    spans
}

/// The time taken, at the right edge, where the line leaves room for it.
fn draw_aside(view: &View<'_>, row: &Row<'_>, end: u16, area: Rect, buffer: &mut Buffer) {
    let Some(aside) = row.line.aside.as_deref().filter(|_| row.ends) else { return };
    let width = u16::try_from(text::width(aside)).unwrap_or(u16::MAX);
    if end.saturating_add(width + 1) <= area.right() {
        lines::put(buffer, area, (area.right() - width, area.y), aside, view.style(Role::Dim));
    }
}

fn mark_found(view: &View<'_>, row: &Row<'_>, needle: &str, area: Rect, buffer: &mut Buffer) {
    if !row.line.text[row.range.clone()].to_lowercase().contains(&needle.to_lowercase()) {
        return;
    }
    let shown: String = (area.left()..area.right()).map(|x| buffer[(x, area.y)].symbol()).collect();
    let found = shown.to_lowercase();
    let Some(at) = found.find(&needle.to_lowercase()) else { return };
    let from = u16::try_from(text::width(&found[..at])).unwrap_or(0);
    let width = u16::try_from(text::width(needle)).unwrap_or(0);
    let marked = Rect { x: area.x + from.min(area.width), width, ..area }.intersection(area);
    buffer.set_style(marked, view.style(Role::Found));
}

fn draw_footer(
    view: &View<'_>,
    pane: &Pane,
    footer: &PaneFooter,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Position> {
    for (row, y) in footer.wait.iter().zip(area.top()..area.bottom()) {
        buffer.set_stringn(area.x, y, row, usize::from(area.width), view.style(Role::Waiting));
    }
    let top = area.y + u16::try_from(footer.wait.len()).unwrap_or(0);
    draw_held(view, pane, footer, Rect { y: top, ..area }, buffer);
    let layout = footer.editor.as_ref()?;
    for (row, y) in layout.rows.iter().zip(top..area.bottom()) {
        let indent = u16::try_from(row.indent).unwrap_or(0).min(area.width);
        if row.begins {
            let prompt = pane_footer::shown_prompt(pane, row.line);
            buffer.set_stringn(area.x, y, &prompt, usize::from(indent), view.style(Role::Prompt));
        }
        let line = pane.editor.lines().get(row.line).map_or("", String::as_str);
        let colours = pane.editor.spans(row.line);
        let spans = sql::spans(view, line, row.text.clone(), colours, view.style(Role::Screen));
        buffer.set_line(area.x + indent, y, &Line::from(spans), area.width - indent);
    }
    let x = area.x + u16::try_from(layout.cursor.1).unwrap_or(0).min(area.width.saturating_sub(1));
    Some(Position { x, y: top + u16::try_from(layout.cursor.0).unwrap_or(0) })
}

/// The statement that is held, where what is typed stands in other panes.
fn draw_held(view: &View<'_>, pane: &Pane, footer: &PaneFooter, area: Rect, buffer: &mut Buffer) {
    let Some(held) = &pane.held else { return };
    let line = pane_footer::held_line(&held.sql);
    let style = view.style(Role::Held);
    let mut y = area.y;
    for part in &footer.held {
        let row = Rect { y, height: 1, ..area }.intersection(area);
        buffer.set_style(row, style);
        put_line(view, vec![Span::styled(&line[part.clone()], style)], row, buffer);
        y += 1;
    }
    for reason in footer.reason.iter().take(usize::from(area.bottom().saturating_sub(y))) {
        lines::put(buffer, area, (area.x, y), reason, view.style(Role::Dim));
        y += 1;
    }
}

impl View<'_> {
    pub(super) fn look(&self, look: Look) -> Style {
        let role = match look {
            Look::Statement { .. } | Look::Row => Role::Screen,
            Look::Heading => Role::Heading,
            Look::Rule | Look::Tag | Look::Note => Role::Dim,
            Look::Error => Role::Error,
            Look::Detail => Role::Dim,
            Look::Lesson => Role::Lesson,
            Look::Notice => Role::Notice,
            Look::Wait => Role::Waiting,
            Look::Lost => Role::Error,
        };
        self.style(role)
    }

    /// The look of what came after the statement that was sent last: it is what everybody looks at,
    /// so the answer stands out from all that was said before.
    pub(super) fn latest_look(&self, look: Look) -> Style {
        match look {
            Look::Row | Look::Tag => self.style(Role::Answer),
            Look::Detail => self.style(Role::Screen),
            Look::Error | Look::Lesson | Look::Lost => self.look(look).bold(),
            _ => self.look(look),
        }
    }
}
