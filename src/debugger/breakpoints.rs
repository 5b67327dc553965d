//! What is held: breakpoints, and what holds where there are none.
//!
//! | written | holds |
//! |---|---|
//! | `table seats` | a statement that reads, writes or locks the table |
//! | `read seats`, `write seats` | one that reads it, one that changes it; without a table, any |
//! | `insert seats`, `update seats`, `delete seats` | what its verb says |
//! | `begin`, `commit`, `rollback` | these, where they are no noise |
//! | `actor alice` | what that actor sends |
//! | `after read seats before write seats` | the write of a transaction that has read |
//! | `write seats and actor alice` | what is both |
//! | `shape select * from seats where id = ?` | statements of this shape; it goes to the end |
//!
//! Where there is no breakpoint, statements are held that touch a watched table or may do so, and
//! the COMMIT of a transaction that did; where no table is watched, any table counts. What a
//! routine or a view touches is not known: by default a routine's call is held, and a breakpoint's
//! table is only what the text names.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::history::GuestHistory;
use super::noise::{Noise, noise};
use super::shape::Shape;
use super::statement::{Part, Statement};
use super::tables::{TableName, Tables};
use crate::core::event::TransactionStatus;
use crate::core::syntax::Verb;

mod parse;

pub use parse::BreakpointError;

/// Which statements are held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub mode: HoldMode,
    pub breakpoints: Vec<Breakpoint>,
    pub watched: Vec<TableName>,
    /// What is watched with them: their partitions, and the views on them.
    pub relatives: Vec<TableName>,
}

/// How much is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HoldMode {
    /// Nothing.
    Watch,
    /// What breakpoints say, or what is held by default.
    #[default]
    Breakpoints,
    /// Everything but noise.
    Everything,
}

/// What becomes of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Pass(Passed),
    /// It is held, because of this: `touches seats`, or the breakpoint as it is written.
    Hold {
        why: String,
    },
}

/// Why a statement passes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// Nothing is held.
    Watching,
    Noise(Noise),
    /// No breakpoint is about it.
    NoBreakpoint,
    /// Its transaction has failed, so the server refuses it anyway.
    FailedTransaction,
}

/// What must be so for a statement to be held: all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breakpoint {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    Does(Access),
    Begin,
    Commit,
    Rollback,
    Actor(String),
    Shape(Shape),
    /// What comes after something else in its transaction; `None` is the COMMIT.
    Order {
        after: Access,
        before: Option<Access>,
    },
}

/// What is done to a table, or to any.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Access {
    kind: AccessKind,
    table: Option<TableName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AccessKind {
    Table,
    Read,
    Write,
    Insert,
    Update,
    Delete,
}

impl AccessKind {
    const ALL: [Self; 6] =
        [Self::Table, Self::Read, Self::Write, Self::Insert, Self::Update, Self::Delete];

    fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Read => "read",
            Self::Write => "write",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// The verb that a statement must have; any will do for the others.
    fn verb(self) -> Option<Verb> {
        match self {
            Self::Insert => Some(Verb::Insert),
            Self::Update => Some(Verb::Update),
            Self::Delete => Some(Verb::Delete),
            Self::Table | Self::Read | Self::Write => None,
        }
    }
}

/// Whether a statement that has arrived is held.
pub fn decide(rules: &Rules, history: &GuestHistory, statement: &Statement) -> Decision {
    let noise = noise(statement, history.status);
    let why = match rules.mode {
        HoldMode::Watch => return Decision::Pass(Passed::Watching),
        HoldMode::Everything if noise.is_none() => Some("everything is held".to_owned()),
        HoldMode::Everything => None,
        HoldMode::Breakpoints if history.status == TransactionStatus::Failed => {
            return Decision::Pass(Passed::FailedTransaction);
        }
        HoldMode::Breakpoints if rules.breakpoints.is_empty() => {
            noise.is_none().then(|| by_default(rules, history, statement)).flatten()
        }
        HoldMode::Breakpoints => {
            let mut breakpoints = rules.breakpoints.iter();
            breakpoints.find(|all| all.is_met(history, statement)).map(ToString::to_string)
        }
    };
    match (why, noise) {
        (Some(why), _) => Decision::Hold { why },
        (None, Some(noise)) => Decision::Pass(Passed::Noise(noise)),
        (None, None) => Decision::Pass(Passed::NoBreakpoint),
    }
}

