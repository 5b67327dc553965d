//! The page about scenario files: each of its examples is played, on every engine that it is for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use overbooked::core::scenario::{EngineKind, Isolation, Scenario, sql_file};
use overbooked::reports::transcript::{Options, transcript};
use overbooked::run::Production;
use overbooked::run::engines::Engines;
use overbooked::run::headless::{Patience, play};
use tokio_util::sync::CancellationToken;

use crate::support;

const PAGE: &str = include_str!("../../docs/scenarios.md");

pub(crate) fn examples() -> Vec<Scenario> {
    let blocks = PAGE.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next());
    let read = |text: &str| sql_file::parse(text, Path::new("scenarios.md"), "an example").unwrap();
    let examples: Vec<Scenario> = blocks.map(read).collect();
    assert!(examples.len() > 5, "the page has its examples");
    examples
}

/// What was not as the example says.
async fn reproach(
    engines: &Engines,
    scenario: Scenario,
    engine: EngineKind,
    isolation: Option<Isolation>,
) -> Option<String> {
    let schedule = Arc::new(scenario.schedules.first());
    let production = Production { scenario: Arc::new(scenario), schedule, engine, isolation };
    let patience = Patience::with_steps(Duration::from_secs(30));
    let played = play(engines, production, patience, &CancellationToken::new()).await.unwrap();
    let roster: Vec<_> = played.scenario.sessions.iter().map(|it| it.name.clone()).collect();
    let told = transcript(&played.events, &roster, Options::default());
    let (title, breaches, stop) = (&played.scenario.title, &played.breaches, &played.stop);
    let place = format!("{title} on {engine} at {isolation:?}");
    (!played.is_kept()).then(|| format!("{place}: {breaches:#?} {stop:?}\n{told}"))
}

#[tokio::test]
async fn every_example_does_what_it_says() {
    let engines = Engines::embedded(support::cluster_options());
    let mut broken = Vec::new();
    for scenario in examples() {
        for engine in [EngineKind::Postgres, EngineKind::Optimistic] {
            if !scenario.is_for(engine) {
                continue;
            }
            for level in support::levels_on(&scenario, engine) {
                broken.extend(reproach(&engines, scenario.clone(), engine, level).await);
            }
        }
    }
    engines.stop().await.unwrap();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn one_example_is_written_for_several_levels() {
    let several = |it: &Scenario| it.levels == Isolation::ALL;
    assert!(examples().iter().any(several));
}
