//! What cancels the statement of a client, by the key that the client was given.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::pg::Canceller;

/// The process and the secret, as `BackendKeyData` carries them.
type CancelKey = (i32, Vec<u8>);

/// The cancellers of all clients.
#[derive(Default)]
pub(super) struct Cancellers(Mutex<HashMap<CancelKey, (Canceller, Arc<Hold>)>>);

impl Cancellers {
    /// Notes a client's, for as long as the value lives.
    pub(super) fn note(self: &Arc<Self>, canceller: Canceller) -> NotedCanceller {
        let key = canceller.key_bytes();
        let hold = Arc::<Hold>::default();
        self.known().insert(key.clone(), (canceller, Arc::clone(&hold)));
        NotedCanceller { all: Arc::clone(self), key, hold }
    }

    /// Cancels what the client that was given this key has held here; what cancels it at the server
    /// where nothing is, and the client is known.
    pub(super) fn cancel(&self, pid: i32, secret: &[u8]) -> Cancelling {
        match self.known().get(&(pid, secret.to_vec())) {
            None => Cancelling::Unknown,
            Some((_, hold)) if hold.cancel() => Cancelling::Done,
            Some((canceller, _)) => Cancelling::AtServer(Box::new(canceller.clone())),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<CancelKey, (Canceller, Arc<Hold>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of a request to cancel.
pub(super) enum Cancelling {
    /// A statement was held, and is not any more.
    Done,
    /// Whatever runs, runs at the server.
    AtServer(Box<Canceller>),
    /// It is no client's key.
    Unknown,
}

/// A canceller that is known while this lives.
pub(super) struct NotedCanceller {
    all: Arc<Cancellers>,
    key: CancelKey,
    hold: Arc<Hold>,
}

impl NotedCanceller {
    /// Where the client's held statement is noted.
    pub(super) fn hold(&self) -> Arc<Hold> {
        Arc::clone(&self.hold)
    }
}

impl Drop for NotedCanceller {
    fn drop(&mut self) {
        self.all.known().remove(&self.key);
    }
}

/// That a statement is held.
pub(super) struct HeldHere<'a>(&'a Hold);

impl HeldHere<'_> {
    /// It is not any more; whether it has been cancelled meanwhile.
    pub(super) fn end(self) -> bool {
        std::mem::take(&mut *self.0.state()) == HoldState::Cancelled
    }
}

impl Drop for HeldHere<'_> {
    fn drop(&mut self) {
        *self.0.state() = HoldState::Nothing;
    }
}

/// Whether a client's statement is held here, and whether it has been cancelled.
#[derive(Default)]
pub(super) struct Hold {
    state: Mutex<HoldState>,
    cancelled: Notify,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum HoldState {
    #[default]
    Nothing,
    Held,
    Cancelled,
}

impl Hold {
    /// A statement is held from now on, for as long as the value lives.
    pub(super) fn begin(&self) -> HeldHere<'_> {
        *self.state() = HoldState::Held;
        HeldHere(self)
    }

    /// Waits until the held statement is cancelled.
    pub(super) async fn cancelled(&self) {
        loop {
            let notified = self.cancelled.notified();
            if *self.state() == HoldState::Cancelled {
                return;
            }
            notified.await;
        }
    }

    fn cancel(&self) -> bool {
        let mut state = self.state();
        if *state == HoldState::Nothing {
            return false;
        }
        *state = HoldState::Cancelled;
        self.cancelled.notify_waiters();
        true
    }

    fn state(&self) -> MutexGuard<'_, HoldState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
