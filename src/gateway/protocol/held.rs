//! What is held back of an answer.

use crate::pg::frame::FromServer;

/// What a statement left to be said, once its transaction is known to stand.
#[derive(Debug, Default)]
pub(super) enum Held {
    #[default]
    Nothing,
    /// The server's own `CommandComplete` or `EmptyQueryResponse`.
    Frame(FromServer),
    /// A tag of the gateway's.
    Tag(&'static str),
}
