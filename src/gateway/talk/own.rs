//! Messages of the gateway's own in a client's conversation, and what goes to the server in the
//! place of a statement that is refused. The client is told of neither.

use super::prepared::Launched;
use super::{Own, Sent, Talk};
use crate::core::event::{TransactionStatus, octets};
use crate::core::syntax::{Verb, verb, words};
use crate::gateway::backend::error_field;
use crate::pg::frame::{FromServer, ServerTag};
use crate::pg::message::{DataRow, Message as _};

impl Talk {
    /// Notes that a message of the gateway's own goes to the server.
    pub(crate) fn note_own(&mut self, own: Own) {
        self.sent.push_back(Sent::Own(own));
    }

    /// Notes a statement that was held when the server began to read over its unit: no answer to
    /// it comes but that the server is ready again.
    pub(crate) fn note_read_over(&mut self, launched: Launched) {
        self.sent.push_back(Sent::Execute(launched.into()));
    }

    /// The first value of the last row of the gateway's own.
    pub(crate) fn take_own_value(&mut self) -> Option<String> {
        self.own_value.take()
    }

    /// Whether this statement, refused where things stand now, leaves no block behind: PostgreSQL
    /// rolls back where a COMMIT fails.
    pub(crate) fn ends_block(&self, launched: &Launched) -> bool {
        let verb = verb(&words(launched.sql(), self.strings));
        self.status != TransactionStatus::Idle
            && matches!(verb, Verb::Commit | Verb::Rollback | Verb::PrepareTransaction)
    }

    /// What the client is told where the server says this: mostly the same.
    pub(crate) fn heard(&mut self, frame: FromServer) -> Option<FromServer> {
        if is_for_anybody(&frame) {
            return Some(frame);
        }
        match self.sent.front() {
            // None that is sent should fail. Where one does, the client is in its failed block.
            Some(Sent::Own(own)) if frame.tag == ServerTag::Error && *own != Own::Query => {
                self.sent.retain(|sent| !matches!(sent, Sent::Own(_)));
                // Of the client's nothing may be on its way that would tell so.
                self.is_skipping = true;
                Some(frame)
            }
            Some(Sent::Own(own)) => {
                let own = *own;
                self.note_own_answer(own, &frame);
                None
            }
            Some(Sent::Query(launched) | Sent::Execute(launched)) => {
                let Some(refusal) = &launched.refusal else { return Some(frame) };
                match frame.tag {
                    ServerTag::Error | ServerTag::CommandComplete => refusal.frame(),
                    ServerTag::Ready => Some(frame),
                    _ => None,
                }
            }
            _ => Some(frame),
        }
    }

    fn note_own_answer(&mut self, own: Own, frame: &FromServer) {
        let is_end = match frame.tag {
            ServerTag::Row => {
                let row = DataRow::read(frame).ok();
                let value = row.and_then(|row| row.values().next().flatten());
                self.own_value = value.map(octets::keep);
                false
            }
            ServerTag::Ready => {
                self.status = TransactionStatus::read(frame).unwrap_or(self.status);
                true
            }
            ServerTag::ParseComplete
            | ServerTag::BindComplete
            | ServerTag::CloseComplete
            | ServerTag::CommandComplete => own != Own::Query,
            _ => false,
        };
        if own == Own::Rollback && frame.tag == ServerTag::CommandComplete {
            self.status = TransactionStatus::Idle;
            self.portals.clear();
        }
        if is_end {
            self.sent.pop_front();
        }
    }
}

/// Whether a message is none that answers: what a server says at any moment, or the last that it
/// says.
fn is_for_anybody(frame: &FromServer) -> bool {
    let is_last = || {
        let severity = error_field(frame, b'V').or_else(|| error_field(frame, b'S'));
        severity.is_some_and(|severity| severity != "ERROR")
    };
    match frame.tag {
        ServerTag::Notification | ServerTag::Parameter => true,
        ServerTag::Error => is_last(),
        _ => false,
    }
}
