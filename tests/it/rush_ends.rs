//! How `overbooked rush` ends when somebody wants it to: nothing stays in the database, and what was sold is told.

use std::process::{Command, Stdio};
use std::time::Duration;

use overbooked::engine::postgres::SUPERUSER;

use crate::rush_screen::seats_are_sold;
use crate::support::{Database, ending_signals, server};
use crate::terminal::{SMALL, Terminal};

const ENDLESS: [&str; 4] = ["rush", "conditional-update", "--requests", "100000000"];

fn url(database: &Database) -> String {
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
                    screen.wait_for("leave and print the table");
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
