//! `target_session_attrs`: whether the server that let us in is of the kind that is wanted.

use super::connection::Connection;
use super::error::WireError;
use super::policy::SessionAttrs;

/// Whether the server will do.
pub(super) async fn suits(
    connection: &mut Connection,
    wanted: SessionAttrs,
) -> Result<bool, WireError> {
    // A server that does not say what it is will not do (libpq: `CONNECTION_CHECK_WRITABLE`).
    Ok(match wanted {
        // `PreferStandby` comes here in its second round alone, when any server will do.
        SessionAttrs::Any | SessionAttrs::PreferStandby => true,
        SessionAttrs::ReadWrite => is_read_only(connection).await? == Some(false),
        SessionAttrs::ReadOnly => is_read_only(connection).await? == Some(true),
        SessionAttrs::Primary => is_standby(connection).await? == Some(false),
        SessionAttrs::Standby => is_standby(connection).await? == Some(true),
    })
}

/// PostgreSQL 14 reports both; older servers are asked.
async fn is_read_only(connection: &mut Connection) -> Result<Option<bool>, WireError> {
    let reported = ["in_hot_standby", "default_transaction_read_only"]
        .map(|name| connection.parameter(name).map(|value| value == "on"));
    match reported {
        [Some(standby), Some(read_only)] => Ok(Some(standby || read_only)),
        // True on a standby as well, so one question replaces both parameters.
        _ => says(connection, "show transaction_read_only", "on").await,
    }
}

async fn is_standby(connection: &mut Connection) -> Result<Option<bool>, WireError> {
    match connection.parameter("in_hot_standby") {
        Some(value) => Ok(Some(value == "on")),
        // Qualified, because a role may have a `search_path` with a function of this name in it.
        None => says(connection, "select pg_catalog.pg_is_in_recovery()", "t").await,
    }
}

/// Nothing where it refuses to say.
async fn says(
    connection: &mut Connection,
    sql: &str,
    yes: &str,
) -> Result<Option<bool>, WireError> {
    Ok(connection.ask(sql).await?.cell.ok().map(|cell| cell.as_deref() == Some(yes)))
}
