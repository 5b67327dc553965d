//! What scenario files can say, where a page of examples cannot show it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use overbooked::core::scenario::library::{self, ENTRIES};
use overbooked::core::scenario::{EngineKind, Scenario, sql_file};
use overbooked::observer::{Inspection, Observer, Watch};
use overbooked::pg::Target;
use overbooked::reports::report::{Format, PlayReport};
use overbooked::reports::transcript::{Options, transcript};
use overbooked::run::Production;
use overbooked::run::engines::Engines;
use overbooked::run::headless::{Patience, Played, play};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::support::{self, Database};

async fn played_at(target: Target, scenario: Scenario, seconds: u64) -> Played {
    let engines = Engines::at(target);
    let schedule = Arc::new(scenario.schedules.first());
    let (scenario, engine) = (Arc::new(scenario), EngineKind::Postgres);
    let production = Production { scenario, schedule, engine, isolation: None };
    let patience = Patience::with_steps(Duration::from_secs(seconds));
    play(&engines, production, patience, &CancellationToken::new()).await.unwrap()
}

fn scenario(text: &str) -> Scenario {
    sql_file::parse(text, Path::new("forms.sql"), "forms").unwrap()
}

fn told(played: &Played) -> String {
    let roster: Vec<_> = played.scenario.sessions.iter().map(|it| it.name.clone()).collect();
    transcript(&played.events, &roster, Options::default())
}

#[tokio::test]
async fn a_role_without_privileges_plays_the_whole_library_in_a_database_of_its_own() {
    let database = Database::create().await;
    let role = format!("plain_{}", database.name());
    let mut owner = PgConnection::connect_with(&database.sqlx_options()).await.unwrap();
    for sql in [
        format!("create role {role} login"),
        format!("alter database {} owner to {role}", database.name()),
    ] {
        owner.execute(AssertSqlSafe(sql)).await.unwrap();
    }
    owner.close().await.unwrap();
    let server = support::server();
    let target = Target::unix(server.folder(), server.port(), &role, database.name());
    let mut broken = Vec::new();
    for entry in ENTRIES {
        let scenario = entry.scenario().unwrap();
        if scenario.is_for(EngineKind::Postgres) && support::finds_its_etcd(&scenario) {
            let played = played_at(target.clone(), scenario, 30).await;
            let breaches = &played.breaches;
            let reproach = || format!("{}: {breaches:#?}\n{}", entry.name, told(&played));
            broken.extend((!played.is_kept()).then(reproach));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[tokio::test]
async fn a_table_that_a_setup_makes_in_public_is_watched_and_told_at_the_end() {
    let database = Database::create().await;
    let text = "-- T\n-- sessions: A\n-- watch: far\n\n-- setup\n\
        create table public.far (id int primary key);\n\n-- A: adds\n\
        insert into public.far values (1);\n--> INSERT 0 1\n";
    let played = played_at(database.target(), scenario(text), 30).await;
    assert!(played.is_kept(), "{:?}", played.breaches);
    let lasting: Vec<String> = played.lasting.iter().map(ToString::to_string).collect();
    assert_eq!(lasting, ["the setup: public.far", "step 1 (A): public.far"]);
    // The table stays, and so it can be looked at at leisure.
    let watch = Watch {
        schema: Some("no_such_schema".to_owned()),
        seats: None,
        tables: vec!["far".to_owned()],
    };
    let observer = Observer::connect(&database.target(), watch, Inspection::UseIfPresent).await;
    let observer = observer.unwrap();
    let watched_tables = observer.watched_tables(&[]).await.unwrap();
    let seen: Vec<(&str, u64)> =
        watched_tables.tables.iter().map(|it| (it.name.as_str(), it.rows)).collect();
    assert_eq!(seen, [("far", 1)]);
    observer.close().await;
}

#[tokio::test]
async fn a_setup_may_stand_in_a_file_beside_the_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("schema.sql", "-- the schema\ncreate table t (id int);\ninsert into t values (1);\n");
    write(
        "a.sql",
        "-- T\n-- sessions: A\n-- setup-file: schema.sql\n\n-- setup\ninsert into t values \
         (2);\n\n-- A: reads\nselect id from t order by id;\n--> rows:\n--> 1\n--> 2\n",
    );
    let scenario = library::read(&folder.path().join("a.sql")).unwrap();
    assert_eq!(scenario.setup.len(), 3);
    let played = played_at(Database::create().await.target(), scenario, 30).await;
    assert!(played.is_kept(), "{:?}", played.breaches);
    write("schema.sql", "create table t (id int);\n\\i more.sql\n");
    let error = library::read(&folder.path().join("a.sql")).unwrap_err().to_string();
    assert!(error.contains("schema.sql:2:1: \\i is a psql command"), "{error}");
}

#[tokio::test]
async fn an_invariant_that_does_not_hold_is_told_with_its_line() {
    let text = "-- T\n-- sessions: A\n-- invariant: select count(*) = 0 from t\n\
        -- invariant: select 1 / 0 = 1\n\n-- setup\ncreate table t (id int);\n\n-- A: adds\n\
        insert into t values (1);\n";
    let played = played_at(Database::create().await.target(), scenario(text), 30).await;
    let found = played.breaches.iter().map(|it| (it.line, it.expected.as_str(), it.found.as_str()));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            (3, "invariant: select count(*) = 0 from t", "f"),
            (4, "invariant: select 1 / 0 = 1", "ERROR 22012 division by zero"),
        ]
    );
}

