//! What the watched tables show of locks and changes.

use overbooked::core::seats::{HoldKind, Unread};
use overbooked::observer::Watch;

use super::stage::{Stage, answer, held, name, queued, seat};

const TAKE_A4: &str = "select * from seats where seat_row = 'A' and seat_number = 4 for update";
const BOOK_A4: &str = "update seats set booked_by = 'Bob' where seat_row = 'A' and seat_number = 4";

#[tokio::test]
async fn a_row_lock_is_its_owners_until_the_transaction_ends() {
    let mut stage = Stage::sharp().await;
    let bob = stage.actor("Bob").await;
    bob.run("begin").await;
    bob.run(TAKE_A4).await;
    let watched_tables = stage.watched_tables().await;
    assert_eq!(held(seat(&watched_tables, "A-4")), [("Bob".to_owned(), HoldKind::Update)]);
    assert!(held(seat(&watched_tables, "A-5")).is_empty());
    bob.run("rollback").await;
    assert!(
        held(seat(&stage.watched_tables().await, "A-4")).is_empty(),
        "an aborted locker's xmax is stale"
    );
    bob.run("begin").await;
    bob.run(TAKE_A4).await;
    bob.run("commit").await;
    assert!(held(seat(&stage.watched_tables().await, "A-4")).is_empty(), "so is a committed one's");
}

#[tokio::test]
async fn every_lock_mode_is_told_by_its_name() {
    let mut stage = Stage::sharp().await;
    let bob = stage.actor("Bob").await;
    let modes = [
        ("for key share", HoldKind::KeyShare),
        ("for share", HoldKind::Share),
        ("for no key update", HoldKind::NoKeyUpdate),
        ("for update", HoldKind::Update),
    ];
    for (sql, kind) in modes {
        bob.run("begin").await;
        bob.run(&format!("select * from seats where seat_number = 4 {sql}")).await;
        assert_eq!(
            held(seat(&stage.watched_tables().await, "A-4")),
            [("Bob".to_owned(), kind)],
            "{sql}"
        );
        bob.run("rollback").await;
    }
}

#[tokio::test]
async fn an_uncommitted_booking_shows_the_old_holder_and_the_new_one() {
    let mut stage = Stage::sharp().await;
    let bob = stage.actor("Bob").await;
    bob.run("begin").await;
    bob.run(BOOK_A4).await;
    let watched_tables = stage.watched_tables().await;
    let place = seat(&watched_tables, "A-4");
    assert_eq!(place.values, [Some("A".to_owned()), Some("4".to_owned()), None]);
    assert_eq!(held(place), [("Bob".to_owned(), HoldKind::Write)]);
    assert_eq!(place.holders[0].becomes, Some(Some("Bob".to_owned())));
    bob.run("update seats set booked_by = null where seat_number = 4").await;
    assert_eq!(
        seat(&stage.watched_tables().await, "A-4").holders[0].becomes,
        Some(None),
        "changed again"
    );
    bob.run("update seats set booked_by = 'Bob' where seat_number = 4; commit").await;
    let watched_tables = stage.watched_tables().await;
    assert_eq!(seat(&watched_tables, "A-4").values[2].as_deref(), Some("Bob"));
    assert!(held(seat(&watched_tables, "A-4")).is_empty());
}

#[tokio::test]
async fn a_deletion_is_not_a_change_of_values() {
    let mut stage = Stage::sharp().await;
    let bob = stage.actor("Bob").await;
    bob.run("begin; delete from seats where seat_number = 4").await;
    let watched_tables = stage.watched_tables().await;
    assert_eq!(held(seat(&watched_tables, "A-4")), [("Bob".to_owned(), HoldKind::Delete)]);
    assert_eq!(watched_tables.tables[0].rows, 5, "it is not committed");
}

#[tokio::test]
async fn without_pageinspect_a_lock_and_a_write_are_still_told_apart() {
    let mut stage = Stage::plain().await;
    let bob = stage.actor("Bob").await;
    stage.watched_tables().await;
    bob.run("begin").await;
    bob.run(TAKE_A4).await;
    stage.until_seat("A-4", &[("Bob", HoldKind::Lock)], &[]).await;
    bob.run(BOOK_A4).await;
    stage.until_seat("A-4", &[("Bob", HoldKind::Write)], &[]).await;
    bob.run("select * from seats where seat_number = 5 for update").await;
    stage.until_seat("A-4", &[("Bob", HoldKind::Write)], &[]).await;
}

