//! The isolation suite: `overbooked spec` and `pg_isolation_regress` over the same specifications
//! on the same server.
//!
//! `OVERBOOKED_ISOLATION` (or `../shared/isolation`) is the folder with PostgreSQL's `specs`,
//! `expected` and `schedule`; the peer comes with PostgreSQL's server development package. Each
//! round gives both a fresh database; the best round of each counts. Both are sequential here:
//! without `--url`, `overbooked spec` also plays side by side, which is told as a third figure.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use overbooked::cluster::{Cluster, ClusterOptions, SUPERUSER};

const ROUNDS: usize = 3;
const PEER: &str = "lib/pgxs/src/test/isolation/pg_isolation_regress";
const DATABASE: &str = "isolation_regression";

#[tokio::main]
async fn main() {
    let (Some(suite), Some(peer)) = (suite(), peer()) else {
        say("skipped: this takes PostgreSQL's isolation suite and pg_isolation_regress\n");
        return;
    };
    let cluster = Cluster::start(&ClusterOptions::default(), &|_| {}).await.expect("a server");
    let (mut ours, mut theirs, mut abreast) = (Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        theirs = theirs.min(regress(&peer, &suite, &cluster));
        fresh_database(&cluster);
        ours = ours.min(overbooked(&suite, &["--url", &url(&cluster)]));
        abreast = abreast.min(overbooked(&suite, &[]));
    }
    report(ours, theirs, abreast);
    cluster.stop().await.expect("the server stops");
}

fn suite() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join("shared/isolation");
    let named = std::env::var_os("OVERBOOKED_ISOLATION").map(PathBuf::from);
    named.or(Some(beside)).filter(|folder| folder.is_dir())
}

/// The newest peer among Debian's packages.
fn peer() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    versions.map(|version| version.path().join(PEER)).filter(|path| path.exists()).max()
}

fn names(suite: &Path) -> Vec<String> {
    let schedule = fs::read_to_string(suite.join("schedule")).expect("a schedule");
    schedule.lines().map(str::to_owned).collect()
}

fn url(cluster: &Cluster) -> String {
    let (host, port) = (cluster.folder().display(), cluster.port());
    format!("host={host} port={port} user={SUPERUSER} dbname={DATABASE}")
}

fn fresh_database(cluster: &Cluster) {
    for sql in
        [format!("drop database if exists {DATABASE}"), format!("create database {DATABASE}")]
    {
        let status = Command::new("psql")
            .args(["-X", "-q", "-d", "postgres", "-U", SUPERUSER, "-c", &sql, "-h"])
            .arg(cluster.folder())
            .args(["-p", &cluster.port().to_string()])
            .stderr(Stdio::null())
            .status()
            .expect("psql on the path");
        assert!(status.success());
    }
}

fn regress(peer: &Path, suite: &Path, cluster: &Cluster) -> Duration {
    let output = tempfile::tempdir().expect("a folder");
    let binaries = cluster_binaries(peer);
    let begun = Instant::now();
    let status = Command::new(peer)
        .arg(format!("--inputdir={}", suite.display()))
        .arg(format!("--outputdir={}", output.path().display()))
        .arg(format!("--bindir={}", binaries.display()))
        .arg(format!("--host={}", cluster.folder().display()))
        .arg(format!("--port={}", cluster.port()))
        .arg(format!("--user={SUPERUSER}"))
        .args(names(suite))
        .stdout(Stdio::null())
        .status()
        .expect("the peer runs");
    assert!(status.success(), "the peer is content");
    begun.elapsed()
}

/// The peer's `../../../../bin`.
fn cluster_binaries(peer: &Path) -> PathBuf {
    let version = peer.ancestors().nth(6).expect("a folder of a version");
    version.join("bin")
}

fn overbooked(suite: &Path, arguments: &[&str]) -> Duration {
    let output = tempfile::tempdir().expect("a folder");
    let specs = names(suite).into_iter().map(|name| suite.join("specs").join(name + ".spec"));
    let begun = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_overbooked"))
        .arg("spec")
        .args(specs)
        .args(arguments)
        .arg("--output")
        .arg(output.path())
        .status()
        .expect("the program runs");
    assert!(status.success());
    begun.elapsed()
}

fn report(ours: Duration, theirs: Duration, abreast: Duration) {
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    say(&format!(
        "isolation suite, best of {ROUNDS}\n\
         overbooked spec, same server  {ours:>8.2?}\n\
         pg_isolation_regress          {theirs:>8.2?}\n\
         ratio                         {ratio:>8.2}\n\
         overbooked spec, side by side {abreast:>8.2?}\n"
    ));
}

fn say(text: &str) {
    std::io::stdout().write_all(text.as_bytes()).expect("an output");
}
