//! Both engines at once: two runs of one scenario, the same step in both, one above the other.
//!
//! ```text
//!  Two friends, one intruder                         step 8 of 11
//! ── PostgreSQL 15.20 · embedded · read committed ───────────────    above
//!    A   3 Oscar  4≠◐ Bob ⏳ Mallory  5 ◐ Alice                  a seat that differs below
//! ╭ Alice ──────────╮╭ Bob ──────────╮╭ ≠ Mallory ─ waiting ───╮   answered otherwise
//! ── optimistic on PostgreSQL 15.20 · optimistic ────────────────    below
//!    A   3 Oscar  4≠◐ Bob ● Mallory   5 ◐ Alice
//! ╭ Alice ──────────╮╭ Bob ──────────╮╭ ≠ Mallory ─ in trans. ─╮
//! ── step by step ── A-4: Bob holds it ≠ free ────────────────────
//! ≠ Mallory  tries to take A-4     waits for Bob     UPDATE 1         both answers to each step
//! ```
//!
//! Each half is a [`Stage`] of its own, and stays one: what a key does to one run it does to the
//! other. Only what must not happen by halves is decided here: a step goes out in both or in
//! neither, and so does what is typed, unless somebody typing into one only.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::layers::Layers;
use super::own_files::FoundFiles;
use super::setting::Opening;
use super::{Effect, EngineCount, Stage};
use crate::core::event::{Event, Kind, SessionName};
use crate::core::scenario::own::OwnFile;
use crate::reports::engine_diff::{Account, RowDifference, differing_rows};
use crate::run::{Command, Report};

mod input;
mod step;

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
pub enum Typing {
    /// Into the same session on both engines.
    Both,
    /// Into the half that the keys are turned to.
    Alone,
}

/// Two runs on one screen.
#[derive(Clone, Debug)]
pub struct Comparison {
    stages: [Stage; 2],
    accounts: [Account; 2],
    /// The half that has the cursor and whatever lies over the screen.
    turned_to: Half,
    typing: Typing,
    rows: Vec<RowDifference>,
    /// Steps that were asked for while the one before was on its way.
    more: usize,
    /// When auto-play sends the next step, if it plays.
    plays_at: Option<Duration>,
}

impl Comparison {
    /// Two stages side by side, of which this one was there first.
    pub fn new(above: Stage, below: Stage, turned_to: Half) -> Self {
        let mut comparison = Self {
            stages: [above, below],
            accounts: [Account::default(), Account::default()],
            turned_to,
            typing: Typing::Both,
            rows: Vec::new(),
            more: 0,
            plays_at: None,
        };
        // One story is enough, and it belongs to whoever has the keys.
        comparison.stage_mut(turned_to.other()).setting.opening = Opening::Stage;
        for stage in &mut comparison.stages {
            stage.engines = EngineCount::Both;
        }
        comparison
    }

    /// The half that the keys are turned to, alone on the screen again.
    pub fn into_one(self) -> (Half, Stage) {
        let half = self.turned_to;
        let opening = self.stage(half.other()).setting.opening;
        let [above, below] = self.stages;
        let mut stage = match half {
            Half::Above => above,
            Half::Below => below,
        };
        stage.watched.end_contrasts();
        stage.engines = EngineCount::One;
        if opening == Opening::Story {
            stage.setting.opening = opening;
        }
        (half, stage)
    }

    /// One of the two.
    pub fn stage(&self, half: Half) -> &Stage {
        &self.stages[half as usize]
    }

    /// One of the two, to show another part of it.
    pub fn stage_mut(&mut self, half: Half) -> &mut Stage {
        &mut self.stages[half as usize]
    }

    /// The one with the keys.
    pub fn leading(&self) -> &Stage {
        self.stage(self.turned_to)
    }

    pub(super) fn leading_mut(&mut self) -> &mut Stage {
        self.stage_mut(self.turned_to)
    }

    /// The half with the keys.
    pub fn turned_to(&self) -> Half {
        self.turned_to
    }

    /// Where what is typed goes.
    pub fn typing(&self) -> Typing {
        self.typing
    }

    /// Whether what is typed goes here.
    pub fn is_typed_in(&self, half: Half) -> bool {
        self.typing == Typing::Both || half == self.turned_to
    }

    /// What one of the engines has answered.
    pub fn account(&self, half: Half) -> &Account {
        &self.accounts[half as usize]
    }

    /// The rows that the two do not show alike.
    pub fn rows(&self) -> &[RowDifference] {
        &self.rows
    }

    pub(super) fn say(&mut self, words: String) {
        self.leading_mut().say(words);
    }

    /// Says that something did not happen.
    pub(super) fn refuse(&mut self, words: String) {
        self.leading_mut().refuse(words);
    }

