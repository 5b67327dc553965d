//! The etcd that sessions speak to: one that is given by address, or one of our own, started when
//! the first session wants it and kept until the engines are stopped.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::cluster::part::PartServer;
use crate::parts::etcd_client::EtcdUrl;
use crate::parts::private::{self, StartError};

/// Where sessions find their etcd. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct EtcdSource {
    given: Option<EtcdUrl>,
    own: Arc<Mutex<Own>>,
}

/// The etcd of our own.
#[derive(Debug, Default)]
enum Own {
    #[default]
    Wanted,
    Started(Box<PartServer>, EtcdUrl),
    /// Ended for good.
    Stopped,
}

/// Why there is no etcd.
#[derive(Debug, thiserror::Error)]
pub enum EtcdSourceError {
    /// The machine has none, or it does not start.
    #[error("{0}; install it (Debian: etcd-server), or say where one is: --etcd URL")]
    Start(#[from] StartError),
    /// It was asked for after the end.
    #[error("etcd has already been stopped")]
    Stopped,
}

impl EtcdSource {
    /// The etcd at this address; where there is none, one of our own.
    pub fn of(given: Option<EtcdUrl>) -> Self {
        Self { given, ..Self::default() }
    }

    /// Why sessions would find none, if that is known without starting one.
    pub fn lack(&self) -> Option<EtcdSourceError> {
        if self.given.is_some() {
            return None;
        }
        private::find_etcd().err().map(Into::into)
    }

    /// Where it is, started if need be.
    pub(crate) async fn open(&self) -> Result<EtcdUrl, EtcdSourceError> {
        if let Some(url) = &self.given {
            return Ok(url.clone());
        }
        // Held until it answers: several sessions ask at once, and are to get one server.
        let mut own = self.own.lock().await;
        match &*own {
            Own::Started(_, url) => Ok(url.clone()),
            Own::Stopped => Err(EtcdSourceError::Stopped),
            Own::Wanted => {
                let (server, url) = private::start_etcd().await?;
                *own = Own::Started(Box::new(server), url.clone());
                Ok(url)
            }
        }
    }

    /// Ends what was started.
    pub(crate) async fn stop(&self) {
        let own = std::mem::replace(&mut *self.own.lock().await, Own::Stopped);
        if let Own::Started(server, _) = own
            && let Err(error) = server.stop().await
        {
            tracing::warn!("etcd could not be ended: {error}");
        }
    }
}
