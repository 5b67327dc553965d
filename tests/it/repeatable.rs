//! The same scenario reads the same every time, byte for byte, however busy the machine is: the
//! whole library, and `repeatable/*.sql`, in which the server speaks of what differs from run to
//! run, are played while every core spins.
//!
//! What the first round told is what all the others must tell, as text, as JSON and in the other
//! formats. `OVERBOOKED_ROUNDS=20` plays more rounds than a quick run does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use overbooked::core::scenario::library::{self, ENTRIES};
use overbooked::core::scenario::{EngineKind, Isolation, Scenario};
use overbooked::reports::report::{Format, PlayReport};
use overbooked::reports::transcript::{Options, transcript};
use overbooked::run::Production;
use overbooked::run::engines::Engines;
use overbooked::run::headless::{Patience, Played, play};
use tokio_util::sync::CancellationToken;

use crate::releases::is_after_may_2026;
use crate::support;

/// A step that has not ended by then never will, on a machine as busy as this.
const STEP_TIMEOUT: Duration = Duration::from_mins(1);

/// Keeps every core busy for as long as it lives.
struct BusyMachine {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl BusyMachine {
    fn start() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let spin = |_| {
            let is_over = Arc::clone(&is_over);
            std::thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        let threads = (0..cores).map(spin).collect();
        Self { is_over, threads }
    }
}

impl Drop for BusyMachine {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

#[test]
fn private_servers_tell_the_same_every_time() {
    tell_the_same_every_time(Servers::Private, &[EngineKind::Postgres, EngineKind::Optimistic]);
}

#[test]
fn servers_of_somebodys_tell_the_same_every_time() {
    tell_the_same_every_time(Servers::Somebodys, &[EngineKind::Postgres]);
}

/// Whose servers are played on.
#[derive(Clone, Copy)]
enum Servers {
    Private,
    Somebodys,
}

/// How many servers are played on side by side. Numbers that the server gives differ between them
/// as they do between rounds.
const LANES: usize = 3;

/// A scenario on an engine, at a level if it says that it is for several.
type Play = (Arc<Scenario>, EngineKind, Option<Isolation>);

/// What there is to play, and what was told first.
struct Rounds {
    plays: Vec<Play>,
    next: AtomicUsize,
    first: Mutex<BTreeMap<String, String>>,
    differences: Mutex<Vec<String>>,
}

fn tell_the_same_every_time(servers: Servers, engines: &[EngineKind]) {
    let programme = programme(engines);
    let rounds = Rounds {
        plays: std::iter::repeat_n(programme, rounds()).flatten().collect(),
        next: AtomicUsize::new(0),
        first: Mutex::default(),
        differences: Mutex::default(),
    };
    let busy = BusyMachine::start();
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| lane(servers, &rounds));
        }
    });
    drop(busy);
    let differences = rounds.differences.into_inner().unwrap();
    assert!(differences.is_empty(), "{} differ\n{}", differences.len(), differences.join("\n"));
}

/// Plays on one server what nobody else has played yet.
fn lane(servers: Servers, rounds: &Rounds) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match servers {
            Servers::Private => {
                let engines = Engines::embedded(support::cluster_options());
                play_what_is_left(&engines, rounds).await;
                engines.stop().await.unwrap();
            }
            Servers::Somebodys => {
                let cluster = support::start_own().await;
                play_what_is_left(&Engines::at(cluster.target()), rounds).await;
                cluster.stop().await.unwrap();
            }
        }
    });
}

async fn play_what_is_left(engines: &Engines, rounds: &Rounds) {
    while let Some(play) = rounds.plays.get(rounds.next.fetch_add(1, Ordering::Relaxed)) {
        let (scenario, engine, level) = play;
        let name = format!("{} on {engine} at {level:?}", scenario.name);
        let told = told(engines, play.clone()).await;
        let mut first = rounds.first.lock().unwrap();
        let expected = first.entry(name.clone()).or_insert_with(|| told.clone());
        if *expected != told {
            let difference = format!("{name}:\n{}", difference(expected, &told));
            rounds.differences.lock().unwrap().push(difference);
        }
    }
}

