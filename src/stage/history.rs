//! What has happened since the fresh setup, to be looked at and to be exported.

use crate::core::event::{Event, SessionName};

pub mod event_log;

pub use event_log::{Completeness, EventLog};

use super::timeline::Timeline;

/// The timeline, and the events themselves.
#[derive(Clone, Debug, Default)]
pub struct History {
    timeline: Timeline,
    log: EventLog,
    /// How many statements were typed.
    typed: u64,
}

impl History {
    /// That of a fresh setup with these sessions.
    pub(super) fn of(sessions: &[SessionName]) -> Self {
        Self { timeline: Timeline::new(sessions), ..Self::default() }
    }

    /// Who did what when.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Everything that is kept.
    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// How many statements were typed, which no replay sends again.
    pub(super) fn typed(&self) -> u64 {
        self.typed
    }

    /// One more statement is typed.
    pub(super) fn count_typed(&mut self) {
        self.typed += 1;
    }

    /// One more session.
    pub(super) fn join(&mut self, name: &SessionName) {
        self.timeline.join(name);
    }

    /// Folds an event.
    pub(super) fn apply(&mut self, event: &Event) {
        self.timeline.apply(event);
        self.log.apply(event);
    }
}
