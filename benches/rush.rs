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

const ROUNDS: usize = 10;
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
        let peer = async || pgbench(&cluster, strategy);
        let ours = async || rush(&cluster, strategy).await;
        let drawn = async || rush_on_screen(&cluster, strategy).await;
        in_turns(&format!("{strategy}, the rush to pgbench"), ours, peer).await;
        in_turns(&format!("{strategy}, with its screen to without"), drawn, ours).await;
    }
    cluster.stop().await.expect("nothing stays");
}

/// Runs both in pairs, each of them first in every other pair, and tells the median of the pairs' ratios with the middle half of them.
async fn in_turns(words: &str, one: impl AsyncFn() -> f64, other: impl AsyncFn() -> f64) {
    one().await;
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let (left, right) = if round % 2 == 0 {
            let left = one().await;
            (left, other().await)
        } else {
            let right = other().await;
            (one().await, right)
        };
        eprintln!("  {left:.0} to {right:.0} a second");
        ratios.push(left / right);
    }
    ratios.sort_by(f64::total_cmp);
    let at = |share: usize| ratios[(ratios.len() - 1) * share / 4];
    let median = f64::midpoint(ratios[(ROUNDS - 1) / 2], ratios[ROUNDS / 2]);
    eprintln!("{words}: {median:.3} (half of the pairs from {:.3} to {:.3})", at(1), at(3));
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
