//! The pane of the watched tables: the seat map and every other watched table, with what cannot be
//! seen said in words.
//!
//! ```text
//! ╭ seats ──────────────────────╮╭ audit ─────────────────╮
//! │ the map                     ││ a table with its locks │   side by side where the width allows,
//! ╰─────────────────────────────╯╰────────────────────────╯   below each other where it does not
//! ```
//!
//! The legend stands in the lower border, where it takes no line from the rows. Bare, in half a
//! screen, the borders go, and a table's name stays only where there are several.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Widget};

use super::flow::{Counted, flow_on_one_line};
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

/// Cells in which any table may stand beside another one.
const LEAST_WIDTH: usize = 72;
/// The border of a panel on the left and the right, and a blank inside each.
const AROUND: usize = 4;
/// Lines below which a panel shows nothing of use: two of border, a row.
const LEAST_HEIGHT: usize = 3;

/// How many lines the watched tables take, borders included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Height {
    /// With less, rows that somebody holds, awaits or has changed are out of sight.
    pub(super) needed: u16,
    /// With more, nothing is gained.
    pub(super) desired: u16,
}

/// How many lines they take at this width, if they get at most so many of their own wish.
pub(super) fn height(tables: &WatchedTables, width: u16, most: u16, scene: &Scene<'_>) -> Height {
    let bands = bands(tables, (usize::from(width), usize::from(most)), scene);
    let sum = |of: fn(&Band<'_>) -> usize| {
        u16::try_from(bands.iter().map(of).sum::<usize>()).unwrap_or(u16::MAX)
    };
    Height { needed: sum(|band| band.needed), desired: sum(|band| band.desired) }
}

/// Draws them into all of the area, borders included.
pub(super) fn draw(tables: &WatchedTables, area: Rect, buffer: &mut Buffer, scene: &Scene<'_>) {
    let area = area.intersection(buffer.area);
    buffer.set_style(area, scene.style(Role::Screen));
    let height = usize::from(area.height);
    let bands = bands(tables, (usize::from(area.width), height), scene);
    let mut top = area.top();
    for (band, height) in bands.iter().zip(shares(&bands, height)) {
        let height = u16::try_from(height).unwrap_or(area.height);
        let mut left = area.left();
        for panel in &band.panels {
            let width = u16::try_from(panel.width).unwrap_or(area.width);
            panel.draw(Rect { x: left, y: top, width, height }, buffer, scene);
            left += width;
        }
        top += height;
    }
}

/// Panels that stand side by side.
struct Band<'a> {
    panels: Vec<Panel<'a>>,
    needed: usize,
    desired: usize,
}

impl<'a> Band<'a> {
    /// Shares the width among the panels: each gets what it takes, and a part of the rest.
    fn of(mut panels: Vec<Panel<'a>>, (width, most): (usize, usize), scene: &Scene<'_>) -> Self {
        let mut rest = width.saturating_sub(panels.iter().map(|panel| panel.width).sum());
        let count = panels.len();
        for (at, panel) in panels.iter_mut().enumerate() {
            let share = rest / (count - at);
            panel.width += share;
            rest -= share;
        }
        let highest = |of: &dyn Fn(&Panel<'_>) -> usize| panels.iter().map(of).max().unwrap_or(0);
        let desired = highest(&|panel| panel.desired_height(most, scene));
        let needed = highest(&|panel| panel.needed_height(scene));
        Self { panels, needed, desired }
    }
}

fn bands<'a>(
    tables: &'a WatchedTables,
    (width, most): (usize, usize),
    scene: &Scene<'a>,
) -> Vec<Band<'a>> {
    let mut bands: Vec<Vec<Panel<'a>>> = Vec::new();
    let mut left = 0;
    for panel in panels(tables, width, scene) {
        match bands.last_mut() {
            Some(band) if panel.width <= left => {
                left -= panel.width;
                band.push(panel);
            }
            _ => {
                left = width - panel.width;
                bands.push(vec![panel]);
            }
        }
    }
    bands.into_iter().map(|panels| Band::of(panels, (width, most), scene)).collect()
}

