//! The one integration test binary: real servers, the real program, real pseudo-terminals.
mod cluster;
mod layers;
mod psql_compare;
mod run;
mod rush;
mod scenario_files;
mod session;
mod support;
mod target;
mod tls;
mod wire;
