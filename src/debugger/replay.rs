//! A plan is played on programs: each statement is let go when its turn has come and nothing moves
//! any more.
//!
//! ```text
//!  programs ──statements──▶ debugger ──held, by the plan──▶ Replay ── let go, release by release
//!                                        run ──who waits──────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::Debugger;
use super::gate::{GateError, Opening};
use super::guests::{Order, PlanState, Progress};
use super::plan::{Misfit, Plan};
use crate::core::event::{Event, Kind, SessionName};
use crate::run::Report;

/// How a play has ended.
#[derive(Debug)]
pub enum End {
    /// All of the plan was let go, and all programs have ended.
    Over,
    /// The programs send something else.
    Misfit(Box<Misfit>),
    /// These programs did not end in time.
    Endless(Vec<String>),
    /// The run cannot go on.
    Broken(String),
}

/// Why a plan could not be played.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Gate(#[from] GateError),
}

/// The programs of a play.
pub trait Programs {
    /// The next that ends, by its actor's name; `None` once all have.
    fn ended(&mut self) -> impl Future<Output = Option<String>>;

    /// Those that still run.
    fn running(&self) -> Vec<String>;
}

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a program that was let go to come to its next statement, while nothing happens.
    pub think: Duration,
    /// For the next statement of the plan, while nothing happens.
    pub stall: Duration,
    /// For the programs' ends, once the plan is over and nothing happens.
    pub end: Duration,
}

/// What plays plans, one after the other.
#[derive(Debug)]
pub struct Replay {
    debugger: Arc<Debugger>,
    reports: mpsc::Receiver<Report>,
    /// Who waits for somebody in the database, and how much had been answered when that was seen.
    waiting: BTreeMap<SessionName, u64>,
    patience: Patience,
}

impl Replay {
    /// Of a debugger, and what its run tells.
    pub fn new(
        debugger: Arc<Debugger>,
        reports: mpsc::Receiver<Report>,
        patience: Patience,
    ) -> Self {
        Self { debugger, reports, waiting: BTreeMap::new(), patience }
    }

    /// Until the run is set up; why it cannot be, where it cannot.
    pub async fn set_up(&mut self) -> Result<(), String> {
        loop {
            match self.reports.recv().await {
                Some(Report::Fresh(_)) => return Ok(()),
                report => {
                    if let Some(broken) = self.note(report) {
                        return Err(broken);
                    }
                }
            }
        }
    }

    /// Until the run cannot go on, and why.
    pub async fn broken(&mut self) -> String {
        loop {
            let report = self.reports.recv().await;
            if let Some(broken) = self.note(report) {
                return broken;
            }
        }
    }

    /// Plays a plan on programs that have just begun.
    pub async fn play(&mut self, programs: &mut impl Programs) -> Result<End, ReplayError> {
        let end = self.play_plan(programs).await?;
        self.debugger.play(None);
        match end {
            Some(end) => Ok(end),
            None => Ok(self.until_all_have_ended(programs).await),
        }
    }

    /// From now on what the plan knows is held: before the programs begin.
    /// These actors come in their turn with whatever they send, also those of whom a shorter plan
    /// has nothing left.
    pub fn begin(&mut self, plan: Plan, actors: BTreeSet<String>) {
        self.waiting.clear();
        self.debugger.play(Some((plan, actors)));
    }

