//! The embedded PostgreSQL: it starts, it ends, and nothing of it stays, however it ends.
//!
//! Each test starts clusters of its own, most in a temporary folder of its own: what is swept or
//! removed is the subject here.

mod endings;
mod keeping;
mod mishaps;
mod others;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use overbooked::cluster::{Cluster, ClusterOptions};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use tempfile::TempDir;
use tokio::net::UnixStream;

use crate::support::{Database, options};

/// Long enough for the slowest machine, short enough to see a hang.
const DEADLINE: Duration = Duration::from_secs(20);

/// A folder like `/tmp`: when the tests run as root, the server of another user has its files below
/// it.
fn open_folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("ob-test-").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o1777)).unwrap();
    folder
}

/// Options for clusters whose folders are in `temporary` alone.
fn within(temporary: &TempDir) -> ClusterOptions {
    ClusterOptions { temporary: Some(temporary.path().to_owned()), ..ClusterOptions::default() }
}

async fn start(options: &ClusterOptions) -> Cluster {
    Cluster::start(options, &|_| {}).await.unwrap()
}

async fn connect(cluster: &Cluster) -> PgConnection {
    PgConnection::connect_with(&options(cluster)).await.unwrap()
}

async fn run(cluster: &Cluster, sql: &'static str) {
    let mut connection = connect(cluster).await;
    connection.execute(sql).await.unwrap();
    connection.close().await.unwrap();
}

async fn text(cluster: &Cluster, query: &'static str) -> String {
    let mut connection = connect(cluster).await;
    let text = sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    text
}

/// Waits until `condition` holds; panics at the deadline.
async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let holds = async {
        let mut look = tokio::time::interval(Duration::from_millis(10));
        while !condition().await {
            look.tick().await;
        }
    };
    tokio::time::timeout(DEADLINE, holds).await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

/// The process that listens on a cluster's socket: its postmaster, as the kernel knows it.
async fn postmaster(folder: &Path) -> i32 {
    let socket = UnixStream::connect(folder.join(".s.PGSQL.5432")).await.unwrap();
    socket.peer_cred().unwrap().pid().unwrap()
}

/// One column of `ps` for a process; empty when there is none.
fn ps(pid: i32, column: &str) -> String {
    let output = std::process::Command::new("ps")
        .args(["-o", &format!("{column}="), "-p", &pid.to_string()])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn kill_9(pid: i32) {
    let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(status.unwrap().success());
}

async fn gone(pid: i32) {
    eventually("the server's process ends", async || {
        let state = ps(pid, "state");
        state.is_empty() || state.starts_with('Z')
    })
    .await;
}

fn is_empty(folder: &TempDir) -> bool {
    folder.path().read_dir().unwrap().next().is_none()
}

#[tokio::test]
async fn a_cluster_is_private_small_and_as_promised() {
    let cluster = start(&ClusterOptions::default()).await;
    let asked = [
        ("show server_encoding", "UTF8"),
        ("select datcollate from pg_database where datname = 'postgres'", "C"),
        ("show listen_addresses", ""),
        ("show fsync", "off"),
        ("show synchronous_commit", "on"),
        ("show max_prepared_transactions", "10"),
        ("show max_connections", "200"),
        ("show autovacuum", "on"),
        ("select current_user::text", "overbooked"),
    ];
    for (query, expected) in asked {
        assert_eq!(text(&cluster, query).await, expected, "{query}");
    }
    let mode = cluster.folder().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "only its owner may enter the socket's folder");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn the_target_leads_to_the_cluster() {
    let cluster = start(&ClusterOptions::default()).await;
    let connection = overbooked::pg::Connection::connect(&cluster.target()).await.unwrap();
    let version = connection.parameter("server_version").unwrap();
    assert!(version.starts_with(&cluster.version().to_string()), "{version}");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn sixty_sessions_fit() {
    let cluster = start(&ClusterOptions::default()).await;
    let mut sessions = Vec::new();
    for _ in 0..60 {
        sessions.push(connect(&cluster).await);
    }
    assert_eq!(sessions.len(), 60);
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn two_at_once_do_not_meet() {
    let options = ClusterOptions::default();
    let (one, other) = tokio::join!(start(&options), start(&options));
    run(&one, "create table only_here (id int)").await;
    let query = "select count(*)::text from pg_class where relname = 'only_here'";
    assert_eq!(text(&one, query).await, "1");
    assert_eq!(text(&other, query).await, "0");
    one.stop().await.unwrap();
    assert!(other.is_running());
    other.stop().await.unwrap();
}

#[tokio::test]
async fn two_first_starts_share_one_template() {
    let (cache, temporary) = (open_folder(), open_folder());
    let options = ClusterOptions { cache: Some(cache.path().to_owned()), ..within(&temporary) };
    let (one, other) = tokio::join!(start(&options), start(&options));
    let names = cache.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(names[0], "lock");
    assert!(names[1].starts_with("postgresql-"), "{names:?}");
    one.stop().await.unwrap();
    other.stop().await.unwrap();
}

#[tokio::test]
async fn a_tcp_port_is_open_only_when_asked_for() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = ClusterOptions { listen_tcp: Some(free), ..ClusterOptions::default() };
    let cluster = start(&options).await;
    tokio::net::TcpStream::connect(("127.0.0.1", free)).await.unwrap();
    assert_eq!(text(&cluster, "show port").await, free.to_string());
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn as_root_the_server_runs_as_somebody_else() {
    let cluster = start(&ClusterOptions::default()).await;
    let server = postmaster(cluster.folder()).await;
    assert_ne!(ps(server, "uid"), "0");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn ctrl_c_in_the_terminal_does_not_reach_the_server() {
    let cluster = start(&ClusterOptions::default()).await;
    let server = postmaster(cluster.folder()).await;
    let ourselves = i32::try_from(std::process::id()).unwrap();
    assert_ne!(ps(server, "pgid"), ps(ourselves, "pgid"));
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn each_test_has_its_own_database_on_the_shared_server() {
    let (one, other) = (Database::create().await, Database::create().await);
    assert_eq!(database_behind(&one).await, one.target().database());
    assert_ne!(one.target().database(), other.target().database());
}

async fn database_behind(database: &Database) -> String {
    let mut connection = PgConnection::connect_with(&database.sqlx_options()).await.unwrap();
    sqlx::query_scalar("select current_database()").fetch_one(&mut connection).await.unwrap()
}
