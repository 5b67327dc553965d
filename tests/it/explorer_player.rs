//! Orders played on real sessions: answers, waits, ends, and that each begins like the last.

use std::path::Path;
use std::sync::Arc;

use overbooked::core::event::TransactionStatus;
use overbooked::core::event::answer::Outcome;
use overbooked::core::scenario::{EngineKind, Isolation, Scenario, library, spec_file, sql_file};
use overbooked::explorer::effects::Effects;
use overbooked::explorer::played::{Guide, Launched, Played, Player as _};
use overbooked::explorer::player::{Manner, PlayerError, Players};
use overbooked::pg::{Connection, Target};
use overbooked::run::Production;
use overbooked::run::engines::Engines;

use crate::support;

/// Sends these sessions on, one after the other, and then the first that can go on.
struct Fixed<'a>(&'a [usize]);

impl Guide for Fixed<'_> {
    fn next(&mut self, so_far: &[Launched], enabled: &[usize]) -> Option<usize> {
        let wanted = self.0.get(so_far.len()).copied().unwrap_or(enabled[0]);
        assert!(enabled.contains(&wanted), "{wanted} is not among {enabled:?}");
        Some(wanted)
    }
}

/// Breaks an order off after so many launches.
struct Short(usize);

impl Guide for Short {
    fn next(&mut self, so_far: &[Launched], enabled: &[usize]) -> Option<usize> {
        (so_far.len() < self.0).then_some(enabled[0])
    }
}

fn engines() -> Engines {
    Engines::embedded(support::cluster_options())
}

fn production(scenario: Scenario, isolation: Isolation) -> Production {
    let scenario = Arc::new(scenario);
    let schedule = Arc::new(scenario.schedules.first());
    Production { schedule, engine: EngineKind::Postgres, isolation: Some(isolation), scenario }
}

async fn players(scenario: Scenario, isolation: Isolation) -> (Engines, Players) {
    let engines = engines();
    let production = production(scenario, isolation);
    let players = Players::prepare(&engines, &production, Manner::default(), 1).await.unwrap();
    (engines, players)
}

fn of_library(name: &str) -> Scenario {
    library::open(name).unwrap()
}

fn script(text: &str) -> Scenario {
    sql_file::parse(text, Path::new("t.sql"), "t").unwrap()
}

fn spec(text: &str) -> Scenario {
    spec_file::parse(text, Path::new("t.spec"), "t").unwrap()
}

/// Each launch as `session: answers`, those that came later with the launch after which they did.
fn told(played: &Played) -> Vec<String> {
    let launches = played.launches.iter().enumerate();
    launches
        .map(|(place, launch)| {
            let Some(answer) = &launch.answer else { return format!("{}: waits", launch.session) };
            let said: Vec<String> = answer.outcomes.iter().map(said).collect();
            let later = if answer.after == place {
                String::new()
            } else {
                format!(" after {}", answer.after)
            };
            let lost = answer.lost.as_ref().map_or("", |_| " lost");
            format!("{}: {}{later}{lost}", launch.session, said.join("; "))
        })
        .collect()
}

fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Result { rows, tag, .. } => {
            let cell = |cell: &Option<String>| cell.clone().unwrap_or_default();
            let row =
                |row: &Vec<Option<String>>| row.iter().map(cell).collect::<Vec<_>>().join(",");
            format!("{tag} {}", rows.iter().map(row).collect::<Vec<_>>().join("/"))
        }
        Outcome::Done { tag } => tag.clone(),
        Outcome::Failed(message) => message.code.clone(),
    }
}

fn rows(played: &Played, table: &str) -> Vec<String> {
    let end = played.end.as_ref().unwrap();
    let table = end.tables.iter().find(|it| it.table == table).unwrap();
    let cell = |cell: &Option<String>| cell.clone().unwrap_or_default();
    table.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(",")).collect()
}

const AS_WRITTEN: [usize; 10] = [0, 0, 1, 1, 0, 0, 1, 0, 1, 1];

