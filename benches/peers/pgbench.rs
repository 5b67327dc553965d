//! pgbench by several ways to the same server. They take turns, so that whatever else the machine
//! does hits all of them, and what counts is the median of the rounds' ratios: where the system
//! puts so many processes on few processors makes a third of a difference from one round to the
//! next.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use overbooked::cluster::SUPERUSER;

pub(crate) const ROUNDS: usize = 12;
pub(crate) const SECONDS: &str = "2";
const CLIENTS: &str = "4";

pub(crate) const UPDATE: &str = "\\set aid random(1, 100000)\n\
     update pgbench_accounts set abalance = abalance + 1 where aid = :aid;\n";

/// A way to the server: a socket's folder or a host, and the port.
pub(crate) struct Way<'a> {
    pub(crate) name: &'static str,
    pub(crate) host: &'a Path,
    pub(crate) port: u16,
}

/// Measures all of the ways, and compares each with the one of this name.
pub(crate) async fn race(what: &str, ours: &str, ways: &[Way<'_>], workload: &[&str]) {
    let at_ours = ways.iter().position(|way| way.name == ours).expect("ours is one of them");
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
    for (place, way) in ways.iter().enumerate().filter(|(place, _)| *place != at_ours) {
        let ratio = middle(&rounds, |speeds| speeds[at_ours] / speeds[place]);
        say(&format!("  {ours} to {}: {ratio:.2}\n", way.name));
    }
}

pub(crate) fn say(text: &str) {
    std::io::stdout().write_all(text.as_bytes()).expect("an output");
}

fn middle(rounds: &[Vec<f64>], figure: impl Fn(&[f64]) -> f64) -> f64 {
    let mut figures: Vec<f64> = rounds.iter().map(|speeds| figure(speeds)).collect();
    figures.sort_by(f64::total_cmp);
    f64::midpoint(figures[(figures.len() - 1) / 2], figures[figures.len() / 2])
}

/// Runs pgbench on a thread of its own: a gateway may work on this program's others.
pub(crate) async fn pgbench(way: &Way<'_>, arguments: &[&str]) -> String {
    let mut command = Command::new("pgbench");
    command.arg("-h").arg(way.host).args(["-p", &way.port.to_string(), "-U", SUPERUSER]);
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
