//! Which of a run's sessions holds which key, and who waits behind whom: etcd knows keys, and no
//! people.
//!
//! To the run each of these sessions has a process number below zero, which no backend has.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use super::keyspace::Keyspace;
use crate::core::event::{Blocker, Certainty, Pid, SessionName, Wait, WaitTarget};
use crate::parts::PartError;
use crate::parts::etcd_client::{Etcd, LeaseId};

/// Changes that are remembered, to tell whose they were.
const REMEMBERED: usize = 1000;

/// What a run's sessions hold. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    keyspace: OnceCell<Keyspace>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How many sessions there have been.
    sessions: i32,
    /// How many are connected.
    present: u32,
    /// Whose key it is that others wait for.
    owners: HashMap<String, Pid>,
    waits: BTreeMap<Pid, Behind>,
    /// The leases that commands have asked for: each is called by its place, from 1.
    leases: Vec<LeaseId>,
    changes: VecDeque<OwnChange>,
}

/// Somebody waits for this key to go.
#[derive(Clone, Debug)]
struct Behind {
    key: String,
    /// What would be had then, in words: `lock seats/A-4`.
    what: String,
}

/// A change that one of the sessions has made.
#[derive(Debug)]
struct OwnChange {
    revision: i64,
    by: Pid,
    /// The keys that may have changed.
    keys: Touched,
}

/// The keys that a command changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Touched {
    One(String),
    Prefix(String),
}

impl Touched {
    pub(super) fn meets(&self, watched: &Self) -> bool {
        match (self, watched) {
            (Self::One(key), Self::One(watched)) => key == watched,
            (Self::One(key), Self::Prefix(prefix)) => key.starts_with(prefix.as_str()),
            (Self::Prefix(prefix), Self::One(key)) => key.starts_with(prefix.as_str()),
            (Self::Prefix(one), Self::Prefix(other)) => {
                one.starts_with(other.as_str()) || other.starts_with(one.as_str())
            }
        }
    }
}

impl Claims {
    /// One more session.
    pub(super) fn enter(&self) -> Pid {
        let mut state = self.state();
        state.sessions += 1;
        Pid(-state.sessions)
    }

    /// Where the run's keys are: made by the first session that is connected. Whoever has it is
    /// one more who is.
    pub(super) async fn keyspace(&self, etcd: &mut Etcd) -> Result<Keyspace, PartError> {
        let keyspace = self.0.keyspace.get_or_try_init(|| Keyspace::make(etcd)).await?.clone();
        self.state().present += 1;
        Ok(keyspace)
    }

    /// One session is connected no longer; whether it was the last.
    pub(super) fn leave(&self) -> bool {
        let mut state = self.state();
        state.present = state.present.saturating_sub(1);
        state.present == 0
    }

    /// What the sessions call this lease, which one of them was granted.
    pub(super) fn name_lease(&self, lease: LeaseId) -> i64 {
        let mut state = self.state();
        state.leases.push(lease);
        i64::try_from(state.leases.len()).unwrap_or(i64::MAX)
    }