#[tokio::test]
async fn an_order_is_played_as_the_file_has_it() {
    let (engines, mut players) = players(of_library("last-ticket"), Isolation::ReadCommitted).await;
    let player = &mut players.players[0];
    let played = player.play(&mut Fixed(&AS_WRITTEN)).await.unwrap();
    assert_eq!(
        told(&played),
        [
            "0: BEGIN",
            "0: SELECT 1 A,4,",
            "1: BEGIN",
            "1: SELECT 1 A,4,",
            "0: UPDATE 1",
            "0: INSERT 0 1",
            "1: UPDATE 1 after 7",
            "0: COMMIT",
            "1: INSERT 0 1",
            "1: COMMIT",
        ]
    );
    assert_eq!(played.launches[6].enabled, [0, 1]);
    assert_eq!(played.launches[7].enabled, [0], "Bob waits");
    assert_eq!((played.enabled.len(), played.waiting.len()), (0, 0));
    assert_eq!(rows(&played, "tickets"), ["A,4,Alice", "A,4,Bob"]);
    let end = played.end.as_ref().unwrap();
    assert_eq!(end.finally.len(), 1);

    // Each order begins like the last.
    assert_eq!(player.play(&mut Fixed(&AS_WRITTEN)).await.unwrap(), played);
    let serial = player.play(&mut Fixed(&[0, 0, 0, 0, 0, 1, 1, 1, 1, 1])).await.unwrap();
    assert_eq!(told(&serial)[6], "1: SELECT 0 ");
    assert_eq!(player.play(&mut Fixed(&AS_WRITTEN)).await.unwrap(), played);
    players.close().await.unwrap();
    engines.stop().await.unwrap();
}

#[tokio::test]
async fn the_level_that_was_asked_for_is_played_at() {
    let (engines, mut players) =
        players(of_library("last-ticket"), Isolation::RepeatableRead).await;
    let played = players.players[0].play(&mut Fixed(&AS_WRITTEN)).await.unwrap();
    assert_eq!(told(&played)[6..], ["1: 40001 after 7", "0: COMMIT", "1: 25P02", "1: ROLLBACK"]);
    players.close().await.unwrap();
    engines.stop().await.unwrap();
}

const CIRCLE: &str = "
setup { create table t (id int primary key, n int); insert into t values (1, 0), (2, 0); }
session a setup { begin; } step a1 { update t set n = 1 where id = 1; }
step a2 { update t set n = 1 where id = 2; } step a3 { commit; }
session b setup { begin; } step b1 { update t set n = 2 where id = 2; }
step b2 { update t set n = 2 where id = 1; } step b3 { commit; }
";

#[tokio::test]
async fn the_victim_of_a_deadlock_is_who_was_sent_last() {
    let (engines, mut players) = players(spec(CIRCLE), Isolation::ReadCommitted).await;
    let player = &mut players.players[0];
    for _ in 0..5 {
        let played = player.play(&mut Fixed(&[0, 1, 0, 1])).await.unwrap();
        assert_eq!(told(&played)[2..4], ["0: UPDATE 1 after 3", "1: 40P01"]);
        assert_eq!(played.launches[3].answer.as_ref().unwrap().status, TransactionStatus::Failed);
        let played = player.play(&mut Fixed(&[0, 1, 1, 0])).await.unwrap();
        assert_eq!(told(&played)[2..4], ["1: UPDATE 1 after 3", "0: 40P01"]);
        assert_eq!(rows(&played, "t"), ["1,2", "2,2"]);
    }
    players.close().await.unwrap();
    engines.stop().await.unwrap();
}

#[tokio::test]
async fn whoever_says_that_it_looks_for_a_deadlock_sooner_is_its_victim() {
    let mut text = CIRCLE.to_owned();
    for (session, time) in [("a", "1min"), ("b", "10s")] {
        let begins = format!("session {session} setup {{ begin;");
        text = text.replace(&begins, &format!("{begins} set local deadlock_timeout = '{time}';"));
    }
    let (engines, mut players) = players(spec(&text), Isolation::ReadCommitted).await;
    let player = &mut players.players[0];
    for _ in 0..2 {
        let played = player.play(&mut Fixed(&[0, 1, 0, 1])).await.unwrap();
        assert_eq!(told(&played)[2..4], ["0: UPDATE 1 after 3", "1: 40P01"]);
        let played = player.play(&mut Fixed(&[0, 1, 1, 0])).await.unwrap();
        assert_eq!(told(&played)[2..4], ["1: 40P01 after 3", "0: UPDATE 1"]);
    }
    players.close().await.unwrap();
    engines.stop().await.unwrap();
}

const WAITS: &str = "
setup { create table t (id int primary key, n int); insert into t values (1, 0); }
session a step a1 { begin; update t set n = 1; }
session b step b1 { update t set n = 2; }
session c step c1 { update t set n = 3; }
";

