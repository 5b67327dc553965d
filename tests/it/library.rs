//! Every scenario that comes with the program, played from beginning to end: it does what its file
//! says, its transcript is the same every time, and at every step the rows that matter are on the
//! screen.

use std::sync::Arc;
use std::time::Duration;

use overbooked::core::scenario::library::{self, ENTRIES, Entry};
use overbooked::core::scenario::{EngineKind, Isolation, Scenario};
use overbooked::reports::transcript::{Options, transcript};
use overbooked::run::Production;
use overbooked::run::engines::Engines;
use overbooked::run::headless::{Patience, Played, play};
use tokio_util::sync::CancellationToken;

use crate::{in_sight, support};

/// A step that has not ended by then never will.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn every_scenario_keeps_its_word_on_postgresql() {
    keeps_its_word_on(EngineKind::Postgres).await;
}

#[tokio::test]
async fn every_scenario_keeps_its_word_on_the_optimistic_engine() {
    keeps_its_word_on(EngineKind::Optimistic).await;
}

async fn keeps_its_word_on(engine: EngineKind) {
    let engines = Engines::embedded(support::cluster_options());
    let broken = play_all(&engines, engine).await;
    engines.stop().await.unwrap();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_file_of_the_library_is_compiled_in() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/scenarios");
    let mut files = names(&folder, "");
    for folder_name in ["chubby", "hermitage"] {
        files.extend(names(&folder.join(folder_name), &format!("{folder_name}/")));
    }
    files.sort();
    let mut entries: Vec<String> = ENTRIES.iter().map(|entry| entry.name.to_owned()).collect();
    entries.sort();
    assert_eq!(entries, files);
}

#[test]
fn a_scenario_in_a_folder_is_found_by_its_name() {
    let scenario = library::open("hermitage/g0").unwrap();
    assert_eq!(scenario.title, "G0, dirty write");
}

fn names(folder: &std::path::Path, before: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let scenarios = files.filter(|file| file.extension().is_some_and(|ending| ending == "sql"));
    let name = |file: std::path::PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
    scenarios.map(|file| format!("{before}{}", name(file))).collect()
}

/// Plays what applies to the engine, one after the other, at every level that it is written for;
/// gives what was not as expected.
async fn play_all(engines: &Engines, engine: EngineKind) -> Vec<String> {
    let mut broken = Vec::new();
    for entry in ENTRIES {
        let scenario = Arc::new(entry.scenario().unwrap());
        if !scenario.is_for(engine) || !support::finds_its_etcd(&scenario) {
            continue;
        }
        for level in support::levels_on(&scenario, engine) {
            let patience = Patience::with_steps(STEP_TIMEOUT);
            let production = production(Arc::clone(&scenario), engine, level);
            let played = play(engines, production, patience, &CancellationToken::new()).await;
            let played = played.unwrap();
            let out_of_sight = in_sight::out_of_sight(&played);
            broken.extend(out_of_sight.iter().map(|row| format!("{}: {row}", entry.name)));
            if played.is_kept() {
                compare(entry, engine, &played);
            } else {
                let (breaches, stop) = (&played.breaches, &played.stop);
                let name = format!("{} at {level:?}", entry.name);
                broken.push(format!("{name}: {breaches:#?} {stop:?}\n{}", told(&played)));
            }
        }
    }
    broken
}

fn production(
    scenario: Arc<Scenario>,
    engine: EngineKind,
    isolation: Option<Isolation>,
) -> Production {
    let schedule = Arc::new(scenario.schedules.first());
    Production { scenario, schedule, engine, isolation }
}

fn compare(entry: Entry, engine: EngineKind, played: &Played) {
    let level = match played.scenario.levels.len() {
        0 | 1 => String::new(),
        _ => format!("-{}", played.engine.isolation.as_argument()),
    };
    let name = format!("{engine}-{}{level}", entry.name.replace('/', "-"));
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots/library");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, told(played)));
}

fn told(played: &Played) -> String {
    let roster: Vec<_> =
        played.scenario.sessions.iter().map(|player| player.name.clone()).collect();
    transcript(&played.events, &roster, Options::default())
}
