//! A session's voice: facts go out in order, and a full channel holds the session back but never
//! its end.

use std::time::Instant;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::sync::CancellationToken;

use crate::core::event::{Event, Kind, SessionName};
use crate::run::participant::Submission;

/// Tells what happened to one session.
#[derive(Debug)]
pub(super) struct EventSender {
    name: SessionName,
    clock: Instant,
    events: mpsc::Sender<Event>,
    closing: CancellationToken,
}

impl EventSender {
    pub(super) fn new(
        name: SessionName,
        clock: Instant,
        events: mpsc::Sender<Event>,
        closing: CancellationToken,
    ) -> Self {
        Self { name, clock, events, closing }
    }

    /// Tells a fact, waiting for room. Once the session closes, what finds no room is dropped; and
    /// a session to which nobody listens any more closes.
    pub(super) async fn tell(&self, kind: Kind) {
        match self.events.try_send(self.event(kind)) {
            Ok(()) => {}
            Err(TrySendError::Closed(_)) => self.closing.cancel(),
            Err(TrySendError::Full(event)) => tokio::select! {
                biased;
                () = self.closing.cancelled() => {}
                sent = self.events.send(event) => if sent.is_err() { self.closing.cancel() }
            },
        }
    }

    /// Tells that there is no connection. No transaction is open on one that was not there.
    pub(super) async fn tell_lost(&self, reason: String) {
        self.tell(Kind::Lost { reason, in_transaction: false }).await;
    }

    /// Tells that SQL was sent and is lost, because there is no connection.
    pub(super) async fn tell_sent_and_lost(&self, submission: Submission, reason: String) {
        let Submission { id, sql, step, typed } = submission;
        self.tell(Kind::Sent { submission: id, sql, step, typed }).await;
        self.tell_lost(reason).await;
    }

    /// Tells the last fact: now if there is room, else whenever there is.
    pub(super) fn conclude(self) {
        let event = self.event(Kind::Closed);
        if let Err(TrySendError::Full(event)) = self.events.try_send(event) {
            // Not awaited: whoever closes a session waits for the server only, not for a reader.
            tokio::spawn(async move { self.events.send(event).await.ok() });
        }
    }

    fn event(&self, kind: Kind) -> Event {
        Event { at: self.clock.elapsed(), session: Some(self.name.clone()), kind }
    }
}
