//! The quiet rule: when is a step over?
//!
//! A statement in flight is *stably* waiting when somebody in its way cannot move on without us: a
//! session that is idle by our own knowledge of the protocol, a prepared transaction, or one that
//! itself waits stably. A step is over when every statement in flight is answered or waits stably;
//! nothing is guessed from time. The player of isolationtester's files asks the same of its waits.
//!
//! ```text
//!   Mallory ──▶ Bob (idle in transaction)      stable: only our next step frees Bob's row
//!   Carol ──▶ Mallory ──▶ Bob                  stable, by the one in front
//!   Carol ──▶ Dave (in pg_sleep)               running: Dave moves on by himself
//!   Alice ──▶ Bob ──▶ Alice                    running: the deadlock detector will choose a victim
//! ```
//!
//! One look suffices, because locks are released before `ReadyForQuery` is sent and each verdict of
//! `pg_blocking_pids` is an atomic picture of the lock table.

use std::collections::BTreeSet;

use crate::core::event::Pid;

/// A busy session and who is in its way; nobody means that it runs.
pub(crate) type Blocked = (Pid, Vec<Pid>);

/// The busy sessions that wait stably: the least fixpoint of "somebody in my way is idle, prepared,
/// or stable".
pub(crate) fn stable(blocked: &[Blocked], is_idle: impl Fn(Pid) -> bool) -> BTreeSet<Pid> {
    // From the empty set upwards. In a deadlock each is stable if the next one is, so the greatest
    // fixpoint would take a circle for one that lasts.
    let mut stable = BTreeSet::new();
    loop {
        let before = stable.len();
        for (pid, blockers) in blocked {
            let held = |b: &Pid| *b == Pid::PREPARED || is_idle(*b) || stable.contains(b);
            // One that cannot move on is enough: a waiter needs all of them to let go.
            if blockers.iter().any(held) {
                stable.insert(*pid);
            }
        }
        if stable.len() == before {
            return stable;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pids(all: &[i32]) -> Vec<Pid> {
        all.iter().copied().map(Pid).collect()
    }

    fn stable_with_idle(blocked: &[(i32, &[i32])], idle: &[i32]) -> Vec<i32> {
        let blocked: Vec<_> = blocked.iter().map(|(p, by)| (Pid(*p), pids(by))).collect();
        stable(&blocked, |p| idle.contains(&p.0)).into_iter().map(|p| p.0).collect()
    }

    #[test]
    fn a_waiter_for_an_idle_session_is_stable() {
        assert_eq!(stable_with_idle(&[(3, &[2])], &[2]), [3]);
    }

    #[test]
    fn a_queue_is_stable_through_the_one_in_front() {
        assert_eq!(stable_with_idle(&[(4, &[3]), (3, &[2])], &[2]), [3, 4]);
    }

    #[test]
    fn a_waiter_for_a_running_session_is_not() {
        assert!(stable_with_idle(&[(3, &[2]), (2, &[])], &[]).is_empty());
    }

    #[test]
    fn a_deadlock_is_not() {
        assert!(stable_with_idle(&[(1, &[2]), (2, &[1])], &[]).is_empty());
    }

    #[test]
    fn a_prepared_transaction_never_moves_on_by_itself() {
        assert_eq!(stable_with_idle(&[(3, &[0])], &[]), [3]);
    }

    proptest! {
        #[test]
        fn stable_is_a_fixpoint_of_the_rule(
            edges in prop::collection::vec(
                (1..8_i32, prop::collection::vec(1..12_i32, 0..4)),
                0..8,
            ),
        ) {
            let blocked: Vec<Blocked> = edges.iter().map(|(p, by)| (Pid(*p), pids(by))).collect();
            let idle = |p: Pid| p.0 >= 8;
            let found = stable(&blocked, idle);
            let held = |by: &[Pid]| by.iter().any(|b| idle(*b) || found.contains(b));
            for (pid, by) in &blocked {
                prop_assert!(!held(by) || found.contains(pid));
            }
            for pid in &found {
                prop_assert!(blocked.iter().any(|(p, by)| p == pid && held(by)));
            }
        }
    }
}