#[tokio::test]
async fn what_nobody_watched_is_not_guessed() {
    let mut stage = Stage::plain().await;
    let bob = stage.actor("Bob").await;
    bob.run("begin; update seats set booked_by = 'Bob' where seat_number = 2").await;
    bob.run(TAKE_A4).await;
    stage.until_seat("A-4", &[("Bob", HoldKind::LockOrWrite)], &[]).await;
}

#[tokio::test]
async fn the_queue_stands_in_order_with_what_each_wants() {
    let mut stage = Stage::sharp().await;
    let alice = stage.actor("Alice").await;
    let (bob, carol, dave) =
        (stage.actor("Bob").await, stage.actor("Carol").await, stage.actor("Dave").await);
    alice.run("begin").await;
    alice.run(TAKE_A4).await;
    let bobs = bob.start("begin; update seats set booked_by = 'Bob' where seat_number = 4");
    stage.until_blocked(1).await;
    let carols = carol.start(&format!("begin; {TAKE_A4}"));
    stage.until_blocked(2).await;
    let daves = dave.start("begin; select * from seats where seat_number = 4 for share");
    stage.until_blocked(3).await;
    let queue = [("Bob", "update"), ("Carol", "update"), ("Dave", "share")];
    stage.until_seat("A-4", &[("Alice", HoldKind::Update)], &queue).await;
    alice.run("commit").await;
    answer(bobs).await.unwrap();
    stage.until_seat("A-4", &[("Bob", HoldKind::Write)], &queue[1..]).await;
    bob.run("rollback").await;
    answer(carols).await.unwrap();
    carol.run("rollback").await;
    answer(daves).await.unwrap();
    stage.until_seat("A-4", &[("Dave", HoldKind::Share)], &[]).await;
}

#[tokio::test]
async fn sharers_hold_a_row_together() {
    let mut stage = Stage::plain().await;
    let (alice, bob, carol) =
        (stage.actor("Alice").await, stage.actor("Bob").await, stage.actor("Carol").await);
    alice.run("begin; select * from seats where seat_number = 4 for share").await;
    stage.until_seat("A-4", &[("Alice", HoldKind::Lock)], &[]).await;
    bob.run("begin; select * from seats where seat_number = 4 for share").await;
    stage.until_seat("A-4", &[("Alice", HoldKind::Share), ("Bob", HoldKind::Share)], &[]).await;
    carol.run("begin; select * from seats where seat_number = 4 for key share").await;
    let all = [("Alice", HoldKind::Share), ("Bob", HoldKind::Share), ("Carol", HoldKind::KeyShare)];
    stage.until_seat("A-4", &all, &[]).await;
    alice.run("commit").await;
    stage.until_seat("A-4", &all[1..], &[]).await;
}

#[tokio::test]
async fn a_terminated_backend_leaves_no_lock() {
    let mut stage = Stage::sharp().await;
    let bob = stage.actor("Bob").await;
    bob.run("begin").await;
    bob.run(BOOK_A4).await;
    stage.until_seat("A-4", &[("Bob", HoldKind::Write)], &[]).await;
    let other = stage.stranger("psql").await;
    other.run(&format!("select pg_terminate_backend({})", bob.pid)).await;
    stage.until_seat("A-4", &[], &[]).await;
}

#[tokio::test]
async fn a_savepoint_holds_until_it_is_rolled_back() {
    for sharp in [true, false] {
        let mut stage = if sharp { Stage::sharp().await } else { Stage::plain().await };
        let bob = stage.actor("Bob").await;
        bob.run("begin; savepoint one").await;
        bob.run(BOOK_A4).await;
        stage.until_seat("A-4", &[("Bob", HoldKind::Write)], &[]).await;
        bob.run("rollback to one").await;
        stage.until_seat("A-4", &[], &[]).await;
        bob.run(BOOK_A4).await;
        bob.run("release one").await;
        stage.until_seat("A-4", &[("Bob", HoldKind::Write)], &[]).await;
    }
}

