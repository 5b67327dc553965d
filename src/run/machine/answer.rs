//! An answer that is waited for before anything else is done: those of the setup and the teardown.

use super::failure::Failure;
use crate::core::event::{Event, Kind, SessionName, SubmissionId};

/// What a session was sent last, and what has been answered so far.
#[derive(Debug)]
pub(crate) struct AwaitedAnswer {
    session: SessionName,
    submission: SubmissionId,
    failure: Option<Failure>,
}

impl AwaitedAnswer {
    /// Nothing has been answered yet.
    pub(crate) fn new(session: SessionName, submission: SubmissionId) -> Self {
        Self { session, submission, failure: None }
    }

    /// Takes in what happened next; how it went, once that is known. Answers to what the session
    /// was sent before may still be on their way.
    pub(crate) fn hear(&mut self, event: &Event) -> Option<Result<(), Failure>> {
        if event.session.as_ref() != Some(&self.session) {
            return None;
        }
        match &event.kind {
            Kind::Failed(message) => self.failure = Some(Failure::Refused(message.clone())),
            // A loss answers everything that was submitted before it; no `Ready` will follow.
            Kind::Lost { reason, .. } => return Some(Err(Failure::Lost(reason.clone()))),
            Kind::Ready { submission, .. } if *submission == self.submission => {
                return Some(self.failure.take().map_or(Ok(()), Err));
            }
            // That was the end of an earlier submission, and the failure was its own.
            Kind::Ready { .. } => self.failure = None,
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::event::{ServerMessage, TransactionStatus};

    fn of(session: &str, kind: Kind) -> Event {
        Event { at: Duration::ZERO, session: Some(SessionName::new(session)), kind }
    }

    fn ready(submission: u64) -> Event {
        let (submission, status) = (SubmissionId(submission), TransactionStatus::Idle);
        of("Alice", Kind::Ready { submission, status, elapsed: Duration::ZERO })
    }

    fn failed() -> Event {
        of("Alice", Kind::Failed(ServerMessage::default()))
    }

    fn awaited() -> AwaitedAnswer {
        AwaitedAnswer::new(SessionName::new("Alice"), SubmissionId(2))
    }

    #[test]
    fn it_ends_with_its_own_ready_and_remembers_a_failure() {
        let mut answer = awaited();
        assert!(answer.hear(&failed()).is_none());
        assert!(matches!(answer.hear(&ready(2)), Some(Err(Failure::Refused(_)))));
    }

    #[test]
    fn what_was_sent_before_fails_on_its_own_account() {
        let mut answer = awaited();
        assert!(answer.hear(&failed()).is_none() && answer.hear(&ready(1)).is_none());
        assert!(matches!(answer.hear(&ready(2)), Some(Ok(()))));
    }

    #[test]
    fn nobody_answers_for_somebody_else() {
        let lost =
            |session| of(session, Kind::Lost { reason: "gone".into(), in_transaction: false });
        assert!(awaited().hear(&lost("Bob")).is_none());
        assert!(matches!(awaited().hear(&lost("Alice")), Some(Err(Failure::Lost(_)))));
    }
}