#[tokio::test]
async fn an_invariant_may_speak_of_what_was_answered() {
    let text = "-- T\n-- sessions: A\n-- invariant: select :id = 7\n\
        -- invariant: select :id < 7\n\n-- A: reads\nselect 7;\n--> (id)\n";
    let played = played_at(Database::create().await.target(), scenario(text), 30).await;
    let found = played.breaches.iter().map(|it| (it.line, it.found.as_str()));
    assert_eq!(found.collect::<Vec<_>>(), [(4, "f")]);
}

#[tokio::test]
async fn who_is_asked_not_to_wait_has_not_waited() {
    let text = "-- T\n-- sessions: A, B\n\n-- setup\ncreate table t (id int);\n\
        insert into t values (1);\n\n-- A: takes it\nbegin; select * from t for update;\n\n\
        -- B: does not wait\nselect * from t for update nowait;\n\
        --> waits for A, then ERROR 55P03\n";
    let played = played_at(Database::create().await.target(), scenario(text), 30).await;
    let found: Vec<&str> = played.breaches.iter().map(|it| it.found.as_str()).collect();
    assert!(matches!(found[..], [told] if told.starts_with("no wait for A")), "{found:?}");
}

#[tokio::test]
async fn somebody_in_the_way_may_be_at_work_and_is_named_by_the_application() {
    let database = Database::create().await;
    let options = database.sqlx_options().application_name("pg_dump");
    let mut outsider = PgConnection::connect_with(&options).await.unwrap();
    outsider.execute("create table public.far (id int)").await.unwrap();
    outsider.execute("begin; lock table public.far").await.unwrap();
    let asleep = tokio::spawn(async move {
        let _ = outsider.execute("select pg_sleep(30)").await;
    });
    let text = "-- T\n-- sessions: A, B\n\n-- A: waits\ninsert into public.far values (1);\n\
        --> waits for somebody (pg_dump)\n\n-- B: ends it\n\
        select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = \
        'pg_dump' and datname = current_database();\n--> 1\n--> A resumes: INSERT 0 1\n";
    let played = played_at(database.target(), scenario(text), 30).await;
    assert!(played.is_kept(), "{:?}\n{}", played.breaches, told(&played));
    asleep.await.unwrap();
}

#[tokio::test]
async fn what_does_not_come_by_itself_is_waited_for_and_then_told() {
    let text = "-- T\n-- sessions: A, B\n\n-- A: listens\nlisten ch;\n--> LISTEN\n\n\
        -- B: does not notify\nselect 1;\n--> A: NOTIFY ch: x\n";
    let played = played_at(Database::create().await.target(), scenario(text), 30).await;
    let found: Vec<&str> = played.breaches.iter().map(|it| it.found.as_str()).collect();
    assert_eq!(found, ["no notification"]);
}

#[tokio::test]
async fn every_document_tells_a_pause_and_a_lost_session() {
    let page = include_str!("../../docs/scenarios.md");
    let blocks = page.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next());
    let text = blocks.into_iter().find(|text| text.contains("-- pause 3 s")).unwrap();
    let played = played_at(Database::create().await.target(), scenario(text), 30).await;
    assert!(played.is_kept(), "{:?}\n{}", played.breaches, told(&played));
    let told = told(&played);
    assert!(told.contains("\n-- pause 3000 ms\n"), "{told}");
    assert!(told.contains("Idle has lost its connection"), "{told}");
    let report = PlayReport {
        scenario: &played.scenario,
        schedule: &played.schedule,
        engine: "PostgreSQL",
        events: &played.events,
        breaches: &played.breaches,
        stop: None,
        options: Options::default(),
    };
    let diagram = report.render(Format::Mermaid);
    assert!(diagram.contains("Note over DB: pause 3000 ms"), "{diagram}");
}

#[tokio::test]
async fn whoever_waits_for_a_step_that_goes_on_running_is_told_so_while_it_runs() {
    let database = Database::create().await;
    let text = "-- T\n-- sessions: A, B, C\n\n\
        -- setup\ncreate table t (n int);\ninsert into t values (1);\n\n\
        -- A: reports\nwith changed as (update t set n = 2 returning n)\n\
        select pg_sleep(3) from changed;\n--> running\n\n\
        -- B: changes it too\nupdate t set n = n + 1;\n--> waits for A\n\n\
        -- C: looks meanwhile\nselect n from t;\n--> 1\n--> A answers: (1 row)\n\
        --> B resumes: UPDATE 1\n\n-- finally\nselect n from t;\n--> 3\n";
    let played = played_at(database.target(), scenario(text), 30).await;
    assert!(played.is_kept(), "{:?} {:?}", played.breaches, played.stop);
}
