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
    for rows in [7, 100, 10_000, 1_000_000] {
        cost(&cluster, rows).await;
    }
    say("\noptimistic engine, pgbench's TPC-B, 8 clients\n");
    for scale in ["1", "10"] {
        tpcb(&cluster, scale).await;
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
    let mut speeds = Vec::new();
    for (host, port) in [(cluster.folder(), cluster.port()), (folder.path(), 5432)] {
        speeds.push(by_eight(host, port, rows).await);
    }
    say(&format!(
        "             eight clients: {:.0} updates/s straight, {:.0} updates/s\n",
        speeds[0], speeds[1]
    ));
    gateway.stop().await;
}

/// How many updates a second eight clients make, of rows of their own.
async fn by_eight(host: &Path, port: u16, rows: u32) -> f64 {
    const CLIENTS: u32 = 8;
    const UPDATES: u32 = 250;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(connect(host, port).await);
    }
    let begun = Instant::now();
    let updates = clients.iter().zip(0..).map(async |(client, place)| {
        for number in 0..UPDATES {
            let row = (number * CLIENTS + place) % rows + 1;
            // Of a few rows some are changed by two at once.
            client.batch_execute(&SET.replace("ID", &row.to_string())).await.ok();
        }
    });
    futures::future::join_all(updates).await;
    f64::from(CLIENTS * UPDATES) / begun.elapsed().as_secs_f64()
}

/// pgbench's own transactions, straight and through the engine, which refuses some.
async fn tpcb(cluster: &Cluster, scale: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = gateway(cluster, folder.path(), Mode::Optimistic).await;
    let straight = Way { name: "straight", host: cluster.folder(), port: cluster.port() };
    pgbench(&straight, &["-i", "-q", "-s", scale]).await;
    for way in [straight, Way { name: GATEWAY, host: folder.path(), port: 5432 }] {
        let run = ["-n", "-c", "8", "-j", "2", "-T", "10", "--max-tries", "0"];
        let output = pgbench(&way, &run).await;
        let speed = output.lines().find(|line| line.starts_with("tps = ")).unwrap_or_default();
        say(&format!("scale {scale:>2}  {:<9} {speed}\n", way.name));
    }
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
