//! The explorer, in four comparisons; `cargo bench --bench explorer -- library` runs one of them:
//!
//! - **orders**: orders a second beside isolationtester on the same orders, where nobody waits. The
//!   goal is 200 a second on two sessions of four steps.
//! - **buyers**: three buyers of one ticket, all classes of 34,650 orders. The goal is to play less
//!   than a twentieth of them. Beside it frontrun (`PyPI`, 0.7) on the same race, for so many
//!   minutes as `OVERBOOKED_FRONTRUN_MINUTES` says.
//! - **library**: for each scenario at its first level, how many of its orders are played.
//! - **sample**: how much memory a sample takes, over a program of 2.7 million orders on the server
//!   and over one of a million million by itself. It is the same for any number of orders.
//!
//! isolationtester comes with PostgreSQL's server development package. `OVERBOOKED_PYTHON` names a
//! Python with `psycopg`, `frontrun`, `sqlglot` and `dill`. What is missing is left out, and said.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use overbooked::cluster::{Cluster, ClusterOptions, SUPERUSER};
use overbooked::core::scenario::{EngineKind, Isolation, Scenario, library, spec_file};
use overbooked::explorer::effects::Effects;
use overbooked::explorer::exploration::{Exploration, Options, explore_scenario};
use overbooked::explorer::played::{Guide as _, Launched, Played, Player as _};
use overbooked::explorer::player::{Manner, Players, SessionPlayer};
use overbooked::explorer::program::Program;
use overbooked::explorer::search::{Mode, Next, Search};
use overbooked::run::Production;
use overbooked::run::engines::Engines;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

const PEER: &str = "lib/pgxs/src/test/isolation/isolationtester";
const ROUNDS: usize = 3;
const WORKERS: usize = 2;
const SAMPLE: u64 = 1_000_000;
/// So many of a sample are played on the server, at first and then.
const SAMPLES: [u64; 2] = [2_000, 20_000];
/// A scenario of the library that would play more is left at that.
const BUDGET: u64 = 3_000;
/// How long frontrun may take, in minutes, unless told otherwise.
const FRONTRUN_MINUTES: u64 = 2;
/// How `timeout` ends when the time is over.
const TIMED_OUT: i32 = 124;

#[tokio::main]
async fn main() {
    let engines = Engines::embedded(ClusterOptions::default());
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|it| it == part);
    let options = ClusterOptions { listen_tcp: Some(free_port()), ..ClusterOptions::default() };
    let cluster = Cluster::start(&options, &|_| {}).await.expect("a server");
    if is_wanted("orders") {
        say(&format!("every order, where nobody waits, best of {ROUNDS}\n"));
        for (sessions, steps) in [(2, 4), (3, 3)] {
            beside_isolationtester(&engines, &cluster, sessions, steps).await;
        }
    }
    if is_wanted("buyers") {
        three_buyers(&engines).await;
        frontrun(&cluster);
    }
    if is_wanted("library") {
        Box::pin(library_scenarios(&engines)).await;
    }
    if is_wanted("sample") {
        sample_on_the_server(&engines).await;
        sample();
    }
    cluster.stop().await.expect("the server stops");
    engines.stop().await.expect("the servers stop");
}

/// Each session reads its row, changes it and reads it again.
fn specification(sessions: usize, steps: usize) -> String {
    let rows = format!("insert into t select n, 0 from generate_series(0, {sessions}) n;");
    let mut text = format!(
        "setup {{ create table t (id int primary key, v int); {rows} }}\n\
         teardown {{ drop table t; }}\n"
    );
    for session in 0..sessions {
        let _ = writeln!(text, "session s{session}");
        for step in 0..steps {
            let sql = match step {
                0 => "begin".to_owned(),
                1 => format!("select v from t where id = {session}"),
                _ if step + 1 < steps => format!("update t set v = v + 1 where id = {session}"),
                _ => "commit".to_owned(),
            };
            let _ = writeln!(text, "step s{session}_{step} {{ {sql}; }}");
        }
    }
    text
}

