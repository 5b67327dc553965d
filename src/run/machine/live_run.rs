//! A stage: one fresh setup with its schema, its sessions and its observer, from the first
//! connection to the last drop.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::core::event::{Event, Kind, Pid, SessionName, SubmissionId, octets};
use crate::core::scenario::{Application, EngineKind, Origin, Statement, fill};
use crate::core::syntax::Strings;
use crate::gateway::{ALONE, News};
use crate::observer::flavor;
use crate::observer::{Observer, Watch};
use crate::run::engines::{Door, OpenEngine};
use crate::run::machine::actor::{Actor, Line};
use crate::run::machine::ahead::Ahead;
use crate::run::machine::failure::Failure;
use crate::run::machine::hearing::Hearing;
use crate::run::machine::hold::Hold;
use crate::run::machine::observation_scheduler::{Depth, Observation, ObservationScheduler};
use crate::run::machine::pause::Pause;
use crate::run::machine::settle::Reported;
use crate::run::machine::teardown::{TIDY_UP, Tell};
use crate::run::schema::{RunSchema, SchemaError};
use crate::run::session::{Session, SessionOptions};
use crate::run::{EngineLine, Production};

/// How the schemas of runs are called: `overbooked_run_xxxxxxxx`.
pub(crate) const SCHEMA_PREFIX: &str = "overbooked_run";
/// The runner's own session, which no player can be called like.
const RUNNER: &str = "the runner";
/// How many events may be on their way before sessions have to wait for the run.
const EVENTS_QUEUED: usize = 1024;
/// Why a stage could not be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LiveRunError {
    /// The run's schema could not be made.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A statement of the scenario's setup failed.
    #[error("the scenario's setup failed at {place}\n{told}")]
    Setup {
        /// `seats.sql:12:8`.
        place: String,
        /// What the server said, as psql shows it.
        told: String,
    },
}

/// A fresh setup, being played on.
pub(crate) struct LiveRun {
    pub(crate) production: Arc<Production>,
    pub(crate) actors: Vec<Actor>,
    pub(crate) runner: Actor,
    pub(crate) lookout: ObservationScheduler,
    pub(crate) observer: Arc<Observer>,
    /// How many submissions were sent.
    submissions: u64,
    /// Counts what was sent and what was answered whole: what was asked of the database before the
    /// last of these may be stale.
    pub(crate) epoch: u64,
    /// What the driver was told.
    pub(crate) told: Reported,
    /// What is still to come without anybody's doing.
    pub(crate) ahead: Box<Ahead>,
    /// The watched tables that were not there after the setup.
    missing: Vec<String>,
    /// Whether the scenario was played to its end, and nothing was sent since.
    pub(crate) is_played_out: bool,
    pub(crate) clock: Instant,
    /// Who was connected as which backend when the house was last asked for.
    pub(crate) looked_for: Vec<(SessionName, Pid)>,
    door: Door,
    pub(crate) schema: RunSchema,
    events: mpsc::Receiver<Event>,
    events_out: mpsc::Sender<Event>,
    seen: mpsc::UnboundedReceiver<Observation>,
    pub(crate) hearing: Hearing,
}

/// What happens next on a stage.
pub(crate) enum Moment {
    /// A session says something.
    Event(Event),
    /// The observer has looked.
    Observation(Observation),
    /// Those who were asked in that epoch have said what they had to say.
    Heard(u64),
    /// The gateway tells what only it knows.
    News(News),
    /// It is time to look again.
    Due,
}

