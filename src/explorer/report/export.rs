//! Orders as isolationtester's permutations.

use std::fmt::Write as _;

use super::in_order;
use crate::core::scenario::{EngineKind, Isolation, Origin, Scenario};
use crate::core::syntax::{Strings, Verb, quote, split, verb, words};
use crate::explorer::exploration::Exploration;
use crate::explorer::outcome::{Outcome, Reply, Said};
use crate::explorer::player::are_plain;
use crate::explorer::program::Program;

/// Where a scenario that was no specification makes its tables.
const SCHEMA: &str = "overbooked_explored";

/// isolationtester asks whether a step waits once it has not been answered for 10 ms. By then
/// whoever waits has looked for a circle, so that whoever closes one later is its victim.
const DEADLOCK_TIMEOUT: &str = "1ms";

/// isolationtester's sessions stay as they are from one permutation to the next; ours begin anew.
const FORGETS: &str = "reset all; deallocate all; discard temp; \
    do $$ begin perform pg_catalog.pg_advisory_unlock_all(); end $$;";

/// What a specification is made of.
#[derive(Clone, Copy, Debug)]
pub struct Specification<'a> {
    pub scenario: &'a Scenario,
    pub program: &'a Program,
    pub engine: EngineKind,
    pub level: Isolation,
}

/// An order that is to be played, and what comes of it.
#[derive(Clone, Copy, Debug)]
pub struct Permutation<'a> {
    pub title: &'a str,
    /// Whose turn it is, launch by launch.
    pub turns: &'a [usize],
    pub outcome: &'a Outcome,
}

/// A specification that plays the witness of each class, one permutation a class.
pub fn permutations(exploration: &Exploration) -> Result<String, String> {
    let witness = |class: usize| {
        let judged = &exploration.found.classes[class].class;
        Permutation {
            title: &exploration.names[class],
            turns: &judged.witness,
            outcome: &judged.outcome,
        }
    };
    let witnesses: Vec<_> = in_order(exploration).into_iter().map(witness).collect();
    specification(exploration).text(&witnesses)
}

/// A specification that plays these orders, each given with the class that it came to.
pub fn every_permutation(
    exploration: &Exploration,
    orders: &[(Vec<usize>, usize)],
) -> Result<String, String> {
    let orders = orders.iter().map(|(turns, class)| Permutation {
        title: &exploration.names[*class],
        turns,
        outcome: &exploration.found.classes[*class].class.outcome,
    });
    let orders: Vec<_> = orders.collect();
    specification(exploration).text(&orders)
}

fn specification(exploration: &Exploration) -> Specification<'_> {
    Specification {
        scenario: &exploration.scenario,
        program: &exploration.program,
        engine: exploration.engine,
        level: exploration.level,
    }
}

