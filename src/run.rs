//! Plays a scenario's steps on sessions.
//!
//! A run is a task: [`Command`]s go in, [`Report`]s come out. Who drives it (a key, the file, every
//! order, a clock) is nothing to it. What it does is decided by a machine that only computes
//! (`run/machine.rs`); a task carries it out through ports: the participants, the observer, the
//! engine (`run/task.rs`).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::core::catalog::Catalog;
use crate::core::event::{Event, Pid, SessionName};
use crate::core::scenario::{EngineKind, Isolation, Scenario, Schedule};
use crate::core::table_copy::TableCopy;

pub mod engines;
pub mod etcd_source;
pub mod guardian;
pub mod guests;
pub mod headless;
mod machine;
pub mod matrix;
mod participant;
mod parting;
mod people;
pub mod schema;
pub mod session;
pub mod specification;
mod task;

use engines::Engines;
pub(crate) use machine::SCHEMA_PREFIX;
pub use machine::lasting::{Lasting, Part, lasting_of};
pub use machine::live_run::NO_PANE;
pub(crate) use machine::live_run::prelude;
pub use machine::names::{MOST_PEOPLE, first_names};
use task::{Driver, Task};

/// How many reports may be on their way before the run waits for its driver.
const REPORTS_QUEUED: usize = 1024;

/// What is played, and how.
#[derive(Clone, Debug)]
pub struct Production {
    pub scenario: Arc<Scenario>,
    /// In which order: one of its schedules.
    pub schedule: Arc<Schedule>,
    /// On which engine; of somebody's own server, `Postgres` means whatever it turns out to be.
    pub engine: EngineKind,
    /// The isolation level that was asked for on the command line; it goes before the scenario's
    /// own.
    pub isolation: Option<Isolation>,
}

impl Production {
    /// The same engine and level with another scenario.
    fn of(scenario: Arc<Scenario>, like: &Self) -> Self {
        let schedule = Arc::new(scenario.schedules.first());
        Self { scenario, schedule, ..like.clone() }
    }

    /// The level to set in every session, if it is not the server's own default.
    fn isolation_to_set(&self, on: EngineKind) -> Option<Isolation> {
        let has_a_choice = on.levels().len() > 1;
        self.isolation.or(self.scenario.first_level()).filter(|_| has_a_choice)
    }

    /// The level that transactions get, where the server gives this one by default.
    pub fn isolation(&self, on: EngineKind, default: Option<Isolation>) -> Isolation {
        let default = default.filter(|level| on.levels().contains(level));
        // One that does not say so gives the weakest.
        self.isolation_to_set(on).or(default).unwrap_or(on.levels()[0])
    }
}

/// A run under way.
#[derive(Debug)]
pub struct Run {
    /// Commands go in here, in order.
    pub commands: mpsc::UnboundedSender<Command>,
    /// Reports come out here. They must be taken, or the run waits.
    pub reports: mpsc::Receiver<Report>,
    ending: Ending,
}

impl Run {
    /// Starts a run. It sets everything up at once: `Fresh` or `Broken` follows, unless the run
    /// ends or is sent elsewhere before.
    pub fn start(engines: Engines, production: Production) -> Self {
        // Commands have no limit: whoever presses a key must not wait for a run. Reports have one,
        // so that a driver that takes none holds the run up. What is untidy has none: it is told
        // when the driver has left and may take nothing any more.
        let (commands, obeyed) = mpsc::unbounded_channel();
        let (reports_out, reports) = mpsc::channel(REPORTS_QUEUED);
        let (untidy_out, untidy) = mpsc::unbounded_channel();
        // Weak: the list of runs must not keep the commands open, whose end is the sign to leave.
        let parting = engines.partings.join(commands.downgrade());
        let driver = Driver { commands: obeyed, reports: reports_out, untidy: untidy_out };
        let task = tokio::spawn(Task::new(engines, production, driver, parting).run());
        Self { commands, reports, ending: Ending { task, untidy } }
    }

    /// The ends to hold a conversation through, apart from the run itself, so that a driver can own
    /// them.
    pub fn split(self) -> (mpsc::UnboundedSender<Command>, mpsc::Receiver<Report>, Ending) {
        (self.commands, self.reports, self.ending)
    }

