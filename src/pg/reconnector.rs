//! A way to a server that has proved passable, for those who need many connections.

use super::connection::Connection;
use super::error::ConnectError;
use super::policy::SessionAttrs;
use super::socket::Socket;
use super::startup::{self, Route};
use super::target::{Password, Target};
use super::tls::Encryption;

/// A route, and how to introduce oneself at its end.
#[derive(Clone, Debug)]
pub struct Reconnector {
    route: Route,
    target: Target,
}

impl Reconnector {
    /// The way to a target that leaves nothing to find out: one place, and one way to treat TLS.
    pub(super) fn certain(target: &Target) -> Option<Self> {
        let [place] = target.places.as_slice() else { return None };
        // `prefer` and `allow` have two attempts, and which one passes depends on `pg_hba.conf`.
        let [encryption] = *Encryption::attempts(target.tls.mode, place) else { return None };
        let route = Route::new(place.clone(), target.tls.clone(), encryption);
        let is_any = target.session_attrs == SessionAttrs::Any;
        // Any other kind of server can only be told by asking it over an open connection.
        is_any.then(|| Self { route, target: target.clone() })
    }

    /// The same under another `application_name`.
    #[must_use]
    pub(crate) fn with_application_name(&self, name: &str) -> Self {
        Self { target: self.target.with_application_name(name), ..self.clone() }
    }

    /// Where it leads.
    pub(super) fn route(&self) -> &Route {
        &self.route
    }

    /// Who takes it.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

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

    /// A socket to there on which nothing has been said yet, for another driver than ours.
    pub(crate) async fn socket(&self) -> Result<Socket, ConnectError> {
        self.route.open().await
    }

    /// The password that is asked for there.
    pub(crate) fn password(&self) -> Option<&str> {
        self.route.place.password.as_ref().map(Password::reveal)
    }
}
