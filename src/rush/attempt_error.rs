//! What can go wrong with one try, as far as a worker decides on it.

use std::{fmt, io};

use serde::Serialize;

use super::parts::PartName;
use crate::core::event::ServerMessage;
use crate::core::scenario::counted;
use crate::parts::PartError;

/// What errors are counted by: the SQLSTATE, or a word for what never reached a database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ErrorClass(String);

impl ErrorClass {
    /// A class by its SQLSTATE.
    pub fn sqlstate(code: &str) -> Self {
        Self(code.to_owned())
    }

    /// The connection broke without a word.
    pub fn connection_lost() -> Self {
        Self("connection lost".to_owned())
    }

    /// Nobody answered, and the connection does not know why.
    pub fn no_answer() -> Self {
        Self("no answer".to_owned())
    }

    /// It failed on our own side: an answer that makes no sense, no thread for the workers.
    pub fn driver() -> Self {
        Self("driver".to_owned())
    }

    /// No connection could be made.
    pub fn unreachable() -> Self {
        Self("unreachable".to_owned())
    }

    /// The SQLSTATE, or the word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The SQLSTATE of a server that has no connection left.
const TOO_MANY: &str = "53300";

/// Why a try did not come to an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttemptError {
    /// Somebody else was in the way; another try may succeed.
    #[error("{0}: another transaction was in the way")]
    Conflict(ErrorClass),
    /// The connection is gone, and with it perhaps the answer to a COMMIT.
    #[error("{0}")]
    Lost(ErrorClass),
    /// A part beside the database is not to be reached; it may come back.
    #[error("{message}")]
    PartAway {
        class: ErrorClass,
        /// What is wrong with it.
        message: String,
    },
    /// The database refuses, and would refuse again.
    #[error("{class}: {message}")]
    Refused {
        class: ErrorClass,
        /// What it said.
        message: String,
    },
}

impl AttemptError {
    /// There is no way to the database at all.
    pub fn unreachable(message: String) -> Self {
        Self::Refused { class: ErrorClass::unreachable(), message }
    }

    /// A strategy without what it needs.
    pub(super) fn no_part(part: PartName) -> Self {
        let message = format!("it needs {part}");
        Self::Refused { class: ErrorClass::driver(), message }
    }

    /// A strategy is to be sent letters, and has no queues.
    pub(super) fn no_queues() -> Self {
        let message = "it has no queues".to_owned();
        Self::Refused { class: ErrorClass::driver(), message }
    }

    /// What was written is not there.
    pub(super) fn not_kept() -> Self {
        let message = "the seats that were filled in are gone with their connection: what stands \
            in front of the database does not commit them"
            .to_owned();
        Self::Refused { class: ErrorClass::driver(), message }
    }

    /// A level that was asked for was not given.
    pub(super) fn other_level(level: &str) -> Self {
        let message = format!(
            "a transaction that was begun at SERIALIZABLE runs at {}: what stands in front of the \
             database changes it",
            level.to_uppercase()
        );
        Self::Refused { class: ErrorClass::sqlstate("0A000"), message }
    }

    /// The system gives no more threads.
    pub(super) fn no_thread(error: &io::Error) -> Self {
        let message = format!("cannot start threads for the workers: {error}");
        Self::Refused { class: ErrorClass::driver(), message }
    }

    /// Where a server is full, how many workers it has let in.
    pub(super) fn with_room_for(self, let_in: u32, of: u32) -> Self {
        match self {
            Self::Lost(class) | Self::Refused { class, .. } if class.as_str() == TOO_MANY => {
                let message = format!(
                    "the server accepted only {let_in} of {}: use a smaller --workers, or raise \
                     its max_connections",
                    counted(of, "worker")
                );
                Self::Refused { class, message }
            }
            other => other,
        }
    }

    /// The same, where it is in the way of deleting something.
    pub(super) fn staying(self, what: &str) -> Self {
        let message = format!("{what} could not be deleted: {self}");
        match self {
            Self::PartAway { class, .. } => Self::PartAway { class, message },
            other => Self::Refused { class: other.class().clone(), message },
        }
    }

    /// What it is counted by.
    pub fn class(&self) -> &ErrorClass {
        match self {
            Self::Conflict(class)
            | Self::Lost(class)
            | Self::PartAway { class, .. }
            | Self::Refused { class, .. } => class,
        }
    }

    /// Whether the engine says that it cannot do such a thing at all: feature not supported, or no
    /// such function.
    pub fn is_unsupported(&self) -> bool {
        let code = self.class().as_str();
        code.starts_with("0A") || code == "42883"
    }

    /// What a server says when it refuses, or hangs up.
    pub(super) fn said_by_server(message: &ServerMessage) -> Self {
        let code = message.code.as_str();
        let class = ErrorClass::sqlstate(code);
        let fatal = matches!(message.severity.as_str(), "FATAL" | "PANIC");
        if fatal || code.starts_with("08") || code.starts_with("57P") {
            Self::Lost(class)
        } else if is_conflict(code) {
            Self::Conflict(class)
        } else {
            Self::Refused { class, message: whole(message) }
        }
    }

    /// An answer that is not what was asked for.
    pub(super) fn unreadable() -> Self {
        let message = "the answer is not in the requested format".to_owned();
        Self::Refused { class: ErrorClass::driver(), message }
    }
}

impl From<PartError> for AttemptError {
    fn from(error: PartError) -> Self {
        let class = ErrorClass(error.class());
        match error {
            PartError::Refused { message, .. } => Self::Refused { class, message },
            away => Self::PartAway { class, message: away.to_string() },
        }
    }
}

/// All that a server says, in one line.
fn whole(message: &ServerMessage) -> String {
    let further = [("DETAIL", &message.detail), ("HINT", &message.hint)];
    let further = further.into_iter().filter_map(|(label, text)| Some((label, text.as_ref()?)));
    further.fold(message.message.clone(), |said, (label, text)| format!("{said}; {label}: {text}"))
}

/// Serialization failure, deadlock, lock not available. The OC codes are Aurora DSQL's own, which
/// mostly come as 40001.
fn is_conflict(code: &str) -> bool {
    matches!(code, "40001" | "40P01" | "55P03") || code.starts_with("OC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_all_that_the_server_said() {
        let said = ServerMessage {
            severity: "ERROR".to_owned(),
            code: "53100".to_owned(),
            message: "could not extend file".to_owned(),
            detail: Some("The disk is full.".to_owned()),
            hint: Some("Check free disk space.".to_owned()),
            ..ServerMessage::default()
        };
        assert_eq!(
            AttemptError::said_by_server(&said).to_string(),
            "53100: could not extend file; DETAIL: The disk is full.; HINT: Check free disk space."
        );
    }

    #[test]
    fn one_worker_is_one_worker() {
        let full = AttemptError::Lost(ErrorClass::sqlstate(TOO_MANY));
        assert!(full.with_room_for(0, 1).to_string().contains("accepted only 0 of 1 worker:"));
    }
}
