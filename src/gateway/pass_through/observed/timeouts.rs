//! The server's patience with a client whose statement is held.
//!
//! | setting | while a statement is held |
//! |---|---|
//! | `lock_timeout` | does not run: nothing waits |
//! | `idle_in_transaction_session_timeout`, `idle_session_timeout` | stopped by a Flush |
//! | `statement_timeout` | of a Query does not run; of an Execute it does, and is stopped |
//! | `transaction_timeout` (PostgreSQL 17) | 0 within the transaction, and then as it was |
//!
//! The server measures idleness from each `ReadyForQuery` to the next message, whichever that is
//! (`PostgresMain`). A Flush is one that changes nothing and has no answer, in a failed block too;
//! so no setting is touched.
//!
//! `statement_timeout` runs from a unit's first Parse or Bind to the end of its next Execute
//! (`exec_execute_message`), so another Execute, of SHOW, stops it; it begins anew with the held
//! one. `transaction_timeout` runs from the transaction's beginning and can only be set. SHOW and
//! SET LOCAL take no snapshot, and end with the transaction; their answers are the gateway's.
//!
//! Where no statement may be slipped in, both run on: in a failed block, and without a block before
//! anything but INSERT, UPDATE, DELETE, MERGE and queries. PostgreSQL refuses VACUUM behind another
//! statement of its unit, and takes LOCK TABLE only there.

use std::io;

use super::refusing::put_own_steps;
use super::{Observer, Writing};
use crate::core::event::TransactionStatus;
use crate::core::syntax::{literal, verb, words};
use crate::gateway::talk::{Launched, Own, Talk};
use crate::pg::frame::{ServerTag, Stream};
use crate::pg::message::frontend::{put_flush, put_query};

const TRANSACTION_TIMEOUT: &str = "transaction_timeout";

/// Since when there is `transaction_timeout`.
const WITH_TRANSACTION_TIMEOUT: u32 = 17;

impl Observer {
    /// Keeps the server from losing its patience. What was set for the transaction is returned.
    pub(super) async fn suspend_timeouts<S: Stream>(
        &self,
        launched: &Launched,
        to_server: &mut Writing<ServerTag, S>,
    ) -> io::Result<Option<String>> {
        put_flush(&mut to_server.out);
        to_server.flush().await?;
        let running = running_timeout(&self.talk(), launched);
        let Some(running) = running else { return Ok(None) };
        let shown = self.ask_own(&format!("show {running}"), launched, to_server).await?;
        let is_set = |timeout: &String| running == TRANSACTION_TIMEOUT && timeout != "0";
        let Some(timeout) = shown.filter(is_set) else { return Ok(None) };
        self.ask_own("set local transaction_timeout = 0", launched, to_server).await?;
        Ok(Some(timeout))
    }

    /// Gives back what was set, ahead of the statement.
    pub(super) fn resume_timeouts<S: Stream>(
        &self,
        launched: &Launched,
        timeout: Option<String>,
        to_server: &mut Writing<ServerTag, S>,
    ) {
        if let Some(timeout) = timeout {
            let sql = format!("set local transaction_timeout = {}", literal(&timeout));
            self.put_own(&sql, launched, to_server);
        }
    }

    /// Asks in the protocol in which the statement came: a Query would end an implicit transaction,
    /// and a Sync too.
    async fn ask_own<S: Stream>(
        &self,
        sql: &str,
        launched: &Launched,
        to_server: &mut Writing<ServerTag, S>,
    ) -> io::Result<Option<String>> {
        self.put_own(sql, launched, to_server);
        put_flush(&mut to_server.out);
        to_server.flush().await?;
        self.until(|talk| talk.is_answered() || talk.is_over()).await;
        Ok(self.talk().take_own_value())
    }

    fn put_own<S: Stream>(
        &self,
        sql: &str,
        launched: &Launched,
        to_server: &mut Writing<ServerTag, S>,
    ) {
        let mut talk = self.talk();
        if launched.prepared().is_none() {
            put_query(&mut to_server.out, sql);
            return talk.note_own(Own::Query);
        }
        for own in put_own_steps(&mut to_server.out, sql, Own::Step) {
            talk.note_own(own);
        }
    }
}

/// What runs, and is to be asked for.
fn running_timeout(talk: &Talk, launched: &Launched) -> Option<&'static str> {
    let is_row_statement = || verb(&words(launched.sql(), talk.strings())).is_dml();
    let is_execute = launched.prepared().is_some();
    let runs = match talk.status() {
        TransactionStatus::InTransaction => true,
        TransactionStatus::Idle => is_execute && is_row_statement(),
        TransactionStatus::Failed => false,
    };
    let has_transaction_timeout = talk.server_version() >= WITH_TRANSACTION_TIMEOUT;
    match (runs, has_transaction_timeout, is_execute) {
        (false, _, _) | (true, false, false) => None,
        (true, true, _) => Some(TRANSACTION_TIMEOUT),
        (true, false, true) => Some("statement_timeout"),
    }
}