#[tokio::test]
async fn who_waits_to_the_end_changes_nothing_afterwards() {
    let (engines, mut players) = players(spec(WAITS), Isolation::ReadCommitted).await;
    let player = &mut players.players[0];
    for _ in 0..3 {
        let played = player.play(&mut Fixed(&[0, 1, 2])).await.unwrap();
        assert_eq!(told(&played), ["0: BEGIN; UPDATE 1", "1: waits", "2: waits"]);
        assert_eq!(played.waiting, [1, 2]);
        assert_eq!(rows(&played, "t"), ["1,0"], "they were rolled back");
    }
    players.close().await.unwrap();
    engines.stop().await.unwrap();
}

const NUMBERED: &str = "\
-- Numbered
-- sessions: A, B
-- invariant: select count(*) < 3 from t

-- setup
create table t (id serial primary key, who text,
    twice text generated always as (who || who) stored);
create table u (t int references t);
insert into t (who) values ('x');
-- A: inserts
insert into t (who) values ('a') returning id;
-- A: refers
insert into u values (2); insert into u values (9);
-- B: inserts
insert into t (who) values ('b') returning id;
-- B: makes a table of its own
create temp table mine (); set work_mem = '5MB'; listen news; select pg_advisory_lock(7);
-- finally
select count(*) from u;
";

#[tokio::test]
async fn sequences_and_sessions_are_as_new_and_invariants_are_looked_at() {
    let (engines, mut players) = players(script(NUMBERED), Isolation::ReadCommitted).await;
    let player = &mut players.players[0];
    for _ in 0..2 {
        let played = player.play(&mut Fixed(&[0, 0, 1, 1])).await.unwrap();
        let answers = told(&played);
        assert_eq!(
            answers[..3],
            [
                "0: INSERT 0 1 2".to_owned(),
                "0: INSERT 0 1; 23503".to_owned(),
                "1: INSERT 0 1 3".to_owned(),
            ]
        );
        assert!(!answers[3].contains("42P07"), "{answers:?}");
        assert_eq!(rows(&played, "t"), ["1,x,xx", "2,a,aa", "3,b,bb"]);
        let end = played.end.as_ref().unwrap();
        assert_eq!((end.broken.len(), end.broken[0].gave.as_str()), (1, "f"));
        assert_eq!(said(&end.finally[0]), "SELECT 1 1");
    }
    players.close().await.unwrap();
    engines.stop().await.unwrap();
}

#[tokio::test]
async fn an_order_can_be_broken_off_or_left_in_its_middle() {
    let (engines, mut players) = players(of_library("last-ticket"), Isolation::ReadCommitted).await;
    let player = &mut players.players[0];
    let whole = player.play(&mut Fixed(&AS_WRITTEN)).await.unwrap();
    let short = player.play(&mut Short(4)).await.unwrap();
    assert_eq!((short.launches.len(), short.end.is_none()), (4, true));
    for millis in [1, 2, 4, 8] {
        let time = std::time::Duration::from_millis(millis);
        let left = tokio::time::timeout(time, player.play(&mut Fixed(&AS_WRITTEN))).await;
        drop(left);
        assert_eq!(player.play(&mut Fixed(&AS_WRITTEN)).await.unwrap(), whole);
    }
    players.close().await.unwrap();
    engines.stop().await.unwrap();
}

const ENDED: &str = "
setup { create table t (id int primary key, n int, pid int); insert into t values (1, 0, 0); }
session a step a1 { begin; update t set n = 1, pid = pg_backend_pid(); } step a2 { commit; }
session b step b1 { select count(pg_terminate_backend(pid)) from pg_stat_activity
  where datname = current_database() and application_name = 'isolation/t/a'; }
session c step c1 { update t set n = 3; }
";

#[tokio::test]
async fn a_session_that_was_ended_is_there_again_in_the_next_order() {
    let scenario = spec(ENDED);
    let (engines, mut players) = players(scenario, Isolation::ReadCommitted).await;
    let player = &mut players.players[0];
    for _ in 0..2 {
        let played = player.play(&mut Fixed(&[0, 2, 1, 0])).await.unwrap();
        assert_eq!(
            told(&played),
            ["0: BEGIN; UPDATE 1", "2: UPDATE 1 after 2", "1: SELECT 1 1", "0: 57P01 lost"]
        );
        assert_eq!(rows(&played, "t"), ["1,3,0"]);
    }
    players.close().await.unwrap();
    engines.stop().await.unwrap();
}

