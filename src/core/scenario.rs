//! A scenario: what is set up, who plays, the named steps and what each must do on each engine.
//!
//! Scenario files are plain `.sql` ([`sql_file`]); isolationtester's `.spec` files ([`spec_file`])
//! read into the same model. [`check`] holds what happened against what a file expects.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use crate::core::event::SessionName;
use crate::core::scenario::claim::Claim;
use crate::core::seats::SeatColumns;

mod blank;
pub mod check;
pub mod claim;
mod engine_kind;
mod expected;
mod interleavings;
pub mod library;
pub mod mistake;
pub mod own;
pub(crate) mod pause;
mod permutation;
pub mod regular_file;
mod search_path;
pub mod spec_file;
pub mod sql_file;
mod statement;
pub mod template;
mod variables;

pub use blank::is_table_name;
pub use expected::{Cell, Expected, Manner, Order, Whom};
pub use interleavings::Interleavings;
pub use mistake::Mistake;
pub(crate) use mistake::list;
pub use permutation::NoPermutation;
pub use search_path::SearchPath;
pub use statement::Statement;
pub use variables::fill;

/// How many sessions a scenario can have: as many as the embedded engine has room for.
pub const MOST_SESSIONS: usize = 60;

/// A scenario, however it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// A short name: the file's, without its ending.
    pub name: String,
    /// The first line.
    pub title: String,
    /// The story, a paragraph an entry.
    pub story: Vec<String>,
    /// What the story comes to, for once all steps are played; a paragraph an entry.
    pub afterwards: Vec<String>,
    /// Where it was read from; `None` for one that is compiled in.
    pub path: Option<PathBuf>,
    /// How it was written, and so what it says.
    pub origin: Origin,
    /// The players in screen order, each with what isolationtester calls its own setup and
    /// teardown.
    pub sessions: Vec<Player>,
    /// The seat map, if there is one.
    pub seats: Option<SeatColumns>,
    /// Tables to show as tables.
    pub watch: Vec<String>,
    /// The isolation levels that it is written for, the first being what transactions get unless
    /// somebody says otherwise; none where it says nothing of levels.
    pub levels: Vec<Isolation>,
    /// Where the scenario applies; empty means everywhere.
    pub engines: Vec<EngineKind>,
    /// Where the story comes from.
    pub source: Option<String>,
    /// What must hold whatever happens; looked at after the last step.
    pub invariants: Vec<Invariant>,
    /// How the sessions call themselves to the server.
    pub application: Application,
    /// Where unqualified names are looked for.
    pub search_path: SearchPath,
    /// Files, as the scenario names them, whose SQL comes before its own setup; none once they have
    /// been read.
    pub setup_files: Vec<String>,
    /// Submissions that make the tables, executed one by one in autocommit.
    pub setup: Vec<Statement>,
    /// Submissions that undo the setup.
    pub teardown: Vec<Statement>,
    /// What is looked at in the end, and what it must show.
    pub finally: Option<Finally>,
    /// All steps. A `.sql` file plays them in this order.
    pub steps: Vec<Step>,
    /// The orders in which the steps can be played: one for a `.sql` file, one a permutation for a
    /// `.spec` file.
    pub schedules: Schedules,
}

impl Step {
    /// How long it lets time pass, if that is all that it does.
    pub fn pause(&self) -> Option<Duration> {
        // One of isolationtester's files may well have a session of that name; its steps have SQL.
        let is_pause = self.sql.is_empty() && self.session == SessionName::pause();
        if is_pause { pause::duration(&self.narration) } else { None }
    }
}

impl Scenario {
    /// Whether it is the same, or what the same file has said at another time.
    pub fn is_of_the_same_file(&self, other: &Self) -> bool {
        (self.path.is_some() && self.path == other.path) || self == other
    }

    /// All that is looked at after the last step: the `finally` part, and what must always hold.
    pub fn finale(&self) -> Option<String> {
        let finally = self.finally.as_ref().map(|finally| finally.sql.clone());
        // Each is sent by itself, so that its answer can be told from those of the others: the text
        // is taken apart at its semicolons, and an invariant is kept without one.
        let invariants = self.invariants.iter().map(|it| format!("{};", it.sql));
        let all: Vec<String> = finally.into_iter().chain(invariants).collect();
        (!all.is_empty()).then(|| all.join("\n"))
    }

