//! The course of the play: what is played on which engine, where it stands, and what was asked of
//! the run.

use std::sync::Arc;
use std::time::Duration;

use super::engine::Engine;
use super::layers::Question;
use super::layers::again::{self, Errand};
use super::progress::Progress;
use super::script::Script;
use crate::core::scenario::{Scenario, Schedules, Step};
use crate::core::table_copy::TableCopy;
use crate::run::{Command, Fresh, Lasting};

/// What is played, and where it stands.
#[derive(Clone, Debug, Default)]
pub struct Course {
    pub(super) engine: Engine,
    pub(super) script: Option<Script>,
    pub(super) progress: Progress,
    /// What is played, or will be once it is set up.
    asked: Option<Arc<Scenario>>,
    /// What the file of it says now, where that is something else.
    revision: Option<Arc<Scenario>>,
    /// Why the run cannot go on.
    broken: Option<String>,
    /// What this run has committed outside its own schema.
    lasting: Vec<Lasting>,
    /// What scenarios that were left had committed there.
    left: Vec<(Arc<Scenario>, Vec<Lasting>)>,
    /// What makes tables like those that it began with, where they are not its own.
    copies: Vec<TableCopy>,
}

impl Course {
    /// The engine that is played on, once it is known.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The script, once the scenario is set up.
    pub fn script(&self) -> Option<&Script> {
        self.script.as_ref()
    }

    /// What is played, or will be once it is set up.
    pub fn scenario(&self) -> Option<&Arc<Scenario>> {
        self.asked.as_ref()
    }

    /// What the file on the stage says now, where that is something else than what is played.
    pub fn revision(&self) -> Option<&Arc<Scenario>> {
        self.revision.as_ref()
    }

    /// This is set up next.
    pub(super) fn ask_for(&mut self, scenario: &Arc<Scenario>) {
        self.leave(self.asked.clone(), scenario);
        self.revision.take_if(|revision| revision == scenario);
        self.asked = Some(Arc::clone(scenario));
    }

    /// The file on the stage says this now; whether that is anything new.
    pub(super) fn revise(&mut self, scenario: &Arc<Scenario>) -> bool {
        let playing = self.asked.as_deref();
        let revised = match playing.map(|playing| &playing.schedules) {
            Some(Schedules::Picked(picked)) => {
                let picked = (**scenario).clone().with_permutation(picked.number);
                picked.map_or_else(|_| Arc::clone(scenario), Arc::new)
            }
            _ => Arc::clone(scenario),
        };
        let is_new = playing != Some(&*revised);
        let is_told = self.revision.as_ref() == Some(&revised);
        self.revision = is_new.then_some(revised);
        is_new && !is_told
    }

    /// What the file says cannot be played.
    pub(super) fn forget_revision(&mut self) {
        self.revision = None;
    }

    /// Why the run cannot go on.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// What makes tables like those that it began with, where they are not its own.
    pub(super) fn copies(&self) -> &[TableCopy] {
        &self.copies
    }

    /// It began with tables like these.
    pub(super) fn begin_with(&mut self, copies: Vec<TableCopy>) {
        self.copies = copies;
    }

    pub(super) fn lasting(&self) -> &[Lasting] {
        &self.lasting
    }

    /// The same play as somebody else sees it, who has asked for nothing.
    pub(super) fn for_others(&self) -> Self {
        let engine = self.engine.for_others();
        Self { engine, progress: Progress::default(), ..self.clone() }
    }

    /// Whether there is nothing to play yet, but will be.
    pub(super) fn is_opening(&self) -> bool {
        self.script.is_none() && self.broken.is_none()
    }

    /// Whether there is nothing to step through, and never will be.
    pub fn has_no_script(&self) -> bool {
        self.script.as_ref().is_some_and(Script::is_empty)
    }

    /// Where it stands in the schedule.
    pub(super) fn next(&self) -> usize {
        self.script.as_ref().map_or(0, Script::next)
    }

