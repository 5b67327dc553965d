//! Who waits for whom, for what.

use overbooked::core::event::{Blocker, Pid, SessionName, WaitTarget};

use super::stage::{Stage, answer};

fn names(blockers: &[Blocker]) -> Vec<String> {
    blockers.iter().map(ToString::to_string).collect()
}

fn seat(key: &str, wants: &str) -> WaitTarget {
    WaitTarget::Row {
        table: "seats".to_owned(),
        key: Some(key.to_owned()),
        wants: Some(wants.to_owned()),
    }
}

#[tokio::test]
async fn a_wait_names_its_row_by_key() {
    let mut stage = Stage::sharp().await;
    let (alice, bob, carol) =
        (stage.actor("Alice").await, stage.actor("Bob").await, stage.actor("Carol").await);
    alice.run("begin; update seats set booked_by = 'Alice' where seat_number = 4").await;
    let bobs = bob.start("begin; select * from seats where seat_number = 4 for share");
    let expected = (vec!["Alice".to_owned()], seat("A-4", "share"));
    stage.until_waits("Bob", expected, |w| (names(&w.blockers), w.target.clone())).await;
    let carols = carol.start("update seats set booked_by = 'Carol II' where seat_number = 4");
    stage.until_waits("Carol", seat("A-4", "update"), |w| w.target.clone()).await;
    alice.run("commit").await;
    answer(bobs).await.unwrap();
    // The row has a new version now: the key is the same.
    stage.until_waits("Carol", vec!["Bob".to_owned()], |w| names(&w.blockers)).await;
    stage.until_waits("Carol", seat("A-4", "update"), |w| w.target.clone()).await;
    bob.run("commit").await;
    answer(carols).await.unwrap();
    assert!(stage.waits().await.is_empty());
}

#[tokio::test]
async fn what_a_serializable_session_has_read_is_not_taken_for_what_it_waits_for() {
    let mut stage = Stage::sharp().await;
    let (alice, bob) = (stage.actor("Alice").await, stage.actor("Bob").await);
    let read = "select * from seats where seat_row = 'A' and seat_number";
    alice.run("begin; update seats set booked_by = booked_by where seat_number = 4").await;
    bob.run(
        "set enable_seqscan = off; set enable_bitmapscan = off; begin isolation level serializable",
    )
    .await;
    bob.run(&format!("{read} = 1; {read} = 2; {read} = 3; {read} = 4")).await;
    let bobs = bob
        .start("update seats set booked_by = booked_by where seat_row = 'A' and seat_number = 4");
    stage.until_blocked(1).await;
    for _ in 0..10 {
        let told = stage.waits().await;
        assert_eq!(told[0].1.target, seat("A-4", "no key update"));
    }
    alice.run("rollback").await;
    answer(bobs).await.unwrap();
}

#[tokio::test]
async fn a_row_of_a_table_that_nobody_watches_has_its_key_too() {
    let mut stage = Stage::plain().await;
    let (alice, bob) = (stage.actor("Alice").await, stage.actor("Bob").await);
    alice
        .run(
            "create table \"Odd Name\" (\"Id\" int primary key, note text); insert into \"Odd \
        Name\" values (7)",
        )
        .await;
    alice.run("begin; update \"Odd Name\" set note = 'x'").await;
    let bobs = bob.start("update \"Odd Name\" set note = 'y'");
    let expected = WaitTarget::Row {
        table: "Odd Name".to_owned(),
        key: Some("7".to_owned()),
        wants: Some("no key update".to_owned()),
    };
    stage.until_waits("Bob", expected, |w| w.target.clone()).await;
    alice.run("commit").await;
    answer(bobs).await.unwrap();
}

#[tokio::test]
async fn the_same_key_inserted_twice_is_a_wait_for_that_key() {
    let mut stage = Stage::sharp().await;
    let (alice, bob) = (stage.actor("Alice").await, stage.actor("Bob").await);
    alice.run("begin; insert into seats values ('B', 1, 'Alice')").await;
    let bobs = bob.start("insert into seats values ('B', 1, 'Bob')");
    let key = WaitTarget::Key {
        table: "seats".to_owned(),
        columns: Some("seat_row, seat_number".to_owned()),
        values: Some("B, 1".to_owned()),
    };
    let expected = (vec!["Alice".to_owned()], key);
    stage.until_waits("Bob", expected, |w| (names(&w.blockers), w.target.clone())).await;
    alice.run("commit").await;
    let refused = answer(bobs).await.unwrap_err();
    assert_eq!(refused.code().map(tokio_postgres::error::SqlState::code), Some("23505"));
}

#[tokio::test]
async fn a_table_lock_and_an_advisory_lock_are_told_by_name_and_key() {
    let mut stage = Stage::sharp().await;
    let (alice, bob) = (stage.actor("Alice").await, stage.actor("Bob").await);
    alice.run("begin; lock table seats").await;
    let bobs = bob.start("select * from seats");
    let table = WaitTarget::Table { table: "seats".to_owned(), mode: "AccessShareLock".to_owned() };
    stage.until_waits("Bob", table, |w| w.target.clone()).await;
    alice.run("commit").await;
    answer(bobs).await.unwrap();
    for (taken, key) in [("-42", "-42"), ("7, -9", "7,-9")] {
        alice.run(&format!("select pg_advisory_lock({taken})")).await;
        let bobs = bob.start(&format!("select pg_advisory_lock({taken})"));
        let advisory = WaitTarget::Advisory { key: key.to_owned() };
        stage.until_waits("Bob", advisory, |w| w.target.clone()).await;
        alice.run(&format!("select pg_advisory_unlock({taken})")).await;
        answer(bobs).await.unwrap();
    }
}

