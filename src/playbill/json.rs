//! A line an event. The fields are [`Event`](crate::event::Event)'s: `at` (seconds and nanoseconds from the start; zero unless times
//! were asked for), `session` (null for the runner and the house), `kind` (an object whose one key names what happened, or that
//! name alone).

use std::time::Duration;

use super::Playbill;
use crate::event::{Event, Kind, Pid};

impl Playbill<'_> {
    pub(super) fn json(&self) -> String {
        let mut out = String::new();
        for event in self.story() {
            let event = if self.options.times { event } else { timeless(event) };
            let event = if self.options.processes { event } else { nameless(event) };
            // An event holds nothing that JSON could not say: no maps with keys of other types, no numbers out of range.
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

/// The event without process numbers.
fn nameless(mut event: Event) -> Event {
    match &mut event.kind {
        Kind::Connected { pid } | Kind::Notification { from: pid, .. } => *pid = Pid(0),
        _ => {}
    }
    event
}
