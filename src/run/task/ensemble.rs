//! The participants of one setup and the observer's answers about them, all behind channels.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::questions;
use super::turn::Turn;
use crate::core::event::{Event, SessionName};
use crate::observer::Observer;
use crate::run::engines::{GuardedTarget, OpenEngine};
use crate::run::etcd_source::EtcdSource;
use crate::run::machine::input::Input;
use crate::run::machine::output::{Demand, Newcomer, Question, Role};
use crate::run::participant::Participant;
use crate::run::session::etcd::{Claims, EtcdSessionOptions};
use crate::run::session::{Session, SessionOptions};

/// How many events may be on their way before participants have to wait for the run.
pub(super) const EVENTS_QUEUED: usize = 1024;

/// Everybody who takes part.
pub(super) struct Ensemble {
    clock: Instant,
    participants: BTreeMap<SessionName, Box<dyn Participant>>,
    /// What those hold who speak to etcd.
    claims: Claims,
    events_out: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
    answers: Channel,
    observations: Channel,
    /// Of answers and observations, among events.
    answers_turn: Turn,
}

/// What tasks of their own bring back.
struct Channel {
    out: mpsc::UnboundedSender<Input>,
    inputs: mpsc::UnboundedReceiver<Input>,
}

impl Channel {
    fn new() -> Self {
        let (out, inputs) = mpsc::unbounded_channel();
        Self { out, inputs }
    }

    /// Brings back what this task gives.
    fn bring(&self, task: impl Future<Output = Input> + Send + 'static) {
        let out = self.out.clone();
        tokio::spawn(async move { out.send(task.await) });
    }

    /// What is there already.
    fn ready(&mut self) -> Option<Input> {
        self.inputs.try_recv().ok()
    }

    async fn next(&mut self) -> Input {
        // It never ends: we hold the other end ourselves.
        match self.inputs.recv().await {
            Some(input) => input,
            None => pending().await,
        }
    }
}

impl Ensemble {
    /// Nobody yet. Events are counted from this moment.
    pub(super) fn new(clock: Instant) -> Self {
        let (events_out, events) = mpsc::channel(EVENTS_QUEUED);
        let (answers, observations) = (Channel::new(), Channel::new());
        Self {
            clock,
            participants: BTreeMap::new(),
            claims: Claims::default(),
            events_out,
            events,
            answers,
            observations,
            answers_turn: Turn::default(),
        }
    }

    /// One more, an own session, connecting.
    pub(super) fn join(&mut self, newcomer: Newcomer, engine: &OpenEngine, etcd: &EtcdSource) {
        let Newcomer { name, application, prelude, role } = newcomer;
        let GuardedTarget { target, guardian } = match role {
            Role::Player => engine.session_target(),
            Role::Person(_) => engine.person_target(),
            Role::Runner => engine.direct_target(),
            Role::Etcd => return self.join_etcd(name, etcd),
        };
        let options = SessionOptions {
            name: name.clone(),
            application,
            target,
            prelude,
            clock: self.clock,
            guardian,
        };
        let session = Session::start(options, self.events_out.clone());
        self.participants.insert(name, Box::new(session));
    }

    fn join_etcd(&mut self, name: SessionName, source: &EtcdSource) {
        let (source, claims) = (source.clone(), self.claims.clone());
        let options = EtcdSessionOptions { name: name.clone(), source, claims, clock: self.clock };
        let session = Session::start_etcd(options, self.events_out.clone());
        self.participants.insert(name, Box::new(session));
    }

    /// Asks something of one of them.
    pub(super) fn ask(&mut self, name: SessionName, demand: Demand) {
        if matches!(demand, Demand::Release) {
            return self.release(name);
        }
        let Some(participant) = self.participants.get(&name) else { return };
        match demand {
            Demand::Submit(submission) => participant.submit(submission),
            Demand::TellLoss(submission) => participant.tell_loss(submission),
            Demand::Cancel => participant.cancel(),
            Demand::Reconnect => participant.reconnect(),
            Demand::Revive(submission) => participant.revive(submission),
            Demand::Hear(epoch) => {
                // Asked here, so that it stands in the session's queue in front of the next demand;
                // only the waiting is done elsewhere.
                let heard = participant.hear();
                self.answers.bring(async move {
                    heard.await;
                    Input::Heard(name, epoch)
                });
            }
            Demand::Silence => {
                let silence = participant.silence();
                self.answers.bring(async move { Input::Silent(name, silence.await) });
            }
            Demand::Release => {}
        }
    }

    fn release(&mut self, name: SessionName) {
        let Some(participant) = self.participants.remove(&name) else { return };
        let released = participant.release();
        self.answers.bring(async move {
            released.await;
            Input::Released(name)
        });
    }

    /// Asks the observer.
    pub(super) fn observe(&self, question: Question, observer: Arc<Observer>) {
        self.observations.bring(questions::ask(question, observer, self.claims.clone()));
    }

    /// The next thing that happens to one of them, or is answered by one, or by the observer. What
    /// has happened comes before what was seen of it.
    pub(super) async fn next(&mut self) -> Input {
        let Self { events, answers, observations, answers_turn, .. } = self;
        let is_answered = !answers.inputs.is_empty() || !observations.inputs.is_empty();
        if answers_turn.has_come(is_answered)
            && let Some(input) = answers.ready().or_else(|| observations.ready())
        {
            return input;
        }
        tokio::select! {
            biased;
            Some(event) = events.recv() => Input::Event(event),
            input = answers.next() => input,
            input = observations.next() => input,
        }
    }
}

#[cfg(test)]
mod tests;
