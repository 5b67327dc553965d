//! With and without reduction the explorer finds the same on a real server: every class, and how
//! many orders come to it.
//!
//! `OVERBOOKED_EXPLORER_ORDERS` says up to how many orders a scenario of the library may have (a
//! random program may have some hundred in any case), `OVERBOOKED_EXPLORER_PROGRAMS` how many
//! random programs are taken.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use overbooked::core::scenario::{EngineKind, Isolation, Scenario, library, sql_file};
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
        // Which of several waiters that are let go on at once is first is the server's choice, and
        // who can be sent next depends on it: then the same orders are not counted twice alike.
        let again = classes(&self.explore(Mode::Every).await);
        if with.keys().all(|it| without.contains_key(it))
            && with.len() == without.len()
            && again != without
        {
            eprintln!("{name}: the server chooses who of several waiters is first");
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

/// Both come at once, and a third looks who was first.
fn queue(looks: &str) -> Scenario {
    let text = format!(
        "-- A queue\n-- sessions: Alice, Bob, Carol\n\n-- setup\n\
         create table queue (who text primary key, nth serial);\n\n\
         -- Alice: comes\ninsert into queue (who) values ('Alice');\n\n\
         -- Bob: comes\ninsert into queue (who) values ('Bob');\n\n\
         -- Carol: looks\n{looks};\n"
    );
    sql_file::parse(&text, Path::new("queue.sql"), "queue").unwrap()
}

async fn explored(engines: &Engines, scenario: Scenario) -> Exploration {
    let scenario = Arc::new(scenario);
    let isolation = Some(Isolation::ReadCommitted);
    let on = On { engines, scenario, engine: EngineKind::Postgres, isolation };
    on.compare().await.unwrap_or_else(|difference| panic!("{difference}"));
    on.explore(Mode::Reduced).await
}

#[tokio::test]
async fn who_was_first_makes_a_class_where_somebody_can_tell_and_nowhere_else() {
    let engines = Engines::embedded(support::cluster_options());
    for (looks, classes, plays) in [
        // Nobody, one of them, or both; however rows are stored, and whatever their numbers are.
        ("select who from queue", 4, 4),
        ("select nth, who from queue", 4, 4),
        // The two may have come in either order, and by their numbers that is seen.
        ("select who from queue order by nth limit 1", 3, 6),
        ("select who from queue where nth = 1", 3, 6),
        ("select who from queue limit 1", 3, 6),
        ("select string_agg(who, ' ' order by nth) from queue", 5, 6),
    ] {
        let found = explored(&engines, queue(looks)).await.found;
        assert_eq!(found.orders, Some(6), "{looks}");
        assert_eq!((found.classes.len(), found.plays), (classes, plays), "{looks}");
    }
    engines.stop().await.unwrap();
}

#[tokio::test]
async fn rows_in_an_order_without_choice_are_compared_in_it() {
    const SEATS: &str = "-- Seats\n-- sessions: Alice, Bob, Carol\n\n-- setup\n\
        create table seats (place text primary key, is_taken bool);\n\
        insert into seats values ('A', false), ('B', false);\n\n\
        -- Alice: takes\nupdate seats set is_taken = true where place = 'A';\n\n\
        -- Alice: gives back\nupdate seats set is_taken = false where place = 'A';\n\n\
        -- Bob: takes\nupdate seats set is_taken = true where place = 'B';\n\n\
        -- Bob: gives back\nupdate seats set is_taken = false where place = 'B';\n\n\
        -- Carol: looks\nselect is_taken from seats order by ORDER;\n";
    let engines = Engines::embedded(support::cluster_options());
    // Of two seats none, one, the other, or both are taken; without the order of places, which of
    // them is nothing that rows could say.
    for (order, classes) in [("place", 4), ("is_taken", 3)] {
        let text = SEATS.replace("ORDER", order);
        let scenario = sql_file::parse(&text, Path::new("seats.sql"), "seats").unwrap();
        let found = explored(&engines, scenario).await.found;
        assert_eq!(found.classes.len(), classes, "{order}");
    }
    engines.stop().await.unwrap();
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
