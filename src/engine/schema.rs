//! A schema of a run's own: made at its start, dropped at its end, and swept by a later run if it could not be.
//!
//! A program that is killed cannot tidy up, so the next one does. It must never take a schema that a living run
//! still uses, nor one that a person made; a schema therefore says in its comment whose it is and how to tell whether
//! that run lives:
//!
//! ```text
//! overbooked_rush_5c1f09aa  'overbooked made this; alive while locked'         its run holds an advisory lock on the name
//! overbooked_rush_77e0b132  'overbooked made this; alive until 1767225600'     the engine has no such locks: a lease
//! ```
//!
//! The lock is held by a transaction that stays open, not by a session: PgBouncer in transaction mode lends a
//! server's session to somebody else between two transactions. It has neither snapshot nor transaction id, so it holds nothing back.

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, PgConnection, Row as _, Transaction};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::event::Pid;
use crate::sql::schema as sql;

/// The first of the lock's two numbers ("over"): no other program's advisory locks are likely to have it.
const LOCK_CLASS: i32 = 0x6f76_6572;
/// How a comment of ours begins.
const MARK: &str = "overbooked made this; alive ";
/// How long a schema is left alone where no lock can tell whether its run lives.
const LEASE: Duration = Duration::from_hours(24);
/// How long a drop waits for whoever still has a lock in the schema.
const PATIENCE: Duration = Duration::from_millis(2500);
/// How often the lock's connection is tried, so that a run that outlives a restart of its server has its lock again.
const PULSE: Duration = Duration::from_secs(2);

/// Why a schema could not be made, dropped or swept.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It could not be made.
    #[error("the schema {name} could not be made; does this user have CREATE on the database?")]
    Create {
        /// Its name.
        name: String,
        /// What the database said.
        source: sqlx::Error,
    },
    /// It could not be dropped.
    #[error(
        "the schema {name} could not be dropped; the next run tries again, or: drop schema {name} cascade"
    )]
    Drop {
        /// Its name.
        name: String,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The schemas of earlier runs could not be listed.
    #[error("the schemas that earlier runs left behind could not be listed")]
    List(#[source] sqlx::Error),
}

/// A schema that belongs to this run alone.
#[derive(Debug)]
pub struct RunSchema {
    name: String,
    pool: PgPool,
    life: Option<Life>,
}

impl RunSchema {
    /// Makes `prefix_xxxxxxxx` and marks it as this run's. The prefix is ours: letters, digits, underscores.
    pub async fn create(pool: &PgPool, prefix: &str) -> Result<Self, SchemaError> {
        let name = format!("{prefix}_{:08x}", rand::random::<u32>());
        match Self::make(pool, &name).await {
            Ok(life) => Ok(Self { name, pool: pool.clone(), life }),
            Err(source) => Err(SchemaError::Create { name, source }),
        }
    }

    /// Its name, safe to stand unquoted in SQL.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ends one of the run's backends, which does not let itself be cancelled. That it ends is not waited for.
    pub async fn end_backend(&self, backend: Pid) -> Result<(), sqlx::Error> {
        unnamed(sql::END_BACKEND).bind(backend.0).execute(&self.pool).await.map(|_| ())
    }

    /// Drops it with all that is in it, and lets go of the lock.
    pub async fn drop(self) -> Result<(), SchemaError> {
        let Self { name, pool, life } = self;
        roll_back_prepared(&pool, &name).await;
        let dropped = drop_patiently(&pool, &name).await;
        if let Some(life) = life {
            life.end().await;
        }
        dropped.map_err(|source| SchemaError::Drop { name, source })
    }

    /// The lock comes first: between its making and its lock, a schema would look like a dead run's.
    async fn make(pool: &PgPool, name: &str) -> Result<Option<Life>, sqlx::Error> {
        let options = pool.connect_options();
        let life = Life::begin((*options).clone(), name.to_owned()).await?;
        let mark = match life {
            Some(_) => format!("{MARK}while locked"),
            None => format!("{MARK}until {}", clock(pool).await? + LEASE.as_secs().cast_signed()),
        };
        make_marked(pool, name, &mark).await?;
        Ok(life)
    }
}

/// Drops the schemas with this prefix whose runs are dead, and names them. What lives, and what carries no mark of ours, is left alone; so
/// is what this user may not drop.
pub async fn sweep(pool: &PgPool, prefix: &str) -> Result<Vec<String>, SchemaError> {
    let mut swept = Vec::new();
    for row in marked(pool, prefix).await.map_err(SchemaError::List)? {
        let (name, mark, now): (String, String, i64) = (row.get(0), row.get(1), row.get(2));
        if sweep_one(pool, &name, &mark, now).await.unwrap_or(false) {
            swept.push(name);
        }
    }
    Ok(swept)
}

async fn marked(pool: &PgPool, prefix: &str) -> Result<Vec<PgRow>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let query = unnamed(sql::MARKED).bind(format!("{prefix}_")).bind(MARK);
    query.fetch_all(&mut *transaction).await
}

