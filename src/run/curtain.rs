//! The end of a stage: everybody goes home, the scenario's own teardown is played, the schema goes.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;

use crate::run::Untidy;
use crate::run::actor::Actor;
use crate::run::stage::Stage;
use crate::session::Session;

/// How long each part of tidying up may take: the sessions' leaving, the scenario's teardown, the dropping of the schema. What is left then is swept
/// by the next run.
pub(super) const TIDY_UP: Duration = Duration::from_secs(3);
/// How long the sessions' own teardowns may take.
const OWN_TEARDOWNS: Duration = Duration::from_secs(1);
/// How long a statement of the runner's has to end after it was cancelled, before it is cancelled again.
const CANCEL_AGAIN: Duration = Duration::from_millis(100);
/// What is said when the schema cannot be dropped, because somebody else holds a lock in it.
const STILL_IN_USE: &str = "the run's schema is still in use; the next run removes it";

impl Stage {
    /// Sends everybody home and drops the schema; tells what could not be tidied up in time. A schema that stays is the next run's to sweep.
    pub(crate) async fn close(mut self) -> Vec<Untidy> {
        // A teardown that waits for a session left in the middle of a transaction would wait for ever: that ends only with the sessions.
        let _ = timeout(OWN_TEARDOWNS, self.play_own_teardowns()).await;
        let sessions: Vec<Session> = self.actors.iter_mut().filter_map(Actor::dismiss).collect();
        let _ = timeout(TIDY_UP, join_all(sessions.into_iter().map(Session::close))).await;
        let is_torn_down = timeout(TIDY_UP, self.play_teardown()).await.is_ok()
            || self.production.scenario.teardown.is_empty();
        if let Some(runner) = self.runner.dismiss() {
            let _ = timeout(TIDY_UP, runner.close()).await;
        }
        let left = match timeout(TIDY_UP, self.schema.drop()).await {
            Ok(dropped) => dropped.err().map(|error| Untidy::Schema(error.to_string())),
            Err(_) => Some(Untidy::Schema(STILL_IN_USE.to_owned())),
        };
        (!is_torn_down).then_some(Untidy::Teardown(TIDY_UP)).into_iter().chain(left).collect()
    }

    /// The teardowns that isolationtester's files give to sessions. One that cannot hear it will lose its connection anyway.
    async fn play_own_teardowns(&mut self) {
        let production = Arc::clone(&self.production);
        for player in &production.scenario.sessions {
            let Some(sql) = &player.teardown else { continue };
            if self.send(&player.name, sql, None).is_ok()
                && let Some(reason) = self.hear_out(&player.name).await
            {
                tracing::warn!(session = %player.name, reason, "a session's teardown failed");
            }
        }
    }

    /// Plays the scenario's teardown, after cancelling what the runner is still busy with: a setup, or a `finally` part.
    async fn play_teardown(&mut self) {
        let runner = self.runner.name().clone();
        while self.runner.standing.in_flight.is_some() {
            self.runner.cancel();
            // A request that comes before the server has begun with the statement cancels nothing.
            let _ = timeout(CANCEL_AGAIN, self.hear_out(&runner)).await;
        }
        let production = Arc::clone(&self.production);
        for statement in &production.scenario.teardown {
            if let Some(reason) = self.play_as_runner(statement).await {
                tracing::warn!(statement, reason, "the scenario's teardown failed");
            }
        }
    }
}
