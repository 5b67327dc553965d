//! Whose pid is whose: sessions of the run by their names, everybody else by what they call
//! themselves.

use std::collections::HashMap;

use super::Roster;
use crate::core::event::{Blocker, Pid, SessionName};
use crate::core::seats::Holder;

/// The run's sessions and the applications of foreign backends.
pub(super) struct People<'a> {
    roster: &'a Roster,
    applications: HashMap<Pid, String>,
}

impl<'a> People<'a> {
    pub(super) fn new(roster: &'a Roster) -> Self {
        Self { roster, applications: HashMap::new() }
    }

    /// The session behind a pid, if it is one of the run's.
    pub(super) fn session(&self, pid: Pid) -> Option<&'a SessionName> {
        self.roster.iter().find(|(_, known)| *known == pid).map(|(name, _)| name)
    }

    /// Those pids that nobody here knows yet.
    pub(super) fn strangers(&self, pids: impl IntoIterator<Item = Pid>) -> Vec<i32> {
        let unknown = |pid: &Pid| {
            *pid != Pid::PREPARED
                && self.session(*pid).is_none()
                && !self.applications.contains_key(pid)
        };
        let mut strangers: Vec<i32> = pids.into_iter().filter(unknown).map(|pid| pid.0).collect();
        strangers.sort_unstable();
        strangers.dedup();
        strangers
    }

    /// Remembers what foreign backends call themselves.
    pub(super) fn introduce(&mut self, applications: impl IntoIterator<Item = (Pid, String)>) {
        self.applications.extend(applications);
    }

    /// The pid as somebody in the way.
    fn blocker(&self, pid: Pid, prepared: Option<&String>) -> Blocker {
        if pid == Pid::PREPARED {
            return Blocker::Prepared(prepared.cloned());
        }
        match self.session(pid) {
            Some(name) => Blocker::Session(name.clone()),
            None => Blocker::Foreign { pid, application: self.application(pid).to_owned() },
        }
    }

    /// Everybody in the way in an order that is the same every time: sessions as on the screen,
    /// prepared transactions, strangers.
    pub(super) fn blockers(&self, pids: &[Pid], prepared: Option<&String>) -> Vec<Blocker> {
        let mut blockers: Vec<Blocker> =
            pids.iter().map(|pid| self.blocker(*pid, prepared)).collect();
        blockers.sort_by_cached_key(|blocker| in_order(blocker, self.roster));
        blockers
    }

    /// The pid as the holder of a lock.
    pub(super) fn holder(&self, pid: Pid) -> Holder {
        if pid == Pid::PREPARED {
            return Holder::Prepared;
        }
        match self.session(pid) {
            Some(name) => Holder::Session(name.clone()),
            None => Holder::Foreign(match self.application(pid) {
                "" => format!("process {pid}"),
                application => application.to_owned(),
            }),
        }
    }

    /// One of these pids, as the holder of a lock.
    pub(super) fn one_of(&self, pids: &[Pid]) -> Holder {
        match pids {
            [pid] => self.holder(*pid),
            _ => {
                let mut names: Vec<SessionName> =
                    pids.iter().filter_map(|pid| self.session(*pid)).cloned().collect();
                names.sort();
                match names.len() {
                    0 => Holder::Foreign("one of several processes".to_owned()),
                    _ => Holder::OneOf(names),
                }
            }
        }
    }

    fn application(&self, pid: Pid) -> &str {
        self.applications.get(&pid).map_or("", String::as_str)
    }
}

/// Where somebody stands among those in the way. Pids say nothing: they differ from run to run.
fn in_order(blocker: &Blocker, roster: &Roster) -> (usize, String) {
    let place = |name: &SessionName| roster.iter().position(|(known, _)| known == name);
    match blocker {
        Blocker::Session(name) => (place(name).unwrap_or(roster.len()), String::new()),
        Blocker::Prepared(gid) => (roster.len() + 1, gid.clone().unwrap_or_default()),
        Blocker::Foreign { application, .. } => (roster.len() + 2, application.clone()),
    }
}
