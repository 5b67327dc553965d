//! A plan: in which order statements were let go, by actor and shape. It is what remains of a race
//! that was found by hand, and what replays it.
//!
//! ```text
//!  overbooked plan 1
//!  # Two bookers, one seat.
//!  gate: bookings
//!
//!  alice: reads A-4 | select * from seats where id = ?
//!  bob: reads A-4 | select * from seats where id = ?
//!  alice + bob: inserts into bookings | insert into bookings(seat) values (?)
//! ```
//!
//! A line is a release. Behind the actor stands what people call the statement, which is for them
//! alone, and behind the `|` its shape, by which it is known again. Several actors are let go into
//! the same instant; where their statements differ, a line that begins with `+` belongs to the one
//! before it. A gate holds them inside their statements until all of them are there, and lets them
//! on in the order of the line.
//!
//! `alice: [40001] commits | commit` does not go to the server: it is answered in its place. What
//! can stand in the brackets is what a hand can answer: an SQLSTATE, `cut` or `cut-after`.

use std::fmt;

use super::guests::Answer;
use super::shape::Shape;
use super::statement::Statement;
use super::tables::TableName;

mod live;
mod read;

pub(crate) use live::is_called;
pub use live::{Arrival, LivePlan, Misfit, Sent};
pub use read::PlanError;

/// The version that is written, and the newest that is read.
const VERSION: u32 = 1;

/// An order of releases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What somebody has to say of it: the lines that begin with `#`.
    pub notes: Vec<String>,
    /// The tables with a gate.
    pub gates: Vec<TableName>,
    pub releases: Vec<Release>,
}

/// What is let go at once: one statement, or several into the same instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub turns: Vec<Turn>,
}

/// One actor's statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub actor: String,
    pub shape: Shape,
    /// What people call it.
    pub summary: String,
    /// What it is answered in the server's place, or how its connection is cut.
    pub answer: Option<Answer>,
}

impl Plan {
    /// Adds what somebody has just let go.
    pub fn record<'a>(&mut self, released: impl IntoIterator<Item = (&'a str, &'a Statement)>) {
        self.add(
            released.into_iter().map(|(actor, statement)| Turn::of(actor, statement)).collect(),
        );
    }

    /// Adds these as one release.
    pub fn add(&mut self, turns: Vec<Turn>) {
        if !turns.is_empty() {
            self.releases.push(Release { turns });
        }
    }

    /// In a line: `alice reads A-4 · bob reads A-4 · alice + bob update seats`.
    pub fn sentence(&self) -> String {
        let releases: Vec<_> = self.releases.iter().map(Release::sentence).collect();
        releases.join(" · ")
    }
}

impl Release {
    fn sentence(&self) -> String {
        let turns = self.turns.iter().map(Turn::sentence);
        turns.collect::<Vec<_>>().join(" + ")
    }
}

impl Turn {
    /// What an actor sends.
    pub fn of(actor: &str, statement: &Statement) -> Self {
        Self {
            actor: actor.to_owned(),
            shape: statement.shape.clone(),
            summary: statement.summary(),
            answer: None,
        }
    }

    /// Both of its names, and what it is answered.
    fn what(&self) -> String {
        let answer = self.answer.map(|answer| format!("[{}] ", answer.name())).unwrap_or_default();
        if self.summary.is_empty() {
            return format!("{answer}| {}", self.shape);
        }
        // A table's name may have the sign in it.
        format!("{answer}{} | {}", self.summary.replace('|', "/").trim(), self.shape)
    }

    fn sentence(&self) -> String {
        let Self { actor, summary, .. } = self;
        let answer = self.answer.map(|answer| format!(" ({})", answer.name())).unwrap_or_default();
        format!("{actor} {summary}{answer}")
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "overbooked plan {VERSION}")?;
        for note in &self.notes {
            writeln!(f, "{}", format!("# {note}").trim_end())?;
        }
        for gate in &self.gates {
            writeln!(f, "gate: {gate}")?;
        }
        writeln!(f)?;
        self.releases.iter().try_for_each(|release| release.fmt(f))
    }
}

