//! A pause: a step of nobody's, which begins and ends as a submission does.

use std::sync::Arc;
use std::time::Duration;

use crate::core::event::{Event, Kind, SessionName, SubmissionId, TransactionStatus};

/// A pause that is being made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    submission: SubmissionId,
    length: Duration,
    end: Duration,
}

impl Pause {
    pub(crate) fn begin(submission: SubmissionId, length: Duration, now: Duration) -> Self {
        Self { submission, length, end: now + length }
    }

    /// When it ends.
    pub(crate) fn end(&self) -> Duration {
        self.end
    }

    pub(crate) fn is_over(&self, now: Duration) -> bool {
        self.end <= now
    }

    /// The event that begins it, as this launch of the schedule.
    pub(crate) fn beginning(&self, launch: usize, at: Duration) -> Event {
        let sql = Arc::from(format!("-- pause {} ms", self.length.as_millis()));
        let kind = Kind::Sent { submission: self.submission, sql, step: Some(launch), typed: None };
        Event { at, session: Some(SessionName::pause()), kind }
    }

    /// The event that ends it.
    pub(crate) fn ending(&self, at: Duration) -> Event {
        let (submission, status) = (self.submission, TransactionStatus::Idle);
        let kind = Kind::Ready { submission, status, elapsed: self.length };
        Event { at, session: Some(SessionName::pause()), kind }
    }
}
