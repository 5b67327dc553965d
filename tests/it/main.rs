//! The one integration test binary: real servers, the real program, real pseudo-terminals.
mod cluster;
mod layers;
mod run;
mod rush;
mod session;
mod support;
mod target;
mod tls;
mod wire;