#[tokio::test]
#[ignore = "a figure, not a claim: run it with --release --nocapture"]
async fn orders_a_second() {
    let (engines, mut players) = players(of_library("last-ticket"), Isolation::ReadCommitted).await;
    let player = &mut players.players[0];
    for order in [&AS_WRITTEN[..], &[0, 0, 0, 0, 0, 1, 1, 1, 1, 1]] {
        let begun = std::time::Instant::now();
        for _ in 0..200 {
            player.play(&mut Fixed(order)).await.unwrap();
        }
        println!("{:.1} orders a second", 200.0 / begun.elapsed().as_secs_f64());
    }
    players.close().await.unwrap();
    engines.stop().await.unwrap();
}

/// Which steps of two sessions depend on each other, as `session.step-session.step`.
fn dependent(effects: &[Vec<Effects>]) -> Vec<String> {
    let mut all = Vec::new();
    for (one, steps) in effects.iter().enumerate() {
        for (other, others) in effects.iter().enumerate().skip(one + 1) {
            for (at, own) in steps.iter().enumerate() {
                for (place, its) in others.iter().enumerate() {
                    if own.depends_on(its) {
                        all.push(format!("{one}.{at}-{other}.{place}"));
                    }
                }
            }
        }
    }
    all
}

async fn measured(scenario: Scenario, isolation: Isolation) -> Vec<Vec<Effects>> {
    let (engines, players) = players(scenario, isolation).await;
    let effects = players.measured.effects();
    players.close().await.unwrap();
    engines.stop().await.unwrap();
    effects
}

const ROWS: &str = "
setup {
  create table p (id int primary key, n int);
  create table c (id int primary key, p int references p, code text unique);
  insert into p select id, 0 from generate_series(1, 9) id; insert into c values (1, 1, 'x');
}
session a
step a0 { begin; }
step a1 { select n from p where id = 1; }
step a2 { update p set n = 1 where id = 2; }
step a3 { insert into c values (2, 3, 'y'); }
step a4 { commit; }
session b
step b0 { update p set n = 2 where id = 1; }
step b1 { update p set n = 2 where id = 2; }
step b2 { insert into c values (3, 3, 'z'); }
step b3 { select count(*) from c; }
step b4 { select pg_terminate_backend(0); }
step b5 { select * from p where id = 7; }
";

const REFUSED: &str = "
setup {
  create table p (id int primary key, n int);
  create table c (id int primary key, p int references p, code text unique);
  insert into p select id, 0 from generate_series(1, 9) id;
}
session a
step a0 { insert into c values (2, 3, 'y'); }
session b
step b0 { insert into c values (3, 4, 'y'); }
step b1 { delete from p where id = 3; }
step b2 { delete from p where id = 9; }
";

#[tokio::test]
async fn rows_keys_and_parents_are_told_apart() {
    let effects = measured(spec(ROWS), Isolation::ReadCommitted).await;
    let found = dependent(&effects);
    let has = |pair: &str| found.contains(&pair.to_owned());
    assert!(has("0.1-1.0"), "it reads what the other writes: {found:?}");
    assert!(has("0.2-1.1") && has("0.4-1.1"), "both write a row: {found:?}");
    assert!(!has("0.2-1.0") && !has("0.1-1.1"), "rows that differ: {found:?}");
    assert!(!has("0.3-1.2"), "both refer to one parent: {found:?}");
    assert!(has("0.4-1.3"), "it counts what is committed: {found:?}");
    assert!(has("0.0-1.4"), "nothing is known of it: {found:?}");
    assert!(!(0..5).any(|at| has(&format!("0.{at}-1.5"))), "nobody touches it: {found:?}");
}

#[tokio::test]
async fn what_one_may_refuse_the_other_is_dependent() {
    let effects = measured(spec(REFUSED), Isolation::ReadCommitted).await;
    let found = dependent(&effects);
    assert!(found.contains(&"0.0-1.0".to_owned()), "a unique key: {found:?}");
    assert!(found.contains(&"0.0-1.1".to_owned()), "a parent that goes: {found:?}");
}

#[tokio::test]
async fn a_statement_that_has_failed_by_itself_hides_none_that_follows() {
    let text = "setup { create table t (id int primary key); insert into t values (1); }\n\
                session a step a0 { insert into t values (1); } step a1 { begin; }\n\
                step a2 { select id from t where id = 1; } step a3 { commit; }\n\
                session b step b0 { select 1; }";
    let effects = measured(spec(text), Isolation::ReadCommitted).await;
    assert!(!effects[0][2].reads.is_empty(), "{effects:?}");
}

