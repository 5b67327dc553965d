//! The gate: statements are made to meet inside, where two of them could not be made to race at the
//! wire.
//!
//! ```text
//!  INSERT … WHERE NOT EXISTS (…)      reads that there is none
//!        │                            ── gate: a BEFORE trigger waits for a lock of ours ──
//!        ▼                            inserts
//! ```
//!
//! The trigger's function lies in a schema of ours that is marked as a run's own is, so that what a
//! killed debugger leaves goes with the next start. Nobody waits at it but the backends whose
//! numbers are held, and none while nothing is held.

use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Executor as _, Postgres, Row as _};
use tokio::sync::watch;
use tokio::time::timeout;

use super::tables::TableName;
use super::verdict::SqlFailure;
use crate::core::event::Pid;
use crate::core::sql::gate as sql;
use crate::pg::Target;
use crate::run::schema::{GATE_PREFIX, RunSchema, SchemaError};

/// The first of the locks' two numbers ("gate"): no other program's advisory locks are likely to
/// have it.
const CLASS: i32 = 0x6761_7465;

/// How long those who were let go may take to come to the gate.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the connection that closes the gate waits for at most.
const OWN_LIMITS: &str = "set statement_timeout = 0; set lock_timeout = '2s'";

/// How often it is looked who has come.
const LOOK: Duration = Duration::from_millis(2);

/// Why there is no gate.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("cannot make a gate in {table}")]
    Trigger { table: String, source: SqlFailure },
    #[error("the gate cannot be closed or opened")]
    Lock(#[from] sqlx::Error),
}

/// A gate in some tables.
#[derive(Debug)]
pub struct Gate {
    schema: RunSchema,
    pool: PgPool,
    tables: Vec<TableName>,
}

/// How those who have met inside go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// At one instant: who is served first is the server's choice.
    AtOnce,
    /// One after the other, each once the one before is through or waits, as a plan has it.
    InTurn,
}

/// Who has met inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Met {
    /// Those who were inside when it opened.
    pub inside: Vec<Pid>,
    /// Those who had ended before, or wait somewhere else.
    pub elsewhere: Vec<Pid>,
}

impl Gate {
    /// Makes one in these tables of the server.
    pub async fn make(server: &Target, tables: &[TableName]) -> Result<Self, GateError> {
        let options = server.sqlx_options().application_name("overbooked gate");
        // One closes the gate and looks, one drops the schema in the end.
        let pool = PgPoolOptions::new().max_connections(3).connect_lazy_with(options);
        let schema = RunSchema::create(&pool, GATE_PREFIX).await?;
        let gate = Self { schema, pool, tables: tables.to_vec() };
        for table in tables {
            if let Err(source) = gate.install(table).await {
                let table = table.to_string();
                gate.remove().await?;
                return Err(GateError::Trigger { table, source: source.into() });
            }
        }
        Ok(gate)
    }

    async fn install(&self, table: &TableName) -> Result<(), sqlx::Error> {
        let install = sql::INSTALL
            .replace("{class}", &CLASS.to_string())
            .replace("{schema}", self.schema.name())
            .replace("{table}", &table.quoted());
        self.pool.execute(sqlx::raw_sql(AssertSqlSafe(install))).await.map(drop)
    }

    /// The tables that have it.
    pub fn tables(&self) -> &[TableName] {
        &self.tables
    }

    /// Closes it for these backends.
    pub async fn close(&self, backends: &[Pid]) -> Result<ClosedGate, GateError> {
        let backends: Vec<i32> = backends.iter().map(|pid| pid.0).collect();
        let mut connection = self.pool.acquire().await?;
        // Before it has any lock: with those it must not go back to the pool, whatever happens.
        connection.close_on_drop();
        // Nobody has these numbers for longer than a row takes; and the role's own limits are not
        // meant for this.
        connection.execute(sqlx::raw_sql(OWN_LIMITS)).await?;
        let close = sqlx::query(sql::CLOSE).bind(CLASS).bind(&backends);
        close.execute(&mut *connection).await?;
        Ok(ClosedGate { connection, backends })
    }

    /// Takes it away, with its triggers.
    pub async fn remove(self) -> Result<(), GateError> {
        let Self { schema, pool, .. } = self;
        let dropped = schema.drop().await;
        pool.close().await;
        Ok(dropped?)
    }
}

/// A gate that holds some backends up. Dropped, its connection is closed, which lets them through.
#[derive(Debug)]
pub struct ClosedGate {
    connection: PoolConnection<Postgres>,
    backends: Vec<i32>,
}

impl ClosedGate {
    /// Waits until all have come, or can no longer come, and lets them through.
    /// Whose statement has been answered is asked of `has_ended`, where `changed` tells of changes.
    pub async fn open_when_met(
        mut self,
        opening: Opening,
        has_ended: impl Fn(Pid) -> bool,
        mut changed: watch::Receiver<u64>,
    ) -> Result<Met, GateError> {
        let all = self.backends.len();
        let is_complete = |met: &Met| met.inside.len() + met.elsewhere.len() == all;
        let met = self.look_until(is_complete, &has_ended, &mut changed).await?;
        if opening == Opening::InTurn {
            for pid in self.backends.clone() {
                let open = sqlx::query(sql::OPEN_FOR).bind(CLASS).bind(pid);
                open.execute(&mut *self.connection).await?;
                let is_through = |met: &Met| met.elsewhere.contains(&Pid(pid));
                self.look_until(is_through, &has_ended, &mut changed).await?;
            }
        }
        sqlx::query(sql::OPEN).execute(&mut *self.connection).await?;
        Ok(met)
    }

    /// Looks until this is so, or has not become so for long.
    async fn look_until(
        &mut self,
        is_so: impl Fn(&Met) -> bool,
        has_ended: impl Fn(Pid) -> bool,
        changed: &mut watch::Receiver<u64>,
    ) -> Result<Met, sqlx::Error> {
        let began = Instant::now();
        loop {
            let met = self.look(&has_ended).await?;
            if is_so(&met) || began.elapsed() > PATIENCE {
                return Ok(met);
            }
            // Of who comes to the gate only the server knows.
            let _ = timeout(LOOK, changed.changed()).await;
        }
    }

    async fn look(&mut self, has_ended: impl Fn(Pid) -> bool) -> Result<Met, sqlx::Error> {
        let look = sqlx::query(sql::ARRIVED).bind(CLASS).bind(&self.backends);
        let mut met = Met::default();
        for row in look.fetch_all(&mut *self.connection).await? {
            let (pid, waits, is_blocked) = (Pid(row.get(0)), row.get(1), row.get::<bool, _>(2));
            match (waits, is_blocked || has_ended(pid)) {
                (true, _) => met.inside.push(pid),
                (false, true) => met.elsewhere.push(pid),
                (false, false) => {}
            }
        }
        Ok(met)
    }
}
