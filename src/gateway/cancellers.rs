//! What cancels the statement of a client, by the key that the client was given.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::pg::Canceller;

/// The process and the secret, as `BackendKeyData` carries them.
type CancelKey = (i32, Vec<u8>);

/// The cancellers of all clients.
#[derive(Default)]
pub(super) struct Cancellers(Mutex<HashMap<CancelKey, Canceller>>);

impl Cancellers {
    /// Notes a client's, for as long as the value lives.
    pub(super) fn note(self: &Arc<Self>, canceller: Canceller) -> NotedCanceller {
        let key = canceller.key_bytes();
        self.known().insert(key.clone(), canceller);
        NotedCanceller { all: Arc::clone(self), key }
    }

    /// What cancels the statement of the client that was given this key.
    pub(super) fn find(&self, pid: i32, secret: &[u8]) -> Option<Canceller> {
        self.known().get(&(pid, secret.to_vec())).cloned()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<CancelKey, Canceller>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A canceller that is known while this lives.
pub(super) struct NotedCanceller {
    all: Arc<Cancellers>,
    key: CancelKey,
}

impl Drop for NotedCanceller {
    fn drop(&mut self) {
        self.all.known().remove(&self.key);
    }
}