#[tokio::test]
async fn a_snapshot_is_measured_where_it_is_taken() {
    let effects = measured(of_library("last-ticket"), Isolation::RepeatableRead).await;
    assert_eq!(effects[0][0], Effects::default(), "BEGIN takes none");
    assert!(!effects[0][1].reads.is_empty() && effects[0][2].reads.is_empty());
    assert!(effects[0][1].depends_on(&effects[1][4]), "what is committed is seen or not");
    assert!(!effects[0][1].depends_on(&effects[1][2]), "what is not committed is not");
    assert!(effects[0][2].depends_on(&effects[1][2]), "both want the row");
}

#[tokio::test]
#[ignore = "to be looked at: run it with --nocapture"]
async fn effects_of_the_library() {
    for entry in library::ENTRIES {
        let Ok(scenario) = entry.scenario() else { continue };
        let name = scenario.name.clone();
        let engines = engines();
        let production = production(scenario, Isolation::ReadCommitted);
        let begun = std::time::Instant::now();
        match Players::prepare(&engines, &production, Manner::default(), 1).await {
            Err(error) => println!("{name}: {error}"),
            Ok(players) => {
                println!("{name} ({:?})", begun.elapsed());
                for (session, steps) in players.measured.effects().iter().enumerate() {
                    for (at, effects) in steps.iter().enumerate() {
                        println!("   {session}.{at} {effects:?}");
                    }
                }
                players.close().await.unwrap();
            }
        }
        engines.stop().await.unwrap();
    }
}

async fn prepared(engines: &Engines, production: &Production) -> Result<Players, PlayerError> {
    Players::prepare(engines, production, Manner::default(), 1).await
}

#[tokio::test]
async fn the_optimistic_engine_judges_at_commit() {
    let engines = engines();
    let mut production = production(of_library("last-ticket"), Isolation::RepeatableRead);
    production.engine = EngineKind::Optimistic;
    let mut players = prepared(&engines, &production).await.unwrap();
    let effects = players.measured.effects();
    assert!(!effects[0][0].reads.is_empty(), "BEGIN takes the snapshot");
    assert_eq!(effects[0][2], Effects::default(), "an UPDATE is private");
    let player = &mut players.players[0];
    let played = player.play(&mut Fixed(&AS_WRITTEN)).await.unwrap();
    assert_eq!(told(&played)[6..], ["1: UPDATE 1", "0: COMMIT", "1: INSERT 0 1", "1: 40001"]);
    assert_eq!(rows(&played, "tickets"), ["A,4,Alice"]);
    assert_eq!(player.play(&mut Fixed(&AS_WRITTEN)).await.unwrap(), played);
    assert_eq!(players.measured.notes(), [""; 0]);
    players.close().await.unwrap();
    engines.stop().await.unwrap();
}

const MAKES: &str = "
setup { create table t (id serial primary key, n int); insert into t (n) values (0); }
session a step a1 { alter table t add column more int default 7; }
session b step b1 { insert into t (n) values (1) returning *; } step b2 { create table u (); }
";

#[tokio::test]
async fn tables_that_steps_make_or_change_are_as_new() {
    let (engines, mut players) = players(spec(MAKES), Isolation::ReadCommitted).await;
    let player = &mut players.players[0];
    for _ in 0..2 {
        let played = player.play(&mut Fixed(&[0, 1, 1])).await.unwrap();
        assert_eq!(told(&played)[1], "1: INSERT 0 1 2,1,7");
        assert_eq!(rows(&played, "t"), ["1,0,7", "2,1,7"]);
        assert_eq!(played.end.unwrap().tables.len(), 2);
        let played = player.play(&mut Fixed(&[1, 0, 1])).await.unwrap();
        assert_eq!(told(&played)[0], "1: INSERT 0 1 2,1");
    }
    players.close().await.unwrap();
    engines.stop().await.unwrap();
}

/// What `a` writes to depends on what `b` is in the middle of, which no serial order shows.
const HIDDEN: &str = "
setup {
  create table state (id int primary key, is_half bool);
  create table late (id int primary key);
  insert into state values (1, false);
  create function f() returns void language plpgsql as
  $$begin if (select is_half from state) then insert into late values (1); end if; end$$;
}
session a step a1 { select f(); }
session b step b1 { update state set is_half = true; } step b2 { update state set is_half = false; }
";