async fn beside_isolationtester(
    engines: &Engines,
    cluster: &Cluster,
    sessions: usize,
    steps: usize,
) {
    let text = specification(sessions, steps);
    let scenario = spec_file::parse(&text, Path::new("orders.spec"), "orders").expect("it is one");
    let orders = Program::of(&scenario).orders().expect("they can be counted");
    let production = production(scenario, Isolation::ReadCommitted);
    let players = Players::prepare(engines, &production, Manner::default(), WORKERS).await;
    let mut players = players.expect("players");
    let program = Program::of(&production.scenario);
    let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        ours = ours.min(play_every(&mut players.players, &program, orders).await);
        if let Some(peer) = peer() {
            theirs = theirs.min(isolationtester(&peer, cluster, &text, orders));
        }
    }
    players.close().await.expect("they leave");
    say(&format!("{sessions} sessions of {steps} steps, {orders} orders\n"));
    say(&line("overbooked, two players", ours, orders));
    if peer().is_some() {
        say(&line("isolationtester", theirs, orders));
    } else {
        say("  isolationtester is not installed: left out\n");
    }
}

fn line(who: &str, taken: Duration, orders: u64) -> String {
    let rate = f64::from(u32::try_from(orders).unwrap_or(u32::MAX)) / taken.as_secs_f64();
    format!("  {who:<26}{taken:>9.2?}{rate:>9.0} orders a second\n")
}

fn production(scenario: Scenario, isolation: Isolation) -> Production {
    let scenario = Arc::new(scenario);
    let schedule = Arc::new(scenario.schedules.first());
    Production { schedule, engine: EngineKind::Postgres, isolation: Some(isolation), scenario }
}

async fn play_every(players: &mut [SessionPlayer], program: &Program, orders: u64) -> Duration {
    let effects: Vec<Vec<Effects>> =
        program.sessions.iter().map(|own| vec![Effects::default(); own.len()]).collect();
    let search = Mutex::new(Search::new(&effects, Mode::Every, None));
    let begun = Instant::now();
    futures::future::join_all(players.iter_mut().map(|player| work(player, &search))).await;
    let taken = begun.elapsed();
    let coverage = search.lock().expect("no worker has panicked").coverage();
    assert_eq!((coverage.played, coverage.is_finished), (orders, true));
    taken
}

async fn work(player: &mut SessionPlayer, search: &Mutex<Search>) {
    loop {
        let next = search.lock().expect("no worker has panicked").next_order();
        match next {
            Next::Play(mut order) => {
                let played = player.play(&mut *order).await.expect("it can be played");
                search.lock().expect("no worker has panicked").played(*order, &played);
            }
            Next::Wait => tokio::task::yield_now().await,
            Next::Done => return,
        }
    }
}

/// The newest among Debian's packages.
fn peer() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    versions.map(|version| version.path().join(PEER)).filter(|path| path.exists()).max()
}

