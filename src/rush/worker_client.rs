//! A worker's connection to the database: one connection, the statements prepared on it, a count of
//! what was sent.
//!
//! Statements that need not wait for each other's answers go out together, in one flight: a BEGIN
//! with the first look, the last change with its COMMIT. Over a network, flights are what a
//! transaction's time is made of.

use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use super::attempt_error::AttemptError;
use super::connector::{Connector, Preparing};
use super::fault::Injector;
use super::pause;
use super::pipelined_connection::{Found, PipelinedConnection};
use crate::core::sql::rush as sql;

/// A statement of ours, its schema called `rush`. Its parameters and results are integers, nothing
/// else.
pub(super) type Phrase = &'static str;

/// How a transaction is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// At the engine's own level.
    Plain,
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

/// What is known of the server's end of a connection, for when the connection is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BackendIdentity {
    /// A process of its own.
    Process {
        pid: String,
        /// Since when it has lived.
        since: String,
    },
    /// Some process of a pooler's, or of an engine that does not tell.
    Unknown,
}

/// One connection, ready for work.
pub(super) struct WorkerClient {
    line: PipelinedConnection,
    backend: BackendIdentity,
    schema: Arc<str>,
    /// By the address of their text: hashing it would cost as much as sending it.
    statements: Vec<(Phrase, Arc<str>)>,
    think_time: Duration,
    /// What may make its worker stand still.
    injector: Option<Arc<Injector>>,
    in_transaction: bool,
    sent: u32,
}

impl WorkerClient {
    /// Connects and prepares what the strategy needs.
    pub(super) async fn open(
        connector: &Connector,
        schema: Arc<str>,
        think_time: Duration,
    ) -> Result<Self, AttemptError> {
        let mut line = connector.open().await?;
        let backend = identify(&mut line).await?;
        Ok(Self {
            line,
            backend,
            schema,
            statements: Vec::new(),
            think_time,
            injector: None,
            in_transaction: false,
            sent: 0,
        })
    }

    /// The same, of a worker that may be made to stand still.
    pub(super) fn injected(self, injector: &Arc<Injector>) -> Self {
        Self { injector: Some(Arc::clone(injector)), ..self }
    }

    /// By what the server's end of this connection can be found once the connection is lost.
    pub(super) fn backend(&self) -> BackendIdentity {
        self.backend.clone()
    }

    /// Begins a transaction and looks at something.
    pub(super) async fn begin_and_look(
        &mut self,
        level: Begin,
        phrase: Phrase,
        parameters: &[i32],
    ) -> Result<Option<Found>, AttemptError> {
        let known = self.known(phrase, parameters.len()).await?;
        self.sent += 2;
        self.in_transaction = true;
        self.line.queue(level.as_sql());
        self.queue(&known, parameters);
        Ok(self.line.reply().await?.found)
    }

    /// Looks at something.
    pub(super) async fn look(
        &mut self,
        phrase: Phrase,
        parameters: &[i32],
    ) -> Result<Option<Found>, AttemptError> {
        let known = self.known(phrase, parameters.len()).await?;
        self.sent += 1;
        self.queue(&known, parameters);
        Ok(self.line.reply().await?.found)
    }

    /// Changes something and says how many rows were changed.
    pub(super) async fn change(
        &mut self,
        phrase: Phrase,
        parameters: &[i32],
    ) -> Result<u64, AttemptError> {
        let known = self.known(phrase, parameters.len()).await?;
        self.sent += 1;
        self.queue(&known, parameters);
        Ok(self.line.reply().await?.count)
    }

    /// Changes something and commits, whatever the number of rows.
    pub(super) async fn change_and_commit(
        &mut self,
        phrase: Phrase,
        parameters: &[i32],
    ) -> Result<u64, AttemptError> {
        let known = self.known(phrase, parameters.len()).await?;
        self.sent += 2;
        self.queue(&known, parameters);
        self.line.queue("commit");
        let reply = self.line.reply().await;
        self.in_transaction = false;
        Ok(reply?.count)
    }

    /// Ends the transaction, keeping what it did.
    pub(super) async fn commit(&mut self) -> Result<(), AttemptError> {
        self.end("commit").await
    }