fn by_default(rules: &Rules, history: &GuestHistory, statement: &Statement) -> Option<String> {
    each_part(history, statement, |so_far, part| part_by_default(rules, so_far, part))
}

/// The first that comes of a part, with the history as it is when its turn comes.
fn each_part<T>(
    history: &GuestHistory,
    statement: &Statement,
    find: impl Fn(&GuestHistory, &Part) -> Option<T>,
) -> Option<T> {
    let mut so_far = Cow::Borrowed(history);
    statement.parts.iter().enumerate().find_map(|(nth, part)| {
        let found = find(&so_far, part);
        // Of a single statement nothing needs a copy.
        if found.is_none() && nth + 1 < statement.parts.len() {
            so_far.to_mut().note(part);
        }
        found
    })
}

fn part_by_default(rules: &Rules, so_far: &GuestHistory, part: &Part) -> Option<String> {
    if part.verb == Verb::Commit {
        return if let Some(name) = rules.watched_among(so_far.tables()) {
            Some(format!("commits what touched {name}"))
        } else {
            so_far.has_doubts().then(|| "commits what may have touched a table".to_owned())
        };
    }
    match rules.watched_among(&so_far.tables_of(part)) {
        Some(name) => Some(format!("touches {name}")),
        None => part.doubts.first().cloned(),
    }
}

impl Rules {
    /// The first of these tables that is watched. Where none is, all are.
    fn watched_among<'a>(&self, tables: &'a Tables) -> Option<&'a TableName> {
        tables.all().find(|table| match self.watched.as_slice() {
            [] => !table.is_catalog(),
            watched => watched.iter().chain(&self.relatives).any(|name| name.may_be(table)),
        })
    }
}

impl Breakpoint {
    /// Whether a statement is what it is about. Noise is that only where it says so.
    pub fn is_met(&self, history: &GuestHistory, statement: &Statement) -> bool {
        let is_noise = noise(statement, history.status).is_some();
        (!is_noise || self.means_noise())
            && self.terms.iter().all(|term| term.matches(history, statement))
    }

    /// Whether it is about what would pass as noise otherwise: a table of the catalog, a ping's
    /// shape.
    fn means_noise(&self) -> bool {
        self.terms.iter().any(|term| match term {
            Term::Shape(_) => true,
            Term::Does(access) | Term::Order { before: Some(access), .. } => access.table.is_some(),
            Term::Order { before: None, .. } => false,
            Term::Begin | Term::Commit | Term::Rollback | Term::Actor(_) => false,
        })
    }
}

impl Term {
    fn matches(&self, history: &GuestHistory, statement: &Statement) -> bool {
        match self {
            Self::Does(access) => statement.parts.iter().any(|part| access.is_of(part, history)),
            Self::Begin => statement.does(Verb::Begin),
            Self::Commit => statement.does(Verb::Commit),
            Self::Rollback => statement.does(Verb::Rollback),
            Self::Actor(name) => *name == history.actor,
            Self::Shape(shape) => *shape == statement.shape,
            Self::Order { after, before } => {
                let comes_after = |so_far: &GuestHistory, part: &Part| {
                    let comes = match before {
                        Some(before) => before.is_of(part, so_far),
                        None => part.verb == Verb::Commit,
                    };
                    (comes && after.is_in(so_far.tables())).then_some(())
                };
                each_part(history, statement, comes_after).is_some()
            }
        }
    }
}

