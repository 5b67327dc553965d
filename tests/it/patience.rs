//! What never ends: a step, a setup, a `finally` part. Each is given up with the right words, and
//! nothing hangs or is left behind.

use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use overbooked::cluster::SUPERUSER;
use overbooked::core::scenario::{EngineKind, library, spec_file, sql_file};
use overbooked::run::engines::Engines;
use overbooked::run::headless::{Patience, Played, Stop, play};
use overbooked::run::{Command, Production, Report, Run, Untidy};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::headless::{complaint, overbooked, told, written};
use crate::support::{Database, ending_signals, server};

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

const ENDLESS_TEARDOWN: &str = "\
-- A goodbye that sleeps
--
-- sessions: Bob

-- Bob: looks
select 1;

-- teardown
select pg_sleep(600);
";

const ENDLESS_LAST_STEP: &str = "\
-- A last step that sleeps
--
-- sessions: Bob

-- setup
create table public.kept (id int);

-- Bob: sleeps
select pg_sleep(600);

-- finally
select count(*) from public.kept;

-- teardown
drop table public.kept;
";

const ENDLESS_OWN_SETUP: &str = "\
session bob
setup { select pg_sleep(600); }
step look { select 1; }
";

/// What the tests give a part that never ends, and one that does.
const SHORT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_mins(1);

pub(crate) fn url(database: &Database) -> String {
    let (host, port) = (server().folder().display(), server().port());
    format!("host={host} port={port} user={SUPERUSER} dbname={}", database.name())
}

fn production(scenario: overbooked::core::scenario::Scenario) -> Production {
    let schedule = Arc::new(scenario.schedules.first());
    let scenario = Arc::new(scenario);
    Production { scenario, schedule, engine: EngineKind::Postgres, isolation: None }
}

fn from_sql(text: &str) -> Production {
    production(sql_file::parse(text, Path::new("slow.sql"), "slow").unwrap())
}

async fn played(database: &Database, production: Production, patience: Patience) -> Played {
    let engines = Engines::at(database.target());
    let played =
        tokio::time::timeout(LONG, play(&engines, production, patience, &CancellationToken::new()))
            .await;
    played.expect("nothing hangs").unwrap()
}