    /// The engine to play on where none is asked for: PostgreSQL, unless the file is for the
    /// optimistic engine alone.
    pub fn first_engine(&self) -> EngineKind {
        if self.is_for(EngineKind::Optimistic) && !self.is_for(EngineKind::Postgres) {
            EngineKind::Optimistic
        } else {
            EngineKind::Postgres
        }
    }

    /// What its lines say of all orders of its steps, with the line of each, as far as they are
    /// about this engine and level; and what is said there: that it is possible, or not.
    pub fn claims(&self, engine: EngineKind, level: Isolation) -> Vec<(Claim, bool, usize)> {
        let is_here = |line: &&Expectation| {
            line.engine.is_none_or(|only| only == engine)
                && (line.levels.is_empty() || line.levels.contains(&level))
        };
        let claims = self.claims_of_all().filter(is_here).filter_map(|line| match &line.expected {
            Expected::Explore(claim) => Some((claim.clone(), claim.at(level)?, line.line)),
            _ => None,
        });
        claims.collect()
    }

    /// The lines that speak of all orders of its steps.
    pub fn claims_of_all(&self) -> impl Iterator<Item = &Expectation> {
        let finally = self.finally.iter().flat_map(|finally| &finally.expectations);
        let lines = self.steps.iter().flat_map(|step| &step.expectations).chain(finally);
        lines.filter(|line| matches!(line.expected, Expected::Explore(_)))
    }

    /// Says this of all orders of its steps, where everything else is said of the end.
    pub fn claim(&mut self, lines: impl Iterator<Item = Expectation>) {
        let finally = self.finally.as_mut().map(|finally| &mut finally.expectations);
        let last = self.steps.last_mut().map(|step| &mut step.expectations);
        if let Some(expectations) = finally.or(last) {
            expectations.extend(lines);
        }
    }

    /// What the session of that name speaks; SQL, where the scenario has none of that name.
    pub fn language_of(&self, name: &SessionName) -> Language {
        let player = self.sessions.iter().find(|player| player.name == *name);
        player.map(|player| player.language).unwrap_or_default()
    }

    /// A session of that name, which speaks what the scenario says and has no setup of its own.
    pub fn player(&self, name: SessionName) -> Player {
        Player { language: self.language_of(&name), ..Player::of_database(name) }
    }

    /// The sessions that speak to etcd.
    pub fn etcd_sessions(&self) -> Vec<&SessionName> {
        let etcd = self.sessions.iter().filter(|player| player.language == Language::Etcd);
        etcd.map(|player| &player.name).collect()
    }

    /// Whether it applies on this engine.
    pub fn is_for(&self, engine: EngineKind) -> bool {
        self.engines.is_empty() || self.engines.contains(&engine)
    }

    /// The level to play at where none is asked for.
    pub fn first_level(&self) -> Option<Isolation> {
        self.levels.first().copied()
    }

    /// The levels that it is written for, in words, where there is a choice.
    pub fn levels_in_words(&self) -> Option<String> {
        match &self.levels[..] {
            [] | [_] => None,
            all if Isolation::ALL.iter().all(|level| all.contains(level)) => {
                Some("every isolation level".to_owned())
            }
            some => Some(listed(some)),
        }
    }

    /// What to say where it is played at a level that it is not written for: its lines may well not
    /// hold there. An engine that has one level is no such place; the file's lines say what it
    /// does.
    pub fn level_note(&self, engine: EngineKind, level: Isolation) -> Option<String> {
        let is_written_for = self.levels.is_empty() || self.levels.contains(&level);
        let has_a_choice = engine.levels().len() > 1;
        (has_a_choice && !is_written_for).then(|| {
            format!("written for {}, and played at {}", listed(&self.levels), level.as_sql())
        })
    }
}

/// How a scenario was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// As a `.sql` file, which says what must happen; a step that is left waiting must be said to.
    Script,
    /// As one of isolationtester's, which says what is done and nothing of what must happen.
    Specification,
}

/// A session that takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Player {
    pub name: SessionName,
    /// What its steps are written in, and so what it is connected to.
    pub language: Language,
    /// What it does before its first step (`.spec` files).
    pub setup: Option<Statement>,
    /// What it does after its last (`.spec` files).
    pub teardown: Option<Statement>,
}