async fn sweep_one(pool: &PgPool, name: &str, mark: &str, now: i64) -> Result<bool, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    if !is_dead(&mut transaction, name, mark, now).await? {
        return Ok(false);
    }
    // A run that has just ended by itself has let go of its lock after dropping its schema.
    let is_there = unnamed("select to_regnamespace($1) is not null").bind(name);
    if !is_there.fetch_one(&mut *transaction).await?.get::<bool, _>(0) {
        return Ok(false);
    }
    roll_back_prepared(pool, name).await;
    sqlx::raw_sql(AssertSqlSafe(drop_statement(name))).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(true)
}

async fn is_dead(
    transaction: &mut Transaction<'_, Postgres>,
    name: &str,
    mark: &str,
    now: i64,
) -> Result<bool, sqlx::Error> {
    match mark[MARK.len()..].strip_prefix("until ") {
        Some(until) => Ok(until.parse::<i64>().is_ok_and(|until| until < now)),
        None => try_lock(transaction, name).await,
    }
}

/// One transaction where the engine allows two pieces of DDL in it: a crash between them would leave a schema that nobody dares to sweep.
async fn make_marked(pool: &PgPool, name: &str, mark: &str) -> Result<(), sqlx::Error> {
    let create = format!("create schema {name}");
    let comment = format!("comment on schema {name} is '{mark}'");
    let mut transaction = pool.begin().await?;
    sqlx::raw_sql(AssertSqlSafe(create.clone())).execute(&mut *transaction).await?;
    match sqlx::raw_sql(AssertSqlSafe(comment.clone())).execute(&mut *transaction).await {
        Ok(_) => return transaction.commit().await,
        Err(error) if is_unsupported(&error) => transaction.rollback().await?,
        Err(error) => return Err(error),
    }
    sqlx::raw_sql(AssertSqlSafe(create)).execute(pool).await?;
    match sqlx::raw_sql(AssertSqlSafe(comment)).execute(pool).await {
        Err(error) if !is_unsupported(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Drops the schema, or gives up when somebody sits in it for longer than [`PATIENCE`]. The server watches the time, so that no connection is left
/// waiting there.
async fn drop_patiently(pool: &PgPool, name: &str) -> Result<(), sqlx::Error> {
    let patience = format!("set local lock_timeout = {}", PATIENCE.as_millis());
    let mut transaction = pool.begin().await?;
    match sqlx::raw_sql(AssertSqlSafe(patience)).execute(&mut *transaction).await {
        Ok(_) => {
            let drop = sqlx::raw_sql(AssertSqlSafe(drop_statement(name)));
            drop.execute(&mut *transaction).await?;
            transaction.commit().await
        }
        Err(error) if is_unsupported(&error) => {
            transaction.rollback().await?;
            let drop = sqlx::raw_sql(AssertSqlSafe(drop_statement(name)));
            drop.execute(pool).await.map(|_| ())
        }
        Err(error) => Err(error),
    }
}

/// Ends the prepared transactions that a schema's players left in it. Where that cannot be done, as on an engine without any, the drop
/// itself will say what is in its way.
async fn roll_back_prepared(pool: &PgPool, schema: &str) {
    for gid in prepared_in(pool, schema).await.unwrap_or_default() {
        let statement = format!("rollback prepared '{}'", gid.replace('\'', "''"));
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(statement)).execute(pool).await {
            tracing::warn!(gid, %error, "a prepared transaction stays");
        }
    }
}

async fn prepared_in(pool: &PgPool, schema: &str) -> Result<Vec<String>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let rows = unnamed(sql::PREPARED).bind(schema).fetch_all(&mut *transaction).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

fn drop_statement(name: &str) -> String {
    format!("drop schema if exists {name} cascade")
}

async fn clock(pool: &PgPool) -> Result<i64, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    unnamed(sql::CLOCK).fetch_one(&mut *transaction).await?.try_get(0)
}

async fn try_lock(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    let query = unnamed(sql::TAKE_LOCK).bind(LOCK_CLASS).bind(name);
    query.fetch_one(connection).await?.try_get(0)
}

async fn is_lock_real(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let query = unnamed(sql::LOCK_IS_REAL).bind(i64::from(LOCK_CLASS));
    query.fetch_one(connection).await?.try_get(0)
}

/// A query that leaves no prepared statement behind. Run in a transaction only: PgBouncer may give the second half of an unnamed
/// statement's protocol to another server otherwise.
fn unnamed(sql: &'static str) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(sql).persistent(false)
}

fn is_unsupported(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("0A000" | "42883"))
}