#[tokio::test]
async fn a_prepared_transaction_is_waited_for_by_its_name() {
    let mut stage = Stage::sharp().await;
    let (alice, bob) = (stage.actor("Alice").await, stage.actor("Bob").await);
    alice.run("begin; delete from seats where seat_number = 4; prepare transaction 'kept'").await;
    let bobs = bob.start("select * from seats where seat_number = 4 for update");
    let expected = vec![Blocker::Prepared(Some("kept".to_owned()))];
    stage.until_waits("Bob", expected, |w| w.blockers.clone()).await;
    assert_eq!(stage.until_blocked(1).await, [(bob.pid, vec![Pid::PREPARED])]);
    alice.run("rollback prepared 'kept'").await;
    answer(bobs).await.unwrap();
}

#[tokio::test]
async fn a_foreign_blocker_is_named_and_known_to_idle() {
    let mut stage = Stage::sharp().await;
    let bob = stage.actor("Bob").await;
    let psql = stage.stranger("psql").await;
    psql.run("begin; update seats set booked_by = 'Eve' where seat_number = 4").await;
    let bobs = bob.start("select * from seats where seat_number = 4 for update");
    let expected = vec![Blocker::Foreign { pid: psql.pid, application: "psql".to_owned() }];
    stage.until_waits("Bob", expected, |w| w.blockers.clone()).await;
    assert_eq!(stage.observer.idle_in_transaction(&[psql.pid]).await.unwrap(), [psql.pid]);
    psql.run("rollback").await;
    assert!(stage.observer.idle_in_transaction(&[psql.pid]).await.unwrap().is_empty());
    answer(bobs).await.unwrap();
}

#[tokio::test]
async fn everybody_who_is_connected_is_listed_but_for_the_observer() {
    let mut stage = Stage::sharp().await;
    let alice = stage.actor("Alice").await;
    let psql = stage.stranger("psql").await;
    let clients = stage.observer.clients().await.unwrap();
    assert!(clients.iter().any(|(_, pid)| *pid == alice.pid), "{clients:?}");
    let called = clients.iter().find(|(_, pid)| *pid == psql.pid).map(|(name, _)| name.to_string());
    assert_eq!(called, Some(format!("psql (process {})", psql.pid.0)));
    let own = |(name, _): &(SessionName, Pid)| name.as_str().starts_with("overbooked observer");
    assert!(!clients.iter().any(own), "{clients:?}");
}

#[tokio::test]
async fn a_deadlock_is_a_ring_of_waits_until_it_is_broken() {
    let mut stage = Stage::sharp().await;
    let (alice, bob, carol) =
        (stage.actor("Alice").await, stage.actor("Bob").await, stage.actor("Carol").await);
    for (own, actor) in (1..).zip([&alice, &bob, &carol]) {
        actor.run("set deadlock_timeout = '60s'; begin").await;
        actor.run(&format!("select * from seats where seat_number = {own} for update")).await;
    }
    let mut statements = Vec::new();
    for (actor, wanted) in [(&alice, 2), (&bob, 3), (&carol, 1)] {
        let sql = format!("select * from seats where seat_number = {wanted} for update");
        statements.push(actor.start(&sql));
    }
    let mut ring = stage.until_blocked(3).await;
    ring.sort();
    let mut expected =
        vec![(alice.pid, vec![bob.pid]), (bob.pid, vec![carol.pid]), (carol.pid, vec![alice.pid])];
    expected.sort();
    assert_eq!(ring, expected);
    alice.client.cancel_token().cancel_query(tokio_postgres::NoTls).await.unwrap();
    assert!(answer(statements.remove(0)).await.is_err());
    alice.run("rollback").await;
    answer(statements.remove(1)).await.unwrap();
    carol.run("rollback").await;
    answer(statements.remove(0)).await.unwrap();
}

#[tokio::test]
async fn a_deferrable_reader_waits_for_a_safe_snapshot() {
    let mut stage = Stage::sharp().await;
    let (alice, bob) = (stage.actor("Alice").await, stage.actor("Bob").await);
    alice
        .run(
            "begin isolation level serializable; update seats set booked_by = 'Alice' where \
        seat_number = 4",
        )
        .await;
    let bobs =
        bob.start("begin isolation level serializable, read only, deferrable; select * from seats");
    let expected = (vec![Blocker::Session(SessionName::new("Alice"))], WaitTarget::SafeSnapshot);
    stage.until_waits("Bob", expected, |w| (w.blockers.clone(), w.target.clone())).await;
    assert_eq!(stage.until_blocked(1).await, [(bob.pid, vec![alice.pid])]);
    alice.run("commit").await;
    answer(bobs).await.unwrap();
}
