//! The stage on a terminal: what its keys and clicks mean there, and how much of it is in sight.
//!
//! ```text
//!  crossterm's event ──▶ input ──▶ Mode ──▶ Effect, Effect ──▶ the loop
//!                          │         │         │
//!                 keyboard, places   │         └── Scroll is done here: the layout says how far
//!                                    └──▶ view::draw ──▶ a frame
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect, Size};

use super::keyboard::key_of;
use super::theme::Theme;
use super::view::layout::{self, Framing};
use super::view::{self, View};
use crate::core::event::SessionName;
use crate::core::scenario::Scenario;
use crate::core::scenario::own::OwnFile;
use crate::debugger::guests::Overview;
use crate::run::Report;
use crate::stage::comparison::{Comparison, Half, HalfEffect};
use crate::stage::effect::{Inclusion, Scroll};
use crate::stage::exploring::Told;
use crate::stage::input::{Gesture, Input, Pointer};
use crate::stage::keys::Action;
use crate::stage::mode::Mode;
use crate::stage::own_files::FoundFiles;
use crate::stage::panes::scrollback::Direction;
use crate::stage::{self, Effect, Stage, room};

/// How the console starts.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Colours and signs.
    pub theme: Theme,
    /// How the stage is set.
    pub stage: stage::Setting,
}

/// What the terminal shows.
#[derive(Clone, Debug)]
pub struct App {
    mode: Mode,
    theme: Theme,
    size: Size,
    /// Those who follow in a browser.
    room: room::Overview,
}

impl App {
    /// A screen of this size on which nothing has happened.
    pub fn new(setting: Setting, size: Size) -> Self {
        let mode = Mode::One(Stage::new(setting.stage, size.width));
        Self { mode, theme: setting.theme, size, room: room::Overview::default() }
    }

    /// The same screen with both engines on it, on which nothing has happened either.
    #[must_use]
    pub fn comparing(setting: Setting, size: Size, turned_to: Half) -> Self {
        let stage = || Stage::new(setting.stage.clone(), size.width);
        let mode = Mode::Two(Comparison::new(stage(), stage(), turned_to));
        Self { mode, theme: setting.theme, size, room: room::Overview::default() }
    }

    /// The size for which it is laid out.
    pub fn size(&self) -> Size {
        self.size
    }

    /// What is shown.
    pub fn mode(&self) -> &Mode {
        &self.mode
    }

    /// The run that the keys are turned to.
    pub(super) fn leading(&self) -> (Half, &Stage) {
        match &self.mode {
            Mode::One(stage) => (Half::Above, stage),
            Mode::Two(comparison) => (comparison.turned_to(), comparison.leading()),
        }
    }

    /// Shows something else from now on.
    pub(super) fn show(&mut self, mode: Mode) {
        self.mode = mode;
        self.mode.room_at_a_glance(&self.room);
    }

    /// How it looks.
    pub(super) fn theme(&self) -> &Theme {
        &self.theme
    }

    /// Takes note of the terminal's size.
    pub fn resize(&mut self, size: Size) {
        if self.size != size {
            self.size = size;
            self.mode.resize(size.width);
        }
    }

