//! Every order in which sessions can take turns, in isolationtester's order.
//!
//! Think of each session's steps as a pile. An interleaving takes the top of one pile after the
//! other until all are empty; isolationtester tries the first session's pile first, so the orders
//! are sorted by whose turn it is (PostgreSQL sources, `isolationtester.c`,
//! `run_all_permutations`):
//!
//! ```text
//! piles a b | x      a b x     a x b     x a b
//! ```

use super::{Launch, Schedule};

/// Each session's steps, as indices into the scenario's steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interleavings {
    piles: Vec<Vec<usize>>,
}

impl Interleavings {
    /// All interleavings of these piles.
    pub fn new(piles: Vec<Vec<usize>>) -> Self {
        Self { piles }
    }

    /// How many there are: (a+b+c)! / (a! b! c!). `None` when that is more than a number of 64
    /// bits.
    pub fn count(&self) -> Option<u64> {
        orders(&self.heights())
    }

    /// The one at this place, from 0, found without making those before it.
    pub fn nth(&self, mut place: u64) -> Option<Schedule> {
        let mut left = self.heights();
        let steps: usize = left.iter().sum();
        let turns: Option<Vec<usize>> = (0..steps).map(|_| turn(&mut left, &mut place)).collect();
        // What is left over of the place says that there are not so many orders.
        turns.filter(|_| place == 0).map(|turns| self.deal(&turns))
    }

    fn heights(&self) -> Vec<usize> {
        self.piles.iter().map(Vec::len).collect()
    }

    /// All of them, each made when it is asked for.
    pub fn iter(&self) -> impl Iterator<Item = Schedule> + '_ {
        let first: Vec<usize> = self
            .piles
            .iter()
            .enumerate()
            .flat_map(|(pile, steps)| vec![pile; steps.len()])
            .collect();
        std::iter::successors(Some(first), |turns| next_order(turns)).map(|turns| self.deal(&turns))
    }

    fn deal(&self, turns: &[usize]) -> Schedule {
        let mut piles: Vec<_> = self.piles.iter().map(|pile| pile.iter().copied()).collect();
        let launches = turns
            .iter()
            .filter_map(|&turn| piles[turn].next())
            .map(|step| Launch { step, markers: Vec::new() })
            .collect();
        Schedule { launches }
    }
}

/// In how many orders piles of these heights can be taken.
fn orders(heights: &[usize]) -> Option<u64> {
    let mut taken = 0_u64;
    let mut count = 1_u64;
    for &height in heights {
        for nth in 1..=height as u64 {
            taken += 1;
            // The product of consecutive numbers divided so far is a binomial coefficient, hence
            // whole.
            // Divided at once, because 21! alone is more than 64 bits hold. Both factors are below
            // 2^64, so that their product fits.
            count = u64::try_from(u128::from(count) * u128::from(taken) / u128::from(nth)).ok()?;
        }
    }
    Some(count)
}

/// Whose turn is next in the order at this place among those that are left; the place becomes that
/// among the orders that begin so.
fn turn(left: &mut [usize], place: &mut u64) -> Option<usize> {
    for pile in 0..left.len() {
        if left[pile] == 0 {
            continue;
        }
        left[pile] -= 1;
        match orders(left) {
            // More than can be counted begin so where there is no count: the place must be among
            // them.
            Some(count) if *place >= count => *place -= count,
            _ => return Some(pile),
        }
        left[pile] += 1;
    }
    None
}

/// The next order of the same turns, as a dictionary would list them.
fn next_order(turns: &[usize]) -> Option<Vec<usize>> {
    let mut turns = turns.to_vec();
    let rise = turns.windows(2).rposition(|pair| pair[0] < pair[1])?;
    let larger = turns.iter().rposition(|&turn| turn > turns[rise])?;
    turns.swap(rise, larger);
    turns[rise + 1..].reverse();
    Some(turns)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn orders(piles: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
        let steps =
            |schedule: Schedule| schedule.launches.iter().map(|launch| launch.step).collect();
        Interleavings::new(piles).iter().map(steps).collect()
    }

    #[test]
    fn the_first_session_goes_first() {
        assert_eq!(orders(vec![vec![0, 1], vec![2]]), [[0, 1, 2], [0, 2, 1], [2, 0, 1]]);
    }

    #[test]
    fn a_number_too_large_to_play_is_still_counted() {
        let piles: Vec<Vec<usize>> = (0..3).map(|n| (n * 10..n * 10 + 10).collect()).collect();
        // 30! / (10! 10! 10!)
        assert_eq!(Interleavings::new(piles).count(), Some(5_550_996_791_340));
        let piles: Vec<Vec<usize>> = (0..10).map(|n| (n * 10..n * 10 + 10).collect()).collect();
        assert_eq!(Interleavings::new(piles).count(), None);
    }

    proptest! {
        #[test]
        fn the_count_is_right_and_no_order_comes_twice(
            sizes in prop::collection::vec(0..4_usize, 1..4),
        ) {
            let mut first = 0;
            let pile = |size: &usize| {
                first += size;
                (first - size..first).collect()
            };
            let piles: Vec<Vec<usize>> = sizes.iter().map(pile).collect();
            let all = orders(piles.clone());
            let interleavings = Interleavings::new(piles);
            prop_assert_eq!(Some(all.len() as u64), interleavings.count());
            let steps = |schedule: Schedule| -> Vec<usize> {
                schedule.launches.iter().map(|launch| launch.step).collect()
            };
            for (place, order) in all.iter().enumerate() {
                prop_assert_eq!(interleavings.nth(place as u64).map(steps), Some(order.clone()));
            }
            prop_assert_eq!(interleavings.nth(all.len() as u64), None);
            let mut distinct = all.clone();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), all.len());
        }
    }
}
