//! Runs on a real server: the first scenario, refusals, replay, what happens to a lost server.

use std::sync::Arc;
use std::time::Duration;

use overbooked::cluster::ClusterOptions;
use overbooked::core::event::{Event, Kind, SessionName, WaitTarget};
use overbooked::core::scenario::{EngineKind, library};
use overbooked::run::engines::Engines;
use overbooked::run::{Command, Fate, Production, Report, Run, Untidy};
use sqlx::{Connection as _, PgConnection};

use crate::pgbouncer::PgBouncer;
use crate::support::Database;

/// A run with everything that it has told so far.
pub(crate) struct Watched {
    pub(crate) run: Run,
    log: Vec<Report>,
}

impl Watched {
    pub(crate) fn open(engines: &Engines, scenario: &str) -> Self {
        let scenario = Arc::new(library::open(scenario).unwrap());
        let schedule = Arc::new(scenario.schedules.first());
        let production =
            Production { scenario, schedule, engine: EngineKind::Postgres, isolation: None };
        Self { run: Run::start(engines.clone(), production), log: Vec::new() }
    }

    pub(crate) fn send(&self, command: Command) {
        self.run.commands.send(command).unwrap();
    }

    pub(crate) fn submit(&self, session: &str, sql: &str) {
        self.send(Command::Submit { session: SessionName::new(session), sql: sql.to_owned() });
    }

