//! What a scenario costs: twelve steps of three sessions, none of which waits, from the first step
//! sent to the quiet after the last, and the same twelve statements through psql on one connection.
//!
//! Both do their rounds in turn against the same server, so that whatever else the machine does
//! hits both; the median counts. Of psql, what it takes to run nothing is left out.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use overbooked::cluster::{Cluster, ClusterOptions, SUPERUSER};
use overbooked::core::event::Kind;
use overbooked::core::scenario::{EngineKind, library};
use overbooked::pg::Target;
use overbooked::run::Production;
use overbooked::run::engines::Engines;
use overbooked::run::headless::{Patience, Played, play};

const ROUNDS: usize = 21;
const STEP_TIMEOUT: Duration = Duration::from_secs(30);
const SETUP: &str = "create table seats (seat int primary key, holder text);\n\
    insert into seats values (1), (2), (3);\n";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let cluster = Cluster::start(&ClusterOptions::default(), &|_| {}).await.expect("a server");
    let target = Target::unix(cluster.folder(), cluster.port(), SUPERUSER, "postgres");
    let folder = tempfile::tempdir().expect("a folder");
    let (scenario, script) = (folder.path().join("twelve.sql"), folder.path().join("psql.sql"));
    std::fs::write(&scenario, scenario_file()).expect("a file");
    std::fs::write(&script, steps().map(|(_, sql)| sql).collect::<String>()).expect("a file");
    psql(&cluster, &["-c", SETUP]);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(played(&target, &scenario).await);
        theirs.push(psql_file(&cluster, &script));
    }
    report(median(ours), median(theirs));
    cluster.stop().await.expect("the server stops");
}

/// Whose turn it is, and with what.
fn steps() -> impl Iterator<Item = (&'static str, String)> {
    ["Alice", "Bob", "Mallory"].into_iter().enumerate().flat_map(|(place, name)| {
        let seat = place + 1;
        let sql = [
            "begin;\n".to_owned(),
            format!("select holder from seats where seat = {seat} for update;\n"),
            format!("update seats set holder = '{name}' where seat = {seat};\n"),
            "commit;\n".to_owned(),
        ];
        sql.map(|sql| (name, sql))
    })
}

fn scenario_file() -> String {
    let steps = steps().map(|(name, sql)| format!("\n-- {name}: takes a turn\n{sql}"));
    format!(
        "-- Twelve steps\n--\n-- Three passengers, three seats.\n--\n\
         -- sessions: Alice, Bob, Mallory\n\n-- setup\n{SETUP}{}",
        steps.collect::<String>()
    )
}

async fn played(target: &Target, file: &Path) -> Duration {
    let name = file.to_str().expect("a plain path");
    let scenario = Arc::new(library::open(name).expect("a scenario"));
    let schedule = Arc::new(scenario.schedules.first());
    let production =
        Production { scenario, schedule, engine: EngineKind::Postgres, isolation: None };
    let engines = Engines::at(target.clone());
    let patience = Patience::with_steps(STEP_TIMEOUT);
    let played = play(&engines, production, patience, &CancellationToken::new()).await;
    taken(&played.expect("it plays"))
}

fn taken(played: &Played) -> Duration {
    assert!(played.is_kept(), "{:?} {:?}", played.stop, played.breaches);
    let is_step = |kind: &Kind| matches!(kind, Kind::Sent { step: Some(_), .. });
    assert_eq!(played.events.iter().filter(|event| is_step(&event.kind)).count(), 12);
    let first = played.events.iter().find(|event| is_step(&event.kind)).expect("a first step");
    let quiet = played.events.iter().rfind(|event| event.kind == Kind::Quiet).expect("a quiet end");
    quiet.at.saturating_sub(first.at)
}

fn psql_file(cluster: &Cluster, script: &Path) -> Duration {
    let script = script.to_str().expect("a plain path");
    psql(cluster, &["-f", script]).saturating_sub(psql(cluster, &["-f", "/dev/null"]))
}

fn psql(cluster: &Cluster, arguments: &[&str]) -> Duration {
    let begun = Instant::now();
    let status = Command::new("psql")
        .args(["-X", "-q", "-d", "postgres", "-U", SUPERUSER, "-h"])
        .arg(cluster.folder())
        .args(["-p", &cluster.port().to_string()])
        .args(arguments)
        .stdout(Stdio::null())
        .status()
        .expect("psql on the path");
    assert!(status.success());
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn report(ours: Duration, theirs: Duration) {
    let text = format!(
        "12 steps, median of {ROUNDS}\nscenario {ours:>10.1?}   (limit 30 ms)\n\
         psql     {theirs:>10.1?}\n"
    );
    std::io::stdout().write_all(text.as_bytes()).expect("an output");
}
