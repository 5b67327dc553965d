//! A statement that is refused fails as if the server had refused it: client and server agree
//! afterwards on where the transaction stands.

use overbooked::core::event::TransactionStatus;
use overbooked::gateway::{Mode, StatementOutcome, Verdict};
use tokio_postgres::NoTls;

use super::{HELD, MODES, Wire};
use crate::gateway::says;

/// How the server has this client: its state in `pg_stat_activity`.
async fn state(wire: &Wire, pid: i32) -> String {
    let outsider = wire.served.outsider().await;
    let sql = "select state from pg_stat_activity where pid = $1";
    outsider.query_one(sql, &[&pid]).await.unwrap().get(0)
}

async fn pid(client: &tokio_postgres::Client) -> i32 {
    client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_fails_with_the_statement_that_is_refused_in_it() {
    for mode in MODES {
        let mut wire = Wire::start(mode).await;
        let client = wire.served.client().await;
        says(&client, "begin; insert into t values (1)").await;
        let update = format!("update t set note = 'x' {HELD}");
        let (updated, ()) = tokio::join!(says(&client, &update), async {
            let held = wire.held().await;
            assert_eq!(held.status, TransactionStatus::InTransaction);
            held.refuse("55P03");
        });
        assert_eq!(updated, "55P03 not now");
        let outcome = StatementOutcome::Refused("55P03".to_owned());
        assert_eq!(wire.outcome(&update).await, outcome, "{mode:?}");
        assert!(says(&client, "select 1").await.starts_with("25P02"), "{mode:?}");
        assert_eq!(says(&client, "commit").await, "(0)");
        assert_eq!(says(&client, "insert into t values (2)").await, "(1)");
        assert_eq!(wire.rows().await, [2], "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_block_only_the_statement_fails() {
    for mode in MODES {
        let mut wire = Wire::start(mode).await;
        let client = wire.served.client().await;
        let insert = format!("insert into t values (1) {HELD}");
        for _ in 0..2 {
            let (inserted, ()) =
                tokio::join!(says(&client, &insert), async { wire.held().await.refuse("40001") });
            assert_eq!(inserted, "40001 not now");
        }
        let error = async {
            let statement = client.prepare(&insert).await.unwrap();
            client.execute(&statement, &[]).await.unwrap_err()
        };
        let (error, ()) = tokio::join!(error, async { wire.held().await.refuse("40P01") });
        assert_eq!(error.code().unwrap().code(), "40P01");
        let (inserted, ()) = tokio::join!(says(&client, &insert), async {
            wire.held().await.let_go(Verdict::Pass);
        });
        assert_eq!(inserted, "(1)", "{mode:?}");
        assert_eq!(wire.rows().await, [1], "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_refused_has_rolled_back_and_leaves_no_block() {
    for mode in MODES {
        let mut wire = Wire::start(mode).await;
        let client = wire.served.client().await;
        let pid = pid(&client).await;
        let commit = format!("commit {HELD}");
        let prepared = client.prepare(&commit).await.unwrap();
        for code in ["40001", "57014"] {
            says(&client, "begin; insert into t values (1)").await;
            let (committed, ()) =
                tokio::join!(says(&client, &commit), async { wire.held().await.refuse(code) });
            assert_eq!(committed, format!("{code} not now"));
            assert_eq!(state(&wire, pid).await, "idle", "{mode:?}");
            says(&client, "begin; insert into t values (1)").await;
            let (committed, ()) = tokio::join!(client.execute(&prepared, &[]), async {
                wire.held().await.refuse(code);
            });
            assert_eq!(committed.unwrap_err().code().unwrap().code(), code, "{mode:?}");
            assert_eq!(state(&wire, pid).await, "idle", "{mode:?} {code}");
        }
        assert_eq!(says(&client, "insert into t values (2)").await, "(1)");
        assert_eq!(wire.rows().await, [2], "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_before_in_the_same_unit_is_undone_and_what_follows_is_skipped() {
    for mode in MODES {
        let mut wire = Wire::start(mode).await;
        let mut client = wire.raw().await;
        let held = format!("insert into t values (2) {HELD}");
        client.parse("a", "insert into t values (1)").bind("", "a").execute("");
        client.parse("b", &held).bind("", "b").execute("");
        client.parse("c", "insert into t values (3)").bind("", "c").execute("").sync();
        client.query("select count(*) from t");
        let (first, second) =
            tokio::join!(async { (client.says().await, client.says().await) }, async {
                wire.held().await.refuse("40001");
            })
            .0;
        assert_eq!(first, "1 2 [INSERT 0 1] 1 2 !40001 ZI", "{mode:?}");
        assert!(second.contains("(0)"), "{mode:?}: {second}");
        let asked = wire.asked();
        assert!(!asked.iter().any(|sql| sql.contains("(3)")), "{mode:?}: {asked:?}");
        // As after any error, the statement itself is there still.
        client.bind("", "b").execute("").sync();
        let (again, ()) = tokio::join!(client.says(), async {
            wire.held().await.let_go(Verdict::Pass);
        });
        assert_eq!(again, "2 [INSERT 0 1] ZI", "{mode:?}");
        assert_eq!(wire.rows().await, [2], "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_cancel_is_for_the_statement_that_is_held() {
    for mode in MODES {
        let mut wire = Wire::start(mode).await;
        let client = wire.served.client().await;
        let insert = format!("insert into t values (1) {HELD}");
        says(&client, "begin").await;
        let (inserted, ()) = tokio::join!(says(&client, &insert), async {
            let held = wire.held().await;
            client.cancel_token().cancel_query(NoTls).await.unwrap();
            wire.is_dropped(&insert).await;
            drop(held);
        });
        assert_eq!(inserted, "57014 canceling statement due to user request", "{mode:?}");
        assert!(says(&client, "select 1").await.starts_with("25P02"), "{mode:?}");
        says(&client, "rollback").await;
        // Nothing was left over for whatever comes next.
        assert_eq!(says(&client, "select 1").await, "1; (1)");
        let statement = client.prepare(&insert).await.unwrap();
        let (inserted, ()) = tokio::join!(client.execute(&statement, &[]), async {
            let _held = wire.held().await;
            client.cancel_token().cancel_query(NoTls).await.unwrap();
        });
        assert_eq!(inserted.unwrap_err().code().unwrap().code(), "57014", "{mode:?}");
        // What runs at the server is cancelled there.
        let sleep = "select pg_sleep(600)";
        let (slept, ()) = tokio::join!(says(&client, sleep), async {
            loop {
                client.cancel_token().cancel_query(NoTls).await.unwrap();
                if timeout(&mut wire, sleep).await {
                    break;
                }
            }
        });
        assert!(slept.starts_with("57014"), "{mode:?}: {slept}");
        assert!(wire.rows().await.is_empty());
    }
}

/// Whether the statement has ended; the request may have come before it ran.
async fn timeout(wire: &mut Wire, sql: &str) -> bool {
    let pause = std::time::Duration::from_millis(50);
    tokio::time::timeout(pause, wire.outcome(sql)).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_in_a_failed_block_leaves_it_failed() {
    let mut wire = Wire::start(Mode::PassThrough).await;
    let client = wire.served.client().await;
    says(&client, "begin").await;
    says(&client, "select 1/0").await;
    let select = format!("select 1 {HELD}");
    let (selected, ()) = tokio::join!(says(&client, &select), async {
        let held = wire.held().await;
        assert_eq!(held.status, TransactionStatus::Failed);
        held.refuse("40001");
    });
    assert_eq!(selected, "40001 not now");
    let rollback = format!("rollback {HELD}");
    let (rolled_back, ()) =
        tokio::join!(says(&client, &rollback), async { wire.held().await.refuse("40001") });
    assert_eq!(rolled_back, "40001 not now");
    assert_eq!(says(&client, "select 1").await, "1; (1)");
}
