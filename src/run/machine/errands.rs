//! Statements that tidy up, sent one after the other, each when the one before has its answer.

use std::collections::VecDeque;

use super::answer::AwaitedAnswer;
use super::effects::Effects;
use super::failure::Failure;
use super::live_run::LiveRun;
use crate::core::event::{Event, SessionName};
use crate::core::scenario::Statement;

/// What is still to be sent, and what is being answered.
#[derive(Debug)]
pub(crate) struct Errands {
    ahead: VecDeque<(SessionName, Statement)>,
    awaited: Option<(AwaitedAnswer, Statement)>,
}

impl Errands {
    /// Sends the first of them.
    pub(crate) fn begin(
        ahead: impl IntoIterator<Item = (SessionName, Statement)>,
        live: &mut LiveRun,
        fx: &mut Effects,
    ) -> Self {
        let mut errands = Self { ahead: ahead.into_iter().collect(), awaited: None };
        errands.send_next(live, fx);
        errands
    }

    /// Whether all of them are answered.
    pub(crate) fn are_done(&self) -> bool {
        self.awaited.is_none()
    }

    /// Takes in what happened next; what failed, and why. The next may still be of
    /// use, unless its session is gone.
    pub(crate) fn hear(
        &mut self,
        event: &Event,
        live: &mut LiveRun,
        fx: &mut Effects,
    ) -> Option<(Statement, Failure)> {
        let (answer, statement) = self.awaited.as_mut()?;
        let outcome = answer.hear(event)?;
        let failed = outcome.err().map(|failure| (statement.clone(), failure));
        if let Some((_, Failure::Lost(_))) = failed {
            self.ahead.retain(|(session, _)| Some(session) != event.session.as_ref());
        }
        self.send_next(live, fx);
        failed
    }

    /// One that its session cannot take is left out: it will lose its connection anyway.
    fn send_next(&mut self, live: &mut LiveRun, fx: &mut Effects) {
        self.awaited = None;
        while let Some((session, statement)) = self.ahead.pop_front() {
            if let Some(answer) = live.order(&session, &statement, fx) {
                self.awaited = Some((answer, statement));
                return;
            }
        }
    }
}
