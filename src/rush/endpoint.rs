//! Where a strategy is run: on the database itself, or with an optimistic engine before it.

use sqlx::PgPool;

use super::attempt_error::AttemptError;
use super::connector::{Connector, Preparing};
use super::strategy::StrategyName;
use super::strategy::registry::RunsOn;
use crate::core::error_chain::with_causes;
use crate::core::scenario::EngineKind;
use crate::gateway::{LocalGateway, Options};
use crate::observer::flavor::Flavor;
use crate::pg::Target;

/// The endpoint of one strategy.
pub(super) struct Endpoint {
    target: Target,
    gateway: Option<LocalGateway>,
}

impl Endpoint {
    /// What the strategy needs, or why there is no such thing here.
    pub(super) async fn of(
        strategy: StrategyName,
        target: &Target,
        pool: &PgPool,
    ) -> Result<Self, String> {
        if strategy.entry().runs_on == RunsOn::Database {
            return Ok(Self::itself(target));
        }
        let flavor = Flavor::detect(target, pool).await.map_err(|error| error.to_string())?;
        match flavor.kind.for_expectations() {
            EngineKind::Dsql | EngineKind::Optimistic => Ok(Self::itself(target)),
            EngineKind::Postgres => Self::of_postgres(target).await,
            EngineKind::YugabyteDb | EngineKind::CockroachDb => {
                Err("the optimistic engine needs PostgreSQL behind it".to_owned())
            }
        }
    }

    fn itself(target: &Target) -> Self {
        Self { target: target.clone(), gateway: None }
    }

    /// It may be an optimistic engine that has a PostgreSQL behind it and answers with its version.
    async fn of_postgres(target: &Target) -> Result<Self, String> {
        let connector =
            Connector::to(target, super::APPLICATION).await.map_err(|error| error.to_string())?;
        if is_optimistic(&connector).await.map_err(|error| error.to_string())? {
            return Ok(Self::itself(target));
        }
        Self::behind_gateway(target, &connector).await
    }

    async fn behind_gateway(target: &Target, connector: &Connector) -> Result<Self, String> {
        if connector.preparing() == Preparing::Unnamed {
            return Err(
                "the optimistic engine needs sessions of its own, but there is a pooler in \
                front of the database"
                    .to_owned(),
            );
        }
        let gateway = LocalGateway::start(Options::new(target.clone()))
            .await
            .map_err(|error| with_causes(&error))?;
        Ok(Self { target: gateway.target().clone(), gateway: Some(gateway) })
    }

    /// Where to connect to.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Nothing of it stays.
    pub(super) async fn leave(self) {
        if let Some(gateway) = self.gateway {
            gateway.stop().await;
        }
    }
}

/// What judges at COMMIT, after snapshots alone, has no SERIALIZABLE and says so.
async fn is_optimistic(connector: &Connector) -> Result<bool, AttemptError> {
    let mut line = connector.open().await?;
    match line.run("begin isolation level serializable").await {
        Ok(_) => line.run("rollback").await.map(|_| false),
        Err(trouble) if trouble.is_unsupported() => Ok(true),
        Err(trouble) => Err(trouble),
    }
}
