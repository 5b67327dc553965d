//! A worker's place at the database: one connection, the statements prepared on it, a count of what was sent.
//!
//! Statements that need not wait for each other's answers go out together, in one flight: a BEGIN with the first look, the last change
//! with its COMMIT. Over a network, flights are what a transaction's time is made of.

use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, Statement};

use super::door::{Door, Line, Preparing};
use super::pause;
use super::trouble::Trouble;
use crate::sql::rush as sql;

/// A statement of ours, its schema called `rush`. Its parameters and results are integers, nothing else.
pub(super) type Phrase = &'static str;

/// How a transaction is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// At the engine's own level.
    Plain,
    /// SERIALIZABLE.
    Serializable,
}

impl Begin {
    fn as_sql(self) -> &'static str {
        match self {
            Self::Plain => "begin",
            Self::Serializable => "begin isolation level serializable",
        }
    }
}

/// The first two columns of the first row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The first column.
    pub first: Option<i32>,
    /// The second.
    pub second: Option<i32>,
}

/// What is known of the server's end of a connection, for when the connection is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Former {
    /// A process of its own.
    Process {
        /// Its id.
        pid: String,
        /// Since when it has lived.
        since: String,
    },
    /// Some process of a pooler's, or of an engine that does not tell.
    Unknown,
}

/// One connection, ready for work.
pub(super) struct Desk {
    line: Line,
    former: Former,
    schema: Arc<str>,
    /// By the address of their text: hashing it would cost as much as sending it.
    statements: Vec<(Phrase, Ready)>,
    think_time: Duration,
    in_transaction: bool,
    sent: u32,
}

/// A statement as it can be sent.
#[derive(Clone)]
enum Ready {
    Named(Statement),
    Text(Arc<str>),
}

impl Desk {
    /// A desk with a new connection.
    pub(super) async fn open(
        door: &Door,
        schema: Arc<str>,
        think_time: Duration,
    ) -> Result<Self, Trouble> {
        let mut line = door.open().await?;
        let former = identify(&mut line).await?;
        let statements = Vec::new();
        Ok(Self { line, former, schema, statements, think_time, in_transaction: false, sent: 0 })
    }

    /// By what the server's end of this connection can be found once the connection is lost.
    pub(super) fn former(&self) -> Former {
        self.former.clone()
    }

    /// Begins a transaction and looks at something.
    pub(super) async fn begin_and_look(
        &mut self,
        level: Begin,
        phrase: Phrase,
        parameters: &[i32],
    ) -> Result<Option<Found>, Trouble> {
        let ready = self.ready(phrase, parameters.len()).await?;
        self.sent += 2;
        self.in_transaction = true;
        let flight = async |client: &Client| {
            let first = client.batch_execute(level.as_sql());
            let (begun, found) = tokio::join!(first, ready.first_row(client, parameters));
            begun.and(found)
        };
        self.line.together(flight).await
    }

    /// Looks at something.
    pub(super) async fn look(
        &mut self,
        phrase: Phrase,
        parameters: &[i32],
    ) -> Result<Option<Found>, Trouble> {
        let ready = self.ready(phrase, parameters.len()).await?;
        self.sent += 1;
        self.line.together(async |client: &Client| ready.first_row(client, parameters).await).await
    }

    /// Changes something and says how many rows were changed.
    pub(super) async fn change(
        &mut self,
        phrase: Phrase,
        parameters: &[i32],
    ) -> Result<u64, Trouble> {
        let ready = self.ready(phrase, parameters.len()).await?;
        self.sent += 1;
        self.line.together(async |client: &Client| ready.count(client, parameters).await).await
    }

    /// Changes something and commits, whatever the number of rows.
    pub(super) async fn change_and_commit(
        &mut self,
        phrase: Phrase,
        parameters: &[i32],
    ) -> Result<u64, Trouble> {
        let ready = self.ready(phrase, parameters.len()).await?;
        self.sent += 2;
        let flight = async |client: &Client| {
            let commit = client.batch_execute("commit");
            let (changed, committed) = tokio::join!(ready.count(client, parameters), commit);
            changed.and_then(|count| committed.map(|()| count))
        };
        let changed = self.line.together(flight).await;
        self.in_transaction = false;
        changed
    }

    /// Ends the transaction, keeping what it did.
    pub(super) async fn commit(&mut self) -> Result<(), Trouble> {
        self.end("commit").await
    }

    /// Ends the transaction, if one is open, as if it had never been.
    pub(super) async fn roll_back(&mut self) -> Result<(), Trouble> {
        if self.in_transaction { self.end("rollback").await } else { Ok(()) }
    }

