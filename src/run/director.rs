//! The task behind a run: obeys commands, keeps the place in the schedule, replays.

use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use tokio::sync::mpsc;

use crate::core::error_chain::with_causes;
use crate::core::event::{Event, Kind, SessionName};
use crate::core::scenario::{EngineKind, Launch};
use crate::run::engines::{EngineError, Engines, OpenEngine};
use crate::run::machine::lasting::Ledger;
use crate::run::machine::live_run::{LiveRun, Moment};
use crate::run::machine::names::{MOST_SESSIONS, next_free};
use crate::run::machine::orders::Orders;
use crate::run::machine::schedule_position::{FinalQuery, SchedulePosition};
use crate::run::machine::session_setup::SessionSetup;
use crate::run::machine::teardown::{TIDY_UP, Tell};
use crate::run::parting::Parting;
use crate::run::{Command, Fresh, Production, Report, Untidy};

/// How long a replayed step may run before the replay stops at it.
const REPLAY_PATIENCE: Duration = Duration::from_secs(20);

/// Directs one stage after the other.
pub(crate) struct Director {
    pub(crate) venues: Engines,
    pub(crate) parting: Parting,
    pub(crate) production: Arc<Production>,
    pub(crate) reports: mpsc::Sender<Report>,
    /// What cannot be tidied up at the end.
    pub(crate) untidy: mpsc::UnboundedSender<Untidy>,
    pub(crate) clock: Instant,
    pub(crate) place: SchedulePosition,
    /// The engine that is played on, once it is open.
    pub(crate) house: Option<OpenEngine>,
    /// What became of the schemas of dead runs, to be told.
    pub(crate) swept: Vec<String>,
    /// What was committed outside the run's schema since the last fresh setup, where that is
    /// anybody's.
    pub(crate) ledger: Option<Ledger>,
}

/// Why what would be done again is not done without somebody's consent.
const LASTS: &str =
    "this would do again what was committed outside the run's schema; ask once more to see what";

/// Whether the play can go on.
#[derive(PartialEq, Eq)]
enum Scene {
    Playable,
    Ruined,
}

impl Director {
    /// Plays until nobody gives commands any more, then tidies up. A defect of ours must not leave
    /// a play standing in the middle of something either: whatever ends the playing, everybody is
    /// sent home in good order.
    pub(crate) async fn direct(mut self, orders: Orders) {
        let mut stage = None;
        let played = AssertUnwindSafe(self.play(&mut stage, orders)).catch_unwind().await;
        if let Some(stage) = stage {
            let tell = Tell::to(self.untidy.clone());
            stage.close(self.parting.is_silent(), &tell).await;
        }
        self.close_house().await;
        if let Err(panic) = played {
            std::panic::resume_unwind(panic);
        }
    }

    async fn play(&mut self, stage: &mut Option<LiveRun>, mut orders: Orders) {
        *stage = self.open(&mut orders).await;
        loop {
            let moment = tokio::select! {
                biased;
                command = orders.next() => match command {
                    Some(command) => { self.obey(stage, command, &mut orders).await; continue }
                    None => return,
                },
                moment = next_moment(stage, &mut self.house) => moment,
            };
            if let Some(playing) = stage
                && self.react(playing, moment).await == Scene::Ruined
            {
                self.strike(stage).await;
            }
        }
    }

    /// A fresh setup, or none if the engine or the scenario's setup fails, which the driver is
    /// told, or if orders came meanwhile that make it pointless.
    async fn open(&mut self, orders: &mut Orders) -> Option<LiveRun> {
        self.place.prologue = SessionSetup::of(&self.production.scenario);
        self.place.next = 0;
        self.place.finale = FinalQuery::Ahead;
        let opened = self.try_open(orders).await;
        self.renew_patience();
        match opened {
            Ok(stage) => stage,
            Err(reason) => {
                self.place.replay = None;
                self.tell_what_lasts().await;
                self.report(Report::Broken(reason)).await;
                None
            }
        }
    }

