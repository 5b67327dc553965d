//! How one client's task learns that its transaction is in another's way.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Tells a client's task that its transaction is in somebody's way.
#[derive(Default)]
pub(crate) struct AbortSignal {
    called: Notify,
    asked: AtomicU64,
    answered: AtomicU64,
}

impl AbortSignal {
    /// Waits until somebody wants the transaction out of the way.
    pub(crate) async fn wait(&self) {
        // `notify_one` leaves a permit if nobody waits, so what wakes may be a call that has long
        // been answered.
        while !self.is_called() {
            self.called.notified().await;
        }
    }

    /// Whether somebody does.
    pub(crate) fn is_called(&self) -> bool {
        self.asked.load(Ordering::Acquire) > self.answered.load(Ordering::Acquire)
    }

    /// Says that it is out of the way.
    pub(super) fn answer(&self) {
        self.answered.store(self.asked.load(Ordering::Acquire), Ordering::Release);
    }

    /// Wants it out of the way.
    pub(super) fn call(&self) {
        self.asked.fetch_add(1, Ordering::AcqRel);
        self.called.notify_one();
    }
}
