//! A connection of our own beside the sessions, by a driver that pipelines.

use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::PlayerError;
use crate::core::event::Row;
use crate::pg::Reconnector;

/// Its socket is opened, and where need be encrypted, by `pg`.
pub(super) struct Control {
    client: Client,
    driver: JoinHandle<()>,
}

impl Control {
    /// Connects by a way that has proved passable.
    pub(super) async fn open(way: &Reconnector) -> Result<Self, PlayerError> {
        let mut config = tokio_postgres::Config::new();
        let target = way.target();
        config.user(target.user()).dbname(target.database());
        config.application_name("overbooked/explorer");
        if let Some(password) = way.password() {
            config.password(password);
        }
        let (client, connection) = config.connect_raw(way.socket().await?, NoTls).await?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the explorer's connection has ended");
            }
        });
        Ok(Self { client, driver })
    }

    /// The rows of a question's answers, as text.
    pub(super) async fn rows(&self, sql: &str) -> Result<Vec<Row>, tokio_postgres::Error> {
        let messages = self.client.simple_query(sql).await?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    /// The only cell of a question's answer.
    pub(super) async fn cell(&self, sql: &str) -> Result<Option<String>, tokio_postgres::Error> {
        let rows = self.rows(sql).await?;
        Ok(rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    /// Carries statements out.
    pub(super) async fn run(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute(sql).await
    }

    /// Whether the connection is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Says goodbye.
    pub(super) async fn close(self) {
        let Self { client, driver } = self;
        drop(client);
        let _over = driver.await;
    }
}
