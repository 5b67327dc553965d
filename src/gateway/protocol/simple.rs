//! The simple protocol: one Query message, statement by statement; and the call of a function.
//!
//! Statements of one message without a block around them are one transaction, as in PostgreSQL. The
//! tag of the last one is held back until its COMMIT has succeeded: a statement on its own gets the
//! conflict itself.

use std::io;

use super::Protocol;
use super::encoding::text;
use super::held::Held;
use super::run::Submission;
use super::syntax::Part;
use crate::core::syntax::split;
use crate::gateway::backend::BackendError;
use crate::gateway::refusal::{Refusal, put_tag};
use crate::pg::frame::{FromClient, put};

impl Protocol {
    /// Runs a Query message.
    pub(super) async fn take_query(&mut self, frame: &FromClient) -> io::Result<()> {
        if self.skips_behind_extended().await? {
            return Ok(());
        }
        match self.run_query(frame).await {
            Ok(()) => {}
            Err(BackendError::Lost(error)) => return Err(error),
            Err(trouble) => self.fail(trouble).await?,
        }
        self.end_message();
        Ok(())
    }

    /// Refuses a call of a function. It has its own `ReadyForQuery`, and no Sync follows it
    /// (PostgreSQL documentation, 54.2.5).
    pub(super) async fn take_function_call(&mut self) -> io::Result<()> {
        if self.skips_behind_extended().await? {
            return Ok(());
        }
        let unsupported = || Refusal::unsupported("function calls of the old protocol");
        let refusal = self.release_held().err().unwrap_or_else(unsupported);
        self.refuse(&refusal).await?;
        self.end_message();
        Ok(())
    }

    /// Answers what came before without a Sync. Whether an error there has PostgreSQL skip this
    /// message too, as everything else until the Sync (`ignore_till_sync` in postgres.c).
    async fn skips_behind_extended(&mut self) -> io::Result<bool> {
        if !self.queue.is_empty() {
            let dispatched = self.dispatch().await;
            self.note(dispatched).await?;
        }
        Ok(self.skips)
    }

    async fn run_query(&mut self, frame: &FromClient) -> Result<(), BackendError> {
        // It belongs to the same implicit transaction.
        self.release_held()?;
        let sql = text(&mut frame.fields())?;
        self.names.forget_unnamed();
        self.run_text(&sql).await
    }

    async fn run_text(&mut self, sql: &str) -> Result<(), BackendError> {
        let strings = self.backend.parameters().strings();
        let parts = split(sql, strings).into_iter().filter(|part| !part.is_empty);
        let parts = parts.map(|part| Part {
            statement: self.read(part.body(), strings),
            before: sql[..part.range.start].chars().count(),
            is_terminated: part.is_terminated,
        });
        let parts: Vec<_> = parts.collect();
        if parts.is_empty() {
            put(&mut self.client.out, b'I', |_| {});
        }
        self.check_syntax(&parts).await?;
        let mut held = Held::Nothing;
        for part in &parts {
            self.release(std::mem::take(&mut held));
            held = self.run(&part.statement, Submission::Query { before: part.before }).await?;
        }
        self.settle().await?;
        self.release(held);
        Ok(())
    }

    /// Says what was held back.
    pub(super) fn release(&mut self, held: Held) {
        match held {
            Held::Nothing => {}
            Held::Frame(frame) => self.pass(&frame),
            Held::Tag(tag) => put_tag(&mut self.client.out, tag),
        }
    }
}