fn rounds() -> usize {
    std::env::var("OVERBOOKED_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// What there is to play, each on every engine and at every level that it is for.
/// `OVERBOOKED_SCENARIOS` picks those whose names contain it.
fn programme(engines: &[EngineKind]) -> Vec<Play> {
    let library = ENTRIES.iter().map(|entry| entry.scenario().unwrap());
    let own = files().into_iter().map(|file| library::read(&file).unwrap());
    let all = library.chain(own).map(Arc::new);
    let on_each = |scenario: Arc<Scenario>| {
        let engines = engines.iter().filter(|engine| scenario.is_for(**engine));
        let at_each = |&engine| {
            let levels = support::levels_on(&scenario, engine).into_iter();
            levels.map(|level| (Arc::clone(&scenario), engine, level)).collect::<Vec<_>>()
        };
        engines.flat_map(at_each).collect::<Vec<_>>()
    };
    let picked = std::env::var("OVERBOOKED_SCENARIOS").unwrap_or_default();
    let is_picked = |scenario: &Arc<Scenario>| {
        scenario.name.contains(&picked) && support::finds_its_etcd(scenario)
    };
    all.filter(is_picked).flat_map(on_each).collect()
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/repeatable");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    files
}

/// What is told of what differs from run to run.
#[tokio::test]
async fn what_differs_from_run_to_run_is_told_by_name() {
    let engines = Engines::embedded(support::cluster_options());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/repeatable");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for file in files() {
        let scenario = Arc::new(library::read(&file).unwrap());
        let engine = scenario.first_engine();
        let name = scenario.name.clone();
        if name == "types-and-functions" && !is_after_may_2026(support::server().version()) {
            eprintln!("{name} is left out: this PostgreSQL locks neither types nor functions");
            continue;
        }
        let played = played(&engines, (scenario, engine, None)).await;
        let roster: Vec<_> =
            played.scenario.sessions.iter().map(|player| player.name.clone()).collect();
        assert!(played.is_kept(), "{name}: {:#?} {:?}", played.breaches, played.stop);
        let text = transcript(&played.events, &roster, Options::default());
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
    engines.stop().await.unwrap();
}

/// A play in every format that has no times in it.
async fn told(engines: &Engines, play: Play) -> String {
    let played = played(engines, play).await;
    let formats = [Format::Text, Format::Json, Format::Markdown, Format::Mermaid];
    formats.map(|format| rendered(&played, format)).concat()
}

async fn played(engines: &Engines, (scenario, engine, isolation): Play) -> Played {
    let schedule = Arc::new(scenario.schedules.first());
    let production = Production { scenario, schedule, engine, isolation };
    let patience = Patience::with_steps(STEP_TIMEOUT);
    play(engines, production, patience, &CancellationToken::new()).await.unwrap()
}

fn rendered(played: &Played, format: Format) -> String {
    let report = PlayReport {
        scenario: &played.scenario,
        schedule: &played.schedule,
        engine: &played.engine.product,
        events: &played.events,
        breaches: &played.breaches,
        stop: played.stop.as_ref().map(|_| "stopped"),
        options: Options::default(),
    };
    report.render(format)
}

/// The first place where they part, with what stands around it.
fn difference(expected: &str, told: &str) -> String {
    let (expected, told): (Vec<&str>, Vec<&str>) =
        (expected.lines().collect(), told.lines().collect());
    let same = expected.iter().zip(&told).take_while(|(first, now)| first == now).count();
    let lines = |lines: &[&str], sign: &str| {
        let signed: Vec<String> = lines.iter().map(|line| format!("{sign} {line}")).collect();
        signed.join("\n") + "\n"
    };
    let after = |of: &[&str], sign: &str| lines(&of[same..of.len().min(same + 6)], sign);
    let before = lines(&expected[same.saturating_sub(6)..same], " ");
    before + &after(&expected, "-") + &after(&told, "+")
}
