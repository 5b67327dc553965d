//! What the strategies need beside the database: given by address, or started for the rush.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

use super::options::Options;
use crate::cluster::part::PartServer;
use crate::parts::link::Link;
use crate::parts::private::{self, StartError};
use crate::parts::redis_client::RedisUrl;

/// The systems beside the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartName {
    /// Redis or Valkey
    Redis,
}

impl PartName {
    /// How one gives its address.
    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::Redis => "--redis URL",
        }
    }

    /// How one has it started.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Redis => "redis",
        }
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Redis => "Redis",
        })
    }
}

/// A part that strategies can use.
#[derive(Clone, Debug)]
pub(super) struct Reached<U> {
    pub(super) url: U,
    pub(super) link: Link,
}

impl<U> Reached<U> {
    fn by(url: U) -> Self {
        Self { url, link: Link::default() }
    }
}

/// All parts of a rush.
#[derive(Debug, Default)]
pub(super) struct Parts {
    redis: Option<Reached<RedisUrl>>,
}

/// Those that run for this rush alone.
#[derive(Debug, Default)]
pub(super) struct PrivateParts {
    servers: Vec<(PartName, PartServer)>,
}

impl Parts {
    /// Those with an address, and those that are to be started.
    pub(super) async fn start(options: &Options) -> Result<(Self, PrivateParts), StartError> {
        let mut parts = Self { redis: options.redis.clone().map(Reached::by) };
        let mut private = PrivateParts::default();
        for part in &options.with {
            match part {
                PartName::Redis => {
                    let (server, url) = private::start_redis().await?;
                    private.servers.push((*part, server));
                    parts.redis = Some(Reached::by(url));
                }
            }
        }
        Ok((parts, private))
    }

    /// The Redis; whoever needs one is not run without.
    pub(super) fn redis(&self) -> Option<&Reached<RedisUrl>> {
        self.redis.as_ref()
    }
}

impl PrivateParts {
    /// Ends them; says what could not be ended.
    pub(super) async fn stop(self) -> Vec<String> {
        let mut notes = Vec::new();
        for (part, server) in self.servers {
            if let Err(error) = server.stop().await {
                notes.push(format!("{part} could not be ended: {error}"));
            }
        }
        notes
    }
}
