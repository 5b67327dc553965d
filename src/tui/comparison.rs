//! Both engines at once: two runs of one scenario, the same step in both, one above the other.
//!
//! ```text
//!  Two friends, one intruder                         step 8 of 11
//! ── PostgreSQL 15.20 · embedded · read committed ───────────────    above
//!    A   3 Oscar  4≠◐ Bob ⏳ Mallory  5 ◐ Alice                       a seat that is not the same below
//! ╭ Alice ──────────╮╭ Bob ──────────╮╭ ≠ Mallory ─ waiting ───╮      a session that was answered otherwise
//! ── optimistic on PostgreSQL 15.20 · optimistic ────────────────    below
//!    A   3 Oscar  4≠◐ Bob ● Mallory   5 ◐ Alice
//! ╭ Alice ──────────╮╭ Bob ──────────╮╭ ≠ Mallory ─ in trans. ─╮
//! ── step by step ── A-4: Bob holds it ≠ free ────────────────────
//! ≠ Mallory  tries to take A-4     waits for Bob     UPDATE 1         both answers to each step
//! ```
//!
//! Each half is an [`App`] of its own, and stays one: what a key does to one run it does to the
//! other. Only what must not happen by halves is decided here: a step goes out in both or in
//! neither, and so does what is typed, unless somebody types into one alone.

use std::collections::BTreeSet;
use std::time::Duration;

use ratatui::layout::{Position, Rect, Size};

use super::app::{App, Effect, Opening};
use super::layer::Layer;
use crate::core::event::{Event, Kind};
use crate::reports::engine_diff::{Account, RowDifference, differing_rows};
use crate::run::{Command, Report};
use crate::stage::contrasts::Contrasts;
use crate::tui::view::layout::Framing;

mod input;
mod step;

/// Below this the two halves show nothing of use.
pub const SMALLEST: Size = Size { width: 60, height: 20 };

/// One of two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The one where people wait; the only one while nothing is compared.
    Above,
    /// The one where COMMIT refuses.
    Below,
}

impl Half {
    /// Both, from top to bottom.
    pub const BOTH: [Self; 2] = [Self::Above, Self::Below];

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Above => Self::Below,
            Self::Below => Self::Above,
        }
    }
}

/// An effect, and the run that it is meant for.
pub type HalfEffect = (Half, Effect);

/// Where what is typed goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typing {
    /// Into the same session on both engines.
    Both,
    /// Into the half that the keys are turned to.
    Alone,
}

/// Two runs on one screen.
#[derive(Clone, Debug)]
pub struct Comparison {
    apps: [App; 2],
    accounts: [Account; 2],
    /// The half that has the cursor and whatever lies over the screen.
    turned_to: Half,
    typing: Typing,
    size: Size,
    rows: Vec<RowDifference>,
    /// Steps that were asked for while the one before was on its way.
    more: usize,
    /// When auto-play sends the next step, if it plays.
    plays_at: Option<Duration>,
}

impl Comparison {
    /// Two apps side by side, of which this one was there first.
    pub fn new(above: App, below: App, turned_to: Half) -> Self {
        let size = above.size();
        let mut comparison = Self {
            apps: [above, below],
            accounts: [Account::default(), Account::default()],
            turned_to,
            typing: Typing::Both,
            size,
            rows: Vec::new(),
            more: 0,
            plays_at: None,
        };
        // One story is enough, and it belongs to whoever has the keys.
        comparison.app_mut(turned_to.other()).setting.opening = Opening::Stage;
        comparison.lay_out();
        comparison
    }

    /// The half that the keys are turned to, alone on the screen again.
    pub fn into_one(self) -> (Half, App) {
        let half = self.turned_to;
        let opening = self.apps[half.other() as usize].setting.opening;
        let [above, below] = self.apps;
        let mut app = match half {
            Half::Above => above,
            Half::Below => below,
        };
        app.contrasts = Contrasts::default();
        app.is_typed_in = true;
        if opening == Opening::Story {
            app.setting.opening = opening;
        }
        app.resize(self.size);
        (half, app)
    }

    pub(super) fn app(&self, half: Half) -> &App {
        &self.apps[half as usize]
    }

    fn app_mut(&mut self, half: Half) -> &mut App {
        &mut self.apps[half as usize]
    }

    /// The half with the keys.
    pub(super) fn leading(&self) -> &App {
        self.app(self.turned_to)
    }

    fn leading_mut(&mut self) -> &mut App {
        self.app_mut(self.turned_to)
    }

    pub(super) fn turned_to(&self) -> Half {
        self.turned_to
    }

    pub(super) fn typing(&self) -> Typing {
        self.typing
    }

    /// The size for which it is laid out.
    pub fn size(&self) -> Size {
        self.size
    }

    pub(super) fn account(&self, half: Half) -> &Account {
        &self.accounts[half as usize]
    }

