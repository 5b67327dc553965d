//! The search against a model: what it leaves out is equivalent to what it plays.

use std::collections::{BTreeMap, BTreeSet};

use overbooked::explorer::effects::Effects;
use overbooked::explorer::played::{Guide as _, Played};
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
    let mut out: Vec<Order> = Vec::new();
    loop {
        let is_full = out.len() == workers;
        match if is_full { Next::Wait } else { search.next_order() } {
            Next::Play(order) => out.push(*order),
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
    fn take(&mut self, model: &Model, search: &mut Search, mut order: Order) {
        let played = model.play_now(&mut order);
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
fn who_closes_a_circle_of_three_is_played_in_every_order() {
    let own = |first, second| {
        let begin = Operation::Begin(Level::ReadCommitted);
        vec![begin, Operation::Add(first, 1), Operation::Add(second, 1)]
    };
    let model = Model {
        rows: [(1, 0), (2, 0), (3, 0)].into(),
        is_optimistic: false,
        sessions: vec![own(1, 2), own(2, 3), own(3, 1)],
    };
    let found = search(&model, Mode::Reduced, 1, &[]);
    let victims = (0..3).filter(|session| {
        found.classes.keys().any(|class| class.contains(&format!("{session}.02 40P01")))
    });
    assert_eq!(victims.count(), 3);
    assert_eq!(found.classes, search(&model, Mode::Every, 1, &[]).classes);
}

#[test]
fn a_budget_ends_a_search_that_says_so() {
    let mut search = Search::new(&effects::of(&buyers(3)), Mode::Reduced, Some(10));
    let mut plays = 0;
    while let Next::Play(mut order) = search.next_order() {
        let played = buyers(3).play_now(&mut *order);
        search.played(*order, &played);
        plays += 1;
    }
    assert_eq!((plays, search.coverage().is_finished), (10, false));
}

#[test]
fn what_a_player_could_not_play_is_handed_out_again() {
    let model = buyers(2);
    let undisturbed = search(&model, Mode::Reduced, 1, &[]);
    for mode in [Mode::Reduced, Mode::Every] {
        let mut search = Search::new(&effects::of(&model), mode, None);
        let mut disturbed = false;
        while let Next::Play(mut order) = search.next_order() {
            disturbed = !disturbed;
            if disturbed {
                search.give_back(*order);
            } else {
                let played = model.play_now(&mut *order);
                search.played(*order, &played);
            }
        }
        assert!(search.coverage().is_finished);
        assert_eq!(search.coverage().orders, undisturbed.coverage.orders);
    }
}

#[test]
fn a_branch_that_is_gone_is_told_and_not_tried_for_ever() {
    let model = buyers(2);
    let mut search = Search::new(&effects::of(&model), Mode::Reduced, None);
    let mut plays = 0;
    while let Next::Play(mut order) = search.next_order() {
        plays += 1;
        // The server has changed its mind: only the first session can ever go on again.
        let mut played = Played::default();
        if plays == 1 {
            played = model.play_now(&mut *order);
        } else {
            assert_eq!(order.next(&[], &[]), None);
        }
        search.played(*order, &played);
    }
    assert!(search.coverage().is_finished);
    assert!(search.coverage().diverged > 0);
    assert!(plays < 100);
}

#[test]
fn a_search_that_begins_again_forgets_what_is_still_out() {
    let model = buyers(2);
    let narrow: Vec<Vec<Effects>> =
        model.sessions.iter().map(|own| vec![Effects::default(); own.len()]).collect();
    let mut search = Search::new(&narrow, Mode::Reduced, None);
    let Next::Play(mut old) = search.next_order() else { panic!() };
    search.restart(&effects::of(&model));
    let mut found = Vec::new();
    let Next::Play(mut new) = search.next_order() else { panic!() };
    let played = model.play_now(&mut *old);
    assert_eq!(search.played(*old, &played), None);
    let played = model.play_now(&mut *new);
    found.extend(search.played(*new, &played));
    while let Next::Play(mut order) = search.next_order() {
        let played = model.play_now(&mut *order);
        found.extend(search.played(*order, &played));
    }
    let undisturbed = self::search(&model, Mode::Reduced, 1, &[]);
    let orders = found.iter().map(|taken| taken.orders.unwrap()).sum();
    assert_eq!(undisturbed.coverage.orders, Some(orders));
    let again = Coverage { restarts: 1, ..undisturbed.coverage };
    assert_eq!(search.coverage(), again);
}

/// The orders that a sample takes, each once.
fn sample(model: &Model, orders: u64, seed: u64) -> (BTreeSet<Vec<usize>>, Coverage) {
    let mut search = Search::new(&effects::of(model), Mode::Sample { orders, seed }, None);
    let mut taken = BTreeSet::new();
    while let Next::Play(mut order) = search.next_order() {
        let played = model.play_now(&mut *order);
        taken.extend(search.played(*order, &played).map(|taken| taken.witness.order));
    }
    (taken, search.coverage())
}

#[test]
fn a_sample_is_told_by_its_seed_and_reaches_everything() {
    let (one, coverage) = sample(&buyers(3), 300, 7);
    assert_eq!((coverage.played, coverage.orders), (300, Some(300)));
    assert_eq!(one, sample(&buyers(3), 300, 7).0);
    assert_ne!(one, sample(&buyers(3), 300, 8).0);
    let every = search(&buyers(2), Mode::Every, 1, &[]);
    assert_eq!(sample(&buyers(2), 5_000, 1).0, every.orders);
}

#[test]
fn three_buyers_take_a_twentieth_of_their_orders() {
    let found = search(&buyers(3), Mode::Reduced, 1, &[]);
    let Coverage { played, broken_off, orders, .. } = found.coverage;
    println!("{played} played, {broken_off} broken off, {orders:?} orders");
    assert!((played + broken_off) * 20 < 34_650, "{:?}", found.coverage);
}