    /// Takes in what the terminal tells.
    pub fn input(&mut self, event: Event, now: Duration) -> Vec<HalfEffect> {
        let input = match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => Input::Key(key_of(key)),
            Event::Paste(text) => Input::Paste(text),
            Event::Mouse(mouse) => match self.pointer(mouse) {
                Some(pointer) => Input::Pointer(pointer),
                None => return Vec::new(),
            },
            Event::Resize(width, height) => {
                self.resize(Size { width, height });
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        let effects = self.mode.input(input, now);
        self.scrolled(effects)
    }

    /// Does what an action does to one run alone.
    pub fn update(&mut self, action: Action, now: Duration) -> Vec<HalfEffect> {
        let Mode::One(stage) = &mut self.mode else { return Vec::new() };
        let effects = stage.update(action, now);
        self.scrolled(effects.into_iter().map(|effect| (Half::Above, effect)).collect())
    }

    /// Does what the key of this action does, whatever is on the screen.
    pub(super) fn press(&mut self, action: Action, now: Duration) -> Vec<HalfEffect> {
        let keys = &self.leading().1.setting().keys;
        let Some(key) = keys.all(action).first().copied() else { return Vec::new() };
        let effects = self.mode.input(Input::Key(key), now);
        self.scrolled(effects)
    }

    /// Folds what a run tells.
    pub fn apply(&mut self, half: Half, report: Report, now: Duration) -> Vec<HalfEffect> {
        self.mode.apply(half, report, now)
    }

    /// A file was read for a session of this run, or could not be.
    pub(super) fn included(
        &mut self,
        half: Half,
        read: &Inclusion,
        text: Result<String, String>,
    ) -> Vec<HalfEffect> {
        self.mode.included(half, read, text)
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Duration) -> Vec<HalfEffect> {
        self.mode.tick(now)
    }

    /// When the screen changes by itself.
    pub fn wakes_at(&self, now: Duration) -> Option<Duration> {
        self.mode.wakes_at(now)
    }

    /// What was typed in earlier runs can be typed again.
    pub fn recall(&mut self, earlier: &[String]) {
        self.mode.recall(earlier);
    }

    /// What was edited outside is in the session's line.
    pub fn edited(&mut self, session: &SessionName, text: &str) {
        self.mode.edited(session, text);
    }

    /// Takes in what a file of one's own says now.
    pub(super) fn file_read(&mut self, file: &OwnFile) {
        self.mode.file_read(file);
    }

    /// Takes in what was found under a path.
    pub(super) fn found(
        &mut self,
        path: &Path,
        found: FoundFiles,
        now: Duration,
    ) -> Vec<HalfEffect> {
        self.mode.found(path, found, now)
    }

    /// This scenario is set up first.
    pub(super) fn opens(&mut self, scenario: &Arc<Scenario>) {
        self.mode.opens(scenario);
    }

    /// Other programs can connect, at these addresses.
    pub fn opened_to_programs(&mut self, addresses: Vec<String>) {
        if let Mode::One(stage) = &mut self.mode {
            stage.opened_to_programs(addresses);
        }
    }

    /// What there is to know of the debugger has changed.
    pub fn debugger_at_a_glance(&mut self, overview: Overview) {
        if let Mode::One(stage) = &mut self.mode {
            stage.debugger_at_a_glance(overview);
        }
    }

    /// Takes in what is told of an exploration.
    pub fn explorer_tells(&mut self, number: u64, told: Told) {
        self.mode.explorer_tells(number, told);
    }

    /// Something about the room has changed.
    pub fn room_at_a_glance(&mut self, overview: &room::Overview) {
        self.mode.room_at_a_glance(overview);
        self.room = overview.clone();
    }

    pub fn say(&mut self, words: String) {
        self.mode.say(words);
    }

    /// Says that something did not happen.
    pub fn refuse(&mut self, words: String) {
        self.mode.refuse(words);
    }

    /// The part of the screen on which a run is shown.
    pub(super) fn view(&self, half: Half) -> View<'_> {
        let (stage, area, framing, is_typed_in) = match &self.mode {
            Mode::One(stage) => {
                (stage, Rect::from((Position::ORIGIN, self.size)), Framing::Whole, true)
            }
            Mode::Two(comparison) => {
                let area = layout::areas(self.size).halves[half as usize];
                let is_typed_in = comparison.is_typed_in(half);
                (comparison.stage(half), area, Framing::Half, is_typed_in)
            }
        };
        View { stage, theme: &self.theme, area, framing, is_typed_in }
    }

    /// The halves that there are.
    fn halves(&self) -> &'static [Half] {
        match self.mode {
            Mode::One(_) => &[Half::Above],
            Mode::Two(_) => &Half::BOTH,
        }
    }

    /// What the mouse does, and over what.
    fn pointer(&self, mouse: MouseEvent) -> Option<Pointer> {
        let gesture = match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Gesture::Click,
            MouseEventKind::Down(_) => Gesture::OtherClick,
            MouseEventKind::ScrollUp => Gesture::Wheel(Direction::Up),
            MouseEventKind::ScrollDown => Gesture::Wheel(Direction::Down),
            _ => return None,
        };
        let at = Position { x: mouse.column, y: mouse.row };
        let half = self.halves().iter().copied().find(|half| self.view(*half).area.contains(at));
        let part = half.and_then(|half| view::over(&self.view(half), at));
        Some(Pointer { gesture, half, over: part.or_else(|| view::key_at(self, at)) })
    }

    /// Scrolls what is to be scrolled; gives what else is to be done.
    fn scrolled(&mut self, effects: Vec<HalfEffect>) -> Vec<HalfEffect> {
        let mut others = Vec::with_capacity(effects.len());
        for (half, effect) in effects {
            match effect {
                Effect::Scroll(scroll) => self.scroll(half, scroll),
                effect => others.push((half, effect)),
            }
        }
        others
    }

    fn scroll(&mut self, half: Half, scroll: Scroll) {
        match scroll {
            Scroll::Pane { pane, motion } => {
                let view = self.view(half);
                let room = view.places().room(&view, pane);
                self.stage_mut(half).scroll(pane, motion, room);
            }
            Scroll::Help(direction, rows) => {
                let most = view::help_beyond(&self.view(half));
                self.stage_mut(half).scroll_help(direction, rows, most);
            }
        }
    }

    fn stage_mut(&mut self, half: Half) -> &mut Stage {
        match &mut self.mode {
            Mode::One(stage) => stage,
            Mode::Two(comparison) => comparison.stage_mut(half),
        }
    }
}
