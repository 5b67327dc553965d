//! A schema of a run's own: made at its start, dropped at its end, and swept by a later run if it
//! could not be.
//!
//! A program that is killed cannot tidy up, so the next one does. It must never take a schema that
//! a living run still uses, nor one that a person made; a schema therefore says in its comment
//! whose it is and how to tell whether that run lives:
//!
//! ```text
//! overbooked_rush_5c1f09aa  'overbooked made the schema … (16423); alive while locked'  see `life`
//! overbooked_rush_77e0b132  'overbooked made the schema … (112); alive until 1767225600'  a lease
//! ```
//!
//! The comment names the schema itself: one that a person has renamed or copied is that person's,
//! and left alone. A prepared transaction in the schema's way is rolled back if it has touched
//! nothing else; one that has may be somebody's, and stays with the schema.

mod life;
mod mark;

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgPool, Postgres};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row as _, Transaction};

use crate::core::event::Pid;
use crate::core::sql::schema as sql;
use crate::core::syntax::{literal, quote};
use life::Life;
use mark::{Alive, MADE, Mark};

/// How the schemas of the debugger's gates are called.
pub const GATE_PREFIX: &str = "overbooked_gate";
/// The first of the lock's two numbers ("over"): no other program's advisory locks are likely to
/// have it.
const LOCK_CLASS: i32 = 0x6f76_6572;
/// How long a schema is left alone where no lock can tell whether its run lives.
const LEASE: Duration = Duration::from_hours(24);
/// How long a drop waits for whoever still has a lock in the schema.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Why a schema could not be made, dropped or swept.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It could not be made.
    #[error("cannot create the schema {name}; does this user have CREATE on the database?")]
    Create {
        name: String,
        /// What the database said.
        source: sqlx::Error,
    },
    /// It could not be dropped.
    #[error(
        "cannot drop the schema {name}; the next run tries again, or run: drop schema {name} \
         cascade"
    )]
    Drop {
        name: String,
        /// What the database said.
        source: sqlx::Error,
    },
    /// It was left alone.
    #[error(transparent)]
    Doubt(#[from] SchemaDoubt),
    /// The schemas of earlier runs could not be listed.
    #[error("cannot list the schemas that earlier runs left behind")]
    List(#[source] sqlx::Error),
}

/// A schema of ours, by its looks, that was left alone.
#[derive(Debug, thiserror::Error)]
#[error(
    "the schema {name} was left alone: {why}; if nobody needs it, run: drop schema {name} cascade"
)]
pub struct SchemaDoubt {
    name: String,
    why: Why,
}

impl SchemaDoubt {
    fn new(name: &str, why: Why) -> Self {
        let is_plain = name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'));
        let name = if is_plain { name.to_owned() } else { quote(name) };
        let doubt = Self { name, why };
        tracing::warn!("{doubt}");
        doubt
    }
}

/// Why a schema was left alone.
#[derive(Debug, thiserror::Error)]
enum Why {
    /// It says that something else is ours.
    #[error("its comment is that of another schema, from which it was copied or renamed")]
    Copied,
    /// It has our mark under a name that we never give.
    #[error("it has a comment like ours, and a name that no run of ours gives")]
    Strange,
    /// Somebody's transaction has a lock in it.
    #[error(
        "{} a lock in it and may belong to somebody, since it also touched other things; commit it \
         or roll it back first",
        prepared(.0)
    )]
    Prepared(Vec<String>),
}

fn prepared(gids: &[String]) -> String {
    match gids {
        [one] => format!("the prepared transaction '{one}' has"),
        _ => format!("each of the prepared transactions '{}' has", gids.join("', '")),
    }
}

/// What became of the schemas of dead runs.
#[derive(Debug, Default)]
pub struct Swept {
    /// Those that were dropped.
    pub dropped: Vec<String>,
    /// Those that were left alone.
    pub doubts: Vec<SchemaDoubt>,
}

/// A schema that belongs to this run alone.
#[derive(Debug)]
pub struct RunSchema {
    name: String,
    pool: PgPool,
    life: Option<Life>,
}

impl RunSchema {
    /// Makes `prefix_xxxxxxxx` and marks it as this run's. The prefix is ours: letters, digits,
    /// underscores.
    pub async fn create(pool: &PgPool, prefix: &str) -> Result<Self, SchemaError> {
        let name = new_name(prefix);
        match Self::make(pool, &name).await {
            Ok(life) => Ok(Self { name, pool: pool.clone(), life }),
            Err(source) => Err(SchemaError::Create { name, source }),
        }
    }

    /// Its name, safe to stand unquoted in SQL.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Drops it with all that is in it, and lets go of the lock.
    pub async fn drop(self) -> Result<(), SchemaError> {
        let Self { name, pool, life } = self;
        let dropped = Box::pin(drop_patiently(&pool, &name)).await;
        if let Some(life) = life {
            life.end().await;
        }
        dropped
    }

