//! Which orders must be played, so that every possible one is equivalent to one of them.
//!
//! ```text
//!  Search::next_order ──▶ Order (a Guide) ──▶ Player ──▶ Played ──▶ Search::played ──▶ Taken
//!      ▲                                                           │  for how many it stands
//!      └─ tree: branches that are still to be played ◀─ races ─────┘
//! ```
//!
//! It is pure: several workers share it behind a mutex, each asks for an order, plays it and brings
//! back what came of it. Two orders are equivalent when one becomes the other by swapping, again
//! and again, neighbours that do not depend on each other ([`Effects`], measured). The search plays
//! one of each such class, and says how many orders that one stands for.

mod dependence;
mod equivalent;
mod happens_before;
mod order;
mod tree;

use std::sync::Arc;

use self::dependence::Dependence;
pub use self::equivalent::Witness;
use self::happens_before::HappensBefore;
pub use self::order::Order;
use self::order::{Ended, Reduced, Rest};
use self::tree::{Branch, Node, Step};
use super::effects::Effects;
use super::played::Played;

/// A branch that cannot be followed any more is tried as often as this.
const ATTEMPTS: usize = 3;

/// Which orders are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One of each class of equivalent ones.
    Reduced,
    /// Every one that is possible.
    Every,
    /// So many at random.
    Sample { orders: u64, seed: u64 },
}

/// What a worker has to do.
#[derive(Debug)]
pub enum Next {
    /// To play this.
    Play(Box<Order>),
    /// To ask again when another worker has brought something back.
    Wait,
    /// Nothing more.
    Done,
}

/// What an order that was played stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How many orders are equivalent to it, itself among them; `None` where there are too many to
    /// count.
    pub orders: Option<u64>,
    /// The one of them that is told best.
    pub witness: Witness,
}

/// How far a search has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// How many orders were played to their end.
    pub played: u64,
    /// For how many orders these stand; `None` where that could not be counted.
    pub orders: Option<u64>,
    /// How many were broken off, because all that could follow was equivalent to others.
    pub broken_off: u64,
    /// How many could not be played although they had been possible before: something on the
    /// server does not depend on the order alone.
    pub diverged: u64,
    /// How often the search began again with wider effects.
    pub restarts: u64,
    /// Nothing is left to be played.
    pub is_finished: bool,
}

/// Says which orders to play, and learns from what was played.
#[derive(Debug)]
pub struct Search {
    mode: Mode,
    /// How many steps each session has.
    steps: Vec<usize>,
    dependence: Arc<Dependence>,
    /// So many plays at most.
    budget: Option<u64>,
    generation: u64,
    /// How many orders were handed out, and how many of them are not back.
    handed_out: u64,
    out: u64,
    has_begun: bool,
    root: Option<Box<Node>>,
    coverage: Coverage,
}

impl Search {
    /// Over the steps of some sessions, which have these effects, each session's in its own order.
    pub fn new(effects: &[Vec<Effects>], mode: Mode, budget: Option<u64>) -> Self {
        let reduces = mode == Mode::Reduced;
        Self {
            mode,
            steps: effects.iter().map(Vec::len).collect(),
            dependence: Arc::new(Dependence::new(if reduces { effects } else { &[] })),
            budget,
            generation: 0,
            handed_out: 0,
            out: 0,
            has_begun: false,
            root: None,
            coverage: Coverage { orders: Some(0), ..Coverage::default() },
        }
    }

    /// Begins again: steps have turned out to have more effects than was known. What is still being
    /// played counts for nothing.
    pub fn restart(&mut self, effects: &[Vec<Effects>]) {
        let budget = self.budget.map(|most| most.saturating_sub(self.handed_out));
        let restarts = self.coverage.restarts + 1;
        let generation = self.generation + 1;
        *self = Self { generation, ..Self::new(effects, self.mode, budget) };
        self.coverage.restarts = restarts;
    }

    /// What a worker has to do next.
    pub fn next_order(&mut self) -> Next {
        let order = if self.is_spent() { None } else { self.branch() };
        match order {
            Some(order) => {
                self.handed_out += 1;
                self.out += 1;
                Next::Play(Box::new(order))
            }
            None if self.out > 0 => Next::Wait,
            None => Next::Done,
        }
    }

    fn is_spent(&self) -> bool {
        self.budget.is_some_and(|most| self.handed_out >= most)
    }

    /// How far the search has come.
    pub fn coverage(&self) -> Coverage {
        Coverage { is_finished: self.is_finished(), ..self.coverage }
    }

    fn is_finished(&self) -> bool {
        match self.mode {
            Mode::Sample { orders, .. } => self.coverage.played >= orders,
            _ => self.has_begun && self.out == 0 && self.root.is_none(),
        }
    }

    fn branch(&mut self) -> Option<Order> {
        if let Mode::Sample { orders, seed } = self.mode {
            let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(self.handed_out);
            let rest = Order::random(self.steps.clone(), seed);
            let is_wanted = self.coverage.played + self.out < orders;
            return is_wanted.then(|| self.order(Branch::default(), rest));
        }
        let branch = if self.has_begun {
            let needs_deeds = self.mode == Mode::Reduced;
            self.root.as_mut()?.take(needs_deeds)?
        } else {
            self.has_begun = true;
            Branch::default()
        };
        let rest = self.rest(&branch);
        Some(self.order(branch, rest))
    }

