//! The rush: what is sold is sold once, and what is not is found out.

use overbooked::rush::board::{Board, End, Finished};
use overbooked::rush::headless::headless;
use overbooked::rush::options::{Options, StrategyName};
use tokio_util::sync::CancellationToken;

use crate::support::Database;

/// Flags as they would be typed.
pub(crate) fn options(flags: &str) -> Options {
    #[derive(clap::Parser)]
    struct Typed {
        #[command(flatten)]
        options: Options,
    }
    let words = std::iter::once("rush").chain(flags.split_whitespace());
    <Typed as clap::Parser>::parse_from(words).options
}

pub(crate) async fn rush(database: &Database, flags: &str) -> Board {
    headless(&options(flags), &database.target(), CancellationToken::new()).await.unwrap()
}

pub(crate) fn finished(board: &Board, strategy: StrategyName) -> &Finished {
    let ended = board.ended.iter().find(|ended| ended.strategy == strategy).unwrap();
    match &ended.end {
        End::Finished(finished) => finished,
        other => panic!("{strategy}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_honest_strategy_sells_each_seat_once() {
    let database = Database::create().await;
    let honest = "for-update nowait skip-locked conditional-update version serializable advisory optimistic queue hold";
    let board = rush(&database, &format!("{honest} --requests 600 --seats 30 --workers 8")).await;
    assert_eq!(board.ended.len(), 10);
    for ended in &board.ended {
        let finished = finished(&board, ended.strategy);
        let (tally, verdict) = (&finished.tally, finished.verdict);
        assert!(verdict.holds(), "{}: {verdict:?}", ended.strategy);
        assert_eq!(tally.settled, 600, "{}", ended.strategy);
        assert_eq!(tally.failed, 0, "{}: {:?}", ended.strategy, tally.errors);
        assert_eq!(tally.booked, verdict.sold, "{}", ended.strategy);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn naive_is_caught_selling_seats_twice() {
    let database = Database::create().await;
    let flags = "naive --requests 400 --seats 4 --compartments 1 --workers 8 --think-time 5ms";
    let board = rush(&database, flags).await;
    let verdict = finished(&board, StrategyName::Naive).verdict;
    assert!(verdict.sold_twice > 0 && !verdict.holds(), "{verdict:?}");
    assert_eq!(verdict.missing, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_in_the_database() {
    let database = Database::create().await;
    rush(&database, "for-update hold --requests 50 --seats 10 --workers 2").await;
    let pool = sqlx::PgPool::connect_with(database.sqlx_options()).await.unwrap();
    let left: i64 =
        sqlx::query_scalar("select count(*) from pg_namespace where nspname like 'overbooked%'")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(left, 0);
}
