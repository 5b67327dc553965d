//! The rush through poolers: `PgBouncer` in transaction mode, where no prepared statement may
//! outlive its transaction, and Pgpool-II.

use overbooked::rush::board::End;
use overbooked::rush::headless::headless;
use overbooked::rush::strategy::StrategyName;
use tokio_util::sync::CancellationToken;

use crate::pgbouncer::PgBouncer;
use crate::pgpool::Pgpool;
use crate::rush::{finished, options};
use crate::support::Database;

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_transaction_mode_changes_nothing_about_the_verdict() {
    let database = Database::create().await;
    let Some(pooler) = PgBouncer::start(&database).await else {
        eprintln!("not tried: this machine has no PgBouncer");
        return;
    };
    let names = "for-update nowait skip-locked conditional-update version serializable advisory \
        queue hold";
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

#[tokio::test(flavor = "multi_thread")]
async fn pgpool_changes_nothing_but_the_level_that_it_does_not_give() {
    let database = Database::create().await;
    let Some(pooler) = Pgpool::start_in("streaming_replication", &database).await else {
        eprintln!("not tried: this machine has no Pgpool-II");
        return;
    };
    let names = "for-update nowait skip-locked conditional-update version advisory queue hold";
    let flags = format!("{names} serializable --requests 400 --seats 60 --workers 8");
    let target = pooler.target(&database);
    let board = headless(&options(&flags), &target, CancellationToken::new()).await.unwrap();
    for strategy in options(names).chosen() {
        let finished = finished(&board, strategy);
        assert!(finished.verdict.holds(), "{strategy}: {:?}", finished.verdict);
        assert_eq!(finished.tally.failed, 0, "{strategy}: {:?}", finished.tally.errors);
        assert_eq!(finished.verdict.sold, 60, "{strategy}");
    }
    let End::Unavailable(reason) = &board.ended.last().unwrap().end else { panic!("{board:?}") };
    assert!(reason.contains("begun at SERIALIZABLE runs at READ COMMITTED"), "{reason}");
    assert!(board.holds());
}

#[tokio::test(flavor = "multi_thread")]
async fn pgpool_that_does_not_commit_is_found_out() {
    let database = Database::create().await;
    let Some(pooler) = Pgpool::start_in("raw", &database).await else {
        eprintln!("not tried: this machine has no Pgpool-II");
        return;
    };
    let flags = "conditional-update --requests 400 --seats 60 --workers 8";
    let target = pooler.target(&database);
    let board = headless(&options(flags), &target, CancellationToken::new()).await.unwrap();
    let End::Broken(reason) = &board.ended[0].end else { panic!("{board:?}") };
    assert!(reason.contains("gone with their connection"), "{reason}");
    assert!(!board.holds());
}
