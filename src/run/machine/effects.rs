//! What one step of the machine brings about, and the moment in which it happens.

use std::time::Duration;

use super::output::{Demand, EngineRequest, Output};
use crate::core::event::{Event, Kind, SessionName};
use crate::run::{Command, Report};

/// Collects what is to be done, in this order. The moment stands still during a step.
#[derive(Debug)]
pub(crate) struct Effects {
    now: Duration,
    outputs: Vec<Output>,
}

impl Effects {
    /// None yet, at this moment since the run's begin.
    pub(crate) fn at(now: Duration) -> Self {
        Self { now, outputs: Vec::new() }
    }

    /// The moment, counted as [`Event::at`] is.
    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    /// How long that was ago.
    pub(crate) fn since(&self, then: Duration) -> Duration {
        self.now.saturating_sub(then)
    }

    /// What comes next is to be done.
    pub(crate) fn put(&mut self, output: Output) {
        self.outputs.push(output);
    }

    /// Asks something of the engine.
    pub(crate) fn engine(&mut self, request: EngineRequest) {
        self.put(Output::Engine(request));
    }

    /// Asks something of a session.
    pub(crate) fn ask(&mut self, session: &SessionName, demand: Demand) {
        self.put(Output::Ask(session.clone(), demand));
    }

    /// Tells the driver.
    pub(crate) fn report(&mut self, report: Report) {
        self.put(Output::Report(report));
    }

    /// Tells the driver that what it wanted is not done, and why.
    pub(crate) fn refuse(&mut self, why: impl Into<String>) {
        self.report(Report::Refused { session: None, why: why.into() });
    }

    /// Tells the driver that this command is not carried out, and why: what was to be sent is known
    /// to be in nobody's hands.
    pub(crate) fn refuse_command(&mut self, command: &Command, why: impl Into<String>) {
        let session = match command {
            Command::Submit { session, .. }
            | Command::AddPerson(session)
            | Command::GivePane(session) => Some(session.clone()),
            _ => None,
        };
        self.report(Report::Refused { session, why: why.into() });
    }

    /// Tells the driver something in words.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        let note = self.event(None, Kind::Note(text.into()));
        self.report(Report::Event(note));
    }

    /// An event of this moment.
    pub(crate) fn event(&self, session: Option<SessionName>, kind: Kind) -> Event {
        Event { at: self.now, session, kind }
    }

    /// All that is to be done.
    pub(crate) fn into_outputs(self) -> Vec<Output> {
        self.outputs
    }
}
