//! The way to the database: how a connection is opened, and what may be left prepared on it.

use std::fmt;

use super::attempt_error::{AttemptError, ErrorClass};
use super::pipelined_connection::PipelinedConnection;
use crate::core::sql::rush as sql;
use crate::pg::response::Part;
use crate::pg::{ConnectError, Connection, Reconnector, Target, WireError};

/// Whether a statement may stay prepared on the server between two transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preparing {
    /// By name, once a connection.
    Named,
    /// Never: a pooler may give the next transaction to another server.
    Unnamed,
}

/// Where connections come from.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    passage: Reconnector,
    preparing: Preparing,
}

impl Connector {
    /// Connects to this database under this application name.
    pub(super) async fn to(target: &Target, application: &str) -> Result<Self, AttemptError> {
        let target = target.with_application_name(application);
        let mut first = Connection::connect(&target).await.map_err(unreachable)?;
        let preparing = preparing(&mut first).await.map_err(unreachable)?;
        Ok(Self { passage: Reconnector::of(&first, &target), preparing })
    }

    /// What may be left prepared.
    pub(super) fn preparing(&self) -> Preparing {
        self.preparing
    }

    /// One more connection.
    pub(super) async fn open(&self) -> Result<PipelinedConnection, AttemptError> {
        let connection = self.passage.open().await.map_err(|error| not_let_in(&error))?;
        Ok(PipelinedConnection::over(connection, self.preparing))
    }
}

/// A server names its process when it lets somebody in, and so does a pooler; only the server's is
/// the one that answers.
async fn preparing(connection: &mut Connection) -> Result<Preparing, WireError> {
    let question = sql::IS_PROCESS.replace("PID", &connection.key_pid().to_string());
    let mut preparing = Preparing::Unnamed;
    let see = |part: Part<'_>| {
        if matches!(part, Part::Row { .. }) {
            preparing = Preparing::Named;
        }
    };
    connection.hear(&question, see).await?;
    Ok(preparing)
}

fn unreachable(error: impl fmt::Display) -> AttemptError {
    AttemptError::unreachable(error.to_string())
}

/// Whoever is refused for good need not come again; everybody else may.
fn not_let_in(error: &ConnectError) -> AttemptError {
    match error {
        ConnectError::Refused { message, .. } => AttemptError::said_by_server(message),
        _ => AttemptError::Lost(ErrorClass::unreachable()),
    }
}
