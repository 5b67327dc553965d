//! COMMIT: what changed is found, judged, and applied to the stored tables, all inside the same
//! transaction.
//!
//! ```text
//!  changes of each copy ─▶ limits ─▶ ┌ the commit lock ───────────────────────────────┐
//!                                    │ the ledger's verdict ─▶ apply, COMMIT ─▶ entry │
//!                                    └────────────────────────────────────────────────┘
//! ```
//!
//! The ledger is the first judge and PostgreSQL the second: a row that somebody changed behind the
//! gateway's back raises 40001 where it is applied. Of several that come together the one that has
//! been trying for longest is judged first (`precedence`). The gateway's death at any point leaves
//! the stored tables with whole transactions, since PostgreSQL has only this one COMMIT. Where the
//! connection breaks before its answer has come, nobody knows whether it was one: then it is called
//! neither committed nor refused.

use std::collections::HashMap;

use super::Transaction;
use super::apply::Plan;
use super::journal::Seen;
use super::ledger::{Claim, RowId, Snapshot, Verdict};
use super::precedence::{Arrival, Precedence};
use super::row_changes::{Change, TableChanges};
use super::state::State;
use crate::core::event::Conflict;
use crate::gateway::backend::{BackendError, Question, Questions};
use crate::gateway::news::Happening;
use crate::gateway::refusal::Refusal;

impl Transaction {
    /// Commits the open transaction. Whatever comes of it, there is none afterwards; where the
    /// connection to the server broke, nobody knows what has become of it.
    pub(super) async fn commit(
        &mut self,
        backend: &mut impl Questions,
    ) -> Result<(), BackendError> {
        match self.try_commit(backend).await {
            Ok(()) => {
                self.trying_since = None;
                Ok(())
            }
            Err(BackendError::Lost(error)) => Err(BackendError::Lost(error)),
            Err(trouble) => {
                // `trying_since` stays: this attempt and the retry count as one.
                self.tables.prepare_retry();
                self.abandon(backend).await?;
                self.state = State::Idle;
                Err(trouble)
            }
        }
    }

    async fn try_commit(&mut self, backend: &mut impl Questions) -> Result<(), BackendError> {
        self.check()?;
        let shared = std::sync::Arc::clone(&self.shared);
        // Before its changes are asked for, which takes time: a COMMIT of somebody who began to try
        // later must not overtake it meanwhile.
        let arrival = self.arrive(&shared.precedence);
        self.check_late(backend).await?;
        let changes = self.final_changes(backend).await?;
        self.check_limits(&changes)?;
        check_actions(&changes)?;
        self.check_sizes(backend, &changes).await?;
        self.apply_again(backend).await?;
        let State::Open(open) = &self.state else { return Ok(()) };
        let (snapshot, xid, ddl) = (open.snapshot.clone(), open.xid, open.ddl.clone());
        let rows = open.rows;
        let copies_changed = open.has_changed_copies();
        if let Some(ddl) = &ddl {
            // Before COMMIT is sent: other clients may find the new names in PostgreSQL before the
            // gateway hears that it has committed.
            self.announce(ddl);
        }
        // Neither implies the other: a new row of a table without a key is written and claims
        // nothing, and a locked row is claimed and not written.
        if changes.iter().all(|table| table.claims().next().is_none() && !table.is_written()) {
            // Nothing is to be judged, so no later COMMIT need wait for it.
            drop(arrival);
            if ddl.is_none() {
                self.shared.journal().note_nothing(xid);
            }
            let tidying = self.tables.tidying().into_iter();
            let commit = std::iter::once(Question::prepared("commit"));
            backend.ask_all(tidying.chain(commit).collect()).await?;
        } else {
            self.commit_changes(backend, &changes, &snapshot, xid, arrival).await?;
        }
        self.tables.commit(&Seen { snapshot, own: xid }, rows);
        self.state = State::Idle;
        if let Some(ddl) = ddl {
            // Whoever waits for the end of it must find the new versions.
            self.publish(&ddl);
        }
        Ok(self.after_end(backend, copies_changed).await?)
    }

    /// Checks on the copies what may be checked as late as COMMIT: the transaction's own mistakes,
    /// none of which is a conflict. Before its changes are asked for, since a foreign key's check
    /// marks the row that it finds.
    async fn check_late(&mut self, backend: &mut impl Questions) -> Result<(), BackendError> {
        let used = self.tables.used();
        if !used.iter().any(|used| used.state.written && used.shape.is_deferrable()) {
            return Ok(());
        }
        self.foreseen = None;
        let checks = ["set constraints all immediate", "set constraints all deferred"];
        backend.ask_all(checks.map(Question::prepared).into()).await.map(drop)
    }

