//! One PostgreSQL for all tests of a process, and in it a database for each test that asks.
//!
//! ```ignore
//! let database = support::Database::create().await;
//! let connection = Connection::connect(&database.target()).await.unwrap();
//! let pool = PgPool::connect_with(database.sqlx_options()).await.unwrap();
//! ```
//!
//! The server is started by the first test that needs it (about 150 ms once its template is
//! cached). It runs on a runtime of its own, since every `#[tokio::test]` ends its own. Nobody
//! stops it: a static is never dropped, but the end of the process lets go of the supervisor's
//! pipe, and that ends the server and removes its folder, also after a panic or a kill.
//!
//! Databases are enough to keep tests apart: tables, advisory locks and `pg_blocking_pids` of one
//! are nothing to another. What concerns the whole server (killing it, prepared transactions'
//! limit, settings) wants a [`Cluster`] of its own.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use overbooked::cluster::{Cluster, ClusterOptions, SUPERUSER};
use overbooked::core::scenario::{EngineKind, Isolation, Scenario};
use overbooked::pg::Target;
use overbooked::run::EngineLine;
use overbooked::run::etcd_source::EtcdSource;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::runtime::Runtime;

struct Running {
    cluster: Cluster,
    _runtime: Runtime,
}

static SERVER: LazyLock<Running> = LazyLock::new(|| {
    // A thread of its own: a runtime cannot be made and blocked on from within a test's.
    std::thread::spawn(start).join().expect("the shared server starts")
});

fn start() -> Running {
    let runtime = Runtime::new().unwrap();
    let cluster = runtime.block_on(Cluster::start(&cluster_options(), &|_| {})).unwrap();
    Running { cluster, _runtime: runtime }
}

/// The server that this process's tests share.
pub(crate) fn server() -> &'static Cluster {
    &SERVER.cluster
}

/// A database of a test's own on the shared server.
pub(crate) struct Database {
    name: String,
}

impl Database {
    /// Makes an empty one.
    pub(crate) async fn create() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect_with(&options(server())).await.unwrap();
        let create = format!("create database {name}");
        connection.execute(AssertSqlSafe(create)).await.unwrap();
        connection.close().await.unwrap();
        Self { name }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How sessions connect to it.
    pub(crate) fn target(&self) -> Target {
        server().target().with_database(&self.name)
    }

    /// How sqlx connects to it.
    pub(crate) fn sqlx_options(&self) -> PgConnectOptions {
        options(server()).database(&self.name)
    }
}

/// How sqlx connects to a cluster's database `postgres`.
pub(crate) fn options(cluster: &Cluster) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(cluster.folder())
        .port(cluster.port())
        .username(SUPERUSER)
        .database("postgres")
}

/// A server of a test's own, to be restarted or killed.
pub(crate) async fn start_own() -> Cluster {
    Cluster::start(&cluster_options(), &|_| {}).await.unwrap()
}

/// The PostgreSQL that the program would find, or the one in the folder that `OVERBOOKED_PG_BIN`
/// names: so the tests run on any version.
pub(crate) fn cluster_options() -> ClusterOptions {
    let binaries = std::env::var_os("OVERBOOKED_PG_BIN").map(std::path::PathBuf::from);
    ClusterOptions { binaries, ..ClusterOptions::default() }
}

/// The signals that end a program. Whoever runs the tests under `nohup` has the hang-up ignored in
/// every program that they start (proc(5), `SigIgn`).
pub(crate) fn ending_signals() -> impl Iterator<Item = &'static str> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
    let hang_up = Some("HUP").filter(|_| ignored & 1 == 0);
    ["INT", "TERM"].into_iter().chain(hang_up)
}

/// Whether the scenario's sessions find the etcd that they speak to; says so where they do not.
pub(crate) fn finds_its_etcd(scenario: &Scenario) -> bool {
    let lack = EtcdSource::default().lack().filter(|_| !scenario.etcd_sessions().is_empty());
    if let Some(lack) = &lack {
        eprintln!("not tried: {}: {lack}", scenario.name);
    }
    lack.is_none()
}

/// What to ask for to play a scenario at each level that it is written for, on an engine: of one
/// that has a single level, or of a scenario that names none, nothing.
pub(crate) fn levels_on(scenario: &Scenario, engine: EngineKind) -> Vec<Option<Isolation>> {
    if engine.levels().len() == 1 || scenario.levels.is_empty() {
        return vec![None];
    }
    scenario.levels.iter().copied().map(Some).collect()
}

/// The engine that stands in the frames of tests that draw them.
pub(crate) fn engine_of_frames() -> EngineLine {
    EngineLine {
        kind: EngineKind::Postgres,
        product: "PostgreSQL 15.20".to_owned(),
        place: "embedded".to_owned(),
        isolation: Isolation::ReadCommitted,
        alone: None,
    }
}
