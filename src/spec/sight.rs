//! Who waits for whom, as one question to the server showed it, and which of these waits will last.
//!
//! isolationtester asks after 10 ms without an answer, and takes a wait that it sees then for one that lasts. Asking earlier is only safe for
//! waits that cannot end before the next step: those for a session that has nothing to do (it holds its locks until it is
//! told otherwise), for a prepared transaction, or for a session that itself waits so.
//!
//! ```text
//! s3 waits ──▶ s2 waits ──▶ s1 idle          lasts
//! s3 waits ──▶ s2 runs                       passes, when s2 ends by itself
//! s3 waits ──▶ s2 waits ──▶ s3               a circle: ends when PostgreSQL finds the deadlock
//! ```

use crate::event::{Pid, Row};

/// One question's answer.
#[derive(Debug)]
pub(super) struct Sight {
    looks: Vec<Look>,
    /// The sessions that had nothing to do before the question was asked.
    idle: Vec<Pid>,
}

/// What was seen of one session.
#[derive(Debug)]
struct Look {
    pid: Pid,
    /// PostgreSQL's own verdict, on which isolationtester relies.
    is_blocked: bool,
    blockers: Vec<Pid>,
}

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It waits for no session of the test.
    Free,
    /// It waits for a session at work, which may be about to end by itself.
    Passing,
    /// It waits in a circle, or behind one.
    Circling,
    /// It waits, and will until another step is played.
    Lasting,
}

/// The question about sessions that have something to do, among all sessions of the test.
pub(super) fn question(busy: &[Pid], all: &[Pid]) -> String {
    let (busy, all) = (array(busy), array(all));
    format!(
        "select pid, pg_catalog.pg_isolation_test_session_is_blocked(pid, '{all}'), \
         pg_catalog.array_to_string(pg_catalog.pg_blocking_pids(pid) || pg_catalog.pg_safe_snapshot_blocking_pids(pid), ',') \
         from pg_catalog.unnest('{busy}'::pg_catalog.int4[]) as busy(pid)"
    )
}

fn array(pids: &[Pid]) -> String {
    let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
    format!("{{{}}}", pids.join(","))
}

impl Sight {
    /// Reads the answer. `idle` are the sessions of which it was known before the question that they have nothing to do.
    pub(super) fn read(rows: &[Row], idle: Vec<Pid>) -> Option<Self> {
        Some(Self { looks: rows.iter().map(look).collect::<Option<_>>()?, idle })
    }

    /// How this session stands.
    pub(super) fn standing(&self, pid: Pid) -> Standing {
        match self.look(pid) {
            Some(look) if look.is_blocked && self.lasts(look, &mut Vec::new()) => Standing::Lasting,
            Some(look) if look.is_blocked && self.leads_to_work(pid, &mut Vec::new()) => {
                Standing::Passing
            }
            Some(look) if look.is_blocked => Standing::Circling,
            _ => Standing::Free,
        }
    }

    fn look(&self, pid: Pid) -> Option<&Look> {
        self.looks.iter().find(|look| look.pid == pid)
    }

    fn lasts(&self, look: &Look, seen: &mut Vec<Pid>) -> bool {
        seen.push(look.pid);
        look.blockers.iter().any(|&blocker| {
            blocker == Pid::PREPARED
                || self.idle.contains(&blocker)
                || !seen.contains(&blocker)
                    && self.look(blocker).is_some_and(|behind| self.lasts(behind, seen))
        })
    }

    /// Whether somebody at work stands at the end of what this session waits for.
    fn leads_to_work(&self, pid: Pid, seen: &mut Vec<Pid>) -> bool {
        seen.push(pid);
        match self.look(pid) {
            Some(look) if !look.blockers.is_empty() => look
                .blockers
                .iter()
                .any(|&blocker| !seen.contains(&blocker) && self.leads_to_work(blocker, seen)),
            _ => true,
        }
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

    fn sight(looks: &[(i32, bool, &[i32])], idle: &[i32]) -> Sight {
        let look = |&(pid, is_blocked, blockers): &(i32, bool, &[i32])| Look {
            pid: Pid(pid),
            is_blocked,
            blockers: blockers.iter().copied().map(Pid).collect(),
        };
        Sight {
            looks: looks.iter().map(look).collect(),
            idle: idle.iter().copied().map(Pid).collect(),
        }
    }

    #[test]
    fn a_wait_for_an_idle_session_lasts() {
        let sight = sight(&[(2, true, &[1])], &[1]);
        assert_eq!(sight.standing(Pid(2)), Standing::Lasting);
    }

    #[test]
    fn a_wait_behind_one_that_lasts_lasts() {
        let sight = sight(&[(2, true, &[1]), (3, true, &[2])], &[1]);
        assert_eq!(sight.standing(Pid(3)), Standing::Lasting);
    }

    #[test]
    fn a_wait_for_a_session_at_work_passes() {
        let sight = sight(&[(2, false, &[]), (3, true, &[2])], &[1]);
        assert_eq!(sight.standing(Pid(2)), Standing::Free);
        assert_eq!(sight.standing(Pid(3)), Standing::Passing);
    }

    #[test]
    fn a_deadlock_is_a_circle() {
        let sight = sight(&[(2, true, &[3]), (3, true, &[2]), (4, true, &[3])], &[1]);
        assert_eq!(sight.standing(Pid(2)), Standing::Circling);
        assert_eq!(sight.standing(Pid(4)), Standing::Circling);
    }

    #[test]
    fn a_wait_for_somebody_outside_the_test_is_none() {
        let sight = sight(&[(2, false, &[99])], &[1]);
        assert_eq!(sight.standing(Pid(2)), Standing::Free);
    }

    #[test]
    fn a_prepared_transaction_does_not_end_by_itself() {
        let sight = sight(&[(2, true, &[0, 3]), (3, false, &[])], &[]);
        assert_eq!(sight.standing(Pid(2)), Standing::Lasting);
    }

    #[test]
    fn an_answer_is_read() {
        let row = |cells: [&str; 3]| cells.iter().map(|cell| Some((*cell).to_owned())).collect();
        let rows: [Row; 2] = [row(["7", "t", "5,6"]), row(["8", "f", ""])];
        let sight = Sight::read(&rows, vec![Pid(6)]).unwrap();
        assert_eq!(sight.standing(Pid(7)), Standing::Lasting);
        assert_eq!(sight.standing(Pid(8)), Standing::Free);
        assert!(Sight::read(&[row(["x", "t", ""])], vec![]).is_none());
    }

    proptest! {
        #[test]
        fn every_tangle_is_judged(blockers in prop::collection::vec(prop::collection::vec(1..8_i32, 0..4), 7), idle in prop::collection::vec(1..8_i32, 0..3)) {
            let looks: Vec<(i32, bool, &[i32])> = (1..).zip(&blockers).map(|(pid, of)| (pid, !of.is_empty(), of.as_slice())).collect();
            let sight = sight(&looks, &idle);
            for pid in 1..8 {
                let lasts = sight.standing(Pid(pid)) == Standing::Lasting;
                prop_assert!(!lasts || !idle.is_empty(), "nobody is idle, so nothing lasts");
            }
        }
    }
}
