//! What the loop shows: one run, or two compared. Whatever happens is passed on to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::comparison::{Comparison, Half, HalfEffect};
use super::effect::Inclusion;
use super::exploring::Told;
use super::input::Input;
use super::own_files::{FoundFiles, OwnFiles};
use super::room::Overview;
use super::{Effect, Stage};
use crate::core::event::SessionName;
use crate::core::scenario::Scenario;
use crate::core::scenario::own::OwnFile;
use crate::run::Report;

/// One run, or two.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one, and it is not moved")]
pub enum Mode {
    /// The run of the upper half, alone.
    One(Stage),
    /// Two runs beside each other.
    Two(Comparison),
}

impl Mode {
    /// Takes in what a person does.
    pub fn input(&mut self, input: Input, now: Duration) -> Vec<HalfEffect> {
        match self {
            Self::One(stage) => of_one(stage.input(input, now)),
            Self::Two(comparison) => comparison.input(input, now),
        }
    }

    /// Folds what a run tells.
    pub fn apply(&mut self, half: Half, report: Report, now: Duration) -> Vec<HalfEffect> {
        match self {
            Self::One(stage) => of_one(stage.apply(report, now)),
            Self::Two(comparison) => comparison.apply(half, report, now),
        }
    }

    /// A file was read for a session of this run, or could not be.
    pub fn included(
        &mut self,
        half: Half,
        read: &Inclusion,
        text: Result<String, String>,
    ) -> Vec<HalfEffect> {
        let stage = match self {
            Self::One(stage) => stage,
            Self::Two(comparison) => comparison.stage_mut(half),
        };
        stage.included(read, text).into_iter().map(|effect| (half, effect)).collect()
    }

    /// The files to read again once these have changed.
    pub fn files_touched_by(&self, changed: &[PathBuf]) -> Vec<PathBuf> {
        match self {
            Self::One(stage) => stage.files_touched_by(changed),
            Self::Two(comparison) => comparison.leading().files_touched_by(changed),
        }
    }

    /// Takes in what a file of one's own says now.
    pub fn file_read(&mut self, file: &OwnFile) {
        match self {
            Self::One(stage) => stage.file_read(file),
            Self::Two(comparison) => comparison.file_read(file),
        }
    }

    /// Takes in what was found under a path.
    pub fn found(&mut self, path: &Path, found: FoundFiles, now: Duration) -> Vec<HalfEffect> {
        match self {
            Self::One(stage) => of_one(stage.found(path, found)),
            Self::Two(comparison) => comparison.found(path, found, now),
        }
    }

    /// The files of one's own in the list.
    pub fn own_files(&self) -> &OwnFiles {
        match self {
            Self::One(stage) => &stage.setting().own,
            Self::Two(comparison) => &comparison.leading().setting().own,
        }
    }

    /// This scenario is set up first.
    pub fn opens(&mut self, scenario: &Arc<Scenario>) {
        match self {
            Self::One(stage) => stage.opens(scenario),
            Self::Two(_) => {}
        }
    }

    /// Takes in what is told of an exploration.
    pub fn explorer_tells(&mut self, number: u64, told: Told) {
        let stage = match self {
            Self::One(stage) => stage,
            Self::Two(comparison) => comparison.leading_mut(),
        };
        stage.explorer_tells(number, told);
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Duration) -> Vec<HalfEffect> {
        match self {
            Self::One(stage) => of_one(stage.tick(now)),
            Self::Two(comparison) => comparison.tick(now),
        }
    }

    /// When something changes by itself.
    pub fn wakes_at(&self, now: Duration) -> Option<Duration> {
        match self {
            Self::One(stage) => stage.wakes_at(now),
            Self::Two(comparison) => comparison.wakes_at(now),
        }
    }

    /// What was typed in earlier runs can be typed again.
    pub fn recall(&mut self, earlier: &[String]) {
        match self {
            Self::One(stage) => stage.recall(earlier.to_vec()),
            Self::Two(comparison) => comparison.recall(earlier),
        }
    }

    /// What was edited outside is in the line.
    pub fn edited(&mut self, session: &SessionName, text: &str) {
        match self {
            Self::One(stage) => stage.edited(session, text),
            Self::Two(comparison) => comparison.edited(session, text),
        }
    }

    /// Says that something did not happen.
    pub fn refuse(&mut self, words: String) {
        match self {
            Self::One(stage) => stage.refuse(words),
            Self::Two(comparison) => comparison.refuse(words),
        }
    }

    /// Something about the room has changed.
    pub fn room_at_a_glance(&mut self, overview: &Overview) {
        match self {
            Self::One(stage) => stage.room_at_a_glance(overview.clone()),
            Self::Two(comparison) => {
                for half in Half::BOTH {
                    comparison.stage_mut(half).room_at_a_glance(overview.clone());
                }
            }
        }
    }

    pub fn say(&mut self, words: String) {
        match self {
            Self::One(stage) => stage.say(words),
            Self::Two(comparison) => comparison.say(words),
        }
    }

    /// Each run has so many cells from now on.
    pub fn resize(&mut self, width: u16) {
        match self {
            Self::One(stage) => stage.resize(width),
            Self::Two(comparison) => comparison.resize(width),
        }
    }
}

fn of_one(effects: Vec<Effect>) -> Vec<HalfEffect> {
    effects.into_iter().map(|effect| (Half::Above, effect)).collect()
}