impl LiveRun {
    /// Makes the schema, plays the setup, connects everybody. Gives no stage where it was overtaken
    /// before the setup had ended.
    pub(crate) async fn open(
        house: &OpenEngine,
        production: Arc<Production>,
        clock: Instant,
        overtaken: impl Future<Output = ()>,
    ) -> Result<Option<Self>, LiveRunError> {
        let mut overtaken = pin!(overtaken);
        let mut created = pin!(RunSchema::create(&house.pool, SCHEMA_PREFIX));
        let schema = tokio::select! {
            biased;
            schema = &mut created => schema?,
            () = &mut overtaken => {
                // Half made, it would be nobody's to drop.
                if let Ok(Ok(schema)) = timeout(TIDY_UP, created).await {
                    let _ = timeout(TIDY_UP, schema.drop()).await;
                }
                return Ok(None);
            }
        };
        house.observer.watch(Watch {
            schema: Some(schema.name().to_owned()),
            seats: production.scenario.seats.clone(),
            tables: production.scenario.watch.clone(),
        });
        let (events_out, events) = mpsc::channel(EVENTS_QUEUED);
        let (seen_out, seen) = mpsc::unbounded_channel();
        let observer = Arc::clone(&house.observer);
        let on = production.played_on(observer.flavor());
        let begin = prelude(&production, on, schema.name());
        let door = &house.stage_door();
        let runner = actor(RUNNER, Application::Prefixed, door, begin, clock, &events_out);
        let mut stage = Self {
            lookout: ObservationScheduler::new(Arc::clone(&observer), seen_out),
            actors: Vec::new(),
            runner,
            observer,
            submissions: 0,
            epoch: 0,
            looked_for: Vec::new(),
            told: Reported::default(),
            ahead: Ahead::of(&production, on),
            production,
            missing: Vec::new(),
            is_played_out: false,
            clock,
            door: house.door(),
            schema,
            events,
            events_out,
            seen,
            hearing: Hearing::new(),
        };
        let set_up = tokio::select! {
            biased;
            () = overtaken => Ok(None),
            set_up = stage.set_up() => set_up.map(Some),
        };
        match set_up {
            Ok(Some(())) => Ok(Some(stage)),
            given_up => {
                stage.close(std::future::ready(()), &Tell::nobody()).await;
                given_up.map(|_| None)
            }
        }
    }

    async fn set_up(&mut self) -> Result<(), LiveRunError> {
        let production = Arc::clone(&self.production);
        for statement in &production.scenario.setup {
            self.play_setup(statement).await?;
        }
        self.missing = self.missing_now().await;
        for player in &production.scenario.sessions {
            self.add(&player.name);
        }
        Ok(())
    }

