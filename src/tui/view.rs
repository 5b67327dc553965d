//! Draws what is on the stage: a pure function of the state and the time, one file a part.

use std::borrow::Cow;
use std::time::Duration;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use super::app::App;
use super::theme::{Charset, Role, Theme};
use crate::core::event::SessionName;
use crate::core::scenario::counted;
use crate::stage::comparison::Half;
use crate::stage::input::Over;
use crate::stage::layers::Layer;
use crate::stage::mode::Mode;
use crate::stage::{Stage, text};

mod bars;
mod breakpoints;
mod browse;
mod classes;
mod comparison;
mod dialog;
mod ending;
mod flow;
mod graph;
mod help;
pub(super) mod layout;
mod lines;
mod menu;
mod mistake;
mod pane_footer;
mod picker;
mod room;
mod row_at;
mod row_note;
pub mod rush;
mod script;
mod seat_map;
mod selecting;
mod session;
mod sql;
pub(super) mod svg;
mod table_view;
mod timeline;
mod watched_tables;

use layout::{Framing, Places, SMALLEST, Sessions};
use row_note::{Scene, Trim};

pub(super) use help::beyond as help_beyond;

/// A run's part of the screen: what is on it, how it looks, where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) stage: &'a Stage,
    pub(super) theme: &'a Theme,
    pub(super) area: Rect,
    pub(super) framing: Framing,
    /// Whether what is typed goes here: of two halves, one may be left out.
    pub(super) is_typed_in: bool,
}

impl<'a> View<'a> {
    /// Where everything stands.
    pub(super) fn places(&self) -> Places {
        layout::arrange(self)
    }

    fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// What is chosen or selected, which must be seen without colours too.
    fn selection(&self) -> Style {
        let style = self.style(Role::Selection);
        if style.bg.is_none() { style.reversed() } else { style }
    }

    fn span<'b>(&self, text: impl Into<Cow<'b, str>>, role: Role) -> Span<'b> {
        Span::styled(text, self.style(role))
    }

    fn scene<'b>(&self, cast: &'b [SessionName], now: Duration) -> Scene<'b>
    where
        'a: 'b,
    {
        Scene {
            theme: self.theme,
            cast,
            marks: self.stage.watched().marks(now),
            trim: match self.framing {
                Framing::Whole if layout::is_roomy(self.area.as_size()) => Trim::Roomy,
                Framing::Whole => Trim::Framed,
                Framing::Half => Trim::Bare,
            },
        }
    }
}

/// Draws a frame.
pub fn draw(frame: &mut Frame, app: &App, now: Duration) {
    match app.mode() {
        Mode::One(_) => draw_one(frame, &app.view(Half::Above), now),
        Mode::Two(two) => comparison::draw(frame, app, two, now),
    }
    if app.theme().charset() == Charset::Ascii {
        keep_ascii(frame.buffer_mut());
    }
}

/// Names and values may hold anything; where the terminal shows ASCII alone, the rest is shown as a
/// question mark.
fn keep_ascii(buffer: &mut Buffer) {
    for cell in buffer.content.iter_mut().filter(|cell| !cell.symbol().is_ascii()) {
        cell.set_symbol("?");
    }
}

fn draw_one(frame: &mut Frame, view: &View<'_>, now: Duration) {
    let area = frame.area();
    frame.buffer_mut().set_style(area, view.style(Role::Screen));
    if area.as_size() != view.area.as_size() || layout::is_too_small(view.area.as_size()) {
        return too_small(view, SMALLEST, area, frame.buffer_mut());
    }
    let places = view.places();
    bars::header(view, places.header, frame.buffer_mut());
    draw_watched(view, places.watched, now, frame.buffer_mut());
    let cursor = draw_sessions(view, &places, now, frame.buffer_mut());
    script::draw(view, places.script, frame.buffer_mut());
    bars::footer(view, places.footer, frame.buffer_mut());
    let cursor = draw_layer(view, &places, cursor, now, frame.buffer_mut());
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

/// Draws what lies over the screen, if anything does; gives the cursor's place, which is the typed
/// line's where nothing takes it.
fn draw_layer(
    view: &View<'_>,
    places: &Places,
    cursor: Option<Position>,
    now: Duration,
    buffer: &mut Buffer,
) -> Option<Position> {
    match (view.stage.layers().top(), cursor) {
        (None, _) => cursor,
        (Some(Layer::Select(_)), _) => {
            dialog::selection_keys(view, places.footer, buffer);
            cursor
        }
        (Some(Layer::Menu(menu)), Some(at)) => {
            menu::draw(view, menu, at, buffer);
            cursor
        }
        _ => dialog::draw(view, places, now, buffer),
    }
}

/// Draws a half of a comparison in its own part of the frame, but for the line over it; gives the
/// place for the cursor.
fn draw_half(view: &View<'_>, now: Duration, buffer: &mut Buffer) -> Option<Position> {
    let places = view.places();
    draw_watched(view, places.watched, now, buffer);
    draw_sessions(view, &places, now, buffer)
}

/// Draws every session; gives the place for the cursor.
fn draw_sessions(
    view: &View<'_>,
    places: &Places,
    now: Duration,
    buffer: &mut Buffer,
) -> Option<Position> {
    let Sessions { panes, folded, tabs, .. } = &places.sessions;
    if view.stage.panes().is_empty() {
        draw_nobody(view, places.sessions.area, buffer);
    }
    for (place, area) in tabs {
        bars::draw_tab(view, *place, *area, buffer);
    }
    for (place, area) in folded {
        session::draw_folded(view, *place, *area, now, buffer);
    }
    let cursors = panes.iter().map(|(place, area)| {
        session::draw(view, *place, *area, now, buffer)
            .filter(|_| *place == view.stage.panes().focus())
    });
    cursors.fold(None, Option::or)
}

/// How to connect, as long as no program has.
fn draw_nobody(view: &View<'_>, area: Rect, buffer: &mut Buffer) {
    let Some(debugging) = view.stage.debugging() else { return };
    let mut lines = vec![Line::default()];
    if debugging.addresses.is_empty() {
        lines.push(Line::from(view.span("opening the way in for your programs", Role::Dim)));
    } else {
        let words = "Start your program with this in the place of its database:";
        lines.push(Line::from(view.span(words, Role::Screen)));
        lines.push(Line::default());
        let addresses = debugging.addresses.iter();
        lines.extend(addresses.map(|it| Line::from(view.span(text::visible(it), Role::Strong))));
        lines.push(Line::default());
        let words = "Each of its transactions gets a pane here.";
        lines.push(Line::from(view.span(words, Role::Dim)));
    }
    let inner = Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area };
    lines::put_lines(buffer, inner, &lines);
}

