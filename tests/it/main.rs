//! The one integration test binary: real servers, the real program, real pseudo-terminals.
mod cluster;
mod session;
mod support;
