//! Whether some order of whole transactions comes to the same: each is played on the same server,
//! once, when it is first asked for.
//!
//! ```text
//!  class      Alice begin · Bob begin · Alice … commit · Bob … 40001 · ROLLBACK
//!  explained  Alice's transaction; Bob's was refused, and is left out
//!  played     Alice begin … commit           the same answers, the same end: like Alice alone
//! ```

use std::collections::{HashMap, HashSet};

use crate::core::scenario::Scenario;
use crate::explorer::outcome::{Noise, Outcome};
use crate::explorer::played::{Guide, Launched, Played, Player};
use crate::explorer::program::Program;
use crate::explorer::transaction::{SerialOrder, serial_orders, transactions};

/// More orders of whole transactions than this are not played.
pub const MOST_ORDERS: u64 = 2_000;

/// What a class is beside the orders of whole transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It comes of this order too.
    Serial(SerialOrder),
    /// It comes of none of them, and all were played.
    Anomaly {
        /// How many there are.
        orders: usize,
    },
    /// There are too many to play.
    Unknown,
}

impl Verdict {
    pub fn is_anomaly(&self) -> bool {
        matches!(self, Self::Anomaly { .. })
    }
}

/// Plays orders of whole transactions and remembers what came of them.
pub struct SerialOrders<'a> {
    scenario: &'a Scenario,
    program: &'a Program,
    noise: &'a Noise,
    /// Nothing for one that cannot be played: somebody would have to act while waiting.
    known: HashMap<Vec<(usize, usize)>, Option<Outcome>>,
}

impl<'a> SerialOrders<'a> {
    pub fn new(scenario: &'a Scenario, program: &'a Program, noise: &'a Noise) -> Self {
        Self { scenario, program, noise, known: HashMap::new() }
    }

    /// How many have been played.
    pub fn played(&self) -> usize {
        self.known.len()
    }

    /// Finds an order of whole transactions that comes to the same as what was played here.
    pub async fn judge<P: Player>(
        &mut self,
        player: &mut P,
        played: &Played,
    ) -> Result<Verdict, P::Error> {
        let all = transactions(self.scenario, self.program, played);
        let mut tried = 0;
        let mut explained = all.clone();
        for own in &mut explained {
            own.retain(super::transaction::Transaction::is_explained);
        }
        for (nth, wanted) in [&all, &explained].into_iter().enumerate() {
            if nth == 1 && all == explained {
                break;
            }
            let Some(mut orders) = serial_orders(wanted, MOST_ORDERS) else {
                return Ok(Verdict::Unknown);
            };
            let seen = self.seen(played, wanted);
            nearest_first(&mut orders, played);
            tried = orders.len();
            for order in orders {
                if self.outcome(player, &order).await? == Some(&seen) {
                    return Ok(Verdict::Serial(order));
                }
            }
        }
        Ok(Verdict::Anomaly { orders: tried })
    }

    /// What came of it as far as these transactions are concerned.
    fn seen(&self, played: &Played, wanted: &[SerialOrder]) -> Outcome {
        let is_wanted = |launch: &Launched| {
            wanted.iter().flatten().any(|it| it.has(launch.session, launch.step))
        };
        let mut seen = played.clone();
        seen.launches.retain(is_wanted);
        Outcome::of(self.program, &seen, self.noise)
    }

    async fn outcome<P: Player>(
        &mut self,
        player: &mut P,
        order: &SerialOrder,
    ) -> Result<Option<&Outcome>, P::Error> {
        let steps = order.iter().flat_map(|it| it.steps.clone().map(|step| (it.session, step)));
        let steps: Vec<(usize, usize)> = steps.collect();
        if !self.known.contains_key(&steps) {
            let mut along = Along::only(self.program, &steps);
            let played = player.play(&mut along).await?;
            let is_whole = played.end.is_some() && played.launches.len() == steps.len();
            let outcome = is_whole.then(|| Outcome::of(self.program, &played, self.noise));
            self.known.insert(steps.clone(), outcome);
        }
        Ok(self.known.get(&steps).and_then(Option::as_ref))
    }
}

/// Puts the orders first in which the transactions ended as they did here: most often it is one of
/// these.
fn nearest_first(orders: &mut [SerialOrder], played: &Played) {
    let ends = |session: usize, step: usize| {
        let mut launches = played.launches.iter();
        let place = launches.position(|it| (it.session, it.step) == (session, step));
        place.unwrap_or(usize::MAX)
    };
    orders.sort_by_cached_key(|order| {
        let places: Vec<usize> =
            order.iter().map(|it| ends(it.session, it.steps.end.saturating_sub(1))).collect();
        // How many stand before one that ended earlier.
        let pairs = (0..places.len()).flat_map(|a| (a..places.len()).map(move |b| (a, b)));
        pairs.filter(|&(a, b)| places[a] > places[b]).count()
    });
}

/// Goes along a given order.
#[derive(Clone, Debug)]
pub struct Along {
    turns: Vec<usize>,
    left_out: HashSet<(usize, usize)>,
}

impl Along {
    /// Along these sessions' turns; breaks off where one of them cannot act.
    pub fn turns(turns: Vec<usize>) -> Self {
        Self { turns, left_out: HashSet::new() }
    }

    /// Along these steps, and leaves all others out.
    pub fn only(program: &Program, steps: &[(usize, usize)]) -> Self {
        let kept: HashSet<(usize, usize)> = steps.iter().copied().collect();
        let all = program.sessions.iter().enumerate();
        let all = all.flat_map(|(session, own)| (0..own.len()).map(move |step| (session, step)));
        let left_out = all.filter(|step| !kept.contains(step)).collect();
        Self { turns: steps.iter().map(|(session, _)| *session).collect(), left_out }
    }
}

impl Guide for Along {
    fn next(&mut self, so_far: &[Launched], enabled: &[usize]) -> Option<usize> {
        let turn = self.turns.get(so_far.len()).copied();
        turn.filter(|session| enabled.contains(session))
    }

    fn leaves_out(&self, session: usize, step: usize) -> bool {
        self.left_out.contains(&(session, step))
    }
}

#[cfg(test)]
mod tests;
