//! A client's transactions: their life, their private copies, and their judgement.

pub(crate) mod apply;
pub(crate) mod begin;
pub(crate) mod blocker_watchdog;
pub(crate) mod changes;
pub(crate) mod client_handle;
pub(crate) mod commit;
pub(crate) mod ddl;
pub(crate) mod journal;
pub(crate) mod ledger;
pub(crate) mod locks;
pub(crate) mod pending_changes;
pub(crate) mod precedence;
pub(crate) mod prepare_statement;
pub(crate) mod shape;
pub(crate) mod tables;
