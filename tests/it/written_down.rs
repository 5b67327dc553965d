//! What was played, written down as a scenario, plays again: without a key, and what a server or
//! somebody else has done among it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use overbooked::cluster::SUPERUSER;
use overbooked::core::scenario::{EngineKind, Scenario, sql_file};
use overbooked::reports::scenario_export::{Performance, PlayedBy, replay};
use overbooked::reports::transcript::{Options, transcript};
use overbooked::run::Production;
use overbooked::run::engines::Engines;
use overbooked::run::headless::{Patience, Played, play};
use tokio_util::sync::CancellationToken;

use crate::psql_compare::psql_binary;
use crate::scenario_docs::examples;
use crate::support::{self, Database};
use crate::terminal::{MIDDLE, Terminal};

fn scenario(text: &str) -> Scenario {
    sql_file::parse(text, Path::new("played.sql"), "played").unwrap()
}

async fn played(engines: &Engines, scenario: Scenario) -> Played {
    let schedule = Arc::new(scenario.schedules.first());
    let (scenario, engine) = (Arc::new(scenario), EngineKind::Postgres);
    let production = Production { scenario, schedule, engine, isolation: None };
    let patience = Patience::with_steps(Duration::from_secs(30));
    play(engines, production, patience, &CancellationToken::new()).await.unwrap()
}

fn told(played: &Played) -> String {
    let roster: Vec<_> = played.scenario.sessions.iter().map(|it| it.name.clone()).collect();
    transcript(&played.events, &roster, Options::default())
}

fn written(played: &Played) -> String {
    let cast: Vec<_> = played.scenario.sessions.iter().map(|it| it.name.clone()).collect();
    let performance = Performance {
        by: PlayedBy::Console,
        scenario: &played.scenario,
        schedule: &played.schedule,
        cast: &cast,
        engine: played.engine.kind,
        isolation: played.engine.isolation,
        events: &played.events,
    };
    sql_file::render(&replay(&performance).unwrap())
}

/// Plays a scenario, writes down what was played, and plays that; gives what was written.
async fn twice(engines: &Engines, scenario: Scenario) -> String {
    let first = played(engines, scenario).await;
    let reproach = || format!("{:#?}\n{}", first.breaches, told(&first));
    assert!(first.is_kept(), "{}", reproach());
    let text = written(&first);
    let again = self::scenario(&text);
    assert!(!text.contains("It stops where a file cannot follow"), "{text}");
    let second = played(engines, again).await;
    assert!(second.is_kept(), "{text}\n{:#?}\n{}", second.breaches, told(&second));
    text
}

#[tokio::test]
async fn every_example_of_the_page_without_a_stranger_plays_again() {
    let engines = Engines::embedded(support::cluster_options());
    // A prepared transaction is nobody's on the stage, and whoever waits for one ends what a file
    // can follow.
    let followed = |it: &Scenario| it.title != "A transaction without a session";
    for scenario in examples().into_iter().filter(followed) {
        if scenario.is_for(EngineKind::Postgres) {
            twice(&engines, scenario).await;
        }
    }
    engines.stop().await.unwrap();
}

