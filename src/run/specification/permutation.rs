//! One permutation: setup, the steps in their order, teardown.
//!
//! A step is sent when its session's earlier steps are over. It is looked at until it is answered
//! or waits; then all that wait are looked at again, because it may have released them. The order
//! of the looks is the order of the output, so it is isolationtester's (PostgreSQL sources,
//! `run_permutation`, `try_complete_steps`, `try_complete_step`).

use std::time::{Duration, Instant};

use super::SpecError;
use super::client::{Answer, copy_status};
use super::connections::{Connections, Heard, Who};
use super::pace::Pace;
use super::prelude::{is_about_rows, is_private, never_waits};
use super::watched_step::{FIRST_PAUSE, MEASURE, WatchedStep};
use crate::core::event::Pid;
use crate::core::event::octets::keep;
use crate::core::scenario::{Launch, Marker, Scenario, Schedule, Step};
use crate::reports::isolation_output::{Complaint, Telling, Whose};

/// A permutation that is being played.
pub(super) struct Permutation<'a> {
    cast: &'a mut Connections,
    spec: &'a Scenario,
    schedule: &'a Schedule,
    /// The launches that were seen to wait, in the order in which they began to.
    waiting: Vec<usize>,
    /// Each session's launch that is not over.
    active: Vec<Option<usize>>,
    /// When each launch was sent.
    since: Vec<Instant>,
    /// How many notices the other session must have had by now, for each launch's markers.
    targets: Vec<Vec<usize>>,
}

/// A setup, of the whole or of a session.
#[derive(Clone, Copy, Debug)]
struct Setup<'a> {
    who: Who,
    sql: &'a str,
    is_sent: bool,
}

impl<'a> Setup<'a> {
    fn new(who: Who, sql: &'a str) -> Self {
        Self { who, sql, is_sent: false }
    }
}

/// How often a launch has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    First,
    Again,
}

/// How long a look lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    UntilItWaits,
    UntilItEnds,
}

/// What a look has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Over,
}

impl<'a> Permutation<'a> {
    pub(super) fn new(
        cast: &'a mut Connections,
        spec: &'a Scenario,
        schedule: &'a Schedule,
    ) -> Self {
        let active = vec![None; cast.sessions.len()];
        let targets =
            schedule.launches.iter().map(|launch| vec![0; launch.markers.len()]).collect();
        let since = vec![Instant::now(); schedule.launches.len()];
        Self { cast, spec, schedule, waiting: Vec::new(), active, since, targets }
    }

    pub(super) async fn play(mut self) -> Result<(), SpecError> {
        let mut setups = self.setups();
        self.send_ahead(&mut setups).await;
        // Before the next permutation is named: a complaint about the teardown belongs to the last
        // one.
        self.cast.hear_teardown().await;
        let steps = (0..self.schedule.launches.len()).map(|launch| self.step(launch).name.clone());
        self.cast.news.tell(Telling::Permutation { steps: steps.collect() });
        for setup in setups {
            self.set_up(setup).await?;
        }
        for launch in 0..self.schedule.launches.len() {
            self.make_free(self.session(launch)).await?;
            self.keep_distance(launch).await?;
            self.launch(launch).await?;
            let state = self.look(launch, Look::First, Patience::UntilItWaits).await?;
            self.look_again(Patience::UntilItWaits).await?;
            // Behind the look at the others, as in `run_permutation`: it is not looked at twice in
            // one round.
            if state == State::Open {
                self.waiting.push(launch);
            }
        }
        self.look_again(Patience::UntilItEnds).await?;
        if !self.waiting.is_empty() {
            return Err(self.cast.give_up(Complaint::MutualBlock));
        }
        self.cast.endings.outlive_permutation();
        self.tear_down().await;
        Ok(())
    }

