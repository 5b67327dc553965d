//! With and without reduction the explorer finds the same on a real server: every class, and how
//! many orders come to it.
//!
//! `OVERBOOKED_EXPLORER_ORDERS` says up to how many orders a scenario of the library may have (a
//! random program may have some hundred in any case), `OVERBOOKED_EXPLORER_PROGRAMS` how many
//! random programs are taken.

use std::collections::HashMap;
use std::sync::Arc;

use overbooked::core::scenario::{EngineKind, Isolation, Scenario, library};
use overbooked::explorer::exploration::{Exploration, Options, explore_scenario};
use overbooked::explorer::outcome::Outcome;
use overbooked::explorer::program::Program;
use overbooked::explorer::search::Mode;
use overbooked::run::Production;
use overbooked::run::engines::Engines;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use crate::explorer_real::{every_program, number, scenario};
use crate::support;

/// A random program of more orders is passed over.
const MOST_ORDERS: u32 = 300;

/// For each class how many orders come to it.
type Classes = HashMap<Outcome, u64>;

/// What a scenario is explored with, beside the mode.
struct On<'a> {
    engines: &'a Engines,
    scenario: Arc<Scenario>,
    engine: EngineKind,
    isolation: Option<Isolation>,
}

impl On<'_> {
    async fn explore(&self, mode: Mode) -> Exploration {
        let scenario = Arc::clone(&self.scenario);
        let schedule = Arc::new(scenario.schedules.first());
        let (engine, isolation) = (self.engine, self.isolation);
        let production = Production { schedule, engine, isolation, scenario };
        let options = Options { mode, repeat: 0, ..Options::default() };
        let (news, _) = unbounded_channel();
        let stop = CancellationToken::new();
        explore_scenario(self.engines, &production, options, &news, &stop).await.unwrap()
    }

    /// Fails where reduction changes what is found; tells how much it has left out.
    async fn compare(&self) -> Result<(), String> {
        let every = self.explore(Mode::Every).await;
        let reduced = self.explore(Mode::Reduced).await;
        let (name, level) = (&self.scenario.name, every.level);
        eprintln!(
            "{name} on {:?}, {level:?}: {} of {} orders played, {} broken off, {} classes{}",
            self.engine,
            reduced.coverage.played,
            every.coverage.played,
            reduced.coverage.broken_off,
            every.found.classes.len(),
            reduced.notes.iter().flat_map(|note| ["; ", note]).collect::<String>(),
        );
        let (with, without) = (classes(&reduced), classes(&every));
        if with == without {
            return Ok(());
        }
        Err(format!("{name} at {level:?}: {}", difference(&with, &without)))
    }
}

fn classes(found: &Exploration) -> Classes {
    let classes = found.found.classes.iter().map(|it| &it.class);
    classes.map(|class| (class.outcome.clone(), class.orders.unwrap())).collect()
}

fn difference(with: &Classes, without: &Classes) -> String {
    let only = |title: &str, ones: &Classes, others: &Classes| {
        let ones = ones.iter().filter(|(outcome, orders)| others.get(*outcome) != Some(orders));
        let told =
            ones.map(|(outcome, orders)| format!("{title}, {orders} orders: {outcome:#?}\n"));
        told.collect::<Vec<_>>().concat()
    };
    let sides: [String; 2] = [only("with", with, without), only("without", without, with)];
    sides.concat()
}

#[tokio::test]
async fn random_programs_come_to_the_same_with_reduction_and_without() {
    let engines = Engines::embedded(support::cluster_options());
    let most = u64::from(number("OVERBOOKED_EXPLORER_ORDERS", 0).max(MOST_ORDERS));
    let small = every_program().map(|model| (Arc::new(scenario(&model)), model));
    let small = small.filter(|(it, _)| Program::of(it).orders().is_some_and(|n| n <= most));
    let programs = small.take(number("OVERBOOKED_EXPLORER_PROGRAMS", 5) as usize);
    for (place, (scenario, model)) in programs.enumerate() {
        let isolation = Some(Isolation::ReadCommitted);
        let on = On { engines: &engines, scenario, engine: EngineKind::Postgres, isolation };
        if let Err(difference) = on.compare().await {
            panic!("program {place}: {model:#?}\n{difference}");
        }
    }
    engines.stop().await.unwrap();
}

#[tokio::test]
async fn the_library_comes_to_the_same_with_reduction_and_without() {
    let most = u64::from(number("OVERBOOKED_EXPLORER_ORDERS", 20));
    let engines = Engines::embedded(support::cluster_options());
    let mut differences = Vec::new();
    for entry in library::ENTRIES {
        let scenario = Arc::new(entry.scenario().unwrap());
        let is_large = Program::of(&scenario).orders().is_none_or(|orders| orders > most);
        if is_large || !scenario.etcd_sessions().is_empty() {
            continue;
        }
        for isolation in support::levels_on(&scenario, EngineKind::Postgres) {
            let scenario = Arc::clone(&scenario);
            let on = On { engines: &engines, scenario, engine: EngineKind::Postgres, isolation };
            differences.extend(on.compare().await.err());
        }
    }
    engines.stop().await.unwrap();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
