//! One session, as the prompter knows it.

use std::time::Duration;

use super::answer::Answer;
use crate::core::event::{Kind, SessionName, TransactionStatus, Wait};
use crate::core::scenario::{Expected, Statement};

/// How a session stands.
pub(super) struct SessionLine {
    pub(super) name: SessionName,
    /// Its name in the file.
    pub(super) written: SessionName,
    pub(super) status: TransactionStatus,
    flight: Option<Flight>,
    /// When it was answered last.
    idle_since: Duration,
    /// How it was lost while idle, until it finds out: the server's last words, as a line.
    pub(super) owes: Option<Expected>,
    /// Whether somebody has spoken of a timeout for its statements.
    may_time_out: bool,
}

/// A submission that is not answered.
struct Flight {
    step: usize,
    since: Duration,
    answer: Answer,
    wait: Option<Wait>,
    /// How much of the answer had come before it began to wait, once its wait is written down.
    waits_after: Option<usize>,
    /// Whether it was lost with its connection. What follows it in its step may still be sent on
    /// the next one.
    is_lost: bool,
}

/// A submission that is answered.
pub(super) struct Done {
    pub(super) step: usize,
    /// When it was sent.
    pub(super) since: Duration,
    /// What came of it by itself.
    pub(super) own: Vec<Expected>,
    /// What came after it had waited.
    pub(super) resumed: Vec<Expected>,
    /// Whether its wait is written down.
    pub(super) waited: bool,
    /// Whether somebody cancelled it.
    pub(super) was_cancelled: bool,
    /// Whether it ended because its time was up.
    pub(super) timed_out: bool,
}

impl SessionLine {
    pub(super) fn new(name: &SessionName, written: SessionName, setup: &[Statement]) -> Self {
        Self {
            name: name.clone(),
            written,
            status: TransactionStatus::Idle,
            flight: None,
            idle_since: Duration::ZERO,
            owes: None,
            may_time_out: setup.iter().any(|statement| speaks_of_a_timeout(statement)),
        }
    }

    /// The step that is not answered.
    pub(super) fn step(&self) -> Option<usize> {
        self.flight.as_ref().filter(|flight| !flight.is_lost).map(|flight| flight.step)
    }

    /// Takes in that its connection is lost; gives the step that was not answered, and what had
    /// come of it by itself.
    pub(super) fn lose(&mut self) -> Option<(usize, Vec<Expected>)> {
        self.status = TransactionStatus::Idle;
        let flight = self.flight.as_mut().filter(|flight| !flight.is_lost)?;
        flight.is_lost = true;
        flight.wait = None;
        let mut own = flight.answer.take_lines();
        own.truncate(flight.waits_after.take().unwrap_or(own.len()));
        Some((flight.step, own))
    }

    /// Since when it has been doing nothing, or what it does now.
    pub(super) fn since(&self) -> Duration {
        self.flight.as_ref().filter(|it| !it.is_lost).map_or(self.idle_since, |it| it.since)
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.wait.is_some())
    }

    pub(super) fn send(&mut self, step: usize, sql: &str, since: Duration) {
        let answer = Answer::of(sql);
        self.may_time_out |= speaks_of_a_timeout(sql);
        self.flight =
            Some(Flight { step, since, answer, wait: None, waits_after: None, is_lost: false });
    }

    pub(super) fn apply(&mut self, kind: &Kind) {
        let Some(flight) = &mut self.flight else { return };
        match kind {
            Kind::Waiting(wait) => flight.wait = Some(wait.clone()),
            Kind::Resumed { .. } => flight.wait = None,
            kind => flight.answer.apply(kind),
        }
    }

    /// The wait that has lasted and is not written down yet, with its step.
    pub(super) fn begins_to_wait(&mut self) -> Option<(usize, &Wait)> {
        let flight = self.flight.as_mut()?;
        let wait = flight.wait.as_ref().filter(|_| flight.waits_after.is_none())?;
        flight.waits_after = Some(flight.answer.lines().len());
        Some((flight.step, wait))
    }

    pub(super) fn answered(&mut self, status: TransactionStatus, at: Duration) -> Option<Done> {
        self.status = status;
        self.idle_since = at;
        let Flight { step, since, answer, waits_after, .. } = self.flight.take()?;
        let mut own = answer.lines().to_vec();
        let resumed = waits_after.map(|at| own.split_off(at.min(own.len())));
        Some(Done {
            step,
            since,
            own,
            waited: resumed.is_some(),
            resumed: resumed.unwrap_or_default(),
            was_cancelled: answer.was_cancelled(self.may_time_out),
            timed_out: answer.timed_out(),
        })
    }
}

fn speaks_of_a_timeout(sql: &str) -> bool {
    sql.to_ascii_lowercase().contains("statement_timeout")
}