#[tokio::test]
async fn what_was_not_foreseen_is_told_and_widens_what_is_known() {
    let (engines, mut players) = players(spec(HIDDEN), Isolation::ReadCommitted).await;
    assert!(!players.measured.effects()[0][0].is_unknown);
    let player = &mut players.players[0];
    player.play(&mut Fixed(&[0, 1, 1])).await.unwrap();
    assert_eq!(players.measured.version(), 0);
    player.play(&mut Fixed(&[1, 0, 1])).await.unwrap();
    assert_eq!(players.measured.version(), 1);
    assert!(players.measured.effects()[0][0].is_unknown);
    assert!(players.measured.notes()[0].contains("late has changed"));
    player.play(&mut Fixed(&[1, 0, 1])).await.unwrap();
    assert_eq!(players.measured.version(), 1, "it is known now");
    players.close().await.unwrap();
    engines.stop().await.unwrap();
}

/// The schemas and databases that are there.
async fn places(target: &Target) -> Vec<String> {
    let question = "select string_agg(nspname, ' ' order by 1) from pg_namespace \
        where nspname not like 'pg\\_%'";
    let mut connection = Connection::connect(target).await.unwrap();
    let found = connection.ask(question).await.unwrap().cell.unwrap();
    connection.terminate().await.unwrap();
    found.iter().flat_map(|names| names.split(' ').map(str::to_owned)).collect()
}

async fn carry_out(target: &Target, sql: &str) {
    let mut connection = Connection::connect(target).await.unwrap();
    connection.ask(sql).await.unwrap().cell.unwrap();
    connection.terminate().await.unwrap();
}

#[tokio::test]
async fn on_somebodys_server_nothing_is_touched_but_a_schema_of_ours() {
    let database = support::Database::create().await;
    let before = places(&database.target()).await;
    let engines = Engines::at(database.target());
    let production = production(of_library("last-ticket"), Isolation::ReadCommitted);
    let mut players = Players::prepare(&engines, &production, Manner::default(), 2).await.unwrap();
    assert_eq!(players.players.len(), 2);
    let mut ends = Vec::new();
    for player in &mut players.players {
        let played = player.play(&mut Fixed(&AS_WRITTEN)).await.unwrap();
        assert_eq!(player.play(&mut Fixed(&AS_WRITTEN)).await.unwrap(), played);
        ends.push(played);
    }
    assert_eq!(ends[0], ends[1]);
    players.close().await.unwrap();
    assert_eq!(places(&database.target()).await, before);

    let far = script(
        "-- Far\n-- sessions: A\n-- setup\ncreate table t ();\n-- A: writes elsewhere\n\
         insert into public.theirs values (1);\n",
    );
    let production = self::production(far, Isolation::ReadCommitted);
    let Err(refusal) = prepared(&engines, &production).await else { panic!("it was played") };
    let refusal = refusal.to_string();
    assert!(refusal.contains("public.theirs") && refusal.contains("again"), "{refusal}");
}

#[tokio::test]
async fn a_user_without_rights_explores_as_well() {
    let database = support::Database::create().await;
    let role = format!("plain_{}", database.name());
    let create = format!("grant create on database {} to {role}", database.name());
    carry_out(&database.target(), &format!("create role {role} login")).await;
    carry_out(&database.target(), &create).await;
    let server = support::server();
    let target = Target::unix(server.folder(), server.port(), &role, database.name());
    let engines = Engines::at(target);
    let production = production(spec_of_a_parent(), Isolation::ReadCommitted);
    let mut players = prepared(&engines, &production).await.unwrap();
    let player = &mut players.players[0];
    let played = player.play(&mut Fixed(&[0, 1, 0])).await.unwrap();
    assert_eq!(told(&played), ["0: BEGIN; INSERT 0 1", "1: DELETE 1 after 2", "0: ROLLBACK"]);
    assert_eq!(player.play(&mut Fixed(&[0, 1, 0])).await.unwrap(), played);
    players.close().await.unwrap();
}

fn spec_of_a_parent() -> Scenario {
    script(
        "-- Parents\n-- sessions: A, B\n-- setup\ncreate table p (id int primary key);\n\
         create table c (id int references p);\ninsert into p values (1);\n\
         -- A: refers\nbegin; insert into c values (1);\n-- B: deletes\ndelete from p;\n\
         -- A: gives up\nrollback;\n",
    )
}

#[tokio::test]
async fn a_server_that_is_gone_is_an_error() {
    let (engines, mut players) = players(of_library("last-ticket"), Isolation::ReadCommitted).await;
    engines.stop().await.unwrap();
    let player = &mut players.players[0];
    for _ in 0..2 {
        assert!(player.play(&mut Short(99)).await.is_err());
    }
}
