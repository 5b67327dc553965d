//! What the gateway costs: pgbench straight to a server, through the gateway's pass-through and
//! through PgBouncer in session mode, side by side; then what a transaction of the optimistic
//! engine costs by the size of its table.
//!
//! The three take turns, so that whatever else the machine does hits all of them, and what counts
//! is the median of the rounds' ratios: where the system puts so many processes on few processors
//! makes a third of a difference from one round to the next. Without PgBouncer on the path
//! (`apt-get install pgbouncer`) its column says so.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use overbooked::cluster::{Cluster, ClusterOptions, SUPERUSER};
use overbooked::commands::launch;
use overbooked::gateway::{Gateway, Mode, Options};
use tokio_postgres::{Client, NoTls};

const ROUNDS: usize = 12;
const SECONDS: &str = "2";
const CLIENTS: &str = "4";
const TRANSACTIONS: usize = 500;
const GATEWAY: &str = "gateway";
/// Its place among the ways.
const AT_GATEWAY: usize = 1;

const UPDATE: &str = "\\set aid random(1, 100000)\n\
                      update pgbench_accounts set abalance = abalance + 1 where aid = :aid;\n";

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

fn say(text: &str) {
    std::io::stdout().write_all(text.as_bytes()).expect("an output");
}

/// A way to the server: a socket's folder and port.
struct Way<'a> {
    name: &'static str,
    folder: &'a Path,
    port: u16,
}

async fn compare(cluster: &Cluster) {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = gateway(cluster, folder.path(), Mode::PassThrough).await;
    let bouncer = PgBouncer::start(cluster).await;
    let straight = Way { name: "straight", folder: cluster.folder(), port: cluster.port() };
    pgbench(&straight, &["-i", "-q"]).await;
    let mut ways = vec![straight, Way { name: GATEWAY, folder: folder.path(), port: 5432 }];
    match &bouncer {
        Some(bouncer) => ways.push(bouncer.way()),
        None => say("PgBouncer is not installed: left out\n"),
    }
    let script = folder.path().join("update.sql");
    std::fs::write(&script, UPDATE).expect("a script");
    let script = script.to_str().expect("a plain path").to_owned();
    race("select-only (-S)", &ways, &["-S"]).await;
    race("one-row update", &ways, &["-f", &script]).await;
    gateway.stop().await;
}

async fn gateway(cluster: &Cluster, folder: &Path, mode: Mode) -> Gateway {
    let mut options = Options::new(cluster.target());
    options.mode = mode;
    options.socket_folder = Some(folder.to_owned());
    Gateway::start(options).await.expect("a gateway")
}

async fn race(what: &str, ways: &[Way<'_>], workload: &[&str]) {
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let mut speeds = vec![0.0; ways.len()];
        for turn in 0..ways.len() {
            let place = (round + turn) % ways.len();
            let run = ["-n", "-c", CLIENTS, "-j", "2", "-T", SECONDS];
            let output = pgbench(&ways[place], &[&run[..], workload].concat()).await;
            speeds[place] = transactions(&output);
        }
        rounds.push(speeds);
    }
    say(&format!("{what}: transactions a second, median"));
    for (place, way) in ways.iter().enumerate() {
        say(&format!("  {} {:.0}", way.name, middle(&rounds, |speeds| speeds[place])));
    }
    say("\n");
    for (place, way) in ways.iter().enumerate().filter(|(_, way)| way.name != GATEWAY) {
        let ratio = middle(&rounds, |speeds| speeds[AT_GATEWAY] / speeds[place]);
        say(&format!("  gateway to {}: {ratio:.2}\n", way.name));
    }
}

fn middle(rounds: &[Vec<f64>], figure: impl Fn(&[f64]) -> f64) -> f64 {
    let mut figures: Vec<f64> = rounds.iter().map(|speeds| figure(speeds)).collect();
    figures.sort_by(f64::total_cmp);
    f64::midpoint(figures[(figures.len() - 1) / 2], figures[figures.len() / 2])
}

/// Runs pgbench on a thread of its own: the gateway works on this program's others.
async fn pgbench(way: &Way<'_>, arguments: &[&str]) -> String {
    let mut command = Command::new("pgbench");
    command.arg("-h").arg(way.folder).args(["-p", &way.port.to_string(), "-U", SUPERUSER]);
    command.args(arguments).arg("postgres").stderr(Stdio::null());
    let run = tokio::task::spawn_blocking(move || command.output().expect("pgbench on the path"));
    let output = run.await.expect("pgbench ends");
    assert!(output.status.success(), "pgbench through {} fails", way.name);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn transactions(output: &str) -> f64 {
    let line = output.lines().find_map(|line| line.strip_prefix("tps = "));
    line.and_then(|line| line.split(' ').next()?.parse().ok()).expect("pgbench tells its speed")
}

/// A PgBouncer of our own; ended with this value.
struct PgBouncer {
    child: Child,
    folder: tempfile::TempDir,
}

const BOUNCER_PORT: u16 = 6432;

impl PgBouncer {
    /// Nothing where it is not installed.
    async fn start(cluster: &Cluster) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        open_to_all(folder.path());
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\npostgres = host={host} port={port} user={SUPERUSER}\n\
             [pgbouncer]\nunix_socket_dir = {own}\nlisten_port = {BOUNCER_PORT}\n\
             auth_type = any\npool_mode = session\ndefault_pool_size = 20\n",
            host = cluster.folder().display(),
            port = cluster.port(),
            own = folder.path().display(),
        );
        std::fs::write(&settings, text).expect("settings");
        let mut command = Command::new("pgbouncer");
        command.arg("-q").arg(&settings).stdout(Stdio::null()).stderr(Stdio::null());
        as_the_server(&mut command, cluster);
        let child = command.spawn().ok()?;
        let bouncer = Self { child, folder };
        bouncer.opens().await;
        Some(bouncer)
    }

    fn way(&self) -> Way<'_> {
        Way { name: "PgBouncer", folder: self.folder.path(), port: BOUNCER_PORT }
    }

    async fn opens(&self) {
        let socket = self.folder.path().join(format!(".s.PGSQL.{BOUNCER_PORT}"));
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        let open = async {
            while tokio::net::UnixStream::connect(&socket).await.is_err() {
                pace.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), open).await.expect("PgBouncer opens");
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).expect("our folder");
}

/// PgBouncer refuses to run as root, and the server's socket is open to the server's own account.
fn as_the_server(command: &mut Command, cluster: &Cluster) {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;
    if rustix::process::geteuid().is_root() {
        let folder = std::fs::metadata(cluster.folder()).expect("the server's folder");
        command.uid(folder.uid()).gid(folder.gid());
    }
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