impl Player {
    /// A session of the database, with no setup of its own.
    pub fn of_database(name: SessionName) -> Self {
        Self { name, language: Language::Sql, setup: None, teardown: None }
    }
}

/// What a session speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// SQL, to the database.
    #[default]
    Sql,
    /// `etcdctl`'s commands, to etcd: see [`etcd_command`](crate::core::etcd_command).
    Etcd,
}

/// One named step of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name: unique in the file. In a `.sql` file, the session's name and the narration.
    pub name: String,
    /// Whose step it is.
    pub session: SessionName,
    /// What it is for, in a reader's words: `tries to take A-4`.
    pub narration: String,
    /// What is sent, in one submission, verbatim.
    pub sql: String,
    /// What must happen.
    pub expectations: Vec<Expectation>,
    /// The file's line on which the step begins, from 1.
    pub line: usize,
}

/// The orders in which a scenario's steps can be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedules {
    /// These. Never empty.
    Listed(Vec<Schedule>),
    /// Every interleaving of the sessions, each playing its own steps in order. There can be very
    /// many.
    Interleavings(Interleavings),
    /// One of several.
    Picked(Picked),
}

/// An order that was picked among others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    /// Its number among them, from 1.
    pub number: u64,
    pub schedule: Schedule,
    /// The steps that any of them plays.
    pub played: HashSet<usize>,
}

impl Schedules {
    /// The number of the first one, among all that the file has.
    pub fn first_number(&self) -> u64 {
        match self {
            Self::Picked(picked) => picked.number,
            Self::Listed(_) | Self::Interleavings(_) => 1,
        }
    }

    /// The steps that any of them plays, and those among which it was picked; nothing where all
    /// steps are played.
    pub fn played(&self) -> Option<HashSet<usize>> {
        match self {
            Self::Listed(schedules) => {
                // A permutation need not name every step of its file; isolationtester warns of
                // steps that none names.
                let launches = schedules.iter().flat_map(|schedule| &schedule.launches);
                Some(launches.map(|launch| launch.step).collect())
            }
            Self::Interleavings(_) => None,
            Self::Picked(picked) => Some(picked.played.clone()),
        }
    }

    /// All of them in order, made as they are asked for.
    pub fn iter(&self) -> Box<dyn Iterator<Item = Schedule> + Send + '_> {
        match self {
            Self::Listed(schedules) => Box::new(schedules.iter().cloned()),
            Self::Interleavings(interleavings) => Box::new(interleavings.iter()),
            Self::Picked(picked) => Box::new(std::iter::once(picked.schedule.clone())),
        }
    }

    /// The first one: what the console plays.
    pub fn first(&self) -> Schedule {
        self.nth(0).unwrap_or_default()
    }

    /// The one at this place, from 0.
    pub fn nth(&self, place: u64) -> Option<Schedule> {
        match self {
            Self::Listed(schedules) => schedules.get(usize::try_from(place).ok()?).cloned(),
            Self::Interleavings(interleavings) => interleavings.nth(place),
            Self::Picked(picked) => Some(picked.schedule.clone()).filter(|_| place == 0),
        }
    }

    /// How many there are; `None` when that is more than a number of 64 bits.
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::Listed(schedules) => u64::try_from(schedules.len()).ok(),
            Self::Interleavings(interleavings) => interleavings.count(),
            Self::Picked(_) => Some(1),
        }
    }
}

impl<'a> IntoIterator for &'a Schedules {
    type Item = Schedule;
    type IntoIter = Box<dyn Iterator<Item = Schedule> + 'a>;

    /// All of them in order, made as they are asked for.
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One order of steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The launches, in order.
    pub launches: Vec<Launch>,
}

/// One step's place in a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// An index into the scenario's steps.
    pub step: usize,
    /// When its completion may be reported (`.spec` files).
    pub markers: Vec<Marker>,
}

/// isolationtester's markers: they delay the report of a completion, never a launch (PostgreSQL
/// sources, `src/test/isolation/README`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marker {
    /// `(*)`: report the step as waiting, whatever it does.
    Once,
    /// `(other)`: report it complete only after that step has completed.
    After(usize),
    /// `(other notices n)`: only after that step's session has sent n notices since the launch.
    Notices {
        /// The other step.
        step: usize,
        count: usize,
    },
}

