//! What has happened since the fresh setup, kept to be exported.
//!
//! It is kept as it came, without the pictures of the tables, which are large and told by nobody. A
//! log that grows beyond 32 MiB forgets its beginning.

use std::collections::VecDeque;

use crate::core::event::{Event, Kind, ServerMessage};
use crate::reports::psql::IS_SUPERUSER;

/// About how many bytes are kept: hundreds of results of a thousand rows.
const KEPT: usize = 32 << 20;

/// A session so far.
#[derive(Clone, Debug, Default)]
pub struct EventLog {
    events: VecDeque<Event>,
    weight: usize,
    completeness: Completeness,
}

/// Whether a log still has its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Completeness {
    #[default]
    Complete,
    /// So much has happened that the beginning is forgotten.
    Truncated,
}

impl EventLog {
    /// Writes an event down.
    pub fn apply(&mut self, event: &Event) {
        if matches!(event.kind, Kind::WatchedTables(_)) || is_idle_talk(&event.kind) {
            return;
        }
        self.weight += weight(event);
        self.events.push_back(event.clone());
        while self.weight > KEPT {
            let Some(forgotten) = self.events.pop_front() else { return };
            self.weight -= weight(&forgotten);
            self.completeness = Completeness::Truncated;
        }
    }

    /// Everything that is kept, in the order in which it came.
    pub fn events(&self) -> Vec<Event> {
        self.events.iter().cloned().collect()
    }

    /// Whether the beginning is among it.
    pub fn completeness(&self) -> Completeness {
        self.completeness
    }
}

/// Whether it is a parameter of which neither how SQL is read nor a prompt depends.
fn is_idle_talk(kind: &Kind) -> bool {
    let Kind::Parameter { name, .. } = kind else { return false };
    kind.strings().is_none() && name != IS_SUPERUSER
}

/// About how many bytes an event takes.
fn weight(event: &Event) -> usize {
    let message = |m: &ServerMessage| {
        let parts = [&m.detail, &m.hint, &m.context].into_iter().flatten();
        m.message.len() + parts.map(String::len).sum::<usize>()
    };
    let told = match &event.kind {
        Kind::Sent { sql, .. } => sql.len() + event.kind.line().map_or(0, str::len),
        Kind::Rows(rows) => {
            let value =
                |value: &Option<String>| size_of_val(value) + value.as_ref().map_or(0, String::len);
            rows.iter().map(|row| size_of_val(row) + row.iter().map(value).sum::<usize>()).sum()
        }
        Kind::Columns(columns) => columns.iter().map(|c| size_of_val(c) + c.name.len()).sum(),
        Kind::Failed(m) | Kind::Notice(m) => message(m),
        Kind::Note(text) => text.len(),
        Kind::Held { sql, .. } => sql.len(),
        _ => 0,
    };
    size_of::<Event>() + told
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_event_log_does_not_grow_for_ever() {
        let mut log = EventLog::default();
        let row = vec![Some("x".repeat(1000))];
        let event = Event { at: Duration::ZERO, session: None, kind: Kind::Rows(vec![row; 1000]) };
        for _ in 0..20 {
            log.apply(&event);
        }
        assert_eq!((log.events().len(), log.completeness()), (20, Completeness::Complete));
        for _ in 0..80 {
            log.apply(&event);
        }
        assert!(log.events().len() < 40);
        assert_eq!(log.completeness(), Completeness::Truncated);
    }

    #[test]
    fn what_was_held_and_never_sent_takes_room_too() {
        let mut log = EventLog::default();
        for _ in 0..10 {
            let (does, why) = (String::new(), String::new());
            let kind = Kind::Held { sql: "x".repeat(8 << 20).into(), does, why, patience: None };
            log.apply(&Event { at: Duration::ZERO, session: None, kind });
        }
        assert!(log.events().len() < 4, "{}", log.events().len());
    }
}