fn isolationtester(peer: &Path, cluster: &Cluster, text: &str, orders: u64) -> Duration {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(text.as_bytes()).expect("it is written");
    std::io::Seek::rewind(&mut file).expect("it is read again");
    let begun = Instant::now();
    let output = Command::new(peer).arg(url(cluster)).stdin(file).output().expect("it runs");
    let taken = begun.elapsed();
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(told.matches("starting permutation").count() as u64, orders, "{output:?}");
    taken
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn url(cluster: &Cluster) -> String {
    format!("host=127.0.0.1 port={} user={SUPERUSER} dbname=postgres", cluster.port())
}

async fn three_buyers(engines: &Engines) {
    let scenario = library::open("three-buyers").expect("it is in the library");
    let orders = Program::of(&scenario).orders().expect("they can be counted");
    say(&format!("\nthree buyers of one ticket, {orders} orders\n"));
    for isolation in [Isolation::ReadCommitted, Isolation::RepeatableRead, Isolation::Serializable]
    {
        let production = production(scenario.clone(), isolation);
        let options = Options { mode: Mode::Reduced, repeat: 0, ..Options::default() };
        let found = explored(engines, &production, options).await;
        say(&format!(
            "  overbooked, {:<18}{:>9.2?}   {} played, {} broken off, {} classes\n",
            isolation.as_sql(),
            found.took,
            found.coverage.played,
            found.coverage.broken_off,
            found.found.classes.len(),
        ));
    }
}

async fn explored(engines: &Engines, production: &Production, options: Options) -> Exploration {
    let (news, _) = unbounded_channel();
    let stop = CancellationToken::new();
    let found = explore_scenario(engines, production, options, &news, &stop).await;
    found.expect("it is explored")
}

async fn library_scenarios(engines: &Engines) {
    say("\norders played, of all that are possible, at each scenario's first level\n");
    for entry in library::ENTRIES {
        let scenario = entry.scenario().expect("it is in the library");
        let isolation = scenario.levels.first().copied().unwrap_or(Isolation::ReadCommitted);
        let engine = scenario.first_engine();
        let production = Production { engine, ..production(scenario, isolation) };
        let options = Options { budget: Some(BUDGET), repeat: 0, ..Options::default() };
        let found = explored(engines, &production, options).await;
        let known = found.found.orders.filter(|_| found.found.is_complete);
        let possible = known.map_or_else(|| "?".to_owned(), |orders| orders.to_string());
        let orders = found.program.orders().map_or_else(|| "many".to_owned(), |it| it.to_string());
        say(&format!(
            "  {:<30}{:>7} of {possible:>7} ({orders} orders) {:>4} classes {:>9.2?}  {}\n",
            entry.name,
            found.coverage.played,
            found.found.classes.len(),
            found.took,
            found.level.as_sql(),
        ));
    }
}

fn frontrun(cluster: &Cluster) {
    let python = std::env::var("OVERBOOKED_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut import = Command::new(&python);
    import.args(["-c", "import frontrun, psycopg, sqlglot, dill"]).stderr(Stdio::null());
    if !import.status().is_ok_and(|status| status.success()) {
        return say("  frontrun is not installed: left out (OVERBOOKED_PYTHON)\n");
    }
    let create = "create table sales (buyer text primary key)";
    let psql = Command::new("psql").args(["-X", "-q", "-c", create, &url(cluster)]).status();
    assert!(psql.expect("psql on the path").success());
    let counted = tempfile::NamedTempFile::new().expect("a file");
    let minutes = std::env::var("OVERBOOKED_FRONTRUN_MINUTES").ok();
    let minutes: u64 = minutes.and_then(|text| text.parse().ok()).unwrap_or(FRONTRUN_MINUTES);
    // It ends the workers as well, which are processes, too.
    let mut command = Command::new("timeout");
    command.args([&format!("{minutes}m"), &python, "benches/explorer/buyers.py"]);
    command.arg(url(cluster)).arg(counted.path()).stdout(Stdio::null());
    let begun = Instant::now();
    let status = match command.status().expect("it runs").code() {
        Some(0) => "all of it",
        Some(TIMED_OUT) => "not finished",
        other => panic!("frontrun ended with {other:?}"),
    };
    let taken = begun.elapsed();
    let executions = fs::metadata(counted.path()).map_or(0, |file| file.len());
    let rate = f64::from(u32::try_from(executions).unwrap_or(u32::MAX)) / taken.as_secs_f64();
    say(&format!(
        "  frontrun, read committed      {taken:>9.2?}   {executions} executions, {status}, \
         {rate:.1} a second\n"
    ));
}

/// All of it, with sessions, classes and verdicts: whether a sample of ten times as many orders
/// takes more.
async fn sample_on_the_server(engines: &Engines) {
    let text = specification(2, 12);
    let scenario = spec_file::parse(&text, Path::new("long.spec"), "long").expect("it is one");
    let orders = Program::of(&scenario).orders().expect("they can be counted");
    say(&format!("\na sample of {orders} orders, on the server\n"));
    for sample in SAMPLES {
        let production = production(scenario.clone(), Isolation::ReadCommitted);
        let mode = Mode::Sample { orders: sample, seed: 1 };
        let options = Options { mode, repeat: 0, ..Options::default() };
        let before = resident();
        let found = explored(engines, &production, options).await;
        let more = resident().saturating_sub(before);
        say(&format!(
            "  {sample:>7} orders{:>9.2?}   {} classes, {} KiB, {more} KiB more than before\n",
            found.took,
            found.found.classes.len(),
            resident(),
        ));
    }
}

/// Nothing is kept of an order but its class.
fn sample() {
    let effects = vec![vec![Effects::default(); 10]; 3];
    let mode = Mode::Sample { orders: SAMPLE, seed: 1 };
    let mut search = Search::new(&effects, mode, None);
    let before = resident();
    let begun = Instant::now();
    while let Next::Play(mut order) = search.next_order() {
        let mut played = Played::default();
        let mut sent = [0; 3];
        let free = |sent: &[usize; 3]| (0..3).filter(|it| sent[*it] < 10).collect::<Vec<_>>();
        while let Some(session) = order.next(&played.launches, &free(&sent)) {
            let enabled = free(&sent);
            played.launches.push(Launched { session, step: sent[session], enabled, answer: None });
            sent[session] += 1;
            if free(&sent).is_empty() {
                break;
            }
        }
        search.played(*order, &played);
    }
    let taken = begun.elapsed();
    let more = resident().saturating_sub(before);
    say(&format!("\na sample of {SAMPLE} orders, by itself{taken:>9.2?}   {more} KiB more\n"));
}

/// How much memory the program takes, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn say(text: &str) {
    std::io::stdout().write_all(text.as_bytes()).expect("an output");
}
