//! Roles that bear clients' own names, on a server that nobody else uses.
//!
//! There each client works as a role of its own name, so that `current_user`, a column's default,
//! an owner, an error and `"$user"` in the search path say it, as they would at the service. The
//! roles may do anything: who comes in has been asked by the gateway. On somebody else's server no
//! roles are made, and every client works as the gateway's own user.

use std::collections::HashSet;

use tokio::sync::Mutex;

use super::backend::{Backend, BackendError, Question, Questions as _};
use crate::core::syntax::quote;
use crate::pg::{ConnectError, Target};

/// As which users of the PostgreSQL behind clients work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Users {
    /// All of them as the gateway's own, whatever they call themselves.
    #[default]
    Gateway,
    /// Each as a role of its own name, which is made where there is none.
    Clients,
}

/// The administrator whom every cluster of the service has (Aurora DSQL documentation, Database
/// roles and IAM authentication).
const ADMINISTRATOR: &str = "admin";

/// What tells later whose doing a role is.
const MARK: &str = "made by overbooked for clients of this name";

/// The roles that are known to be there.
pub(super) struct ClientRoles {
    target: Target,
    users: Users,
    /// Held while a role is made: of two clients of one name the second would be told that the
    /// name is taken.
    known: Mutex<HashSet<String>>,
}

/// Why a role is not there.
#[derive(Debug, thiserror::Error)]
enum RoleError {
    #[error(transparent)]
    Unreachable(#[from] ConnectError),
    #[error("{0:?}")]
    Refused(BackendError),
}

impl ClientRoles {
    /// None known yet.
    pub(super) fn new(target: Target, users: Users) -> Self {
        Self { target, users, known: Mutex::default() }
    }

    /// As whom a client works that calls itself so.
    pub(super) async fn role_of(&self, client: &[u8]) -> String {
        let own = || self.target.user().to_owned();
        let (Users::Clients, Ok(client)) = (self.users, std::str::from_utf8(client)) else {
            return own();
        };
        let mut known = self.known.lock().await;
        if known.is_empty() && self.make(ADMINISTRATOR).await.is_ok() {
            known.insert(ADMINISTRATOR.to_owned());
        }
        if known.contains(client) {
            return client.to_owned();
        }
        match self.make(client).await {
            Ok(()) => {
                known.insert(client.to_owned());
                client.to_owned()
            }
            // PostgreSQL keeps some names for itself, such as those that begin with `pg_`.
            Err(error) => {
                tracing::info!(client, %error, "a client works as the gateway's user");
                own()
            }
        }
    }

    async fn make(&self, role: &str) -> Result<(), RoleError> {
        const IS_THERE: &str = "select 1::text from pg_catalog.pg_roles where rolname = $1";
        let mut backend = Backend::connect(&self.target).await?;
        let found = backend.ask(Question::once(IS_THERE).with(role)).await;
        let made = match found.map(|answer| answer.value(0).is_some()) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let role = quote(role);
                let creation = format!("create role {role} superuser login");
                let comment = format!("comment on role {role} is '{MARK}'");
                backend.ask_all([creation, comment].map(Question::once).into()).await.map(drop)
            }
            Err(error) => Err(error),
        };
        backend.leave().await;
        made.map_err(RoleError::Refused)
    }
}
