//! Sends what is queued, and takes the server's answers to it.

use bytes::BytesMut;

use super::Protocol;
use super::held::Held;
use super::queue::{Does, Progress, Queued};
use super::reply::moved;
use crate::gateway::backend::BackendError;
use crate::gateway::transaction::pending_changes::Ahead;
use crate::gateway::transaction::tables::Turned;
use crate::pg::frame::{FromClient, FromServer, ServerTag};

impl Protocol {
    /// Queues a message as it came.
    pub(super) fn enqueue(&mut self, frame: &FromClient, does: Does) {
        self.queue.push(Queued { bytes: BytesMut::from(frame.bytes()), does });
    }

    /// Sends what is queued and passes the answers on, the last `CommandComplete` excepted.
    pub(super) async fn dispatch(&mut self) -> Result<(), BackendError> {
        if self.queue.is_empty() {
            return Ok(());
        }
        self.transaction.check_aborted()?;
        let sent = self.put_queue();
        self.backend.flush().await?;
        self.replies(sent, None, Ahead::NOTHING).await
    }

    /// Hands what is queued to the backend; what it does to names is returned.
    pub(super) fn put_queue(&mut self) -> Vec<Does> {
        self.transaction.note_part();
        let mut sent = Vec::new();
        for queued in self.queue.drain(..) {
            self.backend.put_messages(&queued.bytes);
            sent.push(queued.does);
        }
        self.backend.put_sync();
        sent
    }

    /// Takes the answers up to `ReadyForQuery`. A refusal is one of the text `turned`, or of a
    /// Parse among what was sent.
    pub(super) async fn replies(
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
                    self.copy_in(&frame).await?;
                    // The server has taken our Sync for a part of the copy.
                    self.backend.put_sync();
                    self.backend.flush().await?;
                }
                _ => {
                    progress.note(frame.tag);
                    self.hand_over(&frame).await?;
                }
            }
        }
        let heard = self.transaction.hear_ahead(&mut self.backend, ahead).await;
        let is_refused = refused.is_some();
        let parsing = is_refused.then(|| progress.take_back(sent, &mut self.names)).flatten();
        self.end_given_up().await?;
        let Some(frame) = refused else { return heard };
        Err(BackendError::Server(refusal_of(&frame, parsing.as_ref().or(turned))))
    }

    /// What is queued is not sent any more.
    pub(super) fn drop_queue(&mut self) {
        let queue = std::mem::take(&mut self.queue);
        let does = queue.into_iter().map(|queued| queued.does).collect();
        Progress::default().take_back(does, &mut self.names);
    }
}

fn refusal_of(frame: &FromServer, turned: Option<&Turned>) -> FromServer {
    turned.map_or_else(|| frame.clone(), |turned| moved(frame, turned, 0))
}