    /// The setups in their order.
    fn setups(&self) -> Vec<Setup<'a>> {
        let control = self.spec.setup.iter().map(|sql| Setup::new(Who::Control, sql));
        let sessions = self.spec.sessions.iter().enumerate();
        let sessions = sessions.filter_map(|(session, player)| {
            let sql = player.setup.as_ref()?;
            Some(Setup::new(Who::Session(session), sql))
        });
        control.chain(sessions).collect()
    }

    /// Sends the first setup of all behind the last teardown, and those that concern nobody else.
    /// What could not be sent is told in its turn.
    async fn send_ahead(&mut self, setups: &mut [Setup<'_>]) {
        if self.cast.endings.pace() == Pace::Measured {
            return;
        }
        for (place, setup) in setups.iter_mut().enumerate() {
            let is_next = place == 0 && setup.who == Who::Control;
            setup.is_sent = (is_next || is_private(setup.sql))
                && self.cast.begin(setup.who, setup.sql).await.is_ok();
        }
    }

    async fn set_up(&mut self, setup: Setup<'_>) -> Result<(), SpecError> {
        let done = if setup.is_sent {
            self.cast.conclude(setup.who).await
        } else {
            self.cast.perform(setup.who, setup.sql).await
        };
        done.map_err(|reason| self.cast.give_up(Complaint::Setup(self.whose(setup.who), reason)))
    }

    fn whose(&self, who: Who) -> Whose {
        match who {
            Who::Control => Whose::Control,
            Who::Session(session) => Whose::Session(self.spec.sessions[session].name.to_string()),
        }
    }

    /// What fails here is told and passed over.
    async fn tear_down(&mut self) {
        for (session, player) in self.spec.sessions.iter().enumerate() {
            let Some(sql) = &player.teardown else { continue };
            let who = Who::Session(session);
            if let Err(reason) = self.cast.perform(who, sql).await {
                self.cast.news.complain(Complaint::Teardown(self.whose(who), reason));
            }
        }
        for sql in &self.spec.teardown {
            self.cast.tear_down(sql).await;
        }
    }

    fn entry(&self, launch: usize) -> &'a Launch {
        &self.schedule.launches[launch]
    }

    fn step(&self, launch: usize) -> &'a Step {
        &self.spec.steps[self.entry(launch).step]
    }

    /// A step's name and its SQL as they are told.
    fn told(&self, launch: usize) -> (String, String) {
        let Step { name, sql, .. } = self.step(launch);
        (keep(name.as_bytes()), keep(sql.as_bytes()))
    }

    fn session(&self, launch: usize) -> usize {
        self.session_of(self.entry(launch).step)
    }

    fn session_of(&self, step: usize) -> usize {
        self.cast.homes[step]
    }

    /// Waits until a session's earlier step is over.
    async fn make_free(&mut self, session: usize) -> Result<(), SpecError> {
        let begun = Instant::now();
        while let Some(earlier) = self.active[session] {
            if self.look(earlier, Look::Again, Patience::UntilItEnds).await? == State::Over {
                self.waiting.retain(|waiting| *waiting != earlier);
            }
            self.look_again(Patience::UntilItWaits).await?;
            if self.active[session].is_some() {
                self.refuse_to_wait_for_ever(session, begun.elapsed())?;
                // A marker holds the step back: until another step ends or has something to say.
                self.cast.hear_anybody(FIRST_PAUSE).await;
            }
        }
        Ok(())
    }

    fn refuse_to_wait_for_ever(&self, session: usize, after: Duration) -> Result<(), SpecError> {
        let Some(launch) = self.active[session].filter(|_| after > 2 * self.cast.limit) else {
            return Ok(());
        };
        let active = self.active.iter().flatten().map(|&launch| self.step(launch).name.clone());
        let (step, active) = (self.step(launch).name.clone(), Some(active.collect()));
        Err(self.cast.give_up(Complaint::TimedOut { step, after, active }))
    }

    /// A step of a session that is waited for may close a circle of waits. Then whose
    /// `deadlock_timeout` is over first is the victim, so between two waits lies what
    /// isolationtester leaves between them: less, and a busy server's scheduler would choose.
    ///
    /// It closes none where those that wait have nothing that it could want.
    async fn keep_distance(&mut self, launch: usize) -> Result<(), SpecError> {
        let sql = &self.step(launch).sql;
        let is_measured = self.cast.endings.pace_of_looks() == Pace::Measured;
        if self.waiting.is_empty() || is_measured || never_waits(sql) {
            return Ok(());
        }
        let Some(since) = self.last_wait_for(launch).await? else { return Ok(()) };
        let waiting: Vec<Pid> = self.waiting.iter().map(|&other| self.pid(other)).collect();
        let is_harmless = since.elapsed() >= MEASURE
            || is_about_rows(sql) && self.cast.are_empty_handed(&waiting).await;
        if !is_harmless {
            self.cast.pause(MEASURE.saturating_sub(since.elapsed())).await;
        }
        Ok(())
    }

    /// When the last of those was sent that wait for this launch's session.
    async fn last_wait_for(&mut self, launch: usize) -> Result<Option<Instant>, SpecError> {
        let own = self.pid(launch);
        let others: Vec<(Pid, Instant)> =
            self.waiting.iter().map(|&other| (self.pid(other), self.since[other])).collect();
        let sight = self.cast.sight().await?;
        let waits = others.into_iter().filter(|&(other, _)| sight.is_waited_for(own, other));
        Ok(waits.map(|(_, since)| since).max())
    }

    fn pid(&self, launch: usize) -> Pid {
        self.cast.sessions[self.session(launch)].pid
    }

    async fn launch(&mut self, launch: usize) -> Result<(), SpecError> {
        let (step, session) = (self.step(launch), self.session(launch));
        if let Err(reason) = self.cast.send(session, &step.sql).await {
            self.cast.news.tell(Telling::NotSent { name: step.name.clone(), reason });
            return Err(SpecError::GivenUp);
        }
        self.active[session] = Some(launch);
        self.since[launch] = Instant::now();
        for (place, marker) in self.entry(launch).markers.iter().enumerate() {
            if let Marker::Notices { step, count } = *marker {
                self.targets[launch][place] = self.notices_of(step) + count;
            }
        }
        Ok(())
    }

    /// How many notices a step's session has had.
    fn notices_of(&self, step: usize) -> usize {
        let pid: Pid = self.cast.sessions[self.session_of(step)].pid;
        self.cast.news.notices(pid)
    }

    /// Looks at all that wait. One that ends may let another one be told that a marker has held
    /// back, so it is done again until nothing changes.
    async fn look_again(&mut self, patience: Patience) -> Result<(), SpecError> {
        loop {
            self.cast.news.expect();
            let before = self.waiting.len();
            let mut open = Vec::new();
            for launch in std::mem::take(&mut self.waiting) {
                if self.look(launch, Look::Again, patience).await? == State::Open {
                    open.push(launch);
                }
            }
            self.waiting = open;
            let is_held = |launch: &usize| !self.entry(*launch).markers.is_empty();
            let has_changed = self.waiting.len() < before || self.cast.news.has_new();
            if !(has_changed && self.waiting.iter().any(is_held)) {
                return Ok(());
            }
        }
    }

    /// Looks at a launch until it is over, or waits, or is held back by a marker.
    async fn look(
        &mut self,
        launch: usize,
        look: Look,
        patience: Patience,
    ) -> Result<State, SpecError> {
        let is_once = self.entry(launch).markers.contains(&Marker::Once);
        let is_open = look == Look::First && is_once
            || self.await_answer(launch, look, patience).await? == State::Open
            || self.is_held_back(launch);
        if is_open {
            if look == Look::First {
                let (name, sql) = self.told(launch);
                self.cast.news.tell(Telling::Waiting { name, sql });
            }
            return Ok(State::Open);
        }
        self.complete(launch, look).await;
        Ok(State::Over)
    }

    /// Waits until the first result is there, or the session waits for another one.
    async fn await_answer(
        &mut self,
        launch: usize,
        look: Look,
        patience: Patience,
    ) -> Result<State, SpecError> {
        let session = self.session(launch);
        let mut vigil = WatchedStep::begin(look, patience, self.cast.endings.pace_of_looks());
        self.cast.sessions[session].gather();
        while self.cast.is_busy(session) {
            if let Some(reason) = self.cast.sessions[session].lost() {
                let complaint = Complaint::InputLost(reason.to_owned());
                return Err(self.cast.give_up(complaint));
            }
            if let Some(pause) = vigil.pause()
                && self.cast.hear(session, pause).await == Heard::Something
            {
                vigil.hear();
                continue;
            }
            if patience == Patience::UntilItWaits && self.waits(session, &mut vigil).await? {
                return Ok(State::Open);
            }
            self.mind_the_time(launch, &mut vigil).await?;
            vigil.go_on();
        }
        Ok(State::Over)
    }

    /// Whether the session is seen to wait. An answer that has come meanwhile goes before.
    async fn waits(&mut self, session: usize, vigil: &mut WatchedStep) -> Result<bool, SpecError> {
        let pid = self.cast.sessions[session].pid;
        let waits = if vigil.is_due() {
            self.cast.look().await?.is_blocked(pid)
        } else if self.cast.endings.pace_of_looks() == Pace::Measured {
            // A timeout or a cancel may be about, so only isolationtester's own moments count.
            false
        } else if vigil.has_looked {
            self.cast.look().await?.is_lasting(pid)
        } else {
            self.cast.sight().await?.is_lasting(pid)
        };
        vigil.has_looked = true;
        Ok(waits && self.cast.is_busy(session))
    }

    /// Cancels a step that takes too long, and gives up when that does not help.
    async fn mind_the_time(
        &mut self,
        launch: usize,
        vigil: &mut WatchedStep,
    ) -> Result<(), SpecError> {
        let (after, limit) = (vigil.begun.elapsed(), self.cast.limit);
        let name = self.step(launch).name.clone();
        if after > limit && !vigil.is_cancelled {
            let canceller = self.cast.sessions[self.session(launch)].canceller();
            vigil.is_cancelled = canceller.cancel().await.is_ok();
            if vigil.is_cancelled {
                self.cast.news.tell(Telling::Cancelled { name: name.clone(), after });
            }
        }
        if after > 2 * limit {
            let complaint = Complaint::TimedOut { step: name, after, active: None };
            return Err(self.cast.give_up(complaint));
        }
        Ok(())
    }

    /// Whether a marker does not let the completion be told yet.
    fn is_held_back(&self, launch: usize) -> bool {
        self.entry(launch).markers.iter().zip(&self.targets[launch]).any(|(marker, &target)| {
            match *marker {
                Marker::Once => false,
                Marker::After(step) => {
                    let session = self.session_of(step);
                    self.active[session].is_some_and(|active| self.entry(active).step == step)
                }
                Marker::Notices { step, .. } => self.notices_of(step) < target,
            }
        })
    }

    /// Tells that a step is over, and all its results and notifications.
    async fn complete(&mut self, launch: usize, look: Look) {
        let (name, sql) = self.told(launch);
        self.cast.news.tell(match look {
            Look::First => Telling::Step { name, sql },
            Look::Again => Telling::Completed { name },
        });
        let session = self.session(launch);
        let Connections { sessions, news, .. } = &mut *self.cast;
        while let Some(answer) = sessions[session].result(news).await {
            news.tell(match answer {
                Answer::Done | Answer::Empty => continue,
                Answer::Rows { columns, rows } => Telling::Table { columns, rows },
                Answer::Failed(message) => Telling::Failed(message),
                Answer::Broken(reason) => Telling::Broken(reason),
                Answer::Copy(direction) => Telling::Unexpected(copy_status(direction)),
            });
        }
        for notification in sessions[session].notifications(news) {
            let sender = sessions.iter().find(|client| client.pid == notification.from);
            let from = sender.map_or_else(
                || format!("PID {}", notification.from),
                |client| client.name.to_string(),
            );
            let (channel, payload) = (notification.channel, notification.payload);
            let session = sessions[session].name.to_string();
            news.tell(Telling::Notification { session, channel, payload, from });
        }
        self.active[session] = None;
    }
}
