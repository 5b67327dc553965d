//! Where a play stands: its place in the schedule, what is replayed, what was asked for, what
//! lasts; and how it goes on from there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::effects::Effects;
use super::input::Input;
use super::lasting::Ledger;
use super::live_run::LiveRun;
use super::output::{Output, Question};
use super::schedule_position::{FinalQuery, SchedulePosition};
use super::session_setup::SessionSetup;
use crate::core::event::{Event, Kind, SessionName};
use crate::core::scenario::{EngineKind, Launch, Scenario, Statement};
use crate::core::table_copy::TableCopy;
use crate::run::{Command, Fresh, Production, Report};

mod asked;

/// How long a replayed step may run before the replay stops at it.
const REPLAY_PATIENCE: Duration = Duration::from_secs(20);
/// Why what would be done again is not done without somebody's consent.
const LASTS: &str = "this would repeat what was committed outside the run's schema; press the key \
    again to see what";
/// Why there is no next step.
const LAST_STEP: &str = "that was the last step; F8 starts again";
const NO_STEPS: &str = "there is no script here, so there is no step to play";

/// Where it stands.
#[derive(Debug)]
pub(crate) struct Play {
    production: Arc<Production>,
    position: SchedulePosition,
    /// What was committed outside the run's schema since the last fresh setup, where that is
    /// anybody's.
    ledger: Option<Ledger>,
    /// The scenarios that were left after they had committed something there.
    left: Vec<Arc<Scenario>>,
    /// Sentences that are told once everything is set up.
    notes: Vec<String>,
    /// What no command may overtake.
    awaited: Option<Awaited>,
    /// The scenario without a schema of the run that has been set up: what it has made is still
    /// there, and is not made a second time.
    set_up: Option<Arc<Scenario>>,
    /// What makes tables like those that a run without a schema of its own begins with.
    copies: Vec<TableCopy>,
}

/// An answer that is waited for before the next command.
#[derive(Debug)]
enum Awaited {
    /// Whether the server lives, so that this session can connect.
    Revival(SessionName),
    /// Which tables are missing at the end.
    Missing,
}

/// Whether the play can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    Playable,
    Ruined,
}

impl Play {
    /// Of this production, of which nothing has been played.
    pub(crate) fn new(production: Arc<Production>) -> Self {
        Self {
            production,
            position: SchedulePosition::default(),
            ledger: None,
            left: Vec::new(),
            notes: Vec::new(),
            awaited: None,
            set_up: None,
            copies: Vec::new(),
        }
    }

    /// What is played.
    pub(crate) fn production(&self) -> &Arc<Production> {
        &self.production
    }

    /// Whether an answer is waited for before the next command.
    pub(crate) fn is_waiting(&self) -> bool {
        self.awaited.is_some()
    }

    /// Whatever comes of what was asked, nobody waits for it any more.
    pub(crate) fn stop_waiting(&mut self) {
        self.awaited = None;
    }

    /// A fresh setup begins.
    pub(crate) fn begin_anew(&mut self) {
        self.position.session_setup = SessionSetup::of(&self.production.scenario);
        self.position.next = 0;
        self.position.final_query = FinalQuery::Ahead;
    }

    /// The engine is open: what is committed there from now on is somebody's if it is kept.
    pub(crate) fn begin_ledger(&mut self, is_kept: bool, swept: Vec<String>) {
        self.notes.extend(swept);
        self.ledger = is_kept.then(|| {
            let mut ledger = Ledger::of(&self.production.scenario.search_path);
            // Counted before any of it is sent: a setup that is cut off may have committed its
            // part.
            self.setup().iter().for_each(|statement| ledger.set_up(statement));
            ledger
        });
    }

    /// The statements that the next fresh setup sends.
    pub(crate) fn setup(&self) -> &[Statement] {
        let scenario = &self.production.scenario;
        let is_set_up = self.set_up.as_ref() == Some(scenario);
        if is_set_up { &[] } else { &scenario.setup }
    }

    /// The setup has been sent. Where no schema of the run goes with what it has made, it is not
    /// sent again.
    pub(crate) fn note_set_up(&mut self) {
        let scenario = &self.production.scenario;
        if !scenario.search_path.has_a_schema_of_the_run() {
            self.set_up = Some(Arc::clone(scenario));
            self.ledger = self.ledger.take().map(|_| Ledger::of(&scenario.search_path));
        }
    }

    /// Keeps what makes tables like those that it begins with, to be told once all is set up.
    pub(crate) fn note_copies(&mut self, copies: Vec<TableCopy>) {
        self.copies = copies;
    }

