//! The pane of the watched tables: the seat map and every other watched table, with what cannot be
//! seen said in words.
//!
//! ```text
//! ╭ seats ──────────────────────╮╭ audit ─────────────────╮
//! │ the map                     ││ a table with its locks │   side by side where the width allows,
//! ╰─────────────────────────────╯╰────────────────────────╯   below each other where it does not
//! ```
//!
//! Bare, in half a screen, the borders go, and a table's name stays only where there are several.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Widget};

use super::row_note::{Scene, Trim, holder_text};
use super::seat_map::SeatMap;
use super::table_view::TableView;
use crate::core::seats::{Unread, WatchedTable, WatchedTables};
use crate::stage::text;
use crate::tui::theme::Role;
use crate::tui::view::lines;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
pub(crate) mod tests;

/// Cells that a table needs beside another one.
const LEAST_WIDTH: u16 = 72;
/// Lines below which a panel shows nothing of use: two of border, a row, a legend.
const LEAST_HEIGHT: usize = 4;

/// How many lines they would like to have at this width, borders included.
pub(super) fn desired_height(tables: &WatchedTables, width: u16, scene: &Scene<'_>) -> u16 {
    let total: usize = bands(tables, width, scene).iter().map(|band| band.height).sum();
    u16::try_from(total).unwrap_or(u16::MAX)
}

/// Draws them into all of the area, borders included.
pub(super) fn draw(tables: &WatchedTables, area: Rect, buffer: &mut Buffer, scene: &Scene<'_>) {
    let area = area.intersection(buffer.area);
    buffer.set_style(area, scene.style(Role::Screen));
    let bands = bands(tables, area.width, scene);
    let mut top = area.top();
    for (band, height) in bands.iter().zip(shares(&bands, usize::from(area.height))) {
        let height = u16::try_from(height).unwrap_or(area.height);
        let row = Rect { y: top, height, ..area };
        top += height;
        for (panel, place) in band.panels.iter().zip(split(row, band.panels.len())) {
            panel.draw(place, buffer, scene);
        }
    }
}

/// Panels that stand side by side.
struct Band<'a> {
    panels: Vec<Panel<'a>>,
    height: usize,
}

fn bands<'a>(tables: &'a WatchedTables, width: u16, scene: &Scene<'a>) -> Vec<Band<'a>> {
    let abreast = usize::from(width / LEAST_WIDTH).clamp(1, tables.tables.len().max(1));
    let inner = (usize::from(width) / abreast).saturating_sub(4);
    let mut blind = tables.blind.iter();
    let mut panels: Vec<_> =
        tables.tables.iter().map(|table| Panel::of(table, &mut blind, inner, *scene)).collect();
    let is_named = panels.len() > 1;
    for panel in &mut panels {
        panel.is_named = is_named;
    }
    if panels.is_empty() {
        panels.push(Panel::empty(&tables.blind, inner));
    }
    let mut bands = Vec::new();
    while !panels.is_empty() {
        let rest = panels.split_off(abreast.min(panels.len()));
        let height =
            panels.iter().map(|panel| panel.desired_height(inner, scene)).max().unwrap_or(0);
        bands.push(Band { panels, height });
        panels = rest;
    }
    bands
}

/// What each band gets of a height: all that it wants, or what the bands below leave over; what is
/// too little is nothing.
fn shares(bands: &[Band<'_>], height: usize) -> Vec<usize> {
    let mut left = height;
    let mut shares = Vec::new();
    for (at, band) in bands.iter().enumerate() {
        let kept = (bands.len() - 1 - at) * LEAST_HEIGHT;
        let share = match at {
            _ if at + 1 == bands.len() => left,
            _ => band.height.min(left.saturating_sub(kept).max(left.min(LEAST_HEIGHT))),
        };
        shares.push(share);
        left -= share;
    }
    shares
}

fn split(row: Rect, count: usize) -> impl Iterator<Item = Rect> {
    let count = u16::try_from(count).unwrap_or(1).max(1);
    let edge = move |at: u16| {
        row.x + u16::try_from(u32::from(row.width) * u32::from(at) / u32::from(count)).unwrap_or(0)
    };
    (0..count).map(move |at| Rect { x: edge(at), width: edge(at + 1) - edge(at), ..row })
}

/// One table in its border.
struct Panel<'a> {
    title: String,
    content: Content<'a>,
    words: Vec<String>,
    /// Whether its name is needed to tell it from others.
    is_named: bool,
}