/// A query that gives true whatever happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invariant {
    /// The query, without its `;`.
    pub sql: String,
    /// The file's line, from 1.
    pub line: usize,
}

/// What a session gives as its `application_name`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Application {
    /// `overbooked/NAME`.
    #[default]
    Prefixed,
    /// `NAME`.
    Plain,
}

impl Application {
    /// What this session gives.
    pub fn name(self, session: &SessionName) -> String {
        match self {
            Self::Prefixed => format!("overbooked/{session}"),
            Self::Plain => session.to_string(),
        }
    }
}

/// What is looked at after the last step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finally {
    pub sql: String,
    /// What it must show.
    pub expectations: Vec<Expectation>,
    /// The file's line on which it begins, from 1.
    pub line: usize,
}

/// A `-->` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The engine that it is limited to.
    pub engine: Option<EngineKind>,
    /// The isolation levels that it is limited to; none for all.
    pub levels: Vec<Isolation>,
    /// What must happen.
    pub expected: Expected,
    /// The line as written, without the arrow.
    pub text: String,
    /// The file's line, from 1.
    pub line: usize,
}

/// The kinds of engine that a scenario can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// PostgreSQL and what is built from its sources.
    Postgres,
    /// The optimistic engine of this program.
    Optimistic,
    /// `YugabyteDB`.
    YugabyteDb,
    /// `CockroachDB`.
    CockroachDb,
    /// Aurora DSQL; what is said of `optimistic` holds for it too.
    Dsql,
}

/// The isolation level that a session's transactions get unless they say otherwise.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// READ COMMITTED, PostgreSQL's default.
    ReadCommitted,
    /// REPEATABLE READ: a snapshot for the whole transaction.
    RepeatableRead,
    Serializable,
}

impl Isolation {
    /// Every level, the weakest first.
    // READ UNCOMMITTED can be asked for as well and is READ COMMITTED by another name (PostgreSQL
    // documentation, 13.2).
    pub const ALL: [Self; 3] = [Self::ReadCommitted, Self::RepeatableRead, Self::Serializable];

    /// The level that SQL calls so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_sql() == name)
    }

    /// The level in SQL's words: `repeatable read`.
    pub fn as_sql(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read committed",
            Self::RepeatableRead => "repeatable read",
            Self::Serializable => "serializable",
        }
    }

    /// The level as the command line has it: `repeatable-read`.
    pub fn as_argument(self) -> String {
        self.as_sql().replace(' ', "-")
    }
}

/// `read committed and serializable`.
fn listed(levels: &[Isolation]) -> String {
    let names: Vec<&str> = levels.iter().map(|level| level.as_sql()).collect();
    mistake::list(&names)
}

/// `(1 row)`, `(3 rows)`: how a count of rows is written, in files and by psql.
pub(crate) fn rows(count: u64) -> String {
    format!("({})", counted(count, "row"))
}

/// `1 row`, `3 rows`: so many of what a noun names that has a regular plural.
pub(crate) fn counted(count: impl Into<u64>, noun: &str) -> String {
    match count.into() {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_thing_is_not_many() {
        assert_eq!([0_u32, 1, 2].map(|count| counted(count, "row")), ["0 rows", "1 row", "2 rows"]);
        assert_eq!([1, 3].map(rows), ["(1 row)", "(3 rows)"]);
    }

    #[test]
    fn a_level_that_a_file_is_not_written_for_is_told_where_there_is_a_choice() {
        let levels = "-- isolation: read committed, serializable\n";
        let scenario = |head: &str| {
            let text = format!("-- T\n-- sessions: A\n{head}\n-- A: acts\nselect 1;\n");
            sql_file::parse(&text, std::path::Path::new("a.sql"), "a").unwrap()
        };
        let note = |head, engine| scenario(head).level_note(engine, Isolation::RepeatableRead);
        assert_eq!(
            note(levels, EngineKind::Postgres).as_deref(),
            Some("written for read committed and serializable, and played at repeatable read")
        );
        assert_eq!(note(levels, EngineKind::Optimistic), None);
        assert_eq!(note("", EngineKind::Postgres), None);
        assert_eq!(scenario(levels).first_level(), Some(Isolation::ReadCommitted));
    }
}
