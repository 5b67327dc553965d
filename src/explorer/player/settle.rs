//! When a launch is settled: everything that was sent is answered, or waits for somebody who cannot
//! move on without our next launch (the rule of `run/machine/quiet.rs`).

use std::time::{Duration, Instant};

use futures::future::select_all;

use super::{Order, PlayerError, SessionPlayer};
use crate::core::event::Pid;
use crate::run::specification::waits::{WaitLook, question};

/// Nine of ten steps are answered within it.
const FIRST_PAUSE: Duration = Duration::from_micros(400);
/// The longest pause between two questions.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);
/// How long a step may take by itself.
const LIMIT: Duration = Duration::from_mins(1);
/// Settings with which a session waits no longer than it has said.
const TIME_LIMITS: [&str; 3] = ["lock_timeout", "statement_timeout", "transaction_timeout"];
/// How long a backend may take to end that was told to.
const ENDING: Duration = Duration::from_millis(20);

impl SessionPlayer {
    /// Waits until everybody is answered or waits stably.
    pub(super) async fn settle(&mut self, order: &mut Order<'_>) -> Result<(), PlayerError> {
        let begun = Instant::now();
        // Without one, the server is asked at once: what was answered may have let others go on,
        // and no answer of theirs is to be expected where it has not.
        let mut pause = Some(FIRST_PAUSE);
        loop {
            if self.take_answers(order) {
                pause = None;
            }
            if order.open.iter().all(Option::is_none) {
                break;
            }
            if let Some(pause) = pause
                && self.hear_somebody(pause).await
            {
                continue;
            }
            if self.all_wait(order).await? {
                break;
            }
            self.mind_the_time(begun, order)?;
            pause = Some(pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE)));
        }
        self.heed_endings(order).await
    }

    /// Waits until something has come for anybody; whether it has, before the time was over.
    async fn hear_somebody(&mut self, patience: Duration) -> bool {
        let busy = self.sessions.iter_mut().filter(|session| session.is_busy());
        let hearing: Vec<_> = busy.map(|session| Box::pin(session.hear())).collect();
        self.timer.limit(patience, select_all(hearing)).await.is_some()
    }

    /// Who waits for whom, among the sessions that are busy.
    pub(super) async fn look(&mut self) -> Result<WaitLook, PlayerError> {
        let all: Vec<Pid> = self.sessions.iter().map(|session| session.pid).collect();
        let busy = self.sessions.iter().filter(|session| session.is_busy());
        let busy: Vec<Pid> = busy.map(|session| session.pid).collect();
        // A backend whose connection is lost may still be on its way out: it is not idle.
        let idle = self.sessions.iter().filter(|it| !it.is_busy() && !it.is_lost());
        let idle: Vec<Pid> = idle.map(|session| session.pid).collect();
        let rows = self.control.rows(&question(&busy, &all)).await?;
        WaitLook::read(&rows, &idle).ok_or(PlayerError::Unreadable("who waits for whom"))
    }

    /// Whether every session that is busy waits stably.
    async fn all_wait(&mut self, order: &mut Order<'_>) -> Result<bool, PlayerError> {
        let look = self.look().await?;
        for session in self.sessions.iter_mut().filter(|session| session.is_busy()) {
            session.gather_all().await;
        }
        // An answer that has come meanwhile goes before what was seen.
        if self.take_answers(order) {
            return Ok(false);
        }
        let mut busy = self.sessions.iter().enumerate().filter(|(_, it)| it.is_busy());
        Ok(busy
            .all(|(at, session)| look.is_lasting(session.pid) && !self.waits_for_a_time(at, order)))
    }

    /// Whether a session has said that it waits for so long and no longer: its wait is over when it
    /// has ended by itself, or it would depend on the clock what others meet.
    fn waits_for_a_time(&self, session: usize, order: &Order<'_>) -> bool {
        let steps = &self.program.sessions[session];
        let played = steps.iter().take(order.next[session]);
        played.into_iter().any(|&step| {
            // `deadlock_timeout` ends circles alone.
            let sql = self.scenario.steps[step].sql.to_lowercase().replace("deadlock_timeout", "");
            TIME_LIMITS.iter().any(|limit| sql.contains(limit))
        })
    }

    fn mind_the_time(&self, begun: Instant, order: &Order<'_>) -> Result<(), PlayerError> {
        let after = begun.elapsed();
        if after < LIMIT {
            return Ok(());
        }
        let step = order.open.iter().flatten().next().map_or_else(String::new, |&launch| {
            let launch = &order.launches[launch];
            let step = self.program.sessions[launch.session][launch.step];
            self.scenario.steps[step].name.clone()
        });
        Err(PlayerError::Endless { step, after })
    }

    /// A backend that a step has ended is heard of a moment later.
    async fn heed_endings(&mut self, order: &mut Order<'_>) -> Result<(), PlayerError> {
        let Some(last) = order.launches.last() else { return Ok(()) };
        let step = self.program.sessions[last.session][last.step];
        if !self.scenario.steps[step].sql.to_lowercase().contains("pg_terminate_backend") {
            return Ok(());
        }
        self.timer.limit(ENDING, std::future::pending::<()>()).await;
        for session in &mut self.sessions {
            session.gather_all().await;
        }
        self.take_answers(order);
        Ok(())
    }
}
