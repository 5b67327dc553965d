//! A connection that is cut before a statement or behind it: the outcome that no client can know.

use overbooked::gateway::{StatementOutcome, Verdict};

use super::{HELD, MODES, Wire};
use crate::raw::line;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_off_before_it_has_not_run() {
    for mode in MODES {
        let mut wire = Wire::start(mode).await;
        let mut client = wire.raw().await;
        client.query("begin").until_ready().await;
        client.query("insert into t values (1)").until_ready().await;
        client.query(&format!("commit {HELD}"));
        let (answers, ()) = tokio::join!(client.until_ready_or_ended(), async {
            wire.held().await.let_go(Verdict::Cut);
        });
        assert_eq!(line(&answers), "", "{mode:?}");
        wire.has_left().await;
        assert!(wire.rows().await.is_empty(), "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_off_behind_it_has_run_and_nobody_is_told() {
    for mode in MODES {
        let mut wire = Wire::start(mode).await;
        let insert = format!("insert into t values (1) {HELD}");
        let commit = format!("commit {HELD}");
        let mut client = wire.raw().await;
        client.query(&insert);
        let (answers, ()) = tokio::join!(client.until_ready_or_ended(), async {
            wire.held().await.let_go(Verdict::CutAfter);
        });
        assert_eq!(line(&answers), "", "{mode:?}");
        assert_eq!(wire.outcome(&insert).await, StatementOutcome::Done);
        wire.has_left().await;
        assert_eq!(wire.rows().await, [1], "{mode:?}");
        let mut client = wire.raw().await;
        client.query("begin").until_ready().await;
        client.query("insert into t values (2)").until_ready().await;
        client.parse("", &commit).bind("", "").execute("").sync();
        let (answers, ()) = tokio::join!(client.until_ready_or_ended(), async {
            wire.held().await.let_go(Verdict::CutAfter);
        });
        assert_eq!(line(&answers), "1 2", "{mode:?}");
        wire.has_left().await;
        assert_eq!(wire.rows().await, [1, 2], "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_block_the_clients_own_sync_goes_with_the_statement() {
    for mode in MODES {
        let mut wire = Wire::start(mode).await;
        let insert = |id| format!("insert into t values ({id}) {HELD}");
        let mut client = wire.raw().await;
        client.parse("", &insert(1)).bind("", "").describe("P").execute("").close("P").sync();
        let (answers, ()) = tokio::join!(client.until_ready_or_ended(), async {
            wire.held().await.let_go(Verdict::CutAfter);
        });
        assert_eq!(line(&answers), "1 2 n", "{mode:?}");
        wire.has_left().await;
        assert_eq!(wire.rows().await, [1], "{mode:?}");
        // A connection that breaks between two statements of a transaction takes both along.
        let mut client = wire.raw().await;
        client.parse("", &insert(2)).bind("", "").execute("");
        client.parse("", "insert into t values (3)").bind("", "").execute("").sync();
        let (answers, ()) = tokio::join!(client.until_ready_or_ended(), async {
            wire.held().await.let_go(Verdict::CutAfter);
        });
        assert_eq!(line(&answers), "1 2", "{mode:?}");
        wire.has_left().await;
        assert_eq!(wire.rows().await, [1], "{mode:?}");
    }
}
