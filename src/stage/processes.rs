//! Which server process is whose, so that the DETAIL of a deadlock can be read on the screen.
//!
//! ```text
//! DETAIL:  Process 4711 waits for ShareLock on transaction 745; blocked by process 4712.
//!     ──▶  Bob waits for ShareLock on transaction 745; blocked by Alice.
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::core::event::{Event, Kind, Pid, ServerMessage, SessionName};

/// What is said under a message that names stand in: the server did not say them.
pub(super) const NAMES_ARE_OURS: &str =
    "(the server gave process numbers; Overbooked put the names in their place)";

/// The SQLSTATE of a deadlock.
const DEADLOCK_DETECTED: &str = "40P01";

/// Which process is whose.
#[derive(Clone, Debug, Default)]
pub(super) struct Processes(BTreeMap<Pid, SessionName>);

impl Processes {
    /// Folds an event of this session.
    pub(super) fn apply(&mut self, name: &SessionName, event: &Event) {
        if let Kind::Connected { pid } = &event.kind {
            self.0.insert(*pid, name.clone());
        }
    }

    /// The event of a deadlock, with names in the place of processes; nothing where there is
    /// nothing to put a name to.
    pub(super) fn named(&self, event: &Event) -> Option<Event> {
        let Kind::Failed(message) = &event.kind else { return None };
        let detail = message.detail.as_deref().filter(|_| message.code == DEADLOCK_DETECTED)?;
        let Cow::Owned(named) = self.with_names(detail) else { return None };
        let message = ServerMessage { detail: Some(named), ..message.clone() };
        Some(Event { kind: Kind::Failed(message), ..event.clone() })
    }

    /// The text with names for numbers. In English a process is called one, and the word goes with
    /// the number; in other languages the number is all that is known.
    fn with_names<'a>(&self, detail: &'a str) -> Cow<'a, str> {
        let is_english = detail.contains("rocess ");
        let mut told = String::with_capacity(detail.len());
        let mut rest = detail;
        let mut is_named = false;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let end = rest[at..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |n| at + n);
            let (before, number) = (&rest[..at], &rest[at..end]);
            let word = before.len().saturating_sub("process ".len());
            let is_process = before.get(word..).is_some_and(|w| w.eq_ignore_ascii_case("process "));
            let name = number.parse().ok().and_then(|pid| self.0.get(&Pid(pid)));
            match name.filter(|_| is_process || !is_english) {
                Some(name) => {
                    told.push_str(if is_process { &before[..word] } else { before });
                    told.push_str(name.as_str());
                    is_named = true;
                }
                None => told.push_str(&rest[..end]),
            }
            rest = &rest[end..];
        }
        if is_named { Cow::Owned(told + rest) } else { Cow::Borrowed(detail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn processes() -> Processes {
        let names = [(4711, "Bob"), (745, "Alice")];
        Processes(names.map(|(pid, name)| (Pid(pid), SessionName::new(name))).into())
    }

    #[test]
    fn processes_get_names_and_transactions_keep_their_numbers() {
        let said = "Process 4711 waits for ShareLock on transaction 745; blocked by process 745.\n\
            Process 745 waits for ShareLock on transaction 746; blocked by process 99.";
        assert_eq!(
            processes().with_names(said),
            "Bob waits for ShareLock on transaction 745; blocked by Alice.\n\
             Alice waits for ShareLock on transaction 746; blocked by process 99."
        );
        let german = "Prozess 4711 wartet auf Transaktion 1; blockiert von Prozess 99.";
        let told = "Prozess Bob wartet auf Transaktion 1; blockiert von Prozess 99.";
        assert_eq!(processes().with_names(german), told);
    }

    #[test]
    fn only_a_deadlock_is_told_by_names() {
        let event = |code: &str| {
            let (code, detail) = (code.to_owned(), Some("Process 4711 waits.".to_owned()));
            let message = ServerMessage { code, detail, ..ServerMessage::default() };
            Event { at: std::time::Duration::ZERO, session: None, kind: Kind::Failed(message) }
        };
        assert!(processes().named(&event("40P01")).is_some());
        assert!(processes().named(&event("P0001")).is_none(), "that is what somebody says");
        assert!(Processes::default().named(&event("40P01")).is_none());
    }
}
