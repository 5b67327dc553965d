//! What a run decides with: a machine without a clock, a socket or a task of its own.
//!
//! ```text
//!            Input                                          Output
//!  driver ── Command, Left ─────────▶ ┌─────────┐ ──▶ Report ──────────────────────▶ driver
//!  sessions  Event, Heard, Silent ──▶ │ Machine │ ──▶ Join, Ask: Submit, Cancel … ─▶ sessions
//!  observer  Observation, Missing ──▶ │  step   │ ──▶ Observe, Watch ──────────────▶ observer
//!  engine ── EngineOpened, News … ──▶ │         │ ──▶ OpenEngine, MakeSchema … ────▶ engine
//!  clock ─── Due ───────────────────▶ └─────────┘ ──▶ due(): when to be woken
//! ```
//!
//! One input at a time goes in, with the moment at which it came; what is to be done comes out, in
//! order. [`Task`](super::task::Task) feeds the machine in a run. In its tests a text file does
//! (`machine/scripts`): there a row lock waits, a server dies in the middle of a step, and a
//! teardown never ends, all without a server.
//!
//! # Phases
//!
//! ```text
//!            ┌───────────────────────────────────────────────┐  GoTo, Open, Switch
//!            ▼                                               │
//!  Opening ──────▶ Playing ──▶ Closing ──▶ Resting ──────────┘
//!     │  failed or overtaken    ▲   │          ▲ │
//!     └─────────────────────────┘   └──────────┘ └──▶ ClosingEngine ──▶ Ended  driver left
//! ```
//!
//! Commands wait in [`Orders`] while something is being opened or closed; one that wants another
//! setup overtakes the one that is under way.

use std::sync::Arc;
use std::time::Duration;

pub(crate) mod actor;
mod ahead;
mod alias;
mod answer;
mod cast;
mod effects;
mod errands;
mod failure;
mod hearing;
mod hold;
pub(crate) mod input;
pub(crate) mod lasting;
pub(crate) mod live_run;
pub(crate) mod names;
mod observation_scheduler;
mod opening;
mod orders;
pub(crate) mod output;
mod pause;
mod play;
mod private;
pub(crate) mod quiet;
mod reported;
mod schedule_position;
mod session_setup;
pub(crate) mod teardown;
mod watch;

use crate::run::{Command, Production};
use effects::Effects;
use input::Input;
use live_run::LiveRun;
use opening::Opening;
use orders::Orders;
use output::{EngineRequest, Output};
use play::{Play, Scene};
use teardown::{Teardown, Then};

/// How the schemas of runs are called: `overbooked_run_xxxxxxxx`.
pub(crate) const SCHEMA_PREFIX: &str = "overbooked_run";

/// A run's decisions.
#[derive(Debug)]
pub(crate) struct Machine {
    phase: Phase,
    orders: Orders,
    play: Play,
    /// What is set up, from the runner's first connection to the dropping of the schema. It is
    /// changed in place, so that a defect of ours leaves something that can be tidied up.
    live: Option<Box<LiveRun>>,
}

/// What a run is about.
#[derive(Debug)]
enum Phase {
    /// Nothing is set up.
    Resting,
    /// A fresh setup is under way.
    Opening(Opening),
    /// Steps can be played.
    Playing,
    /// The setup is being taken down.
    Closing(Teardown),
    /// The engine is being left for good.
    ClosingEngine,
    /// Nothing more will happen.
    Ended,
}

impl Machine {
    /// Of this production. Nothing happens before [`Input::Begin`].
    pub(crate) fn new(production: Arc<Production>) -> Self {
        let play = Play::new(production);
        let (orders, phase) = (Orders::default(), Phase::Resting);
        Self { phase, orders, play, live: None }
    }

    /// Takes in what has happened at this moment since the run's begin; gives what is to be done.
    pub(crate) fn step(&mut self, now: Duration, input: Input) -> Vec<Output> {
        let mut fx = Effects::at(now);
        match input {
            Input::Begin => self.open(&mut fx),
            Input::Command(command) => self.orders.push(command),
            Input::Left => self.leave(),
            input => self.take(input, &mut fx),
        }
        // Any input may be what a command has waited for: the engine that has opened, the server
        // that lives again, the teardown that is over.
        self.obey_orders(&mut fx);
        fx.into_outputs()
    }

