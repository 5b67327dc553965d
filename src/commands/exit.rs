//! How the program ends: its exit codes, and why it could not do what was asked.

use std::process::ExitCode;

use crate::core::error_chain::with_causes;
use crate::core::scenario::NoPermutation;
use crate::core::scenario::library::OpenError;
use crate::pg::ConnectError;
use crate::run::engines::EngineError;

/// The program's exit codes; part of its interface, for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Fine = 0,
    /// An expectation or a check failed.
    Broken = 1,
    /// Wrong use, or a bad file.
    Misuse = 2,
    /// The database cannot be reached.
    Unreachable = 3,
    /// A plan no longer fits what the programs send.
    Misfit = 4,
    /// A program did not end, or has sent nothing, so nothing is known of it.
    Unfinished = 5,
    /// Interrupted by the user or by a signal.
    Interrupted = 130,
}

impl Exit {
    /// The first that was not fine.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self == Self::Fine { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why the program could not do what was asked: a sentence for the user, and the exit code.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct Failure {
    pub exit: Exit,
    /// What was wrong, where, and what to do.
    pub sentence: String,
}

impl Failure {
    /// Wrong use, or a bad file.
    pub fn misuse(sentence: impl Into<String>) -> Self {
        Self { exit: Exit::Misuse, sentence: sentence.into() }
    }

    /// The database cannot be reached.
    pub fn unreachable(sentence: impl Into<String>) -> Self {
        Self { exit: Exit::Unreachable, sentence: sentence.into() }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::misuse(with_causes(&error))
    }
}

impl From<NoPermutation> for Failure {
    fn from(error: NoPermutation) -> Self {
        Self::misuse(format!("--permutation: {error}"))
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let sentence = with_causes(&error);
        match error {
            EngineError::Cluster(error) if error.is_misuse() => Self::misuse(sentence),
            _ => Self::unreachable(sentence),
        }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::unreachable(with_causes(&error))
    }
}
