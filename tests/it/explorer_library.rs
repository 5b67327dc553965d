//! Every scenario of the library is explored at the levels that it names: what its `--> explore:`
//! lines say can come of it does, and no anomaly comes of which they say nothing.

use std::fmt::Write as _;
use std::sync::Arc;

use overbooked::core::scenario::EngineKind;
use overbooked::core::scenario::library::{ENTRIES, Entry};
use overbooked::explorer::expected::Expected;
use overbooked::explorer::exploration::{Exploration, Options, explore_scenario};
use overbooked::explorer::report;
use overbooked::run::Production;
use overbooked::run::engines::Engines;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use crate::support;

/// Scenarios of more orders are explored as far as this.
const BUDGET: u64 = 3_000;

#[tokio::test]
async fn the_first_half_comes_to_what_its_files_say() {
    come_to_what_they_say(&ENTRIES[..ENTRIES.len() / 2]).await;
}

#[tokio::test]
async fn the_second_half_comes_to_what_its_files_say() {
    come_to_what_they_say(&ENTRIES[ENTRIES.len() / 2..]).await;
}

async fn come_to_what_they_say(entries: &[Entry]) {
    let engines = Engines::embedded(support::cluster_options());
    let mut wrong = String::new();
    let of_sql = |entry: &&Entry| entry.scenario().unwrap().etcd_sessions().is_empty();
    for entry in entries.iter().filter(of_sql) {
        for production in productions(entry) {
            match explored(&engines, &production).await {
                Ok(exploration) if Expected::of(&exploration).is_kept() => {}
                Ok(exploration) => wrong += &report::text(&exploration),
                Err(error) => writeln!(wrong, "{}: {error}", entry.name).unwrap(),
            }
        }
    }
    engines.stop().await.unwrap();
    assert!(wrong.is_empty(), "{wrong}");
}

async fn explored(engines: &Engines, production: &Production) -> Result<Exploration, String> {
    let (news, _) = unbounded_channel();
    let options = Options { budget: Some(BUDGET), repeat: 1, ..Options::default() };
    let stop = CancellationToken::new();
    let explored = explore_scenario(engines, production, options, &news, &stop).await;
    explored.map_err(|error| error.to_string())
}

/// A scenario on each engine that it is for, at each level that it names.
fn productions(entry: &Entry) -> Vec<Production> {
    let scenario = Arc::new(entry.scenario().unwrap());
    let engines = [EngineKind::Postgres, EngineKind::Optimistic].into_iter();
    let mut all = Vec::new();
    for engine in engines.filter(|engine| scenario.is_for(*engine)) {
        all.extend(support::levels_on(&scenario, engine).into_iter().map(|isolation| Production {
            schedule: Arc::new(scenario.schedules.first()),
            scenario: Arc::clone(&scenario),
            engine,
            isolation,
        }));
    }
    all
}
