//! Row locks on private copies: who asked for which rows.
//!
//! A row lock leaves its transaction's number in the row's `xmax`, and nothing that SQL can read tells FOR UPDATE from
//! FOR KEY SHARE. So they are told apart by who leaves the number. FOR UPDATE runs in the transaction itself and its mark stays until
//! COMMIT reads it. FOR KEY SHARE runs in a subtransaction, whose marks are read at once and then rolled back.

use super::commit::{Change, Deed, changes_question};
use super::ledger::RowId;
use super::news::Happening;
use super::refusal::Refusal;
use super::server::{Question, Trouble};
use super::session::Session;
use super::statement::{RowLock, Statement};
use super::tables::low;

/// An Execute without a limit of rows.
pub(super) const ALL_ROWS: i32 = 0;

impl Session {
    /// Before a statement that locks FOR KEY SHARE.
    pub(super) async fn before_locking(
        &mut self,
        statement: &Statement,
        limit: i32,
    ) -> Result<(), Trouble> {
        if statement.locks != Some(RowLock::KeyShare) {
            return Ok(());
        }
        if statement.writes || limit != ALL_ROWS {
            let message =
                "FOR KEY SHARE is not supported in a statement that writes or is fetched in parts";
            return Err(Refusal::unsupported(message).into());
        }
        self.server.ask(Question::prepared("savepoint overbooked")).await?;
        Ok(())
    }

    /// After it: its marks are read and taken back.
    pub(super) async fn after_locking(
        &mut self,
        statement: &Statement,
        tables: &[u32],
    ) -> Result<(), Trouble> {
        if statement.locks != Some(RowLock::KeyShare) {
            return Ok(());
        }
        let Some(xid) = self.xid() else { return Ok(()) };
        for used in self.tables.used() {
            let table = used.shape.oid;
            if !tables.contains(&table) {
                continue;
            }
            let question = Question::prepared(used.pair().shared()).with(low(xid));
            let answer = self.server.ask(question).await?;
            let keys = answer
                .rows
                .into_iter()
                .map(|row| row.into_iter().map(Option::unwrap_or_default).collect());
            used.state.shared.extend(keys.map(|key| RowId { table, key }));
        }
        let back = ["rollback to savepoint overbooked", "release savepoint overbooked"];
        self.server.ask_all(back.map(Question::prepared).into()).await?;
        Ok(())
    }

    /// Notes which rows are locked before a statement that writes: a row that is changed no longer tells that it
    /// had been locked.
    pub(super) async fn gather_locks(&mut self, tables: &[u32]) -> Result<(), Trouble> {
        let Some(xid) = self.xid() else { return Ok(()) };
        for used in self.tables.used() {
            if !used.state.locked || !tables.contains(&used.shape.oid) {
                continue;
            }
            let question = changes_question(&used, xid);
            let answer = self.server.ask(question).await?;
            let locked = answer.rows.into_iter().filter_map(Change::read);
            let locked = locked.filter(|change| change.deed == Deed::Locked);
            let table = used.shape.oid;
            used.state.strong.extend(locked.map(|change| RowId { table, key: change.key }));
        }
        Ok(())
    }

    /// Tells the console what this client alone can see.
    pub(super) async fn tell_private(&mut self) -> Result<(), Trouble> {
        if self.common.is_heard() && self.xid().is_some() {
            let changes = self.changes().await?;
            let private = self.private_changes(&changes).await?;
            self.tell(Happening::Private(private));
        }
        Ok(())
    }
}
