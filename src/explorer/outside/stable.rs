//! Whether statements that are not answered will not be before somebody else is let go.

use std::collections::{BTreeMap, BTreeSet};

/// Who waits, and for whom: numbers of backends.
pub(super) type Waits = BTreeMap<i32, Vec<i32>>;

/// Whether all of these wait, in the end for one of ours that does nothing. A circle is none: the
/// server will refuse one of them. What a stranger holds, he lets go by himself.
pub(super) fn all_wait(waits: &Waits, on_their_way: &[i32], ours: &BTreeSet<i32>) -> bool {
    on_their_way
        .iter()
        .all(|pid| waits_in_the_end(*pid, waits, on_their_way, ours, &mut Vec::new()))
}

fn waits_in_the_end(
    pid: i32,
    waits: &Waits,
    on_their_way: &[i32],
    ours: &BTreeSet<i32>,
    behind: &mut Vec<i32>,
) -> bool {
    if behind.contains(&pid) {
        return false;
    }
    let Some(blockers) = waits.get(&pid).filter(|blockers| !blockers.is_empty()) else {
        return false;
    };
    behind.push(pid);
    let waits = blockers.iter().all(|blocker| {
        if on_their_way.contains(blocker) {
            waits_in_the_end(*blocker, waits, on_their_way, ours, behind)
        } else {
            ours.contains(blocker)
        }
    });
    behind.pop();
    waits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(waits: &[(i32, &[i32])], on_their_way: &[i32]) -> bool {
        let waits = waits.iter().map(|(pid, blockers)| (*pid, blockers.to_vec())).collect();
        all_wait(&waits, on_their_way, &BTreeSet::from([1, 2, 3]))
    }

    #[test]
    fn a_wait_for_one_that_does_nothing_lasts() {
        assert!(all(&[(1, &[2])], &[1]));
        assert!(all(&[(1, &[2]), (2, &[3])], &[1, 2]));
        assert!(all(&[(1, &[2, 3]), (2, &[3])], &[1, 2]));
    }

    #[test]
    fn whoever_works_will_be_answered() {
        assert!(!all(&[], &[1]));
        assert!(!all(&[(1, &[2])], &[1, 2]));
        assert!(!all(&[(1, &[])], &[1]));
    }

    #[test]
    fn a_circle_and_a_wait_for_a_stranger_end_by_themselves() {
        assert!(!all(&[(1, &[2]), (2, &[1])], &[1, 2]));
        assert!(!all(&[(1, &[9])], &[1]));
        assert!(!all(&[(1, &[2]), (2, &[1]), (3, &[1])], &[1, 2, 3]));
    }
}
