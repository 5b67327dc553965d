//! How much of the room anybody may have: connections, and time to send and to read.

use std::time::Duration;

/// What bounds whoever connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// How many connections there are at once: a browser may have six.
    pub(super) connections: usize,
    /// How long a request's head may take to arrive, and how long its body.
    pub(super) arrival: Duration,
    /// How long somebody may read nothing of what waits to be sent.
    pub(super) reading: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 600,
            arrival: Duration::from_secs(10),
            // Longer than a phone needs to come from one mast to the next.
            reading: Duration::from_secs(30),
        }
    }
}