enum Content<'a> {
    Seats(SeatMap<'a>),
    Rows(TableView<'a>),
    Nothing,
}

impl<'a> Panel<'a> {
    /// The first panel also says what the engine cannot show.
    fn of<'b>(
        table: &'a WatchedTable,
        blind: &mut impl Iterator<Item = &'b String>,
        width: usize,
        scene: Scene<'a>,
    ) -> Self {
        let content = match SeatMap::of(table, scene) {
            _ if table.columns.is_empty() => Content::Nothing,
            Some(map) => Content::Seats(map),
            None => Content::Rows(TableView::of(table, scene)),
        };
        let mut sentences = words(table);
        // A panel of which only the border is left must still say why it is empty.
        let title = match (&content, &table.unread) {
            (Content::Nothing, Some(_)) if !sentences.is_empty() => sentences.remove(0),
            _ => table.name.clone(),
        };
        let sentences = sentences.into_iter().chain(blind.map(|it| text::visible(it).into_owned()));
        let words = sentences.flat_map(|sentence| text::wrap(&sentence, width)).collect();
        let title = text::visible(&title).into_owned();
        Self { title, content, words, is_named: false }
    }

    fn empty(blind: &[String], width: usize) -> Self {
        let nothing = "No tables are watched.".to_owned();
        let sentences = [nothing].into_iter().chain(blind.iter().cloned());
        let words = sentences.flat_map(|it| text::wrap(&text::visible(&it), width)).collect();
        Self { title: "tables".to_owned(), content: Content::Nothing, words, is_named: false }
    }

    fn desired_height(&self, width: usize, scene: &Scene<'_>) -> usize {
        let content = match &self.content {
            Content::Seats(map) => map.desired_height(width),
            Content::Rows(view) => view.desired_height(width),
            Content::Nothing => 0,
        };
        let around = match scene.trim {
            Trim::Framed => 2,
            Trim::Bare => usize::from(self.is_named),
        };
        content.saturating_add(self.words.len() + around)
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer, scene: &Scene<'_>) {
        let title = text::fit(&self.title, usize::from(area.width.saturating_sub(4)), "");
        let title = Line::styled(format!(" {title} "), scene.style(Role::Title));
        let block = match scene.trim {
            Trim::Framed => Block::bordered()
                .border_set(scene.theme.border())
                .border_style(scene.style(Role::Border))
                .title(title),
            Trim::Bare if self.is_named => Block::new().title(title),
            Trim::Bare => Block::new(),
        };
        let inner = block.inner(area);
        block.render(area, buffer);
        let inner = inner.inner(ratatui::layout::Margin::new(1, 0));
        let most = match self.content {
            Content::Nothing => inner.height,
            Content::Seats(_) | Content::Rows(_) => inner.height / 2,
        };
        let words = u16::try_from(self.words.len()).unwrap_or(u16::MAX).min(most);
        let content = Rect { height: inner.height - words, ..inner };
        match &self.content {
            Content::Seats(map) => map.draw(content, buffer),
            Content::Rows(view) => view.draw(content, buffer),
            Content::Nothing => {}
        }
        let below = Rect { y: content.bottom(), height: words, ..inner };
        let notice = scene.style(Role::Notice);
        let lines: Vec<_> = self.words.iter().map(|it| Line::styled(it.as_str(), notice)).collect();
        lines::put_lines(buffer, below, &lines);
    }
}

/// What the rows themselves cannot show.
fn words(table: &WatchedTable) -> Vec<String> {
    let locked = table.locked_by.as_ref().map(|holder| {
        format!("{} has locked the whole table; this is its last known state.", holder_text(holder))
    });
    let wanted = table.lock_wanted_by.as_ref().map(|holder| {
        let who = holder_text(holder);
        format!("{who} is waiting to lock the whole table; this is its last known state.")
    });
    let inserts = table.unseen_inserts.iter().map(|name| {
        format!("{} has inserted rows that nobody else can see yet.", text::visible(name.as_str()))
    });
    let shown = u64::try_from(table.places.iter().filter(|place| place.committed).count());
    let hidden = table.rows.saturating_sub(shown.unwrap_or(u64::MAX));
    let is_said = matches!(table.unread, Some(Unread::Sampled { .. }));
    let hidden = (hidden > 0 && !is_said).then(|| format!("{hidden} more rows are not shown."));
    let unread = table.unread.as_ref().map(|why| unread(table, why));
    locked.into_iter().chain(wanted).chain(unread).chain(inserts).chain(hidden).collect()
}

/// Why its rows are not to be seen, or not those of now.
fn unread(table: &WatchedTable, why: &Unread) -> String {
    let name = text::visible(&table.name);
    match why {
        Unread::Missing => format!("There is no table {name}."),
        Unread::TooLarge { rows } => {
            let rows = rows.map(|rows| format!(", with about {rows} rows,")).unwrap_or_default();
            format!("{name}{rows} takes longer than a second to read, and is not watched.")
        }
        Unread::Sampled { rows, has_held } => sampled(&name, *rows, *has_held),
        Unread::Refused(reason) => format!("{name} cannot be read: {}.", text::visible(reason)),
    }
}

/// What is shown of a table that is too large to be shown whole.
fn sampled(name: &str, rows: Option<u64>, has_held: bool) -> String {
    let size = match rows {
        Some(rows) => format!("{name} has about {rows} rows"),
        None => format!("{name} is too large to be read whole"),
    };
    if has_held {
        format!("{size}. Shown: the first ones, and those held or awaited with their neighbours.")
    } else {
        format!("{size}, too many to look for held ones. Shown: the first ones and those awaited.")
    }
}
