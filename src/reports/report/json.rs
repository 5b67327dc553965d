//! A line an event. What the lines say is documented for users in `docs/json.md`, which a test
//! holds to the truth; the fields are [`Event`](crate::core::event::Event)'s.

use std::time::Duration;

use super::PlayReport;
use crate::core::event::{Event, Kind, Pid};
use crate::reports::transcript::{Options, Processes, without_processes};

impl PlayReport<'_> {
    pub(super) fn json(&self) -> String {
        let mut processes = Processes::default();
        let mut out = String::new();
        for event in self.story() {
            if let (Kind::Connected { pid }, Some(name)) = (&event.kind, &event.session) {
                processes.learn(*pid, name);
            }
            if !self.options.times && matches!(event.kind, Kind::WatchedTables(_)) {
                // When the watched tables are read beside the steps is a matter of time.
                continue;
            }
            let event = if self.options.times { event } else { timeless(event) };
            let event = if self.options.processes {
                event
            } else {
                nameless(event, &processes, self.options)
            };
            // An event holds nothing that JSON could not say: no maps with keys of other types, no
            // numbers out of range.
            out.push_str(&serde_json::to_string(&event).unwrap_or_default());
            out.push('\n');
        }
        out
    }
}

/// The event without what differs from run to run in time.
fn timeless(mut event: Event) -> Event {
    event.at = Duration::ZERO;
    match &mut event.kind {
        Kind::Ready { elapsed, .. } => *elapsed = Duration::ZERO,
        Kind::Resumed { waited } => *waited = Duration::ZERO,
        Kind::Conflict(conflict) => conflict.since = None,
        _ => {}
    }
    event
}

/// The event without process numbers: sessions by their names where a message speaks of processes.
fn nameless(mut event: Event, processes: &Processes, options: Options) -> Event {
    match &mut event.kind {
        Kind::Connected { pid } | Kind::Notification { from: pid, .. } => *pid = Pid::UNTOLD,
        Kind::Waiting(wait) => *wait = without_processes(wait),
        Kind::Failed(message) | Kind::Notice(message) => {
            *message = processes.told(message, options).into_owned();
        }
        _ => {}
    }
    event
}
