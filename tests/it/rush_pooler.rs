//! The rush through PgBouncer in transaction mode, where no prepared statement may outlive its
//! transaction.

use overbooked::rush::board::End;
use overbooked::rush::headless::headless;
use overbooked::rush::strategy::StrategyName;
use tokio_util::sync::CancellationToken;

use crate::pgbouncer::PgBouncer;
use crate::rush::{finished, options};
use crate::support::Database;

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_transaction_mode_changes_nothing_about_the_verdict() {
    let database = Database::create().await;
    let Some(pooler) = PgBouncer::start(&database).await else {
        eprintln!("not tried: this machine has no PgBouncer");
        return;
    };
    let names = "for-update conditional-update version advisory queue hold";
    let flags = format!("{names} optimistic --requests 400 --seats 60 --workers 8");
    let target = pooler.target(&database);
    let board = headless(&options(&flags), &target, CancellationToken::new()).await.unwrap();
    for strategy in options(names).chosen() {
        let finished = finished(&board, strategy);
        assert!(finished.verdict.holds(), "{strategy}: {:?}", finished.verdict);
        assert_eq!(finished.tally.failed, 0, "{strategy}: {:?}", finished.tally.errors);
    }
    let optimistic = board.ended.last().unwrap();
    assert_eq!(optimistic.strategy, StrategyName::Optimistic);
    assert!(matches!(&optimistic.end, End::Unavailable(reason) if reason.contains("pooler")));
}
