//! What sessions talk to.

pub mod flavor;
pub mod postgres;
pub mod schema;