/// A panel for each table. The first also says what the engine cannot show.
fn panels<'a>(tables: &'a WatchedTables, width: usize, scene: &Scene<'a>) -> Vec<Panel<'a>> {
    let mut blind = tables.blind.iter();
    let is_named = tables.tables.len() > 1;
    let panel = |table| Panel::of(table, &mut blind, (width, is_named), *scene);
    let panels: Vec<_> = tables.tables.iter().map(panel).collect();
    if panels.is_empty() { vec![Panel::empty(&tables.blind, width)] } else { panels }
}

/// What each band gets of a height: first what shows the rows that matter, in all of them, then
/// what it wishes; what is too little for all is what the upper ones take.
fn shares(bands: &[Band<'_>], height: usize) -> Vec<usize> {
    let mut left = height;
    let mut shares = Vec::new();
    for (at, band) in bands.iter().enumerate() {
        let below = bands[at + 1..].iter().map(|band| band.needed.min(LEAST_HEIGHT));
        let kept = left.saturating_sub(below.sum()).max(left.min(LEAST_HEIGHT));
        let share = band.needed.min(kept);
        shares.push(share);
        left -= share;
    }
    for (share, band) in shares.iter_mut().zip(bands) {
        let more = band.desired.saturating_sub(*share).min(left);
        *share += more;
        left -= more;
    }
    if let Some(last) = shares.last_mut() {
        *last += left;
    }
    shares
}

/// One table in its border.
struct Panel<'a> {
    title: String,
    content: Content<'a>,
    sentences: Vec<String>,
    /// Whether its name is needed to tell it from others.
    is_named: bool,
    /// The cells that it takes, border included.
    width: usize,
}

enum Content<'a> {
    Seats(SeatMap<'a>),
    Rows(TableView<'a>),
    Nothing,
}

impl<'a> Content<'a> {
    fn of(table: &'a WatchedTable, scene: Scene<'a>) -> Self {
        match SeatMap::of(table, scene) {
            _ if table.columns.is_empty() => Self::Nothing,
            Some(map) => Self::Seats(map),
            None => Self::Rows(TableView::of(table, scene)),
        }
    }

    fn comfortable_width(&self) -> usize {
        match self {
            Self::Seats(map) => map.comfortable_width(),
            Self::Rows(view) => view.comfortable_width(),
            Self::Nothing => usize::MAX,
        }
    }

    fn needed_height(&self, width: usize) -> usize {
        match self {
            Self::Seats(map) => map.needed_height(width),
            Self::Rows(view) => view.needed_height(),
            Self::Nothing => 0,
        }
    }

    fn desired_height(&self, width: usize, most: usize) -> usize {
        match self {
            Self::Seats(map) => map.desired_height(width, most),
            Self::Rows(view) => view.desired_height(),
            Self::Nothing => 0,
        }
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer) -> Vec<Counted<'a>> {
        match self {
            Self::Seats(map) => map.draw(area, buffer),
            Self::Rows(view) => view.draw(area, buffer),
            Self::Nothing => Vec::new(),
        }
    }
}

