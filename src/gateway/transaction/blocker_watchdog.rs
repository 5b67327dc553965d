//! The lookout: whoever holds up another client's statement must end.
//!
//! A statement can wait for another client's open transaction in ways that none of its words tells:
//! a function that looks at a table under ALTER, a role of the same name. PostgreSQL knows who
//! waits for whom. For a statement that takes longer than most it is asked, on a connection of the
//! lookout's own, and a client's transaction that stands in the way is ended as one that meets
//! another's DDL.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use crate::gateway::backend::{Question, Server};
use crate::gateway::shared::Shared;

/// After how long PostgreSQL is asked first: most statements are over by then.
const PATIENCE: Duration = Duration::from_millis(20);

/// How long at most until it is asked again: a statement that works for minutes should not keep the
/// lookout at work.
const LONGEST: Duration = Duration::from_millis(640);

const BLOCKERS: &str = "select unnest(pg_blocking_pids($1::int4))::text";

/// Watches over one client's connection to the server.
pub(crate) struct BlockerWatchdog {
    common: Arc<Shared>,
    pid: i32,
}

impl BlockerWatchdog {
    /// Over the connection for which this process works.
    pub(crate) fn new(common: Arc<Shared>, pid: i32) -> Self {
        Self { common, pid }
    }

    /// Waits for a reply, and ends who holds it up.
    pub(crate) async fn watch<R>(&self, reply: impl Future<Output = R>) -> R {
        let mut reply = pin!(reply);
        let mut patience = PATIENCE;
        loop {
            if let Ok(reply) = tokio::time::timeout(patience, &mut reply).await {
                return reply;
            }
            patience = (patience * 2).min(LONGEST);
            let open = self.common.open_transactions();
            tokio::select! {
                biased;
                reply = &mut reply => return reply,
                blockers = self.blockers() => self.common.end(&blockers, &open),
            }
        }
    }

    /// The processes for which this one waits. A connection whose answer nobody has waited for is
    /// left, and made anew the next time.
    async fn blockers(&self) -> Vec<i32> {
        let mut place = self.common.lookout.lock().await;
        let server = match place.take() {
            Some(server) => Ok(server),
            None => Server::connect(&self.common.backend).await.map(Box::new),
        };
        let Ok(mut server) = server else { return Vec::new() };
        let question = Question::prepared(BLOCKERS).with(self.pid.to_string());
        // The future of a server's question holds the lookout's in turn: it needs a place of its
        // own.
        let Ok(answer) = Box::pin(server.ask(question)).await else { return Vec::new() };
        *place = Some(server);
        answer.rows.iter().filter_map(|row| row.first()?.as_ref()?.parse().ok()).collect()
    }
}
