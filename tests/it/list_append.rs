//! Snapshot isolation through the optimistic engine, checked from the wire: clients in five styles
//! of the protocol append unique values to lists and read them, while the schema changes, readers
//! are slow, and clients and backends go away in the middle.
//!
//! ```text
//!  plan ─▶ client ─ connection ─▶ gateway
//!             │
//!          history ─▶ lists ─▶ cycles        what must not be, in words
//! ```

mod client;
mod connection;
mod cycles;
mod history;
mod lists;
mod model;
mod plan;
mod rules;
mod schema;
mod stage;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_postgres::Client;

use self::client::Player;
use self::cycles::cycles;
use self::history::{History, Key, Operation, Outcome, Transaction};
use self::lists::{Anomaly, Lists};
use self::stage::Stage;
use crate::gateway::Served;

const CLIENTS: usize = 8;

/// All that is wrong with a history.
fn check(history: &History) -> Vec<Anomaly> {
    let lists = Lists::of(history);
    let cycles = cycles(history, &lists);
    lists.anomalies.into_iter().chain(cycles).collect()
}

/// The first of what is wrong, each on a line of its own.
fn tell(history: &History, anomalies: &[Anomaly]) -> String {
    let lists = Lists::of(history);
    let mut told: Vec<_> = anomalies.iter().map(|anomaly| anomaly.tell(history, &lists)).collect();
    told.sort_by_key(String::len);
    told.truncate(10);
    format!("{} anomalies:\n{}", anomalies.len(), told.join("\n"))
}

/// `OVERBOOKED_APPENDS=20000` commits more transactions than a quick run does.
fn wanted() -> u32 {
    std::env::var("OVERBOOKED_APPENDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_500)
}

/// Every list that there is.
async fn read_all(client: &Client) -> Vec<Operation> {
    let tables = "select relname::text from pg_class \
                  where relnamespace = 'public'::regnamespace and relkind = 'r' and relpersistence \
                  = 'p' \
                    and (relname ~ '^churn' or relname in ('arrays', 'texts', 'entries'))";
    let mut all = Vec::new();
    for row in client.query(tables, &[]).await.unwrap() {
        let table: String = row.get(0);
        let (generation, list) = match table.as_str() {
            "texts" => ("''", "list"),
            "arrays" | "entries" => ("''", "array_to_string(list, ',')"),
            _ => ("generation::text", "array_to_string(list, ',')"),
        };
        let rows = format!("select {generation}, k, {list} from {table}");
        for row in client.query(&rows, &[]).await.unwrap() {
            let (generation, number): (&str, i32) = (row.get(0), row.get(1));
            let table =
                if generation.is_empty() { table.clone() } else { format!("churn_{generation}") };
            let list = row.get::<_, &str>(2).split(',').map(|value| value.parse().unwrap());
            let key = Key::new(table, u32::try_from(number).unwrap());
            all.push(Operation::Read(key, list.collect()));
        }
    }
    all.sort_by_key(|operation| format!("{operation:?}"));
    all
}

async fn read_in_the_end(stage: &Stage, client: &Client, name: &str) -> Vec<Operation> {
    let begun = stage.now();
    let operations = read_all(client).await;
    let (client, ended, outcome) = (name.to_owned(), stage.now(), Outcome::Committed);
    stage.note(Transaction { client, begun, ended, outcome, operations: operations.clone() });
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_appended_to_in_snapshot_isolation_whatever_happens_meanwhile() {
    let served = Served::start().await;
    let stage = Arc::new(Stage::set(&served, wanted()).await);
    let mut players = JoinSet::new();
    for number in 0..CLIENTS {
        players.spawn(Player::enter(Arc::clone(&stage), number).await.play());
    }
    let patience = Duration::from_mins(20).max(Duration::from_millis(60) * wanted());
    let ended = tokio::time::timeout(patience, players.join_all()).await;
    ended.expect("nobody waits for ever");
    let told = read_in_the_end(&stage, &served.client().await, "a new client").await;
    let stored = read_in_the_end(&stage, &served.outsider().await, "the stored tables").await;
    assert_eq!(told, stored);
    let (mut history, tally, complaints) = Arc::into_inner(stage).unwrap().take();
    history.place_unheard("churn");
    history.settle_unheard_updates();
    println!("{tally:#?}");
    let anomalies = check(&history);
    assert!(anomalies.is_empty(), "{}", tell(&history, &anomalies));
    let first = &complaints[..complaints.len().min(10)];
    assert!(complaints.is_empty(), "{} complaints: {first:#?}", complaints.len());
    for style in connection::STYLES {
        assert!(tally.contains_key(&format!("Committed {style:?}")), "{tally:?}");
    }
    assert!(tally["schema changes"] > 0 && tally["clients left"] > 0, "{tally:?}");
}