impl Access {
    /// Whether a statement does this when it runs.
    fn is_of(&self, part: &Part, history: &GuestHistory) -> bool {
        let has_verb = self.kind.verb().is_none_or(|verb| verb == history.verb_of(part));
        has_verb && self.is_in(&history.tables_of(part))
    }

    fn is_in(&self, tables: &Tables) -> bool {
        let is_it = |table: &TableName| match &self.table {
            Some(name) => name.may_be(table),
            None => !table.is_catalog(),
        };
        match self.kind {
            AccessKind::Table => tables.all().any(is_it),
            AccessKind::Read => tables.reads.iter().any(is_it),
            AccessKind::Write | AccessKind::Insert | AccessKind::Update | AccessKind::Delete => {
                tables.writes.iter().any(is_it)
            }
        }
    }
}

impl HoldMode {
    pub const ALL: [Self; 3] = [Self::Watch, Self::Breakpoints, Self::Everything];

    pub fn name(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Breakpoints => "breakpoints",
            Self::Everything => "everything",
        }
    }
}

impl fmt::Display for HoldMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for HoldMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|mode| mode.name() == text);
        named.ok_or_else(|| {
            format!("there is no mode `{text}`; it is watch, breakpoints or everything")
        })
    }
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Watching => f.pad("nothing is held"),
            Self::Noise(noise) => noise.fmt(f),
            Self::NoBreakpoint => f.pad("no breakpoint is about it"),
            Self::FailedTransaction => f.pad("its transaction has failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::Strings;

    fn read(sql: &str) -> Statement {
        Statement::read(sql, Strings::Conforming)
    }

    fn rules(breakpoints: &[&str], watched: &[&str]) -> Rules {
        Rules {
            mode: HoldMode::Breakpoints,
            breakpoints: breakpoints.iter().map(|text| text.parse().unwrap()).collect(),
            watched: watched.iter().map(|name| TableName::read(name).unwrap()).collect(),
            relatives: Vec::new(),
        }
    }

    /// Why each of a guest's statements in one block is held, or `-`.
    fn held(rules: &Rules, statements: &[&str]) -> Vec<String> {
        let mut history = GuestHistory::of("alice");
        let mut status = TransactionStatus::Idle;
        let held = |sql: &&str| {
            let statement = read(sql);
            history.status = status;
            let decision = decide(rules, &history, &statement);
            history.let_go(&statement);
            status = match statement.parts.last().map(|part| part.verb) {
                Some(Verb::Begin) => TransactionStatus::InTransaction,
                Some(Verb::Commit | Verb::Rollback) => TransactionStatus::Idle,
                _ => status,
            };
            history.ready(status);
            match decision {
                Decision::Hold { why } => why,
                Decision::Pass(_) => "-".to_owned(),
            }
        };
        statements.iter().map(held).collect()
    }

    const BOOKING: [&str; 5] = [
        "begin",
        "set local lock_timeout = 1",
        "select * from seats where id = 4",
        "update seats set booked_by = 'x' where id = 4",
        "commit",
    ];

    #[test]
    fn by_default_watched_tables_and_their_commits_are_held() {
        let touches = "touches seats";
        let commits = "commits what touched seats";
        assert_eq!(held(&rules(&[], &["seats"]), &BOOKING), ["-", "-", touches, touches, commits]);
        assert_eq!(held(&rules(&[], &[]), &BOOKING), ["-", "-", touches, touches, commits]);
        assert_eq!(held(&rules(&[], &["shows"]), &BOOKING), ["-"; 5]);
        assert_eq!(held(&rules(&[], &["public.seats"]), &BOOKING[2..3]), [touches]);
    }

    #[test]
    fn by_default_what_may_touch_a_table_is_held_too() {
        let calls = ["begin", "select book_seat(4)", "commit", "call p()", "select now()"];
        let calls = held(&rules(&[], &["seats"]), &calls);
        assert_eq!(calls[1..3], ["calls book_seat()", "commits what may have touched a table"]);
        assert_eq!(calls[3..], ["calls p()", "-"]);
    }

    #[test]
    fn breakpoints_say_what_is_held() {
        for (breakpoint, expected) in [
            ("table seats", [0, 0, 1, 1, 0]),
            ("read seats", [0, 0, 1, 0, 0]),
            ("write seats", [0, 0, 0, 1, 0]),
            ("write", [0, 0, 0, 1, 0]),
            ("update seats", [0, 0, 0, 1, 0]),
            ("insert seats", [0; 5]),
            ("write public.seats", [0, 0, 0, 1, 0]),
            ("write shows", [0, 0, 0, 0, 0]),
            ("commit", [0, 0, 0, 0, 1]),
            ("begin", [1, 0, 0, 0, 0]),
            ("actor alice", [1, 0, 1, 1, 1]),
            ("actor bob", [0; 5]),
            ("write seats and actor alice", [0, 0, 0, 1, 0]),
            ("write seats and actor bob", [0; 5]),
            ("after read seats before write seats", [0, 0, 0, 1, 0]),
            ("after write seats before read seats", [0; 5]),
            ("after write before commit", [0, 0, 0, 0, 1]),
            ("shape select * from seats where id = ?", [0, 0, 1, 0, 0]),
            ("actor alice and shape SELECT * FROM seats WHERE id = 7 ;", [0, 0, 1, 0, 0]),
            ("shape set local lock_timeout = ?", [0, 1, 0, 0, 0]),
        ] {
            let found = held(&rules(&[breakpoint], &["seats"]), &BOOKING);
            let found: Vec<_> = found.iter().map(|why| usize::from(why != "-")).collect();
            assert_eq!(found, expected, "{breakpoint}");
        }
    }

    #[test]
    fn a_query_of_several_statements_is_held_whole() {
        let several = [BOOKING.join("; ")];
        let several = [several[0].as_str()];
        assert_eq!(held(&rules(&[], &["seats"]), &several), ["touches seats"]);
        let order = "after read seats before write seats";
        assert_eq!(held(&rules(&[order], &[]), &several), [order]);
        assert_eq!(held(&rules(&["commit"], &[]), &several), ["commit"]);
    }

    #[test]
    fn a_named_statement_is_held_for_what_it_runs() {
        let sent = ["prepare p as update seats set a = 1", "execute p", "execute q"];
        assert_eq!(held(&rules(&["write seats"], &[]), &sent), ["-", "write seats", "-"]);
        assert_eq!(held(&rules(&["update seats"], &[]), &sent), ["-", "update seats", "-"]);
        assert_eq!(held(&rules(&["delete seats"], &[]), &sent), ["-", "-", "-"]);
    }

    #[test]
    fn modes_hold_nothing_or_everything_but_noise() {
        let watch = Rules { mode: HoldMode::Watch, ..rules(&["commit"], &[]) };
        assert_eq!(held(&watch, &BOOKING), ["-"; 5]);
        let all = Rules { mode: HoldMode::Everything, ..rules(&["commit"], &[]) };
        let held = held(&all, &BOOKING);
        assert_eq!(
            held.iter().map(|why| why == "-").collect::<Vec<_>>(),
            [false, true, false, false, false]
        );
    }

    #[test]
    fn in_a_failed_transaction_nothing_is_held() {
        let mut history = GuestHistory::of("alice");
        history.let_go(&read("update seats set a = 1"));
        history.status = TransactionStatus::Failed;
        let decision = decide(&rules(&[], &[]), &history, &read("commit"));
        assert_eq!(decision, Decision::Pass(Passed::FailedTransaction));
    }

    #[test]
    fn modes_have_names() {
        for mode in HoldMode::ALL {
            assert_eq!(mode.name().parse(), Ok(mode));
        }
        assert!(
            "all".parse::<HoldMode>().unwrap_err().contains("watch, breakpoints or everything")
        );
    }
}
