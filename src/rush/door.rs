//! The way to the database: how a connection is opened, and what may be left prepared on it.
//!
//! A [`Line`] is driven by whoever waits for an answer on it, in the same task; no second task has to be woken for each statement.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use pgwire::messages::PgWireBackendMessage;
use tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryRow};

use super::trouble::{ErrorClass, Trouble};
use crate::sql::rush as sql;
use crate::wire::{Carrier, Connection, Passage, PassageError, Target, WireError};

/// Whether a statement may stay prepared on the server between two transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preparing {
    /// By name, once a connection.
    Named,
    /// Never: a pooler may give the next transaction to another server.
    Unnamed,
}

/// Where connections come from.
#[derive(Clone, Debug)]
pub(super) struct Door {
    passage: Passage,
    preparing: Preparing,
}

impl Door {
    /// A door to this database, through which one goes by this name.
    pub(super) async fn to(target: &Target, application: &str) -> Result<Self, Trouble> {
        let target = target.with_application_name(application);
        let mut first = Connection::connect(&target).await.map_err(unreachable)?;
        let preparing = preparing(&mut first).await.map_err(unreachable)?;
        Ok(Self { passage: Passage::of(&first, &target), preparing })
    }

    /// What may be left prepared.
    pub(super) fn preparing(&self) -> Preparing {
        self.preparing
    }

    /// One more connection.
    pub(super) async fn open(&self) -> Result<Line, Trouble> {
        let (client, connection) = self.passage.open().await.map_err(not_let_in)?;
        Ok(Line {
            client,
            connection: Some(connection),
            preparing: self.preparing,
            last_words: None,
        })
    }
}

/// A server names its process when it lets somebody in, and so does a pooler; only the server's is the one that answers.
async fn preparing(connection: &mut Connection) -> Result<Preparing, WireError> {
    let question = sql::IS_PROCESS.replace("PID", &connection.key_pid().to_string());
    connection.submit(&question).await?;
    let mut rows = 0;
    loop {
        match connection.next().await? {
            PgWireBackendMessage::DataRow(_) => rows += 1,
            PgWireBackendMessage::ReadyForQuery(_) if rows > 0 => return Ok(Preparing::Named),
            PgWireBackendMessage::ReadyForQuery(_) => return Ok(Preparing::Unnamed),
            _ => {}
        }
    }
}

fn unreachable(error: impl fmt::Display) -> Trouble {
    Trouble::unreachable(error.to_string())
}

/// Whoever is refused for good need not come again; everybody else may.
fn not_let_in(error: PassageError) -> Trouble {
    match error {
        PassageError::Closed(_) => Trouble::Lost(ErrorClass::unreachable()),
        PassageError::Refused(error) => match Trouble::from(error) {
            Trouble::Lost(class) if class == ErrorClass::connection_lost() => {
                Trouble::Lost(ErrorClass::unreachable())
            }
            other => other,
        },
    }
}

/// One connection.
pub(super) struct Line {
    client: Client,
    /// Dropped once it has ended, so that whoever waits for an answer is told.
    connection: Option<Carrier>,
    preparing: Preparing,
    /// Why the server hung up, if it said so.
    last_words: Option<ErrorClass>,
}

impl Line {
    /// Whether statements may be left prepared.
    pub(super) fn preparing(&self) -> Preparing {
        self.preparing
    }

    /// Does some work on the connection, which moves only while it is done.
    pub(super) async fn together<T>(
        &mut self,
        work: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Result<T, Trouble> {
        let Self { client, connection, last_words, .. } = self;
        let mut work = pin!(work(client));
        let done = poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(done);
            }
            if let Some(open) = connection
                && let Poll::Ready(ended) = Pin::new(open).poll(cx)
            {
                *last_words = ended.err().map(|error| Trouble::from(error).class().clone());
                *connection = None;
            }
            // What the connection has just read may be the answer, or its end.
            work.as_mut().poll(cx)
        });
        done.await.map_err(|error| explained(error, last_words.as_ref()))
    }

    /// Runs a text of ours, perhaps several statements, and gives every row as text.
    pub(super) async fn run(&mut self, sql: &str) -> Result<Vec<TextRow>, Trouble> {
        let messages =
            self.together(async |client: &Client| client.simple_query(sql).await).await?;
        let rows = messages.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(as_text(&row)),
            _ => None,
        });
        Ok(rows.collect())
    }
}

/// A row of a result; `None` is NULL.
pub(super) type TextRow = Vec<Option<String>>;

fn as_text(row: &SimpleQueryRow) -> TextRow {
    (0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect()
}

/// A connection that is gone says only that it is closed; the server may have said more before.
fn explained(error: Error, last_words: Option<&ErrorClass>) -> Trouble {
    match (Trouble::from(error), last_words) {
        (Trouble::Lost(_), Some(class)) => Trouble::Lost(class.clone()),
        (trouble, _) => trouble,
    }
}