    /// Everything is set up.
    pub(crate) fn report_fresh(&mut self, live: &LiveRun, fx: &mut Effects) {
        fx.report(Report::Fresh(Fresh {
            scenario: Arc::clone(&self.production.scenario),
            schedule: Arc::clone(&self.production.schedule),
            engine: live.engine_line(),
            sessions: live.names(),
        }));
        // Behind `Fresh`, with which the driver forgets what it was told of that.
        if !self.copies.is_empty() {
            fx.report(Report::TableCopies(std::mem::take(&mut self.copies)));
        }
        self.tell_what_lasts(fx);
        fx.report(Report::Next(0));
        self.notes.drain(..).for_each(|note| fx.note(note));
        // The time that the engine and the setup took is not the replay's.
        self.renew_patience(fx);
    }

    /// The setup has failed.
    pub(crate) fn break_off(&mut self, reason: String, fx: &mut Effects) {
        self.position.replay = None;
        self.tell_what_lasts(fx);
        fx.report(Report::Broken(reason));
    }

    /// Something else is played from now on.
    pub(crate) fn change(&mut self, production: Production) {
        if self.does_something_last() {
            self.left.push(Arc::clone(&self.production.scenario));
        }
        self.production = Arc::new(production);
    }

    /// The same is played on another engine; the step to replay to.
    pub(crate) fn switch(&mut self, engine: EngineKind) -> usize {
        // More steps may have been asked for than there are.
        let until = self.position.take_destination().min(self.launches().len());
        self.change(Production { engine, ..(*self.production).clone() });
        until
    }

    /// The next fresh setup is replayed until this many steps are played.
    pub(crate) fn replay_until(&mut self, until: usize, fx: &Effects) {
        if until == 0 {
            // Whoever begins again wants the file's steps; whoever goes back by one wants the
            // others as they were.
            self.position.edits.clear();
        }
        self.position.asked.clear();
        self.position.replay = (until > 0).then(|| (until, fx.now() + REPLAY_PATIENCE));
    }

    /// The command, unless it would do again what lasts and nobody was asked.
    pub(crate) fn consented(&mut self, command: Command, fx: &mut Effects) -> Option<Command> {
        match command {
            // What is played already is the driver's to ask about: its file may say something else.
            Command::Open(scenario) | Command::OpenOn(scenario, _)
                if self.left.iter().any(|left| left.is_of_the_same_file(&scenario))
                    && !self.production.scenario.is_of_the_same_file(&scenario) =>
            {
                fx.refuse(LASTS);
                None
            }
            Command::GoTo(_) | Command::Switch(_) if self.does_something_last() => {
                self.tell_what_lasts(fx);
                fx.refuse(LASTS);
                None
            }
            Command::Again(command) => Some(*command),
            command => Some(command),
        }
    }

