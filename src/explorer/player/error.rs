//! Why orders could not be played.

use std::time::Duration;

use crate::pg::{ConnectError, WireError};
use crate::run::engines::EngineError;
use crate::run::schema::SchemaError;

/// Why no more can be played.
#[derive(Debug, thiserror::Error)]
pub enum PlayerError {
    /// The engine could not be had.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A connection could not be had.
    #[error("cannot connect: {0}")]
    Connect(#[from] ConnectError),
    /// A connection of ours broke: the server may be gone.
    #[error("the connection to the server is lost: {0}")]
    Wire(#[from] WireError),
    /// A question of ours failed.
    #[error("cannot ask the server: {}", told(.0))]
    Asked(#[from] tokio_postgres::Error),
    /// What was set up is not what can be read.
    #[error("cannot read what the server says of {0}")]
    Unreadable(&'static str),
    /// The run's own schema could not be made or dropped.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The scenario's setup failed.
    #[error("the scenario's setup failed at {place}\n{message}")]
    Setup { place: String, message: String },
    /// What is sent to each session at its beginning failed.
    #[error("cannot prepare the session {session}: {message}")]
    Prelude { session: String, message: String },
    /// A step goes on for too long, and nobody is in its way.
    #[error(
        "the step {step} was not answered within {} s, and nobody is in its way", .after.as_secs()
    )]
    Endless { step: String, after: Duration },
    /// A statement that nobody wants any more cannot be ended.
    #[error("a statement of {session} cannot be cancelled")]
    Uncancelled { session: String },
    /// The scenario cannot be explored.
    #[error("{0}")]
    Unexplorable(String),
}

/// The server's own words, which the driver keeps as the cause.
fn told(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(refusal) => format!("{}: {}", refusal.code().code(), refusal.message()),
        None => crate::core::error_chain::with_causes(error),
    }
}