    /// Takes reports until one is what is waited for; gives all that came since.
    pub(crate) async fn until(&mut self, is_it: impl Fn(&Report) -> bool) -> Vec<Report> {
        let from = self.log.len();
        let found = async {
            loop {
                let report = self.run.reports.recv().await.expect("the run goes on");
                let found = is_it(&report);
                self.log.push(report);
                if found {
                    return;
                }
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(20), found).await;
        assert!(found.is_ok(), "it did not happen; what did: {:#?}", &self.log[from..]);
        self.log[from..].to_vec()
    }

    pub(crate) async fn until_quiet(&mut self) -> Vec<Report> {
        self.until(|report| matches!(report, Report::Event(Event { kind: Kind::Quiet, .. }))).await
    }

    pub(crate) async fn play(&mut self, steps: usize) -> Vec<Report> {
        let mut last = Vec::new();
        for _ in 0..steps {
            self.send(Command::Step);
            last = self.until_quiet().await;
        }
        last
    }
}

pub(crate) fn private_server() -> Engines {
    Engines::embedded(ClusterOptions::default())
}

/// Kills the server as nobody should: `kill -9` of its first process.
async fn kill_server(engines: &Engines) {
    let open_engine = engines.open(EngineKind::Postgres).await.unwrap();
    let mut connection =
        PgConnection::connect_with(&open_engine.target.sqlx_options()).await.unwrap();
    let folder: String =
        sqlx::query_scalar("show data_directory").fetch_one(&mut connection).await.unwrap();
    let status = std::fs::read_to_string(format!("{folder}/postmaster.pid")).unwrap();
    let pid = status.lines().next().unwrap();
    let killed = std::process::Command::new("kill").args(["-9", pid]).status().unwrap();
    assert!(killed.success());
}

pub(crate) fn tags_of<'a>(reports: &'a [Report], name: &str) -> Vec<&'a str> {
    let of = SessionName::new(name);
    let tag =
        |report: &'a Report| match report {
            Report::Event(Event {
                session: Some(session), kind: Kind::Done { tag, .. }, ..
            }) if *session == of => Some(tag.as_str()),
            _ => None,
        };
    reports.iter().filter_map(tag).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mallory_waits_for_bob_and_then_finds_the_seat_taken() {
    let engines = private_server();
    let mut run = Watched::open(&engines, "adjacent-seats");
    run.until_quiet().await;
    let waits = run.play(7).await;
    let wait = waits.iter().find_map(|report| match report {
        Report::Event(Event { kind: Kind::Waiting(wait), .. }) => Some(wait.clone()),
        _ => None,
    });
    let wait = wait.expect("Mallory waits");
    assert_eq!(wait.blockers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Bob"]);
    assert!(matches!(&wait.target, WaitTarget::Row { key: Some(key), .. } if key == "A-4"));
    let books = run.play(1).await;
    assert_eq!(tags_of(&books, "Bob"), ["UPDATE 1"]);
    run.play(2).await;
    let end = run.play(1).await;
    assert_eq!(tags_of(&end, "Mallory"), ["UPDATE 0"]);
    run.run.end().await;
    engines.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_into_a_waiting_session_is_refused_with_the_name_it_waits_for() {
    let engines = private_server();
    let mut run = Watched::open(&engines, "adjacent-seats");
    run.until_quiet().await;
    run.play(7).await;
    let session = SessionName::new("Mallory");
    run.send(Command::Submit { session, sql: "select 1;".to_owned() });
    let refused = run.until(|report| matches!(report, Report::Refused { .. })).await;
    let (session, why) =
        (Some(SessionName::new("Mallory")), "Mallory still waits for Bob".to_owned());
    assert_eq!(refused.last(), Some(&Report::Refused { session, why }));
    run.run.end().await;
    engines.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn going_back_replays_to_the_step_before_in_a_fresh_schema() {
    let engines = private_server();
    let mut run = Watched::open(&engines, "adjacent-seats");
    run.until_quiet().await;
    run.play(8).await;
    run.send(Command::GoTo(7));
    let replayed = run.until(|report| *report == Report::Next(7)).await;
    // What the old schema still had to tell may come first.
    assert!(replayed.iter().any(|report| matches!(report, Report::Fresh(_))), "a fresh schema");
    let settled = run.until_quiet().await;
    let waits = |r: &Report| matches!(r, Report::Event(Event { kind: Kind::Waiting(_), .. }));
    assert!(settled.iter().any(waits), "Mallory waits again");
    assert_eq!(tags_of(&run.play(1).await, "Bob"), ["UPDATE 1"]);
    run.run.end().await;
    engines.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_that_were_asked_for_are_played_however_often_the_engine_changes() {
    let engines = private_server();
    let mut run = Watched::open(&engines, "adjacent-seats");
    run.until_quiet().await;
    run.send(Command::Step);
    for engine in [EngineKind::Optimistic, EngineKind::Postgres] {
        run.send(Command::Switch(engine));
        run.send(Command::Step);
    }
    let fresh = run.until(|report| matches!(report, Report::Fresh(_))).await;
    let Some(Report::Fresh(fresh)) = fresh.last() else { unreachable!("it was waited for") };
    assert_eq!(fresh.engine.kind, EngineKind::Postgres);
    run.until(|report| *report == Report::Next(3)).await;
    run.run.end().await;
    engines.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn switching_engines_replays_to_the_same_step_where_nobody_waits() {
    let engines = private_server();
    let mut run = Watched::open(&engines, "adjacent-seats");
    run.until_quiet().await;
    run.play(7).await;
    run.send(Command::Switch(EngineKind::Optimistic));
    run.until(|report| *report == Report::Next(7)).await;
    let settled = run.until_quiet().await;
    assert_eq!(tags_of(&settled, "Mallory"), ["UPDATE 1"]);
    run.play(3).await;
    let end = run.play(1).await;
    let conflict = end.iter().find_map(|report| match report {
        Report::Event(Event { kind: Kind::Conflict(conflict), .. }) => Some(conflict.clone()),
        _ => None,
    });
    let conflict = conflict.expect("Bob's refusal is explained");
    assert_eq!((conflict.key.as_str(), conflict.winner.as_deref()), ("A-4", Some("Mallory")));
    run.run.end().await;
    engines.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_is_started_again_by_a_reconnect() {
    let engines = private_server();
    let mut run = Watched::open(&engines, "adjacent-seats");
    run.until_quiet().await;
    kill_server(&engines).await;
    let lost = |report: &Report| match report {
        Report::Event(Event { session: Some(name), kind: Kind::Lost { .. }, .. }) => {
            name.as_str() == "Alice"
        }
        _ => false,
    };
    run.until(lost).await;
    run.send(Command::Reconnect(SessionName::new("Alice")));
    let is_back = |report: &Report| {
        matches!(
            report,
            Report::Event(Event { session: Some(name), kind: Kind::Connected { .. }, .. })
                if name.as_str() == "Alice"
        )
    };
    run.until(is_back).await;
    let session = SessionName::new("Alice");
    run.send(Command::Submit { session, sql: "select count(*) from seats;".to_owned() });
    let answered = run.until(|r| !tags_of(std::slice::from_ref(r), "Alice").is_empty()).await;
    assert_eq!(tags_of(&answered, "Alice"), ["SELECT 1"]);
    run.run.end().await;
    engines.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lost_session_held_is_off_the_map_though_nobody_can_look() {
    let engines = private_server();
    let mut run = Watched::open(&engines, "adjacent-seats");
    run.until_quiet().await;
    run.play(7).await;
    let holders = |report: &Report| match report {
        Report::Event(Event { kind: Kind::WatchedTables(watched_tables), .. }) => {
            let places = watched_tables.tables.iter().flat_map(|table| &table.places);
            Some(places.map(|place| place.holders.len() + place.waiters.len()).sum::<usize>())
        }
        _ => None,
    };
    let are_held = |report: &Report| holders(report).is_some_and(|count| count > 0);
    if !run.log.iter().any(are_held) {
        run.until(are_held).await;
    }
    kill_server(&engines).await;
    run.until(|report| holders(report) == Some(0)).await;
    run.run.end().await;
    engines.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_transaction_does_not_keep_the_schema() {
    let engines = private_server();
    let mut run = Watched::open(&engines, "adjacent-seats");
    run.until_quiet().await;
    let session = SessionName::new("Alice");
    let sql = "begin; delete from seats; prepare transaction 'Alice''s'".to_owned();
    run.send(Command::Submit { session, sql });
    run.until(|r| tags_of(std::slice::from_ref(r), "Alice") == ["PREPARE TRANSACTION"]).await;
    run.run.end().await;
    let open_engine = engines.open(EngineKind::Postgres).await.unwrap();
    let mut connection =
        PgConnection::connect_with(&open_engine.target.sqlx_options()).await.unwrap();
    let left: i64 = sqlx::query_scalar(
        "select (select count(*) from pg_prepared_xacts) + count(*) from pg_namespace where \
         nspname like 'overbooked_run%'",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    assert_eq!(left, 0);
    engines.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_whose_sessions_are_shared_is_refused() {
    let database = Database::create().await;
    let Some(pooler) = PgBouncer::start(&database).await else {
        eprintln!("not tried: this machine has no PgBouncer");
        return;
    };
    let engines = Engines::at(pooler.target(&database));
    let mut run = Watched::open(&engines, "adjacent-seats");
    let broken = run.until(|report| matches!(report, Report::Broken(_))).await;
    let Some(Report::Broken(reason)) = broken.last() else { unreachable!("it was waited for") };
    assert!(reason.contains("pooler in transaction mode"), "{reason}");
    run.run.end().await;
}

/// Alice holds a row of the user's own table, and Bob's autocommit UPDATE waits for her.
async fn a_wait_on_the_users_own_table(database: &Database) -> Watched {
    let mut own = PgConnection::connect_with(&database.sqlx_options()).await.unwrap();
    sqlx::raw_sql(
        "create table public.stock (id int primary key, n int); insert into public.stock \
        values (1, 0)",
    )
    .execute(&mut own)
    .await
    .unwrap();
    own.close().await.unwrap();
    let engines = Engines::at(database.target());
    let mut run = Watched::open(&engines, "adjacent-seats");
    run.until_quiet().await;
    run.submit("Alice", "begin; update public.stock set n = n + 100 where id = 1");
    run.until_quiet().await;
    run.submit("Bob", "update public.stock set n = n + 1 where id = 1");
    run.until(|report| matches!(report, Report::Event(Event { kind: Kind::Waiting(_), .. }))).await;
    run
}

async fn stock(database: &Database) -> i32 {
    let mut own = PgConnection::connect_with(&database.sqlx_options()).await.unwrap();
    let n = sqlx::query_scalar("select n from public.stock").fetch_one(&mut own).await.unwrap();
    own.close().await.unwrap();
    n
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_lets_nothing_through_that_waited_for_one_of_us() {
    let database = Database::create().await;
    let run = a_wait_on_the_users_own_table(&database).await;
    assert_eq!(run.run.end().await, []);
    assert_eq!(stock(&database).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn going_back_or_to_another_scenario_or_engine_lets_nothing_through_either() {
    let scenario = Arc::new(library::open("last-ticket").unwrap());
    for away in [Command::GoTo(0), Command::Open(scenario), Command::Switch(EngineKind::Optimistic)]
    {
        let database = Database::create().await;
        let mut run = a_wait_on_the_users_own_table(&database).await;
        run.send(away);
        run.until(|report| matches!(report, Report::Fresh(_) | Report::Broken(_))).await;
        assert_eq!(stock(&database).await, 0);
        run.run.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_closes_a_session_lets_nothing_of_it_through() {
    let database = Database::create().await;
    let mut run = a_wait_on_the_users_own_table(&database).await;
    run.send(Command::Close(SessionName::new("Bob")));
    run.until(|report| matches!(report, Report::Event(Event { kind: Kind::Closed, .. }))).await;
    run.submit("Alice", "commit");
    run.until(|report| matches!(report, Report::Event(Event { kind: Kind::Done { .. }, .. })))
        .await;
    run.run.end().await;
    assert_eq!(stock(&database).await, 100);
}

/// A statement that takes every cancel request for a reason to try again.
///
/// Twice nested, since a request may come between one attempt and the next.
const STUBBORN: &str = "do $$ begin loop begin \
    loop begin update public.stock set n = n + 1 where id = 1; return; \
    exception when query_canceled then null; end; end loop; \
    exception when query_canceled then null; end; end loop; end $$";

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_cannot_be_cancelled_is_ended_and_told() {
    let database = Database::create().await;
    let mut run = a_wait_on_the_users_own_table(&database).await;
    run.submit("Mallory", STUBBORN);
    let waits = |report: &Report| match report {
        Report::Event(Event { session, kind: Kind::Waiting(_), .. }) => {
            session.as_ref().is_some_and(|name| name.as_str() == "Mallory")
        }
        _ => false,
    };
    run.until(waits).await;
    let (commands, reports, mut ending) = run.run.split();
    drop((commands, reports));
    let Some(Untidy::Stubborn { session }) = ending.next().await else { panic!("not told") };
    assert_eq!(session.as_str(), "Mallory");
    let untidy = ending.end().await;
    let [Untidy::Statement { session, fate: Fate::Ended, .. }] = &untidy[..] else {
        panic!("{untidy:?}")
    };
    assert_eq!(session.as_str(), "Mallory");
    let told = untidy[0].to_string();
    assert!(told.starts_with("Mallory's statement could not be cancelled"), "{told}");
    assert_eq!(stock(&database).await, 0);
}