    /// The step that comes next.
    pub(super) fn next_step(&self) -> Option<&Step> {
        self.script.as_ref()?.next_step()
    }

    /// A step is on its way from now on.
    pub(super) fn expect_step(&mut self, now: Duration) {
        self.progress.expect_step(self.next(), now);
    }

    /// Where it stands, or will once the replay that is under way has ended.
    pub(super) fn destination(&self) -> usize {
        self.progress.destination(self.next())
    }

    /// The same once the steps that were asked for have been played too.
    fn destination_after_steps(&self) -> usize {
        let last = self.script.as_ref().map_or(0, Script::len);
        self.progress.destination_after_steps(self.next(), last)
    }

    /// Takes note that the run is being asked for this, which will take a moment.
    pub(super) fn expect(&mut self, command: &Command) {
        match command.plain() {
            Command::GoTo(step) => self.progress.expect_replay(*step),
            Command::Switch(kind) => {
                let step = self.destination_after_steps();
                self.progress.expect_switch(step);
                self.engine.ask_for(*kind);
            }
            Command::Open(scenario) => self.ask_for(scenario),
            Command::OpenOn(scenario, kind) => {
                self.ask_for(scenario);
                self.engine.ask_for(*kind);
            }
            _ => {}
        }
    }

    /// What is to be asked before something that does again what was committed outside the run's
    /// schema, where there is anything.
    pub(super) fn question(&self, errand: Errand) -> Option<Question> {
        again::question(&self.lasting, errand, self.destination_after_steps())
    }

    /// The same before a scenario is opened that was played before and left.
    pub(super) fn question_before_opening(&self, command: Command) -> Option<Question> {
        let (Command::Open(scenario) | Command::OpenOn(scenario, _)) = &command else {
            return None;
        };
        let (_, lasting) = self.left.iter().find(|(left, _)| left.is_of_the_same_file(scenario))?;
        again::question(lasting, Errand::Open(command), 0)
    }

    fn leave(&mut self, playing: Option<Arc<Scenario>>, next: &Scenario) {
        let Some(playing) = playing.filter(|it| !it.is_of_the_same_file(next)) else { return };
        if !self.lasting.is_empty() {
            self.left.retain(|(left, _)| !left.is_of_the_same_file(&playing));
            self.left.push((playing, self.lasting.clone()));
        }
    }

    /// A fresh setup; whether it is that of another scenario.
    pub(super) fn begin_anew(&mut self, fresh: &Fresh) -> bool {
        let is_new = self.script.as_ref().is_none_or(|old| *old.scenario() != fresh.scenario);
        // What was asked for in between may have come to nothing: then it is left here.
        let playing = self.script.as_ref().map(|script| Arc::clone(script.scenario()));
        self.leave(playing, &fresh.scenario);
        self.script = Some(Script::new(fresh));
        self.asked = Some(Arc::clone(&fresh.scenario));
        let is_of_this = |revision: &Scenario| revision.path == fresh.scenario.path;
        self.revision.take_if(|it| *it == fresh.scenario || !is_of_this(it));
        self.engine.arrive(fresh.engine.clone());
        self.broken = None;
        self.lasting.clear();
        self.copies.clear();
        if is_new {
            self.progress.stop();
        } else {
            self.progress.begin_anew();
        }
        is_new
    }

    /// It has come to this step; whether it was elsewhere before.
    pub(super) fn move_to(&mut self, next: usize) -> bool {
        self.progress.moved_to(next);
        self.script.as_mut().is_some_and(|script| script.move_to(next))
    }

    /// This much of it lasts, whatever is played again.
    pub(super) fn last(&mut self, lasting: Vec<Lasting>) {
        self.lasting = lasting;
    }

    /// The run cannot go on.
    pub(super) fn break_off(&mut self, why: String) {
        self.progress.stop();
        self.broken = Some(why);
    }
}