    /// Ends the transaction, if one is open, as if it had never been.
    pub(super) async fn roll_back(&mut self) -> Result<(), AttemptError> {
        if self.in_transaction { self.end("rollback").await } else { Ok(()) }
    }

    /// The passenger has seen the seat and makes up their mind.
    pub(super) async fn think(&mut self) {
        if !self.think_time.is_zero() {
            pause::rest(self.think_time).await;
        }
        if let Some(injector) = &self.injector {
            injector.between_look_and_booking().await;
        }
    }

    /// How many statements were sent since this was last asked.
    pub(super) fn take_sent(&mut self) -> u32 {
        std::mem::take(&mut self.sent)
    }

    /// Returns once a transaction that was open on a lost connection has ended, one way or the
    /// other.
    pub(super) async fn await_end_of(
        &mut self,
        backend: &BackendIdentity,
    ) -> Result<(), AttemptError> {
        match backend {
            BackendIdentity::Process { pid, since } => self.dismiss(pid, since).await,
            BackendIdentity::Unknown => self.outwait_others().await,
        }
    }

    /// A process that does not know yet that its client is gone may still carry out what it was
    /// sent.
    async fn dismiss(&mut self, pid: &str, since: &str) -> Result<(), AttemptError> {
        let dismiss = sql::DISMISS.replace("PID", pid).replace("SINCE", since);
        let mut pulse = pause::pulse();
        while !self.line.run(&dismiss).await?.is_empty() {
            pulse.tick().await;
        }
        Ok(())
    }

    /// Behind a pooler the process may serve somebody else by now. Every transaction that has our
    /// tables open may be the one that was lost; they are short.
    async fn outwait_others(&mut self) -> Result<(), AttemptError> {
        let others = in_schema(sql::OTHERS, &self.schema);
        let open = match self.line.run(&others).await {
            Err(AttemptError::Refused { .. }) => return Ok(()),
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

    async fn end(&mut self, how: &'static str) -> Result<(), AttemptError> {
        self.sent += 1;
        self.line.queue(how);
        self.line.reply().await?;
        self.in_transaction = false;
        Ok(())
    }

    /// A phrase as it can be sent: by the name under which it is prepared, or by its own text where
    /// nothing may stay prepared.
    async fn known(&mut self, phrase: Phrase, parameters: usize) -> Result<Arc<str>, AttemptError> {
        if let Some((_, known)) = self.statements.iter().find(|(text, _)| ptr::eq(*text, phrase)) {
            return Ok(Arc::clone(known));
        }
        let text = in_schema(phrase, &self.schema);
        let known = match self.line.preparing() {
            Preparing::Unnamed => text,
            Preparing::Named => {
                let name = format!("s{}", self.statements.len());
                self.line.queue_parse(&name, &text, parameters);
                self.line.reply().await?;
                name
            }
        };
        let known: Arc<str> = known.into();
        self.statements.push((phrase, Arc::clone(&known)));
        Ok(known)
    }

    fn queue(&mut self, known: &str, parameters: &[i32]) {
        match self.line.preparing() {
            Preparing::Named => self.line.queue_named(known, parameters),
            Preparing::Unnamed => self.line.queue_unnamed(known, parameters),
        }
    }
}

/// Only a direct connection has a process of its own.
async fn identify(line: &mut PipelinedConnection) -> Result<BackendIdentity, AttemptError> {
    if line.preparing() == Preparing::Unnamed {
        return Ok(BackendIdentity::Unknown);
    }
    let told = match line.run(sql::BACKEND).await {
        Err(AttemptError::Refused { .. }) => return Ok(BackendIdentity::Unknown),
        told => told?,
    };
    match told.into_iter().next().as_deref() {
        Some([Some(pid), Some(since)]) => {
            Ok(BackendIdentity::Process { pid: pid.clone(), since: since.clone() })
        }
        _ => Ok(BackendIdentity::Unknown),
    }
}

/// The statement with its schema's real name.
pub(super) fn in_schema(phrase: Phrase, schema: &str) -> String {
    phrase.replace("rush.", &format!("{schema}."))
}
