//! How `overbooked rush` ends when somebody wants it to: nothing stays in the database, and what
//! was sold is told.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use overbooked::cluster::SUPERUSER;

use crate::rush_screen::seats_are_sold;
use crate::support::{Database, ending_signals, server};
use crate::terminal::{SMALL, Terminal};

const ENDLESS: [&str; 4] = ["rush", "conditional-update", "--requests", "100000000"];

pub(crate) fn url(database: &Database) -> String {
    let (host, port) = (server().folder().display(), server().port());
    format!("host={host} port={port} user={SUPERUSER} dbname={}", database.name())
}

async fn nothing_is_left(database: &Database) -> bool {
    let pool = sqlx::PgPool::connect_with(database.sqlx_options()).await.unwrap();
    let left = "select count(*) from pg_namespace where nspname like 'overbooked%'";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&pool).await.unwrap();
    pool.close().await;
    left == 0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rush_without_a_screen_that_is_told_to_end_still_writes_its_table() {
    for signal in ending_signals() {
        let database = Database::create().await;
        let program = Command::new(env!("CARGO_BIN_EXE_overbooked"))
            .args(ENDLESS)
            .args(["--headless", "--url", &url(&database)])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        seats_are_sold(&database).await;
        let pid = program.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        let output = tokio::task::spawn_blocking(|| program.wait_with_output().unwrap());
        let Ok(output) = tokio::time::timeout(Duration::from_mins(1), output).await else {
            Command::new("kill").args(["-s", "KILL", &pid]).status().unwrap();
            panic!("SIG{signal} does not end it");
        };
        let output = output.unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(told.contains("conditional-update: stopped before the last request"), "{told}");
        assert_eq!(output.status.code(), Some(130), "SIG{signal}");
        assert!(nothing_is_left(&database).await, "SIG{signal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_given_back_however_the_rush_on_it_ends() {
    for (how, key) in [("Ctrl-Q", "\x11"), ("Ctrl-C", "\x03"), ("SIGTERM", "")] {
        let database = Database::create().await;
        let arguments =
            ENDLESS.map(str::to_owned).into_iter().chain(["--url".into(), url(&database)]);
        let arguments: Vec<String> = arguments.collect();
        let screen = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let mut screen = Terminal::open(SMALL, &arguments);
            screen.wait_for(" left");
            match key {
                "" => screen.signal("TERM"),
                key => {
                    screen.type_keys(key);
                    screen.wait_for("quit and print the table");
                    screen.type_keys(key);
                }
            }
            assert_eq!(screen.wait_for_end(), 130);
            screen
        });
        let screen = screen.await.unwrap();
        assert!(screen.is_given_back(), "{how}");
        let told = screen.screen();
        assert!(told.contains("stopped before the last request"), "{how}:\n{told}");
        assert!(nothing_is_left(&database).await, "{how}");
    }
}

/// A rush of the optimistic engine before somebody's server, in a temporary folder of its own.
fn optimistic(database: &Database, temporary: &Path, requests: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_overbooked"));
    program.args(["rush", "optimistic", "--headless", "--requests", requests]);
    program.args(["--url", &url(database)]).env("TMPDIR", temporary).stdout(Stdio::null());
    program
}

fn sockets(temporary: &Path) -> usize {
    let folders = temporary.read_dir().unwrap().flatten().map(|entry| entry.path());
    folders.filter(|folder| folder.join(".s.PGSQL.5432").exists()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_rush_left_goes_with_the_next_start() {
    let database = Database::create().await;
    let temporary = tempfile::tempdir().unwrap();
    let theirs = temporary.path().join("overbooked-main");
    std::fs::create_dir(&theirs).unwrap();
    let mut killed = optimistic(&database, temporary.path(), "100000000").spawn().unwrap();
    seats_are_sold(&database).await;
    assert_eq!(sockets(temporary.path()), 1);
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(sockets(temporary.path()), 1, "there is something to sweep");
    let next = optimistic(&database, temporary.path(), "20").status().unwrap();
    assert_eq!(next.code(), Some(0));
    let left: Vec<_> = temporary.path().read_dir().unwrap().flatten().collect();
    assert!(left.len() == 1 && left[0].path() == theirs, "{left:?}");
    assert!(nothing_is_left(&database).await);
}

/// What a rush says that is given a theme which there is not.
fn refused(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_overbooked"));
    program.args(["rush", "naive", "--headless", "--requests", "1"]).args(arguments);
    program.env_remove("OVERBOOKED_THEME").env_remove("OVERBOOKED_CONFIG");
    program.envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn the_rush_has_the_theme_and_the_configuration_that_the_console_has() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, "theme = \"nosuch\"\n").unwrap();
    let file = file.to_str().unwrap();
    for output in [
        refused(&["--theme", "nosuch"], &[]),
        refused(&[], &[("OVERBOOKED_THEME", "nosuch")]),
        refused(&["--config", file], &[]),
        refused(&[], &[("OVERBOOKED_CONFIG", file)]),
    ] {
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains("nosuch"), "{said}");
    }
    std::fs::write(file, "url = \"host=/nowhere dbname=mine\"\nisolation = \"serializable\"\n")
        .unwrap();
    let output = refused(&["--config", file], &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(3) && said.contains("/nowhere"), "{said}");
}
