//! Where everything stands, at every size.
//!
//! ```text
//!  ┌────────────────────────────────────────────┐
//!  │ header                                     │  1 row
//!  │ tables                                     │  what it wishes, at most two fifths; rows that
//!  │                                            │  somebody holds take more, down to the least of
//!  │                                            │  the panes and the script
//!  │ pane        pane        pane               │  the rest, at least 6 rows: see `sessions`
//!  │ script                                     │  3 lines or more, if there is a script
//!  │ footer                                     │  1 row
//!  └────────────────────────────────────────────┘
//! ```

use ratatui::layout::{Constraint, Layout, Position, Rect, Size};

use super::{View, pane_footer};
use crate::stage::panes::COMFORTABLE;
use crate::stage::panes::scrollback::Room;
use crate::stage::script::Script;

mod sessions;

pub(crate) use sessions::Sessions;

/// How much of the screen is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// All of it, as in the picture.
    Whole,
    /// A half of a comparison: the engine, the tables, the sessions, open below; the rest is there
    /// for both.
    Half,
}

/// Below this the screen says so instead of drawing what nobody can read.
pub(crate) const SMALLEST: Size = Size { width: 60, height: 16 };

/// From here on seats are drawn as boxes.
const ROOMY: Size = Size { width: 160, height: 45 };

/// The rows that the panes keep in any case: border, and four lines.
const LEAST_PANES: u16 = 6;

/// The same in half a screen, where they have no lower border.
const LEAST_PANES_OF_HALF: u16 = 4;

/// The rows that the script keeps in any case: border, and the next step.
const LEAST_SCRIPT: u16 = 3;

/// Below this the two halves of a comparison show nothing of use.
pub(crate) const SMALLEST_OF_TWO: Size = Size { width: 60, height: 20 };

/// Where each part stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// The title, the engine, the step.
    pub(crate) header: Rect,
    /// The seat map.
    pub(crate) watched: Rect,
    pub(crate) sessions: Sessions,
    pub(crate) script: Rect,
    pub(crate) footer: Rect,
}

impl Places {
    /// The session under this cell.
    pub(crate) fn session_at(&self, at: Position) -> Option<usize> {
        let Sessions { panes, folded, tabs, .. } = &self.sessions;
        let all = panes.iter().chain(folded).chain(tabs);
        all.into_iter().find(|(_, area)| area.contains(at)).map(|(place, _)| *place)
    }

    /// The room in which a session shows its lines: inside its border, above what is being typed.
    pub(crate) fn room(&self, view: &View<'_>, pane: usize) -> Room {
        let panes = &self.sessions.panes;
        let area = panes.iter().find(|(place, _)| *place == pane).map(|(_, area)| *area);
        let (Some(area), Some(pane)) = (area, view.stage.panes().get(pane)) else {
            return Room { cells: 80, rows: 10 };
        };
        let inner = inside(area, view.framing);
        let footer = pane_footer::compose(view, pane, inner);
        Room { cells: usize::from(inner.width), rows: usize::from(inner.height) - footer.height() }
    }
}

/// What a pane's border leaves: one cell on every side, and a blank on the left and the right where
/// there is room for it.
pub(crate) fn inside(area: Rect, framing: Framing) -> Rect {
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
pub(crate) fn is_too_small(size: Size) -> bool {
    size.width < SMALLEST.width || size.height < SMALLEST.height
}

/// Whether the screen has room to spare.
pub(super) fn is_roomy(size: Size) -> bool {
    size.width >= ROOMY.width && size.height >= ROOMY.height
}

/// Gives every part its place.
pub(crate) fn arrange(view: &View<'_>) -> Places {
    match view.framing {
        Framing::Whole if is_too_small(view.area.as_size()) => Places::default(),
        Framing::Whole => whole(view),
        Framing::Half => half(view),
    }
}

fn whole(view: &View<'_>) -> Places {
    let (watched, script) = heights(view, view.area.height - 2);
    let parts: [Rect; 5] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(watched),
        Constraint::Min(LEAST_PANES),
        Constraint::Length(script),
        Constraint::Length(1),
    ])
    .areas(view.area);
    let [header, watched, stage, script, footer] = parts;
    Places { header, watched, sessions: Sessions::share(view, stage), script, footer }
}

fn half(view: &View<'_>) -> Places {
    let most = view.area.height / 3;
    let wish = super::watched_height(view, most);
    let left = view.area.height.saturating_sub(1 + LEAST_PANES_OF_HALF);
    let most = most.max(left.min(wish.needed));
    let [header, watched, stage] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(wish.desired.max(wish.needed).min(most)),
        Constraint::Min(LEAST_PANES_OF_HALF),
    ])
    .areas(view.area);
    Places { header, watched, sessions: Sessions::share(view, stage), ..Places::default() }
}

/// The rows of the tables and of the script, which share so many with the panes.
fn heights(view: &View<'_>, rows: u16) -> (u16, u16) {
    let height = view.area.height;
    let most = if height < 30 { height / 4 } else { height * 2 / 5 };
    let wish = super::watched_height(view, most);
    let script = script_height(view);
    let is_broken = view.stage.course().broken().is_some();
    let least = if is_broken { script } else { script.min(LEAST_SCRIPT) };
    let left = rows.saturating_sub(LEAST_PANES + least).min(height * 3 / 5);
    let watched = wish.desired.min(most).max(wish.needed.min(left)).max(3);
    (watched, script.min(rows.saturating_sub(LEAST_PANES + watched)).max(least))
}

fn script_height(view: &View<'_>) -> u16 {
    if let Some(lines) = super::broken_height(view, view.area.width) {
        // Nothing else goes on: why is worth the room.
        let lines = u16::try_from(lines).unwrap_or(u16::MAX);
        return lines.min((view.area.height / 2).saturating_sub(2)).max(1) + 2;
    }
    if view.stage.debugging().is_some() {
        // Who is held, and how many others there are.
        return 1;
    }
    let script = view.stage.course().script();
    if script.is_some_and(|script| script.lines() == 0) {
        return 0;
    }
    let lines = script.map_or(1, Script::lines);
    let most = match view.area.height {
        ..20 => 1,
        20..30 => 3,
        30..45 => 5,
        _ => 9,
    };
    let steps = u16::try_from(lines).unwrap_or(u16::MAX).clamp(1, most);
    // What was read in the end is worth more room than the steps: nothing comes after it.
    let end = script.map_or(0, Script::ending_lines);
    let end = u16::try_from(end).unwrap_or(u16::MAX).saturating_add(1);
    steps.max(end.min(view.area.height / 3 - 2)) + 2
}

/// Where the parts of a comparison stand.
pub(crate) struct Areas {
    /// The title and the step.
    pub(crate) header: Rect,
    /// The two halves.
    pub(crate) halves: [Rect; 2],
    /// The steps with both answers.
    pub(crate) steps: Rect,
    pub(crate) footer: Rect,
}

/// Gives every part its place: the halves are of the same height, and what they leave over goes to
/// the steps.
pub(crate) fn areas(size: Size) -> Areas {
    let screen = Rect::from((Position::ORIGIN, size));
    let row = |y: u16, height: u16| Rect { y, height, ..screen }.intersection(screen);
    let steps = match size.height {
        ..30 => 4,
        30..45 => 8,
        _ => 12,
    };
    let half = size.height.saturating_sub(steps + 2) / 2;
    let below = 1 + half;
    let bottom = size.height.saturating_sub(1);
    Areas {
        header: row(0, 1),
        halves: [row(1, half), row(below, half)],
        steps: row(below + half, bottom.saturating_sub(below + half)),
        footer: row(bottom, 1),
    }
}
