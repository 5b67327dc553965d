//! The rush beside pgbench: the same server, the same transaction, as many clients, prepared. And
//! beside itself, with its screen drawn.
//!
//! Machines have moods, so the two take turns, and what counts is the median of the ratios. Beside
//! it stands what a request costs the client's processor, which others on the same machine disturb
//! less. Both send one BEGIN, one SELECT, one COMMIT and, while seats are free, one sale; the rush
//! does not wait for the answer to a BEGIN before it looks, and pgbench cannot but wait. `pgbench`
//! and `psql` must be on the path.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use clap::Parser;
use futures::stream;
use overbooked::cluster::part::REDIS_SOCKET;
use overbooked::cluster::{Cluster, ClusterOptions, SUPERUSER};
use overbooked::parts::private;
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
    match private::start_redis().await {
        Ok((server, _)) => {
            holds_in_turns(&cluster, server.folder()).await;
            server.stop().await.expect("nothing stays");
        }
        Err(error) => eprintln!("redis-hold: not measured: {error}"),
    }
    cluster.stop().await.expect("nothing stays");
}

/// A call of Redis as the rush makes it, beside one as redis-benchmark makes it: the same command,
/// as many clients, the same server.
async fn holds_in_turns(cluster: &Cluster, redis: &Path) {
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let theirs = redis_benchmark(&redis.join(REDIS_SOCKET));
        let ours = redis_hold(cluster, &redis.join(REDIS_SOCKET)).await;
        eprintln!("  {:.3} to {:.3} ms a call", ours * 1e3, theirs * 1e3);
        ratios.push(ours / theirs);
    }
    ratios.sort_by(f64::total_cmp);
    let [low, high] = [1, 3].map(|share| ratios[(ROUNDS - 1) * share / 4]);
    eprintln!(
        "redis-hold, a call of Redis to redis-benchmark's: {:.3} (half of them from {low:.3} to \
         {high:.3})",
        median(&ratios)
    );
}

async fn redis_hold(cluster: &Cluster, socket: &Path) -> f64 {
    let socket = socket.display();
    let flags = format!("rush redis-hold --requests {REQUESTS} --workers {CLIENTS}");
    let flags = format!("{flags} --redis unix://{socket}");
    let options = Typed::parse_from(flags.split(' ')).options;
    let done = headless(&options, &cluster.target(), CancellationToken::new()).await;
    match &done.expect("a rush").ended[0].end {
        End::Finished(finished) => finished.figures.mean_call().expect("calls").as_secs_f64(),
        other => panic!("{other:?}"),
    }
}

/// The mean of its latencies, in seconds.
fn redis_benchmark(socket: &Path) -> f64 {
    let (clients, requests) = (CLIENTS.to_string(), REQUESTS.to_string());
    let mut command = Command::new("redis-benchmark");
    command.arg("-s").arg(socket).args(["-c", &clients, "-n", &requests, "-r", "600", "--csv"]);
    command.args(["set", "hold:__rand_int__", "token", "NX", "PX", "2000"]);
    let ran = command.output().expect("redis-benchmark");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let cells = |line: usize| {
        let line = said.lines().nth(line).unwrap_or_default();
        line.trim_matches('"').split("\",\"").map(str::to_owned).collect::<Vec<_>>()
    };
    let at = cells(0).iter().position(|title| title == "avg_latency_ms");
    let mean: Option<f64> = at.and_then(|at| cells(1).get(at)?.parse().ok());
    mean.unwrap_or_else(|| panic!("{said}")) / 1e3
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
