//! The simple protocol: one Query message, statement by statement.
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
use crate::gateway::refusal::put_tag;
use crate::gateway::statement::Statement;
use crate::pg::frame::{FromClient, put};

impl Protocol {
    /// Runs a Query message.
    pub(super) async fn take_query(&mut self, frame: &FromClient) -> io::Result<()> {
        // After an error in the extended protocol PostgreSQL skips a Query too, until the Sync
        // (`ignore_till_sync` in postgres.c).
        if self.skips {
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

    async fn run_query(&mut self, frame: &FromClient) -> Result<(), BackendError> {
        // What came before it without a Sync belongs to the same implicit transaction.
        if let Err(trouble) = self.show_all().await {
            self.drop_queue();
            return Err(trouble);
        }
        let sql = text(&mut frame.fields())?;
        self.names.forget_unnamed();
        self.run_text(&sql).await
    }

    async fn run_text(&mut self, sql: &str) -> Result<(), BackendError> {
        let strings = self.backend.parameters().strings();
        let parts = split(sql, strings).into_iter().filter(|part| !part.is_empty);
        let parts = parts.map(|part| Part {
            statement: Statement::read(part.body(), strings),
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
