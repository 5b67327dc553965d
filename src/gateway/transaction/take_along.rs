//! What foreign keys do about rows that refer to what a statement has taken away: rows of other
//! tables, or of the same, that go or change with it.
//!
//! PostgreSQL queues what a foreign key does behind the statement, and what comes of that behind
//! everything that is queued already. So all foreign keys that refer to one table come before those
//! that refer to the next.

use std::collections::VecDeque;

use super::Transaction;
use super::journal::Key;
use super::state::State;
use super::tables::{Following, Lost};
use crate::gateway::backend::{BackendError, Questions};
use crate::gateway::statement::Statement;

impl Transaction {
    /// Takes along what refers to rows of this table that are gone, or says that it must not be.
    pub(super) async fn take_along(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
        table: u32,
    ) -> Result<(), BackendError> {
        let mut losing = VecDeque::from([table]);
        while let Some(table) = losing.pop_front() {
            let all = self.tables.following(table);
            if all.is_empty() {
                continue;
            }
            let Lost { before, now: lost } = self.lost(backend, table).await?;
            // One key may take away what another refuses to lose: then each row comes by itself, as
            // it does in PostgreSQL.
            let at_once = if Following::is_mixed(&all) { 1 } else { lost.len().max(1) };
            let (first, others) = lost.split_at(at_once.min(lost.len()));
            for lost in std::iter::once(first).chain(others.chunks(at_once)) {
                for following in &all {
                    if !following.takes() {
                        self.refuse_referrers(backend, following, lost).await?;
                    } else if self.follow(backend, statement, following, (&before, lost)).await? > 0
                    {
                        losing.push_back(following.table);
                    }
                }
            }
        }
        Ok(())
    }

    async fn lost(
        &mut self,
        backend: &mut impl Questions,
        table: u32,
    ) -> Result<Lost, BackendError> {
        let Some(question) = self.tables.lost_question(table) else { return Ok(Lost::default()) };
        let answer = backend.ask(question).await?;
        Ok(self.tables.note_lost(table, answer))
    }

    async fn refuse_referrers(
        &mut self,
        backend: &mut impl Questions,
        following: &Following,
        lost: &[Key],
    ) -> Result<(), BackendError> {
        let (asked, questions): (Vec<_>, Vec<_>) =
            self.tables.refused(following, Some(lost)).unzip();
        let answers = backend.ask_all(questions).await?;
        Ok(self.note_references(&asked, &mut answers.into_iter())?)
    }

    /// How many rows have gone or changed by one foreign key, with those that are lost.
    async fn follow(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
        following: &Following,
        (before, lost): (&[Key], &[Key]),
    ) -> Result<u64, BackendError> {
        self.gather_claims(backend, statement, &[following.table]).await?;
        // With one more than a transaction may change it is refused.
        let most = self.shared.limits.rows + 1;
        let questions = self.tables.taking(following, before, lost, most);
        let Some(questions) = questions else { return Ok(0) };
        let answers = backend.ask_all(questions.into()).await?;
        let taken = self.tables.note_taken(following, answers);
        if taken > 0 && self.tables.gets_keys(following) {
            let questions = self.tables.collision_question(following.table);
            backend.ask_all(questions.into_iter().collect()).await?;
        }
        if let State::Open(open) = &mut self.state {
            open.rows = open.rows.saturating_add(taken);
        }
        // What has changed and is still there loses nothing by which others know it.
        Ok(if following.goes() { taken } else { 0 })
    }
}