    /// The watched tables that are not there. What cannot be learned is not said to be missing.
    async fn missing_now(&self) -> Vec<String> {
        self.observer.missing().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "whether what is watched is there");
            Vec::new()
        })
    }

    /// The watched tables that were there neither after the setup nor are now: a step may make one,
    /// another may drop it.
    pub(crate) async fn missing_throughout(&self) -> Vec<String> {
        if self.missing.is_empty() {
            return Vec::new();
        }
        let now = self.missing_now().await;
        self.missing.iter().filter(|name| now.contains(name)).cloned().collect()
    }

    /// Sends one statement through the runner's session and waits for its end.
    async fn play_setup(&mut self, statement: &Statement) -> Result<(), LiveRunError> {
        let Some(failure) = self.play_as_runner(&statement.sql).await else { return Ok(()) };
        let place = self.production.scenario.place_of(statement, failure.position());
        Err(LiveRunError::Setup { place, told: failure.told(&statement.sql) })
    }

    /// Why a statement of the runner's failed, once it has ended.
    pub(crate) async fn play_as_runner(&mut self, statement: &str) -> Option<Failure> {
        self.send_as_runner(statement);
        let runner = self.runner.name().clone();
        self.hear_out(&runner).await
    }

    /// Takes in what happens until a session has the answer to what was sent last, and gives the
    /// reason if that is a failure. Answers to what it was sent before may still be on their way.
    pub(crate) async fn hear_out(&mut self, name: &SessionName) -> Option<Failure> {
        let awaited = SubmissionId(self.submissions);
        let mut failure = None;
        while let Some(event) = self.events.recv().await {
            if event.session.as_ref() != Some(name) {
                continue;
            }
            if self.is_runners(&event) {
                self.runner.standing.apply(&event.kind);
            }
            match event.kind {
                Kind::Failed(message) => failure = Some(Failure::Refused(message)),
                Kind::Lost { reason, .. } => return Some(Failure::Lost(reason)),
                Kind::Ready { submission, .. } if submission == awaited => break,
                Kind::Ready { .. } => failure = None,
                _ => {}
            }
        }
        failure
    }

    /// One more session, connecting.
    pub(crate) fn add(&mut self, name: &SessionName) {
        let on = self.production.played_on(self.observer.flavor());
        let prelude = prelude(&self.production, on, self.schema.name());
        let newcomer = actor(
            name.as_str(),
            self.production.scenario.application,
            &self.door,
            prelude,
            self.clock,
            &self.events_out,
        );
        self.actors.push(newcomer);
        self.told.quiet = false;
    }

    /// Plays a step: a script's statements go one by one, as psql sends what is typed;
    /// isolationtester's go in one message.
    pub(crate) fn play_step(
        &mut self,
        name: &SessionName,
        sql: &str,
        launch: usize,
    ) -> Result<(), String> {
        if self.production.scenario.origin == Origin::Specification {
            return self.send(name, VecDeque::from([Line::whole(sql, Some(launch))]));
        }
        let strings = self.strings_of(name);
        let sql = self.filled(sql, strings);
        let lines = Line::each(&sql, Some(launch), strings);
        match self.actor_mut(name).filter(|actor| actor.is_lost()) {
            Some(_) => self.revive(name, lines),
            None => self.send(name, lines)?,
        }
        Ok(())
    }

    /// The SQL with values in the places of their names. What the values have of other encodings is
    /// kept in them, and so must be in the SQL.
    fn filled(&self, sql: &str, strings: Strings) -> String {
        fill(&octets::keep(sql.as_bytes()), self.ahead.check.variables(), strings)
    }

    /// How a session reads the strings of what is sent into it.
    fn strings_of(&self, name: &SessionName) -> Strings {
        let actor = self.actors.iter().find(|actor| actor.name() == name);
        actor.map(|actor| actor.standing.strings).unwrap_or_default()
    }

    /// Lets time pass, as a step of its own.
    pub(crate) fn make_pause(&mut self, length: Duration, launch: usize) {
        let pause = Pause::begin(self.next_submission(), length);
        self.ahead.own_events.push_back(pause.beginning(launch, self.clock.elapsed()));
        self.ahead.pause = Some(pause);
        self.note_sending();
    }

    /// Whether something is still to be told of nobody's doing.
    pub(crate) fn has_own_events(&self) -> bool {
        !self.ahead.own_events.is_empty()
    }

    /// Ends the pause that is being made, if its time has come.
    pub(crate) fn end_pause(&mut self) {
        if let Some(pause) = self.ahead.pause.take_if(|pause| pause.is_over()) {
            self.ahead.own_events.push_back(pause.ending(self.clock.elapsed()));
        }
    }

    /// Sends lines into a session that has lost its connection.
    fn revive(&mut self, name: &SessionName, mut lines: VecDeque<Line>) {
        let submission = self.next_submission();
        if let (Some(first), Some(actor)) = (lines.pop_front(), self.actor_mut(name)) {
            actor.standing.rest = lines;
            actor.revive(submission, first);
            self.note_sending();
        }
    }

    fn note_sending(&mut self) {
        self.is_played_out = false;
        self.ahead.hold = Hold::default();
        self.told.quiet = false;
        self.lookout.poll_soon();
    }

    /// Sends SQL into a session in one message, or says why not. What is typed while a step is
    /// being played follows it.
    pub(crate) fn submit(&mut self, name: &SessionName, sql: &str) -> Result<(), String> {
        let sql = self.filled(sql, self.strings_of(name));
        let line = Line::whole(&sql, None);
        match self.actor_mut(name) {
            Some(actor) if actor.standing.plays_a_step() => {
                actor.standing.rest.push_back(line);
                Ok(())
            }
            _ => self.send(name, VecDeque::from([line])),
        }
    }

    /// Sends the first of these lines into a session, or says why not; each of the others is sent
    /// when the one before it is answered.
    fn send(&mut self, name: &SessionName, mut lines: VecDeque<Line>) -> Result<(), String> {
        let submission = self.next_submission();
        let actor = self.actor_mut(name).ok_or_else(|| format!("no session is called {name}"))?;
        if let Some(reason) = actor.standing.why_not_ready(name) {
            return Err(reason);
        }
        if let Some(first) = lines.pop_front() {
            actor.standing.rest = lines;
            actor.submit(submission, first);
            self.note_sending();
        }
        Ok(())
    }

    /// Sends one statement through the runner's own session.
    fn send_as_runner(&mut self, sql: &str) {
        let submission = self.next_submission();
        self.runner.submit(submission, Line::whole(sql, None));
        self.told.quiet = false;
    }

    /// Sends the statements that look at the end through the runner's own session, one by one.
    pub(crate) fn play_finale(&mut self, sql: &str) {
        let strings = self.runner.standing.strings;
        let sql = self.filled(sql, strings);
        self.runner.standing.rest = Line::each(&sql, None, strings);
        self.go_on_as_runner();
    }

    /// Sends the runner's next statement, if there is one and the one before is answered.
    pub(crate) fn go_on_as_runner(&mut self) {
        if let Some(line) = self.runner.next_line() {
            let submission = self.next_submission();
            self.runner.submit(submission, line);
            self.told.quiet = false;
        }
    }

    /// Sends a session's next statement, if there is one and the one before is answered.
    pub(crate) fn go_on(&mut self, name: &SessionName) {
        let Some(line) = self.actor_mut(name).and_then(Actor::next_line) else { return };
        let submission = self.next_submission();
        if let Some(actor) = self.actor_mut(name) {
            actor.submit(submission, line);
            self.told.quiet = false;
            self.lookout.poll_soon();
        }
    }

    fn next_submission(&mut self) -> SubmissionId {
        self.submissions += 1;
        self.epoch += 1;
        SubmissionId(self.submissions)
    }

    /// Cancels what a session has in flight.
    pub(crate) fn cancel(&mut self, name: &SessionName) {
        if let Some(actor) = self.actor_mut(name) {
            actor.cancel();
            self.told.quiet = false;
            self.lookout.poll_soon();
        }
    }

    /// Connects a lost session anew.
    pub(crate) fn reconnect(&mut self, name: &SessionName) {
        if let Some(actor) = self.actor_mut(name) {
            actor.reconnect();
        }
    }

    /// Closes a session for good.
    pub(crate) fn dismiss(&mut self, name: &SessionName) {
        if let Some(session) = self.actor_mut(name).and_then(Actor::dismiss) {
            tokio::spawn(session.close());
        }
    }

    /// The session of that name.
    pub(crate) fn actor_mut(&mut self, name: &SessionName) -> Option<&mut Actor> {
        self.actors.iter_mut().find(|actor| actor.name() == name)
    }

    /// Whether an event comes from the runner's own session.
    pub(crate) fn is_runners(&self, event: &Event) -> bool {
        event.session.as_ref() == Some(self.runner.name())
    }

    /// The names, in screen order.
    pub(crate) fn names(&self) -> Vec<SessionName> {
        self.actors.iter().map(|actor| actor.name().clone()).collect()
    }

    /// Waits for the next thing that a session says.
    pub(crate) async fn next_event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Who is connected, or was last, as which backend; the runner's own session is no player and
    /// is left out.
    pub(crate) fn roster(&self) -> Vec<(SessionName, Pid)> {
        let backend = |actor: &Actor| actor.standing.pid.or(actor.standing.lost_pid);
        let named = |actor: &Actor| Some((actor.name().clone(), backend(actor)?));
        self.actors.iter().filter_map(named).collect()
    }

    /// The backends of everybody who is connected.
    pub(crate) fn connected(&self) -> Vec<Pid> {
        self.actors.iter().filter_map(|actor| actor.standing.pid).collect()
    }

    /// The backends with something in flight.
    pub(crate) fn busy(&self) -> Vec<Pid> {
        let busy = self.actors.iter().filter(|actor| actor.standing.is_busy());
        busy.filter_map(|actor| actor.standing.pid).collect()
    }

    /// The backends with something in flight that is to go on running while others act, and of
    /// which it is not known whether they have begun.
    fn to_run(&self) -> Vec<Pid> {
        let to_run = self.actors.iter().filter(|actor| {
            let standing = &actor.standing;
            let is_meant = || self.ahead.check.goes_on_running(actor.name());
            standing.is_busy() && !standing.is_under_way && is_meant()
        });
        to_run.filter_map(|actor| actor.standing.pid).collect()
    }

    /// Whether everybody has connected, the runner included, or is known not to.
    pub(crate) fn is_cast_complete(&self) -> bool {
        self.actors.iter().chain([&self.runner]).all(|actor| actor.standing.is_settled())
    }

    /// The engine as the console's first line names it.
    pub(crate) fn engine_line(&self, place: &str) -> EngineLine {
        let flavor = self.observer.flavor();
        let kind = self.production.played_on(flavor);
        let is_there = flavor.kind == flavor::EngineKind::Optimistic;
        EngineLine {
            kind,
            product: match kind {
                EngineKind::Optimistic => format!("optimistic on {}", flavor.product),
                _ => flavor.product.clone(),
            },
            place: place.to_owned(),
            isolation: self.production.isolation(kind),
            alone: is_there.then_some(ALONE),
        }
    }

    /// Waits for what happens next. Nothing is lost if the wait is given up.
    pub(crate) async fn next(&mut self) -> Moment {
        if let Some(event) = self.ahead.own_events.pop_front() {
            return Moment::Event(event);
        }
        let pause = self.ahead.pause.as_ref().map(Pause::end);
        let due = self.lookout.due().into_iter().chain(self.ahead.hold.due()).chain(pause).min();
        let alarm = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(event) = self.events.recv() => Moment::Event(event),
            Some(epoch) = self.hearing.next() => Moment::Heard(epoch),
            Some(seen) = self.seen.recv() => Moment::Observation(seen),
            () = alarm => Moment::Due,
        }
    }

    /// Asks the observer what is due.
    pub(crate) fn look(&mut self) {
        if self.lookout.is_poll_due() {
            let (busy, connected) = (self.busy(), self.connected());
            let to_run = self.to_run();
            self.lookout.ask_blocked(busy, connected, to_run, self.epoch);
        }
        if self.lookout.is_look_due() {
            let roster = self.roster();
            let depth = if self.told.quiet { Depth::IfPulseChanged } else { Depth::WatchedTables };
            self.looked_for.clone_from(&roster);
            self.lookout.ask_house(roster, depth);
        }
    }
}

/// SQL that every session begins with: the run's schema, and the isolation level where it is not
/// the server's default.
fn prelude(production: &Production, on: EngineKind, schema: &str) -> Vec<String> {
    let own = |name: &String| if name == "run" { schema.to_owned() } else { name.clone() };
    let path: Vec<String> = production.scenario.search_path.iter().map(own).collect();
    let path = if path.is_empty() { schema.to_owned() } else { path.join(", ") };
    let path = format!("set search_path = {path}");
    let level = production.isolation_to_set(on);
    let level = level.map(|l| format!("set default_transaction_isolation = '{}'", l.as_sql()));
    std::iter::once(path).chain(level).collect()
}

fn actor(
    name: &str,
    application: Application,
    door: &Door,
    prelude: Vec<String>,
    clock: Instant,
    events: &mpsc::Sender<Event>,
) -> Actor {
    let name = SessionName::new(name);
    let application = application.name(&name);
    let Door { target, guardian } = door.clone();
    let options = SessionOptions { name, application, target, prelude, clock, guardian };
    Actor::new(Session::start(options, events.clone()))
}
