//! Where a strategy is run: on the database itself, or with an optimistic engine before it.

use sqlx::PgPool;
use tempfile::TempDir;

use super::door::{Door, Preparing};
use super::options::StrategyName;
use crate::engine::flavor::Flavor;
use crate::engine::optimistic::{Gateway, Options};
use crate::scenario::EngineKind;
use crate::wire::Target;

/// The endpoint of one strategy.
pub(super) struct Ground {
    target: Target,
    gateway: Option<(Gateway, TempDir)>,
}

impl Ground {
    /// What the strategy needs, or why there is no such thing here.
    pub(super) async fn of(
        strategy: StrategyName,
        target: &Target,
        pool: &PgPool,
    ) -> Result<Self, String> {
        if strategy != StrategyName::Optimistic {
            return Ok(Self::itself(target));
        }
        let flavor = Flavor::detect(pool).await.map_err(|error| error.to_string())?;
        match flavor.kind.for_expectations() {
            EngineKind::Dsql | EngineKind::Optimistic => Ok(Self::itself(target)),
            EngineKind::Postgres => Self::behind_gateway(target).await,
            EngineKind::YugabyteDb | EngineKind::CockroachDb => {
                Err("the optimistic engine stands before a PostgreSQL only".to_owned())
            }
        }
    }

    fn itself(target: &Target) -> Self {
        Self { target: target.clone(), gateway: None }
    }

    async fn behind_gateway(target: &Target) -> Result<Self, String> {
        let door = Door::to(target, super::APPLICATION).await.map_err(|error| error.to_string())?;
        if door.preparing() == Preparing::Unnamed {
            return Err("the optimistic engine needs sessions of its own, and a pooler stands before the database".to_owned());
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let socket_folder = Some(folder.path().to_owned());
        let options = Options { socket_folder, ..Options::new(target.clone()) };
        let gateway = Gateway::start(options).await.map_err(|error| error.to_string())?;
        Ok(Self { target: gateway.target().clone(), gateway: Some((gateway, folder)) })
    }

    /// Where to connect to.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Nothing of it stays.
    pub(super) async fn leave(self) {
        if let Some((gateway, folder)) = self.gateway {
            gateway.stop().await;
            drop(folder);
        }
    }
}
