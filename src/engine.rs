//! What sessions talk to.

pub mod flavor;
pub mod optimistic;
pub mod postgres;
pub mod schema;