    fn rest(&self, branch: &Branch) -> Rest {
        if self.mode == Mode::Every {
            return Rest::Any;
        }
        let asleep = vec![branch.asleep.clone()];
        Rest::Reduced(Reduced { dependence: Arc::clone(&self.dependence), asleep })
    }

    fn order(&self, Branch { path, hint, attempts, .. }: Branch, rest: Rest) -> Order {
        Order { generation: self.generation, attempts, path, hint, rest, ended: Ended::No }
    }

    /// Takes in what was played. `None` where that is no order of its own: it was broken off, or
    /// the search has begun again meanwhile.
    pub fn played(&mut self, order: Order, played: &Played) -> Option<Taken> {
        if order.generation != self.generation {
            return None;
        }
        if order.ended == Ended::Diverged {
            self.give_up(order);
            return None;
        }
        self.out -= 1;
        let is_whole = order.ended == Ended::No;
        let taken = match order.rest {
            Rest::Reduced(_) => self.learn(order, played),
            Rest::Any => self.grow(&order, played),
            Rest::Random(..) => one_order(played),
        };
        self.count(&taken, is_whole);
        is_whole.then_some(taken)
    }

    fn count(&mut self, taken: &Taken, is_whole: bool) {
        if is_whole {
            self.coverage.played += 1;
            let sum = self.coverage.orders.zip(taken.orders);
            self.coverage.orders = sum.and_then(|(all, own)| all.checked_add(own));
        } else {
            self.coverage.broken_off += 1;
        }
    }

    /// An order could not be played, for a reason of the player's: it is handed out again.
    pub fn give_back(&mut self, order: Order) {
        if order.generation == self.generation {
            self.out -= 1;
            let Order { path, hint, attempts, .. } = order;
            self.reopen(&path, hint, attempts);
        }
    }

    fn give_up(&mut self, order: Order) {
        self.out -= 1;
        if order.attempts + 1 < ATTEMPTS {
            self.reopen(&order.path, order.hint, order.attempts + 1);
        } else {
            self.coverage.diverged += 1;
            self.come_back(&order.path, None, None);
            self.prune(&order.path);
        }
    }

    fn reopen(&mut self, path: &[usize], hint: Vec<usize>, attempts: usize) {
        let Some((&session, before)) = path.split_last() else {
            self.has_begun = false;
            return;
        };
        if let Some(node) = self.root.as_mut().and_then(|root| root.at(before)) {
            node.give_back(session, hint, attempts);
        }
    }

    fn come_back(
        &mut self,
        path: &[usize],
        deed: Option<dependence::Deed>,
        node: Option<Box<Node>>,
    ) {
        let Some((&session, before)) = path.split_last() else {
            self.root = node;
            return;
        };
        if let Some(parent) = self.root.as_mut().and_then(|root| root.at(before)) {
            parent.come_back(session, deed, node);
        }
    }

    fn prune(&mut self, path: &[usize]) {
        if self.root.as_mut().is_some_and(|root| root.prune(path)) {
            self.root = None;
        }
    }

    /// Every possible order: whoever else could have gone on has its turn as well.
    fn grow(&mut self, order: &Order, played: &Played) -> Taken {
        let steps = played.launches.iter().skip(order.path.len()).map(|launched| {
            let others = launched.enabled.iter().copied();
            Step {
                session: launched.session,
                deed: None,
                asleep: Vec::new(),
                others: others.filter(|other| *other != launched.session).collect(),
            }
        });
        self.come_back(&order.path, None, Node::chain(steps.collect()));
        let sessions: Vec<usize> = played.launches.iter().map(|one| one.session).collect();
        self.prune(&sessions);
        one_order(played)
    }

    /// Where launches might have come the other way round, that is still to be played.
    fn learn(&mut self, order: Order, played: &Played) -> Taken {
        let before = HappensBefore::of(&self.dependence, &played.launches);
        let Rest::Reduced(Reduced { asleep, .. }) = order.rest else { return one_order(played) };
        let known = order.path.len();
        let skipped = usize::from(known > 0);
        let step = |(place, asleep): (usize, _)| Step {
            session: before.sessions()[place],
            deed: Some(before.deeds[place].clone()),
            asleep,
            others: Vec::new(),
        };
        let steps = (known..played.launches.len()).zip(asleep.into_iter().skip(skipped)).map(step);
        let deed = known.checked_sub(1).and_then(|last| before.deeds.get(last)).cloned();
        self.come_back(&order.path, deed, Node::chain(steps.collect()));
        self.add_races(&before, known.saturating_sub(1));
        self.prune(before.sessions());
        Taken { orders: equivalent::count(&before), witness: equivalent::witness(&before) }
    }

    /// The races of the launches from this place on; those before were added when they were played
    /// first.
    fn add_races(&mut self, before: &HappensBefore, from: usize) {
        for later in from..before.sessions().len() {
            for race in before.races(&self.dependence, later) {
                let path = &before.sessions()[..race.place];
                if let Some(node) = self.root.as_mut().and_then(|root| root.at(path)) {
                    node.add(&race.initials, before.sessions()[later], &race.reversed);
                }
            }
        }
    }
}

fn one_order(played: &Played) -> Taken {
    let order = played.launches.iter().map(|launched| launched.session).collect();
    Taken { orders: Some(1), witness: Witness::of(order) }
}
