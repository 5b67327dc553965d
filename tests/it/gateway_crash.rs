//! Transfers between accounts while the gateway dies: the stored tables hold whole transactions
//! only, and every commit that a client was told of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::Client;

use crate::gateway::Served;

const ACCOUNTS: u32 = 50;

/// `OVERBOOKED_TRANSFERS=10000` is the number that the figures are given for.
pub(crate) fn transfers() -> u32 {
    std::env::var("OVERBOOKED_TRANSFERS").ok().and_then(|text| text.parse().ok()).unwrap_or(800)
}

/// Transfers one unit and notes it. `Ok(false)` is a conflict; an error is a connection that is
/// gone.
async fn transfer(client: &Client, number: u32) -> Result<bool, tokio_postgres::Error> {
    let (from, to) = (number % ACCOUNTS, (number / 7 + 1 + number) % ACCOUNTS);
    let script = format!(
        "begin; update accounts set money = money - 1 where id = {from}; \
         update accounts set money = money + 1 where id = {to}; \
         insert into notes values ({number}); commit"
    );
    match client.batch_execute(&script).await {
        Ok(()) => Ok(true),
        Err(error) if error.code().is_some_and(|code| code.code() == "40001") => {
            client.batch_execute("rollback").await.map(|()| false)
        }
        Err(error) => Err(error),
    }
}

/// Takes numbers until there are none or the connection is gone; the numbers whose commit was
/// acknowledged.
pub(crate) async fn work(client: Client, next: Arc<AtomicU32>, until: u32) -> Vec<u32> {
    let mut acknowledged = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= until {
            return acknowledged;
        }
        loop {
            match transfer(&client, number).await {
                Ok(true) => break acknowledged.push(number),
                Ok(false) => {}
                Err(_) => return acknowledged,
            }
        }
    }
}

pub(crate) const BANK: &str = "create table accounts (id int primary key, money int not null); \
    create table notes (number int primary key); insert into accounts select n, 100 from \
    generate_series(0, 49) n";

async fn bank() -> Served {
    let served = Served::start().await;
    served.outsider().await.batch_execute(BANK).await.unwrap();
    served
}

/// The money is all there, and so is each acknowledged transfer.
pub(crate) async fn audit(outsider: &Client, acknowledged: &[u32]) {
    let row = outsider.query_one("select sum(money), count(*) from accounts", &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (5_000, 50));
    let rows = outsider.query("select number from notes", &[]).await.unwrap();
    let noted: Vec<u32> = rows.iter().map(|row| row.get::<_, i32>(0).cast_unsigned()).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|number| !noted.contains(number)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
}

async fn workers(served: &Served, next: &Arc<AtomicU32>) -> tokio::task::JoinSet<Vec<u32>> {
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..16 {
        workers.spawn(work(served.client().await, Arc::clone(next), transfers()));
    }
    workers
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_neither_made_nor_lost() {
    let served = bank().await;
    let next = Arc::new(AtomicU32::new(0));
    let acknowledged = workers(&served, &next).await.join_all().await.concat();
    assert_eq!(acknowledged.len(), transfers() as usize);
    audit(&served.outsider().await, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_dies_leaves_whole_transactions() {
    let mut served = bank().await;
    let next = Arc::new(AtomicU32::new(0));
    let workers = workers(&served, &next).await;
    let mut pace = tokio::time::interval(std::time::Duration::from_millis(5));
    while next.load(Ordering::Relaxed) < transfers() / 2 {
        pace.tick().await;
    }
    // Every task is ended where it stands, as a kill would.
    served.kill().await;
    let acknowledged = workers.join_all().await.concat();
    audit(&served.outsider().await, &acknowledged).await;
}
