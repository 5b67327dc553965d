//! What may happen around a client's statement: whoever implements [`StatementHooks`] is called
//! right before a statement goes to the server and right after it has been answered, and may hold
//! it at either point for as long as it likes.
//!
//! ```text
//!  client ─statement─▶ before ─▶ the copies it needs ─▶ PostgreSQL ─▶ after ─answer─▶ client
//!                        │                                                     └▶ told
//!                        └▶ Verdict: it passes, is refused, or its connection is cut
//! ```
//!
//! On the optimistic engine a statement that is held counts as one that rests: where its
//! transaction is in another client's way it ends or steps back, as it would between two
//! statements. So nobody waits for whoever holds it. In pass-through its transaction keeps its
//! locks, as one does whose client thinks.

mod client;
mod told;

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::core::event::TransactionStatus;
use crate::core::syntax::Strings;

pub use client::{Client, ClientId};
pub use told::Told;

/// How a statement came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// In a Query message.
    Query,
    /// By Execute, of the prepared statement of this name; the one without a name is "".
    Execute { prepared: &'a str },
}

/// A parameter, as Bind gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The object id of its type; 0 where neither the client nor the server has told it.
    pub type_oid: u32,
    /// `None` is NULL.
    pub value: Option<Bytes>,
    /// Whether the value is in the type's binary form, and not text.
    pub is_binary: bool,
}

/// A statement that a client has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementContext<'a> {
    pub client: &'a Arc<Client>,
    /// The client's `application_name` as it is now, perhaps empty.
    pub application: &'a str,
    /// What the client wrote: one statement, or in pass-through all of a Query message.
    pub sql: &'a str,
    /// What Bind gave, in its order; nothing for a Query.
    pub parameters: &'a [Parameter],
    pub form: Form<'a>,
    /// Where the transaction stands: what the server told last, moved on by what has run since.
    pub status: TransactionStatus,
    /// How the client's session reads strings, for whoever reads the statement.
    pub strings: Strings,
}

/// What becomes of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes to the server as it came.
    Pass,
    /// It does not go, and fails with this: in a block the block fails with it, a COMMIT ends in a
    /// rollback, and the server knows of both.
    Refuse { code: String, message: String },
    /// The connection ends, and the statement has not gone.
    Cut,
    /// The statement goes, and the connection ends instead of its answer.
    CutAfter,
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

/// For as long as this is not over, the statement is held. Where it is dropped before that, the
/// client has cancelled the statement or has left; it has not gone to the server, and does not.
/// What is over when it is first polled was not held at all: whoever has told others of it must let
/// that poll pass.
pub type HeldVerdict<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// For as long as this is not over, the end of the statement is held.
pub type HeldStatement<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Whoever wants to know of clients and their statements, and perhaps to hold these.
pub trait StatementHooks: Debug + Send + Sync {
    /// Whether statements may be held. Then each has an answer before the next of its unit goes,
    /// which takes a round trip, and without which nobody could say what a held statement sees.
    /// Asked at each statement.
    fn holds(&self) -> bool {
        false
    }

    /// Whether what clients are told is to be told here too.
    fn wants_answers(&self) -> bool {
        false
    }

    /// Called when a client has been let in, before anything of what it says.
    fn joined(&self, _client: &Arc<Client>) {}

    /// Called before a statement goes to the server, and before the gateway does anything for it:
    /// once for each statement of a Query message (in pass-through once for the message), and for
    /// each Execute.
    fn before_statement<'a>(&'a self, _statement: StatementContext<'a>) -> HeldVerdict<'a> {
        Box::pin(std::future::ready(Verdict::Pass))
    }

    /// Called with what a client is told, in the order of the wire.
    fn told(&self, _client: &Arc<Client>, _what: Told) {}

    /// Called when the server has answered it, before the client gets to know that it is over.
    fn after_statement<'a>(
        &'a self,
        _statement: StatementContext<'a>,
        _outcome: StatementOutcome,
    ) -> HeldStatement<'a> {
        Box::pin(std::future::ready(()))
    }

    /// The server has ended this client's connection; whatever is held does not reach it any more.
    fn server_left(&self, _client: ClientId) {}

    /// Called once for each client that has joined, when its connection is over.
    fn left(&self, _client: ClientId) {}
}
