//! Whoever holds up another client's statement must end.
//!
//! A statement can wait for another client's open transaction in ways that none of its words tells:
//! a function that looks at a table under ALTER, a role of the same name. PostgreSQL knows who
//! waits for whom. For a statement that takes longer than most it is asked, on a connection of its
//! own, and a client's transaction that stands in the way is ended as one that meets another's DDL.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::clients::Clients;
use crate::gateway::backend::{Backend, Look, Question, Questions as _, Watchdog};
use crate::pg::Target;

/// How long an answer may take: a server that gives none must not keep other clients' questions
/// waiting.
const PATIENCE: Duration = Duration::from_secs(5);

const BLOCKERS: &str = "select unnest(pg_blocking_pids($1::int4))::text";

/// Where PostgreSQL is asked who waits for whom: a connection for all clients, made once somebody
/// had to ask. It is held across a question, whose answer waits for nobody; one that does not come
/// is given up.
pub(crate) struct BlockerLookup {
    target: Target,
    connection: Mutex<Option<Box<Backend>>>,
    patience: Duration,
}

impl BlockerLookup {
    /// At this server.
    pub(crate) fn new(target: Target) -> Self {
        Self { target, connection: Mutex::default(), patience: PATIENCE }
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
        let asked = tokio::time::timeout(self.patience, self.ask(pid)).await;
        asked.ok().flatten().unwrap_or_default()
    }

    async fn ask(&self, pid: i32) -> Option<Vec<i32>> {
        let mut place = self.connection.lock().await;
        let mut backend = match place.take() {
            Some(backend) => backend,
            None => Box::new(Backend::connect(&self.target).await.ok()?),
        };
        let question = Question::prepared(BLOCKERS).with(pid.to_string());
        let answer = backend.ask(question).await.ok()?;
        *place = Some(backend);
        Some(answer.rows.iter().filter_map(|row| row.first()?.as_ref()?.parse().ok()).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_waited_for_by_nobody() {
        // It lets everybody connect and says nothing.
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join(".s.PGSQL.1");
        let _server = std::os::unix::net::UnixListener::bind(socket).unwrap();
        let target = Target::unix(folder.path(), 1, "nobody", "nothing");
        let lookup =
            BlockerLookup { patience: Duration::from_millis(50), ..BlockerLookup::new(target) };
        let looks = async { tokio::join!(lookup.blockers(1), lookup.blockers(2)) };
        let (one, other) =
            tokio::time::timeout(Duration::from_mins(1), looks).await.expect("it is given up");
        assert!(one.is_empty() && other.is_empty());
        lookup.leave().await;
    }
}
