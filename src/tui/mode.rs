//! What the loop shows: one run, or two compared. Whatever happens is passed on to it.

use std::time::Duration;

use crossterm::event::Event;
use ratatui::Frame;
use ratatui::layout::Size;

use super::app::{App, Effect};
use super::comparison::{Comparison, Half, HalfEffect};
use super::view;
use crate::run::Report;

/// One run, or two.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one, and it is not moved")]
pub(super) enum Mode {
    /// The run of the upper half, alone.
    One(App),
    /// Two runs beside each other.
    Two(Comparison),
}

impl Mode {
    pub(super) fn input(&mut self, event: Event, now: Duration) -> Vec<HalfEffect> {
        match self {
            Self::One(app) => of_one(app.input(event, now)),
            Self::Two(comparison) => comparison.input(event, now),
        }
    }

    pub(super) fn apply(&mut self, half: Half, report: Report, now: Duration) -> Vec<HalfEffect> {
        match self {
            Self::One(app) => of_one(app.apply(report, now)),
            Self::Two(comparison) => comparison.apply(half, report, now),
        }
    }

    pub(super) fn tick(&mut self, now: Duration) -> Vec<HalfEffect> {
        match self {
            Self::One(app) => of_one(app.tick(now)),
            Self::Two(comparison) => comparison.tick(now),
        }
    }

    pub(super) fn wakes_at(&self, now: Duration) -> Option<Duration> {
        match self {
            Self::One(app) => app.wakes_at(now),
            Self::Two(comparison) => comparison.wakes_at(now),
        }
    }

    pub(super) fn refuse(&mut self, words: String) {
        match self {
            Self::One(app) => app.refuse(words),
            Self::Two(comparison) => comparison.refuse(words),
        }
    }

    pub(super) fn say(&mut self, words: String) {
        match self {
            Self::One(app) => app.say(words),
            Self::Two(comparison) => comparison.say(words),
        }
    }

    pub(super) fn resize(&mut self, size: Size) {
        match self {
            Self::One(app) => app.resize(size),
            Self::Two(comparison) => comparison.resize(size),
        }
    }

    pub(super) fn draw(&self, frame: &mut Frame, now: Duration) {
        match self {
            Self::One(app) => view::draw(frame, app, now),
            Self::Two(comparison) => view::draw_comparison(frame, comparison, now),
        }
    }
}

fn of_one(effects: Vec<Effect>) -> Vec<HalfEffect> {
    effects.into_iter().map(|effect| (Half::Above, effect)).collect()
}
