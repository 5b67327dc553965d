//! Stepping two runs as one: a step goes out in both or in neither.

use std::time::Duration;

use super::{Comparison, Half, HalfEffect, belonging_to};
use crate::run::{Command, Lasting};
use crate::stage::keys::Action;
use crate::stage::layers::Layer;
use crate::stage::layers::again::{self, Errand};
use crate::stage::script::Script;
use crate::stage::{Effect, Stage};

impl Comparison {
    /// Sends the next step in both.
    pub(super) fn step(&mut self, now: Duration) -> Vec<HalfEffect> {
        if self.is_on_its_way(now) || self.is_opening() {
            self.more += 1;
            return Vec::new();
        }
        if self.have_parted() {
            return self.wait_for_the_other();
        }
        match self.why_no_step() {
            None => self.in_both(|stage| stage.step(now)),
            Some(why) => {
                self.put_off(why);
                Vec::new()
            }
        }
    }

    /// A step that has to wait for the slower engine goes out when that is done; one that has to
    /// wait for a person does not.
    fn put_off(&mut self, why: String) {
        if self.is_stepping() {
            self.more = 1;
            return self.leading_mut().say(why);
        }
        self.stop_playing();
        self.leading_mut().refuse(why);
    }

    /// What keeps the next step from being sent in one of them.
    pub(super) fn why_no_step(&self) -> Option<String> {
        self.why_not(|stage| {
            stage.course.broken().map(str::to_owned).or_else(|| stage.why_no_step())
        })
    }

    /// The first reason that one of them has, with its name.
    pub(super) fn why_not(&self, reason: impl Fn(&Stage) -> Option<String>) -> Option<String> {
        self.stages.iter().find_map(|stage| {
            let engine =
                stage.course.engine().line().map_or("one engine", |engine| &engine.product);
            Some(format!("{engine}: {}", reason(stage)?))
        })
    }

    /// Does the same in both.
    pub(super) fn in_both(
        &mut self,
        mut act: impl FnMut(&mut Stage) -> Vec<Effect>,
    ) -> Vec<HalfEffect> {
        let halves = Half::BOTH.into_iter();
        halves.flat_map(|half| belonging_to(half, act(self.stage_mut(half)))).collect()
    }

    /// Goes back by a step in both.
    pub(super) fn step_back(&mut self) -> Vec<HalfEffect> {
        match self.earliest() {
            0 => {
                self.leading_mut().say("this is already the beginning");
                Vec::new()
            }
            next => self.go_to(next - 1),
        }
    }

    /// Replays both to a step from a fresh setup.
    pub(super) fn go_to(&mut self, step: usize) -> Vec<HalfEffect> {
        self.more = 0;
        if let Some(question) = again::question(&self.lasting(), Errand::Back(step), step) {
            self.leading_mut().layers.push(Layer::Question(question));
            return Vec::new();
        }
        self.ask_both(&Command::GoTo(step))
    }

    /// Goes to where this step comes next in both.
    pub(super) fn jump(&mut self, step: usize, now: Duration) -> Vec<HalfEffect> {
        let here = self.earliest();
        if step < here {
            return self.go_to(step);
        }
        if step == here {
            self.leading_mut().say("that step comes next already");
            return Vec::new();
        }
        let effects = self.step(now);
        if !effects.is_empty() {
            self.more = step - here - 1;
        }
        effects
    }

    /// Starts both again, with what the file on the stage says now.
    pub(super) fn restart(&mut self) -> Vec<HalfEffect> {
        let Some(revision) = self.leading().course.revision().cloned() else {
            return self.go_to(0);
        };
        self.more = 0;
        let command = Command::Open(revision);
        if let Some(mut question) = again::question(&self.lasting(), Errand::Back(0), 0) {
            question.effects = vec![Effect::Ask(command)];
            self.leading_mut().layers.push(Layer::Question(question));
            return Vec::new();
        }
        self.ask_both(&command)
    }

    /// What either run has committed outside its own schema: they play on the same server.
    fn lasting(&self) -> Vec<Lasting> {
        let [above, below] = &self.stages;
        let [above, below] = [above, below].map(|stage| stage.course.lasting());
        let elsewhere = below.iter().filter(|lasting| !above.contains(lasting));
        above.iter().chain(elsewhere).cloned().collect()
    }

    /// Whether one of them is at another step.
    fn have_parted(&self) -> bool {
        let next = |half| self.stage(half).course.script().map(Script::next);
        next(Half::Above) != next(Half::Below)
    }

    /// Whether one of them has nothing to play yet.
    fn is_opening(&self) -> bool {
        self.stages.iter().any(|stage| stage.course.is_opening())
    }

    /// The one that is behind is on its way, or has refused a step for good: then somebody has to
    /// bring them together.
    fn wait_for_the_other(&mut self) -> Vec<HalfEffect> {
        self.more = 1;
        let restart = self.leading().key(Action::Restart);
        let words = format!("one engine is behind; wait a moment, or {restart} restarts both");
        self.leading_mut().say(words);
        Vec::new()
    }

    fn earliest(&self) -> usize {
        let open = self.stages.iter().filter(|stage| stage.course.script().is_some());
        open.map(|stage| stage.course.destination()).min().unwrap_or(0)
    }

    /// Whether a step has been asked for that one of them has not become quiet after.
    pub(super) fn is_stepping(&self) -> bool {
        self.stages.iter().any(|stage| stage.course.progress.is_stepping())
    }

    fn is_on_its_way(&self, now: Duration) -> bool {
        self.stages.iter().any(|stage| stage.course.progress.is_step_on_its_way(now))
    }

    /// One of them has become quiet: when both are, the next step is due.
    pub(super) fn became_quiet(&mut self, now: Duration) -> Vec<HalfEffect> {
        if self.is_stepping() {
            return Vec::new();
        }
        if self.plays_at.is_some() {
            self.plays_at = Some(now + self.leading().setting.pace);
        }
        if self.more == 0 {
            return Vec::new();
        }
        self.more -= 1;
        self.step(now)
    }

    /// Begins to play on.
    pub(super) fn auto_play(&mut self, now: Duration) -> Vec<HalfEffect> {
        self.plays_at = Some(now);
        self.leading_mut().say("playing; any key stops it");
        self.tick(now)
    }

    pub(super) fn stop_playing(&mut self) {
        self.plays_at = None;
        self.more = 0;
    }

    /// Lets time pass: auto-play sends a step when its moment has come.
    pub fn tick(&mut self, now: Duration) -> Vec<HalfEffect> {
        if self.plays_at.is_none_or(|at| at > now) || self.is_stepping() {
            return Vec::new();
        }
        if self.is_opening() {
            self.plays_at = Some(now + self.leading().setting.pace);
            return Vec::new();
        }
        if self.leading().course.script().is_some_and(Script::is_over) {
            self.stop_playing();
            self.leading_mut().say("the end");
            return Vec::new();
        }
        let effects = self.step(now);
        if self.plays_at.is_some() {
            self.plays_at = Some(now + self.leading().setting.pace);
        }
        effects
    }
}
