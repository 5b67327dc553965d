//! Who waits for whom, as one question to the server showed it, and which of these waits will last.
//!
//! isolationtester asks after 10 ms without an answer, and takes a wait that it sees then for one
//! that lasts. Asking earlier is only safe where nothing cuts waits short ([`pace`](super::pace)),
//! and for waits that cannot end before the next step: those for a session that has nothing to do
//! (it holds its locks until it is told otherwise), for a prepared transaction, or for a session
//! that itself waits so.
//!
//! ```text
//! s3 waits ──▶ s2 waits ──▶ s1 idle          lasts
//! s3 waits ──▶ s2 runs                       may end, when s2 ends by itself
//! s3 waits ──▶ s2 waits ──▶ s3               a circle: ends when PostgreSQL finds the deadlock
//! ```

use std::collections::BTreeSet;

use crate::core::event::{Pid, Row};
use crate::run::machine::quiet::{Blocked, stable};

/// One question's answer.
#[derive(Debug)]
pub(crate) struct WaitLook {
    looks: Vec<Look>,
    /// The sessions that cannot move on without somebody's next step.
    stable: BTreeSet<Pid>,
}

/// What was seen of one session.
#[derive(Debug)]
struct Look {
    pid: Pid,
    /// PostgreSQL's own verdict, on which isolationtester relies.
    is_blocked: bool,
    blockers: Vec<Pid>,
}

/// The question about sessions that have something to do, among all sessions of the test.
pub(crate) fn question(busy: &[Pid], all: &[Pid]) -> String {
    let (busy, all) = (array(busy), array(all));
    format!(
        "select pid, pg_catalog.pg_isolation_test_session_is_blocked(pid, '{all}'), \
         pg_catalog.array_to_string(pg_catalog.pg_blocking_pids(pid) || \
         pg_catalog.pg_safe_snapshot_blocking_pids(pid), ',') \
         from pg_catalog.unnest('{busy}'::pg_catalog.int4[]) as busy(pid)"
    )
}

/// The question what these sessions, which wait, have that a statement about rows could come to
/// wait for, directly or in a queue. Whoever has written or locked a row holds its own
/// transaction's number, and whoever is next at a row holds the row; nearly every statement has a
/// weak lock on its tables, which only stronger wishes than those of such a statement collide with.
pub(crate) fn question_of_grips(waiting: &[Pid]) -> String {
    format!(
        "select 1 from pg_catalog.pg_locks where pid = any ('{}') and case when granted \
         then locktype <> 'virtualxid' and mode <> 'SIReadLock' and (locktype <> 'relation' or \
         mode not in \
         ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock')) \
         else locktype not in ('virtualxid', 'transactionid', 'advisory') end limit 1",
        array(waiting)
    )
}

fn array(pids: &[Pid]) -> String {
    let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
    format!("{{{}}}", pids.join(","))
}

impl WaitLook {
    /// Reads the answer. `idle` are the sessions of which it was known before the question that
    /// they have nothing to do.
    pub(crate) fn read(rows: &[Row], idle: &[Pid]) -> Option<Self> {
        Some(Self::of(rows.iter().map(look).collect::<Option<_>>()?, idle))
    }

    fn of(looks: Vec<Look>, idle: &[Pid]) -> Self {
        let blocked: Vec<Blocked> =
            looks.iter().map(|look| (look.pid, look.blockers.clone())).collect();
        let stable = stable(&blocked, |pid| idle.contains(&pid));
        Self { looks, stable }
    }

    /// Whether this session waits for another one, in PostgreSQL's own verdict.
    pub(crate) fn is_blocked(&self, pid: Pid) -> bool {
        self.look(pid).is_some_and(|look| look.is_blocked)
    }

    /// Whether this session's wait cannot end by itself.
    pub(crate) fn is_lasting(&self, pid: Pid) -> bool {
        self.is_blocked(pid) && self.stable.contains(&pid)
    }

    /// Whether this session is among those that the other one waits for.
    pub(crate) fn is_waited_for(&self, pid: Pid, by: Pid) -> bool {
        self.look(by).is_some_and(|look| look.is_blocked && look.blockers.contains(&pid))
    }

