//! The rush beside pgbench: the same server, the same transaction, as many clients, prepared. And beside itself, with its screen drawn.
//!
//! Machines have moods, so the two take turns, and what counts is the median of the ratios. `pgbench` and `psql` must be on the path.

use std::process::Command;

use clap::Parser;
use futures::stream;
use overbooked::engine::postgres::{Cluster, ClusterOptions, SUPERUSER};
use overbooked::rush::board::{Board, End};
use overbooked::rush::headless::headless;
use overbooked::rush::options::Options;
use overbooked::tui::rush::{Leaving, show};
use overbooked::tui::theme::Theme;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 5;
const CLIENTS: u32 = 20;
const REQUESTS: u32 = 40_000;

#[derive(Parser)]
struct Typed {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() {
    let cluster = Cluster::start(&ClusterOptions::default(), &|_| {}).await.expect("a server");
    for strategy in ["for-update", "conditional-update"] {
        let mut beside_pgbench = Vec::new();
        let mut beside_itself = Vec::new();
        for _ in 0..ROUNDS {
            let peer = pgbench(&cluster, strategy);
            let ours = rush(&cluster, strategy).await;
            let drawn = rush_on_screen(&cluster, strategy).await;
            beside_pgbench.push(ours / peer);
            beside_itself.push(drawn / ours);
            eprintln!(
                "{strategy}: pgbench {peer:.0}, rush {ours:.0}, on a screen {drawn:.0} a second"
            );
        }
        eprintln!(
            "{strategy}: {:.2} times pgbench; {:.2} of itself with its screen",
            median(beside_pgbench),
            median(beside_itself)
        );
    }
    cluster.stop().await.expect("nothing stays");
}

fn median(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

fn options(strategy: &str) -> Options {
    let flags = format!("rush {strategy} --requests {REQUESTS} --workers {CLIENTS}");
    Typed::parse_from(flags.split(' ')).options
}

async fn rush(cluster: &Cluster, strategy: &str) -> f64 {
    let done = headless(&options(strategy), &cluster.target(), CancellationToken::new()).await;
    throughput(&done.expect("a rush"))
}

/// The screen's work, on a terminal that costs nothing: what the rush pays for being watched.
async fn rush_on_screen(cluster: &Cluster, strategy: &str) -> f64 {
    let mut terminal = Terminal::new(TestBackend::new(120, 40)).expect("a buffer cannot fail");
    let mut keys = stream::pending();
    let (options, theme, target) = (options(strategy), Theme::default(), cluster.target());
    let leaving = Leaving::WhenOver;
    let shown = show(&mut terminal, &mut keys, &theme, &options, &target, leaving);
    throughput(&shown.await.expect("a rush").board)
}

fn throughput(board: &Board) -> f64 {
    match &board.ended[0].end {
        End::Finished(finished) => finished.throughput(),
        other => panic!("{other:?}"),
    }
}

fn pgbench(cluster: &Cluster, strategy: &str) -> f64 {
    let folder = format!("{}/benches/rush", env!("CARGO_MANIFEST_DIR"));
    let connection = |program: &str| {
        let mut command = Command::new(program);
        command.env("PGHOST", cluster.folder()).env("PGPORT", cluster.port().to_string());
        command.env("PGUSER", SUPERUSER).env("PGDATABASE", "postgres");
        command
    };
    let house = format!("{folder}/house.sql");
    let made = connection("psql").args(["-q", "-f", &house]).output().expect("psql");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let script = format!("{folder}/{strategy}.sql");
    let (clients, each) = (CLIENTS.to_string(), (REQUESTS / CLIENTS).to_string());
    let arguments = ["-n", "-M", "prepared", "-j", "2", "-c", &clients, "-t", &each, "-f", &script];
    let ran = connection("pgbench").args(arguments).output().expect("pgbench");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = "));
    let number = tps.and_then(|tps| tps.split(' ').next()).and_then(|tps| tps.parse().ok());
    number.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&ran.stderr)))
}
