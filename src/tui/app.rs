//! Everything that the screen shows, as a value.
//!
//! ```text
//!  Report ──▶ apply ──┐
//!                     ├──▶ App ──▶ view::draw ──▶ a frame
//!  Event  ──▶ input ──┘     └────▶ Effect, Effect: what the loop is to do about it
//! ```
//!
//! Nothing here waits, sends or draws, so a test drives it without a terminal, without a database
//! and without a clock: each call says what time it is, counted from the start of the run like the
//! events' own times.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::layout::{Position, Rect, Size};

use super::export::Export;
use super::keys::KeyMap;
use super::layer::Layer;
use super::pane::Pane;
use super::script::Script;
use super::theme::Theme;
use crate::core::event::SessionName;
use crate::core::scenario::{EngineKind, Scenario};
use crate::core::seats::WatchedTables;
use crate::run::{Command, EngineLine, Lasting};
use crate::stage::contrasts::Contrasts;
use crate::stage::event_log::EventLog;
use crate::stage::flash::Flashes;
use crate::stage::timeline::Timeline;
use crate::tui::view::layout::{self, Framing, Places};

mod actions;
mod input;
mod layers;
mod mouse;
mod reports;

/// What is said before there is a first scene.
pub(super) const BEING_SET_UP: &str = "the scenario is being set up";

/// What the loop is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the run.
    Ask(Command),
    /// Show both engines at once, or one alone again.
    Compare,
    /// Leave the screen.
    Leave,
    /// Stop the process until the shell continues it.
    Suspend,
    /// Draw every cell anew.
    Redraw,
    /// Write the session so far into files, and the screen with it.
    Export(Box<Export>),
}

/// How urgent a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Good to know.
    Plain,
    /// Something did not happen that was asked for.
    Refusal,
}

/// A sentence in the footer, until the next key, or until it no longer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sentence.
    pub text: String,
    /// How urgent it is.
    pub tone: Tone,
    /// The session of which it says that it cannot take a statement.
    pub about: Option<SessionName>,
}

/// How the console starts.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Colours and signs.
    pub theme: Theme,
    /// Which keys do what.
    pub keys: KeyMap,
    /// The scenarios that can be picked.
    pub library: Vec<Arc<Scenario>>,
    /// How long a step stays before auto-play sends the next one.
    pub pace: Duration,
    /// Whether a scenario begins with its story over the screen.
    pub opening: Opening,
}

/// How a scenario begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Opening {
    /// With its story over the screen.
    Story,
    /// At once.
    Stage,
}

/// The state of the screen.
#[derive(Clone, Debug)]
pub struct App {
    pub(super) setting: Setting,
    /// The part of the screen that is its own, and how it is laid out there.
    pub(super) area: Rect,
    pub(super) framing: Framing,
    /// Whether what is typed goes here: of two halves, one may be left out.
    pub(super) is_typed_in: bool,
    /// What the other half shows otherwise.
    pub(super) contrasts: Contrasts,
    pub(super) engine: Option<EngineLine>,
    pub(super) script: Option<Script>,
    pub(super) panes: Vec<Pane>,
    pub(super) focus: usize,
    /// The leftmost pane in sight.
    pub(super) first: usize,
    pub(super) zoomed: bool,
    pub(super) house: Arc<WatchedTables>,
    pub(super) flashes: Flashes,
    /// What has happened since the fresh setup, to be looked at and to be exported.
    pub(super) timeline: Timeline,
    pub(super) chronicle: EventLog,
    /// The moment from which time is counted.
    pub(super) clock: Instant,
    pub(super) layers: Vec<Layer>,
    pub(super) message: Option<Message>,
    /// When auto-play sends the next step, if it plays.
    pub(super) plays_at: Option<Duration>,
    /// Why the run cannot go on.
    pub(super) broken: Option<String>,
    /// A step that was asked for and has not become quiet.
    pub(super) stepping: Option<Stepping>,
    /// The step that a replay goes to, while one is under way.
    pub(super) going_to: Option<usize>,
    /// What this run has committed outside its own schema.
    pub(super) lasting: Vec<Lasting>,
    /// The engine that was asked for last. Whatever comes of it, that is the one on which the run
    /// sets up next.
    pub(super) engine_asked: Option<EngineKind>,
}

/// A step on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stepping {
    /// Since when.
    pub(super) since: Duration,
    /// How many more were asked for meanwhile.
    pub(super) more: usize,
    /// Where the play stands once it has been sent. A quiet that is told before is that of what
    /// came before.
    pub(super) towards: usize,
}

/// How long a step may be on its way before the next key no longer waits for it: whoever presses a
/// key twice wants two steps, one after the other; whoever presses it beside a statement that runs
/// and runs wants the next one now.
pub(super) const ON_ITS_WAY: Duration = Duration::from_millis(500);

impl App {
    /// A screen of this size on which nothing has happened.
    pub fn new(setting: Setting, size: Size, clock: Instant) -> Self {
        Self {
            setting,
            area: Rect::from((Position::ORIGIN, size)),
            framing: Framing::Whole,
            is_typed_in: true,
            contrasts: Contrasts::default(),
            engine: None,
            script: None,
            panes: Vec::new(),
            focus: 0,
            first: 0,
            zoomed: false,
            house: Arc::default(),
            flashes: Flashes::default(),
            timeline: Timeline::default(),
            chronicle: EventLog::default(),
            clock,
            layers: Vec::new(),
            message: None,
            plays_at: None,
            broken: None,
            stepping: None,
            going_to: None,
            lasting: Vec::new(),
            engine_asked: None,
        }
    }

