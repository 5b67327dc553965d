//! Locks of servers that lock keys in a lock table of their own: YugabyteDB and CockroachDB.
//!
//! Both tell who (by `application_name`, since backend pids are not to be trusted across nodes),
//! which key, how, and whether it is granted. What they do not tell is the order of a queue.

use sqlx::FromRow;

use super::Roster;
use crate::core::event::{Blocker, Certainty, Pid, SessionName, Wait, WaitTarget};
use crate::core::seats::{Hold, HoldKind, Holder, RowWaiter, WatchedRow};
use crate::observer::flavor::Source;

/// What the sessions put before their names.
const APPLICATION: &str = "overbooked/";

/// A lock on a key, held or awaited.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(super) struct KeyLock {
    application: String,
    owner: String,
    relation: String,
    key: Option<String>,
    mode: String,
    granted: bool,
    /// The transactions in the way, where the server names them.
    blocked_by: Option<Vec<String>>,
}

impl KeyLock {
    /// CockroachDB prints the key as `/Table/107/1/"A"/4/0`: table, index, values, column family.
    pub(super) fn read_for(mut self, source: Source) -> Self {
        if source == Source::CockroachDb {
            self.key = self.key.as_deref().and_then(cockroach_key);
        }
        self
    }

    fn session<'a>(&self, roster: &'a Roster) -> Option<&'a (SessionName, Pid)> {
        let name = self.application.strip_prefix(APPLICATION)?;
        roster.iter().find(|(known, _)| known.as_str() == name)
    }

    fn holder(&self, roster: &Roster) -> Holder {
        match self.session(roster) {
            Some((name, _)) => Holder::Session(name.clone()),
            None => Holder::Foreign(self.application.clone()),
        }
    }

    fn blocker(&self, roster: &Roster) -> Blocker {
        match self.session(roster) {
            Some((name, _)) => Blocker::Session(name.clone()),
            // Not 0: that is a prepared transaction, and a wait for one counts as stable
            // (`run/machine/quiet.rs`). A stranger may move on without us.
            None => Blocker::Foreign { pid: Pid(-1), application: self.application.clone() },
        }
    }

    fn is_on(&self, table: &str, place: &WatchedRow) -> bool {
        self.relation == table && self.key.as_ref() == Some(&place.key)
    }

    fn is_in_the_way_of(&self, waiting: &Self) -> bool {
        // Another waiter stands ahead or behind, and these servers do not say which: only holders
        // count.
        if self.owner == waiting.owner || !self.granted {
            return false;
        }
        match &waiting.blocked_by {
            Some(owners) => owners.contains(&self.owner),
            None => self.relation == waiting.relation && self.key == waiting.key,
        }
    }

    fn kind(&self) -> HoldKind {
        match self.mode.as_str() {
            "Intent" => HoldKind::Write,
            "Exclusive" | "Update" => HoldKind::Update,
            "Shared" => HoldKind::Share,
            // Put in front by `yugabyte_locks.sql`. Asked first: a row lock that was asked for has
            // STRONG modes too, and has changed nothing.
            mode if mode.starts_with("explicit") => HoldKind::Lock,
            mode if mode.contains("STRONG_WRITE") => HoldKind::Write,
            _ => HoldKind::Lock,
        }
    }
}

fn cockroach_key(pretty: &str) -> Option<String> {
    // `/Table/106/1/"A"/4/0`: the table, the index, the key's values, the column family.
    let mut parts = cockroach_parts(pretty.strip_prefix("/Table/")?).into_iter().skip(2);
    let mut values: Vec<String> = parts.by_ref().collect();
    values.pop()?;
    (!values.is_empty()).then(|| values.join("-"))
}

/// What stands between slashes. In a quoted value a slash is one of its own characters, and a
/// backslash stands before a quote that is (Go's `%q`).
fn cockroach_parts(pretty: &str) -> Vec<String> {
    let (mut parts, mut is_quoted) = (vec![String::new()], false);
    let mut characters = pretty.chars();
    while let Some(character) = characters.next() {
        let part = parts.len() - 1;
        match character {
            '\\' if is_quoted => parts[part].extend(characters.next()),
            '"' => is_quoted = !is_quoted,
            '/' if !is_quoted => parts.push(String::new()),
            other => parts[part].push(other),
        }
    }
    parts
}

/// Who waits for whom, for which key.
pub(super) fn waits(locks: &[KeyLock], roster: &Roster) -> Vec<(SessionName, Wait)> {
    let mut waits: Vec<(SessionName, Wait)> = Vec::new();
    for waiting in locks.iter().filter(|lock| !lock.granted) {
        let Some((name, _)) = waiting.session(roster) else { continue };
        let mut blockers: Vec<Blocker> = Vec::new();
        for lock in locks.iter().filter(|lock| lock.is_in_the_way_of(waiting)) {
            let blocker = lock.blocker(roster);
            if !blockers.contains(&blocker) {
                blockers.push(blocker);
            }
        }
        // A statement may stand in line for several keys; its session waits once all the same.
        if !blockers.is_empty() && !waits.iter().any(|(known, _)| known == name) {
            waits.push((name.clone(), wait(waiting, blockers)));
        }
    }
    waits
}

