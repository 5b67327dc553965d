//! What happened in the database world: the one list that everything else is a fold over.
//!
//! A [`Session`](crate::run::session::Session) says what it sent and what came back, the observer
//! says who waits and what the seats look like, and the run says which step was played. The screen,
//! the transcript, the diagrams, the checks and the tests read these events and have no other
//! source.
//!
//! ```text
//!  sessions ──┐
//!  observer ──┼──▶ run ──▶ Event, Event, Event ──▶ screen, transcript, diagram, checks
//!  gateway  ──┘
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::seats::WatchedTables;
use crate::core::syntax::Strings;

pub mod answer;
pub mod octets;
pub mod steps;
mod typed;

pub use typed::{Form, Typed};

/// The name under which a session appears on the screen and in a scenario: `Alice`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionName(Arc<str>);

impl SessionName {
    /// A name as it was written. Scenario files and the console check what is allowed in one.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose steps let time pass: nobody's, in a scenario file, where no session can be called so.
    pub fn pause() -> Self {
        Self::new("pause")
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad`, and not `write_str`: whoever writes `{name:<8}` gets columns.
        f.pad(&self.0)
    }
}

/// The process id of a server backend, as `pg_backend_pid()` gives it. 0 stands for a prepared
/// transaction where PostgreSQL itself uses it so (`pg_blocking_pids`, PostgreSQL documentation,
/// 9.27).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pid(pub i32);

impl Pid {
    /// What `pg_blocking_pids` calls a transaction that was prepared and has no process any more.
    pub const PREPARED: Self = Self(0);

    /// What stands for a process where numbers are left out, because they differ from run to run.
    // The same number as `PREPARED`, and yet no confusion: a prepared transaction is a blocker of
    // its own kind, and 0 is nobody's process.
    pub const UNTOLD: Self = Self(0);

    /// Somebody whom neither the database nor the run knows.
    pub const UNKNOWN: Self = Self(i32::MIN);

    /// Whether the database has such a process. A session that speaks to another system is
    /// numbered below zero.
    pub fn is_of_database(self) -> bool {
        self.0 >= 0
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An SQLSTATE: five characters (PostgreSQL documentation, appendix A).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SqlState(pub String);

impl SqlState {
    /// The code as text: `40001`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The transaction status byte of `ReadyForQuery` (PostgreSQL documentation, 54.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionStatus {
    /// `I`: no transaction block is open.
    #[default]
    Idle,
    /// `T`: in a transaction block.
    InTransaction,
    /// `E`: in a failed transaction block; everything but its end is refused.
    Failed,
}

/// One submission of a session (one Query message, perhaps several statements), numbered within the
/// run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubmissionId(pub u64);

impl SubmissionId {
    /// The numbers of what the debugger's guests send begin here; a run counts its own sessions'
    /// from 1.
    pub const FIRST_OF_GUESTS: u64 = 1 << 40;

    /// Whether a guest of the debugger has sent it.
    pub fn is_of_guest(self) -> bool {
        self.0 > Self::FIRST_OF_GUESTS
    }
}

/// A column of a result, as `RowDescription` tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The column's label.
    pub name: String,
    /// The object id of its type; numbers are aligned to the right by it.
    pub type_oid: u32,
}

impl Column {
    /// Whether psql aligns this column to the right (its rule: integers, floats, numeric, money,
    /// oid, xid, cid).
    pub fn is_right_aligned(&self) -> bool {
        // `column_type_alignment` in psql's print.c: int8, int2, int4, oid, xid, cid, float4,
        // float8, money, numeric, xid8. Dates and intervals begin with digits too, and stand to the
        // left.
        matches!(self.type_oid, 20 | 21 | 23 | 26 | 28 | 29 | 700 | 701 | 790 | 1700 | 5069)
    }
}

/// A row of a result: the text of each value, `None` for NULL.
pub type Row = Vec<Option<String>>;

/// An error or a notice, with every field that the server gave (PostgreSQL documentation, 54.8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerMessage {
    /// `ERROR`, `FATAL`, `NOTICE` and so on; the untranslated one where the server tells it.
    pub severity: String,
    pub code: String,
    /// The primary message.
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Where in the submitted text, counted in characters from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// All other fields by their protocol letter: schema `s`, table `t`, constraint `n`, routine
    /// `R` and so on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<(char, String)>,
}

/// Who stands in a session's way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocker {
    /// Another session of this run.
    Session(SessionName),
    /// A prepared transaction, by its global identifier where it is known.
    Prepared(Option<String>),
    /// A backend that is not part of this run.
    Foreign {
        pid: Pid,
        /// Its `application_name`, perhaps empty.
        application: String,
    },
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(name) => name.fmt(f),
            Self::Prepared(Some(gid)) => write!(f, "prepared transaction {gid}"),
            Self::Prepared(None) => f.write_str("a prepared transaction"),
            Self::Foreign { pid: Pid::UNTOLD, application } if application.is_empty() => {
                f.write_str("somebody else")
            }
            Self::Foreign { pid: Pid::UNTOLD, application } => f.write_str(application),
            Self::Foreign { pid, application } if application.is_empty() => {
                write!(f, "process {pid}")
            }
            Self::Foreign { pid, application } => write!(f, "{application} (process {pid})"),
        }
    }
}

/// That a transaction ends, in the words that follow `waits for`: `Alice's transaction to end`.
/// `names` is how those in the way are called where there are several.
pub fn transaction_end(blockers: &[Blocker], names: &str) -> String {
    match blockers {
        [] => "a transaction to end".to_owned(),
        [Blocker::Session(name)] => format!("{name}'s transaction to end"),
        [Blocker::Prepared(_)] => format!("{names} to end"),
        [_] => format!("the transaction of {names} to end"),
        _ => format!("the transactions of {names} to end"),
    }
}

/// What a session waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitTarget {
    /// A row, by its key (`A-4`) where it could be read.
    Row {
        table: String,
        /// The row's key, its parts joined by a hyphen; where the table has none, the row's values
        /// in parentheses.
        key: Option<String>,
        /// The row lock that is wanted: `update`, `no key update`, `share`, `key share`.
        wants: Option<String>,
    },
    /// A unique key that another transaction has written or deleted, and not committed.
    Key {
        table: String,
        /// The key's columns, as the server lists them: `seat_row, seat_number`.
        columns: Option<String>,
        /// Their values in the same order, where they could be read: `B, 1`.
        values: Option<String>,
    },
    /// Another transaction's end, with nothing to name that it is about.
    Transaction,
    /// A table lock.
    Table {
        table: String,
        /// The lock's mode as `pg_locks` names it: `AccessExclusiveLock`.
        mode: String,
    },
    /// An advisory lock, by its key.
    Advisory {
        /// One number, or two joined by a comma.
        key: String,
    },
    /// A snapshot that is safe for a deferrable read-only transaction.
    SafeSnapshot,
    /// Something else, in words: `schema stage`.
    Other(String),
}

impl fmt::Display for WaitTarget {
    /// `row A-4 of seats`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row { table, key: Some(key), .. } => write!(f, "row {key} of {table}"),
            Self::Row { table, key: None, .. } => write!(f, "a row of {table}"),
            Self::Key { table, columns: Some(columns), values: Some(values) } => {
                write!(f, "key ({columns})=({values}) of {table}")
            }
            Self::Key { table, columns: Some(columns), .. } => {
                write!(f, "a key ({columns}) of {table}")
            }
            Self::Key { table, .. } => write!(f, "a key of {table}"),
            Self::Transaction => f.write_str("end of transaction"),
            Self::Table { table, mode } => write!(f, "table {table}, {mode}"),
            Self::Advisory { key } => write!(f, "advisory lock {key}"),
            Self::SafeSnapshot => f.write_str("a safe snapshot"),
            Self::Other(words) => f.write_str(words),
        }
    }
}

