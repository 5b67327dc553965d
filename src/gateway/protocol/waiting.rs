//! Messages on their way to the server, and its answers to them.
//!
//! What a message does to names is noted when it is queued, since the messages behind it may use
//! them; where an error keeps it from being carried out, that is taken back.

use bytes::{BufMut, BytesMut};

use crate::gateway::backend::BackendError;
use crate::gateway::protocol::names::Prepared;
use crate::gateway::protocol::simple::{Held, moved};
use crate::gateway::protocol::{Session, State};
use crate::gateway::transaction::pending_changes::Ahead;
use crate::gateway::transaction::tables::Turned;
use crate::pg::frame::{FromServer, ServerTag, put};

/// A message on its way to the server.
pub(crate) struct Waiting {
    pub(crate) bytes: BytesMut,
    pub(crate) does: Does,
}

/// What a message does to the names of statements.
pub(crate) enum Does {
    Nothing,
    /// A Parse, and how its text was turned.
    Prepares(Undo, Turned),
    /// A Close of a statement.
    Closes(Undo),
    /// A Close of a portal, which an error takes away as well.
    ClosesPortal,
}

/// What was there under a name before.
pub(crate) struct Undo {
    pub(crate) name: String,
    pub(crate) before: Option<Prepared>,
}

/// How far the server got with what was sent to it.
#[derive(Default)]
struct Progress {
    parsed: usize,
    closed: usize,
}

impl Session {
    /// Sends what waits and passes the answers on, the last `CommandComplete` excepted.
    pub(crate) async fn dispatch(&mut self, turned: Option<&Turned>) -> Result<(), BackendError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        if let State::Aborted(_) = self.state {
            self.check_state()?;
        }
        let sent = self.put_waiting();
        self.server.line.flush_hearing().await?;
        self.replies(sent, turned, Ahead::NOTHING).await
    }

    /// Queues what waits; what it does to names is returned.
    pub(crate) fn put_waiting(&mut self) -> Vec<Does> {
        self.note_part();
        let mut sent = Vec::new();
        for waiting in self.waiting.drain(..) {
            self.server.line.out.put_slice(&waiting.bytes);
            sent.push(waiting.does);
        }
        put(&mut self.server.line.out, b'S', |_| {});
        sent
    }

    /// Takes the answers up to `ReadyForQuery`. A refusal is one of the text `turned`, or of a
    /// Parse among what was sent.
    pub(crate) async fn replies(
        &mut self,
        sent: Vec<Does>,
        turned: Option<&Turned>,
        ahead: Ahead,
    ) -> Result<(), BackendError> {
        let (mut refused, mut progress) = (None, Progress::default());
        loop {
            let frame = self.next_reply().await?;
            match frame.tag {
                ServerTag::Ready => break,
                ServerTag::Error => refused = Some(frame),
                ServerTag::CommandComplete => self.held = Held::Frame(frame),
                ServerTag::CopyIn => {
                    self.client.pass(&frame);
                    self.copy_in().await?;
                    // The server has taken our Sync for a part of the copy.
                    put(&mut self.server.line.out, b'S', |_| {});
                    self.server.line.flush_hearing().await?;
                }
                _ => {
                    progress.note(frame.tag);
                    self.hand_over(&frame).await?;
                }
            }
        }
        let heard = self.hear_ahead(ahead).await;
        let parsing = refused.as_ref().and_then(|_| self.take_back(sent, &progress));
        self.end_given_up().await?;
        let Some(frame) = refused else { return heard };
        Err(BackendError::Server(refusal_of(&frame, parsing.as_ref().or(turned))))
    }

    /// Takes back what was noted of messages that the server did not carry out. Returns how the
    /// first Parse among them was turned.
    fn take_back(&mut self, sent: Vec<Does>, progress: &Progress) -> Option<Turned> {
        let (mut parsed, mut closed) = (progress.parsed, progress.closed);
        let mut undone = Vec::new();
        let mut parsing = None;
        for does in sent {
            let (undo, done) = match does {
                Does::Nothing => continue,
                Does::ClosesPortal => {
                    closed = closed.saturating_sub(1);
                    continue;
                }
                Does::Closes(undo) => (undo, &mut closed),
                Does::Prepares(undo, turned) => {
                    if parsed == 0 {
                        parsing.get_or_insert(turned);
                    }
                    (undo, &mut parsed)
                }
            };
            match done.checked_sub(1) {
                Some(left) => *done = left,
                None => undone.push(undo),
            }
        }
        for Undo { name, before } in undone.into_iter().rev() {
            match before {
                Some(before) => drop(self.prepared.insert(name, before)),
                None => drop(self.prepared.remove(&name)),
            }
        }
        parsing
    }

    /// What waits is not sent any more.
    pub(crate) fn drop_waiting(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.take_back(
            waiting.into_iter().map(|waiting| waiting.does).collect(),
            &Progress::default(),
        );
    }
}

impl Progress {
    fn note(&mut self, tag: ServerTag) {
        self.parsed += usize::from(tag == ServerTag::ParseComplete);
        self.closed += usize::from(tag == ServerTag::CloseComplete);
    }
}

fn refusal_of(frame: &FromServer, turned: Option<&Turned>) -> FromServer {
    turned.map_or_else(|| frame.clone(), |turned| moved(frame, turned, 0))
}