    /// Ends the run: sessions are closed, the schema is dropped. Returns when that is done, with
    /// what could not be done.
    pub async fn end(self) -> Vec<Untidy> {
        let (commands, reports, ending) = self.split();
        drop((commands, reports));
        ending.end().await
    }
}

/// A run whose ends are elsewhere.
#[derive(Debug)]
pub struct Ending {
    task: JoinHandle<()>,
    untidy: mpsc::UnboundedReceiver<Untidy>,
}

impl Ending {
    /// The next thing that cannot be tidied up, as soon as that is known; nothing once all that can
    /// be is. It begins when the sender of commands is dropped.
    pub async fn next(&mut self) -> Option<Untidy> {
        self.untidy.recv().await
    }

    /// Waits until everything is tidied up; gives what could not be, but for what was told before.
    pub async fn end(mut self) -> Vec<Untidy> {
        let mut untidy = Vec::new();
        while let Some(one) = self.next().await {
            untidy.push(one);
        }
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the run failed");
        }
        untidy
    }
}

/// What a run could not tidy up behind itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untidy {
    /// A statement in flight does not end though it is cancelled. What becomes of it is told next.
    #[error("{session}'s statement was cancelled but is still running; closing its connection")]
    Stubborn {
        /// Whose it is.
        session: SessionName,
    },
    /// A session did not say in time whether anything of it goes on.
    #[error("{session} did not confirm within {} s that nothing of it is still running; what it \
        has sent may be committed", .after.as_secs())]
    Unheard {
        session: SessionName,
        /// How long it was given.
        after: Duration,
    },
    /// A statement in flight did not end when it was cancelled.
    #[error("{session}'s statement could not be cancelled: {}", Self::fate(*.backend, *.fate))]
    Statement {
        /// Whose it is.
        session: SessionName,
        /// The backend that worked on it.
        backend: Pid,
        /// What became of it.
        fate: Fate,
    },
    /// The scenario's teardown took longer than this.
    #[error("the scenario's teardown did not finish within {} s and was cancelled", .0.as_secs())]
    Teardown(Duration),
    /// A statement of a teardown failed.
    #[error("{} failed at {place}\n{told}", Self::teardown(.whose.as_ref()))]
    FailedTeardown {
        /// Whose teardown; `None` for the scenario's.
        whose: Option<SessionName>,
        /// `seats.sql:12:8`.
        place: String,
        /// What the server said, as psql shows it.
        told: String,
    },
    /// The run's schema is still there.
    #[error("{0}")]
    Schema(String),
}

/// What became of a statement that could not be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its backend was ended, and what it had done was rolled back.
    Ended,
    /// It goes on, and may commit.
    GoesOn,
}

impl Untidy {
    fn fate(backend: Pid, fate: Fate) -> String {
        match fate {
            Fate::Ended => "its connection was closed, which rolls back its work".to_owned(),
            Fate::GoesOn => {
                format!(
                    "it is still running and may commit; select pg_terminate_backend({backend}) \
                     ends it"
                )
            }
        }
    }

    fn teardown(whose: Option<&SessionName>) -> String {
        match whose {
            Some(session) => format!("the teardown of session {session}"),
            None => "the scenario's teardown".to_owned(),
        }
    }

    /// Whether it is the scenario's own fault.
    pub fn is_of_the_scenario(&self) -> bool {
        matches!(self, Self::Teardown(_) | Self::FailedTeardown { .. })
    }
}

