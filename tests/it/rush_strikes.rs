//! Every strategy with every fault that can befall it, and the database's verdict.
//!
//! `OVERBOOKED_RUSH_REQUESTS` is how many requests each of them gets.

use std::sync::Arc;

use overbooked::rush::board::{Board, Ended, Finished};
use overbooked::rush::fault::Fault;
use overbooked::rush::figures::Figure;
use overbooked::rush::strategy::StrategyName;
use overbooked::rush::table;

use crate::rush::{finished, options, rush};
use crate::rush_parts::is_here;
use crate::support::Database;

const DATABASE_ONLY: &str = "for-update nowait skip-locked conditional-update version serializable \
    advisory optimistic queue hold";
const OF_REDIS: &str = "redis-hold redis-hold-fenced";
const OF_ETCD: &str = "etcd-lock etcd-lock-fenced etcd-leader";
const OF_RABBITMQ: &str = "rabbit-queue";

/// So few that every one of them is asked for.
const SEATS: u64 = 200;

fn requests() -> u64 {
    let asked = std::env::var("OVERBOOKED_RUSH_REQUESTS").ok();
    asked.and_then(|asked| asked.parse().ok()).unwrap_or(2_000)
}

async fn struck(strategies: &str, fault: Fault, more: &str) -> Board {
    let database = Database::create().await;
    let requests = requests();
    let flags =
        format!("{strategies} --fault {fault} --requests {requests} --seats {SEATS} {more}");
    let board = rush(&database, &flags).await;
    assert_eq!(board.ended.len(), options(&flags).runs().len());
    for ended in &board.ended {
        assert_eq!(ended.fault, Some(fault));
        let finished = finished_of(&board, ended);
        let tally = &finished.tally;
        let label = ended.label();
        assert_eq!(tally.settled, requests, "{label}: {:?} {:?}", tally.errors, board.notes);
        assert_eq!(tally.failed, 0, "{label}: {:?}", tally.errors);
        let verdict = finished.verdict;
        let lost = (verdict.missing, verdict.unacknowledged, verdict.inconsistent);
        assert_eq!(lost, (0, 0, 0), "{label}: {verdict:?}");
        assert_eq!(verdict.sold, SEATS, "{label}: {verdict:?} {:?}", finished.figures);
    }
    board
}

fn finished_of<'a>(board: &'a Board, ended: &Ended) -> &'a Finished {
    finished(board, ended.strategy)
}

/// These sold no seat twice, and nobody got two.
fn kept(board: &Board, strategies: &str) {
    for strategy in options(&format!("{strategies} --with redis,etcd,rabbitmq,kafka")).chosen() {
        let finished = finished(board, strategy);
        let (verdict, figures) = (finished.verdict, &finished.figures);
        assert!(verdict.holds(), "{strategy}: {verdict:?} {figures:?}");
    }
}

fn counted(board: &Board, strategy: StrategyName, figure: Figure) -> u64 {
    finished(board, strategy).figures.of(figure)
}

