//! The observer's own connections: few, quiet, in nobody's way, and made anew by themselves after a
//! restart of the server.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection};

use super::pageinspect::{self, Inspection};
use crate::core::event::Pid;
use crate::core::sql;

/// What every connection is set to; `settings.sql` says why.
const SETTINGS: [(&str, &str); 8] = [
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("default_transaction_isolation", "read committed"),
    ("default_transaction_read_only", "on"),
    ("lock_timeout", "50ms"),
    ("statement_timeout", "1s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("yb_locks_min_txn_age", "0"),
];

/// The verdict, the waits and the watched tables may be asked for at the same time, each on a
/// connection of its own.
pub(super) const CONNECTIONS: u32 = 3;

/// A server that is away must show as an error soon, not as a screen that hangs.
const PATIENCE: Duration = Duration::from_secs(3);

/// The backends of the observer's own connections. Each look locks what it reads for a moment, and
/// whoever wants a table for himself may be seen to wait for that: it is nobody's doing, and
/// passes.
#[derive(Clone, Debug, Default)]
pub(super) struct Own(Arc<Mutex<VecDeque<Pid>>>);

/// More than are ever connected; those that have gone are forgotten.
const OWN_KNOWN: usize = 64;

impl Own {
    fn add(&self, pid: Pid) {
        let mut pids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pids.push_back(pid);
        if pids.len() > OWN_KNOWN {
            pids.pop_front();
        }
    }

    /// Those of these who are not the observer.
    pub(super) fn without(&self, mut pids: Vec<Pid>) -> Vec<Pid> {
        let own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pids.retain(|pid| !own.contains(pid));
        pids
    }
}

/// A pool of the observer's connections; none is made before it is needed.
pub(super) fn pool(options: PgConnectOptions, inspection: Inspection, own: &Own) -> PgPool {
    let own = Own::clone(own);
    let options = options.application_name("overbooked observer").disable_statement_logging();
    PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        // A connection that was replaced in the middle of a play would make its functions anew
        // there, and take a transaction id that the play's own numbers would show.
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(move |connection, _| {
            let own = Own::clone(&own);
            Box::pin(async move { settle(connection, inspection, &own).await })
        })
        .connect_lazy_with(options)
}

/// Makes all of the pool's connections now. What a connection makes for itself then takes no
/// transaction id in the middle of somebody's play.
pub(super) async fn fill(pool: &PgPool) {
    // Asked for together: one that was given back would be handed out again instead of a new one.
    let connections = (0..CONNECTIONS).map(|_| pool.acquire());
    // One that cannot be had now is made when it is needed.
    let _returned_at_once = join_all(connections).await;
}

/// Applies the settings that the server knows. One that refuses them all is still worth looking
/// through.
async fn settle(
    connection: &mut PgConnection,
    inspection: Inspection,
    own: &Own,
) -> Result<(), sqlx::Error> {
    apply_settings(connection).await?;
    // A server without process numbers has nobody waiting for one.
    let pid = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *connection).await;
    if let Ok(pid) = pid {
        own.add(Pid(pid));
    }
    if inspection == Inspection::Allowed {
        pageinspect::install(connection).await;
    }
    Ok(())
}

async fn apply_settings(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let (names, values): (Vec<_>, Vec<_>) = SETTINGS.into_iter().unzip();
    let settings = sqlx::query(sql::observer::SETTINGS).bind(names).bind(values);
    match settings.execute(connection).await {
        Err(sqlx::Error::Database(refusal)) => {
            tracing::warn!(%refusal, "the server refuses the observer's settings");
            Ok(())
        }
        other => other.map(|_| ()),
    }
}
