//! What came of the statement that was sent last, in whichever session: its answer, and who went on
//! because of it. That is what a room looks at.

use std::time::Duration;

use super::{Pane, Release};
use crate::core::event::{Kind, Wait};

/// Of one session, what came since the statement that was sent last.
#[derive(Clone, Debug, Default)]
pub(super) struct Latest {
    /// The number of the first line that came since.
    from: u64,
    /// Which of all statements was sent last in this session; 0 where none was.
    sent: u64,
    /// The wait that has ended and whose statement is not answered yet.
    ended: Option<Wait>,
    release: Option<Release>,
}

impl Latest {
    /// The session no longer waits.
    pub(super) fn wait_ended(&mut self, wait: Wait) {
        self.ended = Some(wait);
    }

    /// Folds what the server answers: whether whoever was in the way let it through.
    pub(super) fn apply(&mut self, kind: &Kind, now: Duration) {
        let was_let_through = match kind {
            Kind::Done { .. } => true,
            Kind::Failed(message) => !is_given_up(&message.code),
            _ => return,
        };
        let ended = self.ended.take().filter(|_| was_let_through);
        if let Some(release) = ended.and_then(|wait| Release::from(&wait, now)) {
            self.release = Some(release);
        }
    }
}

impl Pane {
    /// A statement was sent in some session, and in this one if it has a number: what comes from
    /// now on came after it.
    pub(crate) fn turn_to_what_comes(&mut self, sent: Option<u64>) {
        let incoming = self.incoming.as_ref().map(|incoming| incoming.from);
        let from = incoming.unwrap_or_else(|| self.scrollback.end());
        (self.latest.from, self.latest.release) = (from, None);
        self.latest.sent = sent.unwrap_or(self.latest.sent);
    }

    /// Which of all statements was sent last in this session; 0 where none was.
    pub fn sent_last(&self) -> u64 {
        self.latest.sent
    }

    /// Whether the line with this number came after the statement that was sent last, in whichever
    /// session.
    pub fn is_latest(&self, line: u64) -> bool {
        line >= self.latest.from
    }

    /// Whether anything was said here since the statement that was sent last.
    pub fn has_news(&self) -> bool {
        self.latest.from < self.scrollback.end()
    }

    /// Who has let this session go on, as long as that stands out.
    pub fn release(&self, now: Duration) -> Option<&Release> {
        self.latest.release.as_ref().filter(|release| release.ends_at() > now)
    }
}

/// Whether a statement that fails so has given up its wait: a deadlock, a time limit, a person or
/// an administrator has ended it.
fn is_given_up(code: &str) -> bool {
    matches!(code, "40P01" | "55P03") || code.starts_with("57")
}