    async fn try_open(&mut self, orders: &mut Orders) -> Result<Option<LiveRun>, String> {
        tokio::select! {
            biased;
            () = orders.abandonment() => return Ok(None),
            opened = self.open_house() => opened.map_err(|error| with_causes(&error))?,
        }
        let Some(house) = &self.house else { return Err("there is no engine".to_owned()) };
        let production = Arc::clone(&self.production);
        self.ledger = house.venue.is_kept.then(Ledger::default);
        if let Some(ledger) = &mut self.ledger {
            production.scenario.setup.iter().for_each(|statement| ledger.set_up(statement));
        }
        let overtaken = orders.overtaking();
        let opened = Box::pin(LiveRun::open(house, production, self.clock, overtaken)).await;
        let Some(stage) = opened.map_err(|error| with_causes(&error))? else { return Ok(None) };
        let fresh = Fresh {
            scenario: Arc::clone(&self.production.scenario),
            schedule: Arc::clone(&self.production.schedule),
            engine: stage.engine_line(&house.venue.place),
            sessions: stage.names(),
        };
        self.report(Report::Fresh(fresh)).await;
        self.tell_what_lasts().await;
        self.report(Report::Next(0)).await;
        for note in std::mem::take(&mut self.swept) {
            self.note(note).await;
        }
        Ok(Some(stage))
    }

    /// Goes to the production's engine, unless that is where we are. A server that has died is
    /// started again.
    async fn open_house(&mut self) -> Result<(), EngineError> {
        let kind = self.production.engine;
        self.venues.revive().await?;
        if self.house.as_ref().is_some_and(|house| house.kind == kind) {
            return Ok(());
        }
        self.close_house().await;
        let venue = self.venues.open(kind).await?;
        let (house, swept) = OpenEngine::open(kind, venue).await?;
        self.house = Some(house);
        self.swept = swept;
        Ok(())
    }

    async fn close_house(&mut self) {
        if let Some(house) = self.house.take() {
            // A server that does not answer need not be said goodbye to.
            let _ = tokio::time::timeout(TIDY_UP, house.close()).await;
        }
    }

    async fn obey(&mut self, stage: &mut Option<LiveRun>, command: Command, orders: &mut Orders) {
        let is_between = stage.is_none() && orders.has_another_setup();
        let Some(command) = self.consented(command).await else { return };
        match command {
            Command::Step if is_between => return self.place.asked.push_back(None),
            Command::StepEdited(sql) if is_between => {
                return self.place.asked.push_back(Some(sql));
            }
            Command::GoTo(step) => return self.replay(stage, step, orders).await,
            Command::Open(scenario) => {
                let production = Production::of(scenario, &self.production);
                return self.change(stage, production, orders).await;
            }
            Command::OpenOn(scenario, engine) => {
                let like = Production { engine, ..(*self.production).clone() };
                return self.change(stage, Production::of(scenario, &like), orders).await;
            }
            Command::Switch(kind) => return self.switch(stage, kind, orders).await,
            _ => {}
        }
        let Some(stage) = stage else {
            let refusal = if is_between {
                "the scenario is being set up anew"
            } else {
                "nothing is set up; F8 tries again"
            };
            return self.report(Report::Refused(refusal.to_owned())).await;
        };
        match command {
            Command::Step => self.step_when_ready(stage, None).await,
            Command::StepEdited(sql) => self.step_when_ready(stage, Some(sql)).await,
            Command::Submit { .. } if self.place.replay.is_some() => {
                let refusal = "the steps so far are being replayed; a moment".to_owned();
                self.report(Report::Refused(refusal)).await;
            }
            Command::Submit { .. } if !self.place.prologue.is_over() => {
                let refusal = "the sessions are being set up; a moment".to_owned();
                self.report(Report::Refused(refusal)).await;
            }
            Command::Submit { session, sql } => {
                let sent = stage.submit(&session, &sql);
                self.refuse_if(sent).await;
            }
            Command::Cancel(session) => stage.cancel(&session),
            Command::Reconnect(session) => self.reconnect(stage, &session).await,
            Command::Close(session) => stage.dismiss(&session),
            Command::AddSession(name) => self.add(stage, name).await,
            Command::GoTo(_)
            | Command::Open(_)
            | Command::OpenOn(..)
            | Command::Switch(_)
            | Command::Again(_) => {}
        }
    }

