//! Plays a scenario's steps on sessions.
//!
//! A run is a task: [`Command`]s go in, [`Report`]s come out. Who drives it (a key, the file, every order, a clock) is
//! nothing to it.

use std::sync::Arc;

use crate::event::{Event, SessionName};
use crate::scenario::{EngineKind, Isolation, Scenario};

/// What a driver can ask of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send the next step of the schedule into its session.
    Step,
    /// Send the next step, but with this SQL in the place of the file's.
    StepEdited(String),
    /// Send typed SQL.
    Submit {
        /// Into which session.
        session: SessionName,
        /// What.
        sql: String,
    },
    /// Cancel what the session runs or waits for.
    Cancel(SessionName),
    /// Connect the session anew.
    Reconnect(SessionName),
    /// Close the session for good.
    Close(SessionName),
    /// One more session; a name is made where none is given.
    AddSession(Option<SessionName>),
    /// Replay from a fresh setup until this many steps of the schedule are played: F6 (one less), F8 (none).
    GoTo(usize),
    /// Leave this scenario and open another (F3).
    Open(Arc<Scenario>),
    /// Go on with another engine: a fresh setup there, replayed to the same step (F2).
    Switch(EngineKind),
}

/// What a run tells its driver.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// Everything starts from a fresh setup; what was folded so far is history.
    Fresh(Fresh),
    /// One more session, the last in screen order, has joined.
    Joined(SessionName),
    /// A fact. Events of no session (`session: None`) with `Sent`, `Rows`, `Done` and the like are those of the runner's own
    /// connection, which looks at the scenario's `finally` part after the last step.
    Event(Event),
    /// The schedule's next step (an index into its launches), after every move; equal to their number at the end.
    Next(usize),
    /// A command was not carried out, and why: `Mallory still waits for Bob`.
    Refused(String),
    /// The engine is gone or a setup failed: the run cannot go on without a fresh setup (`GoTo`, `Open`, `Switch`).
    Broken(String),
}

/// What a fresh setup looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct Fresh {
    /// What is played.
    pub scenario: Arc<Scenario>,
    /// Which of its schedules.
    pub schedule: usize,
    /// On which engine.
    pub engine: EngineLine,
    /// The sessions, in screen order.
    pub sessions: Vec<SessionName>,
}

/// The engine as the console's first line names it: `PostgreSQL 15.20 · embedded · read committed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineLine {
    /// Its kind: the expectations that hold here.
    pub kind: EngineKind,
    /// Its product and version: `PostgreSQL 15.20`.
    pub product: String,
    /// Where it is: `embedded`, or host and database.
    pub place: String,
    /// The isolation level that transactions get.
    pub isolation: Isolation,
}
