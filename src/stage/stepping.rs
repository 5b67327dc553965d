//! Going through the script: a step on, a step back, by itself, on another engine.

use std::time::Duration;

use super::keys::Action;
use super::layers::again::Errand;
use super::layers::losses::{Losses, losses_on};
use super::layers::{Browse, Layer, Question};
use super::message::Message;
use super::panes::pane::Link;
use super::script::Script;
use super::{BEING_SET_UP, Effect, EngineCount, Stage, words};
use crate::core::event::SessionName;
use crate::core::scenario::{EngineKind, Step};
use crate::run::Command;

impl Stage {
    pub(super) fn step(&mut self, now: Duration) -> Vec<Effect> {
        if self.course.is_opening() {
            self.say(format!("{BEING_SET_UP}; the step follows"));
            return vec![Effect::Ask(Command::Step)];
        }
        let Some(session) = self.course.next_step().map(|step| step.session.clone()) else {
            self.say_the_end();
            return Vec::new();
        };
        if self.course.progress.joins_the_step_on_its_way(now) {
            return Vec::new();
        }
        if let Some(why) = self.why_no_step() {
            self.course.progress.stop_playing();
            self.message = Some(Message::refusal(why).because_of(&session));
            return Vec::new();
        }
        self.watch(&session);
        self.course.expect_step(now);
        vec![Effect::Ask(Command::Step)]
    }

    pub(super) fn say_the_end(&mut self) {
        let restart = self.key(Action::Restart);
        let has_more = |script: &Script| !script.scenario().afterwards.is_empty();
        let more = self.course.script().filter(|script| has_more(script));
        let more = more.map(|_| format!(", {} explains it", self.key(Action::Story)));
        let more = more.unwrap_or_default();
        // It stands in the script's line of that step, which may be out of sight.
        let broken = self.course.script().map_or(0, |script| script.score().1);
        let broken = match broken {
            0 => String::new(),
            1 => format!("one line of the file is not so, {} shows it; ", self.key(Action::Browse)),
            count => format!(
                "{count} lines of the file are not so, {} shows which; ",
                self.key(Action::Browse)
            ),
        };
        self.say(format!("that was the last step; {broken}{restart} starts again{more}"));
    }

    /// What keeps the next step from being sent, in words.
    pub(super) fn why_no_step(&self) -> Option<String> {
        let Step { session, narration, .. } = self.course.next_step()?;
        let why = self.why_not_into(session)?;
        Some(format!("{why}, so \u{201c}{narration}\u{201d} has to wait"))
    }

