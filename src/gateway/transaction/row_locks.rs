//! Row locks on private copies: who asked for which rows.
//!
//! A row lock leaves its transaction's number in the row's `xmax`, and nothing that SQL can read
//! tells FOR UPDATE from FOR KEY SHARE. So they are told apart by who leaves the number. FOR UPDATE
//! runs in the transaction itself and its mark stays until COMMIT reads it. FOR KEY SHARE runs in a
//! subtransaction, whose marks are read at once and then rolled back; and so does FOR UPDATE of a
//! table to which foreign keys refer, since checking those leaves marks of the transaction's own.

use std::collections::HashSet;

use super::Transaction;
use super::ledger::RowId;
use super::pending_changes::changes_question;
use super::prepare_statement::Admitted;
use super::row_changes::{Change, RowOp};
use super::tables::Unnoted;
use crate::gateway::backend::{BackendError, Question, Questions};
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{RowLock, Statement};

/// Rows, and the number that a lock has left in each, before a statement whose locks are read at
/// once.
pub(crate) struct Marks(HashSet<(RowId, String)>);

/// An Execute without a limit of rows.
pub(crate) const ALL_ROWS: i32 = 0;

impl Transaction {
    /// Whether the locks of a statement are read at once. What is sent behind the savepoint that
    /// this takes goes with it: nothing of the client's may wait to be sent then.
    pub(crate) fn locks_apart(
        &self,
        statement: &Statement,
        admitted: &Admitted,
        limit: i32,
    ) -> Result<bool, Refusal> {
        let is_apart = match statement.locks {
            None => false,
            Some(RowLock::KeyShare) => true,
            Some(RowLock::Update) => self.tables.are_referred_to(&admitted.tables),
        };
        // Going back to the savepoint would undo the writing, and end a portal of which only a part
        // was fetched.
        if is_apart && (statement.writes || limit != ALL_ROWS || statement.declares()) {
            let message =
                "this row lock is not supported in a statement that writes or is fetched in parts";
            return Err(Refusal::unsupported(message));
        }
        Ok(is_apart)
    }

    /// Before a statement whose locks are read at once.
    pub(crate) async fn before_locking(
        &mut self,
        backend: &mut impl Questions,
        admitted: &Admitted,
    ) -> Result<Marks, BackendError> {
        // Marks may be there already, such as those of foreign keys' checks.
        let before = self.marks(backend, &admitted.tables).await?;
        backend.ask(Question::prepared("savepoint overbooked")).await?;
        Ok(before)
    }

    /// After it: its marks are read and taken back.
    pub(crate) async fn after_locking(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
        admitted: &Admitted,
        before: Marks,
    ) -> Result<(), BackendError> {
        let after = self.marks(backend, &admitted.tables).await?;
        for (row, _) in after.0.difference(&before.0) {
            let Some(state) = self.tables.state(row.table) else { continue };
            match statement.locks {
                Some(RowLock::Update) => state.strong.insert(row.clone()),
                _ => state.shared.insert(row.clone()),
            };
        }
        let back = ["rollback to savepoint overbooked", "release savepoint overbooked"];
        backend.ask_all(back.map(Question::prepared).into()).await?;
        Ok(())
    }

    /// The marks on the copies' rows that are not the transaction's own.
    async fn marks(
        &mut self,
        backend: &mut impl Questions,
        tables: &[u32],
    ) -> Result<Marks, BackendError> {
        let mut marks = HashSet::new();
        for used in self.tables.used() {
            let table = used.shape.oid;
            if !tables.contains(&table) {
                continue;
            }
            let question = used.shape.asking(Question::prepared(used.pair().marks()));
            for row in backend.ask(question).await?.rows {
                let mut values = row.into_iter().map(Option::unwrap_or_default);
                let mark = values.next().unwrap_or_default();
                marks.insert((RowId { table, key: values.collect() }, mark));
            }
        }
        Ok(Marks(marks))
    }

    /// Notes what rows tell no longer once this statement has written: that one had been locked
    /// before it was changed, or deleted before it came again.
    pub(super) async fn gather_claims(
        &mut self,
        backend: &mut impl Questions,
        statement: &Statement,
        tables: &[u32],
    ) -> Result<(), BackendError> {
        for used in self.tables.used() {
            let locks = used.state.unnoted != Unnoted::Nothing;
            let deletes = used.state.unnoted_deletes && statement.may_insert();
            if !(locks || deletes) || !tables.contains(&used.shape.oid) {
                continue;
            }
            let answer = backend.ask(changes_question(&used, false)).await?;
            let changes = answer.rows.into_iter().filter_map(Change::read);
            let noted = changes.filter(|change| match change.op {
                RowOp::Locked => locks,
                RowOp::Deleted => deletes,
                _ => false,
            });
            let table = used.shape.oid;
            used.state.strong.extend(noted.map(|change| RowId { table, key: change.key }));
            used.state.unnoted_deletes &= !deletes;
            if used.state.unnoted == Unnoted::Past {
                used.state.unnoted = Unnoted::Nothing;
            }
        }
        Ok(())
    }
}
