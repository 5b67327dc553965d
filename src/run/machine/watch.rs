//! A query that is sent again and again, until somebody stops it: psql's `\watch`.
//!
//! ```text
//!  sent ──▶ answered ──▶ so long later ──▶ sent ──▶ ...      an error or a key ends it
//! ```

use std::sync::Arc;
use std::time::Duration;

use crate::core::event::{Form, SubmissionId, Typed};
use crate::run::participant::Submission;

/// A query that is repeated.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    sql: Arc<str>,
    answer: Form,
    every: Duration,
    /// When it is sent next, once it is answered.
    pub(crate) due: Option<Duration>,
    /// Whether somebody has stopped it while it was on its way.
    pub(crate) is_stopped: bool,
}

impl Watch {
    /// That of a submission, if it is to be repeated.
    pub(crate) fn of(submission: &Submission) -> Option<Self> {
        let typed = submission.typed.as_ref()?;
        let (sql, answer) = (Arc::clone(&submission.sql), typed.answer.clone());
        Some(Self { sql, answer, every: typed.every?, due: None, is_stopped: false })
    }

    /// It is answered: from now on the time counts.
    pub(crate) fn answered(&mut self, now: Duration) {
        self.due = Some(now + self.every);
    }

    /// The same once more.
    pub(crate) fn again(&self, id: SubmissionId) -> Submission {
        let typed =
            Typed { line: String::new(), answer: self.answer.clone(), every: Some(self.every) };
        Submission { id, sql: Arc::clone(&self.sql), step: None, typed: Some(Box::new(typed)) }
    }
}
