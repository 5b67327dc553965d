//! Clients that are gone while their statement is held, and what comes behind a held statement.

use std::time::Duration;

use overbooked::gateway::{Mode, Verdict};
use tokio::time::timeout;

use super::{Call, DEADLINE, HELD, MODES, Wire};
use crate::raw::line;

#[tokio::test(flavor = "multi_thread")]
async fn the_statement_of_a_client_that_is_gone_is_never_sent() {
    for mode in MODES {
        let mut wire = Wire::start(mode).await;
        let insert = |id| format!("insert into t values ({id}) {HELD}");
        for (id, in_block) in [(1, false), (2, true)] {
            let mut client = wire.raw().await;
            if in_block {
                client.query("begin").until_ready().await;
                client.query("insert into t values (10)").until_ready().await;
            }
            client.query(&insert(id)).send().await.unwrap();
            let held = wire.held().await;
            drop(client);
            wire.is_dropped(&insert(id)).await;
            wire.has_left().await;
            drop(held);
        }
        // What was answered before in the pipeline stands.
        let mut client = wire.raw().await;
        client.parse("a", "insert into t values (3)").bind("", "a").execute("").sync();
        client.parse("b", &insert(4)).bind("", "b").execute("").sync();
        client.send().await.unwrap();
        let held = wire.held().await;
        drop(client);
        wire.is_dropped(&insert(4)).await;
        wire.has_left().await;
        drop(held);
        assert_eq!(wire.rows().await, [3], "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_floods_behind_a_held_statement_waits_and_is_still_seen_to_hang_up() {
    for mode in MODES {
        let mut wire = Wire::start(mode).await;
        let mut client = wire.raw().await;
        let insert = format!("insert into t values (1) {HELD}");
        client.query(&insert).send().await.unwrap();
        let held = wire.held().await;
        // More than what is kept and what the sockets take.
        let flood = format!("select '{}'", "x".repeat(1024 * 1024));
        let flooding = async {
            for _ in 0..16 {
                client.query(&flood).send().await.unwrap();
            }
        };
        let pause = Duration::from_millis(500);
        assert!(timeout(pause, flooding).await.is_err(), "{mode:?}: nobody takes all of it");
        drop(client);
        wire.is_dropped(&insert).await;
        wire.has_left().await;
        drop(held);
        assert!(wire.rows().await.is_empty(), "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_behind_a_held_statement_keeps_its_order() {
    for mode in MODES {
        let mut wire = Wire::start(mode).await;
        let mut client = wire.raw().await;
        let copy = format!("copy t (id) from stdin {HELD}");
        client.parse("", &copy).bind("", "").execute("");
        client.put(b'd', b"1\n").put(b'd', b"2\n").put(b'c', b"").sync();
        client.query("select count(*) from t");
        client.send().await.unwrap();
        let held = wire.held().await;
        assert_eq!(line(&client.until(b'2').await), "1 2", "{mode:?}");
        held.let_go(Verdict::Pass);
        assert_eq!(client.says().await, "G [COPY 2] ZI", "{mode:?}");
        assert_eq!(client.says().await, "T (2) [SELECT 1] ZI", "{mode:?}");
        let asked = wire.asked();
        assert_eq!(asked.last().map(String::as_str), Some("select count(*) from t"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_statement_of_a_unit_is_held_by_itself_and_answered_before_the_next() {
    for mode in MODES {
        let mut wire = Wire::with(mode, |sql| sql.starts_with("insert"), false, |_| {}).await;
        let mut client = wire.raw().await;
        // As pgjdbc sends it: BEGIN and the first statement in one.
        client.parse("", "begin").bind("", "").execute("");
        client.parse("one", "insert into t values (1)").bind("", "one").execute("");
        client.parse("two", "insert into t values (2)").bind("", "two").execute("").sync();
        client.send().await.unwrap();
        let one = wire.held().await;
        assert_eq!(one.sql, "insert into t values (1)");
        assert_eq!(one.prepared.as_deref(), Some("one"));
        let in_block = overbooked::core::event::TransactionStatus::InTransaction;
        assert_eq!(one.status, in_block, "{mode:?}: moved on by BEGIN");
        assert_eq!(wire.passed_outcomes(), ["begin: Done"], "{mode:?}");
        one.let_go(Verdict::Pass);
        let two = wire.held().await;
        assert_eq!(two.sql, "insert into t values (2)");
        assert_eq!(wire.passed_outcomes(), ["begin: Done", "insert into t values (1): Done"]);
        two.let_go(Verdict::Pass);
        let said = client.says().await;
        assert_eq!(said, "1 2 [BEGIN] 1 2 [INSERT 0 1] 1 2 [INSERT 0 1] ZT", "{mode:?}");
        client.query("rollback").until_ready().await;
        assert!(wire.rows().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_execute_did_is_known_before_its_client_asks() {
    let mut wire = Wire::with(Mode::PassThrough, |_| false, false, |_| {}).await;
    let mut client = wire.raw().await;
    let insert = "insert into t values (1)";
    client.parse("", insert).bind("", "").execute("").send().await.unwrap();
    assert_eq!(wire.outcome(insert).await, overbooked::gateway::StatementOutcome::Done);
    assert_eq!(line(&client.until(b'C').await), "1 2 [INSERT 0 1]");
    // By no Sync, which would have kept it.
    assert!(wire.rows().await.is_empty());
    assert_eq!(client.sync().says().await, "ZI");
    assert_eq!(wire.rows().await, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_stands_for_its_text_from_the_second_use_on() {
    for mode in MODES {
        let mut wire = Wire::with(mode, |sql| sql.starts_with("insert"), false, |_| {}).await;
        let mut client = wire.raw().await;
        client.parse("s", "insert into t (id) values ($1)").describe("Ss").sync();
        client.until_ready().await;
        for id in 1..=3 {
            client.bind_values("", "s", &[id.to_string()]).execute("").sync();
            client.send().await.unwrap();
            let held = wire.held().await;
            assert_eq!(held.sql, "insert into t (id) values ($1)");
            let [parameter] = &held.parameters[..] else { panic!("{:?}", held.parameters) };
            // The server has told its type, int4; the client never did.
            assert_eq!((parameter.type_oid, parameter.is_binary), (23, false), "{mode:?}");
            assert_eq!(parameter.value.as_deref(), Some(id.to_string().as_bytes()));
            held.let_go(Verdict::Pass);
            assert_eq!(client.says().await, "2 [INSERT 0 1] ZI");
        }
        // As postgres.js does it with COMMIT.
        client.query("begin").until_ready().await;
        client.parse("c", "commit").sync();
        client.until_ready().await;
        client.bind("", "c").execute("").sync();
        client.until_ready().await;
        assert_eq!(wire.asked().last().map(String::as_str), Some("commit"), "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parse_takes_its_lock_while_its_execute_is_held() {
    let mut wire = Wire::start(Mode::PassThrough).await;
    let mut client = wire.raw().await;
    let update = format!("update t set note = 'x' {HELD}");
    client.parse("", &update).bind("", "").execute("").sync();
    client.send().await.unwrap();
    let held = wire.held().await;
    let outsider = wire.served.outsider().await;
    let locked = "select count(*) from pg_locks where mode = 'RowExclusiveLock' and granted \
        and relation = 't'::regclass";
    let locks: i64 = outsider.query_one(locked, &[]).await.unwrap().get(0);
    assert_eq!(locks, 1, "Parse has it");
    let altering = wire.served.outsider().await;
    let altering = tokio::spawn(async move {
        altering.batch_execute("alter table t add column more int").await.unwrap();
    });
    let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' \
        and query like 'alter table t%' and datname = current_database()";
    let waiting = async {
        while outsider.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, waiting).await.expect("the change of the table waits for the held one");
    held.let_go(Verdict::Pass);
    assert_eq!(client.says().await, "1 2 [UPDATE 0] ZI");
    timeout(DEADLINE, altering).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_reads_what_there_is_when_it_is_let_go() {
    // On the optimistic engine every transaction has one snapshot, which is older.
    let mut wire = Wire::start(Mode::PassThrough).await;
    let (mut client, outsider) = (wire.raw().await, wire.served.outsider().await);
    let count = format!("select count(*) from t {HELD}");
    client.parse("", &count).parse("named", &count).sync().until_ready().await;
    // The server takes a query's snapshot at its Bind, which comes before it is held.
    for (place, (portal, name)) in [("", ""), ("p", "named"), ("", "named")].iter().enumerate() {
        client.bind(portal, name).describe(&format!("P{portal}")).execute(portal).sync();
        client.send().await.unwrap();
        let held = wire.held().await;
        outsider.batch_execute(&format!("insert into t values ({place})")).await.unwrap();
        held.let_go(Verdict::Pass);
        let expected = format!("2 T ({}) [SELECT 1] ZI", place + 1);
        assert_eq!(client.says().await, expected, "{portal:?} {name:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_is_read_in_parts_is_held_at_each_and_goes_on_where_it_was() {
    let mut wire = Wire::start(Mode::PassThrough).await;
    let mut client = wire.raw().await;
    let numbers = format!("select generate_series(1, 3) {HELD}");
    client.parse("", &numbers).bind("", "").execute_some("", 1).execute_some("", 2).sync();
    client.send().await.unwrap();
    for _ in 0..2 {
        wire.held().await.let_go(Verdict::Pass);
    }
    assert_eq!(client.says().await, "1 2 (1) s (2) (3) s ZI");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_while_a_statement_is_held_is_told_to_the_client() {
    for mode in MODES {
        let mut wire = Wire::start(mode).await;
        let mut client = wire.raw().await;
        let insert = format!("insert into t values (1) {HELD}");
        client.query(&insert).send().await.unwrap();
        let held = wire.held().await;
        let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
            where datname = current_database() and pid <> pg_backend_pid()";
        wire.served.outsider().await.query(end, &[]).await.unwrap();
        let answers = client.until_ready_or_ended().await;
        assert_eq!(line(&answers), "!57P01", "{mode:?}");
        wire.is_dropped(&insert).await;
        wire.has_left().await;
        drop(held);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_statements_in_one_query_are_one_unit_to_the_server() {
    let mut wire = Wire::start(Mode::PassThrough).await;
    let mut client = wire.raw().await;
    let both = format!("insert into t values (1); insert into t values (2) {HELD}");
    client.query(&both).send().await.unwrap();
    let held = wire.held().await;
    assert_eq!(held.sql, both);
    assert!(wire.rows().await.is_empty());
    held.let_go(Verdict::Pass);
    assert_eq!(client.says().await, "[INSERT 0 1] [INSERT 0 1] ZI");
    assert_eq!(wire.rows().await, [1, 2]);
}

impl Wire {
    /// What came of the statements that were told so far.
    fn passed_outcomes(&self) -> Vec<String> {
        let outcomes = self.passed.iter().filter_map(|call| match call {
            Call::After(sql, outcome) => Some(format!("{sql}: {outcome:?}")),
            _ => None,
        });
        outcomes.collect()
    }
}
