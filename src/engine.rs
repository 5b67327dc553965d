//! What sessions talk to.

pub mod postgres;
