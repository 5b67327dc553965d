//! Where everything stands, at every size.
//!
//! ```text
//!  ┌────────────────────────────────────────────┐
//!  │ header                                     │  1 row
//!  │ house                                      │  what it would like to have, at most two fifths
//!  │ tabs                                       │  1 row, when not every session is in sight
//!  │ pane        pane        pane               │  the rest, at least 6 rows
//!  │ script                                     │  3 lines on a projector, more where there is room, and in the end
//!  │ footer                                     │  1 row
//!  └────────────────────────────────────────────┘
//! ```
//!
//! A projector's 80 columns cannot give three sessions the 36 cells that a table of seats takes, so
//! there the focused session gets them and the others share what is left.

use ratatui::layout::{Constraint, Layout, Position, Rect, Size};

use super::pane_footer;
use crate::tui::app::App;
use crate::tui::scrollback::Room;

/// How much of the screen is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// All of it, as in the picture.
    Whole,
    /// A half of a comparison: the engine, the house, the sessions, open below; the rest is there
    /// for both.
    Half,
}

/// Below this the screen says so instead of drawing what nobody can read.
pub const SMALLEST: Size = Size { width: 60, height: 16 };

/// The width at which a session's pane shows the seats' table whole.
const COMFORTABLE: u16 = 38;

/// The width below which a pane that is not focused is of no use.
const NARROWEST: u16 = 18;

/// Where each part stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The title, the engine, the step.
    pub header: Rect,
    /// The seat map.
    pub house: Rect,
    /// The names of all sessions, when some are out of sight.
    pub tabs: Option<Rect>,
    /// The sessions in sight, each with its place in screen order.
    pub panes: Vec<(usize, Rect)>,
    /// The script.
    pub script: Rect,
    /// The keys.
    pub footer: Rect,
}

impl Places {
    /// The session under this cell.
    pub fn pane_at(&self, at: Position) -> Option<usize> {
        self.panes.iter().find(|(_, area)| area.contains(at)).map(|(pane, _)| *pane)
    }

    /// The room in which a session shows its lines: inside its border, above what is being typed.
    pub fn room(&self, app: &App, pane: usize) -> Room {
        let area = self.panes.iter().find(|(place, _)| *place == pane).map(|(_, area)| *area);
        let (Some(area), Some(pane)) = (area, app.panes.get(pane)) else {
            return Room { cells: 80, rows: 10 };
        };
        let inner = inside(area, app.framing);
        let tail = pane_footer::compose(app, pane, inner);
        Room { cells: usize::from(inner.width), rows: usize::from(inner.height) - tail.height() }
    }
}

/// What a pane's border leaves: one cell on every side, and a blank on the left and the right where
/// there is room for it.
pub fn inside(area: Rect, framing: Framing) -> Rect {
    let borders = match framing {
        Framing::Whole => 2,
        Framing::Half => 1,
    };
    let blank = u16::from(area.width >= COMFORTABLE + 2);
    Rect {
        x: area.x.saturating_add(1 + blank).min(area.right()),
        y: area.y.saturating_add(1).min(area.bottom()),
        width: area.width.saturating_sub(2 + 2 * blank),
        height: area.height.saturating_sub(borders),
    }
}

/// Whether the screen is too small to draw.
pub fn is_too_small(size: Size) -> bool {
    size.width < SMALLEST.width || size.height < SMALLEST.height
}

/// Gives every part its place.
pub fn arrange(app: &App) -> Places {
    match app.framing {
        Framing::Whole if is_too_small(app.size()) => Places::default(),
        Framing::Whole => whole(app),
        Framing::Half => half(app),
    }
}

fn whole(app: &App) -> Places {
    let tabs = u16::from(app.panes.len() > in_sight(app));
    let parts: [Rect; 6] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(house_height(app)),
        Constraint::Length(tabs),
        Constraint::Min(6),
        Constraint::Length(script_height(app)),
        Constraint::Length(1),
    ])
    .areas(app.area);
    let [header, house, tab_row, stage, script, footer] = parts;
    let tabs = (tabs > 0).then_some(tab_row);
    Places { header, house, tabs, panes: columns(app, stage), script, footer }
}

fn half(app: &App) -> Places {
    let tabs = u16::from(app.panes.len() > in_sight(app));
    let most = app.area.height / 3;
    let [header, house, tab_row, stage] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(crate::tui::view::house_height(app, app.area.width).min(most)),
        Constraint::Length(tabs),
        Constraint::Min(3),
    ])
    .areas(app.area);
    let tabs = (tabs > 0).then_some(tab_row);
    Places { header, house, tabs, panes: columns(app, stage), ..Places::default() }
}

fn house_height(app: &App) -> u16 {
    let Size { width, height } = app.size();
    let most = if height < 30 { height / 4 } else { height * 2 / 5 };
    crate::tui::view::house_height(app, width).clamp(3, most.max(3))
}

fn script_height(app: &App) -> u16 {
    if let Some(lines) = crate::tui::view::broken_height(app, app.area.width) {
        // Nothing else goes on: why is worth the room.
        let lines = u16::try_from(lines).unwrap_or(u16::MAX);
        return lines.min((app.area.height / 2).saturating_sub(2)).max(1) + 2;
    }
    let script = app.script.as_ref();
    let lines = script.map_or(1, crate::tui::script::Script::lines);
    let most = match app.area.height {
        ..20 => 1,
        20..30 => 3,
        30..45 => 5,
        _ => 9,
    };
    let steps = u16::try_from(lines).unwrap_or(u16::MAX).clamp(1, most);
    // What was read in the end is worth more room than the steps: nothing comes after it.
    let end = script.map_or(0, crate::tui::script::Script::ending_lines);
    let end = u16::try_from(end).unwrap_or(u16::MAX).saturating_add(1);
    steps.max(end.min(app.area.height / 3 - 2)) + 2
}

/// How many sessions are shown side by side.
fn in_sight(app: &App) -> usize {
    if app.zoomed {
        return 1;
    }
    let comfortable = usize::from(app.area.width / COMFORTABLE);
    let squeezed = 1 + usize::from(app.area.width.saturating_sub(COMFORTABLE) / NARROWEST);
    comfortable.max(squeezed.min(3)).min(app.panes.len()).max(1)
}

/// The leftmost session in sight once the focused one is.
pub fn first_in_sight(app: &App) -> usize {
    let shown = in_sight(app);
    let last = app.panes.len().saturating_sub(shown);
    app.first.clamp((app.focus + 1).saturating_sub(shown), app.focus).min(last)
}

fn columns(app: &App, stage: Rect) -> Vec<(usize, Rect)> {
    let shown = in_sight(app);
    let first = first_in_sight(app);
    let wanted = u16::try_from(shown).unwrap_or(u16::MAX).saturating_mul(COMFORTABLE);
    let width = |place: usize| {
        if wanted > stage.width && place == app.focus {
            Constraint::Length(COMFORTABLE + 2)
        } else {
            Constraint::Fill(1)
        }
    };
    let places = first..(first + shown).min(app.panes.len());
    let areas = Layout::horizontal(places.clone().map(width)).split(stage);
    places.zip(areas.iter().copied()).collect()
}