    fn does_something_last(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| !ledger.lasting().is_empty())
    }

    fn tell_what_lasts(&self, fx: &mut Effects) {
        if let Some(ledger) = self.ledger.as_ref().filter(|ledger| !ledger.lasting().is_empty()) {
            fx.report(Report::Lasting(ledger.lasting().to_vec()));
        }
    }

    /// Takes in what happened next.
    pub(crate) fn take(&mut self, input: Input, live: &mut LiveRun, fx: &mut Effects) -> Scene {
        let events = match input {
            Input::Event(event) => live.on_event(event, fx),
            Input::Observation(observation) => live.on_observation(observation, fx),
            Input::Heard(session, epoch) => live.on_heard(&session, epoch, fx),
            Input::News(news) => live.on_news(news, fx).into_iter().collect(),
            Input::Guest(news) => live.on_guest(news, fx),
            Input::Due => live.on_due(fx),
            Input::Missing(missing) => self.on_missing(&missing, live, fx),
            Input::Revived(revived) => self.on_revived(revived, live, fx),
            _ => Vec::new(),
        };
        self.react(events, live, fx)
    }

    /// Tells these events and what comes of them.
    pub(crate) fn react(
        &mut self,
        events: Vec<Event>,
        live: &mut LiveRun,
        fx: &mut Effects,
    ) -> Scene {
        let mut events = VecDeque::from(events);
        loop {
            while let Some(event) = events.pop_front() {
                if self.tell(event, live, fx) == Scene::Ruined {
                    return Scene::Ruined;
                }
            }
            // Only now: the quiet that was just told may have sent the next step, and that may be a
            // pause.
            let Some(own) = live.next_own_event() else { break };
            events.extend(live.on_event(own, fx));
        }
        self.give_up_a_stuck_replay(fx);
        Scene::Playable
    }

    fn tell(&mut self, event: Event, live: &mut LiveRun, fx: &mut Effects) -> Scene {
        if event.kind == Kind::Quiet {
            self.on_quiet(event, live, fx);
            return Scene::Playable;
        }
        let scenario = &self.production.scenario;
        let failure = self.position.session_setup.failure(&event, scenario);
        let is_set_up = self.position.session_setup.is_over();
        let ledger = self.ledger.as_mut();
        if ledger.is_some_and(|ledger| ledger.apply(&event, is_set_up)) {
            self.tell_what_lasts(fx);
        }
        fx.report(Report::Event(event));
        let Some(reason) = failure else { return Scene::Playable };
        self.position.replay = None;
        self.position.asked.clear();
        fx.report(Report::Broken(reason));
        Scene::Ruined
    }

    /// Sends the setup of the next session that has one and is there; nothing is quiet before all
    /// of them are played.
    fn play_next_setup(&mut self, live: &mut LiveRun, fx: &mut Effects) -> bool {
        while let Some((name, sql)) = self.position.session_setup.next() {
            // A session that is not there has said so, and its setup is left out.
            if live.set_up(&name, &sql, fx).is_ok() {
                return true;
            }
        }
        false
    }

    /// The last step's dust has settled: tells it, and goes on replaying, or looks at the end.
    fn on_quiet(&mut self, event: Event, live: &mut LiveRun, fx: &mut Effects) {
        if self.play_next_setup(live, fx) {
            return;
        }
        fx.report(Report::Event(event));
        if let Some((until, _)) = self.position.replay {
            if self.position.next < until {
                return self.step(None, live, fx);
            }
            self.position.replay = None;
        }
        if self.position.next == self.launches().len() {
            self.position.asked.clear();
            return self.play_final_query(live, fx);
        }
        if let Some(edited) = self.position.asked.pop_front() {
            self.step(edited, live, fx);
        }
    }

    /// After the last step the end is looked at, once; when that is done, the play is over.
    fn play_final_query(&mut self, live: &mut LiveRun, fx: &mut Effects) {
        let query = self.production.scenario.finale();
        self.position.final_query = match (self.position.final_query, query) {
            (FinalQuery::Ahead, Some(query)) => {
                live.play_final_query(&query, fx);
                FinalQuery::UnderWay
            }
            (FinalQuery::Ahead, None) | (FinalQuery::UnderWay, _) => {
                live.note_played_out();
                if live.missing().is_empty() {
                    fx.report(Report::Over);
                } else {
                    fx.put(Output::Observe(Question::Missing));
                    self.awaited = Some(Awaited::Missing);
                }
                FinalQuery::Done
            }
            (FinalQuery::Done, _) => FinalQuery::Done,
        };
    }

    /// Tells the watched tables that were there neither after the setup nor are now: a step may
    /// make one, another may drop it.
    fn on_missing(&mut self, now: &[String], live: &LiveRun, fx: &mut Effects) -> Vec<Event> {
        if self.awaited.take_if(|awaited| matches!(awaited, Awaited::Missing)).is_some() {
            let before = live.missing().iter();
            let throughout: Vec<String> =
                before.filter(|name| now.contains(name)).cloned().collect();
            if !throughout.is_empty() {
                fx.report(Report::Unwatched(throughout));
            }
            fx.report(Report::Over);
        }
        Vec::new()
    }

    /// What is replayed next has the whole time again.
    fn renew_patience(&mut self, fx: &Effects) {
        if let Some((_, deadline)) = &mut self.position.replay {
            *deadline = fx.now() + REPLAY_PATIENCE;
        }
    }

    fn give_up_a_stuck_replay(&mut self, fx: &mut Effects) {
        // It needs no alarm of its own: while a step does not end the observer is asked again and
        // again, and each of its answers leads here.
        if self.position.replay.is_some_and(|(_, deadline)| deadline < fx.now()) {
            self.position.replay = None;
            let step = self.position.next;
            fx.refuse(format!("the replay stops here: step {step} does not finish"));
        }
    }

    /// Sends the next step.
    fn step(&mut self, edited: Option<String>, live: &mut LiveRun, fx: &mut Effects) {
        let next = self.position.next;
        let Some(launch) = self.launches().get(next) else {
            self.position.replay = None;
            return fx.refuse(if next == 0 { NO_STEPS } else { LAST_STEP });
        };
        let step = self.production.scenario.steps[launch.step].clone();
        let edit = edited.or_else(|| self.position.edits.get(&next).cloned());
        let sql = edit.as_deref().unwrap_or(&step.sql);
        if let Some(length) = step.pause() {
            live.make_pause(length, next, fx);
        } else if let Err(refusal) = live.play_step(&step.session, sql, next, fx) {
            // A replay that went on waiting for its step would refuse everything that is typed.
            self.position.replay = None;
            return fx.refuse(refusal);
        }
        // Only once it is sent: an edit that was refused must not turn up in a replay.
        if let Some(edit) = edit {
            self.position.edits.insert(next, edit);
        }
        self.position.next = next + 1;
        self.renew_patience(fx);
        fx.report(Report::Next(self.position.next));
    }

    fn launches(&self) -> &[Launch] {
        &self.production.schedule.launches
    }
}