/// What a driver can ask of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send the next step of the schedule into its session.
    Step,
    /// Send the next step, but with this SQL in the place of the file's.
    StepEdited(String),
    /// Send typed SQL.
    Submit {
        /// Into which session.
        session: SessionName,
        sql: String,
    },
    /// Show this table as well.
    Watch(String),
    /// Cancel what the session runs or waits for.
    Cancel(SessionName),
    /// Connect the session anew: it was lost, or closed.
    Reconnect(SessionName),
    /// Close the session.
    Close(SessionName),
    /// One more session; a name is made where none is given.
    AddSession(Option<SessionName>),
    /// One more session: that of somebody in the room, who can do nothing but book.
    AddPerson(SessionName),
    /// Let somebody in the room type into their session, which everybody sees from now on.
    GivePane(SessionName),
    /// Let them no longer: what they run is cancelled, and their session is closed.
    TakePane(SessionName),
    /// Replay from a fresh setup until this many steps of the schedule are played: F6 (one less),
    /// F8 (none).
    GoTo(usize),
    /// Tell what can be named in the database, for whoever completes what is typed.
    ReadCatalog,
    /// Leave this scenario and open another (F3).
    Open(Arc<Scenario>),
    /// Leave this scenario and open another that is played on another engine (F3).
    OpenOn(Arc<Scenario>, EngineKind),
    /// Go on with another engine: a fresh setup there, replayed to the same step (F2).
    Switch(EngineKind),
    /// Do this although something that was committed outside the run's schema is done again by it:
    /// somebody was asked. Without that, `GoTo` and `Switch` are refused once anything
    /// [lasts](Report::Lasting), and so are `Open` and `OpenOn` of a scenario that was left then.
    Again(Box<Command>),
}

impl Command {
    /// What is to be done, whether somebody was asked or not.
    pub(crate) fn plain(&self) -> &Self {
        match self {
            Self::Again(command) => command.plain(),
            command => command,
        }
    }
}

/// What a run tells its driver.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// Everything starts from a fresh setup; what was folded so far is history.
    Fresh(Fresh),
    /// One more session, the last in screen order, has joined.
    Joined(SessionName),
    /// One more, the last in screen order: the transactions of a client of the debugger.
    GuestJoined(SessionName),
    /// Somebody in the room has a session, which has no pane.
    PersonJoined(SessionName),
    /// Everybody sees the session of this person from now on, who types into it.
    PaneGiven(SessionName),
    /// Nobody sees it any more, and it is typed into no longer.
    PaneTaken(SessionName),
    /// It has gone for good.
    Parted(SessionName),
    /// A fact. Events of no session (`session: None`) with `Sent`, `Rows`, `Done` and the like are
    /// those of the runner's own connection, which looks at the scenario's `finally` part after the
    /// last step.
    Event(Event),
    /// The schedule's next step (an index into its launches), after every move; equal to their
    /// number at the end.
    Next(usize),
    /// These tables, which the scenario wants to be watched, were there neither after the setup nor
    /// at the end; told before `Over`.
    Unwatched(Vec<String>),
    /// The last step's dust has settled, and the scenario's `finally` part, if it has one, has been
    /// looked at.
    Over,
    /// A command was not carried out.
    Refused {
        /// The session whose SQL was not sent, if the command was to send some.
        session: Option<SessionName>,
        /// Why: `Mallory still waits for Bob`.
        why: String,
    },
    /// What this run has committed outside its own schema, all of it; told whenever it grows.
    /// `Fresh` begins with nothing. Never told of a server that is thrown away afterwards.
    Lasting(Vec<Lasting>),
    /// What can be named in the database; `None` where that could not be learned.
    Catalog(Option<Arc<Catalog>>),
    /// The watched tables as a run without a schema of its own has found them, so that a file can
    /// make tables like them; told after `Fresh`.
    TableCopies(Vec<TableCopy>),
    /// The engine is gone or a setup failed: the run cannot go on without a fresh setup (`GoTo`,
    /// `Open`, `Switch`).
    Broken(String),
}

/// What a fresh setup looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct Fresh {
    /// What is played.
    pub scenario: Arc<Scenario>,
    /// In which order.
    pub schedule: Arc<Schedule>,
    /// On which engine.
    pub engine: EngineLine,
    /// The sessions, in screen order.
    pub sessions: Vec<SessionName>,
}

/// The engine as the console's first line names it: `PostgreSQL 15.20 · embedded · read committed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineLine {
    /// Its kind: the expectations that hold here.
    pub kind: EngineKind,
    /// Its product and version: `PostgreSQL 15.20`.
    pub product: String,
    /// Where it is: `embedded`, or host and database.
    pub place: String,
    /// The isolation level that transactions get.
    pub isolation: Isolation,
    /// Why there is no other engine to go to on this server, where there is none.
    pub alone: Option<&'static str>,
}