fn wait(waiting: &KeyLock, blockers: Vec<Blocker>) -> Wait {
    let target =
        WaitTarget::Row { table: waiting.relation.clone(), key: waiting.key.clone(), wants: None };
    Wait { blockers, target, certainty: Certainty::Observed }
}

/// The same by pids, for the quiet rule. A blocker that is no session of the run is pid -1.
pub(super) fn blocked(locks: &[KeyLock], roster: &Roster) -> Vec<(Pid, Vec<Pid>)> {
    let pid = |name: &SessionName| {
        roster.iter().find(|(known, _)| known == name).map_or(Pid(-1), |(_, pid)| *pid)
    };
    let blocker = |blocker: &Blocker| match blocker {
        Blocker::Session(name) => pid(name),
        Blocker::Prepared(_) => Pid::PREPARED,
        Blocker::Foreign { pid, .. } => *pid,
    };
    let told = waits(locks, roster);
    told.iter()
        .map(|(name, wait)| (pid(name), wait.blockers.iter().map(blocker).collect()))
        .collect()
}

/// Puts holders and waiters to a table's places.
pub(super) fn settle(locks: &[KeyLock], roster: &Roster, table: &str, places: &mut [WatchedRow]) {
    for place in places {
        let here: Vec<&KeyLock> = locks.iter().filter(|lock| lock.is_on(table, place)).collect();
        for lock in here {
            let who = lock.holder(roster);
            if lock.granted {
                super::look::join(
                    &mut place.holders,
                    Hold { holder: who, kind: lock.kind(), becomes: None },
                );
            } else if !place.waiters.iter().any(|waiter| waiter.who == who) {
                place.waiters.push(RowWaiter { who, wants: String::new() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(who: &str, key: &str, mode: &str, granted: bool) -> KeyLock {
        KeyLock {
            application: format!("overbooked/{who}"),
            owner: format!("transaction of {who}"),
            relation: "seats".to_owned(),
            key: Some(key.to_owned()),
            mode: mode.to_owned(),
            granted,
            blocked_by: None,
        }
    }

    fn roster() -> Vec<(SessionName, Pid)> {
        vec![(SessionName::new("Alice"), Pid(11)), (SessionName::new("Bob"), Pid(12))]
    }

    fn place(key: &str) -> WatchedRow {
        WatchedRow {
            key: key.to_owned(),
            values: Vec::new(),
            committed: true,
            holders: Vec::new(),
            waiters: Vec::new(),
        }
    }

    #[test]
    fn a_cockroach_key_reads_as_ours() {
        assert_eq!(cockroach_key("/Table/107/1/\"A\"/4/0").as_deref(), Some("A-4"));
        assert_eq!(cockroach_key("/Table/107/1/\"a/\\\"b\"/4/0").as_deref(), Some("a/\"b-4"));
        assert_eq!(cockroach_key("/Table/107/1/0"), None);
        assert_eq!(cockroach_key("/Meta2"), None);
    }

    #[test]
    fn whoever_has_the_key_is_waited_for() {
        let locks = [
            lock("Alice", "A-4", "Intent", true),
            lock("Bob", "A-4", "Exclusive", false),
            lock("Bob", "A-5", "Exclusive", true),
        ];
        let told = waits(&locks, &roster());
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].0.as_str(), "Bob");
        assert_eq!(told[0].1.blockers, [Blocker::Session(SessionName::new("Alice"))]);
        assert_eq!(blocked(&locks, &roster()), [(Pid(12), vec![Pid(11)])]);
    }

    #[test]
    fn transactions_that_are_named_come_before_keys() {
        let waiting = KeyLock {
            blocked_by: Some(vec!["transaction of Alice".to_owned()]),
            ..lock("Bob", "A-4", "{STRONG_READ}", false)
        };
        let locks = [lock("Alice", "A-9", "{STRONG_READ,STRONG_WRITE}", true), waiting];
        assert_eq!(waits(&locks, &roster()).len(), 1);
    }

    #[test]
    fn holders_and_waiters_come_to_their_places() {
        let locks = [lock("Alice", "A-4", "Intent", true), lock("Eve", "A-4", "Exclusive", false)];
        let mut places = [place("A-4"), place("A-5")];
        settle(&locks, &roster(), "seats", &mut places);
        assert_eq!(places[0].holders[0].kind, HoldKind::Write);
        assert_eq!(places[0].waiters[0].who, Holder::Foreign("overbooked/Eve".to_owned()));
        assert!(places[1].holders.is_empty());
    }
}
