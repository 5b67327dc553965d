//! The end of a stage: everybody falls silent, then goes home; the scenario's own teardown is played, the schema goes.
//!
//! The order keeps what was not committed from being committed by our leaving. Bob's autocommit UPDATE that waits for Alice's row is let through by
//! her going, whatever is cancelled a moment later:
//!
//! ```text
//!  wrong   Alice ROLLBACK ──▶ Bob's UPDATE goes on and commits ──▶ cancelled too late
//!  right   everybody's statement cancelled, each answer heard ──▶ everybody rolls back ──▶ everybody goes
//! ```

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;

use crate::event::{Pid, SessionName, TransactionStatus};
use crate::run::actor::{Actor, Standing};
use crate::run::failure::Failure;
use crate::run::stage::Stage;
use crate::run::{Fate, Untidy};
use crate::scenario::Statement;
use crate::session::{Session, Silence};

/// How long each part of tidying up may take: the sessions' silence and their leaving, the scenario's teardown, the dropping of the schema. What is left
/// then is swept by the next run.
pub(super) const TIDY_UP: Duration = Duration::from_secs(3);
/// How long the sessions' rollbacks may take, and how long their own teardowns.
const OWN_TEARDOWNS: Duration = Duration::from_secs(1);
/// What is said when the schema cannot be dropped, because somebody else holds a lock in it.
const STILL_IN_USE: &str = "the run's schema is still in use; the next run removes it";

impl Stage {
    /// Sends everybody home and drops the schema; tells what could not be tidied up in time. A schema that stays is the next run's to sweep.
    ///
    /// Before anything is rolled back, `others` is waited for: the silence of the runs that end together with this one.
    pub(crate) async fn close(mut self, others: impl Future<Output = ()>) -> Vec<Untidy> {
        let mut untidy = self.fall_silent().await;
        let _ = timeout(TIDY_UP, others).await;
        // What was played to its end ends as its file says, even if that commits; what was left in the middle has not happened.
        if !self.is_played_out {
            let _ = timeout(OWN_TEARDOWNS, self.roll_back()).await;
        }
        // A teardown that waits for a session left in the middle of a transaction would wait for ever: that ends only with the sessions.
        if timeout(OWN_TEARDOWNS, self.play_own_teardowns(&mut untidy)).await.is_err() {
            untidy.extend(self.fall_silent().await);
        }
        let sessions: Vec<Session> = self.actors.iter_mut().filter_map(Actor::dismiss).collect();
        let _ = timeout(TIDY_UP, join_all(sessions.into_iter().map(Session::close))).await;
        let is_torn_down = timeout(TIDY_UP, self.play_teardown(&mut untidy)).await.is_ok();
        if let Some(runner) = self.runner.dismiss() {
            let _ = timeout(TIDY_UP, runner.close()).await;
        }
        untidy.extend((!is_torn_down).then_some(Untidy::Teardown(TIDY_UP)));
        untidy.extend(match timeout(TIDY_UP, self.schema.drop()).await {
            Ok(dropped) => dropped.err().map(|error| Untidy::Schema(error.to_string())),
            Err(_) => Some(Untidy::Schema(STILL_IN_USE.to_owned())),
        });
        untidy
    }

    /// Cancels whatever runs or waits, the runner's own statement too, and hears the answers; tells what cannot be cancelled. Nobody has left or rolled
    /// back yet, so nothing that waits for one of us was let through.
    async fn fall_silent(&mut self) -> Vec<Untidy> {
        let mut untidy = Vec::new();
        for (session, silence) in self.ask_for_silence(|_| true).await {
            self.standing_of(&session).fall_silent(silence);
            if let Silence::Broken(backend) = silence {
                let fate = self.end_backend(&session, backend).await;
                untidy.push(Untidy::Statement { session, backend, fate });
            }
        }
        untidy
    }

    /// How those stand, the runner perhaps among them, who are to send nothing more.
    async fn ask_for_silence(
        &mut self,
        is_asked: impl Fn(&SessionName) -> bool,
    ) -> Vec<(SessionName, Silence)> {
        let everybody = self.actors.iter().chain([&self.runner]);
        let asked: Vec<_> = everybody
            .filter(|actor| is_asked(actor.name()))
            .filter_map(|actor| Some((actor.name().clone(), actor.silence()?)))
            .map(|(name, silence)| async { (name, silence.await) })
            .collect();
        let mut fallen = pin!(timeout(TIDY_UP, join_all(asked)));
        loop {
            tokio::select! {
                fallen = &mut fallen => return fallen.unwrap_or_default(),
                // A session that finds no room for what it says would not hear us.
                Some(_) = self.next_event() => {}
            }
        }
    }

    fn standing_of(&mut self, name: &SessionName) -> &mut Standing {
        match self.actors.iter_mut().find(|actor| actor.name() == name) {
            Some(actor) => &mut actor.standing,
            None => &mut self.runner.standing,
        }
    }

    /// Ends a backend that does not let itself be cancelled, as far as we may.
    async fn end_backend(&mut self, session: &SessionName, backend: Pid) -> Fate {
        match timeout(TIDY_UP, self.schema.end_backend(backend)).await {
            Ok(Ok(())) => {}
            _ => return Fate::GoesOn,
        }
        match self.ask_for_silence(|name| name == session).await.first() {
            Some((_, Silence::Absent)) => Fate::Ended,
            _ => Fate::GoesOn,
        }
    }

    /// Rolls back what is open, and hears that it is.
    async fn roll_back(&mut self) {
        let is_open = |actor: &&Actor| actor.standing.status != TransactionStatus::Idle;
        let open: Vec<SessionName> =
            self.actors.iter().filter(is_open).map(|actor| actor.name().clone()).collect();
        for name in open {
            if self.submit(&name, "rollback").is_ok() {
                self.hear_out(&name).await;
            }
        }
        if self.runner.standing.status != TransactionStatus::Idle {
            self.play_as_runner("rollback").await;
        }
    }

    /// The teardowns that isolationtester's files give to sessions. One that cannot hear it will lose its connection anyway.
    async fn play_own_teardowns(&mut self, untidy: &mut Vec<Untidy>) {
        let production = Arc::clone(&self.production);
        for player in &production.scenario.sessions {
            let Some(teardown) = &player.teardown else { continue };
            if self.submit(&player.name, teardown).is_ok()
                && let Some(failure) = self.hear_out(&player.name).await
            {
                untidy.push(self.failed_teardown(Some(&player.name), teardown, &failure));
            }
        }
    }

    /// Plays the scenario's teardown.
    async fn play_teardown(&mut self, untidy: &mut Vec<Untidy>) {
        let production = Arc::clone(&self.production);
        for statement in &production.scenario.teardown {
            if let Some(failure) = self.play_as_runner(statement).await {
                untidy.push(self.failed_teardown(None, statement, &failure));
                if matches!(failure, Failure::Lost(_)) {
                    return;
                }
            }
        }
    }

    fn failed_teardown(
        &self,
        session: Option<&SessionName>,
        statement: &Statement,
        failure: &Failure,
    ) -> Untidy {
        let place = self.production.scenario.place_of(statement, failure.position());
        let (whose, told) = (session.cloned(), failure.told(statement));
        Untidy::FailedTeardown { whose, place, told }
    }
}
