//! The lock that says: the run of this schema lives.
//!
//! A connection of its own holds it, idle and in no transaction, so that it holds back nobody's
//! VACUUM and stands in nobody's way who looks for forgotten transactions. Behind a pooler in
//! transaction mode the server's session is somebody else's a moment later; there a transaction
//! that stays open holds it. It has neither snapshot nor transaction id.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{ConnectOptions, Connection as _, PgConnection, Row as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::{LOCK_CLASS, is_unsupported, unnamed};
use crate::core::sql::schema as sql;
use crate::observer::flavor;

/// How often the lock's connection is tried, so that a run that outlives a restart of its server
/// has its lock again.
const PULSE: Duration = Duration::from_secs(2);

/// How long the lock is held by itself, without anything that renews it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// As long as its connection.
    Session,
    /// As long as a transaction: a pooler stands before the server.
    Transaction,
}

/// The connection that says: this run lives.
#[derive(Debug)]
pub(super) struct Life {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Life {
    /// `None` where the engine has no advisory locks.
    pub(super) async fn begin(pool: &PgPool, name: String) -> Result<Option<Self>, sqlx::Error> {
        let options = (*pool.connect_options()).clone();
        let mut connection = options.connect().await?;
        let is_shared =
            flavor::have_one_backend(&mut connection, &mut *pool.acquire().await?).await?;
        let hold = if is_shared { Hold::Transaction } else { Hold::Session };
        match take_lock(&mut connection, &name, hold).await {
            Ok(true) => {}
            // The name is new, so nobody else has its lock. If not even we get it, there is none to
            // be had, or another name has the same hash: a lease does for both.
            Ok(false) => return Ok(None),
            Err(error) if is_unsupported(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
        let (end, ended) = oneshot::channel();
        let keeper = Keeper { options, name, hold };
        let task = tokio::spawn(keeper.keep(connection, ended));
        Ok(Some(Self { end, task }))
    }

    /// Waits until the lock is let go, so that nothing of this run is left on the server.
    pub(super) async fn end(self) {
        drop(self.end);
        // The task ends by itself and has nothing to report; a panic in it is already on stderr.
        let _ = self.task.await;
    }
}

/// Whoever holds the lock.
struct Keeper {
    options: PgConnectOptions,
    name: String,
    hold: Hold,
}

impl Keeper {
    async fn keep(self, connection: PgConnection, mut ended: oneshot::Receiver<()>) {
        let mut held = Some(connection);
        let mut pulse = tokio::time::interval(PULSE);
        // A machine that has slept for an hour owes no 1,800 beats.
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = &mut ended => break,
                _ = pulse.tick() => held = self.beat(held).await,
            }
        }
        if let Some(connection) = held {
            // Closing lets go of the lock; if the server is gone already, so is the lock.
            let _ = connection.close().await;
        }
    }

    /// The same connection if it still answers, else a new one with the lock, if the server lets
    /// us.
    async fn beat(&self, held: Option<PgConnection>) -> Option<PgConnection> {
        if let Some(mut connection) = held
            && sqlx::raw_sql("select 1").execute(&mut connection).await.is_ok()
        {
            return Some(connection);
        }
        let mut connection = self.options.connect().await.ok()?;
        let is_taken = take_lock(&mut connection, &self.name, self.hold).await;
        is_taken.unwrap_or(false).then_some(connection)
    }
}

/// Takes the lock and sees to it that no timeout ends what holds it; `false` if the engine only
/// pretends to lock.
async fn take_lock(
    connection: &mut PgConnection,
    name: &str,
    hold: Hold,
) -> Result<bool, sqlx::Error> {
    let (take, limits) = match hold {
        Hold::Session => (sql::TAKE_SESSION_LOCK, ["idle_session_timeout"].as_slice()),
        Hold::Transaction => {
            // Not the database's default level.
            sqlx::raw_sql("begin isolation level read committed").execute(&mut *connection).await?;
            let limits = ["idle_in_transaction_session_timeout", "transaction_timeout"].as_slice();
            (sql::TAKE_LOCK, limits)
        }
    };
    let taken = unnamed(take).bind(LOCK_CLASS).bind(name).fetch_one(&mut *connection).await?;
    if !(taken.try_get(0)? && is_lock_real(connection).await?) {
        return Ok(false);
    }
    let unlimited = unnamed(sql::WITHOUT_LIMITS).bind(limits).bind(hold == Hold::Transaction);
    unlimited.execute(connection).await?;
    Ok(true)
}

async fn is_lock_real(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let query = unnamed(sql::LOCK_IS_REAL).bind(i64::from(LOCK_CLASS));
    query.fetch_one(connection).await?.try_get(0)
}