    /// The passenger has seen the seat and makes up their mind.
    pub(super) async fn think(&mut self) {
        if !self.think_time.is_zero() {
            pause::rest(self.think_time).await;
        }
    }

    /// How many statements were sent since this was last asked.
    pub(super) fn take_sent(&mut self) -> u32 {
        std::mem::take(&mut self.sent)
    }

    /// Returns once a transaction that was open on a lost connection has ended, one way or the other.
    pub(super) async fn await_end_of(&mut self, former: &Former) -> Result<(), Trouble> {
        match former {
            Former::Process { pid, since } => self.dismiss(pid, since).await,
            Former::Unknown => self.outwait_others().await,
        }
    }

    /// A process that does not know yet that its client is gone may still carry out what it was sent.
    async fn dismiss(&mut self, pid: &str, since: &str) -> Result<(), Trouble> {
        let dismiss = sql::DISMISS.replace("PID", pid).replace("SINCE", since);
        let mut pulse = pause::pulse();
        while !self.line.run(&dismiss).await?.is_empty() {
            pulse.tick().await;
        }
        Ok(())
    }

    /// Behind a pooler the process may serve somebody else by now. Every transaction that has our tables open may be the one that was
    /// lost; they are short.
    async fn outwait_others(&mut self) -> Result<(), Trouble> {
        let others = in_schema(sql::OTHERS, &self.schema);
        let open = match self.line.run(&others).await {
            Err(Trouble::Refused { .. }) => return Ok(()),
            open => open?,
        };
        let mut pulse = pause::pulse();
        loop {
            let now = self.line.run(&others).await?;
            if !open.iter().any(|transaction| now.contains(transaction)) {
                return Ok(());
            }
            pulse.tick().await;
        }
    }

    async fn end(&mut self, how: &'static str) -> Result<(), Trouble> {
        self.sent += 1;
        self.line.together(async |client: &Client| client.batch_execute(how).await).await?;
        self.in_transaction = false;
        Ok(())
    }

    async fn ready(&mut self, phrase: Phrase, parameters: usize) -> Result<Ready, Trouble> {
        if let Some((_, ready)) = self.statements.iter().find(|(known, _)| ptr::eq(*known, phrase))
        {
            return Ok(ready.clone());
        }
        let text = in_schema(phrase, &self.schema);
        let ready = match self.line.preparing() {
            Preparing::Unnamed => Ready::Text(text.into()),
            Preparing::Named => {
                let types = vec![Type::INT4; parameters];
                let prepare = async |client: &Client| client.prepare_typed(&text, &types).await;
                Ready::Named(self.line.together(prepare).await?)
            }
        };
        self.statements.push((phrase, ready.clone()));
        Ok(ready)
    }
}

/// Only a direct connection has a process of its own.
async fn identify(line: &mut Line) -> Result<Former, Trouble> {
    if line.preparing() == Preparing::Unnamed {
        return Ok(Former::Unknown);
    }
    let told = match line.run(sql::BACKEND).await {
        Err(Trouble::Refused { .. }) => return Ok(Former::Unknown),
        told => told?,
    };
    match told.into_iter().next().as_deref() {
        Some([Some(pid), Some(since)]) => {
            Ok(Former::Process { pid: pid.clone(), since: since.clone() })
        }
        _ => Ok(Former::Unknown),
    }
}

/// The statement with its schema's real name.
pub(super) fn in_schema(phrase: Phrase, schema: &str) -> String {
    phrase.replace("rush.", &format!("{schema}."))
}

impl Ready {
    async fn first_row(&self, client: &Client, parameters: &[i32]) -> Result<Option<Found>, Error> {
        let rows = match self {
            Self::Named(statement) => client.query(statement, &by_reference(parameters)).await?,
            Self::Text(text) => client.query_typed(text, &with_types(parameters)).await?,
        };
        rows.first().map(found).transpose()
    }

    async fn count(&self, client: &Client, parameters: &[i32]) -> Result<u64, Error> {
        match self {
            Self::Named(statement) => client.execute(statement, &by_reference(parameters)).await,
            Self::Text(text) => client.execute_typed(text, &with_types(parameters)).await,
        }
    }
}

fn found(row: &Row) -> Result<Found, Error> {
    Ok(Found { first: row.try_get(0)?, second: row.try_get(1)? })
}

fn by_reference(parameters: &[i32]) -> Vec<&(dyn ToSql + Sync)> {
    parameters.iter().map(|parameter| parameter as _).collect()
}

fn with_types(parameters: &[i32]) -> Vec<(&(dyn ToSql + Sync), Type)> {
    parameters.iter().map(|parameter| (parameter as _, Type::INT4)).collect()
}
