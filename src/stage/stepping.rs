//! Going through the script: a step on, a step back, by itself, on another engine.

use std::time::Duration;

use super::keys::Action;
use super::layers::again::{self, Errand};
use super::layers::{Layer, Question};
use super::message::Message;
use super::panes::pane::Link;
use super::script::Script;
use super::{BEING_SET_UP, Effect, EngineCount, Stage, words};
use crate::core::event::SessionName;
use crate::core::scenario::EngineKind;
use crate::run::Command;

impl Stage {
    pub(super) fn step(&mut self, now: Duration) -> Vec<Effect> {
        if self.script.is_none() && self.broken.is_none() {
            self.say(format!("{BEING_SET_UP}; then comes the step"));
            return vec![Effect::Ask(Command::Step)];
        }
        let Some((session, _)) = self.next_session() else {
            self.say_the_end();
            return Vec::new();
        };
        if self.progress.joins_the_step_on_its_way(now) {
            return Vec::new();
        }
        if let Some(why) = self.why_no_step() {
            self.progress.stop_playing();
            self.message = Some(Message::refusal(why).because_of(&session));
            return Vec::new();
        }
        self.watch(&session);
        self.expect_step(now);
        vec![Effect::Ask(Command::Step)]
    }

    pub(super) fn say_the_end(&mut self) {
        let restart = self.key(Action::Restart);
        self.say(format!("that was the last step; {restart} starts again"));
    }

    /// A step is on its way from now on.
    pub(super) fn expect_step(&mut self, now: Duration) {
        self.progress.expect_step(self.next(), now);
    }

    /// Where the play stands, or will once the replay that is under way has ended.
    pub(super) fn destination(&self) -> usize {
        self.progress.destination(self.next())
    }

    /// The same once the steps that were asked for have been played too.
    fn destination_after_steps(&self) -> usize {
        let last = self.script.as_ref().map_or(0, Script::len);
        self.progress.destination_after_steps(self.next(), last)
    }

    /// What keeps the next step from being sent, in words.
    pub(super) fn why_no_step(&self) -> Option<String> {
        let (session, narration) = self.next_session()?;
        let why = self.why_not_into(&session)?;
        Some(format!("{why}, so \u{201c}{narration}\u{201d} has to wait"))
    }

    fn next_session(&self) -> Option<(SessionName, String)> {
        let step = self.script.as_ref()?.next_step()?;
        Some((step.session.clone(), step.narration.clone()))
    }

    /// What keeps a session from taking a statement, in words.
    pub(super) fn why_not_into(&self, session: &SessionName) -> Option<String> {
        let pane = self.panes.of(session)?;
        match (&pane.waiting, pane.link) {
            (Some(waiting), _) => {
                let whom = words::blockers(&waiting.wait.blockers);
                Some(format!("{session} still waits for {whom}"))
            }
            (None, Link::Lost) => Some(format!("{session} has lost the connection")),
            (None, Link::Closed) => {
                let restart = self.key(Action::Restart);
                Some(format!("{session} has left ({restart} starts again with everybody)"))
            }
            _ => pane.is_busy().then(|| format!("{session} is still busy")),
        }
    }

    /// Turns to the session in which something is about to happen, unless somebody is typing
    /// elsewhere.
    fn watch(&mut self, session: &SessionName) {
        if self.panes.focused().is_none_or(|pane| pane.editor.is_empty()) {
            self.panes.focus_on_session(session);
        }
    }

    pub(super) fn step_back(&mut self) -> Vec<Effect> {
        match self.destination() {
            0 => {
                self.say("this is the beginning");
                Vec::new()
            }
            next => self.go_to(next - 1),
        }
    }

    pub(super) fn go_to(&mut self, step: usize) -> Vec<Effect> {
        if self.ask_before_again(Errand::Back(step)) {
            return Vec::new();
        }
        let command = Command::GoTo(step);
        self.expect(&command);
        vec![Effect::Ask(command)]
    }

    /// From one engine to both, or back to this one.
    pub(super) fn compare(&mut self) -> Vec<Effect> {
        let joins = self.engines == EngineCount::One && self.engine.alone().is_none();
        if joins && self.ask_before_again(Errand::Compare) {
            return Vec::new();
        }
        vec![Effect::Compare]
    }

    /// Asks before something that does again what was committed outside the run's schema; whether
    /// there is anything to ask.
    fn ask_before_again(&mut self, errand: Errand) -> bool {
        let until = self.destination_after_steps();
        let question: Option<Question> = again::question(&self.lasting, errand, until);
        let is_asked = question.is_some();
        self.layers.extend(question.map(Layer::Question));
        is_asked
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
            _ => {}
        }
    }

    /// From the engine where people wait to the one where COMMIT refuses, or back.
    pub(super) fn switch_engine(&mut self) -> Vec<Effect> {
        if let Some(why) = self.engine.alone() {
            self.refuse(why);
            return Vec::new();
        }
        let kind = match self.engine.ahead() {
            Some(EngineKind::Postgres) => EngineKind::Optimistic,
            Some(EngineKind::Optimistic) => EngineKind::Postgres,
            Some(_) => {
                self.refuse(
                    "the optimistic engine stands in front of a PostgreSQL, and this is none",
                );
                return Vec::new();
            }
            None => return Vec::new(),
        };
        if self.ask_before_again(Errand::Switch(kind)) {
            return Vec::new();
        }
        let more = self.progress.more();
        self.expect(&Command::Switch(kind));
        if self.script.as_ref().is_some_and(|script| !script.scenario().is_for(kind)) {
            self.say(format!("this scenario is not meant for {}", words::engine(kind)));
        }
        // Whoever has asked for more steps than one still wants them, on the other engine.
        let steps = std::iter::repeat_n(Effect::Ask(Command::Step), more);
        std::iter::once(Effect::Ask(Command::Switch(kind))).chain(steps).collect()
    }

    pub(super) fn auto_play(&mut self, now: Duration) -> Vec<Effect> {
        self.progress.play_at(now);
        self.say("playing; any key stops");
        self.tick(now)
    }

    /// Lets time pass: auto-play sends a step when its moment has come.
    pub fn tick(&mut self, now: Duration) -> Vec<Effect> {
        if self.progress.is_due(now) { self.play_on(now) } else { Vec::new() }
    }

    fn play_on(&mut self, now: Duration) -> Vec<Effect> {
        let Some(script) = &self.script else {
            self.progress.play_at(now + self.setting.pace);
            return Vec::new();
        };
        self.progress.stop_playing();
        if script.is_over() {
            self.say_the_end();
            return Vec::new();
        }
        let effects = self.step(now);
        self.progress.play_after_step();
        effects
    }

    /// The run is quiet: what was asked for meanwhile is due.
    pub(super) fn became_quiet(&mut self, now: Duration) -> Vec<Effect> {
        let more = self.progress.became_quiet(self.next(), now, self.setting.pace);
        if more == 0 {
            return Vec::new();
        }
        let effects = self.step(now);
        self.progress.want_more(more - 1);
        effects
    }
}
