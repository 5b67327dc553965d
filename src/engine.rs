//! What sessions talk to: the embedded PostgreSQL, or a server of the user's.
//!
//! An [`Engine`] is a place to connect to and the life of what is behind it. An embedded server lives exactly as long as
//! its engine; a server that was named by a URL is not ours to start or stop.

pub mod flavor;
pub mod postgres;
pub mod schema;

use crate::scenario::EngineKind;
use crate::wire::Target;
use postgres::{Cluster, ClusterError, ClusterOptions, OnProgress};

/// What sessions talk to.
#[derive(Debug)]
pub struct Engine {
    kind: EngineKind,
    target: Target,
    cluster: Option<Cluster>,
}

impl Engine {
    /// Starts the embedded PostgreSQL.
    pub async fn embedded(
        options: &ClusterOptions,
        progress: OnProgress<'_>,
    ) -> Result<Self, ClusterError> {
        let cluster = Cluster::start(options, progress).await?;
        let (kind, target) = (EngineKind::Postgres, cluster.target());
        Ok(Self { kind, target, cluster: Some(cluster) })
    }

    /// A server that runs already. It passes for a PostgreSQL until [`Engine::of_kind`] knows better.
    pub fn at(target: Target) -> Self {
        Self { kind: EngineKind::Postgres, target, cluster: None }
    }

    /// The same engine, now that its kind is known.
    #[must_use]
    pub fn of_kind(self, kind: EngineKind) -> Self {
        Self { kind, ..self }
    }

    /// What its outcomes are called in a scenario file.
    pub fn kind(&self) -> EngineKind {
        self.kind
    }

    /// Where sessions connect to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The embedded server, if it is one.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }

    /// The embedded server, if it is one, to restart it.
    pub fn cluster_mut(&mut self) -> Option<&mut Cluster> {
        self.cluster.as_mut()
    }

    /// Waits until the embedded server has ended; forever for any other, whose end only its sessions see.
    pub async fn exited(&self) {
        match &self.cluster {
            Some(cluster) => cluster.exited().await,
            None => std::future::pending().await,
        }
    }

    /// Ends the embedded server and leaves nothing of it; leaves any other alone.
    pub async fn stop(self) -> Result<(), ClusterError> {
        match self.cluster {
            Some(cluster) => cluster.stop().await,
            None => Ok(()),
        }
    }
}
