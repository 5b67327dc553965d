//! Watching over a reply that takes long.

use std::pin::{Pin, pin};
use std::time::Duration;

/// After how long somebody looks first: most statements are over by then.
const PATIENCE: Duration = Duration::from_millis(20);

/// How long at most until the next look: a statement that works for minutes should not keep the
/// watchdog at work.
const LONGEST: Duration = Duration::from_millis(640);

/// Somebody who sees to it that a statement can go on.
pub(crate) trait Watchdog: Send + Sync {
    /// Looks what holds the statement up, and has that make way. Dropped when the reply comes.
    fn look(&self) -> Look<'_>;
}

/// A look that is being taken.
pub(crate) type Look<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Waits for a reply, and has somebody look when it takes long.
pub(super) async fn watch<R>(watchdog: &dyn Watchdog, reply: impl Future<Output = R>) -> R {
    let mut reply = pin!(reply);
    let mut patience = PATIENCE;
    loop {
        if let Ok(reply) = tokio::time::timeout(patience, &mut reply).await {
            return reply;
        }
        patience = (patience * 2).min(LONGEST);
        tokio::select! {
            biased;
            reply = &mut reply => return reply,
            () = watchdog.look() => {}
        }
    }
}
