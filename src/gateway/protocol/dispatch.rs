//! Sends what is queued, and takes the server's answers to it.

use bytes::BytesMut;

use super::Protocol;
use super::held::Held;
use super::queue::{Does, Parsing, Progress, Queued};
use super::reply::Submitted;
use crate::gateway::backend::BackendError;
use crate::gateway::transaction::pending_changes::Ahead;
use crate::pg::frame::FromClient;

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
        // None of it runs a statement, so that there is no last word.
        self.exchange(sent, None, Ahead::NOTHING).await.map(drop)
    }

    /// Hands what is queued to the backend; what it does to names is returned.
    pub(super) fn put_queue(&mut self) -> Vec<Does> {
        // A Bind is a part in the transaction as well, even if nothing runs: a rollback that nobody
        // is told of would take the portal away.
        self.transaction.note_part();
        self.transaction.put_bringing(&mut self.backend);
        let mut sent = Vec::new();
        for queued in self.queue.drain(..) {
            self.backend.put_messages(&queued.bytes);
            sent.push(queued.does);
        }
        self.backend.put_sync();
        sent
    }

    /// Sends what was handed to the backend, and passes the answers on up to `ReadyForQuery`; the
    /// last word of them is returned. A refusal is one of the text of `submitted`, or of a Parse
    /// among what was sent.
    pub(super) async fn exchange(
        &mut self,
        sent: Vec<Does>,
        submitted: Option<Submitted<'_>>,
        ahead: Ahead,
    ) -> Result<Held, BackendError> {
        self.backend.flush().await?;
        let brought = match self.transaction.hear_brought(&mut self.backend).await {
            Err(BackendError::Lost(error)) => return Err(error.into()),
            brought => brought,
        };
        let reply = self.reply(&sent).await?;
        // These answers follow whatever has become of the statement. Left unread, they would be
        // taken for the next one's.
        let heard = self.transaction.hear_ahead(&mut self.backend, ahead).await;
        // The statement may have ended before its cancellation arrived. Its transaction ends all
        // the same: that is what the other client waits for.
        let Some(frame) = reply.refused else {
            self.end_given_up().await?;
            brought?;
            return heard.map(|()| reply.held);
        };
        let parsing = reply.progress.take_back(sent, &mut self.names);
        // A statement that was given up for another client's sake is no error of its own.
        self.end_given_up().await?;
        // What could not be brought is why the statement failed.
        brought?;
        let parsing = parsing.as_ref().map(|Parsing { statement, rewritten }| Submitted {
            statement,
            rewritten,
            before: 0,
        });
        let refusal = parsing.or(submitted).map(|submitted| submitted.moved(&frame));
        Err(BackendError::Server(refusal.unwrap_or(frame)))
    }

    /// What is queued is not sent any more.
    pub(super) fn drop_queue(&mut self) {
        self.transaction.drop_bringing();
        let queue = std::mem::take(&mut self.queue);
        let does = queue.into_iter().map(|queued| queued.does).collect();
        Progress::default().take_back(does, &mut self.names);
    }
}
