//! Plays orders of a scenario's steps on sessions of our own, hundreds in a second.
//!
//! ```text
//!  Players::prepare ─▶ place (a database, or a schema) ─▶ setup ─▶ contents of its tables
//!  play:  launch ─▶ settle ─▶ launch ─▶ settle … ─▶ end ─▶ reset
//!           │          │ answered, or waits stably    │        └ tables by COPY, sessions anew
//!           └ session  └ control: who waits           └ rows, `finally`, invariants
//! ```
//!
//! Sessions stay connected from order to order. An order that was left in its middle (its future
//! was dropped) is tidied up before the next one.

mod control;
mod deadlines;
mod end;
mod error;
mod measure;
mod place;
mod prepare;
mod reset;
mod sequences;
mod session;
mod settle;
mod tables;

use std::sync::Arc;

use super::played::{Answered, End, Guide, Launched, Played, Player};
use super::program::Program;
use crate::core::event::{Row, TransactionStatus};
use crate::core::scenario::Scenario;
use crate::run::specification::timer::Timer;
use control::Control;
use deadlines::Deadlines;
pub use error::PlayerError;
pub use measure::Measured;
use place::Place;
pub(super) use prepare::are_plain;
pub use prepare::{Manner, Players};
use session::Session;
use tables::Tables;

/// Plays orders, one after the other.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct SessionPlayer {
    scenario: Arc<Scenario>,
    program: Program,
    /// The statements of each of the scenario's steps, as they are sent.
    statements: Vec<Vec<String>>,
    place: Place,
    sessions: Vec<Session>,
    /// Plays the setup and looks at the end.
    runner: Session,
    /// Asks who waits, and puts the tables back.
    control: Control,
    tables: Tables,
    /// What each session begins with.
    prelude: Vec<String>,
    /// What is asked at the end: the `finally` part's statements, then the invariants.
    finale: Vec<String>,
    /// Whether a step does more than to change rows, so that each order needs a setup of its own.
    makes_tables: bool,
    looks_after_steps: bool,
    /// Whether a statement may touch tables that it does not name.
    is_dynamic: bool,
    /// Which sessions leave nothing behind but their transactions.
    are_plain: Vec<bool>,
    /// What orders are held against, once it is measured.
    measured: Option<Measured>,
    deadlines: Deadlines,
    timer: Timer,
    /// Whether an order has begun that was not reset after.
    is_dirty: bool,
}

/// An order under way.
struct Order<'a> {
    guide: &'a mut (dyn Guide + Send),
    launches: Vec<Launched>,
    /// Each session's next step.
    next: Vec<usize>,
    /// Each session's launch that is not answered.
    open: Vec<Option<usize>>,
    broken: Vec<super::played::BrokenInvariant>,
}

impl Player for SessionPlayer {
    type Error = PlayerError;

    async fn play(&mut self, guide: &mut (dyn Guide + Send)) -> Result<Played, PlayerError> {
        if self.is_dirty {
            self.recover().await?;
        }
        self.is_dirty = true;
        let mut order = Order {
            guide,
            launches: Vec::new(),
            next: vec![0; self.sessions.len()],
            open: vec![None; self.sessions.len()],
            broken: Vec::new(),
        };
        let is_whole = self.play_launches(&mut order).await?;
        let enabled = self.enabled(&mut order);
        let waiting: Vec<usize> =
            (0..self.sessions.len()).filter(|&at| order.open[at].is_some()).collect();
        let Order { launches, broken, .. } = order;
        self.quieten().await?;
        let end = self.look_at_end(is_whole, broken).await?;
        self.reset(&end.changed, &end.sequences).await?;
        self.is_dirty = false;
        let end = is_whole.then_some(end.end);
        Ok(Played { launches, enabled, waiting, end })
    }
}

impl SessionPlayer {
    /// Launches until nobody can go on; whether it was not broken off before.
    async fn play_launches(&mut self, order: &mut Order<'_>) -> Result<bool, PlayerError> {
        loop {
            let enabled = self.enabled(order);
            if enabled.is_empty() {
                return Ok(true);
            }
            let Some(session) = order.guide.next(&order.launches, &enabled) else {
                return Ok(false);
            };
            self.launch(session, enabled, order).await?;
            self.settle(order).await?;
            self.look_at_invariants(order).await?;
        }
    }

    /// Whoever has a step left and waits for nothing; steps that are left out are passed over.
    fn enabled(&self, order: &mut Order<'_>) -> Vec<usize> {
        let mut enabled = Vec::new();
        for (session, steps) in self.program.sessions.iter().enumerate() {
            while order.next[session] < steps.len()
                && order.guide.leaves_out(session, order.next[session])
            {
                order.next[session] += 1;
            }
            let has_more = order.next[session] < steps.len();
            if has_more && order.open[session].is_none() && !self.sessions[session].is_gone() {
                enabled.push(session);
            }
        }
        enabled
    }

    async fn launch(
        &mut self,
        session: usize,
        enabled: Vec<usize>,
        order: &mut Order<'_>,
    ) -> Result<(), PlayerError> {
        let step = order.next[session];
        self.check_tables(session, step).await?;
        let statements = &self.statements[self.program.sessions[session][step]];
        let waiting = order.open.iter().flatten().count();
        if waiting > 0 {
            self.deadlines.keep_distance(waiting, &self.timer).await;
        }
        let deadline = self.deadlines.of_launch(session, waiting);
        self.sessions[session].launch(statements, deadline).await?;
        self.deadlines.note_launch();
        order.next[session] += 1;
        order.open[session] = Some(order.launches.len());
        order.launches.push(Launched { session, step, enabled, answer: None });
        Ok(())
    }

    /// Before a COMMIT: whether the transaction has touched no table that was not foreseen.
    async fn check_tables(&self, session: usize, step: usize) -> Result<(), PlayerError> {
        let own = &self.sessions[session];
        let Some(measured) = self.measured.as_ref().filter(|_| self.is_dynamic) else {
            return Ok(());
        };
        let sql = &self.scenario.steps[self.program.sessions[session][step]].sql;
        if own.status != TransactionStatus::InTransaction || !prepare::commits(sql) {
            return Ok(());
        }
        let tables = self.tables.locked_by(&self.control, own.pid).await?;
        let name = self.scenario.sessions[session].name.to_string();
        measured.check_tables(session, &name, &tables);
        Ok(())
    }

    /// Takes the answers that are whole; whether any was.
    fn take_answers(&mut self, order: &mut Order<'_>) -> bool {
        let after = order.launches.len() - 1;
        let mut has_any = false;
        for (session, open) in self.sessions.iter_mut().zip(&mut order.open) {
            if session.is_busy() {
                continue;
            }
            if let Some(launch) = open.take() {
                let (outcomes, status, lost) = session.take_answer();
                let answer = Answered { outcomes, status, lost, after };
                order.launches[launch].answer = Some(answer);
                has_any = true;
            }
        }
        has_any
    }
}

/// What the end looked like, and which tables have changed.
struct Seen {
    end: End,
    /// Places among the tables.
    changed: Vec<usize>,
    /// How far the sequences are.
    sequences: Vec<Row>,
}