impl fmt::Display for Release {
    /// One line for those that do the same, in their order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alike = |one: &Turn, two: &Turn| one.what() == two.what();
        for (nth, turns) in self.turns.chunk_by(alike).enumerate() {
            let actors: Vec<_> = turns.iter().map(|turn| written_actor(&turn.actor)).collect();
            let together = if nth == 0 { "" } else { "+ " };
            writeln!(f, "{together}{}: {}", actors.join(" + "), turns[0].what())?;
        }
        Ok(())
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", written_actor(&self.actor), self.what())
    }
}

/// An actor's name, in quotes where it would be read as something else.
fn written_actor(name: &str) -> String {
    let is_trimmed = name.trim() == name && !name.is_empty();
    let has_sign = [":", "+", "\"", "#", "|"].iter().any(|sign| name.contains(sign));
    if is_trimmed && !has_sign && name != "gate" {
        name.to_owned()
    } else {
        crate::core::syntax::quote(name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::syntax::Strings;

    pub(super) fn statement(sql: &str) -> Statement {
        Statement::read(sql, Strings::Conforming)
    }

    fn recorded(releases: &[&[(&str, &str)]]) -> Plan {
        let mut plan = Plan::default();
        for release in releases {
            let release: Vec<_> =
                release.iter().map(|(actor, sql)| (*actor, statement(sql))).collect();
            plan.record(release.iter().map(|(actor, statement)| (*actor, statement)));
        }
        plan
    }

    const READ: &str = "select * from seats where id = 'A-4'";
    const BOOK: &str = "insert into bookings (seat) values ('A-4')";

    #[test]
    fn what_was_let_go_is_written_a_line_each() {
        let mut plan = recorded(&[
            &[("alice", READ)],
            &[("bookings#create 2", READ)],
            &[("alice", BOOK), ("bookings#create 2", BOOK)],
            &[("alice", "commit"), ("bob", BOOK)],
        ]);
        plan.notes = vec!["Two bookers, one seat.".to_owned(), String::new()];
        plan.gates = vec![TableName::read("bookings").unwrap()];
        let text = "overbooked plan 1\n# Two bookers, one seat.\n#\ngate: bookings\n\n\
            alice: reads A-4 | select * from seats where id = ?\n\
            \"bookings#create 2\": reads A-4 | select * from seats where id = ?\n\
            alice + \"bookings#create 2\": inserts into bookings | \
            insert into bookings(seat) values (?)\n\
            alice: commits | commit\n\
            + bob: inserts into bookings | insert into bookings(seat) values (?)\n";
        assert_eq!(plan.to_string(), text);
        assert_eq!(text.parse(), Ok(plan));
    }

    #[test]
    fn a_plan_is_a_sentence_too() {
        let plan = recorded(&[&[("alice", READ)], &[("alice", "commit"), ("bob", "commit")]]);
        assert_eq!(plan.sentence(), "alice reads A-4 · alice commits + bob commits");
        assert_eq!(recorded(&[&[]]), Plan::default());
    }

    fn turn() -> impl Strategy<Value = Turn> {
        let sql = prop::sample::select(vec![
            READ,
            BOOK,
            "commit",
            "select a || 'b' from \"T |: x\" where c = 1",
            "selec",
            "",
            "update \"a\nb\" set c = 2",
        ]);
        let actor = prop_oneof!["[a-c]", "[a-z0-9 :+\"#|]{1,8}", Just("gate".to_owned())];
        (actor, sql).prop_map(|(actor, sql)| Turn::of(&actor, &statement(sql)))
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_and_is_written_alike(
            notes in prop::collection::vec("[a-z #:]{0,12}", 0..3),
            releases in prop::collection::vec(prop::collection::vec(turn(), 1..4), 0..8),
        ) {
            let notes = notes.iter().map(|note| note.trim().to_owned()).collect();
            let releases: Vec<_> = releases.into_iter().map(|turns| Release { turns }).collect();
            let plan = Plan { notes, gates: Vec::new(), releases };
            let text = plan.to_string();
            let read: Plan = text.parse().unwrap();
            prop_assert_eq!(read.to_string(), text);
            prop_assert_eq!(read.notes, plan.notes);
            let both = read.releases.iter().flat_map(|release| &release.turns);
            let both = both.zip(plan.releases.iter().flat_map(|release| &release.turns));
            for (read, written) in both {
                prop_assert_eq!(&read.actor, &written.actor);
                prop_assert_eq!(&read.shape, &written.shape);
            }
        }
    }
}