#[tokio::test]
async fn a_released_savepoint_is_somebodys_even_when_the_server_does_not_say_whose() {
    let mut stage = Stage::plain().await;
    let (alice, bob, carol) =
        (stage.actor("Alice").await, stage.actor("Bob").await, stage.actor("Carol").await);
    // Bob's own transaction id is older than his savepoint's; so is Alice's.
    alice.run("begin; update seats set booked_by = 'Alice' where seat_number = 5").await;
    bob.run("begin; update seats set booked_by = 'Bob' where seat_number = 2").await;
    bob.run("savepoint one; select * from seats where seat_number = 4 for update; release one")
        .await;
    let watched_tables = stage.watched_tables().await;
    assert_eq!(name(&seat(&watched_tables, "A-4").holders[0].holder), "Alice or Bob");
    // The server resolves it for the first who waits.
    let carols = carol.start(TAKE_A4);
    stage.until_blocked(1).await;
    let settled =
        |place: &overbooked::core::seats::WatchedRow| name(&place.holders[0].holder) == "Bob";
    stage.until("Bob's", |watched_tables| settled(seat(watched_tables, "A-4"))).await;
    bob.run("rollback").await;
    answer(carols).await.unwrap();
}

#[tokio::test]
async fn an_inserted_child_locks_its_parent() {
    let mut stage = Stage::sharp().await;
    let bob = stage.actor("Bob").await;
    bob.run(
        "create table meals (seat_row char, seat_number int, dish text,
            foreign key (seat_row, seat_number) references seats)",
    )
    .await;
    bob.run("begin; insert into meals values ('A', 4, 'soup')").await;
    stage.until_seat("A-4", &[("Bob", HoldKind::KeyShare)], &[]).await;
}

#[tokio::test]
async fn nowait_and_skip_locked_leave_no_trace() {
    let mut stage = Stage::sharp().await;
    let (alice, bob) = (stage.actor("Alice").await, stage.actor("Bob").await);
    alice.run("begin").await;
    alice.run(TAKE_A4).await;
    let refused = answer(bob.start(&format!("{TAKE_A4} nowait"))).await.unwrap_err();
    assert_eq!(refused.code().map(tokio_postgres::error::SqlState::code), Some("55P03"));
    bob.run(&format!("begin; {TAKE_A4} skip locked")).await;
    let watched_tables = stage.watched_tables().await;
    assert_eq!(held(seat(&watched_tables, "A-4")), [("Alice".to_owned(), HoldKind::Update)]);
    assert!(queued(seat(&watched_tables, "A-4")).is_empty());
}

#[tokio::test]
async fn an_uncommitted_insert_is_a_place_of_its_writer() {
    let mut stage = Stage::sharp().await;
    let bob = stage.actor("Bob").await;
    bob.run("begin; insert into seats values ('B', 12, 'Bob')").await;
    let watched_tables = stage.watched_tables().await;
    let place = seat(&watched_tables, "B-12");
    assert!(!place.committed);
    assert_eq!(held(place), [("Bob".to_owned(), HoldKind::Insert)]);
    assert_eq!(place.values[2].as_deref(), Some("Bob"));
    assert_eq!(watched_tables.tables[0].rows, 5);
    bob.run("delete from seats where seat_row = 'B'").await;
    assert_eq!(stage.watched_tables().await.tables[0].places.len(), 5, "and deleted again");
    bob.run("rollback").await;
    assert_eq!(stage.watched_tables().await.tables[0].places.len(), 5);
}

