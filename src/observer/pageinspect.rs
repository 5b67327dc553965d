//! pageinspect, the extension that reads a table's pages: found, or installed out of everybody's way where that is allowed.

use sqlx::PgPool;

use crate::sql;

/// The schema that hides the extension from the sessions' search path.
const SCHEMA: &str = "overbooked_pageinspect";

/// Whether the observer may install pageinspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inspection {
    /// On a server of our own: installed in a schema of its own, dropped at the end.
    Allowed,
    /// On somebody else's: used if it is there already and we are a superuser, else done without.
    UseIfPresent,
}

/// Where pageinspect is.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    schema: String,
}

impl Pages {
    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    /// Drops what we installed. Somebody else's extension stays.
    pub(super) async fn leave(self, pool: &PgPool) {
        if self.schema == SCHEMA {
            change(pool, sql::observer::REMOVE_INSPECTOR).await;
        }
    }
}

/// Finds or installs it. Without it the look is less sharp, so that nothing here is an error.
pub(super) async fn find(pool: &PgPool, inspection: Inspection) -> Option<Pages> {
    if let Some(found) = present(pool).await {
        return Some(found);
    }
    match inspection {
        Inspection::UseIfPresent => None,
        Inspection::Allowed => {
            change(pool, sql::observer::INSTALL_INSPECTOR).await;
            present(pool).await
        }
    }
}

async fn present(pool: &PgPool) -> Option<Pages> {
    let schema: Result<Option<String>, sqlx::Error> =
        sqlx::query_scalar(sql::observer::INSPECTOR).fetch_optional(pool).await;
    let unknown = |error: &sqlx::Error| tracing::warn!(%error, "no pageinspect");
    schema.inspect_err(unknown).ok().flatten().map(|schema| Pages { schema })
}

async fn change(pool: &PgPool, sql: &'static str) {
    if let Err(error) = sqlx::raw_sql(sql).execute(pool).await {
        tracing::warn!(%error, "pageinspect was neither installed nor removed");
    }
}
