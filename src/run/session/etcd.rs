//! A session that speaks to etcd: the same orders and events as a session of the database has.
//!
//! ```text
//!  lock seats/A-4 ──▶ Task ──▶ execute ──▶ etcd       Columns  Rows  Done   as from a server
//!                      │          └─▶ Claims: who holds which key, who waits behind whom
//!                      └─ watches ◀── changes         Notification
//! ```
//!
//! All keys of a run stand under a prefix of its own, and on a lease of its own where they are on
//! none: they are gone when the run has ended, or a minute after it was killed. etcd has no
//! transactions that stay open, so the session is always idle between two commands.

use std::time::Instant;

use tokio::sync::mpsc;

use crate::core::event::{Event, SessionName};
use crate::run::etcd_source::EtcdSource;

mod claims;
mod client;
mod execute;
mod keyspace;
mod reply;
mod task;

pub(crate) use claims::Claims;
pub(super) use task::run;

/// How such a session begins.
#[derive(Clone, Debug)]
pub(crate) struct EtcdSessionOptions {
    pub(crate) name: SessionName,
    pub(crate) source: EtcdSource,
    /// What the run's sessions hold, each other's too.
    pub(crate) claims: Claims,
    /// The moment from which [`Event::at`] counts.
    pub(crate) clock: Instant,
}

impl super::Session {
    /// Starts the session's task, which connects, as [`start`](Self::start) does.
    pub(crate) fn start_etcd(options: EtcdSessionOptions, events: mpsc::Sender<Event>) -> Self {
        Self::of_task(options.name.clone(), |ends| run(options, events, ends))
    }
}
