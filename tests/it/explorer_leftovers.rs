//! What an explorer that was killed leaves behind is taken away by the next, and nothing else is.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use overbooked::cluster::ClusterOptions;
use overbooked::core::scenario::{EngineKind, library};
use overbooked::explorer::exploration::{Options, explore_scenario};
use overbooked::pg::Connection;
use overbooked::run::Production;
use overbooked::run::engines::Engines;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::patience::url;
use crate::support::{self, Database};

/// What the explorer writes beside its databases.
const MARK: &str = "overbooked made this for its explorer";

/// Longer than any machine needs; a test that gets here has failed.
const DEADLINE: Duration = Duration::from_mins(1);

async fn cell(connection: &mut Connection, sql: &str) -> String {
    connection.ask(sql).await.unwrap().cell.unwrap().unwrap_or_default()
}

/// Waits until a question is answered with true.
async fn wait_until(connection: &mut Connection, sql: &str) {
    let waited = timeout(DEADLINE, async {
        let mut look = interval(Duration::from_millis(10));
        while cell(connection, sql).await != "t" {
            look.tick().await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{sql}"));
}

#[tokio::test]
async fn on_a_kept_server_the_databases_of_killed_explorers_go_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let data = Some(folder.path().join("data"));
    let engines = Engines::embedded(ClusterOptions { data, ..support::cluster_options() });
    let engine = engines.open(EngineKind::Postgres).await.unwrap();
    assert!(engine.is_kept);
    let mut connection = Connection::connect(&engine.target).await.unwrap();
    for name in ["dead", "alive", "somebodys"] {
        let create = format!("create database overbooked_explorer_{name} template template0");
        connection.ask(&create).await.unwrap();
    }
    for name in ["dead", "alive"] {
        let mark = format!("comment on database overbooked_explorer_{name} is '{MARK}'");
        connection.ask(&mark).await.unwrap();
    }
    let alive = engine.target.with_database("overbooked_explorer_alive");
    let alive = Connection::connect(&alive).await.unwrap();
    let scenario = Arc::new(library::open("lost-update").unwrap());
    let schedule = Arc::new(scenario.schedules.first());
    let (engine, isolation) = (EngineKind::Postgres, None);
    let production = Production { scenario, schedule, engine, isolation };
    let options = Options { budget: Some(1), repeat: 0, jobs: 1, ..Options::default() };
    let ((news, _told), stop) = (unbounded_channel(), CancellationToken::new());
    explore_scenario(&engines, &production, options, &news, &stop).await.unwrap();
    let left = "select string_agg(datname, ' ' order by datname) from pg_database \
        where datname like 'overbooked\\_explorer\\_%'";
    let left = cell(&mut connection, left).await;
    assert_eq!(left, "overbooked_explorer_alive overbooked_explorer_somebodys");
    alive.terminate().await.unwrap();
    connection.terminate().await.unwrap();
    engines.stop().await.unwrap();
}

fn explore(url: &str, words: &[&str]) -> Child {
    let mut program = Command::new(env!("CARGO_BIN_EXE_overbooked"));
    program.arg("explore").args(words).args(["--url", url]);
    program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[tokio::test]
async fn on_somebodys_server_the_schema_of_a_killed_explorer_goes_with_the_next() {
    let database = Database::create().await;
    let mut connection = Connection::connect(&database.target()).await.unwrap();
    connection.ask("create schema overbooked_run_of_mine").await.unwrap();
    let url = url(&database);
    let mut killed = explore(&url, &["three-buyers", "--no-reduction", "--jobs", "1"]);
    let schemas = "select count(*) from pg_namespace where nspname like 'overbooked\\_run\\_%'";
    let others = "select count(*) from pg_stat_activity where datname = current_database() \
        and pid <> pg_backend_pid()";
    // It plays: its schema is there, and so are its three sessions.
    wait_until(&mut connection, &format!("select ({schemas}) = 2 and ({others}) > 4")).await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    wait_until(&mut connection, &format!("select ({others}) = 0")).await;
    assert_eq!(cell(&mut connection, schemas).await, "2");
    let next = explore(&url, &["lost-update", "--repeat", "0"]).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&next.stderr).into_owned();
    assert_eq!(next.status.code(), Some(0), "{said}");
    let left = "select string_agg(nspname, ' ') from pg_namespace where nspname like 'overbooked%'";
    assert_eq!(cell(&mut connection, left).await, "overbooked_run_of_mine");
    connection.terminate().await.unwrap();
}