#[tokio::test]
async fn a_session_that_is_ended_while_idle_is_written_down_and_comes_back() {
    let engines = Engines::at(Database::create().await.target());
    let text = "-- T\n-- sessions: Idle, Killer\n\n-- Idle: begins\nbegin;\nselect 1;\n--> 1\n\n\
        -- Killer: ends it\nselect pg_terminate_backend(pid) from pg_stat_activity where \
        datname = current_database() \
        and application_name = 'overbooked/Idle';\n--> t\n--> Idle: lost: FATAL 57P01\n\n\
        -- Idle: finds out\ncommit;\n--> lost: FATAL 57P01\n\n-- Idle: goes on\nselect 2;\n--> 2\n";
    let text = twice(&engines, scenario(text)).await;
    for part in [
        "overbooked/Idle';\n--> Idle: lost: FATAL 57P01\n",
        "commit;\n--> lost: FATAL 57P01\n",
        "select 2;\n--> 2\n",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_session_that_is_ended_while_it_waits_is_written_down() {
    let engines = Engines::at(Database::create().await.target());
    let text = "-- T\n-- sessions: A, B\n\n-- setup\ncreate table t (n int);\n\
        insert into t values (1);\n\n-- A: locks\nbegin;\nupdate t set n = 2;\n--> UPDATE 1\n\n\
        -- B: waits\nselect 5;\nselect n from t for update;\nselect 6;\n--> waits for A\n\n\
        -- A: ends it\nselect pg_terminate_backend(pid) from pg_stat_activity where \
        datname = current_database() \
        and application_name = 'overbooked/B';\n--> t\n--> B: lost: FATAL 57P01\n\n-- B: is there\n\
        select 2;\n--> 2\n";
    let text = twice(&engines, scenario(text)).await;
    assert!(text.contains("--> waits for A\n--> 5\n--> 6\n"), "{text}");
    assert!(text.contains("--> B: lost: FATAL 57P01\n"), "{text}");
}

#[tokio::test]
async fn a_value_that_came_after_a_wait_keeps_its_name() {
    let engines = Engines::at(Database::create().await.target());
    let text = "-- T\n-- sessions: A, B\n\n-- setup\ncreate table t (id int, n int);\n\
        insert into t values (1, 10);\n\n-- A: locks\nbegin;\nupdate t set n = 20;\n--> UPDATE \
        1\n\n-- B: reads\nselect n from t for update;\n--> waits for A\n\n-- A: commits\ncommit;\n\
        --> B resumes: (n)\n\n-- A: uses it\nselect :n + 1 as more;\n--> 21\n";
    let text = twice(&engines, scenario(text)).await;
    assert!(text.contains("--> B resumes: (n)\n"), "{text}");
    assert!(text.contains("select :n + 1 as more;\n--> 21\n"), "{text}");
}

/// What psql shows of the same line, typed.
fn typed_into_psql(line: &str) -> String {
    let server = support::server();
    let (folder, port) = (server.folder().display().to_string(), server.port().to_string());
    let connect = format!("host={folder} port={port} user={SUPERUSER} dbname=postgres");
    let program = psql_binary();
    let mut psql =
        Terminal::run(&program, MIDDLE, &["-X", "-q", &connect], &[("PSQL_PAGER", "cat")]);
    psql.wait_for("postgres=#");
    psql.type_keys(line);
    psql.type_keys("\r");
    psql.wait_for("Succeeded");
    psql.wait_for("answer");
    psql.wait_for("no transaction in progress");
    let told = psql.screen();
    psql.type_keys("\\q\r");
    psql.wait_for_end();
    told
}

#[tokio::test]
async fn the_statement_after_a_lost_one_goes_out_on_the_next_connection() {
    let line =
        "begin; select pg_terminate_backend(pg_backend_pid()); select 41 + 1 as answer; commit;";
    let theirs = typed_into_psql(line);
    assert!(theirs.contains("42\n(1 row)"), "{theirs}");
    let engines = Engines::at(Database::create().await.target());
    let text = format!(
        "-- T\n-- sessions: A\n\n-- A: all of it\n{}\n--> lost: FATAL 57P01\n--> 42\n\
         --> WARNING 25P01: there is no transaction\n--> COMMIT\n",
        line.replace("; ", ";\n")
    );
    let text = twice(&engines, scenario(&text)).await;
    assert!(text.contains("--> BEGIN\n--> lost: FATAL 57P01\n--> COMMIT\n"), "{text}");
}

#[tokio::test]
async fn what_follows_the_statement_that_finds_out_goes_on_too() {
    let engines = Engines::at(Database::create().await.target());
    let text = "-- T\n-- sessions: Idle, Killer\n\n-- Idle: is there\nselect 1;\n--> 1\n\n\
        -- Killer: ends it\nselect pg_terminate_backend(pid) from pg_stat_activity where \
        datname = current_database() \
        and application_name = 'overbooked/Idle';\n--> Idle: lost: FATAL 57P01\n\n\
        -- Idle: finds out\n\
        select 2;\nselect 3;\n--> lost: FATAL 57P01\n--> 3\n--> (1 row)\n";
    twice(&engines, scenario(text)).await;
}