impl<'a> Panel<'a> {
    /// The panel that also says what the engine cannot show, unless one before it has.
    fn of<'b>(
        table: &'a WatchedTable,
        blind: &mut impl Iterator<Item = &'b String>,
        (width, is_named): (usize, bool),
        scene: Scene<'a>,
    ) -> Self {
        let content = Content::of(table, scene);
        let mut sentences = words(table);
        // A panel of which only the border is left must still say why it is empty.
        let title = match (&content, &table.unread) {
            (Content::Nothing, Some(_)) if !sentences.is_empty() => sentences.remove(0),
            _ => table.name.clone(),
        };
        sentences.extend(blind.map(|it| text::visible(it).into_owned()));
        let comfortable = content.comfortable_width().saturating_add(AROUND);
        let width = comfortable.min(LEAST_WIDTH).min(width);
        Self { title: text::visible(&title).into_owned(), content, sentences, is_named, width }
    }

    fn empty(blind: &[String], width: usize) -> Self {
        let nothing = "No tables are watched.".to_owned();
        let blind = blind.iter().map(|it| text::visible(it).into_owned());
        let sentences = [nothing].into_iter().chain(blind).collect();
        let title = "tables".to_owned();
        Self { title, content: Content::Nothing, sentences, is_named: false, width }
    }

    /// The cells inside.
    fn inner(&self) -> usize {
        self.width.saturating_sub(AROUND)
    }

    fn words(&self) -> Vec<String> {
        self.sentences.iter().flat_map(|sentence| text::wrap(sentence, self.inner())).collect()
    }

    /// The lines above and below what is inside.
    fn around(&self, scene: &Scene<'_>) -> usize {
        match scene.trim {
            Trim::Roomy | Trim::Framed => 2,
            Trim::Bare => usize::from(self.is_named),
        }
    }

    fn needed_height(&self, scene: &Scene<'_>) -> usize {
        let content = self.content.needed_height(self.inner());
        content + self.words().len().min(content.max(1)) + self.around(scene)
    }

    fn desired_height(&self, most: usize, scene: &Scene<'_>) -> usize {
        let others = self.words().len() + self.around(scene);
        let content = self.content.desired_height(self.inner(), most.saturating_sub(others));
        content.saturating_add(others)
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer, scene: &Scene<'_>) {
        let title = text::fit(&self.title, usize::from(area.width.saturating_sub(4)), "");
        let title = Line::styled(format!(" {title} "), scene.style(Role::Title));
        let block = match scene.trim {
            Trim::Roomy | Trim::Framed => Block::bordered()
                .border_set(scene.theme.border())
                .border_style(scene.style(Role::Border))
                .title(title),
            Trim::Bare if self.is_named => Block::new().title(title),
            Trim::Bare => Block::new(),
        };
        let inner = block.inner(area);
        block.render(area, buffer);
        let inner = inner.inner(ratatui::layout::Margin::new(1, 0));
        let words = self.words();
        let content = inner.height - self.height_of_words(words.len(), inner.height);
        let [content, below] =
            Layout::vertical([Constraint::Length(content), Constraint::Fill(1)]).areas(inner);
        draw_legend(self.content.draw(content, buffer), area, buffer);
        let notice = scene.style(Role::Notice);
        let lines: Vec<_> = words.iter().map(|it| Line::styled(it.as_str(), notice)).collect();
        lines::put_lines(buffer, below, &lines);
    }

    /// The lines that words get of a height: what the rows that matter leave, and at most half
    /// where that is less.
    fn height_of_words(&self, words: usize, height: u16) -> u16 {
        let needed = u16::try_from(self.content.needed_height(self.inner())).unwrap_or(u16::MAX);
        let most = match self.content {
            Content::Nothing => height,
            Content::Seats(_) | Content::Rows(_) => height.saturating_sub(needed).max(height / 2),
        };
        u16::try_from(words).unwrap_or(u16::MAX).min(most)
    }
}

/// Draws the legend into the lower border, where it takes no line from the rows.
fn draw_legend(legend: Vec<Counted<'_>>, area: Rect, buffer: &mut Buffer) {
    let mut line = flow_on_one_line(legend, usize::from(area.width.saturating_sub(4)));
    if line.width() > 0 && area.height > 1 {
        line.spans.insert(0, Span::raw(" "));
        line.spans.push(Span::raw(" "));
        let below = Rect { x: area.x + 1, y: area.bottom() - 1, width: area.width - 2, height: 1 };
        lines::put_lines(buffer, below, &[line]);
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
