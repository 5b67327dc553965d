//! Whose COMMIT is judged first, of those that are at the gateway together.
//!
//! From a COMMIT's arrival to its judgement PostgreSQL is asked what the transaction has changed.
//! Of two that are there together and have written to the same table one is likely to lose, and
//! were it left to chance, that would be the same one again and again: a winner's next transaction
//! begins before anybody else has even learned of having lost. So whoever has been trying for
//! longest is judged first, from the beginning of its first attempt on:
//!
//! ```text
//!  Alice  ──begin──────COMMIT✗─begin─────COMMIT✔        she has tried since before Bob's
//!                  ╱                   ↑  second transaction began, and is judged before
//!  Bob    ───COMMIT✔─begin───────COMMIT…✗               it, although its COMMIT came first
//!                                      ↑ both are at the gateway
//! ```
//!
//! It changes nothing about who conflicts, and nobody waits for a client: what an older COMMIT
//! still needs, PostgreSQL alone has to give.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The COMMITs that have arrived, by when their clients began to try, with the tables that they may
/// have written to.
#[derive(Debug, Default)]
pub(super) struct Precedence {
    begun: AtomicU64,
    arrived: Mutex<BTreeMap<u64, HashSet<u32>>>,
    one_left: Notify,
}

impl Precedence {
    /// What tells when somebody began to try, among all others: whoever came first has the lowest.
    pub(super) fn number(&self) -> u64 {
        self.begun.fetch_add(1, Ordering::Relaxed)
    }

    /// The COMMIT of who has this number has arrived.
    pub(super) fn arrive(&self, number: u64, tables: HashSet<u32>) -> Arrival<'_> {
        self.arrived().insert(number, tables);
        Arrival { all: self, number }
    }

    fn arrived(&self) -> MutexGuard<'_, BTreeMap<u64, HashSet<u32>>> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody with a lower number has written to one of its tables.
    fn is_first(&self, number: u64) -> bool {
        let arrived = self.arrived();
        let Some(own) = arrived.get(&number) else { return true };
        arrived.range(..number).all(|(_, tables)| tables.is_disjoint(own))
    }
}

/// A COMMIT that has arrived; dropped when it has been judged.
pub(super) struct Arrival<'a> {
    all: &'a Precedence,
    number: u64,
}

impl Arrival<'_> {
    /// Waits until it is this one's turn.
    pub(super) async fn turn(&self) {
        loop {
            // Created before the look: `notify_waiters` wakes only what exists by then, and one
            // that leaves between look and wait would be missed.
            let one_left = self.all.one_left.notified();
            if self.all.is_first(self.number) {
                return;
            }
            one_left.await;
        }
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        self.all.arrived().remove(&self.number);
        self.all.one_left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn is_its_turn(arrival: &Arrival<'_>) -> bool {
        arrival.turn().now_or_never().is_some()
    }

    #[test]
    fn whoever_has_been_trying_for_longest_is_judged_first() {
        let all = Precedence::default();
        let (alice, bob) = (all.number(), all.number());
        let winner = all.arrive(bob, [1, 2].into());
        assert!(is_its_turn(&winner));
        let loser = all.arrive(alice, [2].into());
        assert!(is_its_turn(&loser) && !is_its_turn(&winner));
        drop(loser);
        assert!(is_its_turn(&winner));
    }

    #[test]
    fn nobody_waits_for_who_has_written_elsewhere_or_has_left() {
        let all = Precedence::default();
        let (first, second) = (all.number(), all.number());
        let (elsewhere, nowhere) = (all.arrive(first, [1].into()), all.number());
        let here = all.arrive(second, [2].into());
        let nothing = all.arrive(nowhere, HashSet::new());
        assert!([&elsewhere, &here, &nothing].into_iter().all(is_its_turn));
    }

    #[tokio::test]
    async fn whoever_waits_goes_on_when_the_other_has_left() {
        let all = Precedence::default();
        let (first, second) = (all.number(), all.number());
        let (before, behind) = (all.arrive(first, [1].into()), all.arrive(second, [1].into()));
        let leave = async {
            tokio::task::yield_now().await;
            drop(before);
        };
        tokio::join!(behind.turn(), leave);
    }
}