/// What of a run is at this cell: a session, a row of a watched table.
pub(super) fn over(view: &View<'_>, at: Position) -> Option<Over> {
    let places = view.places();
    let session = places.session_at(at).map(Over::Session);
    session.or_else(|| row_at::row_at(view, places.watched, at))
}

/// The key whose name is at this cell.
pub(super) fn key_at(app: &App, at: Position) -> Option<Over> {
    let hints = match app.mode() {
        Mode::One(_) => {
            let view = app.view(Half::Above);
            bars::hints(&view, view.places().footer)
        }
        Mode::Two(two) => comparison::hints(app, two),
    };
    let hint = hints.into_iter().find(|hint| hint.area.contains(at))?;
    Some(Over::Key(hint.action))
}

/// How many rows the watched tables take, if they get at most so many of their own wish.
fn watched_height(view: &View<'_>, most: u16) -> watched_tables::Height {
    let cast = view.stage.panes().cast();
    let scene = view.scene(&cast, Duration::ZERO);
    watched_tables::height(view.stage.watched().tables(), view.area.width, most, &scene)
}

/// How many rows it takes to say why the run cannot go on, if it cannot.
fn broken_height(view: &View<'_>, width: u16) -> Option<usize> {
    script::broken_height(view, width)
}

fn draw_watched(view: &View<'_>, area: Rect, now: Duration, buffer: &mut Buffer) {
    watched_tables::draw(
        view.stage.watched().tables(),
        area,
        buffer,
        &view.scene(&view.stage.panes().cast(), now),
    );
}

/// Everything is kept; only the drawing waits for room.
fn too_small(view: &View<'_>, needed: Size, area: Rect, buffer: &mut Buffer) {
    let words = format!(
        "This terminal has {} and {}; Overbooked needs {} and {}. Enlarge the window or choose a \
         smaller font. Nothing is interrupted.",
        counted(area.width, "column"),
        counted(area.height, "row"),
        needed.width,
        needed.height
    );
    let rows = text::wrap(&words, usize::from(area.width));
    let top = area.height.saturating_sub(u16::try_from(rows.len()).unwrap_or(u16::MAX)) / 2;
    for (row, y) in rows.iter().zip(area.y + top..area.bottom()) {
        let left = usize::from(area.width).saturating_sub(text::width(row)) / 2;
        let x = area.x + u16::try_from(left).unwrap_or(0);
        lines::put(buffer, area, (x, y), row, view.style(Role::Screen));
    }
}

/// An empty pane with a border.
fn frame_of(view: &View<'_>, border: Role) -> Block<'static> {
    Block::bordered().border_set(view.theme.border()).border_style(view.style(border))
}

/// A line of an area, with a sign at its end if it goes on.
fn put_line(view: &View<'_>, spans: Vec<Span<'_>>, area: Rect, buffer: &mut Buffer) {
    let line = Line::from(spans);
    let is_cut = line.width() > usize::from(area.width);
    buffer.set_line(area.x, area.y, &line, area.width);
    if is_cut && area.width > 0 {
        let at = (area.right() - 1, area.y);
        lines::put(buffer, area, at, view.theme.signs().ellipsis, view.style(Role::Dim));
    }
}

/// A box in the middle of an area, cleared, with a title; gives what is inside.
fn open_box(view: &View<'_>, area: Rect, title: &str, buffer: &mut Buffer) -> Rect {
    Clear.render(area, buffer);
    buffer.set_style(area, view.style(Role::Screen));
    let title = Line::from(view.span(format!(" {title} "), Role::Title));
    frame_of(view, Role::Focus).title(title).render(area, buffer);
    Rect {
        x: (area.x + 2).min(area.right()),
        y: (area.y + 1).min(area.bottom()),
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    }
}

/// An area of at most this size in the middle of another.
fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}