    /// When something is due that nobody else brings about: [`Input::Due`] is to come then.
    pub(crate) fn due(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Opening(opening) => opening.due(),
            Phase::Playing => self.live.as_ref()?.due(),
            Phase::Closing(teardown) => Some(teardown.due()),
            Phase::Resting | Phase::ClosingEngine | Phase::Ended => None,
        }
    }

    /// Whether steps can be played.
    pub(crate) fn is_playing(&self) -> bool {
        matches!(self.phase, Phase::Playing)
    }

    /// Whether nothing more will happen.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    fn take(&mut self, input: Input, fx: &mut Effects) {
        match &mut self.phase {
            Phase::Opening(_) => self.open_further(input, fx),
            Phase::Playing => {
                let Some(live) = &mut self.live else { return };
                let scene = self.play.take(input, live, fx);
                self.leave_if(scene, fx);
            }
            Phase::Closing(teardown) => {
                let Some(live) = &mut self.live else { return };
                teardown.take(input, live, fx);
                self.finish_closing(fx);
            }
            Phase::ClosingEngine if matches!(input, Input::EngineClosed) => {
                self.phase = Phase::Ended;
            }
            // What comes here comes late: a session that did not leave in time, a question that was
            // on its way when the schema went.
            Phase::Resting | Phase::ClosingEngine | Phase::Ended => {}
        }
    }

    fn leave_if(&mut self, scene: Scene, fx: &mut Effects) {
        if scene == Scene::Ruined {
            self.close(Then::Rest, fx);
        }
    }

    /// The driver has left. What is being taken down is now taken down for good, and no answer that
    /// is still awaited holds that up.
    fn leave(&mut self) {
        self.orders.abandon();
        self.play.stop_waiting();
        if let Phase::Closing(teardown) = &mut self.phase {
            teardown.lead_to_the_end();
        }
    }

    /// Takes down what is set up.
    fn close(&mut self, then: Then, fx: &mut Effects) {
        let Some(live) = &mut self.live else { return };
        self.play.stop_waiting();
        // What was asked before the driver left is still obeyed, in its order. A `GoTo` among that
        // must not set up what nobody will see.
        let then = if self.orders.is_abandoned() { then.for_good() } else { then };
        self.phase = Phase::Closing(Teardown::begin(live, then, fx));
    }

    fn finish_closing(&mut self, fx: &mut Effects) {
        let Phase::Closing(teardown) = &self.phase else { return };
        if !teardown.is_over() {
            return;
        }
        let then = teardown.then().clone();
        self.phase = Phase::Resting;
        self.live = None;
        match then {
            Then::Forget | Then::Rest => {}
            Then::Break(reason) => self.play.break_off(reason, fx),
            Then::Reopen => self.open(fx),
            Then::End => self.close_engine(fx),
        }
    }

    fn close_engine(&mut self, fx: &mut Effects) {
        fx.engine(EngineRequest::Close);
        self.phase = Phase::ClosingEngine;
    }

    /// Obeys every command whose time has come.
    fn obey_orders(&mut self, fx: &mut Effects) {
        loop {
            match &self.phase {
                Phase::Opening(_) => {
                    if !self.overtake(fx) {
                        return;
                    }
                }
                // With nothing set up, what is still in the queue could only be refused, or would
                // begin with a setup that nobody sees.
                Phase::Resting if self.orders.is_abandoned() => self.close_engine(fx),
                // A step that is asked for right after a reconnect must find the session
                // connecting, and wait for that. Obeyed before the server is known to live, it
                // would itself connect to a dead one.
                Phase::Resting | Phase::Playing if !self.play.is_waiting() => {
                    match self.orders.next() {
                        Some(command) => self.obey(command, fx),
                        None if self.orders.is_abandoned() => self.close(Then::End, fx),
                        None => return,
                    }
                }
                _ => return,
            }
        }
    }

    fn obey(&mut self, command: Command, fx: &mut Effects) {
        // Where a `Switch` has overtaken a setup nothing is set up, and steps may stand in the
        // queue in front of that `Switch`: they are meant for the setup that it will bring.
        let is_between = self.live.is_none() && self.orders.has_another_setup();
        let Some(command) = self.play.consented(command, fx) else { return };
        let playing = Arc::clone(self.play.production());
        match (command, &mut self.live) {
            (Command::GoTo(step), _) => self.replay(step, fx),
            (Command::Open(scenario), _) => self.change(Production::of(scenario, &playing), fx),
            (Command::OpenOn(scenario, engine), _) => {
                let like = Production { engine, ..(*playing).clone() };
                self.change(Production::of(scenario, &like), fx);
            }
            (Command::Switch(engine), _) => {
                let until = self.play.switch(engine);
                self.replay(until, fx);
            }
            (Command::Step, None) if is_between => self.play.ask_later(None),
            (Command::StepEdited(sql), None) if is_between => self.play.ask_later(Some(sql)),
            (command, None) if is_between => {
                fx.refuse_command(&command, "setting up the scenario again");
            }
            (command, None) => fx.refuse_command(&command, "the setup has failed; F8 tries again"),
            (command, Some(live)) => {
                self.play.obey(command, live, fx);
                let scene = self.play.react(Vec::new(), live, fx);
                self.leave_if(scene, fx);
            }
        }
    }

    /// Another scenario, or the same on another engine, from its beginning.
    fn change(&mut self, production: Production, fx: &mut Effects) {
        self.play.change(production);
        self.replay(0, fx);
    }

    /// A fresh setup, and the steps so far.
    fn replay(&mut self, until: usize, fx: &mut Effects) {
        self.play.replay_until(until, fx);
        if self.live.is_some() {
            self.close(Then::Reopen, fx);
        } else {
            self.open(fx);
        }
    }
}

#[cfg(test)]
mod scripts;
