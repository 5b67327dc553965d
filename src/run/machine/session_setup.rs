//! What sessions do before the first step: the setups that isolationtester's files give to each,
//! one after the other.

use std::collections::VecDeque;

use super::failure::Failure;
use crate::core::event::{Event, Kind, SessionName};
use crate::core::scenario::{Scenario, Statement};

/// The setups of sessions that are still to be played, and the one that is being played.
#[derive(Debug, Default)]
pub(crate) struct SessionSetup {
    ahead: VecDeque<(SessionName, Statement)>,
    on: Option<(SessionName, Statement)>,
}

impl SessionSetup {
    /// All of the scenario's.
    pub(crate) fn of(scenario: &Scenario) -> Self {
        let setup = |player: &crate::core::scenario::Player| {
            player.setup.clone().map(|sql| (player.name.clone(), sql))
        };
        Self { ahead: scenario.sessions.iter().filter_map(setup).collect(), on: None }
    }

    /// The next setup; with none left, all of this is over.
    pub(crate) fn next(&mut self) -> Option<(SessionName, String)> {
        self.on = self.ahead.pop_front();
        self.on.as_ref().map(|(session, setup)| (session.clone(), setup.sql.clone()))
    }

    /// Whether steps can be played.
    pub(crate) fn is_over(&self) -> bool {
        self.ahead.is_empty() && self.on.is_none()
    }

    /// Why the play cannot go on, if this event says that the setup being played has failed.
    pub(crate) fn failure(&self, event: &Event, scenario: &Scenario) -> Option<String> {
        let is_on = |on: &&(SessionName, Statement)| event.session.as_ref() == Some(&on.0);
        let (session, setup) = self.on.as_ref().filter(is_on)?;
        let failure = match &event.kind {
            Kind::Failed(message) => Failure::Refused(message.clone()),
            Kind::Lost { reason, .. } => Failure::Lost(reason.clone()),
            _ => return None,
        };
        let place = scenario.place_of(setup, failure.position());
        let told = failure.told(setup);
        Some(format!("the setup of session {session} failed at {place}\n{told}"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::core::event::ServerMessage;
    use crate::core::scenario::spec_file;

    #[test]
    fn setups_are_played_in_the_order_of_the_sessions_and_may_fail() {
        let text =
            "session a setup {1} step a1 {2} session b step b1 {3} session c setup {4} step c1 {5}";
        let spec = spec_file::parse(text, Path::new("a.spec"), "a").unwrap();
        let (a, c) = (SessionName::new("a"), SessionName::new("c"));
        let mut setups = SessionSetup::of(&spec);
        assert_eq!(setups.next(), Some((a.clone(), "1".to_owned())));
        assert_eq!(setups.next(), Some((c.clone(), "4".to_owned())));
        let failed = |session: &SessionName| Event {
            at: Duration::ZERO,
            session: Some(session.clone()),
            kind: Kind::Failed(ServerMessage::default()),
        };
        assert_eq!(setups.failure(&failed(&a), &spec), None);
        let told = setups.failure(&failed(&c), &spec).unwrap();
        assert!(told.starts_with("the setup of session c failed at a.spec:1:72\n"), "{told}");
        assert!(!setups.is_over());
        assert!(setups.next().is_none() && setups.is_over());
    }
}
