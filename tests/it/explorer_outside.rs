//! Programs that nobody here wrote, explored: every order of their statements, as far as two of
//! them can be told apart.

use std::path::Path;

use overbooked::commands::cli::EngineArgs;
use overbooked::commands::explore_programs::{Manner, ProgramsArgs, Told, run};
use overbooked::core::scenario::Isolation;
use overbooked::debugger::plan::Plan;
use overbooked::explorer::search::Mode;
use overbooked::explorer::serial::Verdict;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::debug_programs::program::{Language, Program};

const SOLD_ONCE: &str = "select count(*) <= 1 from sales";

const BUYER: Program = Program::new(Language::Python, "tests/programs/buyer.py");

/// Buyers of the only ticket.
fn buyers(folder: &Path, names: &[&str]) -> ProgramsArgs {
    let setup = folder.join("setup.sql");
    std::fs::write(&setup, "create table sales (buyer text primary key)").unwrap();
    let reset = folder.join("reset.sql");
    std::fs::write(&reset, "truncate sales").unwrap();
    let buyer = |name: &&str| format!("{name}={} {name}", BUYER.shell());
    ProgramsArgs {
        actor: names.iter().map(buyer).collect(),
        reset: Some(reset.display().to_string()),
        check: Some(SOLD_ONCE.to_owned()),
        setup: Some(setup),
        ..ProgramsArgs::default()
    }
}

async fn explored(arguments: &ProgramsArgs, engine: &EngineArgs, orders: Mode) -> Told {
    let (news, _heard) = mpsc::unbounded_channel();
    let manner = Manner { orders, budget: None, repeat: 1 };
    let told = run(arguments, engine, manner, &news, &CancellationToken::new()).await;
    told.unwrap().unwrap()
}

fn wrong(told: &Told) -> Vec<String> {
    let classes = told.explored.found.classes.iter().zip(&told.explored.witnesses);
    let wrong = classes.filter(|(judged, _)| !judged.class.broken.is_empty());
    wrong
        .map(|(judged, witness)| {
            assert!(matches!(judged.verdict, Some(Verdict::Anomaly { .. })), "{judged:?}");
            witness.plan.sentence()
        })
        .collect()
}

#[tokio::test]
async fn two_buyers_are_found_to_buy_one_ticket() {
    if !BUYER.is_had() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments = ProgramsArgs {
        plans: Some(folder.path().join("plans")),
        ..buyers(folder.path(), &["alice", "bob"])
    };
    let told = explored(&arguments, &EngineArgs::default(), Mode::Reduced).await;
    let sold_twice = wrong(&told);
    assert_eq!(sold_twice.len(), 1, "{:#?}", told.explored.found);
    assert!(told.is_wrong() && told.explored.found.is_complete);
    // The witness is a plan that the debugger reads.
    let plans = std::fs::read_dir(folder.path().join("plans")).unwrap();
    let plans = plans.map(|plan| std::fs::read_to_string(plan.unwrap().path()).unwrap());
    let mut plans = plans.map(|plan| plan.parse::<Plan>().unwrap());
    let plan = plans.find(|plan| plan.sentence() == sold_twice[0]).unwrap();
    assert_eq!(plan.releases.len(), 6, "{plan}");
    assert_eq!(
        sold_twice[0],
        "alice reads sales · alice inserts into sales · bob reads sales · bob inserts into sales · \
         bob commits · alice commits"
    );
}

#[tokio::test]
async fn every_order_of_two_buyers_comes_to_the_same_classes_as_the_reduced_ones() {
    if !BUYER.is_had() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments = buyers(folder.path(), &["alice", "bob"]);
    let classes = async |orders| {
        let found = explored(&arguments, &EngineArgs::default(), orders).await.explored.found;
        let classes = found.classes.into_iter().map(|it| (it.class.outcome, it.class.orders));
        let mut classes: Vec<_> = classes.map(|class| format!("{class:?}")).collect();
        classes.sort();
        classes
    };
    let reduced = classes(Mode::Reduced).await;
    assert_eq!(reduced, classes(Mode::Every).await);
}

#[tokio::test]
async fn at_serializable_no_order_sells_it_twice() {
    if !BUYER.is_had() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments = buyers(folder.path(), &["alice", "bob"]);
    let engine = EngineArgs { isolation: Some(Isolation::Serializable), ..EngineArgs::default() };
    let told = explored(&arguments, &engine, Mode::Reduced).await;
    assert_eq!(wrong(&told), [""; 0]);
    assert!(!told.is_wrong(), "{:#?}", told.explored.found);
}

#[tokio::test]
async fn three_buyers_are_explored_in_a_fraction_of_their_orders() {
    if !BUYER.is_had() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments = buyers(folder.path(), &["alice", "bob", "carol"]);
    let told = explored(&arguments, &EngineArgs::default(), Mode::Reduced).await;
    println!("{}", overbooked::explorer::report::text(&told.exploration));
    // Any two of them, or all three.
    assert!(wrong(&told).len() >= 4, "{:#?}", wrong(&told));
    assert!(told.explored.found.is_complete);
}
