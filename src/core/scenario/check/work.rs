//! What a session is doing, or has done last.

use super::Part;
use super::answer::{Answer, Outcome};
use crate::core::event::{Certainty, Kind, Wait};
use crate::core::scenario::{Expected, Whom};

/// What a session is doing, or has done last.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    pub(super) part: Option<Part>,
    /// Whether it is in the middle of something.
    pub(super) is_busy: bool,
    pub(super) wait: Option<Wait>,
    /// The last wait, be it over or not.
    pub(super) last_wait: Option<Wait>,
    /// Whether a person has asked to cancel it.
    pub(super) is_to_be_cancelled: bool,
    pub(super) answer: Answer,
    /// What stands before the names of the variables that keep its only row, if any do.
    pub(super) keeps: Option<String>,
}

impl Work {
    pub(super) fn apply(&mut self, kind: &Kind) {
        match kind {
            Kind::Ready { .. } => self.end(),
            Kind::Lost { reason, .. } => {
                self.answer.push(Outcome::Lost(reason.clone()));
                self.end();
            }
            Kind::Waiting(wait) => self.wait(wait),
            Kind::Resumed { .. } => self.wait = None,
            kind => self.answer.apply(kind),
        }
    }

    /// The variables that keep the row of the statement that is done, if it has one alone. What is
    /// NULL is in none.
    pub(super) fn take_kept(&mut self) -> Vec<(String, Option<String>)> {
        let Some(prefix) = self.keeps.take() else { return Vec::new() };
        let [.., Outcome::Row { columns, values }, Outcome::Done { rows: Some(1), .. }] =
            self.outcomes()
        else {
            return Vec::new();
        };
        let kept = columns.iter().zip(values);
        kept.map(|(name, value)| (format!("{prefix}{name}"), value.clone())).collect()
    }

    fn end(&mut self) {
        self.is_busy = false;
        self.wait = None;
    }

    fn wait(&mut self, wait: &Wait) {
        self.wait = Some(wait.clone());
        self.last_wait = Some(wait.clone());
    }

    pub(super) fn outcomes(&self) -> &[Outcome] {
        self.answer.outcomes()
    }

    pub(super) fn is_lost(&self) -> bool {
        self.outcomes().iter().any(|outcome| matches!(outcome, Outcome::Lost(_)))
    }

    /// Whether the database says that it waits for them.
    pub(super) fn waits_for(&self, whom: &Whom) -> bool {
        self.wait.as_ref().is_some_and(|wait| is_for(wait, whom))
    }

    /// Whether it has waited for them, as far as that can be known: a wait may be over before
    /// anybody has looked, and then its answer must be one that a wait leads to.
    pub(super) fn has_waited_for(&self, whom: &Whom, then: &Expected) -> bool {
        match &self.last_wait {
            Some(wait) => is_for(wait, whom),
            // A lock timeout's. NOWAIT has the same code, and there nobody has waited.
            None => {
                let is_refusal =
                    matches!(then, Expected::Error { code, .. } if code.as_str() == "55P03");
                is_refusal && !self.outcomes().iter().any(Outcome::is_of_nowait)
            }
        }
    }

    /// What it does, in a few words: `waits for Bob`, `UPDATE 1`.
    pub(super) fn describe(&self) -> String {
        match &self.wait {
            _ if !self.is_busy => self.answer.describe(),
            None => "no answer yet".to_owned(),
            Some(wait) if wait.blockers.is_empty() => "waits".to_owned(),
            Some(wait) => {
                let names: Vec<String> = wait.blockers.iter().map(ToString::to_string).collect();
                let sure = match wait.certainty {
                    Certainty::Observed => "waits for",
                    Certainty::Guessed => "seems to wait for",
                };
                format!("{sure} {}", names.join(" and "))
            }
        }
    }
}

fn is_for(wait: &Wait, whom: &Whom) -> bool {
    wait.certainty == Certainty::Observed && wait.blockers.iter().any(|other| whom.is(other))
}
