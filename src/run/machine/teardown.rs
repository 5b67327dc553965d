//! The end of a stage: everybody falls silent, then goes home; the scenario's own teardown is
//! played, the schema goes.
//!
//! The order keeps what was not committed from being committed by our leaving. Bob's autocommit
//! UPDATE that waits for Alice's row is let through by her going, whatever is cancelled a moment
//! later:
//!
//! ```text
//!  wrong   Alice ROLLBACK ──▶ Bob's UPDATE goes on and commits ──▶ cancelled too late
//!  right   everybody's statement cancelled, each answer heard ──▶ everybody rolls back ──▶ everybody goes
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::core::event::{Pid, SessionName, TransactionStatus};
use crate::core::scenario::Statement;
use crate::run::machine::actor::{Actor, SessionState};
use crate::run::machine::failure::Failure;
use crate::run::machine::live_run::LiveRun;
use crate::run::session::{Session, Silence};
use crate::run::{Fate, Untidy};

/// How long each part of tidying up may take: the sessions' silence and their leaving, the
/// scenario's teardown, the dropping of the schema. What is left then is swept by the next run.
pub(crate) const TIDY_UP: Duration = Duration::from_secs(3);
/// How long the sessions' rollbacks may take, and how long their own teardowns.
const OWN_TEARDOWNS: Duration = Duration::from_secs(1);
/// What is said when the schema cannot be dropped, because somebody else holds a lock in it.
const STILL_IN_USE: &str = "the run's schema is still in use; the next run removes it";

/// Where what cannot be tidied up is told, as soon as that is known.
pub(crate) struct Tell(mpsc::UnboundedSender<Untidy>);

impl Tell {
    /// Tells it there.
    pub(crate) fn to(told: mpsc::UnboundedSender<Untidy>) -> Self {
        Self(told)
    }

    /// Tells it nobody: it is in the log.
    pub(crate) fn nobody() -> Self {
        Self(mpsc::unbounded_channel().0)
    }

    fn untidy(&self, untidy: Untidy) {
        tracing::warn!("{untidy}");
        // Whoever does not listen any more need not know.
        let _ = self.0.send(untidy);
    }
}

/// Sessions that were told to send nothing more.
struct Asked {
    answers: FuturesUnordered<BoxFuture<'static, (SessionName, Silence)>>,
    /// Whose answer has not come.
    unheard: BTreeSet<SessionName>,
    until: Instant,
}

impl LiveRun {
    /// Sends everybody home and drops the schema; tells what cannot be tidied up in time. A schema
    /// that stays is the next run's to sweep.
    ///
    /// Before anything is rolled back, `others` is waited for: the silence of the runs that end
    /// together with this one.
    pub(crate) async fn close(mut self, others: impl Future<Output = ()>, tell: &Tell) {
        self.fall_silent(tell).await;
        let _ = timeout(TIDY_UP, others).await;
        // What was played to its end ends as its file says, even if that commits; what was left in
        // the middle has not happened.
        if !self.is_played_out {
            let _ = timeout(OWN_TEARDOWNS, self.roll_back()).await;
        }
        // A teardown that waits for a session left in the middle of a transaction would wait for
        // ever: that ends only with the sessions.
        if timeout(OWN_TEARDOWNS, self.play_own_teardowns(tell)).await.is_err() {
            self.fall_silent(tell).await;
        }
        let sessions: Vec<Session> = self.actors.iter_mut().filter_map(Actor::dismiss).collect();
        let _ = timeout(TIDY_UP, join_all(sessions.into_iter().map(Session::close))).await;
        let is_torn_down = timeout(TIDY_UP, self.play_teardown(tell)).await.is_ok();
        if let Some(runner) = self.runner.dismiss() {
            let _ = timeout(TIDY_UP, runner.close()).await;
        }
        if !is_torn_down {
            tell.untidy(Untidy::Teardown(TIDY_UP));
        }
        match timeout(TIDY_UP, self.schema.drop()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tell.untidy(Untidy::Schema(error.to_string())),
            Err(_) => tell.untidy(Untidy::Schema(STILL_IN_USE.to_owned())),
        }
    }

    /// Cancels whatever runs or waits, the runner's own statement too, and hears the answers; tells
    /// what cannot be cancelled. Nobody has left or rolled back yet, so nothing that waits for one
    /// of us was let through.
    async fn fall_silent(&mut self, tell: &Tell) {
        let mut asked = self.ask_for_silence(|_| true);
        let mut broken = Vec::new();
        while let Some((session, silence)) = self.next_silence(&mut asked).await {
            self.standing_of(&session).fall_silent(silence);
            if let Silence::Broken(backend) = silence {
                tell.untidy(Untidy::Stubborn { session: session.clone() });
                broken.push((session, backend));
            }
        }
        for session in asked.unheard {
            tell.untidy(Untidy::Unheard { session, after: TIDY_UP });
        }
        for (session, backend) in broken {
            let fate = self.end_backend(&session, backend).await;
            tell.untidy(Untidy::Statement { session, backend, fate });
        }
    }

    /// Tells those, the runner perhaps among them, to send nothing more.
    fn ask_for_silence(&self, is_asked: impl Fn(&SessionName) -> bool) -> Asked {
        let mut asked = Asked {
            answers: FuturesUnordered::new(),
            unheard: BTreeSet::new(),
            until: Instant::now() + TIDY_UP,
        };
        let everybody = self.actors.iter().chain([&self.runner]);
        for actor in everybody.filter(|actor| is_asked(actor.name())) {
            let Some(silence) = actor.silence() else { continue };
            let name = actor.name().clone();
            asked.unheard.insert(name.clone());
            asked.answers.push(async { (name, silence.await) }.boxed());
        }
        asked
    }

    /// How the next of them stands; nothing once all have answered, or the time is up.
    async fn next_silence(&mut self, asked: &mut Asked) -> Option<(SessionName, Silence)> {
        loop {
            tokio::select! {
                answer = asked.answers.next() => {
                    let (name, silence) = answer?;
                    asked.unheard.remove(&name);
                    return Some((name, silence));
                }
                () = tokio::time::sleep_until(asked.until) => return None,
                // A session that finds no room for what it says would not hear us.
                Some(_) = self.next_event() => {}
            }
        }
    }

    fn standing_of(&mut self, name: &SessionName) -> &mut SessionState {
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
        let mut asked = self.ask_for_silence(|name| name == session);
        match self.next_silence(&mut asked).await {
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

    /// The teardowns that isolationtester's files give to sessions. One that cannot hear it will
    /// lose its connection anyway.
    async fn play_own_teardowns(&mut self, tell: &Tell) {
        let production = Arc::clone(&self.production);
        for player in &production.scenario.sessions {
            let Some(teardown) = &player.teardown else { continue };
            if self.submit(&player.name, teardown).is_ok()
                && let Some(failure) = self.hear_out(&player.name).await
            {
                tell.untidy(self.failed_teardown(Some(&player.name), teardown, &failure));
            }
        }
    }

    /// Plays the scenario's teardown.
    async fn play_teardown(&mut self, tell: &Tell) {
        let production = Arc::clone(&self.production);
        for statement in &production.scenario.teardown {
            if let Some(failure) = self.play_as_runner(statement).await {
                tell.untidy(self.failed_teardown(None, statement, &failure));
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
