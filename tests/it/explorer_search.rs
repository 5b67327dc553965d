//! The search against a model: what it leaves out is equivalent to what it plays.

use std::collections::{BTreeMap, BTreeSet};

use overbooked::explorer::search::{Coverage, Mode, Next, Order, Search, Witness};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::explorer_model::programs::programs;
use crate::explorer_model::{Level, Model, Operation, class, effects};

/// For each class how many orders have come to it, and the one that is told best.
type Classes = BTreeMap<String, (u64, Witness)>;

struct Found {
    classes: Classes,
    coverage: Coverage,
    orders: BTreeSet<Vec<usize>>,
}

/// Plays as a search says, with so many workers, of which the dice say who is ready first.
fn search(model: &Model, mode: Mode, workers: usize, dice: &[usize]) -> Found {
    let mut search = Search::new(&effects::of(model), mode, None);
    let mut found =
        Found { classes: Classes::new(), coverage: Coverage::default(), orders: BTreeSet::new() };
    let mut dice = dice.iter().copied().cycle();
    let mut out: Vec<Box<Order>> = Vec::new();
    loop {
        let is_full = out.len() == workers;
        match if is_full { Next::Wait } else { search.next() } {
            Next::Play(order) => out.push(order),
            Next::Done if out.is_empty() => break,
            Next::Wait | Next::Done => {
                let ready = dice.next().unwrap_or(0) % out.len();
                let order = out.remove(ready);
                found.take(model, &mut search, order);
            }
        }
    }
    found.coverage = search.coverage();
    found
}

impl Found {
    fn take(&mut self, model: &Model, search: &mut Search, mut order: Box<Order>) {
        let played = model.play_now(&mut *order);
        let Some(taken) = search.played(order, &played) else { return };
        let sessions = played.launches.iter().map(|launched| launched.session).collect();
        assert!(self.orders.insert(sessions), "played twice: {played:?}");
        let orders = taken.orders.unwrap();
        let entry = self.classes.entry(class(&played));
        let (sum, witness) = entry.or_insert((0, taken.witness.clone()));
        *sum += orders;
        *witness = witness.clone().min(taken.witness);
    }
}

fn same(model: &Model, dice: &[usize]) -> Result<(), TestCaseError> {
    let every = search(model, Mode::Every, 2, dice);
    prop_assert!(every.coverage.is_finished);
    for workers in [1, 3] {
        let reduced = search(model, Mode::Reduced, workers, dice);
        prop_assert!(reduced.coverage.is_finished);
        prop_assert_eq!(&reduced.classes, &every.classes);
        prop_assert_eq!(reduced.coverage.orders, Some(every.coverage.played));
    }
    Ok(())
}

#[test]
fn reduction_loses_no_class_and_miscounts_none() {
    let cases = std::env::var("OVERBOOKED_EXPLORER_PROGRAMS").map_or(200, |n| n.parse().unwrap());
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let dice = prop::collection::vec(0..3_usize, 1..20);
    runner.run(&(programs(false), dice), |(model, dice)| same(&model, &dice)).unwrap();
}

fn buyers(count: usize) -> Model {
    let own = [
        Operation::Begin(Level::ReadCommitted),
        Operation::Read(1),
        Operation::SetIf(1, 1, 0),
        Operation::Commit,
    ];
    Model { rows: [(1, 1)].into(), is_optimistic: false, sessions: vec![own.to_vec(); count] }
}

#[test]
fn three_buyers_take_a_twentieth_of_their_orders() {
    let found = search(&buyers(3), Mode::Reduced, 1, &[]);
    let Coverage { played, broken_off, orders, .. } = found.coverage;
    println!("{played} played, {broken_off} broken off, {orders:?} orders");
    assert!((played + broken_off) * 20 < 34_650, "{:?}", found.coverage);
}
