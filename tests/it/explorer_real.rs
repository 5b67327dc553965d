//! Random programs on a real server: what the explorer finds there is what the model finds.
//!
//! How many programs are taken, and which, is told by `OVERBOOKED_EXPLORER_PROGRAMS` and
//! `OVERBOOKED_EXPLORER_SEED`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use overbooked::core::scenario::{EngineKind, Isolation, Scenario, spec_file};
use overbooked::explorer::played::Player;
use overbooked::explorer::player::{Manner, Measured, Players};
use overbooked::explorer::search::{Mode, Next, Search};
use overbooked::run::Production;
use overbooked::run::engines::Engines;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::explorer_model::programs::programs;
use crate::explorer_model::{Model, class, effects};
use crate::support;

/// For each class how many orders come to it.
type Classes = BTreeMap<String, u64>;

pub(crate) fn number(name: &str, otherwise: u8) -> u32 {
    std::env::var(name).map_or(otherwise.into(), |text| text.parse().unwrap())
}

/// So many programs, or as many as are wanted.
pub(crate) fn random_programs(otherwise: u8) -> impl Iterator<Item = Model> {
    every_program().take(number("OVERBOOKED_EXPLORER_PROGRAMS", otherwise) as usize)
}

/// The same programs each time.
pub(crate) fn every_program() -> impl Iterator<Item = Model> {
    let seed = number("OVERBOOKED_EXPLORER_SEED", 1).to_le_bytes().repeat(8);
    let dice = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), dice);
    std::iter::repeat_with(move || programs(true).new_tree(&mut runner).unwrap().current())
}

pub(crate) fn scenario(model: &Model) -> Scenario {
    let mut text = "setup { create table t (id int primary key, v int); }\n".to_owned();
    for (id, value) in &model.rows {
        writeln!(text, "setup {{ insert into t values ({id}, {value}); }}").unwrap();
    }
    text += "teardown { drop table t; }\n";
    for (session, operations) in model.sessions.iter().enumerate() {
        writeln!(text, "session s{session}").unwrap();
        for (step, operation) in operations.iter().enumerate() {
            writeln!(text, "step s{session}_{step} {{ {}; }}", operation.sql()).unwrap();
        }
    }
    spec_file::parse(&text, Path::new("random.spec"), "random").unwrap()
}

async fn explore(player: &mut impl Player, measured: &Measured) -> Classes {
    let mut search = Search::new(&measured.effects(), Mode::Reduced, None);
    let mut version = measured.version();
    let mut classes = Classes::new();
    while let Next::Play(mut order) = search.next_order() {
        let Ok(played) = player.play(&mut *order).await else { panic!("it cannot be played") };
        if measured.version() != version {
            version = measured.version();
            search.restart(&measured.effects());
            classes.clear();
        }
        if let Some(taken) = search.played(*order, &played) {
            *classes.entry(class(&played)).or_insert(0) += taken.orders.unwrap();
        }
    }
    assert!(search.coverage().is_finished, "{:?}", search.coverage());
    assert_eq!(search.coverage().diverged, 0);
    classes
}

/// Every order, played by the model.
fn expect(model: &Model) -> Classes {
    let mut search = Search::new(&effects::of(model), Mode::Every, None);
    let mut classes = Classes::new();
    while let Next::Play(mut order) = search.next_order() {
        let played = model.play_now(&mut *order);
        search.played(*order, &played);
        *classes.entry(class(&played)).or_insert(0) += 1;
    }
    classes
}

async fn prepare(engines: &Engines, model: &Model) -> Players {
    let scenario = Arc::new(scenario(model));
    let schedule = Arc::new(scenario.schedules.first());
    let isolation = Some(Isolation::ReadCommitted);
    let production = Production { schedule, engine: EngineKind::Postgres, isolation, scenario };
    Players::prepare(engines, &production, Manner::default(), 1).await.unwrap()
}

#[tokio::test]
async fn random_programs_come_to_what_the_model_says() {
    let engines = Engines::embedded(support::cluster_options());
    for (place, model) in random_programs(5).enumerate() {
        let expected = expect(&model);
        let mut players = prepare(&engines, &model).await;
        let measured = players.measured.clone();
        let found = explore(&mut players.players[0], &measured).await;
        players.close().await.unwrap();
        assert!(found == expected, "{}", difference(place, &model, &found, &expected));
    }
    engines.stop().await.unwrap();
}

fn difference(place: usize, model: &Model, found: &Classes, expected: &Classes) -> String {
    let mut text = format!("program {place}: {model:#?}\n");
    for (title, ones, others) in [("found", found, expected), ("expected", expected, found)] {
        for (class, orders) in
            ones.iter().filter(|(class, orders)| others.get(*class) != Some(orders))
        {
            writeln!(text, "only {title}, {orders} orders:\n{class}\n").unwrap();
        }
    }
    text
}
