//! What everything else is said in: facts, scenarios, seats, SQL as text. No IO, no clock.

pub mod catalog;
pub mod error_chain;
pub mod etcd_command;
pub mod event;
pub mod psql;
pub mod scenario;
pub mod seats;
pub mod sql;
pub mod syntax;
pub mod table_copy;
