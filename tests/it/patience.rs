//! What never ends: a step, a setup, a `finally` part. Each is given up with the right words, and nothing hangs or is left behind.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use overbooked::engine::postgres::SUPERUSER;
use overbooked::play::{Patience, Played, Stop, play};
use overbooked::run::venues::Venues;
use overbooked::run::{Command, Production, Report, Run};
use overbooked::scenario::{EngineKind, library, spec_file, sql_file};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::headless::{complaint, overbooked, told, written};
use crate::support::{Database, server};

/// Longer than any test has patience.
const ENDLESS_SETUP: &str = "\
-- A setup that sleeps
--
-- sessions: Bob

-- setup
create table slow (id int);
select pg_sleep(600);

-- Bob: looks
select 1;
";

const ENDLESS_FINALE: &str = "\
-- An end that sleeps
--
-- sessions: Bob

-- Bob: looks
select 1;

-- finally
select pg_sleep(600);
";

const ENDLESS_OWN_SETUP: &str = "\
session bob
setup { select pg_sleep(600); }
step look { select 1; }
";

/// What the tests give a part that never ends, and one that does.
const SHORT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(60);

fn url(database: &Database) -> String {
    let (host, port) = (server().folder().display(), server().port());
    format!("host={host} port={port} user={SUPERUSER} dbname={}", database.name())
}

fn production(scenario: overbooked::scenario::Scenario) -> Production {
    let schedule = Arc::new(scenario.schedules.first());
    let scenario = Arc::new(scenario);
    Production { scenario, schedule, engine: EngineKind::Postgres, isolation: None }
}

fn from_sql(text: &str) -> Production {
    production(sql_file::parse(text, Path::new("slow.sql"), "slow").unwrap())
}

async fn played(database: &Database, production: Production, patience: Patience) -> Played {
    let venues = Venues::at(database.target());
    let played = tokio::time::timeout(LONG, play(&venues, production, patience)).await;
    played.expect("nothing hangs").unwrap()
}

/// What is left in the database: schemas of runs, and statements of the runner's that still run.
async fn leftovers(database: &Database) -> i64 {
    let mut connection = PgConnection::connect_with(&database.sqlx_options()).await.unwrap();
    let count = "select (select count(*) from pg_namespace where nspname like 'overbooked_run%') \
                 + (select count(*) from pg_stat_activity where datname = current_database() and query like '%pg_sleep(600)%' \
                    and state = 'active' and pid <> pg_backend_pid())";
    sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_that_never_ends_is_given_up_and_leaves_nothing() {
    let database = Database::create().await;
    let venues = Venues::at(database.target());
    let patience = Patience { setup: SHORT, step: LONG };
    let playing = play(&venues, from_sql(ENDLESS_SETUP), patience);
    let played = tokio::time::timeout(LONG, playing).await.expect("nothing hangs");
    assert_eq!(played.unwrap_err().to_string(), "the setup did not end within 2 s");
    assert_eq!(leftovers(&database).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finally_part_that_never_ends_is_given_up_as_such() {
    let database = Database::create().await;
    let patience = Patience { setup: LONG, step: SHORT };
    let played = played(&database, from_sql(ENDLESS_FINALE), patience).await;
    assert_eq!(played.stop, Some(Stop::EndlessFinale { after: SHORT }));
    assert_eq!(leftovers(&database).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_own_setup_never_ends_was_not_ready() {
    let database = Database::create().await;
    let spec = spec_file::parse(ENDLESS_OWN_SETUP, Path::new("slow.spec"), "slow").unwrap();
    let patience = Patience { setup: SHORT, step: LONG };
    let played = played(&database, production(spec), patience).await;
    assert_eq!(played.stop, Some(Stop::Unready { after: SHORT }));
    assert_eq!(leftovers(&database).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_scenario_does_not_wait_for_a_setup_that_never_ends() {
    let database = Database::create().await;
    let mut run = Run::start(Venues::at(database.target()), from_sql(ENDLESS_SETUP));
    run.commands.send(Command::Step).unwrap();
    let other = Arc::new(library::open("adjacent-seats").unwrap());
    run.commands.send(Command::Open(other)).unwrap();
    let fresh = async {
        loop {
            if let Report::Fresh(fresh) = run.reports.recv().await.expect("the run goes on") {
                return fresh;
            }
        }
    };
    let fresh = tokio::time::timeout(LONG, fresh).await.expect("nothing hangs");
    assert_eq!(fresh.scenario.name, "adjacent-seats");
    tokio::time::timeout(LONG, run.end()).await.expect("nothing hangs");
    assert_eq!(leftovers(&database).await, 0);
}

/// A scenario whose Bob wants a row that somebody outside has locked; then it is his turn again.
const STUCK: &str = "\
-- Somebody else has it
--
-- sessions: Bob

-- Bob: wants A-4
update public.kept set booked_by = 'Bob';

-- Bob: looks
select 1;
";

/// Plays it while an outsider holds the row and, in the second case, is busy meanwhile.
async fn play_stuck(outsider_does: &str) -> Output {
    let database = Database::create().await;
    let options = database.sqlx_options().application_name("the box office");
    let mut outsider = PgConnection::connect_with(&options).await.unwrap();
    outsider.execute("create table public.kept (booked_by text)").await.unwrap();
    outsider.execute("insert into public.kept values (null)").await.unwrap();
    outsider.execute("begin").await.unwrap();
    outsider.execute("update public.kept set booked_by = 'Carol'").await.unwrap();
    let (_folder, path) = written("stuck.sql", STUCK);
    let url = url(&database);
    let playing = tokio::task::spawn_blocking(move || {
        overbooked(&["play", "--step-timeout", "3", "--url", &url, &path])
    });
    let busy = sqlx::query(sqlx::AssertSqlSafe(outsider_does.to_owned()));
    tokio::select! {
        output = playing => output.unwrap(),
        () = async { busy.execute(&mut outsider).await.unwrap(); std::future::pending::<()>().await } => unreachable!(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_never_ends_is_cancelled_and_says_for_whom_it_waited() {
    for outsider_does in ["select 1", "select pg_sleep(60)"] {
        let play =
            tokio::time::timeout(std::time::Duration::from_secs(30), play_stuck(outsider_does));
        let output = play.await.expect("nothing hangs");
        assert_eq!(output.status.code(), Some(1), "{}", complaint(&output));
        let told = told(&output);
        assert!(
            told.contains(
                "stopped: Bob wants A-4 did not end within 3 s and was cancelled; it waits for the box office"
            ),
            "{outsider_does}: {told}"
        );
        assert!(told.contains("ERROR:  57014"), "{told}");
    }
}
