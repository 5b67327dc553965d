//! What the database says after a play: whether the check holds.

use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Executor as _, Row as _};

use crate::core::sql;
use crate::pg::Target;

/// Why a check or a reset could not be done.
#[derive(Debug, thiserror::Error)]
pub enum VerdictError {
    #[error("the check failed: {check}")]
    Check { check: String, source: sqlx::Error },
    #[error(
        "the check must answer one boolean, such as: select count(*) <= 1 from bookings; this one \
         does not: {0}"
    )]
    NoBoolean(String),
    #[error("the reset failed")]
    Reset(#[source] sqlx::Error),
    #[error("the server does not say who waits")]
    Look(#[source] sqlx::Error),
}

/// A connection to the database past the debugger.
#[derive(Debug)]
pub struct Database(PgPool);

impl Database {
    /// Of this server; it connects when it is asked first.
    pub fn at(server: &Target) -> Self {
        let options = server.sqlx_options().application_name("overbooked check");
        Self(PgPoolOptions::new().max_connections(1).connect_lazy_with(options))
    }

    /// Whether the check holds: the first column of the first row.
    pub async fn holds(&self, check: &str) -> Result<bool, VerdictError> {
        let failed = |source| VerdictError::Check { check: check.to_owned(), source };
        let answer = self.0.fetch_optional(sqlx::raw_sql(AssertSqlSafe(check.to_owned())));
        let row: Option<PgRow> = answer.await.map_err(failed)?;
        let holds = row.and_then(|row| row.try_get::<Option<bool>, _>(0).ok().flatten());
        holds.ok_or_else(|| VerdictError::NoBoolean(check.to_owned()))
    }

    /// Runs SQL that puts everything back to the beginning.
    pub async fn reset(&self, sql: &str) -> Result<(), VerdictError> {
        let done = self.0.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await;
        done.map(drop).map_err(VerdictError::Reset)
    }

    /// Who of these waits, and for whom.
    pub async fn waits(&self, pids: &[i32]) -> Result<Vec<(i32, Vec<i32>)>, VerdictError> {
        let waits = sqlx::query_as(sql::observer::BLOCKED).bind(pids).fetch_all(&self.0).await;
        waits.map_err(VerdictError::Look)
    }

    /// Tables that refer to others, and what a text does not tell of.
    pub async fn relations(&self) -> Result<Vec<(String, Option<String>)>, VerdictError> {
        let relations = sqlx::query_as(sql::debugger::RELATIONS).fetch_all(&self.0).await;
        relations.map_err(VerdictError::Look)
    }

    pub async fn close(self) {
        self.0.close().await;
    }
}