    fn look(&self, pid: Pid) -> Option<&Look> {
        self.looks.iter().find(|look| look.pid == pid)
    }
}

fn look(row: &Row) -> Option<Look> {
    let [pid, is_blocked, blockers] = row.as_slice() else { return None };
    let blockers = blockers.as_deref()?.split(',').filter(|pid| !pid.is_empty());
    Some(Look {
        pid: Pid(pid.as_deref()?.parse().ok()?),
        is_blocked: is_blocked.as_deref()? == "t",
        blockers: blockers.map(|pid| pid.parse().map(Pid)).collect::<Result<_, _>>().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sight(looks: &[(i32, bool, &[i32])], idle: &[i32]) -> WaitLook {
        let look = |&(pid, is_blocked, blockers): &(i32, bool, &[i32])| Look {
            pid: Pid(pid),
            is_blocked,
            blockers: blockers.iter().copied().map(Pid).collect(),
        };
        let idle: Vec<Pid> = idle.iter().copied().map(Pid).collect();
        WaitLook::of(looks.iter().map(look).collect(), &idle)
    }

    #[test]
    fn a_wait_for_an_idle_session_lasts() {
        assert!(sight(&[(2, true, &[1])], &[1]).is_lasting(Pid(2)));
    }

    #[test]
    fn a_wait_behind_one_that_lasts_lasts() {
        let sight = sight(&[(2, true, &[1]), (3, true, &[2])], &[1]);
        assert!(sight.is_lasting(Pid(3)));
        assert!(sight.is_waited_for(Pid(2), Pid(3)) && !sight.is_waited_for(Pid(1), Pid(3)));
    }

    #[test]
    fn a_wait_for_a_session_at_work_may_end() {
        let sight = sight(&[(2, false, &[]), (3, true, &[2])], &[1]);
        assert!(!sight.is_blocked(Pid(2)));
        assert!(sight.is_blocked(Pid(3)) && !sight.is_lasting(Pid(3)));
    }

    #[test]
    fn a_circle_ends_when_the_deadlock_is_found() {
        let sight = sight(&[(2, true, &[3]), (3, true, &[2]), (4, true, &[3])], &[1]);
        assert!(sight.is_blocked(Pid(4)));
        assert!(!sight.is_lasting(Pid(2)) && !sight.is_lasting(Pid(4)));
    }

    #[test]
    fn a_wait_for_somebody_outside_the_test_is_none() {
        assert!(!sight(&[(2, false, &[99])], &[1]).is_blocked(Pid(2)));
    }

    #[test]
    fn a_prepared_transaction_does_not_end_by_itself() {
        assert!(sight(&[(2, true, &[0, 3]), (3, false, &[])], &[]).is_lasting(Pid(2)));
    }

    #[test]
    fn an_answer_is_read() {
        let row = |cells: [&str; 3]| cells.iter().map(|cell| Some((*cell).to_owned())).collect();
        let rows: [Row; 2] = [row(["7", "t", "5,6"]), row(["8", "f", ""])];
        let sight = WaitLook::read(&rows, &[Pid(6)]).unwrap();
        assert!(sight.is_lasting(Pid(7)));
        assert!(!sight.is_blocked(Pid(8)));
        assert!(WaitLook::read(&[row(["x", "t", ""])], &[]).is_none());
    }

    proptest! {
        #[test]
        fn every_tangle_is_judged(
            blockers in prop::collection::vec(prop::collection::vec(1..8_i32, 0..4), 7),
            idle in prop::collection::vec(1..8_i32, 0..3),
        ) {
            let looks = (1..).zip(&blockers);
            let looks = looks.map(|(pid, of)| (pid, !of.is_empty(), of.as_slice()));
            let looks: Vec<(i32, bool, &[i32])> = looks.collect();
            let sight = sight(&looks, &idle);
            for pid in 1..8 {
                prop_assert!(!sight.is_lasting(Pid(pid)) || !idle.is_empty(), "nobody is idle, so \
                    nothing lasts");
            }
        }
    }
}
