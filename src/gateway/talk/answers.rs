//! What the server's answers say of what is on its way: which of it is over, and where the
//! transaction stands.

use std::sync::Arc;

use super::prepared::Launched;
use super::{Ended, Sent, Talk};
use crate::core::event::TransactionStatus;
use crate::core::syntax::{self, Strings, Verb, verb};
use crate::gateway::backend::error_field;
use crate::gateway::hooks::StatementOutcome;
use crate::pg::frame::{FromServer, ServerTag};
use crate::pg::message::{Message as _, RowDescription};

impl Talk {
    /// Notes a message of the server's; the statements that it ends.
    pub(crate) fn note_answered(&mut self, frame: &FromServer) -> Vec<Ended> {
        let ended = self.read_answered(frame);
        // The COPY before it is over, if there was one.
        while let Some(Sent::CopyEnd) = self.sent.front() {
            self.sent.pop_front();
        }
        ended
    }

    fn read_answered(&mut self, frame: &FromServer) -> Vec<Ended> {
        match frame.tag {
            ServerTag::Parameter => self.note_parameter(frame),
            ServerTag::Error => return self.note_error(frame).into_iter().collect(),
            ServerTag::CommandComplete | ServerTag::EmptyQuery | ServerTag::PortalSuspended => {
                return self.end_execute(frame.tag).into_iter().collect();
            }
            // RowDescription or NoData follows it.
            ServerTag::ParameterDescription => self.note_types(frame),
            // Each of these is the last word on its message.
            ServerTag::RowDescription => {
                let columns = RowDescription::read(frame).map(RowDescription::columns);
                self.note_columns(columns.unwrap_or_default());
                self.end_step();
            }
            ServerTag::NoData => {
                self.note_columns(Vec::new());
                self.end_step();
            }
            ServerTag::ParseComplete | ServerTag::BindComplete | ServerTag::CloseComplete => {
                self.end_step();
            }
            ServerTag::CopyIn => self.begin_copy(),
            ServerTag::Ready => return self.note_ready(frame),
            _ => {}
        }
        Vec::new()
    }

    fn note_ready(&mut self, frame: &FromServer) -> Vec<Ended> {
        self.status = TransactionStatus::read(frame).unwrap_or(self.status);
        // With the transaction its portals have gone.
        if self.status == TransactionStatus::Idle {
            self.portals.clear();
        }
        self.end_message()
    }

    /// Notes that the server says nothing more; the statements of which nobody knows.
    pub(crate) fn note_end(&mut self) -> Vec<Arc<Launched>> {
        let statement = |sent| match sent {
            Sent::Query(launched) | Sent::Execute(launched) => Some(launched),
            _ => None,
        };
        self.sent.drain(..).filter_map(statement).collect()
    }

    /// What runs is over with its error. Of a Query the server says nothing more but that it is
    /// ready; in the extended protocol it reads over everything up to the next Sync.
    fn note_error(&mut self, frame: &FromServer) -> Option<Ended> {
        let code = error_field(frame, b'C').unwrap_or_default();
        self.refused.get_or_insert_with(|| code.clone());
        self.is_copying = false;
        if self.status == TransactionStatus::InTransaction {
            self.status = TransactionStatus::Failed;
        }
        let running = self.sent.pop_front()?;
        let (launched, rest) = match running {
            Sent::Query(launched) => (Some(launched), Some(Sent::Call)),
            Sent::Call => (None, Some(Sent::Call)),
            Sent::Execute(launched) => {
                self.is_skipping = true;
                (Some(launched), None)
            }
            other => {
                self.is_skipping = true;
                // Kept, since it may be the Sync itself, at whose COMMIT a deferred constraint
                // failed: its ReadyForQuery is still to come.
                (None, Some(other))
            }
        };
        if let Some(rest) = rest {
            self.sent.push_front(rest);
        }
        launched.map(|launched| (launched, StatementOutcome::Refused(code)))
    }

    /// A Parse, Bind, Describe or Close is answered. A Query describes its rows too, and is not
    /// over with that.
    fn end_step(&mut self) {
        match self.sent.pop_front() {
            Some(Sent::Parse { name, prepared }) => {
                self.prepared.insert(name, prepared);
            }
            Some(Sent::Bind { name, portal }) => {
                self.portals.insert(name, portal);
            }
            Some(Sent::Close { kind: b'S', name }) => {
                self.prepared.remove(&name);
            }
            Some(Sent::Close { name, .. }) => {
                self.portals.remove(&name);
            }
            Some(Sent::Describe(_)) | None => {}
            Some(other) => self.sent.push_front(other),
        }
    }

    /// From here to the end of its data the server reads over every Sync, those that were sent
    /// already among them.
    fn begin_copy(&mut self) {
        self.is_copying = true;
        while let Some(Sent::Sync | Sent::CopyEnd) = self.sent.get(1) {
            let is_end = matches!(self.sent.remove(1), Some(Sent::CopyEnd));
            if is_end {
                self.is_copying = false;
                return;
            }
        }
    }

    /// An Execute is over; a Query may have more statements.
    fn end_execute(&mut self, by: ServerTag) -> Option<Ended> {
        self.is_copying = false;
        match self.sent.pop_front()? {
            Sent::Execute(launched) => {
                if by == ServerTag::CommandComplete {
                    self.status = moved(self.status, &launched.sql, self.strings);
                }
                Some((launched, StatementOutcome::Done))
            }
            other => {
                self.sent.push_front(other);
                None
            }
        }
    }

    /// Everything up to the next message that this answers is over; after an error in the extended
    /// protocol that is a Sync, and everything before it was skipped.
    fn end_message(&mut self) -> Vec<Ended> {
        let refused = self.refused.take();
        let outcome = || refused.clone().map_or(StatementOutcome::Done, StatementOutcome::Refused);
        let is_skipping = std::mem::take(&mut self.is_skipping);
        let mut ended = Vec::new();
        while let Some(sent) = self.sent.pop_front() {
            let is_end = match sent {
                Sent::Execute(launched) => {
                    ended.push((launched, outcome()));
                    false
                }
                Sent::Query(launched) => {
                    ended.push((launched, outcome()));
                    !is_skipping
                }
                Sent::Call => !is_skipping,
                Sent::Sync => true,
                _ => false,
            };
            if is_end {
                break;
            }
        }
        ended
    }
}

/// Where the transaction stands behind a statement that has run.
fn moved(before: TransactionStatus, sql: &str, strings: Strings) -> TransactionStatus {
    let words = syntax::words(sql, strings);
    match verb(&words) {
        Verb::Begin | Verb::RollbackTo => TransactionStatus::InTransaction,
        // AND CHAIN begins the next, AND NO CHAIN does not.
        Verb::Commit | Verb::Rollback if syntax::has(&words, &["and", "chain"]) => {
            TransactionStatus::InTransaction
        }
        Verb::Commit | Verb::Rollback | Verb::PrepareTransaction => TransactionStatus::Idle,
        _ => before,
    }
}
