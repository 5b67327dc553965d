//! Draws the [`App`]: a pure function of the state and the time, one file a part.

use std::time::Duration;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use self::layout::{Framing, SMALLEST};
use self::row_note::{Scene, Trim};
use super::app::App;
use super::text;
use super::theme::{Charset, Role};
use crate::core::event::SessionName;
use crate::core::scenario::counted;

mod bars;
mod comparison;
mod dialog;
mod ending;
mod flow;
pub mod graph;
mod help;
pub mod layout;
pub mod pane_footer;
mod picker;
pub(super) mod row_note;
pub mod rush;
mod script;
mod seat_map;
mod session;
mod sql;
pub(super) mod svg;
mod table_view;
pub(super) mod timeline;
pub mod watched_tables;

pub use comparison::draw as draw_comparison;
pub(super) use help::beyond as help_beyond;

/// Draws a frame.
pub fn draw(frame: &mut Frame, app: &App, now: Duration) {
    draw_parts(frame, app, now);
    if app.setting.theme.charset() == Charset::Ascii {
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

fn draw_parts(frame: &mut Frame, app: &App, now: Duration) {
    let area = frame.area();
    frame.buffer_mut().set_style(area, app.style(Role::Screen));
    if area.as_size() != app.size() || layout::is_too_small(app.size()) {
        return too_small(app, SMALLEST, area, frame.buffer_mut());
    }
    let places = app.places();
    bars::header(app, places.header, frame.buffer_mut());
    draw_house(app, places.house, now, frame.buffer_mut());
    if let Some(tabs) = places.tabs {
        bars::tabs(app, tabs, frame.buffer_mut());
    }
    for (place, area) in &places.panes {
        let cursor = session::draw(app, *place, *area, now, frame.buffer_mut());
        if let Some(cursor) = cursor.filter(|_| *place == app.focus && app.layers.is_empty()) {
            frame.set_cursor_position(cursor);
        }
    }
    script::draw(app, places.script, frame.buffer_mut());
    bars::footer(app, places.footer, frame.buffer_mut());
    if let Some(cursor) = dialog::draw(app, &places, now, frame.buffer_mut()) {
        frame.set_cursor_position(cursor);
    }
}

/// Draws a half of a comparison in its own part of the frame, but for the line over it; gives the
/// place for the cursor.
fn draw_half(app: &App, now: Duration, buffer: &mut Buffer) -> Option<Position> {
    let places = app.places();
    draw_house(app, places.house, now, buffer);
    if let Some(tabs) = places.tabs {
        bars::tabs(app, tabs, buffer);
    }
    let cursors = places.panes.iter().map(|(place, area)| {
        session::draw(app, *place, *area, now, buffer).filter(|_| *place == app.focus)
    });
    cursors.fold(None, Option::or)
}

/// How many rows the house would like to have.
pub(super) fn house_height(app: &App, width: u16) -> u16 {
    watched_tables::desired_height(&app.house, width, &scene(app, &app.cast(), Duration::ZERO))
}

/// How many rows it takes to say why the run cannot go on, if it cannot.
pub(super) fn broken_height(app: &App, width: u16) -> Option<usize> {
    script::broken_height(app, width)
}

fn draw_house(app: &App, area: Rect, now: Duration, buffer: &mut Buffer) {
    watched_tables::draw(&app.house, area, buffer, &scene(app, &app.cast(), now));
}

fn scene<'a>(app: &'a App, cast: &'a [SessionName], now: Duration) -> Scene<'a> {
    Scene {
        theme: &app.setting.theme,
        cast,
        flashes: &app.flashes,
        contrasts: &app.contrasts,
        trim: match app.framing {
            Framing::Whole => Trim::Framed,
            Framing::Half => Trim::Bare,
        },
        now: app.clock + now,
    }
}

/// Everything is kept; only the drawing waits for room.
fn too_small(app: &App, needed: Size, area: Rect, buffer: &mut Buffer) {
    let words = format!(
        "This terminal has {} and {}. Overbooked needs {} and {}: \
         make it larger or its letters smaller. Everything goes on as it is.",
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
        text::put(buffer, area, (x, y), row, app.style(Role::Screen));
    }
}

impl App {
    pub(super) fn style(&self, role: Role) -> Style {
        self.setting.theme.style(role)
    }

    fn span<'a>(&self, text: impl Into<std::borrow::Cow<'a, str>>, role: Role) -> Span<'a> {
        Span::styled(text, self.style(role))
    }
}

/// An empty pane with a border.
fn frame_of(app: &App, border: Role) -> Block<'static> {
    Block::bordered().border_set(app.setting.theme.border()).border_style(app.style(border))
}

/// A line of an area, with a sign at its end if it goes on.
fn put_line(app: &App, spans: Vec<Span<'_>>, area: Rect, buffer: &mut Buffer) {
    let line = Line::from(spans);
    let is_cut = line.width() > usize::from(area.width);
    buffer.set_line(area.x, area.y, &line, area.width);
    if is_cut && area.width > 0 {
        let at = (area.right() - 1, area.y);
        text::put(buffer, area, at, app.setting.theme.signs().ellipsis, app.style(Role::Dim));
    }
}

/// A box in the middle of an area, cleared, with a title; gives what is inside.
fn open_box(app: &App, area: Rect, title: &str, buffer: &mut Buffer) -> Rect {
    Clear.render(area, buffer);
    buffer.set_style(area, app.style(Role::Screen));
    let title = Line::from(app.span(format!(" {title} "), Role::Title));
    frame_of(app, Role::Focus).title(title).render(area, buffer);
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
