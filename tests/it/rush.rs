//! The rush: what is sold is sold once, and what is not is found out.

use overbooked::core::sql::rush as sql;
use overbooked::rush::board::{Board, End, Finished};
use overbooked::rush::headless::headless;
use overbooked::rush::options::Options;
use overbooked::rush::strategy::StrategyName;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};
use tokio_util::sync::CancellationToken;

use crate::gateway::connect;
use crate::support::{Database, server, start_own};

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
    let honest = "for-update nowait skip-locked conditional-update version serializable advisory \
        optimistic queue hold";
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
async fn more_workers_than_the_server_lets_in_are_told_how_many_it_did() {
    let cluster = start_own().await;
    let flags = options("for-update --workers 500 --requests 10");
    let board = headless(&flags, &cluster.target(), CancellationToken::new()).await.unwrap();
    let End::Broken(why) = &board.ended[0].end else { panic!("{board:?}") };
    assert!(why.contains("of 500 workers: use a smaller --workers"), "{why}");
    assert!(!board.holds());
    cluster.stop().await.unwrap();
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

/// A statement of the rush with its parameters; how many rows it found or changed.
async fn ask(client: &Client, phrase: &str, parameters: &[i32]) -> u64 {
    let types = vec![Type::INT4; parameters.len()];
    let statement = client.prepare_typed(phrase, &types).await.unwrap();
    let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|one| one as _).collect();
    client.execute(&statement, &parameters).await.unwrap()
}

#[tokio::test]
async fn a_hold_that_is_not_paid_in_time_leaves_the_seat_to_somebody_else() {
    let database = Database::create().await;
    let client = connect(server().folder(), server().port(), database.name()).await;
    for text in ["create schema rush", sql::SEATS, sql::BOOKINGS, sql::HOLDS] {
        client.batch_execute(text).await.unwrap();
    }
    let (seat, alice, bob, hour) = (1, 7, 8, 3_600_000);
    ask(&client, sql::FILL, &[1, 1, 1, 1]).await;
    assert_eq!(ask(&client, sql::HOLD, &[seat, alice, hour]).await, 1);
    assert_eq!(ask(&client, sql::LOOK_AT_HOLD, &[seat]).await, 1, "the hold is seen");
    assert_eq!(ask(&client, sql::HOLD, &[seat, bob, hour]).await, 0, "it is hers");
    assert_eq!(ask(&client, sql::PAY, &[seat, bob]).await, 0, "and only she can pay");

    let hour_passes = "update rush.holds set expires = expires - interval '1 hour'";
    client.batch_execute(hour_passes).await.unwrap();
    assert_eq!(ask(&client, sql::LOOK_AT_HOLD, &[seat]).await, 0, "the seat looks free");
    assert_eq!(ask(&client, sql::PAY, &[seat, alice]).await, 0, "she is too late");
    assert_eq!(ask(&client, sql::HOLD, &[seat, bob, hour]).await, 1);
    assert_eq!(ask(&client, sql::PAY, &[seat, bob]).await, 1);

    client.batch_execute(hour_passes).await.unwrap();
    assert_eq!(ask(&client, sql::HOLD, &[seat, alice, hour]).await, 0, "paid is for ever");
    assert_eq!(ask(&client, sql::BOOKING_OF, &[bob]).await, 1);
    assert_eq!(ask(&client, sql::BOOKING_OF, &[alice]).await, 0);
}
