//! Who has lost to another comes back to the optimistic engine no slower than those who have not:
//! whatever a retry has before it in addition is paid between its snapshot and its COMMIT, and the
//! next winner is always the last one again.

use tokio_postgres::Client;

use crate::gateway::{CONFLICT, Served, says};

const ROWS: i64 = 5_000;

async fn table() -> (Served, Client, Client) {
    filled(Served::start().await).await
}

async fn table_copied_whole() -> (Served, Client, Client) {
    filled(Served::with(|options| options.large_from = u64::MAX).await).await
}

async fn filled(served: Served) -> (Served, Client, Client) {
    let table = format!(
        "create table t (a int primary key, b int); insert into t select n, 0 from \
         generate_series(1, {ROWS}) n"
    );
    served.outsider().await.batch_execute(&table).await.unwrap();
    let (winner, loser) = (served.client().await, served.client().await);
    (served, winner, loser)
}

/// How many rows of the stored table this transaction has read one after the other.
async fn rows_read(client: &Client) -> i64 {
    let sql = "select seq_tup_read from pg_stat_xact_user_tables where relname = 't'";
    says(client, sql).await.split_once(';').unwrap().0.parse().unwrap()
}

/// Rounds of losing and trying again. Tests beside this one commit on the same server, and after a
/// commit of somebody unknown the table is read again, as it must be: one round that is left in
/// peace is enough, and without the mend no round is.
const ROUNDS: i64 = 20;

/// Loses to the winner, and tries again; how many rows the second attempt has read of the whole
/// table.
async fn lose_and_retry(winner: &Client, loser: &Client) -> i64 {
    says(loser, "begin").await;
    says(loser, "update t set b = b + 1 where a = 1").await;
    says(winner, "update t set b = b + 1 where a = 1").await;
    assert_eq!(says(loser, "commit").await, CONFLICT);
    says(loser, "begin").await;
    let before = rows_read(loser).await;
    says(loser, "update t set b = b + 1 where a = 1").await;
    let after = rows_read(loser).await;
    assert_eq!(says(loser, "commit").await, "(0)");
    after - before
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_does_not_read_the_table_again() {
    let (served, winner, loser) = table().await;
    says(&winner, "select count(*) from t").await;
    says(&loser, "select count(*) from t").await;
    // Of somebody unknown nobody can tell which rows he has written: the copies are compared with
    // the whole table.
    served.outsider().await.batch_execute("update t set b = 0 where a = 2").await.unwrap();
    for round in 1..=ROUNDS {
        let read = lose_and_retry(&winner, &loser).await;
        let stored = says(&loser, "select b from t where a = 1").await;
        assert_eq!(stored, format!("{}; (1)", 2 * round));
        if read == 0 {
            return;
        }
    }
    panic!("every retry has read the table again");
}

/// How large a copy is after a filling that was rolled back, and after the next one.
async fn sizes_after_a_failure() -> (i64, i64) {
    let (served, _, client) = table_copied_whole().await;
    let outsider = served.outsider().await;
    let size = async || -> i64 {
        let sql = "select pg_relation_size(oid) from pg_class where relname = 't' and \
            relpersistence = 't'";
        outsider.query_one(sql, &[]).await.unwrap().get(0)
    };
    let failing = "select sum(1 / (b - b)) from t";
    assert_eq!(says(&client, failing).await, "22012 division by zero");
    let filled = size().await;
    assert!(filled > 0);
    assert_eq!(says(&client, failing).await, "22012 division by zero");
    assert_eq!(says(&client, "select count(*) from t").await, format!("{ROWS}; (1)"));
    (filled, size().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filling_that_is_rolled_back_leaves_no_rows_behind() {
    // After a commit of somebody unknown, while an older transaction is open somewhere on the
    // server, all rows are taken anew beside the old ones.
    for _ in 1..=ROUNDS {
        let (filled, next) = sizes_after_a_failure().await;
        if next == filled {
            return;
        }
    }
    panic!("every filling has left its rows behind");
}
