//! Holding back the quiet: some of what a file expects comes by itself, in its own time.
//!
//! A statement that waits stably is over for the quiet rule, since only somebody's next step could
//! free it. Where the file says that its lock timeout ends it, that a session is notified, or that
//! the server ends one, the step is not over before that has come. A play must not depend on how
//! soon it does, and not wait for ever where it never does.

use std::time::Duration;

/// How long what a file expects is waited for.
pub(crate) const LONGEST: Duration = Duration::from_secs(10);

/// Whether the quiet is held back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hold {
    /// It is not, so far.
    #[default]
    Free,
    Until(Duration),
    /// It was, and for long enough.
    Over,
}

impl Hold {
    /// Holds it back, unless it was held back for long enough; whether it is.
    pub(crate) fn hold(&mut self, now: Duration) -> bool {
        match *self {
            Self::Free => {
                *self = Self::Until(now + LONGEST);
                true
            }
            Self::Until(end) if end > now => true,
            // Over and not free again: the next look at the quiet would hold it back for another
            // ten seconds, and so on.
            Self::Until(_) | Self::Over => {
                *self = Self::Over;
                false
            }
        }
    }

    /// Holds it back no longer, if its time is over.
    pub(crate) fn end(&mut self, now: Duration) {
        if matches!(*self, Self::Until(end) if end <= now) {
            *self = Self::Over;
        }
    }

    /// When it ends.
    pub(crate) fn due(self) -> Option<Duration> {
        match self {
            Self::Until(end) => Some(end),
            Self::Free | Self::Over => None,
        }
    }
}
