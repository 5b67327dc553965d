//! A transaction's rules, without a PostgreSQL: clients of one gateway, each on a backend that
//! answers by a script.

mod client;
mod commits;
mod copies;
mod limits;
mod schema;
mod states;
