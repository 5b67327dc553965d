//! What was read after the last step: the answer to the scenario's `finally` part, as psql draws
//! it.

use crate::core::event::Kind;
use crate::reports::psql::{self, Verbosity};
use crate::stage::panes::result::Incoming;
use crate::stage::panes::scrollback::{Line, Look};

/// The answer, as far as it has come.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    incoming: Option<Incoming>,
    lines: Vec<Line>,
}

impl Ending {
    /// What there is to show.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Folds an event of the runner's own connection.
    pub(super) fn apply(&mut self, kind: &Kind) {
        match kind {
            Kind::Columns(columns) => self.incoming = Some(Incoming::new(columns.clone(), 0)),
            Kind::Rows(rows) => {
                if let Some(incoming) = &mut self.incoming {
                    incoming.take(rows);
                }
            }
            Kind::Done { tag, rows } => match self.incoming.take() {
                Some(incoming) => self.lines.extend(incoming.lines(Some(*rows))),
                None => self.lines.push(Line::new(Look::Tag, tag)),
            },
            Kind::Failed(message) => {
                self.incoming = None;
                let words = psql::message(message, "", Verbosity::WithCode);
                self.lines.extend(words.iter().map(|words| Line::new(Look::Error, words)));
            }
            Kind::Lost { reason, .. } => {
                self.lines.push(Line::new(Look::Lost, &format!("connection lost: {reason}")));
            }
            _ => {}
        }
    }
}
