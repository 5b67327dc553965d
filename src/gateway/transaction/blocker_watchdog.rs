//! Whoever holds up another client's statement must end.
//!
//! A statement can wait for another client's open transaction in ways that none of its words tells:
//! a function that looks at a table under ALTER, a role of the same name. PostgreSQL knows who
//! waits for whom. For a statement that takes longer than most it is asked, on a connection of its
//! own, and a client's transaction that stands in the way is ended as one that meets another's DDL.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::clients::Clients;
use crate::gateway::backend::{Backend, Look, Question, Questions as _, Watchdog};
use crate::pg::Target;

const BLOCKERS: &str = "select unnest(pg_blocking_pids($1::int4))::text";

/// Where PostgreSQL is asked who waits for whom: a connection for all clients, made once somebody
/// had to ask. It is held across a question, whose answer waits for nobody.
pub(crate) struct BlockerLookup {
    target: Target,
    connection: Mutex<Option<Box<Backend>>>,
}

impl BlockerLookup {
    /// At this server.
    pub(crate) fn new(target: Target) -> Self {
        Self { target, connection: Mutex::default() }
    }

    /// Ends the connection, once nobody is watched any more.
    pub(crate) async fn leave(&self) {
        if let Some(backend) = self.connection.lock().await.take() {
            backend.leave().await;
        }
    }

    /// The processes for which this one waits. A connection whose answer nobody has waited for is
    /// left, and made anew the next time.
    async fn blockers(&self, pid: i32) -> Vec<i32> {
        let mut place = self.connection.lock().await;
        let backend = match place.take() {
            Some(backend) => Ok(backend),
            None => Backend::connect(&self.target).await.map(Box::new),
        };
        let Ok(mut backend) = backend else { return Vec::new() };
        let question = Question::prepared(BLOCKERS).with(pid.to_string());
        let Ok(answer) = backend.ask(question).await else { return Vec::new() };
        *place = Some(backend);
        answer.rows.iter().filter_map(|row| row.first()?.as_ref()?.parse().ok()).collect()
    }
}

/// Watches over one client's connection to the server.
pub(crate) struct BlockerWatchdog {
    lookup: Arc<BlockerLookup>,
    clients: Arc<Clients>,
    pid: i32,
}

impl BlockerWatchdog {
    /// Over the connection for which this process works.
    pub(crate) fn new(lookup: Arc<BlockerLookup>, clients: Arc<Clients>, pid: i32) -> Self {
        Self { lookup, clients, pid }
    }
}

impl Watchdog for BlockerWatchdog {
    fn look(&self) -> Look<'_> {
        Box::pin(async {
            let open = self.clients.open_transactions();
            let blockers = self.lookup.blockers(self.pid).await;
            self.clients.end(&blockers, &open);
        })
    }
}
