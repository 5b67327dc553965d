//! A session's voice: facts go out in order, and a full channel holds the session back but never
//! its end.

use std::time::Instant;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::sync::CancellationToken;

use crate::core::event::{Event, Kind, SessionName};

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
