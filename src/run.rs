//! Plays a scenario's steps on sessions.
//!
//! A run is a task: [`Command`]s go in, [`Report`]s come out. Who drives it (a key, the file, every order, a clock) is
//! nothing to it.

use crate::event::{Event, SessionName};

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
}

/// What a run tells its driver.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// Everything starts from a fresh setup; what was folded so far is history. Tells the sessions in screen order.
    Fresh(Vec<SessionName>),
    /// A fact.
    Event(Event),
    /// The schedule's next step (an index into its launches), after every move; equal to their number at the end.
    Next(usize),
    /// A command was not carried out, and why: `Mallory still waits for Bob`.
    Refused(String),
    /// The engine is gone or a setup failed: the run cannot go on without `GoTo` (a fresh setup).
    Broken(String),
}
