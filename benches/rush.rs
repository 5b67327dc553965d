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
use std::sync::LazyLock;
use std::time::Duration;

use clap::Parser;
use futures::stream;
use overbooked::cluster::part::REDIS_SOCKET;
use overbooked::cluster::{Cluster, ClusterOptions, SUPERUSER};
use overbooked::parts::amqp_client::{Amqp, AmqpUrl};
use overbooked::parts::kafka_client::{Brokers, Kafka};
use overbooked::parts::link::Link;
use overbooked::parts::private;
use overbooked::rush::board::{Board, End};
use overbooked::rush::headless::headless;
use overbooked::rush::options::Options;
use overbooked::tui::rush::{Leaving, show};
use overbooked::tui::theme::Theme;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tokio_util::sync::CancellationToken;

const CLIENTS: u32 = 20;
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
    match private::start_rabbitmq().await {
        Ok((server, url)) => {
            let flags = |options| Options { amqp: Some(url.clone()), ..options };
            let ours =
                async || posted(&cluster, flags(queued("rabbit-queue --amqp amqp://b"))).await;
            queues_in_turns("rabbit-queue", ours, async || rabbitmq_alone(&url).await).await;
            server.stop().await.expect("nothing stays");
        }
        Err(error) => eprintln!("rabbit-queue: not measured: {error}"),
    }
    match private::start_kafka().await {
        Ok((server, brokers)) => {
            let flags = |options| Options { kafka: Some(brokers.clone()), ..options };
            let ours = async || posted(&cluster, flags(queued("kafka-queue --kafka b"))).await;
            queues_in_turns("kafka-queue", ours, async || kafka_alone(&brokers).await).await;
            server.stop().await.expect("nothing stays");
        }
        Err(error) => eprintln!("kafka-queue: not measured: {error}"),
    }
    eprintln!("this program's memory at its peak: {}", peak());
    cluster.stop().await.expect("nothing stays");
}

/// How many requests are made, through a part's queue fewer; and how often that is measured. Only
/// the usual sizes are worth telling.
static REQUESTS: LazyLock<u32> = LazyLock::new(|| size("OVERBOOKED_BENCH_REQUESTS", 100_000));
static POSTED: LazyLock<u32> = LazyLock::new(|| *REQUESTS / 5);
static ROUNDS: LazyLock<u32> = LazyLock::new(|| size("OVERBOOKED_BENCH_ROUNDS", 10));
static TURNS: LazyLock<u32> = LazyLock::new(|| ROUNDS.div_ceil(3).min(3));
const QUEUES: u32 = 3;

fn size(variable: &str, usual: u32) -> u32 {
    let given = std::env::var(variable).ok();
    given.map_or(usual, |given| given.parse().expect("a number"))
}

fn queued(strategy: &str) -> Options {
    let flags = format!("rush {strategy} --requests {} --workers {CLIENTS}", *POSTED);
    Typed::parse_from(flags.split(' ')).options
}

async fn posted(cluster: &Cluster, options: Options) -> f64 {
    let done = headless(&options, &cluster.target(), CancellationToken::new()).await;
    throughput(&done.expect("a rush"))
}

/// The rush through a queue beside the queue alone: the same messages from as many senders to as
/// many consumers, without a database.
async fn queues_in_turns(name: &str, ours: impl AsyncFn() -> f64, alone: impl AsyncFn() -> f64) {
    let mut ratios = Vec::new();
    for _ in 0..*TURNS {
        let (ours, alone) = (ours().await, alone().await);
        eprintln!("  {ours:.0} to {alone:.0} a second");
        ratios.push(ours / alone);
    }
    ratios.sort_by(f64::total_cmp);
    eprintln!("{name}, the rush to the queue alone: {:.3}", median(&ratios));
}

/// What a letter of the rush looks like.
const MESSAGE: &[u8] = br#"{"ticket":12345,"passenger":12345,"seat":123,"compartment":1}"#;

