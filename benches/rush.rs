//! The rush beside pgbench: the same server, the same transaction, as many clients, prepared. And
//! beside itself, with its screen drawn.
//!
//! Machines have moods, so the two take turns, and what counts is the median of the ratios. Beside
//! it stands what a request costs the client's processor, which others on the same machine disturb
//! less. Both send one BEGIN, one SELECT, one COMMIT and, while seats are free, one sale; the rush
//! does not wait for the answer to a BEGIN before it looks, and pgbench cannot but wait. `pgbench`
//! and `psql` must be on the path.

use std::process::Command;
use std::time::Duration;

use clap::Parser;
use futures::stream;
use overbooked::cluster::{Cluster, ClusterOptions, SUPERUSER};
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
const REQUESTS: u32 = 100_000;
/// What the kernel counts processor time in, everywhere: `USER_HZ`.
const TICK: Duration = Duration::from_millis(10);

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

/// How fast a run was, and what a request has cost its client.
struct Run {
    throughput: f64,
    processor: Duration,
}

/// Runs both in pairs, each of them first in every other pair, and tells the median of the pairs'
/// ratios with the middle half of them.
async fn in_turns(words: &str, one: impl AsyncFn() -> f64, other: impl AsyncFn() -> f64) {
    one().await;
    let mut pairs = Vec::new();
    for round in 0..ROUNDS {
        let (left, right) = if round % 2 == 0 {
            let left = timed(&one).await;
            (left, timed(&other).await)
        } else {
            let right = timed(&other).await;
            (timed(&one).await, right)
        };
        eprintln!("  {:.0} to {:.0} a second", left.throughput, right.throughput);
        pairs.push((left, right));
    }
    let ratios = sorted(&pairs, |(left, right)| left.throughput / right.throughput);
    let [low, high] = [1, 3].map(|share| ratios[(ROUNDS - 1) * share / 4]);
    eprintln!("{words}: {:.3} (half of the pairs from {low:.3} to {high:.3})", median(&ratios));
    let micros = |run: &Run| run.processor.as_secs_f64() * 1e6;
    let [left, right] =
        [sorted(&pairs, |(left, _)| micros(left)), sorted(&pairs, |(_, right)| micros(right))];
    eprintln!(
        "  the client's processor: {:.1} to {:.1} µs a request",
        median(&left),
        median(&right)
    );
}

fn sorted(pairs: &[(Run, Run)], figure: impl Fn(&(Run, Run)) -> f64) -> Vec<f64> {
    let mut figures: Vec<f64> = pairs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures
}

fn median(sorted: &[f64]) -> f64 {
    f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2])
}

async fn timed(run: &impl AsyncFn() -> f64) -> Run {
    let before = processor_time();
    let throughput = run().await;
    Run { throughput, processor: processor_time().saturating_sub(before) / REQUESTS }
}

/// This program's, and that of the programs that it has run and that are over (proc(5), `utime` to
/// `cstime`). Zero where there is no such file.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let times = after_name.split_whitespace().skip(11).take(4);
    TICK * times.map(|ticks| ticks.parse::<u32>().unwrap_or(0)).sum()
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