    /// The rows that the two do not show alike.
    pub(super) fn rows(&self) -> &[RowDifference] {
        &self.rows
    }

    /// Whether the terminal is too small for two halves.
    pub(super) fn is_too_small(&self) -> bool {
        self.size.width < SMALLEST.width || self.size.height < SMALLEST.height
    }

    /// Says something.
    pub(super) fn say(&mut self, words: String) {
        self.leading_mut().say(words);
    }

    /// Says that something did not happen.
    pub(super) fn refuse(&mut self, words: String) {
        self.leading_mut().refuse(words);
    }

    /// Takes note of the terminal's size.
    pub fn resize(&mut self, size: Size) {
        if self.size != size {
            self.size = size;
            self.lay_out();
        }
    }

    /// Folds what one of the runs tells.
    pub fn apply(&mut self, half: Half, report: Report, now: Duration) -> Vec<HalfEffect> {
        match &report {
            Report::Fresh(_) => self.accounts[half as usize] = Account::default(),
            Report::Event(event) => self.accounts[half as usize].apply(event),
            Report::Refused(_) | Report::Broken(_) => {
                self.stop_playing();
            }
            _ => {}
        }
        let changes_answers = matches!(&report, Report::Fresh(_) | Report::Event(_));
        let is_quiet = matches!(&report, Report::Event(Event { kind: Kind::Quiet, .. }));
        let is_fresh = matches!(&report, Report::Fresh(_));
        let effects = self.app_mut(half).apply(report, now);
        if is_fresh {
            self.turn_alike();
        }
        if changes_answers {
            self.contrast();
        }
        self.gather_layers();
        let mut effects = belonging_to(half, effects);
        if is_quiet {
            effects.extend(self.became_quiet(now));
        }
        effects
    }

    /// Marks in both halves what is not the same.
    fn contrast(&mut self) {
        let [above, below] = &self.accounts;
        self.rows = differing_rows(above.house(), below.house());
        let names = self.apps[0].panes.iter().map(|pane| pane.name.clone());
        let sessions: BTreeSet<_> = names.filter(|name| above.differs_in(below, name)).collect();
        for app in &mut self.apps {
            app.contrasts = Contrasts::new(&self.rows, sessions.clone());
        }
    }

    /// What lies over the screen lies over both halves, and belongs to the one with the keys.
    fn gather_layers(&mut self) {
        let layers: Vec<Layer> = std::mem::take(&mut self.app_mut(self.turned_to.other()).layers);
        if !layers.is_empty() {
            self.leading_mut().layers = layers;
        }
    }

    /// The other half turns to the same session, as wide, with the same text in its editor: what is
    /// typed goes into both.
    fn turn_alike(&mut self) {
        let (focus, zoomed) = (self.leading().focus, self.leading().zoomed);
        let other = self.app_mut(self.turned_to.other());
        other.zoomed = zoomed;
        other.focus_on(focus);
        self.type_alike();
    }

    fn turn_to(&mut self, half: Half) {
        if self.turned_to != half {
            let layers = std::mem::take(&mut self.leading_mut().layers);
            self.turned_to = half;
            self.leading_mut().layers = layers;
        }
        self.lay_out();
    }

    /// When the screen changes by itself.
    pub fn wakes_at(&self, now: Duration) -> Option<Duration> {
        let halves = self.apps.iter().filter_map(|app| app.wakes_at(now));
        halves.chain(self.plays_at.filter(|_| !self.is_stepping())).min()
    }

    fn lay_out(&mut self) {
        let areas = areas(self.size);
        let (typing, turned_to) = (self.typing, self.turned_to);
        for (half, area) in Half::BOTH.into_iter().zip(areas.halves) {
            let app = self.app_mut(half);
            app.place(area, Framing::Half);
            app.is_typed_in = typing == Typing::Both || half == turned_to;
        }
    }

    /// Asks both runs.
    fn ask_both(&mut self, command: &Command) -> Vec<HalfEffect> {
        self.apps.iter_mut().for_each(|app| app.expect(command));
        Half::BOTH.map(|half| (half, Effect::Ask(command.clone()))).to_vec()
    }
}

fn belonging_to(half: Half, effects: Vec<Effect>) -> Vec<HalfEffect> {
    effects.into_iter().map(|effect| (half, effect)).collect()
}

/// Where the parts of a comparison stand.
pub(super) struct Areas {
    /// The title and the step.
    pub(super) header: Rect,
    /// The two halves.
    pub(super) halves: [Rect; 2],
    /// The steps with both answers.
    pub(super) steps: Rect,
    /// The keys.
    pub(super) footer: Rect,
}

/// Gives every part its place: the halves are of the same height, and what they leave over goes to
/// the steps.
pub(super) fn areas(size: Size) -> Areas {
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