    async fn play_plan(
        &mut self,
        programs: &mut impl Programs,
    ) -> Result<Option<End>, ReplayError> {
        let mut changes = self.debugger.changes();
        let (mut last, mut progress) = (Instant::now(), self.debugger.progress());
        let mut have_all_ended = false;
        loop {
            changes.borrow_and_update();
            if let Some(misfit) = self.debugger.awaited().filter(|_| have_all_ended) {
                return Ok(Some(End::Misfit(Box::new(misfit))));
            }
            let is_late = last.elapsed() >= self.thinks();
            match self.debugger.plan_state(&self.waiting(is_late), is_late) {
                PlanState::Over => return Ok(None),
                PlanState::Misfit(misfit) => return Ok(Some(End::Misfit(misfit))),
                PlanState::Due(places) => {
                    self.let_go(&places).await?;
                    last = Instant::now();
                    continue;
                }
                PlanState::Waiting { .. } => {}
            }
            let next = if is_late { self.patience.stall } else { self.thinks() };
            tokio::select! {
                biased;
                report = self.reports.recv() => if let Some(broken) = self.note(report) {
                    return Ok(Some(End::Broken(broken)));
                },
                _ = changes.changed() => if self.has_progressed(&mut progress) {
                    last = Instant::now();
                },
                ended = programs.ended(), if !have_all_ended => match ended {
                    Some(actor) => if let Some(misfit) = self.debugger.wanted_of(&actor) {
                        return Ok(Some(End::Misfit(Box::new(misfit))));
                    },
                    // What one of them still had held is dropped when its end has come through.
                    None => have_all_ended = true,
                },
                () = sleep_until(last + next) => {
                    if let Some(misfit) = self.debugger.awaited().filter(|_| is_late) {
                        return Ok(Some(End::Misfit(Box::new(misfit))));
                    }
                    if is_late {
                        last = Instant::now();
                    }
                }
            }
        }
    }

    /// How long programs are waited for that were let go: longer in the middle of a transaction,
    /// which they will hardly leave as it is.
    fn thinks(&self) -> Duration {
        let times = if self.debugger.is_amid_transaction() { 4 } else { 1 };
        self.patience.think * times
    }

    async fn let_go(&self, places: &[SessionName]) -> Result<(), GateError> {
        let (mut go, mut orders) = (Vec::new(), Vec::new());
        for place in places {
            match self.debugger.planned_answer(place) {
                Some(answer) => orders.push(Order::Answer(place.clone(), answer)),
                None => go.push(place.clone()),
            }
        }
        let together = go.len() > 1 && self.debugger.has_gate();
        orders.extend(go.iter().filter(|_| !together).cloned().map(Order::LetGo));
        for order in orders {
            // Whoever has gone meanwhile is told by the debugger.
            let _ = self.debugger.obey(order);
        }
        if together {
            self.debugger.let_go_together(Some(&go), Opening::InTurn).await?;
        }
        Ok(())
    }

    async fn until_all_have_ended(&mut self, programs: &mut impl Programs) -> End {
        let mut changes = self.debugger.changes();
        let mut deadline = Instant::now() + self.patience.end;
        let mut progress = self.debugger.progress();
        loop {
            tokio::select! {
                biased;
                report = self.reports.recv() => if let Some(broken) = self.note(report) {
                    return End::Broken(broken);
                },
                _ = changes.changed() => if self.has_progressed(&mut progress) {
                    deadline = Instant::now() + self.patience.end;
                },
                ended = programs.ended() => if ended.is_none() {
                    return End::Over;
                },
                () = sleep_until(deadline) => return End::Endless(programs.running()),
            }
        }
    }

    /// Who waits. A wait that was seen before somebody's last answer may be over, and is none
    /// unless nothing more is heard of it for long.
    fn waiting(&self, is_late: bool) -> BTreeSet<SessionName> {
        let answers = self.debugger.progress().answers;
        let lasts = |seen: &u64| is_late || *seen == answers;
        let waiting = self.waiting.iter().filter(|(_, seen)| lasts(seen));
        waiting.map(|(name, _)| name.clone()).collect()
    }

    /// Whether a program has sent something that is no noise, or was answered, since then.
    fn has_progressed(&self, since: &mut Progress) -> bool {
        let before = std::mem::replace(since, self.debugger.progress());
        before != *since
    }

    /// Notes who waits; why the run cannot go on, where it cannot.
    fn note(&mut self, report: Option<Report>) -> Option<String> {
        match report {
            None => return Some("the run has ended".to_owned()),
            Some(Report::Broken(why)) => return Some(why),
            Some(Report::Event(Event { session: Some(name), kind, .. })) => match kind {
                Kind::Waiting(_) => {
                    self.waiting.insert(name, self.debugger.progress().answers);
                }
                Kind::Resumed { .. }
                | Kind::Ready { .. }
                | Kind::Sent { .. }
                | Kind::Lost { .. }
                | Kind::Closed => drop(self.waiting.remove(&name)),
                _ => {}
            },
            Some(_) => {}
        }
        None
    }
}
