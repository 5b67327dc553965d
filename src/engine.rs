//! What sessions talk to.

pub mod schema;
