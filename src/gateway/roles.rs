//! Roles that bear clients' own names, on a server that nobody else uses.
//!
//! There each client works as a role of its own name, so that `current_user`, a column's default,
//! an owner, an error and `"$user"` in the search path say it, as they would at the service. The
//! roles may do anything: who comes in has been asked by the gateway. On somebody else's server no
//! roles are made, and every client works as the gateway's own user.

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

/// Whom clients work as.
pub(super) struct ClientRoles {
    target: Target,
    users: Users,
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
    /// On this server.
    pub(super) fn new(target: Target, users: Users) -> Self {
        Self { target, users }
    }

    /// As whom a client works that calls itself so. Looked up each time, since a role may have been
    /// dropped.
    pub(super) async fn role_of(&self, client: &[u8]) -> String {
        let own = || self.target.user().to_owned();
        let (Users::Clients, Ok(client)) = (self.users, std::str::from_utf8(client)) else {
            return own();
        };
        match self.make(&[ADMINISTRATOR, client]).await {
            Ok(()) => client.to_owned(),
            // PostgreSQL keeps some names for itself, such as those that begin with `pg_`. A server
            // that is away tells the client so itself.
            Err(error) => {
                tracing::info!(client, %error, "a client works as the gateway's user");
                own()
            }
        }
    }

    async fn make(&self, roles: &[&str]) -> Result<(), RoleError> {
        let mut backend = Backend::connect(&self.target).await?;
        let mut made = Ok(());
        for role in roles {
            made = make_one(&mut backend, role).await;
        }
        backend.leave().await;
        made.map_err(RoleError::Refused)
    }
}

async fn make_one(backend: &mut Backend, role: &str) -> Result<(), BackendError> {
    if is_there(backend, role).await? {
        return Ok(());
    }
    let name = quote(role);
    let creation = format!("create role {name} superuser login");
    let comment = format!("comment on role {name} is '{MARK}'");
    let created = backend.ask_all([creation, comment].map(Question::once).into()).await;
    match created {
        // Another client of this name was quicker.
        Err(_) if is_there(backend, role).await? => Ok(()),
        created => created.map(drop),
    }
}

async fn is_there(backend: &mut Backend, role: &str) -> Result<bool, BackendError> {
    const IS_THERE: &str = "select 1::text from pg_catalog.pg_roles where rolname = $1";
    let answer = backend.ask(Question::once(IS_THERE).with(role)).await?;
    Ok(answer.value(0).is_some())
}
