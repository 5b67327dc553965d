//! What sessions do before the first step: the setups that isolationtester's files give to each, one after the other.

use std::collections::VecDeque;

use crate::event::{Event, Kind, SessionName};
use crate::scenario::Scenario;

/// The setups of sessions that are still to be played, and the one that is being played.
#[derive(Debug, Default)]
pub(crate) struct Prologue {
    ahead: VecDeque<(SessionName, String)>,
    on: Option<SessionName>,
}

impl Prologue {
    /// All of the scenario's.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let setup = |player: &crate::scenario::Player| {
            player.setup.clone().map(|sql| (player.name.clone(), sql))
        };
        Self { ahead: scenario.sessions.iter().filter_map(setup).collect(), on: None }
    }

    /// The next setup; with none left, the prologue is over.
    pub(crate) fn next(&mut self) -> Option<(SessionName, String)> {
        let next = self.ahead.pop_front();
        self.on = next.as_ref().map(|(session, _)| session.clone());
        next
    }

    /// Whether steps can be played.
    pub(crate) fn is_over(&self) -> bool {
        self.ahead.is_empty() && self.on.is_none()
    }

    /// Why the play cannot go on, if this event says that the setup being played has failed.
    pub(crate) fn failure(&self, event: &Event) -> Option<String> {
        let session = self.on.as_ref().filter(|on| event.session.as_ref() == Some(on))?;
        match &event.kind {
            Kind::Failed(e) => Some(format!(
                "the setup of session {session} failed: {}: {} ({})",
                e.severity, e.message, e.code
            )),
            Kind::Lost { reason, .. } => {
                Some(format!("the setup of session {session} failed: {reason}"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::event::ServerMessage;
    use crate::scenario::spec_file;

    #[test]
    fn setups_are_played_in_the_order_of_the_sessions_and_may_fail() {
        let text =
            "session a setup {1} step a1 {2} session b step b1 {3} session c setup {4} step c1 {5}";
        let spec = spec_file::parse(text, Path::new("a.spec"), "a").unwrap();
        let (a, c) = (SessionName::new("a"), SessionName::new("c"));
        let mut prologue = Prologue::of(&spec);
        assert_eq!(prologue.next(), Some((a.clone(), "1".to_owned())));
        assert_eq!(prologue.next(), Some((c.clone(), "4".to_owned())));
        let failed = |session: &SessionName| Event {
            at: Duration::ZERO,
            session: Some(session.clone()),
            kind: Kind::Failed(ServerMessage::default()),
        };
        assert!(prologue.failure(&failed(&a)).is_none() && prologue.failure(&failed(&c)).is_some());
        assert!(!prologue.is_over());
        assert!(prologue.next().is_none() && prologue.is_over());
    }
}