    /// The lock comes first: between its making and its lock, a schema would look like a dead
    /// run's.
    async fn make(pool: &PgPool, name: &str) -> Result<Option<Life>, sqlx::Error> {
        let life = Life::begin(pool, name.to_owned()).await?;
        let alive = match life {
            Some(_) => Alive::WhileLocked,
            None => Alive::Until(clock(pool).await? + LEASE.as_secs().cast_signed()),
        };
        make_marked(pool, name, alive).await?;
        Ok(life)
    }
}

/// Digits enough that no two runs on one server take the same name.
const DIGITS: usize = 8;

fn new_name(prefix: &str) -> String {
    format!("{prefix}_{:0DIGITS$x}", rand::random::<u32>())
}

/// Whether it is a name as [`new_name`] gives it, and so safe to stand unquoted in SQL.
pub(crate) fn is_given_by_us(name: &str, prefix: &str) -> bool {
    let digits = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    digits.is_some_and(|digits| digits.len() == DIGITS && digits.bytes().all(is_digit))
}

/// Cancels what a backend does, if it does anything.
pub(crate) async fn cancel_backend(pool: &PgPool, backend: Pid) -> Result<(), sqlx::Error> {
    unnamed(sql::CANCEL_BACKEND).bind(backend.0).execute(pool).await.map(|_| ())
}

/// Ends one of a run's backends, which does not let itself be cancelled. That it ends is not waited
/// for.
pub(crate) async fn end_backend(pool: &PgPool, backend: Pid) -> Result<(), sqlx::Error> {
    unnamed(sql::END_BACKEND).bind(backend.0).execute(pool).await.map(|_| ())
}

/// Drops the schemas with this prefix whose runs are dead. What lives, and what carries no mark of
/// ours, is left alone; so is what this user may not drop.
pub async fn sweep(pool: &PgPool, prefix: &str) -> Result<Swept, SchemaError> {
    let mut swept = Swept::default();
    for found in marked(pool, prefix).await.map_err(SchemaError::List)? {
        match sweep_one(pool, prefix, &found).await {
            Ok(true) => swept.dropped.push(found.name),
            Ok(false) => {}
            Err(SchemaError::Doubt(doubt)) => swept.doubts.push(doubt),
            Err(error) => tracing::warn!(schema = found.name, ?error, "left for the next run"),
        }
    }
    Ok(swept)
}

/// A schema whose comment begins as a mark does.
#[derive(sqlx::FromRow)]
struct Found {
    name: String,
    oid: i64,
    mark: String,
    now: i64,
}

async fn marked(pool: &PgPool, prefix: &str) -> Result<Vec<Found>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let query = sqlx::query_as(sql::MARKED).persistent(false);
    query.bind(format!("{prefix}_")).bind(MADE).fetch_all(&mut *transaction).await
}

async fn sweep_one(pool: &PgPool, prefix: &str, found: &Found) -> Result<bool, SchemaError> {
    let name = &found.name;
    let mark = Mark::parse(&found.mark).filter(|mark| mark.is_of(name, found.oid));
    let Some(mark) = mark else { return Err(SchemaDoubt::new(name, Why::Copied).into()) };
    // Whoever may make schemas here chooses their names and comments, and this one would stand in
    // our SQL: `overbooked_run_a; alter role mallory superuser`.
    if !is_given_by_us(name, prefix) {
        return Err(SchemaDoubt::new(name, Why::Strange).into());
    }
    let failed = |source| SchemaError::Drop { name: name.clone(), source };
    // One transaction from the lock to the drop: of two programs that sweep at once, one gets the
    // lock and the other takes the schema for a living run's.
    let mut transaction = patient_transaction(pool).await.map_err(failed)?;
    if !is_dead(&mut transaction, &mark, found).await.map_err(failed)? {
        return Ok(false);
    }
    // Through the pool and not in the transaction: PostgreSQL runs ROLLBACK PREPARED in none.
    make_way(pool, name).await?;
    transaction.execute(drop_statement(name)).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok(true)
}

/// Whether the schema's run is gone, and nobody has taken away its schema or its mark since we saw
/// it.
async fn is_dead(
    transaction: &mut Transaction<'_, Postgres>,
    mark: &Mark,
    found: &Found,
) -> Result<bool, sqlx::Error> {
    let is_over = match mark.alive {
        Alive::Until(end) => end < found.now,
        Alive::WhileLocked => try_lock(transaction, &found.name).await?,
    };
    let is_marked = unnamed(sql::IS_MARKED).bind(found.oid).bind(&found.name).bind(&found.mark);
    Ok(is_over && is_marked.fetch_one(&mut **transaction).await?.try_get(0)?)
}

