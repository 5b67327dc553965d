//! What was seen in a play: who read what, who committed, and what stood in somebody's way.

use std::collections::BTreeSet;

use crate::core::event::{Event, Kind, SessionName};

/// What can stand in an anomaly's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// Somebody had to wait.
    Wait,
    /// Somebody was refused with 40001, and has to begin again.
    Refusal,
    /// Somebody was refused at COMMIT with 40001 (OC000), the optimistic engine's word.
    Optimistic,
}

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// Every value that was read, in order, and by whom; by nobody at the end.
    reads: Vec<(Option<SessionName>, String)>,
    committed: BTreeSet<SessionName>,
    means: BTreeSet<Means>,
}

impl Evidence {
    pub(super) fn of(events: &[Event]) -> Self {
        let mut evidence = Self::default();
        for event in events {
            evidence.apply(event);
        }
        evidence
    }

    fn apply(&mut self, event: &Event) {
        match (&event.kind, &event.session) {
            (Kind::Rows(rows), reader) => {
                let values = rows.iter().flatten().flatten();
                self.reads.extend(values.map(|value| (reader.clone(), value.clone())));
            }
            (Kind::Done { tag, .. }, Some(session)) if tag == "COMMIT" => {
                self.committed.insert(session.clone());
            }
            (Kind::Waiting(_), _) => {
                self.means.insert(Means::Wait);
            }
            (Kind::Failed(message), _) if message.code == "40001" => {
                let is_optimistic = message.message.contains("(OC000)");
                let means = if is_optimistic { Means::Optimistic } else { Means::Refusal };
                self.means.insert(means);
            }
            _ => {}
        }
    }

    /// What stood in the way, in the order in which it is met.
    pub(super) fn means(&self) -> Vec<Means> {
        self.means.iter().copied().collect()
    }

    pub(super) fn committed(&self, name: &str) -> bool {
        self.committed.contains(&SessionName::new(name))
    }

    pub(super) fn read(&self, name: &str, value: &str) -> bool {
        self.reads_of(name).any(|read| read == value)
    }

    /// Whether one of the `early` values was read, and after it one of the `late` ones.
    pub(super) fn read_before(&self, name: &str, early: &[&str], late: &[&str]) -> bool {
        let mut after = self.reads_of(name).skip_while(|read| !early.contains(read));
        after.any(|read| late.contains(&read))
    }

    /// Whether the look at the end showed all of these.
    pub(super) fn ends_with(&self, values: &[&str]) -> bool {
        let shown =
            |value: &&str| self.reads.iter().any(|(by, read)| by.is_none() && read == value);
        values.iter().all(shown)
    }

    fn reads_of(&self, name: &str) -> impl Iterator<Item = &str> {
        let own = move |by: &Option<SessionName>| by.as_ref().is_some_and(|by| by.as_str() == name);
        self.reads.iter().filter(move |(by, _)| own(by)).map(|(_, read)| read.as_str())
    }
}
