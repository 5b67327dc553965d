//! What the machine wants done, in this order: whoever feeds it does it, and brings the answers
//! back as [`Input`](super::input::Input)s.

use std::time::Duration;

use super::quiet::Blocked;
use crate::core::event::{Pid, SessionName};
use crate::core::scenario::EngineKind;
use crate::observer::{Pulse, Watch};
use crate::run::participant::Submission;
use crate::run::{Report, Untidy};

/// Something to be done.
#[derive(Debug)]
pub(crate) enum Output {
    /// Tell the driver.
    Report(Report),
    /// Tell whoever waits for the end what cannot be tidied up.
    Untidy(Untidy),
    /// Ask something of the engine.
    Engine(EngineRequest),
    /// Watch these tables from now on: a fresh setup begins, and nobody takes part in it yet.
    Watch(Watch),
    /// Watch these tables from now on, as everything goes on.
    WatchAlso(Watch),
    /// One more session. What happens to it comes as `Event`s.
    Join(Newcomer),
    /// Ask something of a session.
    Ask(SessionName, Demand),
    /// Ask the observer. Answered by `Observation` or `Missing`.
    Observe(Question),
}

/// What is asked of the engine, and of the server under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EngineRequest {
    /// Go to the engine of that kind, unless that is where we are; a server of ours that has died
    /// is started again. Answered by `EngineOpened`.
    Open(EngineKind),
    /// Start a server of ours again if it has died. Answered by `Revived`.
    Revive,
    /// Leave the engine for good. Answered by `EngineClosed`.
    Close,
    /// Make the run's schema. Answered by `SchemaMade`.
    MakeSchema,
    /// Drop it. Answered by `SchemaDropped`.
    DropSchema,
    /// End a backend that does not let itself be cancelled. Answered by `BackendEnded`.
    EndBackend(Pid),
    /// Cancel what a guest's backend does. Its client is answered for it, and nobody else.
    CancelBackend(Pid),
    /// Say that this run is silent, and wait for those that end together with it. Answered by
    /// `OthersSilent`.
    AwaitOthers,
    /// Nobody waits any more for what was asked: its answers must not come.
    GiveUp,
}

/// A session that is to connect.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) name: SessionName,
    /// Its `application_name`.
    pub(crate) application: String,
    /// SQL that every connection of it begins with, in silence.
    pub(crate) prelude: Vec<String>,
    /// By which way it comes.
    pub(crate) role: Role,
}

/// Where a session connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// To the engine that is played on.
    Player,
    /// The same, as somebody who can do nothing but book here.
    Person(Booking),
    /// To the server under it: it sets up and looks at the end.
    Runner,
    /// To etcd, beside the engine.
    Etcd,
}

/// Where somebody in the room can book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Booking {
    pub(crate) schema: String,
    /// As the scenario names it.
    pub(crate) table: String,
}

/// What is asked of a session.
#[derive(Debug)]
pub(crate) enum Demand {
    Submit(Submission),
    /// Tell that SQL was sent and is lost, because the connection was before.
    TellLoss(Submission),
    /// Cancel what is in flight.
    Cancel,
    Reconnect,
    /// Connect anew, and send this; tell that it is lost where that cannot be.
    Revive(Submission),
    /// Hear what the server has to say to an idle session. Answered by `Heard` with this epoch.
    Hear(u64),
    /// Send nothing more, and cancel what is in flight until it is answered. Answered by `Silent`.
    Silence,
    /// Leave. Answered by `Released`.
    Release,
}

/// A question to the observer.
#[derive(Debug)]
pub(crate) enum Question {
    /// Who is in whose way.
    Blocked {
        /// Among these backends.
        busy: Vec<Pid>,
        /// Whoever is none of these is a stranger.
        connected: Vec<Pid>,
        /// Which of these have begun with their statement?
        to_run: Vec<Pid>,
        /// The run's epoch, for the answer.
        epoch: u64,
    },
    /// Who waits for what, in words.
    Waits {
        /// Who is who.
        roster: Vec<(SessionName, Pid)>,
        /// What the question is about, for the answer.
        blocked: Vec<Blocked>,
        strangers: Vec<Pid>,
        epoch: u64,
    },
    /// What the watched tables look like.
    WatchedTables {
        /// Who is who.
        roster: Vec<(SessionName, Pid)>,
        /// How closely to look.
        depth: Depth,
        /// The pulse that was felt last.
        last: Option<Pulse>,
    },
    /// Which of the watched tables are not there.
    Missing,
    /// What makes tables like the watched ones. Answered by `TableCopies`.
    TableCopies,
}

/// How closely to look at the watched tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Look at them.
    WatchedTables,
    /// Feel their pulse, and look only if that has changed.
    IfPulseChanged,
}

/// The earliest of these.
pub(crate) fn earliest<const N: usize>(all: [Option<Duration>; N]) -> Option<Duration> {
    all.into_iter().flatten().min()
}
