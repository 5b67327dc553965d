//! What the database says after a play: whether the check holds.

use sqlx::postgres::{PgPool, PgPoolOptions, PgRow};
use sqlx::{AssertSqlSafe, Column as _, Executor as _, Row as _};

use super::tables::TableName;
use crate::core::sql;
use crate::pg::Target;

/// A table's columns and rows.
type Contents = (Vec<String>, Vec<Vec<Option<String>>>);

/// Why a check or a reset could not be done.
#[derive(Debug, thiserror::Error)]
pub enum VerdictError {
    #[error("the check failed: {check}")]
    Check { check: String, source: SqlFailure },
    #[error(
        "the check must answer one boolean, such as: select count(*) <= 1 from bookings; this one \
         does not: {0}"
    )]
    NoBoolean(String),
    #[error("cannot read the catalog for --watch")]
    Relatives(#[source] SqlFailure),
    #[error("the reset failed")]
    Reset(#[source] SqlFailure),
    #[error("the server does not say who waits")]
    Look(#[source] sqlx::Error),
}

/// What went wrong with a statement. The library puts the server's own source line behind what the
/// server says, as if it were a line of the statement.
#[derive(Debug, thiserror::Error)]
pub enum SqlFailure {
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Other(sqlx::Error),
}

impl From<sqlx::Error> for SqlFailure {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(refused) => Self::Refused(refused.message().to_owned()),
            other => Self::Other(other),
        }
    }
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
        let failed = |error: sqlx::Error| VerdictError::Check {
            check: check.to_owned(),
            source: error.into(),
        };
        let answer = self.0.fetch_optional(sqlx::raw_sql(AssertSqlSafe(check.to_owned())));
        let row: Option<PgRow> = answer.await.map_err(failed)?;
        let holds = row.and_then(|row| row.try_get::<Option<bool>, _>(0).ok().flatten());
        holds.ok_or_else(|| VerdictError::NoBoolean(check.to_owned()))
    }

    /// The partitions of these tables, what they are partitions of, and the views on all of them.
    pub async fn relatives(&self, tables: &[TableName]) -> Result<Vec<TableName>, VerdictError> {
        let names: Vec<String> = tables.iter().map(TableName::quoted).collect();
        let asked = sqlx::query(sql::debugger::RELATIVES).bind(names).fetch_all(&self.0).await;
        let rows = asked.map_err(|error| VerdictError::Relatives(error.into()))?;
        let name = |row: &PgRow| TableName { schema: row.get(0), name: row.get(1) };
        Ok(rows.iter().map(name).collect())
    }

    /// Those of these tables that are not there.
    pub async fn missing(&self, tables: &[TableName]) -> Result<Vec<String>, VerdictError> {
        let names: Vec<String> = tables.iter().map(TableName::quoted).collect();
        let missing =
            sqlx::query_scalar(sql::debugger::MISSING).bind(names).fetch_all(&self.0).await;
        missing.map_err(|error| VerdictError::Relatives(error.into()))
    }

    /// Runs SQL that puts everything back to the beginning.
    pub async fn reset(&self, sql: &str) -> Result<(), VerdictError> {
        let done = self.0.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await;
        done.map(drop).map_err(|error| VerdictError::Reset(error.into()))
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

    /// What must be unique in tables: a table, its columns, and the columns and kinds of an index.
    pub async fn keys(
        &self,
    ) -> Result<Vec<(String, Vec<String>, Vec<String>, Vec<String>)>, VerdictError> {
        let keys = sqlx::query_as(sql::debugger::KEYS).fetch_all(&self.0).await;
        keys.map_err(VerdictError::Look)
    }

    /// The columns that sequences fill, and those that refer to them: table, column, and whose
    /// values these are.
    pub async fn sequences(&self) -> Result<Vec<(String, String, String)>, VerdictError> {
        let sequences = sqlx::query_as(sql::debugger::SEQUENCES).fetch_all(&self.0).await;
        sequences.map_err(VerdictError::Look)
    }

    /// A table's columns and rows as text, in an order that does not depend on where they are
    /// stored.
    pub async fn contents(&self, table: &str) -> Result<Contents, VerdictError> {
        let query = sqlx::raw_sql(AssertSqlSafe(format!("select * from {table}")));
        let rows: Vec<PgRow> = self.0.fetch_all(query).await.map_err(VerdictError::Look)?;
        let columns = rows.first().map(sqlx::Row::columns).unwrap_or_default();
        let columns = columns.iter().map(|column| column.name().to_owned()).collect();
        let text = |row: &PgRow, at: usize| {
            let value = row.try_get_raw(at).ok()?;
            // A simple query is answered in text.
            value.as_str().ok().map(str::to_owned)
        };
        let values = |row: &PgRow| (0..row.len()).map(|at| text(row, at)).collect();
        let mut rows: Vec<Vec<Option<String>>> = rows.iter().map(values).collect();
        rows.sort();
        Ok((columns, rows))
    }

    pub async fn close(self) {
        self.0.close().await;
    }
}