/// The open transaction that says: this run lives.
#[derive(Debug)]
struct Life {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Life {
    /// `None` where the engine has no advisory locks.
    async fn begin(options: PgConnectOptions, name: String) -> Result<Option<Self>, sqlx::Error> {
        let connection = match hold_lock(&options, &name).await {
            Ok(Some(connection)) => connection,
            Ok(None) => return Ok(None),
            Err(error) if is_unsupported(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(keep_lock(connection, options, name, ended));
        Ok(Some(Self { end, task }))
    }

    /// Waits until the lock is let go, so that nothing of this run is left on the server.
    async fn end(self) {
        drop(self.end);
        // The task ends by itself and has nothing to report; a panic in it is already on stderr.
        let _ = self.task.await;
    }
}

/// A connection with an open transaction that holds the lock; `None` if the engine only pretends to lock.
async fn hold_lock(
    options: &PgConnectOptions,
    name: &str,
) -> Result<Option<PgConnection>, sqlx::Error> {
    let mut connection = options.connect().await?;
    // Not the database's default level, and no end by a timeout: this transaction idles for as long as the run lasts.
    sqlx::raw_sql("begin isolation level read committed").execute(&mut connection).await?;
    if !(try_lock(&mut connection, name).await? && is_lock_real(&mut connection).await?) {
        return Ok(None);
    }
    sqlx::raw_sql("set local idle_in_transaction_session_timeout = 0")
        .execute(&mut connection)
        .await?;
    Ok(Some(connection))
}

async fn keep_lock(
    connection: PgConnection,
    options: PgConnectOptions,
    name: String,
    mut ended: oneshot::Receiver<()>,
) {
    let mut held = Some(connection);
    let mut pulse = tokio::time::interval(PULSE);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = &mut ended => break,
            _ = pulse.tick() => held = beat(held, &options, &name).await,
        }
    }
    if let Some(connection) = held {
        // Closing ends the transaction; if the server is gone already, so is the lock.
        let _ = connection.close().await;
    }
}

/// The same connection if it still answers, else a new one with the lock, if the server lets us.
async fn beat(
    held: Option<PgConnection>,
    options: &PgConnectOptions,
    name: &str,
) -> Option<PgConnection> {
    if let Some(mut connection) = held
        && sqlx::raw_sql("select 1").execute(&mut connection).await.is_ok()
    {
        return Some(connection);
    }
    hold_lock(options, name).await.ok().flatten()
}
