//! The server's reply to a client's statement, handed on as it comes.

use std::io;

use super::Protocol;
use super::held::Held;
use super::queue::{Does, Progress};
use crate::gateway::backend::{BackendError, error_field};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::Statement;
use crate::gateway::transaction::tables::Rewritten;
use crate::pg::frame::{ClientTag, FromServer, ServerTag};
use crate::pg::message::{ErrorFields, Message as _, ParameterStatus};

/// How the server answered what was sent.
#[derive(Default)]
pub(super) struct Reply {
    pub(super) held: Held,
    pub(super) refused: Option<FromServer>,
    pub(super) progress: Progress,
}

impl Protocol {
    /// Passes the answers to what was sent on, up to `ReadyForQuery`; the last word is kept.
    pub(super) async fn reply(&mut self, sent: &[Does]) -> Result<Reply, BackendError> {
        let mut reply = Reply::default();
        loop {
            let frame = self.next_reply().await?;
            match frame.tag {
                ServerTag::Ready => return Ok(reply),
                ServerTag::Error => reply.refused = Some(frame),
                ServerTag::CommandComplete | ServerTag::EmptyQuery => {
                    reply.held = Held::Frame(frame);
                }
                ServerTag::CopyIn => {
                    self.copy_in(&frame).await?;
                    // The server has taken the Sync behind messages for a part of the copy.
                    if !sent.is_empty() {
                        self.backend.put_sync();
                        self.backend.flush().await?;
                    }
                }
                _ => {
                    reply.progress.note(frame.tag);
                    self.hand_over(&frame).await?;
                }
            }
        }
    }

    /// What the server says next while it runs the client's statement, which is given up when
    /// another client needs the way.
    async fn next_reply(&mut self) -> Result<FromServer, BackendError> {
        let signal = self.transaction.signal();
        loop {
            let frame = tokio::select! {
                frame = self.backend.next() => frame?,
                // Only once: a second cancellation might hit what the gateway asks afterwards.
                () = signal.wait(), if !self.gave_up => {
                    self.give_up().await;
                    continue;
                }
            };
            if frame.tag == ServerTag::Parameter {
                self.note_parameter(&frame);
            }
            return Ok(frame);
        }
    }

    /// Passes on what the server said. A client that does not read has its statement given up when
    /// another needs the way; while DDL acts nobody's pace counts, and the little that it says is
    /// kept.
    async fn hand_over(&mut self, frame: &FromServer) -> io::Result<()> {
        if self.gave_up {
            return Ok(());
        }
        self.pass(frame);
        if !self.client.is_full() || self.transaction.acts() {
            return Ok(());
        }
        let signal = self.transaction.signal();
        tokio::select! {
            biased;
            () = signal.wait() => self.give_up().await,
            flushed = self.client.flush() => flushed?,
        }
        Ok(())
    }

    /// Hands the client's COPY data to the server until one of them ends it, or another client
    /// needs the way.
    async fn copy_in(&mut self, begins: &FromServer) -> Result<(), BackendError> {
        self.client.pass(begins);
        let signal = self.transaction.signal();
        while !self.gave_up {
            let frame = tokio::select! {
                biased;
                () = signal.wait() => break,
                frame = self.client.exchange() => frame?,
            };
            let Some(frame) = frame else {
                return Err(BackendError::Lost(io::ErrorKind::UnexpectedEof.into()));
            };
            match frame.tag {
                // While it copies in, the server ignores them as well (PostgreSQL documentation,
                // 54.2.6).
                ClientTag::Flush | ClientTag::Sync => {}
                ClientTag::CopyData => {
                    self.backend.put_messages(frame.bytes());
                    if self.backend.is_full() {
                        self.backend.flush().await?;
                    }
                }
                // CopyDone or CopyFail. Any other message makes the server fail the COPY; either
                // way what follows is its answer.
                _ => {
                    self.backend.put_messages(frame.bytes());
                    return Ok(self.backend.flush().await?);
                }
            }
        }
        self.gave_up = true;
        // Not by a cancellation: a server that waits for COPY data does not look at one
        // (`ProcessClientReadInterrupt`).
        self.backend.put_copy_failure("given up");
        Ok(self.backend.flush().await?)
    }

    async fn give_up(&mut self) {
        self.gave_up = true;
        // Where it does not arrive, the rest of the answer is read and dropped.
        self.backend.cancel().await;
    }

    /// Ends the transaction whose statement was given up, if it was.
    pub(super) async fn end_given_up(&mut self) -> Result<(), BackendError> {
        if !std::mem::take(&mut self.gave_up) {
            return Ok(());
        }
        self.transaction.abandon(&mut self.backend).await?;
        self.names.drop_portals();
        Err(Refusal::schema_changed().into())
    }

    fn note_parameter(&mut self, frame: &FromServer) {
        if let Ok(ParameterStatus { name: b"application_name", value }) =
            ParameterStatus::read(frame)
            && let Ok(value) = str::from_utf8(value)
        {
            self.transaction.rename(value);
        }
    }
}

/// A client's text as it was sent, which stands so many characters into what the client sent.
#[derive(Clone, Copy)]
pub(super) struct Submitted<'a> {
    pub(super) statement: &'a Statement,
    pub(super) rewritten: &'a Rewritten,
    pub(super) before: usize,
}

impl Submitted<'_> {
    /// An error whose position is one in the client's own text.
    pub(super) fn moved(self, frame: &FromServer) -> FromServer {
        // Not `p`, which is a place in a text of the server's own, a function's body (PostgreSQL
        // documentation, 54.8).
        let Some(position) = error_field(frame, b'P') else { return frame.clone() };
        let Ok(position) = position.parse::<usize>() else { return frame.clone() };
        let place = self.statement.place(self.rewritten.place(position)) + self.before;
        let place = place.to_string();
        let Ok(fields) = ErrorFields::read(frame) else { return frame.clone() };
        let at_its_place =
            |(letter, text)| (letter, if letter == b'P' { place.as_bytes() } else { text });
        frame.with_error_fields(fields.iter().map(at_its_place))
    }
}