fn had_errors(board: &Board, part: &str) {
    // A leader knows that it leads, and asks etcd three times in a lease's life: a short rush is
    // over before that.
    let asks = |ended: &&Arc<Ended>| ended.strategy != StrategyName::EtcdLeader;
    for ended in board.ended.iter().filter(asks) {
        let errors = &finished_of(board, ended).tally.errors;
        let of_part = errors.keys().any(|class| class.as_str().starts_with(part));
        assert!(of_part, "{} was not struck: {errors:?}", ended.label());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_stand_still_break_nothing_that_the_database_guards() {
    let board = struck(DATABASE_ONLY, Fault::Pause, "").await;
    kept(&board, DATABASE_ONLY);
    assert!(board.holds());
    for ended in &board.ended {
        assert!(counted(&board, ended.strategy, Figure::Pauses) > 0, "{}", ended.label());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn naive_is_caught_selling_seats_twice_under_every_fault() {
    for fault in [Fault::Pause, Fault::Duplicate] {
        let board = struck("naive", fault, "--think-time 2ms").await;
        let verdict = finished(&board, StrategyName::Naive).verdict;
        assert!(verdict.sold_twice > 0, "{fault}: {verdict:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_stands_still_sells_twice_without_fencing_and_never_with_it() {
    if !is_here("redis-server") {
        return;
    }
    let board = struck(OF_REDIS, Fault::Pause, "--with redis").await;
    let twice = finished(&board, StrategyName::RedisHold);
    assert!(twice.verdict.sold_twice > 0, "{:?} {:?}", twice.verdict, twice.figures);
    assert!(counted(&board, StrategyName::RedisHold, Figure::TimesRunOut) > 0);
    kept(&board, "redis-hold-fenced");
    assert!(counted(&board, StrategyName::RedisHoldFenced, Figure::Fenced) > 0);
    assert!(board.holds(), "what a fault is known to break is no failure of the run");
    let table = table::render(&board, &options("naive"));
    assert!(table.contains("sold twice") && table.contains("redis-hold pause"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locker_that_stands_still_sells_twice_without_fencing_and_never_with_it() {
    if !is_here("etcd") {
        return;
    }
    let board = struck(OF_ETCD, Fault::Pause, "--with etcd").await;
    let twice = finished(&board, StrategyName::EtcdLock);
    assert!(twice.verdict.sold_twice > 0, "{:?} {:?}", twice.verdict, twice.figures);
    kept(&board, "etcd-lock-fenced etcd-leader");
    assert!(counted(&board, StrategyName::EtcdLockFenced, Figure::Fenced) > 0);
    let elections = counted(&board, StrategyName::EtcdLeader, Figure::Elections);
    assert!(elections > 3, "a leader was deposed: {elections}");
    assert!(counted(&board, StrategyName::EtcdLeader, Figure::LeaderlessMicros) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_redis_loses_no_booking_and_fencing_survives_its_memory() {
    if !is_here("redis-server") {
        return;
    }
    let board = struck(OF_REDIS, Fault::KillPart, "--with redis").await;
    had_errors(&board, "Redis");
    kept(&board, "redis-hold-fenced");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_etcd_loses_neither_a_lock_nor_a_booking() {
    if !is_here("etcd") {
        return;
    }
    let board = struck(OF_ETCD, Fault::KillPart, "--with etcd").await;
    had_errors(&board, "etcd");
    kept(&board, OF_ETCD);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_link_to_redis_loses_no_booking() {
    if !is_here("redis-server") {
        return;
    }
    let board = struck(OF_REDIS, Fault::Cut, "--with redis").await;
    had_errors(&board, "Redis silent");
    kept(&board, OF_REDIS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_link_to_etcd_loses_no_booking() {
    if !is_here("etcd") {
        return;
    }
    let board = struck(OF_ETCD, Fault::Cut, "--with etcd").await;
    had_errors(&board, "etcd silent");
    kept(&board, OF_ETCD);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_twice_gets_one_seat_unless_any_seat_will_do() {
    let board = struck(DATABASE_ONLY, Fault::Duplicate, "").await;
    let only_one = DATABASE_ONLY.replace("skip-locked ", "");
    kept(&board, &only_one);
    let both = finished(&board, StrategyName::SkipLocked).verdict;
    assert!(both.two_seats > 0 && both.sold_twice == 0, "{both:?}");
    assert!(board.holds());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_twice_to_a_part_gets_one_seat() {
    if !is_here("redis-server") || !is_here("etcd") {
        return;
    }
    let strategies = format!("{OF_REDIS} {OF_ETCD}");
    let board = struck(&strategies, Fault::Duplicate, "--with redis,etcd").await;
    kept(&board, &strategies);
    for ended in &board.ended {
        let duplicates = counted(&board, ended.strategy, Figure::Duplicates);
        assert!(duplicates >= requests() / 100, "{}: {duplicates}", ended.label());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq_sells_each_seat_once_under_every_fault() {
    if !is_here("rabbitmq-server") {
        return;
    }
    for fault in [Fault::Pause, Fault::KillPart, Fault::Cut, Fault::Duplicate] {
        let board = struck(OF_RABBITMQ, fault, "--with rabbitmq").await;
        kept(&board, OF_RABBITMQ);
        let count = |figure| counted(&board, StrategyName::RabbitQueue, figure);
        assert_eq!((count(Figure::DeadLetters), count(Figure::LostRequests)), (0, 0), "{fault}");
        // What was on its way to a part that is struck may be answered without being confirmed.
        let confirmed = count(Figure::PartCalls);
        assert!(confirmed >= requests() || fault.befalls_part(), "{fault}: {confirmed}");
        match fault {
            Fault::Pause => assert!(count(Figure::Pauses) > 0),
            Fault::Duplicate => {
                assert!(count(Figure::Duplicates) >= requests() / 100);
                assert!(count(Figure::KnownRequests) > 0, "a seat was asked for twice");
            }
            Fault::KillPart | Fault::Cut => had_errors(&board, "RabbitMQ"),
        }
    }
}

/// The broker (tansu) keeps everything in memory: what it had accepted and is killed with is lost,
/// which is said, and asked again. Nothing else may be.
#[tokio::test(flavor = "multi_thread")]
async fn kafka_sells_each_seat_once_under_every_fault() {
    if !is_here("tansu") {
        return;
    }
    for fault in [Fault::Pause, Fault::KillPart, Fault::Cut, Fault::Duplicate] {
        let board = struck("kafka-queue", fault, "--with kafka").await;
        kept(&board, "kafka-queue");
        let count = |figure| counted(&board, StrategyName::KafkaQueue, figure);
        let confirmed = count(Figure::PartCalls);
        assert!(confirmed >= requests() || fault.befalls_part(), "{fault}: {confirmed}");
        match fault {
            Fault::Pause => assert!(count(Figure::Pauses) > 0),
            Fault::Duplicate => assert!(count(Figure::Duplicates) >= requests() / 100),
            Fault::KillPart | Fault::Cut => had_errors(&board, "Kafka"),
        }
        let lost = count(Figure::LostRequests);
        assert!(lost == 0 || fault == Fault::KillPart, "{fault}: {lost}");
        let table = table::render(&board, &options("naive"));
        let words = table.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_told = words.contains("lost by the part and asked again");
        assert_eq!(lost > 0, is_told, "{fault}: {table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn etcd_sells_each_seat_once_and_leaves_nothing_behind() {
    if !is_here("etcd") {
        return;
    }
    let database = Database::create().await;
    let flags = format!("{OF_ETCD} --with etcd --requests 400 --seats 30 --workers 8");
    let board = rush(&database, &flags).await;
    kept(&board, OF_ETCD);
    assert!(board.notes.is_empty(), "{:?}", board.notes);
    assert_eq!(
        counted(&board, StrategyName::EtcdLeader, Figure::Elections),
        3,
        "one a compartment"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rush_until_sold_out_stops_there() {
    let database = Database::create().await;
    let flags = "for-update --requests 100000 --seats 20 --workers 4 --until-sold-out";
    let board = rush(&database, flags).await;
    let finished = finished(&board, StrategyName::ForUpdate);
    assert_eq!(finished.verdict.sold, 20);
    assert!(finished.tally.settled < 10_000, "{}", finished.tally.settled);
    assert!(!finished.stopped && board.holds());
    assert!(finished.sold_out.is_some());
}

#[test]
fn what_cannot_be_struck_is_refused() {
    let error = |flags: &str| options(flags).check().unwrap_err().to_string();
    assert!(error("for-update --fault cut").contains("none of these strategies has a part"));
    let address = "redis-hold --redis redis://localhost --fault kill-part";
    assert!(error(address).contains("use --with redis"), "{}", error(address));
    assert!(options("redis-hold --with redis --fault pause,cut").check().is_ok());
    assert_eq!(options("for-update --fault pause,cut").runs().len(), 1);
}
