//! The orders that are equivalent to one that was played: how many there are, and which of them is
//! told best.

use super::happens_before::HappensBefore;

/// So many states are gone through, and no more.
const MOST_STATES: usize = 1_000_000;

/// An order that stands for all that are equivalent to it: the fewest switches of session, and the
/// first of those as a dictionary lists them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Witness {
    /// How often another session goes on than the one before.
    pub switches: usize,
    /// Whose turn it is, launch by launch.
    pub order: Vec<usize>,
}

impl Witness {
    /// An order itself.
    pub fn of(order: Vec<usize>) -> Self {
        let switches = order.windows(2).filter(|pair| pair[0] != pair[1]).count();
        Self { switches, order }
    }
}

/// How far each session may be, numbered: a state is the sum of each session's count of launches
/// times its stride, so that every launch leads to a greater number.
struct States<'a> {
    order: &'a HappensBefore,
    /// The places of each session's launches.
    places: Vec<Vec<usize>>,
    strides: Vec<usize>,
    count: usize,
}

impl<'a> States<'a> {
    fn new(order: &'a HappensBefore) -> Option<Self> {
        let sessions = order.sessions().iter().max().map_or(0, |most| most + 1);
        let mut places = vec![Vec::new(); sessions];
        for (place, &session) in order.sessions().iter().enumerate() {
            places[session].push(place);
        }
        let mut strides = Vec::with_capacity(sessions);
        let mut count = 1_usize;
        for own in &places {
            strides.push(count);
            count = count.checked_mul(own.len() + 1).filter(|&all| all <= MOST_STATES)?;
        }
        Some(Self { order, places, strides, count })
    }

    /// Who may be sent on in this state.
    fn free(&self, state: usize) -> impl Iterator<Item = usize> + '_ {
        let done =
            move |session: usize| state / self.strides[session] % (self.places[session].len() + 1);
        (0..self.places.len()).filter(move |&session| {
            let next = self.places[session].get(done(session));
            next.is_some_and(|&place| {
                let clock = self.order.clock(place).iter().enumerate();
                clock.filter(|(other, _)| *other != session).all(|(other, &n)| n <= done(other))
            })
        })
    }

    fn orders(&self) -> Option<u64> {
        let mut ways = vec![0_u64; self.count];
        ways[0] = 1;
        for state in 0..self.count {
            for session in self.free(state) {
                let next = state + self.strides[session];
                ways[next] = ways[next].checked_add(ways[state])?;
            }
        }
        ways.last().copied()
    }

    /// For each state and each session that went last, how many switches are still needed.
    fn switches(&self) -> Vec<Vec<usize>> {
        let sessions = self.places.len();
        let mut needed = vec![vec![0; sessions]; self.count];
        for state in (0..self.count - 1).rev() {
            let free: Vec<usize> = self.free(state).collect();
            for last in 0..sessions {
                let cost = |&session: &usize| self.cost(&needed, state, Some(last), session);
                // A state that cannot be reached may lead nowhere.
                needed[state][last] = free.iter().map(cost).min().unwrap_or(0);
            }
        }
        needed
    }

    fn cost(&self, needed: &[Vec<usize>], at: usize, last: Option<usize>, next: usize) -> usize {
        let switch = usize::from(last.is_some_and(|last| last != next));
        switch + needed[at + self.strides[next]][next]
    }

    fn witness(&self) -> Witness {
        let needed = self.switches();
        let mut order: Vec<usize> = Vec::new();
        let mut state = 0;
        while state + 1 < self.count {
            let last = order.last().copied();
            let best = self.free(state).min_by_key(|&next| self.cost(&needed, state, last, next));
            let Some(next) = best else { break };
            order.push(next);
            state += self.strides[next];
        }
        Witness::of(order)
    }
}

/// How many orders are equivalent to this one; `None` where that would take too long to count.
pub(super) fn count(order: &HappensBefore) -> Option<u64> {
    States::new(order)?.orders()
}

/// The best of them; this one itself where finding it would take too long.
pub(super) fn witness(order: &HappensBefore) -> Witness {
    let states = States::new(order);
    states.map_or_else(|| Witness::of(order.sessions().to_vec()), |states| states.witness())
}
