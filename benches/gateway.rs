//! What the gateway costs: pgbench straight to a server, through the gateway's pass-through and
//! through PgBouncer in session mode, side by side; then what a transaction of the optimistic
//! engine costs by the size of its table.
//!
//! Without PgBouncer on the path (`apt-get install pgbouncer`) its column says so.

#[path = "peers/pgbench.rs"]
mod pgbench;
#[path = "peers/pgbouncer.rs"]
mod pgbouncer;

use std::path::Path;
use std::time::{Duration, Instant};

use overbooked::cluster::{Cluster, ClusterOptions, SUPERUSER};
use overbooked::commands::launch;
use overbooked::gateway::{Gateway, Mode, Options};
use pgbench::{ROUNDS, SECONDS, UPDATE, Way, pgbench, race, say};
use pgbouncer::PgBouncer;
use tokio_postgres::{Client, NoTls};

const TRANSACTIONS: usize = 500;
const GATEWAY: &str = "gateway";

fn main() {
    launch::many_clients().expect("a runtime").block_on(measure());
}

async fn measure() {
    let cluster = Cluster::start(&ClusterOptions::default(), &|_| {}).await.expect("a server");
    say(&format!("4 clients, {ROUNDS} rounds of {SECONDS} s\n"));
    compare(&cluster).await;
    say("\noptimistic engine, one client, autocommit where not said otherwise; median of 500\n");
    for rows in [7, 600, 10_000] {
        cost(&cluster, rows).await;
    }
    cluster.stop().await.expect("the server stops");
}

async fn compare(cluster: &Cluster) {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = gateway(cluster, folder.path(), Mode::PassThrough).await;
    let bouncer = PgBouncer::start(cluster).await;
    let straight = Way { name: "straight", host: cluster.folder(), port: cluster.port() };
    pgbench(&straight, &["-i", "-q"]).await;
    let mut ways = vec![straight, Way { name: GATEWAY, host: folder.path(), port: 5432 }];
    match &bouncer {
        Some(bouncer) => {
            let (host, port) = (bouncer.folder(), bouncer.port);
            ways.push(Way { name: "PgBouncer", host, port });
        }
        None => say("PgBouncer is not installed: left out\n"),
    }
    let script = folder.path().join("update.sql");
    std::fs::write(&script, UPDATE).expect("a script");
    let script = script.to_str().expect("a plain path").to_owned();
    race("select-only (-S)", GATEWAY, &ways, &["-S"]).await;
    race("one-row update", GATEWAY, &ways, &["-f", &script]).await;
    gateway.stop().await;
}

async fn gateway(cluster: &Cluster, folder: &Path, mode: Mode) -> Gateway {
    let mut options = Options::new(cluster.target());
    options.mode = mode;
    options.socket_folder = Some(folder.to_owned());
    Gateway::start(options).await.expect("a gateway")
}

async fn cost(cluster: &Cluster, rows: u32) {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = gateway(cluster, folder.path(), Mode::Optimistic).await;
    let outsider = connect(cluster.folder(), cluster.port()).await;
    let schema = format!(
        "drop table if exists seats; create table seats (id int primary key, holder text); \
         insert into seats select n, null from generate_series(1, {rows}) n; analyze seats"
    );
    outsider.batch_execute(&schema).await.expect("a table");
    let (one, other) = (connect(folder.path(), 5432).await, connect(folder.path(), 5432).await);
    let read = median(&one, None, "select holder from seats where id = ID", rows).await;
    let update = median(&one, None, SET, rows).await;
    let block = median(&one, None, &format!("begin; {SET}; commit"), rows).await;
    let turns = median(&one, Some(&other), SET, rows).await;
    let straight = median(&outsider, None, SET, rows).await;
    say(&format!(
        "{rows:>6} rows  read {read:>8.1?}  update {update:>8.1?}  block {block:>8.1?}  \
         update after another's {turns:>8.1?}  update straight {straight:>8.1?}\n"
    ));
    drop((one, other));
    gateway.stop().await;
}

const SET: &str = "update seats set holder = 'Bob' where id = ID";

/// The median time of a text of SQL, each time about another row, after a rival's turn where there
/// is one.
async fn median(client: &Client, rival: Option<&Client>, sql: &str, rows: u32) -> Duration {
    let mut times = Vec::with_capacity(TRANSACTIONS);
    for number in 0..u32::try_from(TRANSACTIONS).expect("a small number") {
        let about = |row: u32| sql.replace("ID", &(row % rows + 1).to_string());
        if let Some(rival) = rival {
            rival.batch_execute(&about(number + 1)).await.expect("a rival");
        }
        let begun = Instant::now();
        client.batch_execute(&about(number)).await.expect("a transaction");
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times[TRANSACTIONS / 2]
}

async fn connect(folder: &Path, port: u16) -> Client {
    let mut config = tokio_postgres::Config::new();
    config.host_path(folder).port(port).user(SUPERUSER).dbname("postgres");
    let (client, connection) = config.connect(NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}
