//! What the strategies need beside the database: given by address, or started for the rush.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;
use tokio::sync::{Mutex, mpsc};

use super::board::Report;
use super::options::Options;
use crate::cluster::part::PartServer;
use crate::parts::amqp_client::AmqpUrl;
use crate::parts::etcd_client::EtcdUrl;
use crate::parts::kafka_client::Brokers;
use crate::parts::link::Link;
use crate::parts::private::{self, StartError};
use crate::parts::redis_client::RedisUrl;

/// The systems beside the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartName {
    /// Redis or Valkey
    Redis,
    /// etcd
    Etcd,
    /// RabbitMQ
    #[value(name = "rabbitmq")]
    #[serde(rename = "rabbitmq")]
    RabbitMq,
    /// A broker that speaks Kafka's protocol: tansu
    Kafka,
}

impl PartName {
    /// How one gives its address.
    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::Redis => "--redis URL",
            Self::Etcd => "--etcd URL",
            Self::RabbitMq => "--amqp URL",
            Self::Kafka => "--kafka BROKERS",
        }
    }

    /// How one has it started.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Etcd => "etcd",
            Self::RabbitMq => "rabbitmq",
            Self::Kafka => "kafka",
        }
    }

    /// Whether one has to wait for it to start.
    fn starts_slowly(self) -> bool {
        self == Self::RabbitMq
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Redis => "Redis",
            Self::Etcd => "etcd",
            Self::RabbitMq => "RabbitMQ",
            Self::Kafka => "Kafka",
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
    etcd: Option<Reached<EtcdUrl>>,
    amqp: Option<Reached<AmqpUrl>>,
    kafka: Option<Reached<Brokers>>,
    /// Those that run for this rush alone.
    private: Vec<PartName>,
    servers: Mutex<Vec<(PartName, PartServer)>>,
}

impl Parts {
    /// Those with an address, and those that are to be started. Tells of one that takes its time.
    pub(super) async fn start(
        options: &Options,
        reports: &mpsc::Sender<Report>,
    ) -> Result<Self, StartError> {
        let mut parts = Self {
            redis: options.redis.clone().map(Reached::by),
            etcd: options.etcd.clone().map(Reached::by),
            amqp: options.amqp.clone().map(Reached::by),
            kafka: options.kafka.clone().map(Reached::by),
            ..Self::default()
        };
        let needed: Vec<Option<PartName>> =
            options.chosen().iter().map(|strategy| strategy.entry().part).collect();
        for part in &options.with {
            if !parts.private.contains(part) && needed.contains(&Some(*part)) {
                if part.starts_slowly() {
                    let note = format!("starting {part}, which takes several seconds");
                    // Nobody looks any more; the rush goes on until it is stopped.
                    let _ = reports.send(Report::Note(note)).await;
                }
                let server = parts.start_private(*part).await?;
                parts.private.push(*part);
                parts.servers.get_mut().push((*part, server));
            }
        }
        Ok(parts)
    }

    async fn start_private(&mut self, part: PartName) -> Result<PartServer, StartError> {
        match part {
            PartName::Redis => {
                let (server, url) = private::start_redis().await?;
                self.redis = Some(Reached::by(url));
                Ok(server)
            }
            PartName::Etcd => {
                let (server, url) = private::start_etcd().await?;
                self.etcd = Some(Reached::by(url));
                Ok(server)
            }
            PartName::RabbitMq => {
                let (server, url) = private::start_rabbitmq().await?;
                self.amqp = Some(Reached::by(url));
                Ok(server)
            }
            PartName::Kafka => {
                let (server, brokers) = private::start_kafka().await?;
                self.kafka = Some(Reached::by(brokers));
                Ok(server)
            }
        }
    }

    /// The Redis; whoever needs one is not run without.
    pub(super) fn redis(&self) -> Option<&Reached<RedisUrl>> {
        self.redis.as_ref()
    }

    /// The etcd.
    pub(super) fn etcd(&self) -> Option<&Reached<EtcdUrl>> {
        self.etcd.as_ref()
    }

    /// The RabbitMQ.
    pub(super) fn amqp(&self) -> Option<&Reached<AmqpUrl>> {
        self.amqp.as_ref()
    }

    /// What speaks Kafka's protocol.
    pub(super) fn kafka(&self) -> Option<&Reached<Brokers>> {
        self.kafka.as_ref()
    }

    /// What all connections to the part pass.
    pub(super) fn link(&self, part: PartName) -> Option<Link> {
        match part {
            PartName::Redis => self.redis().map(|reached| reached.link.clone()),
            PartName::Etcd => self.etcd().map(|reached| reached.link.clone()),
            PartName::RabbitMq => self.amqp().map(|reached| reached.link.clone()),
            PartName::Kafka => self.kafka().map(|reached| reached.link.clone()),
        }
    }

    /// Whether it runs for this rush alone, so that it may be killed.
    pub(super) fn is_private(&self, part: PartName) -> bool {
        self.private.contains(&part)
    }

    /// Kills it.
    pub(super) async fn kill(&self, part: PartName) {
        let mut servers = self.servers.lock().await;
        for (_, server) in servers.iter_mut().filter(|(name, _)| *name == part) {
            warn(part, server.kill().await);
        }
    }

    /// Starts it again after a kill.
    pub(super) async fn start_again(&self, part: PartName) {
        let mut servers = self.servers.lock().await;
        for (_, server) in servers.iter_mut().filter(|(name, _)| *name == part) {
            warn(part, server.start_again().await);
        }
    }

    /// Ends those that are ours; says what could not be ended.
    pub(super) async fn stop(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (part, server) in self.servers.lock().await.drain(..) {
            if let Err(error) = server.stop().await {
                notes.push(format!("{part} could not be ended: {error}"));
            }
        }
        notes
    }
}

/// A supervisor that is gone has ended its server: the strategy finds out that nobody answers.
fn warn(part: PartName, told: std::io::Result<()>) {
    if let Err(error) = told {
        tracing::warn!("{part}'s supervisor is gone: {error}");
    }
}