    /// The command, unless it would do again what lasts and nobody was asked.
    async fn consented(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::GoTo(_) | Command::Switch(_) if self.does_something_last() => {
                self.tell_what_lasts().await;
                self.report(Report::Refused(LASTS.to_owned())).await;
                None
            }
            Command::Again(command) => Some(*command),
            command => Some(command),
        }
    }

    fn does_something_last(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| !ledger.lasting().is_empty())
    }

    async fn tell_what_lasts(&mut self) {
        if let Some(ledger) = self.ledger.as_ref().filter(|ledger| !ledger.lasting().is_empty()) {
            self.report(Report::Lasting(ledger.lasting().to_vec())).await;
        }
    }

    async fn react(&mut self, stage: &mut LiveRun, moment: Moment) -> Scene {
        let events = match moment {
            Moment::Event(mut event) => {
                stage.name_what_is_numbered(&mut event).await;
                stage.on_event(event)
            }
            Moment::Observation(seen) => stage.on_seen(seen),
            Moment::Heard(epoch) => stage.on_heard(epoch).into_iter().collect(),
            Moment::News(news) => stage.on_news(news).into_iter().collect(),
            Moment::Due => stage.on_due(),
        };
        for event in events {
            if event.kind == Kind::Quiet {
                self.quiet(stage, event).await;
                continue;
            }
            let failure = self.place.prologue.failure(&event, &self.production.scenario);
            let is_set_up = self.place.prologue.is_over();
            let ledger = self.ledger.as_mut();
            if ledger.is_some_and(|ledger| ledger.apply(&event, is_set_up)) {
                self.tell_what_lasts().await;
            }
            self.report(Report::Event(event)).await;
            if let Some(reason) = failure {
                self.place.replay = None;
                self.place.asked.clear();
                self.report(Report::Broken(reason)).await;
                return Scene::Ruined;
            }
        }
        self.give_up_a_stuck_replay().await;
        Scene::Playable
    }

    /// Sends the setup of the next session that has one and is there; nothing is quiet before all
    /// of them are played.
    fn play_next_setup(&mut self, stage: &mut LiveRun) -> bool {
        while let Some((name, sql)) = self.place.prologue.next() {
            // A session that is not there has said so, and its setup is left out.
            if stage.submit(&name, &sql).is_ok() {
                return true;
            }
        }
        false
    }

    /// Tells that all is quiet, and goes on from there.
    async fn quiet(&mut self, stage: &mut LiveRun, event: Event) {
        if self.play_next_setup(stage) {
            return;
        }
        self.report(Report::Event(event)).await;
        self.on_quiet(stage).await;
    }

    /// The last step's dust has settled: go on replaying, or look at the end.
    async fn on_quiet(&mut self, stage: &mut LiveRun) {
        if let Some((until, _)) = self.place.replay {
            if self.place.next < until {
                return self.step(stage, None).await;
            }
            self.place.replay = None;
        }
        if self.place.next == self.launches().len() {
            self.place.asked.clear();
            return self.play_finale(stage).await;
        }
        if let Some(edited) = self.place.asked.pop_front() {
            self.step(stage, edited).await;
        }
    }

    /// After the last step the end is looked at, once; when that is done, the play is over.
    async fn play_finale(&mut self, stage: &mut LiveRun) {
        self.place.finale = match (self.place.finale, self.production.scenario.finale()) {
            (FinalQuery::Ahead, Some(finale)) => {
                stage.play_finale(&finale);
                FinalQuery::UnderWay
            }
            (FinalQuery::Ahead, None) | (FinalQuery::UnderWay, _) => {
                stage.is_played_out = true;
                let missing = stage.missing_throughout().await;
                if !missing.is_empty() {
                    self.report(Report::Unwatched(missing)).await;
                }
                self.report(Report::Over).await;
                FinalQuery::Done
            }
            (FinalQuery::Done, _) => FinalQuery::Done,
        };
    }

    /// What is replayed next has the whole time again.
    fn renew_patience(&mut self) {
        if let Some((_, deadline)) = &mut self.place.replay {
            *deadline = Instant::now() + REPLAY_PATIENCE;
        }
    }

    async fn give_up_a_stuck_replay(&mut self) {
        if self.place.replay.is_some_and(|(_, deadline)| deadline < Instant::now()) {
            self.place.replay = None;
            let refusal = format!("the replay stops here: step {} does not end", self.place.next);
            self.report(Report::Refused(refusal)).await;
        }
    }

    /// Sends the next step; one that is asked for while sessions connect or steps are replayed
    /// comes after that.
    async fn step_when_ready(&mut self, stage: &mut LiveRun, edited: Option<String>) {
        let is_ready = stage.is_cast_complete() && self.place.prologue.is_over();
        if is_ready && self.place.replay.is_none() {
            self.step(stage, edited).await;
        } else {
            self.place.asked.push_back(edited);
        }
    }

    /// Sends the next step.
    async fn step(&mut self, stage: &mut LiveRun, edited: Option<String>) {
        let next = self.place.next;
        let Some(launch) = self.launches().get(next) else {
            self.place.replay = None;
            let refusal = "that was the last step; F8 starts again".to_owned();
            return self.report(Report::Refused(refusal)).await;
        };
        let step = self.production.scenario.steps[launch.step].clone();
        let edit = edited.or_else(|| self.place.edits.get(&next).cloned());
        let sql = edit.as_deref().unwrap_or(&step.sql);
        if let Some(length) = step.pause() {
            stage.make_pause(length, next);
        } else if let Err(refusal) = stage.play_step(&step.session, sql, next) {
            self.place.replay = None;
            return self.report(Report::Refused(refusal)).await;
        }
        if let Some(edit) = edit {
            self.place.edits.insert(next, edit);
        }
        self.place.next = next + 1;
        self.renew_patience();
        self.report(Report::Next(self.place.next)).await;
    }

    async fn replay(&mut self, stage: &mut Option<LiveRun>, until: usize, orders: &mut Orders) {
        if until == 0 {
            self.place.edits.clear();
        }
        self.place.asked.clear();
        self.strike(stage).await;
        self.place.replay = (until > 0).then(|| (until, Instant::now() + REPLAY_PATIENCE));
        *stage = self.open(orders).await;
    }

    async fn change(
        &mut self,
        stage: &mut Option<LiveRun>,
        production: Production,
        orders: &mut Orders,
    ) {
        self.production = Arc::new(production);
        self.replay(stage, 0, orders).await;
    }

    async fn switch(&mut self, stage: &mut Option<LiveRun>, kind: EngineKind, orders: &mut Orders) {
        let until = self.place.take_destination().min(self.launches().len());
        let production = Production { engine: kind, ..(*self.production).clone() };
        self.production = Arc::new(production);
        self.replay(stage, until, orders).await;
    }

    /// Takes the stage down.
    async fn strike(&mut self, stage: &mut Option<LiveRun>) {
        let Some(stage) = stage.take() else { return };
        let (told, mut untidy) = mpsc::unbounded_channel();
        let closing = async move { stage.close(ready(()), &Tell::to(told)).await };
        let telling = async {
            while let Some(untidy) = untidy.recv().await {
                // The console says it on one line: what was to be done, and the server's first.
                let told: Vec<String> =
                    untidy.to_string().lines().take(2).map(str::to_owned).collect();
                self.note(told.join(": ")).await;
            }
        };
        tokio::join!(closing, telling);
    }

    async fn add(&mut self, stage: &mut LiveRun, name: Option<SessionName>) {
        let names = stage.names();
        if names.len() >= MOST_SESSIONS {
            let refusal = format!("{MOST_SESSIONS} sessions are the most that fit");
            return self.report(Report::Refused(refusal)).await;
        }
        let name = name.unwrap_or_else(|| next_free(&names));
        if names.contains(&name) {
            let refusal = format!("there is a session called {name} already");
            return self.report(Report::Refused(refusal)).await;
        }
        stage.add(&name);
        self.report(Report::Joined(name)).await;
    }

    /// Connects a session anew, after starting the embedded server again if that is what died.
    async fn reconnect(&mut self, stage: &mut LiveRun, session: &SessionName) {
        match self.venues.revive().await {
            Ok(true) => self.note("the server had died and was started again".to_owned()).await,
            Ok(false) => {}
            Err(error) => return self.report(Report::Refused(with_causes(&error))).await,
        }
        stage.reconnect(session);
    }

    fn launches(&self) -> &[Launch] {
        &self.production.schedule.launches
    }

    async fn refuse_if(&self, sent: Result<(), String>) {
        if let Err(refusal) = sent {
            self.report(Report::Refused(refusal)).await;
        }
    }

    async fn note(&self, text: String) {
        let event = Event { at: self.clock.elapsed(), session: None, kind: Kind::Note(text) };
        self.report(Report::Event(event)).await;
    }

    /// A driver that has left hears nothing more; the end of its commands ends the run.
    async fn report(&self, report: Report) {
        let _ = self.reports.send(report).await;
    }
}

async fn next_moment(stage: &mut Option<LiveRun>, house: &mut Option<OpenEngine>) -> Moment {
    let (Some(stage), Some(house)) = (stage, house) else { return std::future::pending().await };
    tokio::select! {
        // The gateway tells before it answers, so what it tells comes before the answer here, too.
        biased;
        news = house.news() => Moment::News(news),
        moment = stage.next() => moment,
    }
}
