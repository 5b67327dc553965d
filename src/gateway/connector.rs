//! The way to the PostgreSQL behind.

use std::sync::{Mutex, PoisonError};

use crate::pg::{ConnectError, Entrance, Reconnector, Target};

/// Where the server is, and the way there once it is known.
pub(super) struct Connector {
    target: Target,
    way: Mutex<Option<Reconnector>>,
}

impl Connector {
    /// To this server.
    pub(super) fn new(target: Target) -> Self {
        Self { target, way: Mutex::default() }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Hands a first packet to the server, with the gateway's password at hand if this is its own
    /// user.
    pub(super) async fn enter(&self, packet: &[u8], user: &[u8]) -> Result<Entrance, ConnectError> {
        if let Some(known) = self.way() {
            match known.enter(packet, user).await {
                // It may be found elsewhere by now.
                Err(ConnectError::Unreachable { .. }) => {}
                entered => return entered,
            }
        }
        let found = Reconnector::find(&self.target).await?;
        if found.stays() {
            *self.way.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        }
        found.enter(packet, user).await
    }

    fn way(&self) -> Option<Reconnector> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
