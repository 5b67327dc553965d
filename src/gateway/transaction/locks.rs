//! Row locks on private copies: who asked for which rows.
//!
//! A row lock leaves its transaction's number in the row's `xmax`, and nothing that SQL can read
//! tells FOR UPDATE from FOR KEY SHARE. So they are told apart by who leaves the number. FOR UPDATE
//! runs in the transaction itself and its mark stays until COMMIT reads it. FOR KEY SHARE runs in a
//! subtransaction, whose marks are read at once and then rolled back; and so does FOR UPDATE of a
//! table to which foreign keys refer, since checking those leaves marks of the transaction's own.

use std::collections::HashSet;

use crate::gateway::backend::{BackendError, Question};
use crate::gateway::news::Happening;
use crate::gateway::protocol::Session;
use crate::gateway::refusal::Refusal;
use crate::gateway::statement::{RowLock, Statement};
use crate::gateway::transaction::commit::{Change, RowOp};
use crate::gateway::transaction::ledger::RowId;
use crate::gateway::transaction::pending_changes::changes_question;
use crate::gateway::transaction::tables::low;

/// Rows, and the number that a lock has left in each.
pub(crate) type Marks = HashSet<(RowId, String)>;

/// An Execute without a limit of rows.
pub(crate) const ALL_ROWS: i32 = 0;

impl Session {
    /// Before a statement whose locks are read at once.
    pub(crate) async fn before_locking(
        &mut self,
        statement: &Statement,
        tables: &[u32],
        limit: i32,
    ) -> Result<Option<Marks>, BackendError> {
        if !self.locks_apart(statement, tables) {
            return Ok(None);
        }
        if statement.writes || limit != ALL_ROWS || statement.declares() {
            let message =
                "this row lock is not supported in a statement that writes or is fetched in parts";
            return Err(Refusal::unsupported(message).into());
        }
        // What is sent behind the savepoint goes with it.
        self.dispatch(None).await?;
        let before = self.marks(tables).await?;
        self.server.ask(Question::prepared("savepoint overbooked")).await?;
        Ok(Some(before))
    }

    fn locks_apart(&self, statement: &Statement, tables: &[u32]) -> bool {
        match statement.locks {
            None => false,
            Some(RowLock::KeyShare) => true,
            Some(RowLock::Update) => self.tables.are_referred_to(tables),
        }
    }

    /// After it: its marks are read and taken back.
    pub(crate) async fn after_locking(
        &mut self,
        statement: &Statement,
        tables: &[u32],
        before: Option<Marks>,
    ) -> Result<(), BackendError> {
        let Some(before) = before else { return Ok(()) };
        let after = self.marks(tables).await?;
        for (row, _) in after.difference(&before) {
            let Some(state) = self.tables.state(row.table) else { continue };
            match statement.locks {
                Some(RowLock::Update) => state.strong.insert(row.clone()),
                _ => state.shared.insert(row.clone()),
            };
        }
        let back = ["rollback to savepoint overbooked", "release savepoint overbooked"];
        self.server.ask_all(back.map(Question::prepared).into()).await?;
        Ok(())
    }

    /// The marks on the copies' rows that are not the transaction's own.
    async fn marks(&mut self, tables: &[u32]) -> Result<Marks, BackendError> {
        let mut marks = Marks::new();
        let Some(xid) = self.xid() else { return Ok(marks) };
        for used in self.tables.used() {
            let table = used.shape.oid;
            if !tables.contains(&table) {
                continue;
            }
            let question =
                Question::prepared(used.pair().marks()).of_keys(used.shape).with(low(xid));
            for row in self.server.ask(question).await?.rows {
                let mut values = row.into_iter().map(Option::unwrap_or_default);
                let mark = values.next().unwrap_or_default();
                marks.insert((RowId { table, key: values.collect() }, mark));
            }
        }
        Ok(marks)
    }

    /// Notes which rows are locked before a statement that writes: a row that is changed no longer
    /// tells that it had been locked.
    pub(crate) async fn gather_locks(&mut self, tables: &[u32]) -> Result<(), BackendError> {
        let Some(xid) = self.xid() else { return Ok(()) };
        for used in self.tables.used() {
            if !used.state.locked || !tables.contains(&used.shape.oid) {
                continue;
            }
            let question = changes_question(&used, xid);
            let answer = self.server.ask(question).await?;
            let locked = answer.rows.into_iter().filter_map(Change::read);
            let locked = locked.filter(|change| change.deed == RowOp::Locked);
            let table = used.shape.oid;
            used.state.strong.extend(locked.map(|change| RowId { table, key: change.key }));
        }
        Ok(())
    }

    /// Tells the console what this client alone can see.
    pub(crate) async fn tell_private(&mut self) -> Result<(), BackendError> {
        if self.common.is_heard() && self.xid().is_some() {
            let changes = self.changes().await?;
            let private = self.private_changes(&changes).await?;
            self.tell(Happening::Private(private));
        }
        Ok(())
    }
}
