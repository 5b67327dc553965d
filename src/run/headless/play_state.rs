//! Where a play stands: a fold over its events, with what was asked for.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::core::event::{Event, Kind, SessionName};

/// Where the play stands.
#[derive(Default)]
pub(super) struct PlayState {
    pub(super) next: usize,
    pub(super) phase: Phase,
    /// A step was asked for, and the run has not said that it went out.
    pub(super) is_asked: bool,
    /// Nothing more can be done before a session whose turn it is has its answer.
    pub(super) is_held: bool,
    /// The sessions that have not been answered, each with the launch that they are busy with.
    pub(super) busy: BTreeMap<SessionName, Option<usize>>,
    pub(super) deadline: Option<Instant>,
}

/// How far a play has come, in the order of time.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// The sessions are on their way.
    #[default]
    Entrance,
    /// They were ready for the first step.
    Steps,
    /// The `finally` part is being looked at, which only the runner's own session sends anything
    /// for.
    FinalQuery,
    /// Everything has been played.
    Over,
}

impl PlayState {
    pub(super) fn apply(&mut self, event: &Event) {
        let Some(session) = &event.session else {
            match event.kind {
                // Only forwards: it falls quiet after the final query, too.
                Kind::Quiet => self.phase = self.phase.max(Phase::Steps),
                Kind::Sent { .. } => self.phase = self.phase.max(Phase::FinalQuery),
                _ => {}
            }
            return;
        };
        match &event.kind {
            Kind::Sent { step, .. } => {
                self.busy.insert(session.clone(), *step);
            }
            Kind::Ready { .. } | Kind::Lost { .. } | Kind::Closed => {
                self.busy.remove(session);
            }
            _ => {}
        }
    }
}
