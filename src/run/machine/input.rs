//! What the machine is told. Nothing else moves it.

use super::quiet::Blocked;
use crate::core::event::{Event, Pid, SessionName, Wait};
use crate::core::scenario::{EngineKind, Isolation};
use crate::core::seats::WatchedTables;
use crate::core::table_copy::TableCopy;
use crate::gateway::News;
use crate::observer::Pulse;
use crate::run::Command;
use crate::run::guests::GuestNews;
use crate::run::participant::Silence;

/// Something that has happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// The run begins.
    Begin,
    /// The driver wants something.
    Command(Command),
    /// The driver has left, and wants nothing more.
    Left,
    /// The engine is open, or why it is not.
    EngineOpened(Result<EngineOpened, String>),
    /// Whether a server of ours had died and was started again, or why it was not.
    Revived(Result<bool, String>),
    /// The engine has been left.
    EngineClosed,
    /// The run's schema is made and has this name, or why it could not be made.
    SchemaMade(Result<String, String>),
    /// The run's schema is dropped, or why it could not be.
    SchemaDropped(Result<(), String>),
    /// Whether a backend that was to be ended could be told so.
    BackendEnded(bool),
    /// The runs that end together with this one are silent, too.
    OthersSilent,
    /// A session says something.
    Event(Event),
    /// A session has said all that its server had to say when it was asked in that epoch.
    Heard(SessionName, u64),
    /// A session has nothing in flight any more, or cannot be brought to that.
    Silent(SessionName, Silence),
    /// A session has left.
    Released(SessionName),
    /// The observer has looked.
    Observation(Observation),
    /// The observer does not find these of the watched tables.
    Missing(Vec<String>),
    /// What makes tables like the watched ones.
    TableCopies(Vec<TableCopy>),
    /// The gateway tells what only it knows.
    News(News),
    /// A client of the debugger does something.
    Guest(GuestNews),
    /// Time has passed: [`due`](super::Machine::due) has come.
    Due,
}

/// An engine that is ready to be played on.
#[derive(Clone, Debug)]
pub(crate) struct EngineOpened {
    /// What there is to know of it.
    pub(crate) facts: EngineFacts,
    /// What became of the schemas of dead runs, in sentences.
    pub(crate) swept: Vec<String>,
}

/// What the machine knows of an engine.
#[derive(Clone, Debug)]
pub(crate) struct EngineFacts {
    /// Whose expectations hold here.
    pub(crate) kind: EngineKind,
    /// The server's product and version.
    pub(crate) product: String,
    /// Where it is: `embedded`, or host and database.
    pub(crate) place: String,
    /// The isolation level that its transactions get by default, if it says so.
    pub(crate) isolation: Option<Isolation>,
    /// Whether there is no other engine to go to on this server.
    pub(crate) is_alone: bool,
    /// Whether what it holds is somebody's: it is not thrown away afterwards.
    pub(crate) is_kept: bool,
}

/// What the observer brought back.
#[derive(Debug)]
pub(crate) enum Observation {
    /// Who is in whose way, among the sessions that were busy.
    Blocked {
        /// The run's epoch when it was asked; a verdict from an earlier one is void.
        epoch: u64,
        answer: Result<Vec<Blocked>, String>,
        /// Blockers that are no sessions of ours and sit idle in a transaction: only their users
        /// can end that.
        strangers: Vec<Pid>,
        /// Those of the sessions that are to go on running which have begun with it.
        under_way: Vec<Pid>,
    },
    /// Who waits for what, in words.
    Waits {
        epoch: u64,
        /// The busy sessions that were in somebody's way when it was asked.
        blocked: Vec<Blocked>,
        strangers: Vec<Pid>,
        answer: Result<Vec<(SessionName, Wait)>, String>,
    },
    /// The watched tables, and the pulse that was felt before the look at them, if one was.
    WatchedTables(Result<WatchedTables, String>, Option<Pulse>),
    /// Nothing has happened since the last look at the tables.
    Nothing(Pulse),
}
