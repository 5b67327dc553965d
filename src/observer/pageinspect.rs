//! pageinspect, the extension that reads a table's pages: somebody's, or its functions alone, made
//! for our own connections where that is allowed. Those are temporary: nobody else sees or meets
//! them, and they end with their connection, however that ends.

use sqlx::{PgConnection, PgPool};

use crate::core::sql;

/// Whether the observer may look into pages with functions that it makes for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inspection {
    /// On a server of our own.
    Allowed,
    /// On somebody else's: with the extension if it is there already and we are a superuser, else
    /// not at all.
    UseIfPresent,
}

/// Where the functions are.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    schema: String,
}

impl Pages {
    pub(super) fn schema(&self) -> &str {
        &self.schema
    }
}

/// Makes the functions for this connection. Without them the look is less sharp, so that nothing
/// here is an error.
pub(super) async fn install(connection: &mut PgConnection) {
    let installed = sqlx::raw_sql(sql::observer::INSTALL_INSPECTOR).execute(connection).await;
    if let Err(error) = installed {
        tracing::warn!(%error, "pages cannot be read");
    }
}

pub(super) async fn find(pool: &PgPool) -> Option<Pages> {
    let schema: Result<Option<String>, sqlx::Error> =
        sqlx::query_scalar(sql::observer::INSPECTOR).fetch_one(pool).await;
    let unknown = |error: &sqlx::Error| tracing::warn!(%error, "no pageinspect");
    schema.inspect_err(unknown).ok().flatten().map(|schema| Pages { schema })
}
