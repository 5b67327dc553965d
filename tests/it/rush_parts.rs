//! The rush with real parts in front of the database.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use overbooked::parts::amqp_client::Amqp;
use overbooked::parts::link::Link;
use overbooked::parts::private;
use overbooked::rush::board::End;
use overbooked::rush::figures::Figure;
use overbooked::rush::headless::headless;
use overbooked::rush::options::Options;
use overbooked::rush::strategy::StrategyName;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::gateway::connect;
use crate::rush::{finished, options, rush};
use crate::rush_ends::url;
use crate::rush_screen::seats_are_sold;
use crate::support::{Database, server};

/// Whether the program is on this machine; says so where it is not.
pub(crate) fn is_here(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
    let mut folders = std::env::split_paths(&path).chain(usual.map(PathBuf::from));
    let found = folders.any(|folder| folder.join(program).is_file());
    if !found {
        eprintln!("not tried: this machine has no {program}");
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_in_redis_sell_each_seat_once() {
    if !is_here("redis-server") {
        return;
    }
    let database = Database::create().await;
    let flags = "redis-hold redis-hold-fenced --with redis --requests 600 --seats 30 --workers 8";
    let board = rush(&database, flags).await;
    assert_eq!(board.ended.len(), 2);
    for ended in &board.ended {
        let finished = finished(&board, ended.strategy);
        let (tally, verdict) = (&finished.tally, finished.verdict);
        assert!(verdict.holds(), "{}: {verdict:?}", ended.strategy);
        assert_eq!((tally.settled, tally.failed), (600, 0), "{:?}", tally.errors);
        assert_eq!((tally.booked, verdict.sold), (30, 30), "{}", ended.strategy);
        assert!(finished.sold_out.is_some_and(|then| then <= finished.wall));
        assert!(finished.figures.of(Figure::PartCalls) >= 600, "{:?}", finished.figures);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_in_rabbitmq_sells_each_seat_once_and_says_how_long_it_takes_to_start() {
    if !is_here("rabbitmq-server") {
        return;
    }
    let database = Database::create().await;
    let flags = "rabbit-queue --with rabbitmq --requests 600 --seats 30 --workers 8";
    let board = rush(&database, flags).await;
    let finished = finished(&board, StrategyName::RabbitQueue);
    let (tally, verdict) = (&finished.tally, finished.verdict);
    assert!(verdict.holds(), "{verdict:?}");
    assert_eq!((tally.settled, tally.failed), (600, 0), "{:?}", tally.errors);
    assert_eq!((tally.booked, verdict.sold), (30, 30));
    assert!(finished.figures.of(Figure::PartCalls) == 600, "{:?}", finished.figures);
    assert!((1..=8).contains(&finished.figures.of(Figure::DeepestQueue)));
    assert_eq!(board.notes.len(), 1, "{:?}", board.notes);
    assert!(board.notes[0].starts_with("starting RabbitMQ"), "{:?}", board.notes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_in_kafka_sells_each_seat_once() {
    if !is_here("tansu") {
        return;
    }
    let database = Database::create().await;
    let flags = "kafka-queue --with kafka --requests 600 --seats 30 --workers 8";
    let board = rush(&database, flags).await;
    let finished = finished(&board, StrategyName::KafkaQueue);
    let (tally, verdict) = (&finished.tally, finished.verdict);
    assert!(verdict.holds(), "{verdict:?}");
    assert_eq!((tally.settled, tally.failed), (600, 0), "{:?}", tally.errors);
    assert_eq!((tally.booked, verdict.sold), (30, 30));
    assert_eq!(finished.figures.of(Figure::PartCalls), 600, "{:?}", finished.figures);
    assert!(board.notes.is_empty(), "{:?}", board.notes);
}

/// A queue that somebody deletes, with what it has confirmed.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_rabbitmq_loses_are_counted_and_asked_again() {
    if !is_here("rabbitmq-server") {
        return;
    }
    let (rabbitmq, url) = private::start_rabbitmq().await.unwrap();
    let database = Database::create().await;
    let asked = Options {
        amqp: Some(url.clone()),
        ..options("rabbit-queue --requests 3000 --seats 100 --think-time 1ms --amqp amqp://ours")
    };
    let (target, stop) = (database.target(), CancellationToken::new());
    let rush = tokio::spawn(async move { headless(&asked, &target, stop).await.unwrap() });
    seats_are_sold(&database).await;
    let client = connect(server().folder(), server().port(), database.name()).await;
    let schema = "select nspname from pg_namespace where nspname like 'overbooked\\_rush%'";
    let schema: String = client.query_one(schema, &[]).await.unwrap().get(0);
    let amqp = Amqp::new(&url, &Link::default());
    for compartment in 0..3 {
        amqp.delete(&format!("{schema}.{compartment}")).await.unwrap();
    }
    let board = rush.await.unwrap();
    let finished = finished(&board, StrategyName::RabbitQueue);
    let (tally, figures) = (&finished.tally, &finished.figures);
    assert_eq!((tally.settled, tally.failed), (3_000, 0), "{:?}", tally.errors);
    assert!(finished.verdict.holds(), "{:?} {figures:?}", finished.verdict);
    rabbitmq.stop().await.unwrap();
}

/// Whatever the database refuses comes back five times and is a dead letter then.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_the_database_refuses_is_a_dead_letter() {
    if !is_here("rabbitmq-server") {
        return;
    }
    let database = Database::create().await;
    let client = connect(server().folder(), server().port(), database.name()).await;
    let refuse = "create function refuse() returns event_trigger language plpgsql as $$ \
        declare made record; begin \
        for made in select object_identity from pg_event_trigger_ddl_commands() \
            where object_identity like 'overbooked\\_rush%.bookings' loop \
            execute 'alter table ' || made.object_identity || ' add check (passenger <> 1)'; \
        end loop; end $$; \
        create event trigger refuse on ddl_command_end when tag in ('CREATE TABLE') \
        execute function refuse()";
    client.batch_execute(refuse).await.unwrap();
    let flags = "rabbit-queue --with rabbitmq --requests 50 --seats 10 --workers 1";
    let board = rush(&database, flags).await;
    let finished = finished(&board, StrategyName::RabbitQueue);
    let (tally, figures) = (&finished.tally, &finished.figures);
    assert_eq!((tally.settled, tally.failed), (50, 1), "{:?}", tally.errors);
    assert!(finished.verdict.holds(), "{:?}", finished.verdict);
    assert_eq!(figures.of(Figure::DeadLetters), 1, "{figures:?}");
    assert_eq!(figures.of(Figure::Redeliveries), 5, "{figures:?}");
    let line = figures.line().unwrap();
    assert!(line.contains("redeliveries 5") && line.contains("dead letters 1"), "{line}");
}

#[test]
fn strategies_may_stand_behind_commas() {
    let chosen = options("for-update,queue version").chosen();
    assert_eq!(
        chosen,
        [StrategyName::ForUpdate, StrategyName::Queue, StrategyName::Version],
        "{chosen:?}"
    );
}

#[test]
fn a_strategy_without_its_part_is_left_out_of_all_and_refused_by_name() {
    let all = options("");
    assert!(!all.chosen().contains(&StrategyName::RedisHold));
    let left_out = all.left_out().unwrap();
    assert!(left_out.contains("redis-hold (--with redis)"), "{left_out}");
    assert!(all.check().is_ok());
    let error = options("redis-hold").check().unwrap_err().to_string();
    assert_eq!(
        error,
        "redis-hold needs Redis: give its address with --redis URL, or have one started by --with \
         redis"
    );
    let addresses = "--redis redis://localhost --etcd http://localhost --amqp amqp://localhost \
        --kafka localhost";
    let given = options(addresses);
    assert!(given.chosen().contains(&StrategyName::RedisHoldFenced) && given.left_out().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_not_there_is_named() {
    let database = Database::create().await;
    let board = rush(&database, "redis-hold --redis redis://127.0.0.1:1 --requests 10").await;
    let End::Broken(why) = &board.ended[0].end else { panic!("{board:?}") };
    assert!(why.starts_with("cannot reach Redis at 127.0.0.1:1: "), "{why}");
}

/// The folder of the part that this process has started.
fn folder_of(process: u32) -> Option<PathBuf> {
    let places = [PathBuf::from("/dev/shm"), std::env::temp_dir(), "/tmp".into()];
    let entries = places.iter().filter_map(|place| place.read_dir().ok()).flatten().flatten();
    let mut folders = entries.map(|entry| entry.path());
    folders.find(|folder| {
        let mark = std::fs::read_to_string(folder.join("lock")).unwrap_or_default();
        mark.contains(&format!("process {process}\n")) && folder.join("part.pid").exists()
    })
}

fn kill(process: &str) {
    assert!(Command::new("kill").args(["-s", "KILL", process]).status().unwrap().success());
}

/// The process that watches over the part in this folder.
fn supervisor(folder: &Path) -> String {
    let server = &processes(folder)[0];
    let status = std::fs::read_to_string(format!("/proc/{server}/status")).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap();
    parent.trim().to_owned()
}

/// The processes of the part in this folder.
fn processes(folder: &Path) -> Vec<String> {
    let written = std::fs::read_to_string(folder.join("part.pid")).unwrap();
    written.lines().map(str::to_owned).collect()
}

/// Also one that nobody has asked for its end counts as gone.
async fn until_gone(process: &str) {
    let status = format!("/proc/{process}/status");
    let gone = async {
        let mut pulse = interval(Duration::from_millis(10));
        while let Ok(status) = std::fs::read_to_string(&status)
            && !status.contains("State:\tZ")
        {
            pulse.tick().await;
        }
    };
    timeout(Duration::from_mins(1), gone).await.expect("the server ends");
}

/// A rush that is killed, with the supervisor of its part or without; what is left is swept by the
/// next.
async fn killed(strategy: &str, part: &str, with_supervisor: bool) {
    let database = Database::create().await;
    let rush = |requests: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_overbooked"));
        program.args(["rush", strategy, "--with", part, "--headless", "--requests"]);
        program.args([requests, "--url", &url(&database)]).stdout(Stdio::null());
        program
    };
    let mut killed = rush("100000000").spawn().unwrap();
    seats_are_sold(&database).await;
    let folder = folder_of(killed.id()).expect("its folder is marked");
    let processes = processes(&folder);
    if with_supervisor {
        kill(&supervisor(&folder));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    // Where nobody is left to end it, the next start of anything does.
    if !with_supervisor {
        for process in &processes {
            until_gone(process).await;
        }
    }
    assert_eq!(rush("20").status().unwrap().code(), Some(0));
    assert!(!folder.exists(), "{part}");
    for process in &processes {
        until_gone(process).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_private_part_is_left_after_a_killed_rush() {
    for (strategy, part, program) in [
        ("redis-hold", "redis", "redis-server"),
        ("etcd-lock", "etcd", "etcd"),
        ("rabbit-queue", "rabbitmq", "rabbitmq-server"),
        ("kafka-queue", "kafka", "tansu"),
    ] {
        if is_here(program) {
            killed(strategy, part, false).await;
            killed(strategy, part, true).await;
        }
    }
}
