//! Orders of which the same came.

use std::collections::HashMap;

use crate::explorer::outcome::Outcome;
use crate::explorer::played::{BrokenInvariant, Played};
use crate::explorer::witness::is_better;

/// Orders of which the same came.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    pub outcome: Outcome,
    /// How many orders those stand for that were played; `None` when nobody can count them.
    pub orders: Option<u64>,
    /// How many were played.
    pub plays: u64,
    /// The sessions' turns in the order that shows it best.
    pub witness: Vec<usize>,
    /// A play of it.
    pub played: Played,
    /// The invariants that were broken in some order, each as it was seen first.
    pub broken: Vec<BrokenInvariant>,
}

/// All classes, in the order in which they were found.
#[derive(Clone, Debug, Default)]
pub struct Classes {
    list: Vec<Class>,
    places: HashMap<Outcome, usize>,
}

/// What a play stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How many orders are equivalent to it; `None` where nobody can count them.
    pub orders: Option<u64>,
    /// Which of these is told best.
    pub witness: Vec<usize>,
}

/// What taking in one more play has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The class's place.
    pub class: usize,
    pub is_new: bool,
    /// Whether it has a better witness now.
    pub is_better: bool,
}

impl Classes {
    pub fn all(&self) -> &[Class] {
        &self.list
    }

    pub fn all_mut(&mut self) -> &mut [Class] {
        &mut self.list
    }

    /// The class of an outcome.
    pub fn find(&self, outcome: &Outcome) -> Option<usize> {
        self.places.get(outcome).copied()
    }

    /// Takes in what was played, and what it stands for.
    pub fn take(&mut self, outcome: Outcome, played: Played, counted: Counted) -> Taken {
        let Some(place) = self.find(&outcome) else {
            return self.open(outcome, played, counted);
        };
        let Counted { orders, witness } = counted;
        let class = &mut self.list[place];
        class.plays += 1;
        class.orders = class.orders.zip(orders).map(|(known, more)| known.saturating_add(more));
        let broken = played.end.as_ref().map(|end| end.broken.clone()).unwrap_or_default();
        for broken in broken {
            if class.broken.iter().all(|known| known.invariant != broken.invariant) {
                class.broken.push(broken);
            }
        }
        let is_better = is_better(&witness, &class.witness);
        if is_better {
            class.witness = witness;
            class.played = played;
        }
        Taken { class: place, is_new: false, is_better }
    }

    fn open(&mut self, outcome: Outcome, played: Played, counted: Counted) -> Taken {
        let Counted { orders, witness } = counted;
        let place = self.list.len();
        self.places.insert(outcome.clone(), place);
        let broken = played.end.as_ref().map(|end| end.broken.clone()).unwrap_or_default();
        self.list.push(Class { outcome, orders, plays: 1, witness, played, broken });
        Taken { class: place, is_new: true, is_better: true }
    }
}