    pub(super) fn recall(&mut self, earlier: &[String]) {
        self.stages.iter_mut().for_each(|stage| stage.recall(earlier.to_vec()));
    }

    pub(super) fn edited(&mut self, session: &SessionName, text: &str) {
        match self.typing {
            Typing::Both => self.stages.iter_mut().for_each(|stage| stage.edited(session, text)),
            Typing::Alone => self.leading_mut().edited(session, text),
        }
    }

    /// Each half has so many cells from now on.
    pub(super) fn resize(&mut self, width: u16) {
        self.stages.iter_mut().for_each(|stage| stage.resize(width));
    }

    /// Folds what one of the runs tells.
    pub fn apply(&mut self, half: Half, report: Report, now: Duration) -> Vec<HalfEffect> {
        match &report {
            Report::Fresh(_) => self.accounts[half as usize] = Account::default(),
            Report::Event(event) => self.accounts[half as usize].apply(event),
            Report::Refused { .. } | Report::Broken(_) => {
                self.stop_playing();
            }
            _ => {}
        }
        let changes_answers = matches!(&report, Report::Fresh(_) | Report::Event(_));
        let is_quiet = matches!(&report, Report::Event(Event { kind: Kind::Quiet, .. }));
        let is_fresh = matches!(&report, Report::Fresh(_));
        let is_named = matches!(&report, Report::Catalog(_) | Report::Fresh(_) | Report::Broken(_));
        let effects = self.stage_mut(half).apply(report, now);
        if is_fresh {
            self.turn_alike();
        }
        if changes_answers {
            self.contrast();
        }
        if is_named {
            self.type_alike();
        }
        self.gather_layers();
        let mut effects = belonging_to(half, effects);
        if is_named && half == self.turned_to {
            effects.extend(self.press_held(now));
        }
        if is_quiet {
            effects.extend(self.became_quiet(now));
        }
        effects
    }

    /// Takes in what a file of one's own says now.
    pub(super) fn file_read(&mut self, file: &OwnFile) {
        self.stages.iter_mut().for_each(|stage| stage.file_read(file));
        // What there is to say is said once, by the half with the keys.
        self.stage_mut(self.turned_to.other()).layers.clear();
    }

    /// Takes in what was found under a path.
    pub(super) fn found(
        &mut self,
        path: &Path,
        found: FoundFiles,
        now: Duration,
    ) -> Vec<HalfEffect> {
        let half = self.turned_to;
        let effects = self.leading_mut().found(path, found);
        effects.into_iter().flat_map(|effect| self.shared(half, effect, now)).collect()
    }

    /// Marks in both halves what is not the same.
    fn contrast(&mut self) {
        let [above, below] = &self.accounts;
        self.rows = differing_rows(above.tables(), below.tables());
        let names = self.stages[0].panes.iter().map(|pane| pane.name.clone());
        let sessions: BTreeSet<_> = names.filter(|name| above.differs_in(below, name)).collect();
        for stage in &mut self.stages {
            stage.watched.contrast(&self.rows, sessions.clone());
        }
    }

    /// What lies over the screen lies over both halves, and belongs to the one with the keys.
    fn gather_layers(&mut self) {
        let layers: Layers = std::mem::take(&mut self.stage_mut(self.turned_to.other()).layers);
        if !layers.is_empty() {
            self.leading_mut().layers = layers;
        }
    }

    /// The other half turns to the same session, as wide, with the same text in its editor: what is
    /// typed goes into both.
    fn turn_alike(&mut self) {
        let sight = self.leading().panes.sight();
        self.stage_mut(self.turned_to.other()).panes.turn_to(sight);
        self.type_alike();
    }

    fn turn_to(&mut self, half: Half) {
        if self.turned_to != half {
            let layers = std::mem::take(&mut self.leading_mut().layers);
            self.turned_to = half;
            self.leading_mut().layers = layers;
        }
    }

    /// When the screen changes by itself.
    pub(super) fn wakes_at(&self, now: Duration) -> Option<Duration> {
        let halves = self.stages.iter().filter_map(|stage| stage.wakes_at(now));
        halves.chain(self.plays_at.filter(|_| !self.is_stepping())).min()
    }

    /// Asks both runs.
    fn ask_both(&mut self, command: &Command) -> Vec<HalfEffect> {
        self.stages.iter_mut().for_each(|stage| stage.course.expect(command));
        Half::BOTH.map(|half| (half, Effect::Ask(command.clone()))).to_vec()
    }
}

fn belonging_to(half: Half, effects: Vec<Effect>) -> Vec<HalfEffect> {
    effects.into_iter().map(|effect| (half, effect)).collect()
}
