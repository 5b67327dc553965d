//! What sessions talk to.