    /// Takes its place among the COMMITs that are to be judged; none where nothing was begun.
    fn arrive<'p>(&mut self, precedence: &'p Precedence) -> Option<Arrival<'p>> {
        let number = self.trying_since?;
        Some(precedence.arrive(number, self.tables.with_changes()))
    }

    async fn commit_changes(
        &mut self,
        backend: &mut impl Questions,
        changes: &[TableChanges],
        snapshot: &Snapshot,
        xid: u64,
        arrival: Option<Arrival<'_>>,
    ) -> Result<(), BackendError> {
        let claims: HashMap<RowId, Claim> = changes.iter().flat_map(TableChanges::claims).collect();
        let plan = Plan::of(changes);
        // Not under the commit lock: the older COMMIT that is waited for here needs it to be
        // judged, and both would wait for ever.
        if let Some(arrival) = &arrival {
            arrival.turn().await;
        }
        let shared = std::sync::Arc::clone(&self.shared);
        let mut ledger = shared.ledger.lock().await;
        if let Some(verdict) = ledger.judge(snapshot, &claims) {
            drop(ledger);
            return Err(self.explain(&verdict, changes).into());
        }
        // Noted before COMMIT is sent: whoever sees the commit must find it in the journal.
        let written = changes.iter().flat_map(TableChanges::written).collect();
        shared.journal().note(xid, written);
        let applied = backend.ask_all(plan.questions(self.tables.tidying())).await;
        if let Err(trouble) = applied {
            let is_of_key = trouble.code().is_some_and(|code| code.starts_with("23"));
            return Err(if is_of_key && plan.may_stumble() { trouble } else { judged(trouble) });
        }
        // Entered only once it is committed, so that nobody loses to what did not happen. Where the
        // answer is lost, a commit may have no entry: then PostgreSQL finds the rows changed.
        ledger.enter(xid, &self.application, claims);
        ledger.forget(shared.clients.oldest(), shared.limits.age);
        Ok(())
    }

    /// Tells the console which row, whose commit and when; the client gets what the service tells.
    fn explain(&self, verdict: &Verdict, changes: &[TableChanges]) -> Refusal {
        let table = changes.iter().find(|table| table.shape.oid == verdict.row.table);
        self.tell(Happening::Conflict(Conflict {
            table: table.map(|table| table.shape.name.clone()).unwrap_or_default(),
            key: verdict.row.key.join("-"),
            winner: Some(verdict.winner.to_string()).filter(|winner| !winner.is_empty()),
            since: Some(verdict.since),
        }));
        Refusal::conflict()
    }

    fn check_limits(&self, changes: &[TableChanges]) -> Result<(), Refusal> {
        let limits = &self.shared.limits;
        if changes.iter().map(TableChanges::counted).sum::<usize>() > limits.rows {
            return Err(Refusal::too_many_rows());
        }
        let bytes = written(changes).map(|change| change.size).sum();
        if bytes > limits.bytes {
            return Err(Refusal::too_large(bytes));
        }
        Ok(())
    }

    /// After a statement that may have written or locked: the row limit holds at the statement that
    /// crosses it.
    pub(super) async fn check_rows(
        &mut self,
        backend: &mut impl Questions,
        reported: Option<u64>,
    ) -> Result<(), BackendError> {
        let limit = self.shared.limits.rows;
        let State::Open(open) = &mut self.state else { return Ok(()) };
        // An unknown number counts as too many: then the copies are asked.
        open.rows = open.rows.saturating_add(reported.unwrap_or(limit as u64 + 1));
        if open.rows <= limit as u64 {
            return Ok(());
        }
        let changes = self.changes(backend).await?;
        let counted = changes.iter().map(TableChanges::counted).sum::<usize>();
        if let State::Open(open) = &mut self.state {
            // Tags count a row again with each statement that changes it; the limit counts it once.
            open.rows = counted as u64;
        }
        if counted > limit { Err(Refusal::too_many_rows().into()) } else { Ok(()) }
    }
}

/// The actions of a foreign key take place once more where changes are applied, by its columns'
/// values before: they must not meet rows that have got such values since.
fn check_actions(changes: &[TableChanges]) -> Result<(), Refusal> {
    match changes.iter().find(|table| table.hands_keys_on()) {
        None => Ok(()),
        Some(table) => Err(Refusal::unsupported(format!(
            "several rows of \"{}\" that go, come or change their keys in one transaction are not \
             supported: foreign keys that act refer to other columns than its primary key",
            table.shape.name
        ))),
    }
}

/// The rows that are changed, and not merely locked.
fn written(changes: &[TableChanges]) -> impl Iterator<Item = &Change> {
    changes.iter().flat_map(|table| &table.changes).filter(|change| change.is_written())
}

/// What PostgreSQL's refusal to apply means: the transaction was right by its own snapshot, so a
/// row or a key that is in the way now is a concurrent transaction's.
fn judged(trouble: BackendError) -> BackendError {
    match trouble.code().as_deref() {
        // 55P03 is an outsider's row lock, 22P02 a table that an outsider has emptied.
        Some("40001" | "23505" | "23P01" | "23503" | "40P01" | "55P03" | "22P02") => {
            Refusal::conflict().into()
        }
        _ => trouble.of_changed_schema(),
    }
}
