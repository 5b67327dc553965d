//! The observer's own conduct: what it watches, what it leaves alone, what it survives.

use std::time::Duration;

use overbooked::core::seats::{HoldKind, Unread};
use overbooked::observer::flavor::{EngineKind, Source};
use overbooked::observer::{Inspection, Observer, Watch};

use super::stage::{Stage, held, seat, watch_seats};
use crate::support;

#[tokio::test]
async fn a_postgresql_shows_everything() {
    let stage = Stage::plain().await;
    let flavor = stage.observer.flavor();
    assert_eq!(flavor.kind, EngineKind::PostgreSql);
    assert_eq!((flavor.sight.waits, flavor.sight.rows), (Source::PostgreSql, Source::PostgreSql));
    assert!(flavor.sight.blind.is_empty(), "{flavor:?}");
    assert!(flavor.version >= 120_000 && flavor.product.starts_with("PostgreSQL "), "{flavor:?}");
}

#[tokio::test]
async fn with_no_table_named_the_schemas_tables_are_watched() {
    let mut stage = Stage::plain().await;
    let bob = stage.actor("Bob").await;
    bob.run(
        "create schema run; create table run.notes (note text); insert into run.notes values \
        ('a'), ('b')",
    )
    .await;
    bob.run(
        "create table run.\"Keyed Twice\" (a int, \"B\" text, primary key (\"B\", a)); insert \
        into run.\"Keyed Twice\" values (1, 'x'), (2, 'w')",
    )
    .await;
    stage.observer.watch(Watch { schema: Some("run".to_owned()), ..Watch::default() });
    let watched_tables = stage.watched_tables().await;
    let names: Vec<&str> = watched_tables.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["Keyed Twice", "notes"]);
    let keys = |at: usize| watched_tables.tables[at].places.iter().map(|place| place.key.as_str());
    assert_eq!(keys(0).collect::<Vec<_>>(), ["w-2", "x-1"]);
    assert_eq!(keys(1).collect::<Vec<_>>(), ["row 1", "row 2"]);
}

#[tokio::test]
async fn a_table_that_is_made_again_is_seen_again() {
    let mut stage = Stage::sharp().await;
    let bob = stage.actor("Bob").await;
    assert_eq!(stage.watched_tables().await.tables[0].rows, 5);
    bob.run("drop table seats").await;
    assert_eq!(stage.watched_tables().await.tables[0].unread, Some(Unread::Missing));
    bob.run(
        "create table seats (seat_row char, seat_number int, booked_by text, note text, \
        primary key (seat_row, seat_number))",
    )
    .await;
    bob.run("insert into seats values ('Z', 1, null, 'new')").await;
    let watched_tables = stage.watched_tables().await;
    assert_eq!(watched_tables.tables[0].columns.len(), 4);
    assert_eq!(seat(&watched_tables, "Z-1").values[3].as_deref(), Some("new"));
    bob.run("alter table seats drop column note").await;
    bob.run("begin; insert into seats values ('Z', 2, 'Bob')").await;
    let watched_tables = stage.watched_tables().await;
    assert_eq!(held(seat(&watched_tables, "Z-2")), [("Bob".to_owned(), HoldKind::Insert)]);
}

#[tokio::test]
async fn a_long_table_shows_its_beginning_its_count_and_every_row_that_is_held() {
    let mut stage = Stage::sharp().await;
    let bob = stage.actor("Bob").await;
    bob.run(
        "create table many (n int primary key); insert into many select generate_series(1, 1000)",
    )
    .await;
    stage.observer.watch(Watch { tables: vec!["many".to_owned()], ..Watch::default() });
    bob.run("begin; select * from many where n = 777 for update").await;
    let watched_tables = stage.watched_tables().await;
    assert_eq!((watched_tables.tables[0].rows, watched_tables.tables[0].places.len()), (1000, 201));
    assert_eq!(held(seat(&watched_tables, "777")), [("Bob".to_owned(), HoldKind::Update)]);
}

#[tokio::test]
async fn pageinspect_is_out_of_everybodys_way_and_gone_at_the_end() {
    let mut stage = Stage::sharp().await;
    let bob = stage.actor("Bob").await;
    let visible = "select to_regprocedure('heap_page_items(bytea)') is not null";
    assert!(!bob.client.query_one(visible, &[]).await.unwrap().get::<_, bool>(0));
    bob.run("create extension pageinspect; drop extension pageinspect").await;
    bob.run("begin; select * from seats where seat_number = 4 for update").await;
    let watched_tables = stage.watched_tables().await;
    assert_eq!(held(seat(&watched_tables, "A-4")), [("Bob".to_owned(), HoldKind::Update)]);
    stage.observer.close().await;
    let left = "select count(*) from pg_proc where proname = 'heap_page_items'";
    let gone =
        async { while bob.client.query_one(left, &[]).await.unwrap().get::<_, i64>(0) > 0 {} };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("nothing is left");
}

#[tokio::test]
async fn on_somebody_elses_server_nothing_is_installed() {
    let mut stage = Stage::plain().await;
    let bob = stage.actor("Bob").await;
    let left = "select exists (select from pg_extension where extname = 'pageinspect')";
    assert!(!bob.client.query_one(left, &[]).await.unwrap().get::<_, bool>(0));
}

#[tokio::test]
async fn the_pulse_changes_with_locks_and_commits_and_not_without() {
    let mut stage = Stage::sharp().await;
    let bob = stage.actor("Bob").await;
    stage.watched_tables().await;
    let pulse = async || stage.observer.pulse().await.unwrap();
    bob.run("begin; select * from seats where seat_number = 4 for update").await;
    let locked = pulse().await;
    stage.watched_tables().await;
    bob.run("select * from seats where seat_number = 5 for update").await;
    assert_ne!(pulse().await, locked, "a second lock of the same transaction");
    bob.run("update seats set booked_by = 'Bob' where seat_number = 4").await;
    let written = pulse().await;
    bob.run("commit").await;
    let committed = pulse().await;
    assert_ne!(committed, written);
    assert!(!committed.is_open());
    // Tests beside this one commit in other databases: those move the snapshot, too.
    let sleeper = stage.actor("Carol").await;
    sleeper.run("begin; select * from seats where seat_number = 4 for update").await;
    let sleep = sleeper.start("select pg_sleep(60)");
    while !stage.observer.pulse().await.unwrap().is_open() {}
    sleep.abort();
}

#[tokio::test]
async fn the_observer_comes_back_after_a_restart() {
    let mut cluster = support::start_own().await;
    let target = cluster.target();
    let watch = Watch { tables: vec!["seats".to_owned()], ..watch_seats() };
    let observer = Observer::connect(&target, watch, Inspection::Allowed).await.unwrap();
    assert_eq!(observer.watched_tables(&[]).await.unwrap().tables[0].unread, Some(Unread::Missing));
    cluster.restart().await.unwrap();
    let watched_tables = observer.watched_tables(&[]).await;
    assert!(watched_tables.is_ok(), "{watched_tables:?}");
    cluster.stop().await.unwrap();
    assert!(observer.watched_tables(&[]).await.is_err(), "an error, and no more than that");
}