    /// The size for which it is laid out.
    pub fn size(&self) -> Size {
        self.area.as_size()
    }

    /// The engine that it can be compared with: the other of the two that stand on a PostgreSQL.
    /// `until_known` is what it will be played on.
    pub(super) fn engine_to_join(&self, until_known: EngineKind) -> Option<EngineKind> {
        match self.engine_ahead().unwrap_or(until_known) {
            _ if self.alone().is_some() => None,
            EngineKind::Postgres => Some(EngineKind::Optimistic),
            EngineKind::Optimistic => Some(EngineKind::Postgres),
            _ => None,
        }
    }

    /// The engine that is played on, or will be once the last one that was asked for is set up.
    pub(super) fn engine_ahead(&self) -> Option<EngineKind> {
        let here = self.engine.as_ref().map(|engine| engine.kind);
        self.engine_asked.or(here)
    }

    /// Why there is no other engine to go to, where the server that is played on says so.
    pub(super) fn alone(&self) -> Option<&'static str> {
        self.engine.as_ref()?.alone
    }

    /// The engine to go to for a scenario that does not apply on this one: the other of the two
    /// that stand on a PostgreSQL, if it does there.
    pub(super) fn engine_for(&self, scenario: &Scenario) -> Option<EngineKind> {
        let here = self.engine_ahead()?;
        let there = match here {
            EngineKind::Postgres => EngineKind::Optimistic,
            EngineKind::Optimistic => EngineKind::Postgres,
            _ => return None,
        };
        let can_go = self.framing == Framing::Whole && self.alone().is_none();
        let goes = can_go && !scenario.is_for(here);
        (goes && scenario.is_for(there)).then_some(there)
    }

    /// Moves it to a part of the screen.
    pub(super) fn place(&mut self, area: Rect, framing: Framing) {
        if (self.area, self.framing) != (area, framing) {
            (self.area, self.framing) = (area, framing);
            self.focus_on(self.focus);
        }
    }

    /// Where everything stands.
    pub(super) fn places(&self) -> Places {
        layout::arrange(self)
    }

    pub(super) fn pane(&self) -> Option<&Pane> {
        self.panes.get(self.focus)
    }

    pub(super) fn pane_mut(&mut self) -> Option<&mut Pane> {
        self.panes.get_mut(self.focus)
    }

    fn pane_of(&mut self, name: &SessionName) -> Option<&mut Pane> {
        self.panes.iter_mut().find(|pane| &pane.name == name)
    }

    /// The sessions in screen order.
    pub(super) fn cast(&self) -> Vec<SessionName> {
        self.panes.iter().map(|pane| pane.name.clone()).collect()
    }

    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), tone: Tone::Plain, about: None });
    }

    pub(super) fn refuse(&mut self, text: impl Into<String>) {
        self.message = Some(Message { text: text.into(), tone: Tone::Refusal, about: None });
    }

    /// Says something that holds for as long as this session cannot take a statement.
    pub(super) fn say_of(&mut self, session: &SessionName, text: String) {
        let about = Some(session.clone());
        self.message = Some(Message { text, tone: Tone::Plain, about });
    }

    /// Says that something did not happen, for as long as this session keeps it from happening.
    pub(super) fn refuse_because_of(&mut self, session: &SessionName, text: String) {
        let about = Some(session.clone());
        self.message = Some(Message { text, tone: Tone::Refusal, about });
    }

    pub(super) fn focus_on(&mut self, index: usize) {
        self.focus = index.min(self.panes.len().saturating_sub(1));
        self.first = layout::first_in_sight(self);
    }

    /// The key to show for an action.
    pub(super) fn key(&self, action: super::keys::Action) -> String {
        self.setting.keys.shown(action).map(|key| key.to_string()).unwrap_or_default()
    }

    /// When the screen changes by itself: a wait's seconds, a step of auto-play. `None` while
    /// nothing moves.
    pub fn wakes_at(&self, now: Duration) -> Option<Duration> {
        let waits = self.panes.iter().filter_map(|pane| pane.waiting.as_ref());
        let next_tenth = |since: Duration| {
            let shown = now.saturating_sub(since).as_millis() / 100 + 1;
            since + Duration::from_millis(u64::try_from(shown * 100).unwrap_or(u64::MAX))
        };
        let light = self.flashes.next_change(self.clock + now).map(|at| at - self.clock);
        waits.map(|waiting| next_tenth(waiting.since)).chain(self.plays_at).chain(light).min()
    }

    /// Lets time pass: auto-play sends a step when its moment has come.
    pub fn tick(&mut self, now: Duration) -> Vec<Effect> {
        match self.plays_at {
            Some(at) if at <= now && self.stepping.is_none() => self.play_on(now),
            _ => Vec::new(),
        }
    }

    fn play_on(&mut self, now: Duration) -> Vec<Effect> {
        let Some(script) = &self.script else {
            self.plays_at = Some(now + self.setting.pace);
            return Vec::new();
        };
        self.plays_at = None;
        if script.is_over() {
            self.say_the_end();
            return Vec::new();
        }
        let effects = self.step(now);
        if self.stepping.is_some() {
            self.plays_at = Some(Duration::MAX);
        }
        effects
    }
}