#[tokio::test]
async fn without_pageinspect_an_uncommitted_insert_is_at_least_suspected() {
    let mut stage = Stage::plain().await;
    let bob = stage.actor("Bob").await;
    bob.run("begin; insert into seats values ('B', 12, 'Bob')").await;
    let unseen = stage.watched_tables().await.tables[0].unseen_inserts.clone();
    assert_eq!(unseen.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Bob"]);
    bob.run("commit").await;
    let watched_tables = stage.watched_tables().await;
    assert!(watched_tables.tables[0].unseen_inserts.is_empty());
    assert!(seat(&watched_tables, "B-12").committed);
}

#[tokio::test]
async fn a_prepared_transaction_holds_without_a_session() {
    let mut stage = Stage::sharp().await;
    let (alice, bob) = (stage.actor("Alice").await, stage.actor("Bob").await);
    alice.run("begin").await;
    alice.run(BOOK_A4).await;
    alice.run("prepare transaction 'held'").await;
    stage.until_seat("A-4", &[("(prepared)", HoldKind::Write)], &[]).await;
    let bobs = bob.start(TAKE_A4);
    stage.until_seat("A-4", &[("(prepared)", HoldKind::Write)], &[("Bob", "update")]).await;
    alice.run("rollback prepared 'held'").await;
    answer(bobs).await.unwrap();
    stage.until_seat("A-4", &[], &[]).await;
}

#[tokio::test]
async fn a_foreign_holder_is_known_by_its_application() {
    let stage = Stage::sharp().await;
    let stranger = stage.stranger("psql").await;
    stranger.run("begin").await;
    stranger.run(TAKE_A4).await;
    stage.until_seat("A-4", &[("(psql)", HoldKind::Update)], &[]).await;
}

#[tokio::test]
async fn a_shut_table_shows_who_shut_it_and_what_was_last_seen() {
    let mut stage = Stage::sharp().await;
    let (alice, bob) = (stage.actor("Alice").await, stage.actor("Bob").await);
    stage.watched_tables().await;
    alice.run("begin; lock table seats").await;
    let watched_tables = stage.watched_tables().await;
    assert_eq!(watched_tables.tables[0].locked_by.as_ref().map(name).as_deref(), Some("Alice"));
    assert_eq!(watched_tables.tables[0].places.len(), 5, "as last seen");
    alice.run("commit").await;
    assert_eq!(stage.watched_tables().await.tables[0].locked_by, None);
    // One that merely waits to shut it keeps new readers out just the same.
    alice.run("begin; select * from seats").await;
    let bobs = bob.start("begin; lock table seats");
    stage.until_blocked(1).await;
    let shut = &stage.watched_tables().await.tables[0];
    assert_eq!(shut.lock_wanted_by.as_ref().map(name).as_deref(), Some("Bob"));
    assert_eq!(shut.locked_by, None, "he has not locked it yet");
    alice.run("commit").await;
    answer(bobs).await.unwrap();
}

#[tokio::test]
async fn a_table_that_was_shut_before_the_first_look_has_no_rows_to_show() {
    let mut stage = Stage::sharp().await;
    let alice = stage.actor("Alice").await;
    alice.run("begin; lock table seats").await;
    let watched_tables = stage.watched_tables().await;
    assert_eq!(watched_tables.tables[0].columns, ["seat_row", "seat_number", "booked_by"]);
    assert!(
        watched_tables.tables[0].places.is_empty() && watched_tables.tables[0].locked_by.is_some()
    );
}

#[tokio::test]
async fn a_table_that_cannot_be_shown_says_why_and_hides_no_other() {
    let mut stage = Stage::sharp().await;
    let bob = stage.actor("Bob").await;
    bob.run("create view taken as select * from seats where booked_by is not null").await;
    bob.run(
        "create table huge as select n, repeat('x', 50) as t from generate_series(1, 2000000) n",
    )
    .await;
    bob.run("analyze huge").await;
    bob.run(
        "create foreign data wrapper none; create server nobody foreign data wrapper none; \
         create foreign table far (a int) server nobody",
    )
    .await;
    let tables = ["seats", "taken", "far", "huge", "nowhere"].map(str::to_owned).to_vec();
    stage.observer.watch(Watch { tables, ..Watch::default() });
    let watched_tables = stage.watched_tables().await;
    let why = |name: &str| {
        let table = watched_tables.tables.iter().find(|table| table.name == name);
        table.unwrap_or_else(|| panic!("{name} is there")).unread.clone()
    };
    assert_eq!(why("seats"), None);
    assert_eq!(why("nowhere"), Some(Unread::Missing));
    assert!(matches!(why("taken"), Some(Unread::Refused(_))), "{:?}", why("taken"));
    let far = "it is a foreign table, whose rows and locks are elsewhere";
    assert_eq!(why("far"), Some(Unread::Refused(far.to_owned())));
    let Some(Unread::Sampled { rows: Some(rows), .. }) = why("huge") else {
        panic!("{:?}", why("huge"))
    };
    assert!((1_900_000..2_100_000).contains(&rows), "{rows}");
    assert_eq!(stage.observer.missing().await.unwrap(), ["nowhere"]);
}

#[tokio::test]
async fn of_a_large_table_the_contested_rows_show_with_their_neighbours() {
    let mut stage = Stage::sharp().await;
    let (alice, bob) = (stage.actor("Alice").await, stage.actor("Bob").await);
    alice
        .run(
            "create table large (a int, b int, note text, primary key (a, b)); \
             insert into large select n / 10, n % 10, 'x' from generate_series(1, 150000) n; \
             create table keyless as select * from large; analyze large; analyze keyless",
        )
        .await;
    // What was rolled back leaves its mark on every row.
    alice.run("begin; select * from large for update; rollback").await;
    let tables = vec!["large".to_owned(), "keyless".to_owned()];
    stage.observer.watch(Watch { tables, ..Watch::default() });
    alice.run("begin; update large set note = 'y' where a = 7000 and b = 5").await;
    alice.run("savepoint s; select * from large where a = 9000 and b = 0 for share").await;
    alice.run("release s; update keyless set note = 'z' where a = 7000 and b = 5").await;
    let bobs = bob.start("begin; update large set note = 'b' where a = 7000 and b = 5");
    stage.until_blocked(1).await;
    let seen = stage
        .until("Bob in the queue", |seen| {
            seen.tables[0].places.iter().any(|place| !place.waiters.is_empty())
        })
        .await;
    let large = &seen.tables[0];
    assert!(matches!(large.unread, Some(Unread::Sampled { has_held: true, .. })), "{large:#?}");
    let keys: Vec<&str> = large.places.iter().map(|place| place.key.as_str()).collect();
    for key in ["0-1", "7000-3", "7000-4", "7000-5", "7000-6", "7000-7", "8999-9", "9000-0"] {
        assert!(keys.contains(&key), "{key}: {keys:?}");
    }
    assert!(keys.is_sorted_by_key(|key| {
        let (a, b) = key.split_once('-').unwrap();
        (a.parse::<u32>().unwrap(), b.parse::<u32>().unwrap())
    }));
    assert!(large.rows > 100_000 && keys.len() < 100, "{} of {}", keys.len(), large.rows);
    // What exactly she has done stands in pages that are not read of so large a table.
    let holders = held(seat(&seen, "7000-5"));
    assert_eq!(holders.iter().map(|(who, _)| who.as_str()).collect::<Vec<_>>(), ["Alice"]);
    assert_eq!(queued(seat(&seen, "7000-5"))[0].0, "Bob");
    assert_eq!(held(seat(&seen, "9000-0")).len(), 1);
    let held_in = |at: usize| seen.tables[at].places.iter().filter(|it| !it.holders.is_empty());
    assert_eq!((held_in(0).count(), held_in(1).count()), (2, 1));
    alice.run("rollback").await;
    answer(bobs).await.unwrap();
}

#[tokio::test]
async fn a_schema_that_is_not_for_this_user_hides_no_other_table() {
    let mut stage = Stage::plain().await;
    let bob = stage.actor("Bob").await;
    bob.run(
        "create role clerk_of_tables login; create schema vault; create table vault.gold (n int); \
         create table secret (n int); create table open (n int); grant select on open to \
         clerk_of_tables",
    )
    .await;
    let tables = ["vault.gold", "secret", "open", "nowhere"].map(str::to_owned).to_vec();
    let watch = Watch { tables, ..Watch::default() };
    let server = crate::support::server();
    let (folder, port) = (server.folder(), server.port());
    let name = stage.database.name();
    let target = overbooked::pg::Target::unix(folder, port, "clerk_of_tables", name);
    let inspection = overbooked::observer::Inspection::UseIfPresent;
    let observer =
        overbooked::observer::Observer::connect(&target, watch, inspection).await.unwrap();
    let seen = observer.watched_tables(&[]).await.unwrap();
    let why =
        |name: &str| seen.tables.iter().find(|table| table.name == name).unwrap().unread.clone();
    let refused = |words: &str| Some(Unread::Refused(words.to_owned()));
    assert_eq!(why("vault.gold"), refused("permission denied for schema vault"));
    assert_eq!(why("secret"), refused("permission denied for table secret"));
    assert_eq!((why("open"), why("nowhere")), (None, Some(Unread::Missing)));
    assert_eq!(observer.missing().await.unwrap(), ["nowhere"]);
    observer.close().await;
    bob.run("drop owned by clerk_of_tables; drop role clerk_of_tables").await;
}