/// One transaction where the engine allows two pieces of DDL in it: a crash between them would
/// leave a schema that nobody dares to sweep.
async fn make_marked(pool: &PgPool, name: &str, alive: Alive) -> Result<(), sqlx::Error> {
    let create = || AssertSqlSafe(format!("create schema {name}"));
    let mut transaction = pool.begin().await?;
    sqlx::raw_sql(create()).execute(&mut *transaction).await?;
    match put_mark(&mut transaction, name, alive).await {
        Ok(()) => return transaction.commit().await,
        Err(error) if is_unsupported(&error) => transaction.rollback().await?,
        Err(error) => return Err(error),
    }
    sqlx::raw_sql(create()).execute(pool).await?;
    match put_mark(&mut *pool.acquire().await?, name, alive).await {
        Err(error) if !is_unsupported(&error) => Err(error),
        // An engine that has no comments either: the schema carries no mark, and no sweep will
        // touch it.
        _ => Ok(()),
    }
}

async fn put_mark(
    connection: &mut PgConnection,
    name: &str,
    alive: Alive,
) -> Result<(), sqlx::Error> {
    let number =
        format!("select oid::bigint from pg_catalog.pg_namespace where nspname = '{name}'");
    let oid = connection.fetch_one(sqlx::raw_sql(AssertSqlSafe(number))).await?.try_get(0)?;
    let mark = Mark { name: name.to_owned(), oid, alive };
    let comment = format!("comment on schema {name} is '{mark}'");
    sqlx::raw_sql(AssertSqlSafe(comment)).execute(connection).await.map(|_| ())
}

/// Drops the schema, or gives up when somebody sits in it for longer than [`PATIENCE`].
async fn drop_patiently(pool: &PgPool, name: &str) -> Result<(), SchemaError> {
    let failed = |source| SchemaError::Drop { name: name.to_owned(), source };
    make_way(pool, name).await?;
    let mut transaction = patient_transaction(pool).await.map_err(failed)?;
    transaction.execute(drop_statement(name)).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

/// A transaction that waits for a lock no longer than [`PATIENCE`], where the engine can be told
/// so. The server watches the time, so that no connection is left waiting there.
async fn patient_transaction(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let patience = format!("set local lock_timeout = {}", PATIENCE.as_millis());
    let mut transaction = pool.begin().await?;
    match sqlx::raw_sql(AssertSqlSafe(patience)).execute(&mut *transaction).await {
        Err(error) if is_unsupported(&error) => {
            transaction.rollback().await?;
            pool.begin().await
        }
        set => set.map(|_| transaction),
    }
}

/// Ends the prepared transactions that a schema's players left in it. Where that cannot be done, as
/// on an engine without any, the drop itself will say what is in its way.
async fn make_way(pool: &PgPool, schema: &str) -> Result<(), SchemaDoubt> {
    let (ours, others) = prepared_in(pool, schema).await.unwrap_or_default();
    for gid in ours {
        let statement = format!("rollback prepared {}", literal(&gid));
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(statement)).execute(pool).await {
            tracing::warn!(gid, %error, "a prepared transaction stays");
        }
    }
    if others.is_empty() { Ok(()) } else { Err(SchemaDoubt::new(schema, Why::Prepared(others))) }
}

/// Those that are the schema's alone, and those that have touched more.
async fn prepared_in(
    pool: &PgPool,
    schema: &str,
) -> Result<(Vec<String>, Vec<String>), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let query = sqlx::query_as(sql::PREPARED).persistent(false).bind(schema);
    let found: Vec<(String, bool)> = query.fetch_all(&mut *transaction).await?;
    let (ours, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, is_ours)| *is_ours);
    let gids = |found: Vec<(String, bool)>| found.into_iter().map(|(gid, _)| gid).collect();
    Ok((gids(ours), gids(others)))
}

fn drop_statement(name: &str) -> sqlx::RawSql {
    sqlx::raw_sql(AssertSqlSafe(format!("drop schema if exists {name} cascade")))
}

async fn clock(pool: &PgPool) -> Result<i64, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    unnamed(sql::CLOCK).fetch_one(&mut *transaction).await?.try_get(0)
}

async fn try_lock(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    let query = unnamed(sql::TAKE_LOCK).bind(LOCK_CLASS).bind(name);
    query.fetch_one(connection).await?.try_get(0)
}

/// A query that leaves no prepared statement behind. Run in a transaction only: PgBouncer may give
/// the second half of an unnamed statement's protocol to another server otherwise.
fn unnamed(sql: &'static str) -> Query<'static, Postgres, PgArguments> {
    sqlx::query(sql).persistent(false)
}

fn is_unsupported(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("0A000" | "42883"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_we_give_is_known_and_no_other() {
        assert!(is_given_by_us(&new_name("overbooked_run"), "overbooked_run"));
        for strange in [
            "overbooked_run",
            "overbooked_run_",
            "overbooked_run_5c1f09a",
            "overbooked_run_5C1F09AA",
            "overbooked_rush_5c1f09aa",
            "overbooked_run_5c1f09aa_copy",
            "overbooked_run_a; alter role mallory superuser --",
        ] {
            assert!(!is_given_by_us(strange, "overbooked_run"), "{strange}");
        }
    }
}
