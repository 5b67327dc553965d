//! What isolationtester says on its standard error.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// Something is wrong with a specification or with its run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Complaint {
    /// No permutation uses a step.
    UnusedStep(String),
    /// A setup failed, and with it the run.
    Setup(Whose, String),
    /// A teardown failed; the run goes on.
    Teardown(Whose, String),
    /// A step neither ended nor could be cancelled.
    TimedOut {
        step: String,
        /// After this time.
        after: Duration,
        /// All steps that are not over, when the step was waited for because its session has
        /// another one to play.
        active: Option<Vec<String>>,
    },
    /// Every step that is left waits for another one.
    MutualBlock,
    /// A connection broke while a step was waited for.
    InputLost(String),
    /// The control connection could not say who waits.
    WaitQuery(String),
    /// A connection could not be had.
    Connection {
        /// Its number, 0 for the control connection.
        number: usize,
        reason: String,
    },
}

/// Whose setup or teardown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    Control,
    Session(String),
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control => Ok(()),
            Self::Session(name) => write!(f, " of session {name}"),
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnusedStep(name) => writeln!(f, "unused step name: {name}"),
            Self::Setup(whose, reason) => write!(f, "setup{whose} failed: {reason}"),
            Self::Teardown(whose, reason) => write!(f, "teardown{whose} failed: {reason}"),
            Self::TimedOut { step, after, active } => {
                writeln!(f, "step {step} timed out after {} seconds", after.as_secs())?;
                let Some(active) = active else { return Ok(()) };
                f.write_str("active steps are:")?;
                active.iter().try_for_each(|name| write!(f, " {name}"))?;
                f.write_str("\n")
            }
            Self::MutualBlock => {
                f.write_str("failed to complete permutation due to mutually-blocking steps\n")
            }
            Self::InputLost(reason) => writeln!(f, "PQconsumeInput failed: {reason}"),
            Self::WaitQuery(reason) => writeln!(f, "lock wait query failed: {reason}"),
            Self::Connection { number, reason } => {
                writeln!(f, "Connection {number} failed: {reason}")
            }
        }
    }
}