/// What is left in the database: schemas of runs, and statements of the runner's that still run.
async fn leftovers(database: &Database) -> i64 {
    let mut connection = PgConnection::connect_with(&database.sqlx_options()).await.unwrap();
    let schemas = "select count(*) from pg_namespace where nspname like 'overbooked_run%'";
    let schemas: i64 = sqlx::query_scalar(schemas).fetch_one(&mut connection).await.unwrap();
    let sleeps: bool = sqlx::query_scalar(SLEEPS).fetch_one(&mut connection).await.unwrap();
    schemas + i64::from(sleeps)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_that_never_ends_is_given_up_and_leaves_nothing() {
    let database = Database::create().await;
    let engines = Engines::at(database.target());
    let patience = Patience { setup: SHORT, step: LONG };
    let never = CancellationToken::new();
    let playing = play(&engines, from_sql(ENDLESS_SETUP), patience, &never);
    let played = tokio::time::timeout(LONG, playing).await.expect("nothing hangs");
    assert_eq!(played.unwrap_err().to_string(), "the setup did not finish within 2 s");
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
async fn a_teardown_that_never_ends_is_cancelled_and_said_and_leaves_nothing() {
    let database = Database::create().await;
    let patience = Patience { setup: LONG, step: LONG };
    let played = played(&database, from_sql(ENDLESS_TEARDOWN), patience).await;
    assert!(matches!(played.untidy[..], [Untidy::Teardown(_)]), "{:?}", played.untidy);
    assert!(!played.is_kept());
    assert_eq!(leftovers(&database).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teardown_is_played_after_a_last_step_that_was_cancelled() {
    let database = Database::create().await;
    let patience = Patience { setup: LONG, step: SHORT };
    let played = played(&database, from_sql(ENDLESS_LAST_STEP), patience).await;
    assert!(matches!(played.stop, Some(Stop::Endless { .. })), "{:?}", played.stop);
    let mut connection = PgConnection::connect_with(&database.sqlx_options()).await.unwrap();
    let is_gone = "select to_regclass('public.kept') is null";
    assert!(sqlx::query_scalar::<_, bool>(is_gone).fetch_one(&mut connection).await.unwrap());
    assert_eq!(leftovers(&database).await, 0);
}

/// Waits until the endless statement runs.
async fn until_it_sleeps(database: &Database) {
    let mut connection = PgConnection::connect_with(&database.sqlx_options()).await.unwrap();
    let sleeps = async {
        while !sqlx::query_scalar::<_, bool>(SLEEPS).fetch_one(&mut connection).await.unwrap() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, sleeps).await.expect("it sleeps");
}

const SLEEPS: &str = "select exists (select from pg_stat_activity where datname = \
    current_database() \
    and query like '%pg_sleep(600)%' and state = 'active' and pid <> pg_backend_pid())";

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_play_and_leaves_nothing() {
    for signal in ending_signals() {
        let database = Database::create().await;
        let (_folder, path) = written("slow.sql", ENDLESS_LAST_STEP);
        let playing = std::process::Command::new(env!("CARGO_BIN_EXE_overbooked"))
            .args(["play", "--url", &url(&database), &path])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        until_it_sleeps(&database).await;
        let kill = ["-s", signal, &playing.id().to_string()];
        assert!(std::process::Command::new("kill").args(kill).status().unwrap().success());
        let output = playing.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{signal}: {}", complaint(&output));
        assert!(told(&output).contains("stopped: interrupted"), "{}", told(&output));
        assert_eq!(leftovers(&database).await, 0, "{signal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_scenario_does_not_wait_for_a_setup_that_never_ends() {
    let database = Database::create().await;
    let mut run = Run::start(Engines::at(database.target()), from_sql(ENDLESS_SETUP));
    run.commands.send(Command::Step).unwrap();
    until_it_sleeps(&database).await;
    let other = Arc::new(library::open("adjacent-seats").unwrap());
    run.commands.send(Command::Open(other)).unwrap();
    let fresh = async {
        match run.reports.recv().await.expect("the run goes on") {
            Report::Fresh(fresh) => fresh,
            other => panic!("{other:?}"),
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
    let outsider_does = async {
        busy.execute(&mut outsider).await.unwrap();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        output = playing => output.unwrap(),
        () = outsider_does => unreachable!(),
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
                "stopped: Bob's step \u{201c}wants A-4\u{201d} did not finish within 3 s and was \
                 cancelled; it waits for the box office"
            ),
            "{outsider_does}: {told}"
        );
        assert!(told.contains("ERROR:  57014"), "{told}");
    }
}

/// A specification that never ends by itself, with something to tidy up by its sessions and by
/// itself.
const ENDLESS: &str = "\
setup { create table kept (a int); create table own (a int); insert into kept values (1); }
teardown { drop table kept; }
session s1
step s1b { begin; update kept set a = 2; }
step s1s { select pg_sleep(600); }
teardown { drop table own; }
session s2
step s2u { update kept set a = 3; }
permutation s1b s2u s1s
";

/// Waits until somebody sleeps.
async fn somebody_sleeps(pool: &sqlx::PgPool) {
    let asleep = "select count(*) from pg_stat_activity \
                  where datname = current_database() and wait_event = 'PgSleep'";
    let mut pulse = tokio::time::interval(std::time::Duration::from_millis(20));
    while sqlx::query_scalar::<_, i64>(asleep).fetch_one(pool).await.unwrap() == 0 {
        pulse.tick().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_leaves_nothing_of_a_specification_on_somebodys_server() {
    for command in [&["play", "--format", "spec"][..], &["spec"]] {
        a_signal_leaves_nothing_of(command).await;
    }
}

async fn a_signal_leaves_nothing_of(command: &[&str]) {
    let database = Database::create().await;
    let (_folder, path) = written("endless.spec", ENDLESS);
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_overbooked"))
        .args(command)
        .args(["--url", &url(&database), &path])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pool = sqlx::PgPool::connect_with(database.sqlx_options()).await.unwrap();
    let deadline = std::time::Duration::from_secs(30);
    tokio::time::timeout(deadline, somebody_sleeps(&pool)).await.expect("the step begins");
    let pid = program.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = tokio::task::spawn_blocking(move || program.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(130), "{command:?}");
    let left = "select count(*) from pg_tables where schemaname = 'public'";
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&pool).await.unwrap(), 0);
    let left = "select count(*) from pg_stat_activity where application_name like 'isolation/%' \
                and datname = current_database() and state <> 'idle'";
    assert_eq!(sqlx::query_scalar::<_, i64>(left).fetch_one(&pool).await.unwrap(), 0);
    pool.close().await;
}