/// A session's wait: for whom, for what, how sure we are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Who is in the way: sessions as on the screen, then prepared transactions and strangers;
    /// those ahead in the queue are among them.
    pub blockers: Vec<Blocker>,
    /// What is waited for.
    pub target: WaitTarget,
    /// Whether the database said so, or the engine cannot tell and the console guesses.
    pub certainty: Certainty,
}

/// Whether a wait was read from the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Read from the database.
    Observed,
    /// The engine cannot tell who waits; the statement has merely not been answered for a while.
    Guessed,
}

/// Why a conflict was refused at COMMIT, as the optimistic engine explains it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The table, with its schema where that is not the first of the search path.
    pub table: String,
    /// The row's key, its parts joined by a hyphen.
    pub key: String,
    /// The session or client whose commit won, where it is known.
    pub winner: Option<String>,
    /// How long before the refusal the winner had committed.
    pub since: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The session is connected and idle.
    Connected { pid: Pid },
    /// The connection broke, or could not be made.
    Lost {
        /// What the server or the socket said last.
        reason: String,
        /// Whether a transaction was open and is therefore rolled back.
        in_transaction: bool,
    },
    /// The session was closed by its user.
    Closed,
    /// SQL went to the server, exactly these bytes; none where psql answers by itself.
    Sent {
        /// The submission's number.
        submission: SubmissionId,
        sql: Arc<str>,
        /// The step of the schedule that it plays (an index into it), or none when it was typed.
        step: Option<usize>,
        /// What was typed instead, and what becomes of the answer, where psql has a hand in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        typed: Option<Box<Typed>>,
    },
    /// A result begins.
    Columns(Vec<Column>),
    /// Rows of the result that began last. Only a result's first [`ROWS_KEPT`] rows are told.
    Rows(Vec<Row>),
    /// A statement is done.
    Done {
        /// Its command tag: `UPDATE 0`.
        tag: String,
        /// How many rows its result had, told or not.
        rows: u64,
    },
    /// A statement failed.
    Failed(ServerMessage),
    /// A notice, a warning, a log line.
    Notice(ServerMessage),
    /// NOTIFY reached the session.
    Notification {
        channel: String,
        payload: String,
        /// The backend that sent it.
        from: Pid,
    },
    /// The server reported a parameter's new value.
    Parameter {
        /// Its name: `TimeZone`.
        name: String,
        value: String,
    },
    /// The submission is answered whole.
    Ready {
        submission: SubmissionId,
        /// The transaction status now.
        status: TransactionStatus,
        /// From sending the submission to this answer.
        elapsed: Duration,
    },
    /// The session is seen to wait. A change of what it waits for is told again.
    Waiting(Wait),
    /// The debugger holds a statement that its client has sent: the server has not heard of it.
    Held {
        /// With the parameters in their places.
        sql: Arc<str>,
        /// What it does, as people call it: `updates seats 4`.
        does: String,
        /// Which breakpoint it has met, in words: `touches seats`.
        why: String,
        /// How long its program has waited the last time before it hung up, if it ever did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        patience: Option<Duration>,
    },
    /// The statement that was held is held no longer.
    LetGo {
        /// For how long it was held.
        held: Duration,
        /// What has become of it.
        fate: Fate,
    },
    /// The session no longer waits.
    Resumed {
        /// For how long it had waited, as far as we know.
        waited: Duration,
    },
    /// What is watched has changed; the whole of it as it is now. Of no session.
    // The name that docs/json.md gives to readers of recordings.
    #[serde(rename = "house")]
    WatchedTables(Arc<WatchedTables>),
    /// The optimistic engine explains the refusal that this session got.
    Conflict(Conflict),
    /// Every statement in flight is answered or stably waiting: the step (or the typed statement)
    /// is over. Of no session.
    Quiet,
    /// The run has something to say: a schema swept, an observer's query that failed. Of one
    /// session or of none.
    Note(String),
}

