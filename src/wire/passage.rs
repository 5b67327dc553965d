//! A way to a server that has proved passable, for those who need many connections.

use super::connection::Connection;
use super::error::ConnectError;
use super::startup::{self, Route};
use super::target::Target;

/// A route, and how to introduce oneself at its end.
#[derive(Clone, Debug)]
pub struct Passage {
    route: Route,
    target: Target,
}

impl Passage {
    /// The way that this connection has taken.
    pub fn of(connection: &Connection, target: &Target) -> Self {
        Self { route: connection.canceller().route().clone(), target: target.clone() }
    }

    /// One more connection by the same way.
    ///
    /// # Errors
    /// There is no way through any more, or the server does not let us in.
    pub async fn open(&self) -> Result<Connection, ConnectError> {
        startup::connect_by(&self.target, self.route.clone()).await
    }
}
