//! Why a statement of a setup or a teardown came to nothing.

use crate::core::event::ServerMessage;
use crate::reports::psql::{self, Verbosity};

/// Why a statement of the runner's came to nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server refused it.
    Refused(ServerMessage),
    /// The connection is gone.
    Lost(String),
}

impl Failure {
    /// Which of its characters is to blame, from 1.
    pub(crate) fn position(&self) -> Option<u32> {
        match self {
            Self::Refused(message) => message.position,
            Self::Lost(_) => None,
        }
    }

    /// All that there is to say, as psql says it.
    pub(crate) fn told(&self, sql: &str) -> String {
        match self {
            Self::Refused(message) => psql::message(message, sql, Verbosity::WithCode).join("\n"),
            Self::Lost(reason) => reason.clone(),
        }
    }
}
