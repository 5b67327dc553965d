//! What can go wrong between us and a part.

use std::io;
use std::time::Duration;

/// Why a part did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// There is nobody, or the connection broke.
    #[error("cannot reach {part} at {place}: {source}")]
    Away { part: &'static str, place: String, source: io::Error },
    /// It accepted the question and did not answer in time.
    #[error("{part} at {place} did not answer within {} s", .within.as_secs_f64())]
    Silent { part: &'static str, place: String, within: Duration },
    /// It answered: no.
    #[error("{part} refuses: {code} {message}")]
    Refused { part: &'static str, code: String, message: String },
}

impl PartError {
    /// Whether the same question may be answered later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Silent { .. })
    }

    /// Whether a place in a log was asked for that there is not (Kafka's error 1).
    pub fn is_out_of_range(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "1")
    }

    /// What it is counted by: the part, and in a word what was wrong.
    pub fn class(&self) -> String {
        match self {
            Self::Away { part, .. } => format!("{part} away"),
            Self::Silent { part, .. } => format!("{part} silent"),
            Self::Refused { part, code, .. } => format!("{part} {code}"),
        }
    }
}