impl Specification<'_> {
    /// It as a file; why that cannot be where isolationtester's language has no words for it.
    pub fn text(&self, permutations: &[Permutation<'_>]) -> Result<String, String> {
        self.refuse_braces()?;
        let replies = permutations.iter().flat_map(|it| it.outcome.replies.iter().flatten());
        let has_deadlocks =
            replies.into_iter().any(|reply| reply.failures().any(|code| code == "40P01"));
        let mut text = String::new();
        match self.scenario.origin {
            Origin::Specification => as_specification(self.scenario, &mut text),
            Origin::Script => as_script(self.scenario, &mut text),
        }
        let are_plain = are_plain(self.scenario);
        for (session, own) in self.program.sessions.iter().enumerate() {
            let player = &self.scenario.sessions[session];
            let _ = writeln!(text, "session {}", quote(player.name.as_str()));
            self.setup_of_session(session, has_deadlocks, &mut text);
            for &step in own {
                let step = &self.scenario.steps[step];
                let _ = writeln!(text, "step {} {{ {} }}", quote(&step.name), step.sql.trim());
            }
            let teardown = player.teardown.as_ref().map_or_else(
                || self.teardown_of_session(session, are_plain[session]),
                |own| own.sql.trim().to_owned(),
            );
            if !teardown.is_empty() {
                let _ = writeln!(text, "teardown {{ {teardown} }}");
            }
            text.push('\n');
        }
        for permutation in permutations {
            self.permutation(permutation, &mut text);
        }
        Ok(text)
    }

    /// isolationtester's pieces of SQL end with the first `}` in them.
    fn refuse_braces(&self) -> Result<(), String> {
        let steps = self.scenario.steps.iter().map(|it| (&it.sql, it.name.as_str()));
        let setup = self.scenario.setup.iter().map(|it| (&it.sql, "setup"));
        match steps.chain(setup).find(|(sql, _)| sql.contains('}')) {
            Some((_, name)) => Err(format!(
                "isolationtester ends a step's SQL with its first }}, and there is one in {name:?}"
            )),
            None => Ok(()),
        }
    }

    /// What a session begins with.
    fn setup_of_session(&self, session: usize, has_deadlocks: bool, text: &mut String) {
        let mut setup = String::new();
        if self.scenario.origin == Origin::Script {
            let _ = write!(setup, "set search_path = {SCHEMA}, public;");
        }
        if self.engine != EngineKind::Optimistic && self.level != Isolation::ReadCommitted {
            let level = self.level.as_sql();
            let _ = write!(setup, " set default_transaction_isolation = '{level}';");
        }
        if has_deadlocks {
            let _ = write!(setup, " set deadlock_timeout = '{DEADLOCK_TIMEOUT}';");
        }
        if let Some(own) = &self.scenario.sessions[session].setup {
            let _ = write!(setup, " {}", own.sql.trim());
        }
        if !setup.is_empty() {
            let _ = writeln!(text, "setup {{ {} }}", setup.trim());
        }
    }

    /// What a session ends with that says nothing of it: nothing that it has left may be in the way
    /// of the next permutation.
    fn teardown_of_session(&self, session: usize, is_plain: bool) -> String {
        let rollback = if self.leaves_open(session) { "rollback;" } else { "" };
        let forgets = if is_plain { "" } else { FORGETS };
        format!("{rollback} {forgets}").trim().to_owned()
    }

    /// Whether a session's last transaction is left open.
    fn leaves_open(&self, session: usize) -> bool {
        let steps = self.program.sessions[session].iter();
        steps.fold(false, |is_open, &step| {
            let statements = split(&self.scenario.steps[step].sql, Strings::default());
            statements.iter().fold(is_open, |is_open, statement| {
                match verb(&words(statement.text, Strings::default())) {
                    Verb::Begin => true,
                    Verb::Commit | Verb::Rollback | Verb::PrepareTransaction => false,
                    _ => is_open,
                }
            })
        })
    }

    /// What isolationtester would not get over stands there as a comment.
    fn permutation(&self, permutation: &Permutation<'_>, text: &mut String) {
        let replies = || permutation.outcome.replies.iter().flatten();
        let why_not = if replies().any(|reply| *reply == Reply::Waits) {
            ", left out: isolationtester would wait for the session that waits to the end"
        } else if replies()
            .any(|it| matches!(it, Reply::Answered(all) if all.contains(&Said::Lost)))
        {
            ", left out: isolationtester does not connect again"
        } else {
            ""
        };
        let comment = if why_not.is_empty() { "" } else { "# " };
        let title = permutation.title;
        let steps = self.steps(permutation.turns);
        let _ = writeln!(text, "# {title}{why_not}\n{comment}permutation{steps}\n");
    }

    fn steps(&self, turns: &[usize]) -> String {
        let mut next = vec![0; self.program.sessions.len()];
        let steps = turns.iter().filter_map(|&session| {
            let step = *self.program.sessions[session].get(next[session])?;
            next[session] += 1;
            Some(format!(" {}", quote(&self.scenario.steps[step].name)))
        });
        steps.collect()
    }
}

fn as_specification(scenario: &Scenario, text: &mut String) {
    for statement in &scenario.setup {
        let _ = writeln!(text, "setup {{ {} }}", statement.sql.trim());
    }
    for statement in &scenario.teardown {
        let _ = writeln!(text, "teardown {{ {} }}", statement.sql.trim());
    }
    text.push('\n');
}

fn as_script(scenario: &Scenario, text: &mut String) {
    let _ = writeln!(text, "# {}", scenario.title);
    let _ =
        writeln!(text, "setup {{ create schema {SCHEMA}; set search_path = {SCHEMA}, public; }}");
    for statement in &scenario.setup {
        let _ = writeln!(text, "setup {{ {} }}", statement.sql.trim());
    }
    let _ = writeln!(text, "teardown {{ drop schema {SCHEMA} cascade; }}\n");
}
