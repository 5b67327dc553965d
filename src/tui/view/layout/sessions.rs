//! How the sessions share their part of the screen: those that matter get panes wide enough for a
//! table of seats, the others a line each that says how they stand.
//!
//! ```text
//!  ╭ 2 Bob ─ in transaction ─────────╮╭ 3 Mallory ─ waiting 3.1 s for B ╮
//!  │                                 ││                                 │
//!  ╰─────────────────────────────────╯╰─────────────────────────────────╯
//!   1 Alice ─ in transaction  (1 row)
//! ```
//!
//! Where the screen is high enough, panes stand in two rows before anybody goes without one. Where
//! not even lines have room for everybody, a row of names does.

use ratatui::layout::{Constraint, Layout, Rect};

use super::Framing;
use crate::stage::panes::COMFORTABLE;
use crate::stage::text;
use crate::tui::view::{View, bars};

/// The width that a pane may have in one of two rows.
const ABOVE_EACH_OTHER: u16 = 32;

/// The height that a pane must have in one of two rows.
const LEAST_HEIGHT: u16 = 9;

/// The width below which a pane beside a comfortable one is of no use.
const NARROWEST: u16 = 18;

/// The width in which a line says how a session stands.
const LINE: u16 = 28;

/// Where each session stands, by its place in screen order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sessions {
    /// What they share.
    pub(crate) area: Rect,
    pub(crate) panes: Vec<(usize, Rect)>,
    /// Those without a pane: a line each.
    pub(crate) folded: Vec<(usize, Rect)>,
    /// The names of as many as fit, where not everybody has a line.
    pub(crate) tabs: Vec<(usize, Rect)>,
}

impl Sessions {
    /// Shares out an area.
    pub(super) fn share(view: &View<'_>, area: Rect) -> Self {
        let shared = match view.framing {
            Framing::Whole => whole(view, area),
            Framing::Half => half(view, area),
        };
        Self { area, ..shared }
    }
}

fn whole(view: &View<'_>, area: Rect) -> Sessions {
    let all = view.stage.panes();
    let grid = Grid::of(all.len(), area);
    let shown = all.in_sight(grid.rows * grid.columns);
    let folded: Vec<usize> = (0..all.len()).filter(|place| !shown.contains(place)).collect();
    let abreast = usize::from((area.width / LINE).max(1));
    let lines = cells(folded.len().div_ceil(abreast));
    // The panes' own rows are worth more than lines about others.
    if lines <= (area.height / 5).max(1) {
        let [above, below] = split(area, Constraint::Fill(1), Constraint::Length(lines));
        let folded = rows(&folded, abreast, below);
        return Sessions {
            panes: rows(&shown, grid.columns, above),
            folded,
            ..Sessions::default()
        };
    }
    let [above, below] = split(area, Constraint::Length(1), Constraint::Fill(1));
    let panes = rows(&shown, grid.columns, below);
    Sessions { panes, tabs: tabs(view, above), ..Sessions::default() }
}

/// Half a screen shows the same sessions in the same places as the other half, so that what differs
/// is what is different.
fn half(view: &View<'_>, area: Rect) -> Sessions {
    let all = view.stage.panes();
    let comfortable = area.width / COMFORTABLE;
    let squeezed = (1 + area.width.saturating_sub(COMFORTABLE) / NARROWEST).min(3);
    let most = if all.is_zoomed() { 1 } else { usize::from(comfortable.max(squeezed)) };
    let shown = most.min(all.len()).max(1);
    let first = (all.focus() / shown * shown).min(all.len().saturating_sub(shown));
    let lines = u16::from(all.len() > shown);
    let [above, below] = split(area, Constraint::Length(lines), Constraint::Fill(1));
    let is_tight = cells(shown).saturating_mul(COMFORTABLE) > area.width;
    let width = |place: usize| {
        let is_widest = is_tight && place == all.focus();
        if is_widest { Constraint::Length(COMFORTABLE + 2) } else { Constraint::Fill(1) }
    };
    let places = first..(first + shown).min(all.len());
    let areas = Layout::horizontal(places.clone().map(width)).split(below);
    let panes = places.zip(areas.iter().copied()).collect();
    let tabs = if lines > 0 { tabs(view, above) } else { Vec::new() };
    Sessions { panes, tabs, ..Sessions::default() }
}

/// How many panes stand above each other, and how many side by side.
struct Grid {
    rows: usize,
    columns: usize,
}

impl Grid {
    fn of(count: usize, area: Rect) -> Self {
        let one_row = usize::from((area.width / COMFORTABLE).max(1));
        if count <= one_row {
            return Self { rows: 1, columns: count.max(1) };
        }
        if area.height < 2 * LEAST_HEIGHT {
            return Self { rows: 1, columns: one_row };
        }
        let most = usize::from((area.width / ABOVE_EACH_OTHER).max(1));
        Self { rows: 2, columns: count.div_ceil(2).min(most) }
    }
}

/// Gives each a place in rows of at most so many, all of the same height.
fn rows(places: &[usize], columns: usize, area: Rect) -> Vec<(usize, Rect)> {
    let rows: Vec<&[usize]> = places.chunks(columns.max(1)).collect();
    let areas = Layout::vertical(rows.iter().map(|_| Constraint::Fill(1))).split(area);
    let row = |(row, area): (&[usize], &Rect)| {
        let areas = Layout::horizontal(row.iter().map(|_| Constraint::Fill(1))).split(*area);
        row.iter().copied().zip(areas.iter().copied()).collect::<Vec<_>>()
    };
    rows.into_iter().zip(areas.iter()).flat_map(row).collect()
}

/// The sessions' names on one line, as many around the focused one as have room.
fn tabs(view: &View<'_>, area: Rect) -> Vec<(usize, Rect)> {
    let widths: Vec<u16> = view
        .stage
        .panes()
        .iter()
        .enumerate()
        .map(|(place, pane)| cells(text::width(&bars::tab(view, place, pane))))
        .collect();
    let focus = view.stage.panes().focus();
    let through = |first: usize| -> u16 {
        widths.iter().take(focus + 1).skip(first).map(|width| width.saturating_add(1)).sum()
    };
    let first = (0..=focus).find(|first| through(*first) <= area.width.saturating_sub(8));
    let mut x = area.x + 1;
    let mut tabs = Vec::new();
    for (place, width) in widths.iter().copied().enumerate().skip(first.unwrap_or(focus)) {
        if x.saturating_add(width) > area.right() {
            break;
        }
        tabs.push((place, Rect { x, width, ..area }));
        x += width + 1;
    }
    tabs
}

fn split(area: Rect, above: Constraint, below: Constraint) -> [Rect; 2] {
    Layout::vertical([above, below]).areas(area)
}

fn cells(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
