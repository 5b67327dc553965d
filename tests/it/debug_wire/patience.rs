//! The server's patience with a client whose statement is held.

use overbooked::gateway::{Mode, StatementOutcome, Verdict};

use super::{HELD, MODES, Wire};
use crate::gateway::says;
use crate::raw::line;

const TIMEOUTS: &str = "set idle_in_transaction_session_timeout = '200ms'; \
    set statement_timeout = '200ms'; set lock_timeout = '200ms'";

impl Wire {
    /// Lets more time pass at the server than any of the timeouts that are set here.
    async fn wait_long(&self) {
        self.served.outsider().await.batch_execute("select pg_sleep(0.7)").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_idles_because_it_is_held_is_not_ended_for_it() {
    for mode in MODES {
        let mut wire = Wire::start(mode).await;
        let client = wire.served.client().await;
        says(&client, TIMEOUTS).await;
        says(&client, "begin").await;
        let insert = format!("insert into t values (1) {HELD}");
        let (inserted, ()) = tokio::join!(says(&client, &insert), async {
            let held = wire.held().await;
            wire.wait_long().await;
            held.let_go(Verdict::Pass);
        });
        assert_eq!(inserted, "(1)", "{mode:?}");
        let prepared = format!("insert into t values (2) {HELD}");
        let statement = client.prepare(&prepared).await.unwrap();
        let (inserted, ()) = tokio::join!(client.execute(&statement, &[]), async {
            let held = wire.held().await;
            wire.wait_long().await;
            held.let_go(Verdict::Pass);
        });
        assert_eq!(inserted.unwrap(), 1, "{mode:?}");
        let shown = says(&client, "show idle_in_transaction_session_timeout").await;
        assert!(shown.starts_with("200ms"), "{mode:?}: {shown}");
        assert_eq!(says(&client, "commit").await, "(0)");
        assert_eq!(wire.rows().await, [1, 2], "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_block_that_is_held_is_not_ended_for_it_either() {
    let mut wire = Wire::start(Mode::PassThrough).await;
    let client = wire.served.client().await;
    says(&client, "set idle_in_transaction_session_timeout = '200ms'").await;
    says(&client, "begin").await;
    says(&client, "select 1/0").await;
    let rollback = format!("rollback {HELD}");
    let (rolled_back, ()) = tokio::join!(says(&client, &rollback), async {
        let held = wire.held().await;
        wire.wait_long().await;
        held.let_go(Verdict::Pass);
    });
    assert_eq!(rolled_back, "(0)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_really_idles_is_ended_as_ever() {
    for mode in MODES {
        let wire = Wire::start(mode).await;
        let mut client = wire.raw().await;
        client.query("set idle_in_transaction_session_timeout = '100ms'").until_ready().await;
        client.query("begin").until_ready().await;
        client.query("select * from t").until_ready().await;
        let ended = client.try_answer().await.unwrap();
        assert_eq!(ended.field(b'C').as_deref(), Some("25P03"), "{mode:?}");
    }
}

/// `transaction_timeout` came with PostgreSQL 17; of an older server there is nothing to see here.
async fn has_transaction_timeout(client: &tokio_postgres::Client) -> bool {
    let version = says(client, "select current_setting('server_version_num')::int >= 170000").await;
    if version.starts_with('f') {
        eprintln!("left out: this PostgreSQL has no transaction_timeout");
    }
    version.starts_with('t')
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_has_as_long_as_it_may_from_when_it_is_let_go() {
    for mode in MODES {
        let mut wire = Wire::start(mode).await;
        let client = wire.served.client().await;
        if !has_transaction_timeout(&client).await {
            return;
        }
        says(&client, "set transaction_timeout = '300ms'").await;
        let select = format!("select count(*) from t {HELD}");
        let statement = client.prepare(&select).await.unwrap();
        for begin in ["begin isolation level repeatable read", ""] {
            says(&client, begin).await;
            let (selected, ()) = tokio::join!(client.query(&statement, &[]), async {
                let held = wire.held().await;
                wire.wait_long().await;
                held.let_go(Verdict::Pass);
            });
            assert_eq!(selected.unwrap().len(), 1, "{mode:?} {begin}");
            if begin.is_empty() {
                continue;
            }
            let (selected, ()) = tokio::join!(says(&client, &select), async {
                let held = wire.held().await;
                wire.wait_long().await;
                held.let_go(Verdict::Pass);
            });
            assert_eq!(selected, "0; (1)", "{mode:?}");
            let shown = says(&client, "show transaction_timeout").await;
            assert!(shown.starts_with("300ms"), "{mode:?}: {shown}");
            assert_eq!(says(&client, "commit").await, "(0)");
        }
        let shown = says(&client, "show transaction_timeout").await;
        assert!(shown.starts_with("300ms"), "{mode:?}: {shown}");
        if mode == Mode::PassThrough {
            let slept = says(&client, "begin; select pg_sleep(600)").await;
            assert!(slept.is_empty() || slept.starts_with("25P04"), "{slept}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_of_the_gateways_own_that_fails_leaves_nobody_waiting() {
    let refuse = Verdict::Refuse { code: "40001".to_owned(), message: "not now".to_owned() };
    for verdict in [Verdict::Pass, refuse] {
        let mut wire = Wire::start(Mode::PassThrough).await;
        let mut client = wire.raw().await;
        // So the server refuses the gateway its own statement of this name.
        client.parse("overbooked: own", "select 1").sync().until_ready().await;
        client.query("begin").until_ready().await;
        let commit = format!("commit {HELD}");
        client.parse("", &commit).bind("", "").execute("");
        client.parse("", "select 2").bind("", "").execute("").sync();
        let told = client.until(b'E').await;
        assert_eq!(line(&told), "1 2 !42P05");
        wire.held().await.let_go(verdict);
        assert_eq!(client.says().await, "ZE");
        let outcome = StatementOutcome::Refused("42P05".to_owned());
        assert_eq!(wire.outcome(&commit).await, outcome);
        assert_eq!(client.query("rollback").says().await, "[ROLLBACK] ZI");
    }
}
