//! One order on programs: statements are let go one by one, each when what was let go before it has
//! come to rest.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::places::Places;
use super::{OutsideError, Patience, Programs, Running as _, stable};
use crate::core::error_chain::with_causes;
use crate::core::event::SessionName;
use crate::debugger::Debugger;
use crate::debugger::guests::Order;
use crate::debugger::verdict::Database;
use crate::explorer::played::{Guide, Launched};
use crate::gateway::Gateway;
use crate::run::guests::GuestNews;

/// How long the one who waits has waited when the next statement is let go: by then it has looked
/// for a deadlock and found none, so the last one that closes a circle is refused.
const APART: Duration = Duration::from_millis(15);

/// How soon it is looked whether a statement waits.
const LOOK: Duration = Duration::from_micros(500);
/// And how seldom in the end.
const LAST_LOOK: Duration = Duration::from_millis(10);

/// One order on programs.
pub(super) struct Play<'a, P: Programs> {
    pub(super) debugger: Arc<Debugger>,
    pub(super) news: mpsc::Receiver<GuestNews>,
    pub(super) gateway: Gateway,
    pub(super) running: P::Running,
    /// Whose program has not ended.
    pub(super) alive: Vec<bool>,
    pub(super) places: Places,
    pub(super) database: &'a Database,
    pub(super) patience: Patience,
}

/// What the wait for rest has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// What was let go is answered or waits, and its program has come to its next statement.
    Quiet,
    /// A program does something else, for how long nobody knows.
    Thinks,
}

impl<P: Programs> Play<'_, P> {
    /// Lets statements go until nobody can go on; whether that was the programs' end.
    pub(super) async fn course(
        &mut self,
        prefix: &[usize],
        guide: &mut (dyn Guide + Send),
    ) -> Result<bool, OutsideError> {
        loop {
            let (enabled, rest) = self.come_to_rest().await?;
            self.places.enabled.clone_from(&enabled);
            if enabled.is_empty() {
                // Who waits for somebody who waits, waits to the end.
                return if rest == Rest::Quiet { Ok(true) } else { Err(self.unfinished()) };
            }
            let at = self.places.launches.len();
            let choice = match prefix.get(at) {
                Some(session) if enabled.contains(session) => *session,
                Some(session) => {
                    let name = self.places.names.get(*session).cloned().unwrap_or_default();
                    return Err(OutsideError::NotTheSame(name));
                }
                None => match guide.next(&self.so_far(), &enabled) {
                    Some(session) => session,
                    None => return Ok(false),
                },
            };
            self.let_go(choice, enabled).await?;
        }
    }

    fn so_far(&self) -> Vec<Launched> {
        self.places.launched()
    }

    async fn let_go(&mut self, session: usize, enabled: Vec<usize>) -> Result<(), OutsideError> {
        if let Some(since) = self.places.waiting_since {
            sleep_until(since + APART).await;
        }
        let Some(connection) = self.places.next_of(session) else { return Ok(()) };
        let name = SessionName::new(&self.places.names[connection]);
        let state = self.debugger.state();
        let held = state.of(name.as_str()).and_then(|transaction| transaction.held.as_ref());
        let shape = held.map(|held| Arc::clone(&held.shape)).unwrap_or_default();
        self.places.launch(connection, shape, enabled);
        let obeyed = self.debugger.obey(Order::LetGo(name));
        obeyed.map_err(|error| OutsideError::Programs(error.to_string()))
    }

    fn unfinished(&self) -> OutsideError {
        let (who, does) = self.places.unfinished(&self.alive);
        OutsideError::Unfinished { who, does, seconds: self.patience.end.as_secs() }
    }

    /// Waits until nothing moves, and gives who could go on. Where nobody can, programs that still
    /// run are waited for longer: they may only be slow.
    async fn come_to_rest(&mut self) -> Result<(Vec<usize>, Rest), OutsideError> {
        let deadline = Instant::now() + self.patience.end;
        loop {
            let rest = self.rest().await?;
            let enabled = self.places.held();
            let is_over = !self.alive.contains(&true);
            if !enabled.is_empty() || is_over && rest == Rest::Quiet {
                return Ok((enabled, rest));
            }
            if !self.anything_until(deadline).await {
                return Ok((enabled, rest));
            }
        }
    }

    async fn rest(&mut self) -> Result<Rest, OutsideError> {
        let (mut last, mut look) = (Instant::now(), LOOK);
        loop {
            if self.places.drain(&mut self.news) {
                (last, look) = (Instant::now(), LOOK);
            }
            let on_their_way = self.places.running();
            let thinks = self.places.think(&self.alive);
            if on_their_way.is_empty() && !thinks {
                self.places.waiting_since = None;
                return Ok(Rest::Quiet);
            }
            let patience = self.patience(&self.alive);
            let is_late = last.elapsed() >= patience;
            if thinks && is_late && on_their_way.is_empty() {
                return Ok(Rest::Thinks);
            }
            if !on_their_way.is_empty() && last.elapsed() >= look {
                let waits = self.waits(&on_their_way).await?;
                if self.places.drain(&mut self.news) {
                    continue;
                }
                if stable::all_wait(&waits, &on_their_way, &self.places.pids())
                    && (!thinks || is_late)
                {
                    self.places.waiting_since.get_or_insert_with(Instant::now);
                    return Ok(if thinks { Rest::Thinks } else { Rest::Quiet });
                }
                look = (look * 2).min(LAST_LOOK);
                if last.elapsed() >= self.patience.end {
                    return Ok(Rest::Thinks);
                }
            }
            let until =
                if on_their_way.is_empty() { last + patience } else { Instant::now() + look };
            self.anything_until(until).await;
        }
    }

    /// A program that begins may take its time; one that was let go comes to its next statement
    /// soon, unless it does something else.
    fn patience(&self, alive: &[bool]) -> Duration {
        let Patience { think, end } = self.patience;
        if self.places.start(alive) { end } else { think }
    }

    async fn waits(&self, pids: &[i32]) -> Result<stable::Waits, OutsideError> {
        let waits = self.database.waits(pids).await;
        let waits = waits.map_err(|error| OutsideError::Server(with_causes(&error)))?;
        Ok(waits.into_iter().collect())
    }

    /// Waits until something happens; whether it did before that moment.
    async fn anything_until(&mut self, moment: Instant) -> bool {
        tokio::select! {
            biased;
            news = self.news.recv() => match news {
                Some(news) => {
                    self.places.hear(news);
                    true
                }
                None => false,
            },
            ended = self.running.ended(), if self.alive.contains(&true) => {
                match ended {
                    Some(actor) => self.alive[actor] = false,
                    None => self.alive.fill(false),
                }
                true
            }
            () = sleep_until(moment) => false,
        }
    }
}
