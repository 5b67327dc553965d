//! Waits for what is neither a row nor a table, and for what has no lock of its own: each is told
//! by name.

use overbooked::core::event::WaitTarget;

use super::stage::{Stage, answer};
use crate::releases::is_after_may_2026;
use crate::support;

fn other(words: &str) -> WaitTarget {
    WaitTarget::Other(words.to_owned())
}

fn row(table: &str, key: &str, wants: Option<&str>) -> WaitTarget {
    let (key, wants) = (Some(key.to_owned()), wants.map(str::to_owned));
    WaitTarget::Row { table: table.to_owned(), key, wants }
}

fn key(table: &str, columns: &str, values: Option<&str>) -> WaitTarget {
    let (columns, values) = (Some(columns.to_owned()), values.map(str::to_owned));
    WaitTarget::Key { table: table.to_owned(), columns, values }
}

/// What Bob waits for while Alice's transaction is open.
struct Case<'a> {
    alice: &'a str,
    bob: &'a str,
    target: WaitTarget,
}

async fn waits_for(stage: &mut Stage, setup: &str, cases: Vec<Case<'_>>) {
    let (alice, bob) = (stage.actor("Alice").await, stage.actor("Bob").await);
    alice.run(setup).await;
    for Case { alice: holds, bob: wants, target } in cases {
        alice.run("begin").await;
        alice.run(holds).await;
        let bobs = bob.start(wants);
        stage.until_waits("Bob", target, |wait| wait.target.clone()).await;
        alice.run("rollback").await;
        answer(bobs).await.unwrap_or_else(|error| panic!("{wants}: {error:?}"));
        bob.run("rollback").await;
    }
}

#[tokio::test]
async fn an_object_is_told_by_what_it_is_and_its_name() {
    let mut stage = Stage::plain().await;
    let database = stage.database.name().to_owned();
    let setup = "create schema stage;
        create function seats_left(int) returns int language sql as 'select 1'";
    let comment = format!("comment on database {database} is 'x'");
    let named = format!("database {database}");
    let replaced = if is_after_may_2026(support::server().version()) {
        "function seats_left(integer)"
    } else {
        "function seats_left(integer), a row of pg_catalog.pg_proc"
    };
    let cases = vec![
        Case {
            alice: "drop schema stage",
            bob: "create table stage.t (id int)",
            target: other("schema stage"),
        },
        Case {
            alice: "drop function seats_left(int)",
            bob: "create or replace function seats_left(int) returns int language sql as 'select \
                2'",
            target: other(replaced),
        },
        Case { alice: &comment, bob: &comment, target: other(&named) },
    ];
    waits_for(&mut stage, setup, cases).await;
}

#[tokio::test]
async fn the_type_of_a_column_is_told_by_its_name() {
    if !is_after_may_2026(support::server().version()) {
        eprintln!("left out: this PostgreSQL does not lock the types of columns");
        return;
    }
    let mut stage = Stage::plain().await;
    let setup = "create type color as enum ('red'); create domain paint as text";
    let cases = vec![
        Case {
            alice: "drop type color",
            bob: "create table painted (c color)",
            target: other("type color"),
        },
        Case {
            alice: "drop domain paint",
            bob: "create table walls (c paint)",
            target: other("type paint"),
        },
    ];
    waits_for(&mut stage, setup, cases).await;
}

#[tokio::test]
async fn relations_that_are_no_tables_are_told_as_what_they_are() {
    let mut stage = Stage::plain().await;
    let setup = "create sequence numbers; create materialized view shown as select 1 as n; create \
        view looked as select 1 as n;
        create index seats_by_number on seats (seat_number)";
    let cases = vec![
        Case {
            alice: "alter sequence numbers restart",
            bob: "alter sequence numbers restart",
            target: other("sequence numbers, ShareRowExclusiveLock"),
        },
        Case {
            alice: "refresh materialized view shown",
            bob: "refresh materialized view shown",
            target: other("materialized view shown, AccessExclusiveLock"),
        },
        Case {
            alice: "drop view looked",
            bob: "select * from looked",
            target: other("view looked, AccessShareLock"),
        },
        Case {
            alice: "drop index seats_by_number",
            bob: "select * from seats",
            target: WaitTarget::Table {
                table: "seats".to_owned(),
                mode: "AccessShareLock".to_owned(),
            },
        },
    ];
    waits_for(&mut stage, setup, cases).await;
}

#[tokio::test]
async fn a_row_of_the_catalog_is_told_as_what_it_describes() {
    let mut stage = Stage::plain().await;
    let usher = format!("usher_of_{}", stage.database.name());
    let (drop, limit) =
        (format!("drop role {usher}"), format!("alter role {usher} connection limit 3"));
    let told = format!("role {usher}, a row of pg_catalog.pg_authid");
    let (create, renamed) = (format!("create role {usher}"), "alter type color rename to colour");
    let setup = format!("{create}; create type color as enum ('red')");
    let cases = vec![
        Case { alice: &limit, bob: &limit, target: other(&told) },
        Case {
            alice: renamed,
            bob: renamed,
            target: other("type color, a row of pg_catalog.pg_type"),
        },
    ];
    waits_for(&mut stage, &setup, cases).await;
    stage.stranger("cleaner").await.run(&drop).await;
}