async fn rabbitmq_alone(url: &AmqpUrl) -> f64 {
    let amqp = Amqp::new(url, &Link::default());
    let queue = |number: u32| format!("bench.{}", number % QUEUES);
    for number in 0..QUEUES {
        amqp.declare(&queue(number)).await.expect("a queue");
    }
    let begin = std::time::Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let mut publisher = amqp.publisher();
        tasks.spawn(async move {
            for message in 0..*POSTED / CLIENTS {
                publisher.publish(&queue(number + message), MESSAGE).await.expect("confirmed");
            }
        });
    }
    for number in 0..QUEUES {
        let (amqp, expected) = (amqp.clone(), share(number));
        tasks.spawn(async move {
            let mut consuming = amqp.consume(&queue(number)).await.expect("a consumer");
            for _ in 0..expected {
                let (_, receipt) = consuming.next().await.expect("a message").into_parts();
                consuming.acknowledge(&receipt).await.expect("acknowledged");
            }
        });
    }
    tasks.join_all().await;
    let taken = begin.elapsed();
    for number in 0..QUEUES {
        amqp.delete(&queue(number)).await.expect("nothing stays");
    }
    f64::from(*POSTED) / taken.as_secs_f64()
}

/// How many of all messages go into this queue.
fn share(queue: u32) -> u32 {
    let messages = (0..CLIENTS).flat_map(|sender| (0..*POSTED / CLIENTS).map(move |m| sender + m));
    u32::try_from(messages.filter(|message| message % QUEUES == queue).count()).unwrap_or(0)
}

async fn kafka_alone(brokers: &Brokers) -> f64 {
    let open = || Kafka::new(brokers, &Link::default(), "bench");
    open().create(QUEUES).await.expect("a topic");
    let begin = std::time::Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        let mut senders: Vec<Kafka> = (0..QUEUES).map(|_| open()).collect();
        tasks.spawn(async move {
            for message in 0..*POSTED / CLIENTS {
                let partition = (number + message) % QUEUES;
                let sender = &mut senders[partition as usize];
                let produced = sender.produce(partition.cast_signed(), MESSAGE.to_vec());
                produced.await.expect("acknowledged");
            }
        });
    }
    for number in 0..QUEUES {
        let (mut kafka, expected) = (open(), i64::from(share(number)));
        tasks.spawn(async move {
            let mut next = 0;
            while next < expected {
                let fetched = kafka.fetch(number.cast_signed(), next).await.expect("records");
                next = fetched.last().map_or(next, |last| last.offset + 1);
            }
        });
    }
    tasks.join_all().await;
    let taken = begin.elapsed();
    open().delete().await.expect("nothing stays");
    f64::from(*POSTED) / taken.as_secs_f64()
}

/// As the kernel counts it; nothing where it does not.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap_or("unknown").trim().to_owned()
}

/// A call of Redis as the rush makes it, beside one as redis-benchmark makes it: the same command,
/// as many clients, the same server.
async fn holds_in_turns(cluster: &Cluster, redis: &Path) {
    let mut ratios = Vec::new();
    for _ in 0..*ROUNDS {
        let theirs = redis_benchmark(&redis.join(REDIS_SOCKET));
        let ours = redis_hold(cluster, &redis.join(REDIS_SOCKET)).await;
        eprintln!("  {:.3} to {:.3} ms a call", ours * 1e3, theirs * 1e3);
        ratios.push(ours / theirs);
    }
    ratios.sort_by(f64::total_cmp);
    let [low, high] = [1, 3].map(|share| ratios[(ratios.len() - 1) * share / 4]);
    eprintln!(
        "redis-hold, a call of Redis to redis-benchmark's: {:.3} (half of them from {low:.3} to \
         {high:.3})",
        median(&ratios)
    );
}

async fn redis_hold(cluster: &Cluster, socket: &Path) -> f64 {
    let socket = socket.display();
    let flags = format!("rush redis-hold --requests {} --workers {CLIENTS}", *REQUESTS);
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
    for round in 0..*ROUNDS {
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
    let [low, high] = [1, 3].map(|share| ratios[(ratios.len() - 1) * share / 4]);
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
    Run { throughput, processor: processor_time().saturating_sub(before) / *REQUESTS }
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
    let flags = format!("rush {strategy} --requests {} --workers {CLIENTS}", *REQUESTS);
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
    let (clients, each) = (CLIENTS.to_string(), (*REQUESTS / CLIENTS).to_string());
    let arguments = ["-n", "-M", "prepared", "-j", "2", "-c", &clients, "-t", &each, "-f", &script];
    let ran = connection("pgbench").args(arguments).output().expect("pgbench");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = "));
    let number = tps.and_then(|tps| tps.split(' ').next()).and_then(|tps| tps.parse().ok());
    number.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&ran.stderr)))
}
