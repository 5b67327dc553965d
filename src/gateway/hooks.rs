//! What may happen around a client's statement: whoever implements [`StatementHooks`] is called
//! right before a statement goes to the server and right after it has been answered, and may hold
//! it at either point for as long as it likes.
//!
//! ```text
//!  client ─statement─▶ before ─▶ the copies it needs ─▶ PostgreSQL ─▶ after ─answer─▶ client
//! ```
//!
//! On the optimistic engine a statement that is held counts as one that rests: where its
//! transaction is in another client's way it ends or steps back, as it would between two
//! statements. So nobody waits for whoever holds it. In pass-through its transaction keeps its
//! locks, as one does whose client thinks.

use std::fmt::Debug;
use std::pin::Pin;

use super::mode::Mode;
use crate::core::event::Pid;

/// A statement that a client has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementContext<'a> {
    /// The client's backend, as `pg_backend_pid()` tells it to the client itself.
    pub pid: Pid,
    /// The client's `application_name`, perhaps empty.
    pub application: &'a str,
    /// How the gateway behaves.
    pub mode: Mode,
    /// What the client wrote: one statement, or in pass-through all of a Query message.
    pub sql: &'a str,
}

/// What came of a statement. One without a block around it may still lose at its COMMIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatementOutcome {
    /// It has run.
    Done,
    /// It was refused, with this SQLSTATE.
    Refused(String),
    /// The connection to the server broke: nobody knows.
    Lost,
}

/// For as long as this is not over, the statement is held.
pub type HeldStatement<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Whoever wants to know of statements, and perhaps to hold them.
pub trait StatementHooks: Debug + Send + Sync {
    /// Called before a statement goes to the server, and before the gateway does anything for it:
    /// once for each statement of a Query message (in pass-through once for the message), and for
    /// each Execute.
    fn before_statement<'a>(&'a self, _statement: StatementContext<'a>) -> HeldStatement<'a> {
        Box::pin(std::future::ready(()))
    }

    /// Called when the server has answered it, before the client gets to know that it is over.
    fn after_statement<'a>(
        &'a self,
        _statement: StatementContext<'a>,
        _outcome: StatementOutcome,
    ) -> HeldStatement<'a> {
        Box::pin(std::future::ready(()))
    }
}
