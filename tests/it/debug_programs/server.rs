//! A PostgreSQL that listens on TCP, as programs want it, and a database of it for each that plays.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use overbooked::cluster::{Cluster, ClusterOptions, SUPERUSER};
use overbooked::pg::Target;
use tokio::runtime::Runtime;
use tokio_postgres::Client;

use super::DEADLINE;
use crate::gateway::connect;
use crate::support;

struct Running {
    cluster: Cluster,
    _runtime: Runtime,
}

/// Ends with the process, as the one in [`support`] does.
static SERVER: LazyLock<Running> =
    LazyLock::new(|| std::thread::spawn(start).join().expect("the programs' server starts"));

fn start() -> Running {
    let runtime = Runtime::new().unwrap();
    let options = ClusterOptions { listen_tcp: Some(free_port()), ..support::cluster_options() };
    let cluster = runtime.block_on(Cluster::start(&options, &|_| {})).unwrap();
    Running { cluster, _runtime: runtime }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

const TABLES: &str = "select table_name::text from information_schema.tables \
                      where table_schema = 'public' order by 1";

/// Who else is connected to it.
const OTHERS: &str = "select count(*) from pg_stat_activity where datname = current_database() \
                      and backend_type = 'client backend' and pid <> pg_backend_pid()";

/// Who waits for a lock in it.
const WAITERS: &str = "select count(*) from pg_stat_activity where datname = current_database() \
                       and wait_event_type = 'Lock'";

/// Who waits for an advisory lock in it.
const ADVISED: &str = "select count(*) from pg_locks join pg_database on oid = database where \
                       datname = current_database() and locktype = 'advisory' and not granted";

/// A database of a program's own.
pub(crate) struct Shop {
    name: String,
}

impl Shop {
    /// Makes one with these tables.
    pub(crate) async fn with(setup: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("shop_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let shop = Self { name };
        let server = connect(SERVER.cluster.folder(), SERVER.cluster.port(), "postgres").await;
        server.batch_execute(&format!("create database {}", shop.name)).await.unwrap();
        shop.session().await.batch_execute(setup).await.unwrap();
        shop
    }

    pub(crate) fn target(&self) -> Target {
        SERVER.cluster.target().with_database(&self.name)
    }

    /// What a program connects to on a port: the server's own, or a debugger's.
    pub(crate) fn url_on(&self, port: u16) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{port}/{}", self.name)
    }

    /// Straight to the server.
    pub(crate) fn url(&self) -> String {
        self.url_on(SERVER.cluster.port())
    }

    /// A session of the test's own.
    pub(crate) async fn session(&self) -> Client {
        connect(SERVER.cluster.folder(), SERVER.cluster.port(), &self.name).await
    }

    /// What is in it in the end: every row of every table, long ones by their beginning and what
    /// tells them apart.
    pub(crate) async fn contents(&self) -> Vec<String> {
        let session = self.session().await;
        let mut contents = Vec::new();
        for table in session.query(TABLES, &[]).await.unwrap() {
            let table: String = table.get(0);
            let rows = format!(
                "select left(t::text, 60) || ' ' || md5(t::text) from {table} t order by t::text"
            );
            for row in session.query(&rows, &[]).await.unwrap() {
                contents.push(format!("{table}: {}", row.get::<_, String>(0)));
            }
        }
        contents
    }

    /// A number that a query gives.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.session().await.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// Waits until a number is as wanted.
    async fn wait_until(&self, sql: &str, is_so: impl Fn(i64) -> bool) {
        let session = self.session().await;
        let waits = async {
            let mut pulse = tokio::time::interval(Duration::from_millis(10));
            while !is_so(session.query_one(sql, &[]).await.unwrap().get(0)) {
                pulse.tick().await;
            }
        };
        tokio::time::timeout(DEADLINE, waits).await.expect(sql);
    }

    /// Waits until somebody waits for a lock.
    pub(crate) async fn somebody_waits(&self) {
        self.wait_until(WAITERS, |count| count > 0).await;
    }

    /// Waits until so many wait for an advisory lock.
    pub(crate) async fn so_many_wait_for_advice(&self, wanted: i64) {
        self.wait_until(ADVISED, |count| count == wanted).await;
    }

    /// Waits until everybody else has gone.
    pub(crate) async fn is_left_alone(&self) {
        self.wait_until(OTHERS, |count| count == 0).await;
    }
}
