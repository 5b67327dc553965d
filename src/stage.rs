//! What is on the stage, free of any screen: it knows neither a terminal nor how anything looks.
//!
//! ```text
//!   Report ──▶ apply ──┐              ┌──▶ what whoever draws it reads
//!                      ├──▶  Stage  ──┤
//!   Input  ──▶ input ──┘              └──▶ Effect, Effect: what is to be done about it
//!
//!   ┌ Stage ───────────────────────────────────────────────────────────────────────────────────┐
//!   │ Course   engine, script, progress    │ Panes     the sessions: scrollback, editor, state │
//!   │ Watched  the tables and their marks  │ History   the timeline, the log of events        │
//!   │ Layers   what lies over everything   │ Message   a sentence for whoever pressed a key    │
//!   └──────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Nothing here waits, sends or draws, so a test drives it without a terminal, without a database
//! and without a clock: each call says what time it is, counted from the start of the run like the
//! events' own times. How many rows are in sight only whoever draws can say, so what scrolls is an
//! [`Effect`] too.
//!
//! Several may look at the same run, and join at any time: see [`audience`].

use std::sync::Arc;
use std::time::Duration;

use crate::core::event::SessionName;
use crate::core::scenario::{EngineKind, Scenario};

mod actions;
pub mod audience;
pub mod clipboard;
pub mod comparison;
mod completing;
pub mod completion;
mod copying;
pub mod course;
pub mod debugging;
pub mod effect;
pub mod engine;
pub mod exploring;
pub mod export;
pub mod history;
pub mod input;
pub mod keys;
pub mod layers;
pub mod message;
pub mod mode;
pub mod own_files;
pub mod panes;
mod processes;
mod progress;
mod reports;
pub mod room;
pub mod rush;
pub mod script;
pub mod setting;
mod stepping;
pub mod text;
pub mod timeline;
mod typing;
pub mod waits;
pub mod watched;
pub mod words;
pub mod wrap;

pub use effect::Effect;
pub use setting::{EngineCount, Setting};

use completing::Names;
use course::Course;
use exploring::Exploring;
use history::History;
use layers::Layers;
use message::Message;
use panes::Panes;
use panes::pane::Release;
use panes::scrollback::{Direction, Motion, Room};
use processes::Processes;
use watched::Watched;

/// What is said before there is a first scene.
pub const BEING_SET_UP: &str = "setting up the scenario";

/// One run as it is shown.
#[derive(Clone, Debug)]
pub struct Stage {
    setting: Setting,
    /// How many engines are on the screen: some things happen once for both.
    engines: EngineCount,
    course: Course,
    panes: Panes,
    processes: Processes,
    watched: Watched,
    history: History,
    layers: Layers,
    message: Option<Message>,
    /// What is known of the script's orders.
    exploring: Option<Exploring>,
    /// Those who follow in a browser.
    room: room::Overview,
    /// What can be named where somebody types.
    names: Names,
    /// Whether the prefix key was pressed, so that the next one completes it.
    is_prefixed: bool,
    /// Whether the last key was typing that a program's pane does not take.
    has_refused_typing: bool,
}

impl Stage {
    /// A stage so many cells wide on which nothing has happened.
    pub fn new(setting: Setting, width: u16) -> Self {
        Self {
            setting,
            engines: EngineCount::One,
            course: Course::default(),
            panes: Panes::empty(width),
            processes: Processes::default(),
            watched: Watched::default(),
            history: History::default(),
            layers: Layers::default(),
            message: None,
            exploring: None,
            room: room::Overview::default(),
            names: Names::default(),
            is_prefixed: false,
            has_refused_typing: false,
        }
    }

    /// The same run as somebody else sees it: all that was told, and nothing that was typed, opened
    /// or turned to here.
    fn for_others(&self) -> Self {
        Self {
            course: self.course.for_others(),
            panes: self.panes.for_others(),
            processes: self.processes.clone(),
            watched: self.watched.for_others(),
            history: self.history.clone(),
            ..Self::new(self.setting.clone(), self.panes.width())
        }
    }

    /// What it was started with.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// What is played, and where it stands.
    pub fn course(&self) -> &Course {
        &self.course
    }

    pub fn panes(&self) -> &Panes {
        &self.panes
    }

    /// The watched tables.
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// What has happened since the fresh setup.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What lies over everything.
    pub fn layers(&self) -> &Layers {
        &self.layers
    }

    /// What there is to say.
    pub fn message(&self) -> Option<&Message> {
        self.message.as_ref()
    }

    /// The key to show for an action.
    pub fn key(&self, action: keys::Action) -> String {
        self.setting.keys.shown(action).map(|key| key.to_string()).unwrap_or_default()
    }

    /// It has so many cells from now on.
    pub fn resize(&mut self, width: u16) {
        self.panes.resize(width);
    }

    /// Shows another part of what was said in a session, which has so much room.
    pub fn scroll(&mut self, pane: usize, motion: Motion, room: Room) {
        if let Some(pane) = self.panes.get_mut(pane) {
            pane.scrollback.go(motion, room);
        }
    }

    /// Scrolls the help by so many rows, of which at most so many are out of sight above.
    pub fn scroll_help(&mut self, direction: Direction, rows: u16, most: u16) {
        self.layers.scroll_help(direction, rows, most);
    }

    /// This scenario is set up first.
    pub(super) fn opens(&mut self, scenario: &Arc<Scenario>) {
        self.course.ask_for(scenario);
    }

    /// The engine to go to for a scenario that does not apply on this one.
    pub fn engine_for(&self, scenario: &Scenario) -> Option<EngineKind> {
        self.course.engine().other_for(scenario).filter(|_| self.engines == EngineCount::One)
    }

    /// What was typed in earlier runs, oldest first, can be typed again.
    pub fn recall(&mut self, earlier: Vec<String>) {
        self.panes.recall(earlier);
    }

    /// What was edited outside is in the line of the session that it was taken from.
    pub fn edited(&mut self, session: &SessionName, text: &str) {
        match self.panes.of_mut(session) {
            Some(pane) => pane.editor.put(text),
            None => self.refuse(format!("{session} has gone, and with it what was edited for it")),
        }
    }

    pub fn say(&mut self, text: impl Into<String>) {
        self.message = Some(Message::plain(text));
    }

    /// Says that something did not happen.
    pub fn refuse(&mut self, text: impl Into<String>) {
        self.message = Some(Message::refusal(text));
    }

    /// When it changes by itself: a wait's seconds, a step of auto-play, a light that goes out.
    /// `None` while nothing moves.
    pub fn wakes_at(&self, now: Duration) -> Option<Duration> {
        let waits = self.panes.iter().filter_map(|pane| pane.waiting.as_ref());
        let next_tenth = |since: Duration| {
            let shown = now.saturating_sub(since).as_millis() / 100 + 1;
            since + Duration::from_millis(u64::try_from(shown * 100).unwrap_or(u64::MAX))
        };
        let light = self.watched.next_change(now);
        let releases = self.panes.iter().filter_map(|pane| pane.release(now));
        let releases = releases.map(Release::ends_at);
        let plays_at = self.course.progress.plays_at();
        let waits = waits.map(|waiting| next_tenth(waiting.since));
        let held = self.panes.iter().filter_map(|pane| pane.held.as_ref());
        let waits = waits.chain(held.map(|held| held.next_change(now)));
        waits.chain(plays_at).chain(light).chain(releases).min()
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
