//! The database that specifications are played in on a server of our own.
//!
//! It has the name that `pg_isolation_regress` gives it, because some specifications name it. But a
//! server of our own may run on a folder that somebody keeps (`--data`), where a database of that
//! name may be theirs; so only one that carries our mark is dropped.
//!
//! ```text
//! there is none          ──▶ made, and marked by its comment
//! it carries the mark    ──▶ dropped and made anew
//! it carries none        ──▶ refused: it is somebody's
//! ```
//!
//! A run that is killed between making it and marking it leaves one that is refused as well: rather
//! one too many than one too few.

use crate::core::event::ServerMessage;
use crate::pg::{ConnectError, Connection, Target, WireError};

/// The database that `pg_isolation_regress` makes.
pub const DATABASE: &str = "isolation_regression";

/// What our database has as its comment.
const MARK: &str = "overbooked made this; every run of specifications makes it anew";

/// Why the database could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// One of its name is somebody's.
    #[error(
        "this server already has a database {DATABASE} that Overbooked did not create, and \
         specifications need that name; to keep it, rename it: alter database {DATABASE} rename to \
         …"
    )]
    Foreign,
    /// The server did not let us in.
    #[error("cannot create the database {DATABASE}: {0}")]
    Connect(#[from] ConnectError),
    /// The connection broke.
    #[error("cannot create the database {DATABASE}: {0}")]
    Wire(#[from] WireError),
    /// The server refused.
    #[error("cannot create the database {DATABASE}: {0}")]
    Refused(String),
}

/// Makes the database anew on a server of our own.
pub async fn fresh_database(server: &Target) -> Result<Target, DatabaseError> {
    let database = server.with_database(DATABASE);
    let mut connection = Connection::connect(server).await?;
    match ask(&mut connection, &comment()).await? {
        None => {}
        Some(comment) if comment == MARK => {
            roll_back_prepared(&database).await?;
            drop_database(&mut connection).await?;
        }
        Some(_) => return Err(DatabaseError::Foreign),
    }
    // `template0`, as `pg_regress` does: what somebody keeps in template1 is not part of a test.
    ask(&mut connection, &format!("create database {DATABASE} template template0")).await?;
    ask(&mut connection, &format!("comment on database {DATABASE} is '{MARK}'")).await?;
    connection.terminate().await?;
    Ok(database)
}

/// The comment of the database that stands there; no row where there is none.
fn comment() -> String {
    format!(
        "select coalesce(pg_catalog.shobj_description(oid, 'pg_database'), '') \
         from pg_catalog.pg_database where datname = '{DATABASE}'"
    )
}

/// A prepared transaction outlives its session, and lets nobody drop its database.
async fn roll_back_prepared(database: &Target) -> Result<(), DatabaseError> {
    const NEXT: &str = "select pg_catalog.format('rollback prepared %L', gid) from \
        pg_catalog.pg_prepared_xacts \
        where database = pg_catalog.current_database() limit 1";
    let mut connection = Connection::connect(database).await?;
    while let Some(statement) = ask(&mut connection, NEXT).await? {
        ask(&mut connection, &statement).await?;
    }
    Ok(connection.terminate().await?)
}

/// Drops it though a session that was given up still sits in it: the server waits for those that
/// are ended. (`with (force)` does the same, but not before PostgreSQL 13.)
async fn drop_database(connection: &mut Connection) -> Result<(), DatabaseError> {
    let end_sessions = format!(
        "select pg_catalog.count(pg_catalog.pg_terminate_backend(pid)) \
         from pg_catalog.pg_stat_activity where datname = '{DATABASE}'"
    );
    // DROP DATABASE waits up to five seconds for sessions that are still going (PostgreSQL sources,
    // `CountOtherDBBackends`).
    ask(connection, &end_sessions).await?;
    ask(connection, &format!("drop database {DATABASE}")).await.map(|_| ())
}

async fn ask(connection: &mut Connection, sql: &str) -> Result<Option<String>, DatabaseError> {
    let reply = connection.ask(sql).await?;
    reply.cell.map_err(|ServerMessage { message, .. }| DatabaseError::Refused(message))
}
