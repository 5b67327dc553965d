//! What sessions talk to.

pub mod flavor;
pub mod marked;
pub mod optimistic;
pub mod postgres;
pub(crate) mod removal;
pub mod schema;