    /// What keeps a session from taking a statement, in words.
    pub(super) fn why_not_into(&self, session: &SessionName) -> Option<String> {
        let pane = self.panes.of(session)?;
        match (&pane.waiting, pane.link) {
            (Some(waiting), _) => {
                let whom = words::blockers(&waiting.wait.blockers);
                Some(format!("{session} still waits for {whom}"))
            }
            (None, Link::Lost) => Some(format!("{session} has lost its connection")),
            (None, Link::Closed) => {
                Some(format!("{session} is closed; Enter in its pane reopens it"))
            }
            _ if pane.is_busy() => Some(format!("{session} is still busy")),
            _ => pane.repeats.map(|_| format!("{session} is repeating its query")),
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
        match self.course.destination() {
            0 => {
                self.say("this is already the beginning");
                Vec::new()
            }
            next => self.go_to(next - 1),
        }
    }

    pub(super) fn say_there_is_no_script(&mut self) {
        let pick = self.key(Action::PickScenario);
        self.say(format!("no script here: type into a session; {pick} picks a scenario"));
    }

    /// Back to the beginning. Where nothing but what was typed is played, that is asked about first
    /// if it would be lost.
    pub(super) fn start_again(&mut self) -> Vec<Effect> {
        let again = Effect::Ask(Command::GoTo(0));
        if self.ask_before_losing("Start again?", "start again", "Starting again", again) {
            return Vec::new();
        }
        self.restart()
    }

    /// Asks before open transactions are rolled back of which no script could play anything again;
    /// whether there is anything to ask.
    pub(super) fn ask_before_losing(
        &mut self,
        title: &'static str,
        yes: &'static str,
        doing: &str,
        effect: Effect,
    ) -> bool {
        if !self.course.has_no_script() {
            return false;
        }
        let words = losses_on(doing, &Losses::of(&[self]));
        let is_asked = !words.is_empty();
        if is_asked {
            let effects = vec![effect];
            self.layers.push(Layer::Question(Question { title, words, yes, no: "stay", effects }));
        }
        is_asked
    }

    pub(super) fn go_to(&mut self, step: usize) -> Vec<Effect> {
        if self.ask_before_again(Errand::Back(step)) {
            return Vec::new();
        }
        let command = Command::GoTo(step);
        self.course.expect(&command);
        vec![Effect::Ask(command)]
    }

    /// Opens the script to look through it, at the step that comes next.
    pub(super) fn browse(&mut self) {
        match self.course.script() {
            Some(script) => {
                let browse = Browse::at(script.next(), script.len());
                self.layers.push(Layer::Browse(browse));
            }
            None => self.say(BEING_SET_UP),
        }
    }

    /// Goes to where this step comes next: back from a fresh setup, or on, step by step.
    pub(super) fn jump(&mut self, step: usize, now: Duration) -> Vec<Effect> {
        let here = self.course.destination();
        if step < here {
            return self.go_to(step);
        }
        if self.course.progress.is_stepping() || step == here {
            let now = if step == here { "comes next already" } else { "waits for the step before" };
            self.say(format!("that step {now}"));
            return Vec::new();
        }
        let effects = self.step(now);
        self.course.progress.want_more(step - here - 1);
        effects
    }

    /// From one engine to both, or back to this one.
    pub(super) fn compare(&mut self) -> Vec<Effect> {
        let joins = self.engines == EngineCount::One && self.course.engine.alone().is_none();
        if joins && self.ask_before_again(Errand::Compare) {
            return Vec::new();
        }
        vec![Effect::Compare]
    }

    /// Asks before something that does again what was committed outside the run's schema; whether
    /// there is anything to ask.
    fn ask_before_again(&mut self, errand: Errand) -> bool {
        let question = self.course.question(errand);
        let is_asked = question.is_some();
        self.layers.extend(question.map(Layer::Question));
        is_asked
    }

    /// From the engine where people wait to the one where COMMIT refuses, or back.
    pub(super) fn switch_engine(&mut self) -> Vec<Effect> {
        if let Some(why) = self.course.engine.alone() {
            self.refuse(why);
            return Vec::new();
        }
        let kind = match self.course.engine.ahead() {
            Some(EngineKind::Postgres) => EngineKind::Optimistic,
            Some(EngineKind::Optimistic) => EngineKind::Postgres,
            Some(_) => {
                self.refuse(
                    "the optimistic engine needs PostgreSQL behind it, and this server is not \
                     PostgreSQL",
                );
                return Vec::new();
            }
            None => return Vec::new(),
        };
        let switch = Effect::Ask(Command::Switch(kind));
        if self.ask_before_losing("Switch?", "switch", "Switching", switch)
            || self.ask_before_again(Errand::Switch(kind))
        {
            return Vec::new();
        }
        let more = self.course.progress.more();
        self.course.expect(&Command::Switch(kind));
        if self.course.script.as_ref().is_some_and(|script| !script.scenario().is_for(kind)) {
            self.say(format!("this scenario is not written for {}", words::engine(kind)));
        }
        // Whoever has asked for more steps than one still wants them, on the other engine.
        let steps = std::iter::repeat_n(Effect::Ask(Command::Step), more);
        std::iter::once(Effect::Ask(Command::Switch(kind))).chain(steps).collect()
    }

    pub(super) fn auto_play(&mut self, now: Duration) -> Vec<Effect> {
        self.course.progress.play_at(now);
        self.say("playing; any key stops it");
        self.tick(now)
    }

    /// Lets time pass: auto-play sends a step when its moment has come.
    pub fn tick(&mut self, now: Duration) -> Vec<Effect> {
        if self.course.progress.is_due(now) { self.play_on(now) } else { Vec::new() }
    }

    fn play_on(&mut self, now: Duration) -> Vec<Effect> {
        let Some(script) = &self.course.script else {
            self.course.progress.play_at(now + self.setting.pace);
            return Vec::new();
        };
        self.course.progress.stop_playing();
        if script.is_over() {
            self.say_the_end();
            return Vec::new();
        }
        let effects = self.step(now);
        self.course.progress.play_after_step();
        effects
    }

    /// The run is quiet: what was asked for meanwhile is due.
    pub(super) fn became_quiet(&mut self, now: Duration) -> Vec<Effect> {
        let more = self.course.progress.became_quiet(self.course.next(), now, self.setting.pace);
        if more == 0 {
            return Vec::new();
        }
        let effects = self.step(now);
        self.course.progress.want_more(more - 1);
        effects
    }
}
