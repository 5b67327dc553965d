//! What is still to come without anybody's doing: what the file expects, pauses, and
//! what is to be told of them.

use std::collections::VecDeque;
use std::time::Duration;

use super::effects::Effects;
use super::hold::Hold;
use super::input::EngineFacts;
use super::output::earliest;
use super::pause::Pause;
use crate::core::event::{Event, SubmissionId};
use crate::core::scenario::check::Check;
use crate::run::Production;

#[derive(Debug)]
pub(crate) struct Ahead {
    /// What the file says, and what of it has come.
    check: Check,
    hold: Hold,
    /// The pause that is being made.
    pause: Option<Pause>,
    /// What is told of nobody's doing, in its turn.
    own_events: VecDeque<Event>,
}

impl Ahead {
    /// Of a production of which nothing has been played, on this engine.
    pub(crate) fn of(production: &Production, on: &EngineFacts) -> Self {
        let level = production.isolation(on.kind, on.isolation);
        let check = Check::new(&production.scenario, &production.schedule, on.kind, level);
        Self { check, hold: Hold::default(), pause: None, own_events: VecDeque::new() }
    }

    /// What the file says, and what of it has come.
    pub(crate) fn check(&self) -> &Check {
        &self.check
    }

    /// Takes in what has come.
    pub(crate) fn apply(&mut self, event: &Event) {
        self.check.apply(event);
    }

    /// What the file expects of waits is judged by what is told of them.
    pub(crate) fn apply_all(&mut self, events: &[Event]) {
        for event in events {
            self.apply(event);
        }
    }

    /// Something was sent: what was held back so far is history.
    pub(crate) fn renew(&mut self) {
        self.hold = Hold::default();
    }

    /// Whether the quiet has to wait for something that comes by itself.
    pub(crate) fn holds_back(&mut self, now: Duration) -> bool {
        let is_pausing = self.pause.is_some() || !self.own_events.is_empty();
        // In this order, because a hold begins to count when it is asked: not during a pause, which
        // ends by itself, and not where nothing is expected. A pause whose end is not told yet goes
        // on.
        is_pausing || self.check.awaits() && self.hold.hold(now)
    }

    /// Something is to be told in its turn.
    pub(crate) fn tell_in_turn(&mut self, event: Event) {
        self.own_events.push_back(event);
    }

    /// Lets time pass, as a step of its own.
    pub(crate) fn make_pause(
        &mut self,
        submission: SubmissionId,
        length: Duration,
        launch: usize,
        fx: &Effects,
    ) {
        let pause = Pause::begin(submission, length, fx.now());
        self.own_events.push_back(pause.beginning(launch, fx.now()));
        self.pause = Some(pause);
    }

    /// Ends the pause that is being made, and what holds back the quiet, if their time has come.
    /// What is due must not stay due, or the machine would be woken again and again.
    pub(crate) fn end_what_is_over(&mut self, now: Duration) {
        self.hold.end(now);
        if let Some(pause) = self.pause.take_if(|pause| pause.is_over(now)) {
            self.own_events.push_back(pause.ending(now));
        }
    }

    /// What is to be told next of nobody's doing.
    pub(crate) fn next_own_event(&mut self) -> Option<Event> {
        self.own_events.pop_front()
    }

    /// When something of this is due.
    pub(crate) fn due(&self) -> Option<Duration> {
        earliest([self.hold.due(), self.pause.as_ref().map(Pause::end)])
    }
}
