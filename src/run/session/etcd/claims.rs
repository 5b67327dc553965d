//! Which of a run's sessions holds which key, and who waits behind whom: etcd knows keys, and no
//! people.
//!
//! To the run each of these sessions has a process number below zero, which no backend has.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, watch};

use super::keyspace::Keyspace;
use crate::core::etcd_command::Range;
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
    keyspace: AsyncMutex<Option<Keyspace>>,
    state: Mutex<State>,
    /// How many changes are on their way, whose authors are not noted yet.
    writing: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    /// How many sessions there have been.
    sessions: i32,
    /// How many are connected.
    present: u32,
    /// Whose key it is that others wait for.
    owners: HashMap<String, Owner>,
    waits: BTreeMap<Pid, Behind>,
    /// The leases that commands have asked for: each is called by its place, from 1.
    leases: Vec<LeaseId>,
    changes: VecDeque<OwnChange>,
}

/// Whose a key is, and on what it lives.
#[derive(Clone, Copy, Debug)]
struct Owner {
    pid: Pid,
    lease: LeaseId,
    /// Whether one of the sessions has deleted it: nobody waits for it, whatever it has seen.
    is_gone: bool,
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
    key: String,
}

/// A change that is on its way.
pub(super) struct Writing(Claims);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.0.writing.send_modify(|writing| *writing = writing.saturating_sub(1));
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
        let mut shared = self.0.keyspace.lock().await;
        let keyspace = match &*shared {
            Some(keyspace) => keyspace.clone(),
            None => shared.insert(Keyspace::make(etcd).await?).clone(),
        };
        self.state().present += 1;
        Ok(keyspace)
    }

    /// One session is connected no longer. With the last one the keys go, and whoever comes later
    /// begins with others: gives the lease that they live on.
    pub(super) async fn leave(&self) -> Option<LeaseId> {
        let mut shared = self.0.keyspace.lock().await;
        let mut state = self.state();
        state.present = state.present.saturating_sub(1);
        let is_last = state.present == 0;
        drop(state);
        shared.take_if(|_| is_last).map(|keyspace| keyspace.lease)
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

    /// This session's claim has this key, on this lease.
    pub(super) fn own(&self, key: &str, pid: Pid, lease: LeaseId) {
        self.state().owners.insert(key.to_owned(), Owner { pid, lease, is_gone: false });
    }

    /// The key is deleted. Whoever has waited for it goes on, and will hear so: until then it must
    /// not be told to wait.
    pub(super) fn key_gone(&self, key: &str) {
        let mut state = self.state();
        state.waits.retain(|_, behind| behind.key != key);
        if let Some(owner) = state.owners.get_mut(key) {
            owner.is_gone = true;
        }
    }

    /// The lease has been ended, and with it its keys.
    pub(super) fn lease_gone(&self, lease: LeaseId) {
        let state = self.state();
        let on_it = state.owners.iter().filter(|(_, owner)| owner.lease == lease);
        let keys: Vec<String> = on_it.map(|(key, _)| key.clone()).collect();
        drop(state);
        for key in &keys {
            self.key_gone(key);
        }
    }

    /// A change is on its way until this is dropped, whose author is noted before that.
    pub(super) fn writing(&self) -> Writing {
        self.0.writing.send_modify(|writing| *writing += 1);
        Writing(self.clone())
    }

    /// The session waits for that key to go.
    pub(super) fn wait(&self, pid: Pid, key: &str, what: &str) {
        let mut state = self.state();
        if !state.owners.get(key).is_some_and(|owner| owner.is_gone) {
            let behind = Behind { key: key.to_owned(), what: what.to_owned() };
            state.waits.insert(pid, behind);
        }
    }

    /// The session waits no longer.
    pub(super) fn go_on(&self, pid: Pid) {
        self.state().waits.remove(&pid);
    }

    /// The session has made this change of this key.
    pub(super) fn note_change(&self, revision: i64, by: Pid, key: String) {
        let mut state = self.state();
        if state.changes.len() == REMEMBERED {
            state.changes.pop_front();
        }
        state.changes.push_back(OwnChange { revision, by, key });
    }

    /// Whose change it was, as far as it is known. etcd may tell whoever watches before it answers
    /// whoever writes, so what is on its way is waited for.
    pub(super) async fn author(&self, revision: i64) -> Option<Pid> {
        let mut writing = self.0.writing.subscribe();
        loop {
            // Looked at first: an author is noted before the change is no longer on its way.
            let is_writing = *writing.borrow_and_update() > 0;
            let known = self.known_author(revision);
            if known.is_some() || !is_writing || writing.changed().await.is_err() {
                return known;
            }
        }
    }

    fn known_author(&self, revision: i64) -> Option<Pid> {
        let state = self.state();
        state.changes.iter().find(|change| change.revision == revision).map(|change| change.by)
    }

    /// The last change of ours that a watch of these keys is told.
    pub(super) fn last_change(&self, watched: &Range) -> Option<i64> {
        let state = self.state();
        let met = state.changes.iter().filter(|change| watched.has(&change.key));
        met.map(|change| change.revision).max()
    }

    /// Who is in whose way, among these; nobody means that it runs.
    pub(crate) fn blocked(&self, busy: &[Pid]) -> Vec<(Pid, Vec<Pid>)> {
        let state = self.state();
        let blockers = |pid: &Pid| {
            let behind = state.waits.get(pid)?;
            Some(vec![state.owners.get(&behind.key).map_or(Pid::UNTOLD, |owner| owner.pid)])
        };
        busy.iter().map(|pid| (*pid, blockers(pid).unwrap_or_default())).collect()
    }

    /// Who waits for what, in words.
    pub(crate) fn waits(&self, roster: &[(SessionName, Pid)]) -> Vec<(SessionName, Wait)> {
        let state = self.state();
        let name = |pid: &Pid| roster.iter().find(|(_, known)| known == pid).map(|(name, _)| name);
        let waits = state.waits.iter().filter_map(|(pid, behind)| {
            let owner = state.owners.get(&behind.key).and_then(|owner| name(&owner.pid));
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
        claims.own("lock/1", alice, LeaseId::numbered(1));
        claims.own("lock/2", bob, LeaseId::numbered(2));
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
    fn nobody_waits_for_a_key_that_one_of_the_sessions_has_deleted() {
        let claims = Claims::default();
        let (alice, bob) = (claims.enter(), claims.enter());
        claims.own("lock/1", alice, LeaseId::numbered(1));
        claims.wait(bob, "lock/1", "lock a");
        claims.lease_gone(LeaseId::numbered(1));
        assert_eq!(claims.blocked(&[bob]), [(bob, vec![])]);
        claims.wait(bob, "lock/1", "lock a");
        assert_eq!(claims.blocked(&[bob]), [(bob, vec![])], "it has looked before it was deleted");
        claims.own("lock/1", alice, LeaseId::numbered(3));
        claims.wait(bob, "lock/1", "lock a");
        assert_eq!(claims.blocked(&[bob]), [(bob, vec![alice])], "it is there again");
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

    #[tokio::test]
    async fn who_has_written_is_waited_for_while_the_answer_is_on_its_way() {
        let claims = Claims::default();
        let alice = claims.enter();
        let writing = claims.writing();
        let noted = async {
            claims.note_change(7, alice, "a".to_owned());
            drop(writing);
        };
        let (author, ()) = tokio::join!(claims.author(7), noted);
        assert_eq!(author, Some(alice));
        assert_eq!(claims.author(8).await, None, "somebody else");
    }

    #[test]
    fn a_change_is_known_by_its_author_and_by_whom_it_reaches() {
        let claims = Claims::default();
        let alice = claims.enter();
        claims.note_change(7, alice, "seats/A-4".to_owned());
        claims.note_change(9, alice, "seats/B-1".to_owned());
        assert_eq!((claims.known_author(7), claims.known_author(8)), (Some(alice), None));
        let last =
            |key: &str, is_prefix| claims.last_change(&Range { key: key.to_owned(), is_prefix });
        assert_eq!(last("seats/A-4", false), Some(7));
        assert_eq!(last("se", true), Some(9));
        assert_eq!(last("seats/", false), None);
    }
}
