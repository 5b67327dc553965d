//! What was read after the last step: the answer to the scenario's `finally` part, as psql draws
//! it.

use crate::core::event::Kind;
use crate::core::event::answer::{Answer, Outcome};
use crate::reports::psql::{self, Verbosity};
use crate::stage::panes::result::Incoming;
use crate::stage::panes::scrollback::{Line, Look};

/// The answer, as far as it has come.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    coming: Answer,
    lines: Vec<Line>,
}

impl Ending {
    /// What there is to show.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Folds an event of the runner's own connection.
    pub(super) fn apply(&mut self, kind: &Kind) {
        if let Kind::Lost { reason, .. } = kind {
            self.lines.push(Line::new(Look::Lost, &format!("connection lost: {reason}")));
        }
        match self.coming.apply(kind) {
            Some(Outcome::Result { columns, rows, count, .. }) => {
                let mut result = Incoming::new(columns, 0);
                result.take(&rows);
                self.lines.extend(result.lines(Some(count)));
            }
            Some(Outcome::Done { tag }) => self.lines.push(Line::new(Look::Tag, &tag)),
            Some(Outcome::Failed(message)) => {
                let words = psql::message(&message, "", Verbosity::WithCode);
                self.lines.extend(words.iter().map(|words| Line::new(Look::Error, words)));
            }
            None => {}
        }
    }
}