#[tokio::test]
async fn what_is_being_made_is_told_by_the_name_that_it_is_to_have() {
    let mut stage = Stage::sharp().await;
    let cases = vec![
        Case {
            alice: "create table made (id int)",
            bob: "create table made (id int)",
            target: other("type made, which is being created"),
        },
        Case {
            alice: "create schema stage",
            bob: "create schema stage",
            target: other("schema stage, which is being created"),
        },
        Case {
            alice: "create extension citext",
            bob: "create extension citext",
            target: other("extension citext, which is being created"),
        },
    ];
    waits_for(&mut stage, "select 1", cases).await;
}

#[tokio::test]
async fn a_unique_key_is_told_with_its_table_and_values_where_the_pages_can_be_read() {
    let mut stage = Stage::sharp().await;
    let alice = "insert into seats values ('B', 1, 'Alice')";
    let bob = "begin; insert into seats values ('B', 1, 'Bob')";
    let maybe = format!("{bob} on conflict do nothing");
    let which_is_not_known =
        WaitTarget::Key { table: "seats".to_owned(), columns: None, values: None };
    let booked = "insert into bookings values ('A-4')";
    let maybe_booked = format!("begin; {booked} on conflict do nothing");
    let place = || key("seats", "seat_row, seat_number", Some("B, 1"));
    let cases = vec![
        Case { alice, bob, target: place() },
        // He has written nothing yet, and she has written two keys.
        Case { alice, bob: &maybe, target: which_is_not_known },
        Case { alice: booked, bob: &maybe_booked, target: key("bookings", "seat", Some("A-4")) },
        Case {
            alice: "update seats set booked_by = 'Zoe' where seat_number = 2",
            bob: "begin; update seats set booked_by = 'Zoe' where seat_number = 4",
            target: key("seats", "booked_by", Some("Zoe")),
        },
        Case {
            alice: "delete from bookings",
            bob: "begin; insert into bookings values ('A-1') on conflict do nothing",
            target: key("bookings", "seat", Some("A-1")),
        },
    ];
    let setup =
        "create table bookings (seat text primary key); insert into bookings values ('A-1')";
    waits_for(&mut stage, setup, cases).await;
}

#[tokio::test]
async fn without_the_pages_a_unique_key_is_told_by_its_columns_at_least() {
    let mut stage = Stage::plain().await;
    let setup = "create table bookings (seat text primary key)";
    let book = "insert into bookings values ('A-4')";
    let cases = vec![Case { alice: book, bob: book, target: key("bookings", "seat", None) }];
    waits_for(&mut stage, setup, cases).await;
}

#[tokio::test]
async fn a_lock_that_is_to_become_stronger_is_told_by_its_row() {
    let mut stage = Stage::plain().await;
    let (alice, bob) = (stage.actor("Alice").await, stage.actor("Bob").await);
    let share = "begin; select * from seats where seat_number = 4 for share";
    alice.run(share).await;
    bob.run(share).await;
    let bobs = bob.start("update seats set booked_by = 'Bob' where seat_number = 4");
    stage.until_waits("Bob", row("seats", "A-4", None), |wait| wait.target.clone()).await;
    alice.run("commit").await;
    answer(bobs).await.unwrap();
}

#[tokio::test]
async fn rows_are_found_in_parents_children_and_partitions() {
    let mut stage = Stage::plain().await;
    let setup = "create table halls (id int primary key); insert into halls values (1), (2);
        create table shows (id int primary key, hall int references halls);
        create table sold (id int, day int, primary key (id, day)) partition by list (day);
        create table sold_1 partition of sold for values in (1); insert into sold values (7, 1);
        create table notes (note text); create table loud_notes () inherits (notes); insert into \
        loud_notes values ('psst')";
    let cases = vec![
        Case {
            alice: "delete from halls where id = 2",
            bob: "insert into shows values (1, 2)",
            target: row("halls", "2", Some("key share")),
        },
        Case {
            alice: "update sold set id = 7",
            bob: "delete from sold where id = 7",
            target: row("sold_1", "7-1", Some("update")),
        },
        Case {
            alice: "update notes set note = 'hush'",
            bob: "update notes set note = 'shout'",
            target: row("loud_notes", "(psst)", Some("no key update")),
        },
    ];
    waits_for(&mut stage, setup, cases).await;
}

#[tokio::test]
async fn advisory_locks_of_both_kinds_and_transactions_that_are_older() {
    let mut stage = Stage::plain().await;
    let advisory = |key: &str| WaitTarget::Advisory { key: key.to_owned() };
    let cases = vec![
        Case {
            alice: "select pg_advisory_xact_lock_shared(5)",
            bob: "begin; select pg_advisory_xact_lock(5)",
            target: advisory("5"),
        },
        Case {
            alice: "select pg_advisory_xact_lock(-1, 2)",
            bob: "begin; select pg_advisory_xact_lock_shared(-1, 2)",
            target: advisory("-1,2"),
        },
        Case {
            alice: "update seats set booked_by = 'Alice' where seat_number = 4",
            bob: "create index concurrently on seats (seat_number)",
            target: other("an older transaction"),
        },
    ];
    waits_for(&mut stage, "select 1", cases).await;
}
