//! Transfers while the gateway's process, or PostgreSQL, is killed with a signal that nobody can
//! catch.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use overbooked::cluster::{Cluster, SUPERUSER};
use overbooked::gateway::{Gateway, Options};
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

use crate::gateway::{connect, says};
use crate::gateway_crash::{BANK, audit, transfers, work};
use crate::headless::{complaint, overbooked};
use crate::support;

/// `overbooked serve` in front of a server; killed with this value.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(cluster: &Cluster) -> Self {
        Self::start_engine("optimistic", cluster)
    }

    fn start_engine(engine: &str, cluster: &Cluster) -> Self {
        Self::start_with(engine, cluster, &[], &[])
    }

    fn start_with(
        engine: &str,
        cluster: &Cluster,
        variables: &[(&str, &Path)],
        arguments: &[&str],
    ) -> Self {
        let url = format!(
            "host={} port={} user={SUPERUSER} dbname=postgres",
            cluster.folder().display(),
            cluster.port()
        );
        let mut child = Command::new(env!("CARGO_BIN_EXE_overbooked"))
            .args(["serve", "--engine", engine, "--listen", "127.0.0.1:0", "--url", &url])
            .args(arguments)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().parse();
        Self { address: address.unwrap_or_else(|_| panic!("no address: {line:?}")), child }
    }

    fn config(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.address.port()).user(SUPERUSER).dbname("postgres");
        config
    }

    async fn client(&self) -> Client {
        let (client, connection) = self.config().connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// SIGKILL.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn the_certificate_of_a_killed_gateway_is_taken_away_by_the_next() {
    let home = tempfile::tempdir().unwrap();
    let there = || -> Vec<String> {
        let entries = std::fs::read_dir(home.path().join("overbooked")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let certificate = |process: &Process| [format!("localhost-{}.crt", process.address.port())];
    let start = || {
        let variables = [("XDG_DATA_HOME", home.path())];
        Process::start_with("optimistic", support::server(), &variables, &[])
    };
    let mut first = start();
    assert_eq!(there(), certificate(&first));
    first.kill();
    assert_eq!(there(), certificate(&first));
    let second = start();
    assert_eq!(there(), certificate(&second));
}

async fn outsider(cluster: &Cluster) -> Client {
    connect(cluster.folder(), cluster.port(), "postgres").await
}

fn start_work(clients: Vec<Client>, next: &Arc<AtomicU32>) -> JoinSet<Vec<u32>> {
    clients.into_iter().map(|client| work(client, Arc::clone(next), transfers())).collect()
}

async fn half_way(next: &AtomicU32) {
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    let half_way = async {
        while next.load(Ordering::Relaxed) < transfers() / 2 {
            pace.tick().await;
        }
    };
    let patience = Duration::from_mins(2);
    tokio::time::timeout(patience, half_way).await.expect("the transfers go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_leaves_whole_transactions() {
    let cluster = support::start_own().await;
    outsider(&cluster).await.batch_execute(BANK).await.unwrap();
    let mut process = Process::start(&cluster);
    let mut clients = Vec::new();
    for _ in 0..16 {
        clients.push(process.client().await);
    }
    let next = Arc::new(AtomicU32::new(0));
    let workers = start_work(clients, &next);
    half_way(&next).await;
    process.kill();
    let acknowledged = workers.join_all().await.concat();
    assert!(!acknowledged.is_empty() && acknowledged.len() < transfers() as usize);
    audit(&outsider(&cluster).await, &acknowledged).await;
}

/// How many backends work for others than this witness.
async fn backends(witness: &Client) -> i64 {
    const BACKENDS: &str = "select count(*) from pg_stat_activity where backend_type = 'client \
        backend' and pid <> pg_backend_pid()";
    witness.query_one(BACKENDS, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_told_to_end_tells_its_clients_and_leaves_no_backend() {
    let cluster = support::start_own().await;
    let witness = outsider(&cluster).await;
    for engine in ["optimistic", "postgres"] {
        let mut process = Process::start_engine(engine, &cluster);
        let (rests, works) = (process.client().await, process.client().await);
        rests.batch_execute("begin; select 1").await.unwrap();
        let works = tokio::spawn(async move { works.batch_execute("select pg_sleep(600)").await });
        let works_now = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        let seen = async {
            while witness.query_one(works_now, &[]).await.unwrap().get::<_, i64>(0) == 0 {
                pace.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), seen).await.expect("somebody sleeps");
        let pid = rustix::process::Pid::from_child(&process.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let told = works.await.unwrap().unwrap_err();
        assert_eq!(told.code().map(tokio_postgres::error::SqlState::code), Some("57P01"), "{told}");
        process.child.wait().unwrap();
        assert_eq!(backends(&witness).await, 0, "{engine}");
        drop(rests);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_for_who_names_none_goes_with_pass_through_alone() {
    let cluster = support::server();
    let start = |engine, level| Process::start_with(engine, cluster, &[], &["--isolation", level]);
    let level = async |process: &Process, options: &str| {
        let mut config = process.config();
        config.options(options);
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        says(&client, "select current_setting('transaction_isolation')").await
    };
    let process = start("postgres", "serializable");
    assert_eq!(level(&process, "-c work_mem=7MB").await, "serializable; (1)");
    let own = "-c default-transaction-isolation=repeatable\\ read";
    assert_eq!(level(&process, own).await, "repeatable read; (1)");
    let process = start("optimistic", "repeatable-read");
    assert_eq!(level(&process, "-c work_mem=7MB").await, "repeatable read; (1)");
    for arguments in [
        &["serve", "--isolation", "serializable"][..],
        &["serve", "--engine", "optimistic", "--isolation", "read-committed"],
    ] {
        let output = overbooked(arguments);
        let complaint = complaint(&output);
        assert_eq!(output.status.code(), Some(2), "{complaint}");
        assert!(complaint.contains("the optimistic engine does not offer"), "{complaint}");
    }
}

/// The system closes what a killed process had open, and PostgreSQL hears it where a client rests.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_leaves_no_open_transaction() {
    let cluster = support::start_own().await;
    let witness = outsider(&cluster).await;
    for engine in ["optimistic", "postgres"] {
        let mut process = Process::start_engine(engine, &cluster);
        let rests = process.client().await;
        rests.batch_execute("begin; select 1").await.unwrap();
        process.kill();
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        let gone = async {
            while backends(&witness).await > 0 {
                pace.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), gone).await.expect("its backend ends");
    }
}

/// The whole server, first process and all, and started again: the gateway and its clients find
/// nobody where they were.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_whole_leaves_whole_transactions() {
    let mut cluster = support::start_own().await;
    let witness = outsider(&cluster).await;
    witness.batch_execute(BANK).await.unwrap();
    let row = witness.query_one("show data_directory", &[]).await.unwrap();
    let mut process = Process::start(&cluster);
    let mut clients = Vec::new();
    for _ in 0..16 {
        clients.push(process.client().await);
    }
    let next = Arc::new(AtomicU32::new(0));
    let workers = start_work(clients, &next);
    half_way(&next).await;
    rustix::process::kill_process(postmaster(&row), rustix::process::Signal::KILL).unwrap();
    let acknowledged = workers.join_all().await.concat();
    assert!(!acknowledged.is_empty() && acknowledged.len() < transfers() as usize);
    cluster.restart().await.unwrap();
    audit(&recovered(&cluster).await, &acknowledged).await;
    // The same gateway serves the server that was started again.
    let money = process.client().await.query_one("select sum(money) from accounts", &[]).await;
    assert_eq!(money.unwrap().get::<_, i64>(0), 5_000);
    process.kill();
}

/// One backend killed by SIGKILL makes PostgreSQL end all others and recover from its log.
async fn crash(victim: &Client) {
    let row = victim.query_one("select pg_backend_pid()", &[]).await.unwrap();
    let pid = rustix::process::Pid::from_raw(row.get(0)).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// The first process of a server, by the file that it keeps for that.
pub(crate) fn postmaster(row: &tokio_postgres::Row) -> rustix::process::Pid {
    let file = std::path::Path::new(row.get::<_, &str>(0)).join("postmaster.pid");
    let text = std::fs::read_to_string(file).unwrap();
    rustix::process::Pid::from_raw(text.lines().next().unwrap().parse().unwrap()).unwrap()
}

/// Waits until PostgreSQL lets somebody in again.
async fn recovered(cluster: &Cluster) -> Client {
    let mut config = tokio_postgres::Config::new();
    config.host_path(cluster.folder()).port(cluster.port()).user(SUPERUSER).dbname("postgres");
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    let try_again = async {
        loop {
            pace.tick().await;
            if let Ok((client, connection)) = config.connect(NoTls).await {
                tokio::spawn(connection);
                return client;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), try_again).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_is_killed_leaves_whole_transactions() {
    let cluster = support::start_own().await;
    let victim = outsider(&cluster).await;
    victim.batch_execute(BANK).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(cluster.target());
    options.socket_folder = Some(folder.path().to_owned());
    let gateway = Gateway::start(options).await.unwrap();
    let mut clients = Vec::new();
    for _ in 0..16 {
        clients.push(connect(folder.path(), 5432, "postgres").await);
    }
    let next = Arc::new(AtomicU32::new(0));
    let workers = start_work(clients, &next);
    half_way(&next).await;
    crash(&victim).await;
    let acknowledged = workers.join_all().await.concat();
    assert!(!acknowledged.is_empty() && acknowledged.len() < transfers() as usize);
    audit(&recovered(&cluster).await, &acknowledged).await;
    drop(gateway);
}