/// What has become of a statement that was held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It has gone to the server.
    Passed,
    /// It has not gone there: the client was told this error in the server's place.
    Refused(SqlState),
    /// The same, as a rule of `--refuse` wants it.
    RefusedByRule {
        code: SqlState,
        /// As it is written: `commit:1`.
        rule: String,
    },
    /// It has not gone there: the client's connection was cut.
    Cut,
    /// It has gone there, and the connection was cut before the answer.
    CutAfter,
    /// Its client has cancelled it, and it has not gone there.
    Cancelled,
    /// Its client has hung up, and it has not gone there.
    Abandoned,
    /// The server has ended the connection, and it has not gone there.
    ServerGone,
}

impl Kind {
    /// What was typed, if this is something that was sent: its SQL, or the command that made it.
    pub fn line(&self) -> Option<&str> {
        match self {
            Self::Sent { typed: Some(typed), .. } => Some(&typed.line),
            Self::Sent { sql, .. } => Some(sql),
            _ => None,
        }
    }

    /// How the session reads strings from now on, where this says it. A server that has not told
    /// otherwise reads them as the standard says.
    pub fn strings(&self) -> Option<Strings> {
        match self {
            Self::Connected { .. } => Some(Strings::default()),
            Self::Parameter { name, value } if name == Strings::SETTING => Some(Strings::of(value)),
            _ => None,
        }
    }
}

/// Why a program of the debugger's is connected no longer: it has ended its connection itself, or
/// that was cut.
pub const HUNG_UP: &str = "its program is connected no longer";

/// The same, where the server has ended it.
pub const SERVER_GONE: &str = "the server has ended the connection";

/// How many rows of one result are told and kept; the rest are counted.
pub const ROWS_KEPT: usize = 1000;

/// A fact: what happened, to whom, when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, from the start of the run.
    pub at: Duration,
    /// To which session, or none when it concerns all of them.
    pub session: Option<SessionName>,
    pub kind: Kind,
}