    /// The lease that they call so.
    pub(super) fn lease(&self, number: i64) -> Option<LeaseId> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        self.state().leases.get(place).copied()
    }

    /// This session's claim has this key.
    pub(super) fn own(&self, key: &str, pid: Pid) {
        self.state().owners.insert(key.to_owned(), pid);
    }

    /// The session waits for that key to go.
    pub(super) fn wait(&self, pid: Pid, key: &str, what: &str) {
        let behind = Behind { key: key.to_owned(), what: what.to_owned() };
        self.state().waits.insert(pid, behind);
    }

    /// The session waits no longer.
    pub(super) fn go_on(&self, pid: Pid) {
        self.state().waits.remove(&pid);
    }

    /// The session has made this change.
    pub(super) fn note_change(&self, revision: i64, by: Pid, keys: Touched) {
        let mut state = self.state();
        if state.changes.len() == REMEMBERED {
            state.changes.pop_front();
        }
        state.changes.push_back(OwnChange { revision, by, keys });
    }

    /// Whose change it was, as far as it is known.
    pub(super) fn author(&self, revision: i64) -> Option<Pid> {
        let state = self.state();
        state.changes.iter().find(|change| change.revision == revision).map(|change| change.by)
    }

    /// The last change of ours that a watch of these keys is told.
    pub(super) fn last_change(&self, watched: &Touched) -> Option<i64> {
        let state = self.state();
        let met = state.changes.iter().filter(|change| change.keys.meets(watched));
        met.map(|change| change.revision).max()
    }

    /// Who is in whose way, among these; nobody means that it runs.
    pub(crate) fn blocked(&self, busy: &[Pid]) -> Vec<(Pid, Vec<Pid>)> {
        let state = self.state();
        let blockers = |pid: &Pid| {
            let behind = state.waits.get(pid)?;
            Some(vec![state.owners.get(&behind.key).copied().unwrap_or(Pid::UNTOLD)])
        };
        busy.iter().map(|pid| (*pid, blockers(pid).unwrap_or_default())).collect()
    }

    /// Who waits for what, in words.
    pub(crate) fn waits(&self, roster: &[(SessionName, Pid)]) -> Vec<(SessionName, Wait)> {
        let state = self.state();
        let name = |pid: &Pid| roster.iter().find(|(_, known)| known == pid).map(|(name, _)| name);
        let waits = state.waits.iter().filter_map(|(pid, behind)| {
            let owner = state.owners.get(&behind.key).and_then(name);
            let somebody = || Blocker::Foreign { pid: Pid::UNTOLD, application: String::new() };
            let blocker = owner.cloned().map_or_else(somebody, Blocker::Session);
            let wait = Wait {
                blockers: vec![blocker],
                target: WaitTarget::Other(behind.what.clone()),
                certainty: Certainty::Observed,
            };
            Some((name(pid)?.clone(), wait))
        });
        waits.collect()
    }

    /// What was noted stays true, whoever panicked beside it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_is_behind_the_session_whose_key_is_there() {
        let claims = Claims::default();
        let (alice, bob) = (claims.enter(), claims.enter());
        claims.own("lock/1", alice);
        claims.own("lock/2", bob);
        claims.wait(bob, "lock/1", "lock a");
        assert_eq!(claims.blocked(&[alice, bob]), [(alice, vec![]), (bob, vec![alice])]);
        let roster = [(SessionName::new("A"), alice), (SessionName::new("B"), bob)];
        let [(name, wait)] = &claims.waits(&roster)[..] else { panic!("one waits") };
        assert_eq!(name.as_str(), "B");
        assert_eq!(wait.blockers, [Blocker::Session(SessionName::new("A"))]);
        assert_eq!(wait.target.to_string(), "lock a");
        claims.go_on(bob);
        assert!(claims.waits(&roster).is_empty());
    }

    #[test]
    fn a_key_of_nobodys_in_the_run_is_somebody_elses() {
        let claims = Claims::default();
        let alice = claims.enter();
        claims.wait(alice, "lock/9", "lock a");
        assert_eq!(claims.blocked(&[alice]), [(alice, vec![Pid::UNTOLD])]);
        let roster = [(SessionName::new("A"), alice)];
        assert_eq!(claims.waits(&roster)[0].1.blockers[0].to_string(), "somebody else");
    }

    #[test]
    fn a_change_is_known_by_its_author_and_by_whom_it_reaches() {
        let claims = Claims::default();
        let alice = claims.enter();
        claims.note_change(7, alice, Touched::One("seats/A-4".to_owned()));
        claims.note_change(9, alice, Touched::Prefix("seats/".to_owned()));
        assert_eq!((claims.author(7), claims.author(8)), (Some(alice), None));
        let last = |watched| claims.last_change(&watched);
        assert_eq!(last(Touched::One("seats/B-1".to_owned())), Some(9));
        assert_eq!(last(Touched::Prefix("se".to_owned())), Some(9));
        assert_eq!(last(Touched::One("other".to_owned())), None);
    }
}
