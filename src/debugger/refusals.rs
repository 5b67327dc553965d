//! Refusals on demand: which statements are refused, how often and as what, and whether the program
//! then tries again. So retry code is tested without waiting for a conflict.
//!
//! | written | refuses |
//! |---|---|
//! | `commit:1` | the first COMMIT, with 40001 |
//! | `commit:every 3` | each third |
//! | `update seats:2 as 40P01` | the second UPDATE of the table, as a deadlock's victim |
//! | `commit:1 as lost` | it happens, but its connection ends before the answer |
//! | `write seats:1 as cut` | the connection ends, and the statement has not gone |
//! | `10% seed 7 as OC000` | a tenth of all statements, the same ones whenever they come alike |
//!
//! What stands before the `:` is a condition as in a [`Breakpoint`]; without it, any statement is
//! meant that is neither noise nor merely begins or takes back a transaction. What a failed block
//! refuses anyway is not counted.
//!
//! A refused transaction counts as tried again when its client begins another whose first statement
//! has the same shape, or sends the refused statement once more (as after ROLLBACK TO); so does
//! another client of the same actor where the first one has left. Whatever is not tried again until
//! the end was given up.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt as _, SeedableRng as _};

use super::breakpoints::Breakpoint;
use super::history::GuestHistory;
use super::noise::noise;
use super::shape::Shape;
use super::statement::Statement;
use crate::core::event::TransactionStatus;
use crate::core::syntax::Verb;
use crate::gateway::{ClientId, Verdict};

mod parse;

pub use parse::{Fault, RefusalError};

/// How many refusals are remembered until they are tried again; older ones are given up.
const MOST_PENDING: usize = 10_000;

/// What is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Any statement of the program's own work, if it is not said.
    target: Option<Breakpoint>,
    when: When,
    fault: Fault,
}

/// Which of those that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    Nth(u64),
    Every(u64),
    Share { percent: f64, seed: u64 },
}

/// The rules, and what has come of them so far.
#[derive(Debug, Default)]
pub struct Refusals {
    rules: Vec<Counted>,
    /// How each client's transaction in flight began.
    first: HashMap<ClientId, Shape>,
    pending: VecDeque<Pending>,
}

#[derive(Debug)]
struct Counted {
    rule: Rule,
    random: Xoshiro256PlusPlus,
    tally: Tally,
}

/// What has come of a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many statements it was about.
    pub seen: u64,
    pub refused: u64,
    pub retried: u64,
}

/// A refusal that was not tried again so far.
#[derive(Debug)]
struct Pending {
    rule: usize,
    client: ClientId,
    has_left: bool,
    actor: String,
    /// How its transaction began.
    first: Shape,
    statement: Shape,
    is_commit: bool,
}

/// What comes of a statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Whether it tries again what was refused before.
    pub is_retry: bool,
    /// If it is refused, by which rule and how.
    pub refused: Option<(String, Verdict)>,
}

impl Refusals {
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let counted = |rule: Rule| {
            let seed = if let When::Share { seed, .. } = rule.when { seed } else { 0 };
            let random = Xoshiro256PlusPlus::seed_from_u64(seed);
            Counted { rule, random, tally: Tally::default() }
        };
        Self { rules: rules.into_iter().map(counted).collect(), ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// A statement has arrived from a client with this history, in which its actor stands.
    pub fn arrives(
        &mut self,
        client: ClientId,
        history: &GuestHistory,
        statement: &Statement,
    ) -> Outcome {
        // Nobody who has no rules keeps a record of every statement.
        if self.is_empty() {
            return Outcome { is_retry: false, refused: None };
        }
        if history.status == TransactionStatus::Idle {
            self.first.remove(&client);
        }
        let is_retry = self.note(client, &history.actor, statement, history.status);
        let rule = (history.status != TransactionStatus::Failed)
            .then(|| self.rule_for(history, statement))
            .flatten();
        let refused = rule.map(|rule| {
            self.remember(rule, client, &history.actor, statement);
            let counted = &mut self.rules[rule];
            counted.tally.refused += 1;
            (counted.rule.to_string(), counted.rule.fault.verdict())
        });
        Outcome { is_retry, refused }
    }

    pub fn left(&mut self, client: ClientId) {
        self.first.remove(&client);
        let of_client = self.pending.iter_mut().filter(|pending| pending.client == client);
        of_client.for_each(|pending| pending.has_left = true);
    }

    /// What has come of each rule.
    pub fn tallies(&self) -> impl Iterator<Item = (&Rule, Tally)> {
        self.rules.iter().map(|counted| (&counted.rule, counted.tally))
    }

    /// What has come of all of them.
    pub fn total(&self) -> Tally {
        self.tallies().fold(Tally::default(), |total, (_, tally)| Tally {
            seen: total.seen + tally.seen,
            refused: total.refused + tally.refused,
            retried: total.retried + tally.retried,
        })
    }

    /// Notes how a transaction begins; whether that, or the statement, was refused before.
    fn note(
        &mut self,
        client: ClientId,
        actor: &str,
        statement: &Statement,
        status: TransactionStatus,
    ) -> bool {
        if !is_work(statement, status) || status == TransactionStatus::Failed {
            return false;
        }
        let is_first = !self.first.contains_key(&client);
        if is_first {
            self.first.insert(client, statement.shape.clone());
        }
        let again = self.pending.iter().position(|pending| {
            let is_of = pending.client == client || (pending.has_left && pending.actor == actor);
            let begins_alike = is_first && pending.first == statement.shape;
            let is_same = !pending.is_commit && pending.statement == statement.shape;
            is_of && (begins_alike || is_same)
        });
        let again = again.and_then(|at| self.pending.remove(at));
        if let Some(pending) = &again {
            self.rules[pending.rule].tally.retried += 1;
        }
        again.is_some()
    }

    /// The first rule that refuses it. All that are about it count it.
    fn rule_for(&mut self, history: &GuestHistory, statement: &Statement) -> Option<usize> {
        let mut refusing = None;
        for (nth, counted) in self.rules.iter_mut().enumerate() {
            if counted.rule.is_about(history, statement) && counted.hits() {
                refusing.get_or_insert(nth);
            }
        }
        refusing
    }

    fn remember(&mut self, rule: usize, client: ClientId, actor: &str, statement: &Statement) {
        if self.pending.len() >= MOST_PENDING {
            self.pending.pop_front();
        }
        let own = || statement.shape.clone();
        self.pending.push_back(Pending {
            rule,
            client,
            has_left: false,
            actor: actor.to_owned(),
            first: self.first.get(&client).cloned().unwrap_or_else(own),
            statement: own(),
            is_commit: statement.does(Verb::Commit),
        });
    }
}

impl Counted {
    /// Counts a statement; whether it is one of those that are refused.
    fn hits(&mut self) -> bool {
        self.tally.seen += 1;
        match self.rule.when {
            When::Nth(nth) => self.tally.seen == nth,
            When::Every(step) => self.tally.seen.is_multiple_of(step),
            When::Share { percent, .. } => self.random.random_range(0.0..100.0) < percent,
        }
    }
}

impl Rule {
    fn is_about(&self, history: &GuestHistory, statement: &Statement) -> bool {
        match &self.target {
            Some(target) => target.is_met(history, statement),
            None => is_work(statement, history.status),
        }
    }
}

/// Whether a statement is what the program is about: it is no noise, and does not merely begin,
/// divide or take back a transaction.
fn is_work(statement: &Statement, status: TransactionStatus) -> bool {
    let is_frame = |verb| {
        matches!(
            verb,
            Verb::Begin | Verb::Rollback | Verb::RollbackTo | Verb::Savepoint | Verb::Release
        )
    };
    noise(statement, status).is_none() && statement.parts.iter().any(|part| !is_frame(part.verb))
}

impl Tally {
    /// How many were not tried again, if nothing comes any more.
    pub fn given_up(self) -> u64 {
        self.refused - self.retried
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { refused, retried, .. } = self;
        write!(f, "refused {refused}, retried {retried}, given up {}", self.given_up())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::syntax::Strings;

    struct Program {
        refusals: Refusals,
        histories: HashMap<u64, GuestHistory>,
    }

    impl Program {
        fn with(rules: &[&str]) -> Self {
            let rules = rules.iter().map(|rule| rule.parse::<Rule>().unwrap());
            Self { refusals: Refusals::new(rules), histories: HashMap::new() }
        }

        /// Sends these; what was refused, by its place.
        fn sends(&mut self, client: u64, actor: &str, statements: &[&str]) -> Vec<usize> {
            let mut refused = Vec::new();
            for (place, sql) in statements.iter().enumerate() {
                let statement = Statement::read(sql, Strings::Conforming);
                let history = self.histories.entry(client).or_default();
                actor.clone_into(&mut history.actor);
                let outcome = self.refusals.arrives(ClientId(client), history, &statement);
                let status = match (&outcome.refused, statement.parts[0].verb) {
                    (_, Verb::Commit | Verb::Rollback) => TransactionStatus::Idle,
                    (None, Verb::Begin) => TransactionStatus::InTransaction,
                    (Some(_), _) if history.status == TransactionStatus::InTransaction => {
                        TransactionStatus::Failed
                    }
                    _ => history.status,
                };
                history.let_go(&statement);
                history.ready(status);
                refused.extend(outcome.refused.map(|_| place));
            }
            refused
        }

        fn told(&self) -> String {
            self.refusals.total().to_string()
        }
    }

    const BOOKING: [&str; 4] =
        ["begin", "select * from seats where id = 1", "update seats set a = 1", "commit"];

    #[test]
    fn a_rule_refuses_the_one_or_each_so_many() {
        for (rule, expected) in [
            ("commit:1", [vec![3], vec![], vec![]]),
            ("commit:2", [vec![], vec![3], vec![]]),
            ("commit:every 2", [vec![], vec![3], vec![]]),
            ("commit:every 1", [vec![3], vec![3], vec![3]]),
            ("update seats:2", [vec![], vec![2], vec![]]),
            ("update shows:1", [vec![], vec![], vec![]]),
            ("any:1", [vec![1], vec![], vec![]]),
            ("actor bob and commit:1", [vec![], vec![], vec![]]),
            ("after read seats before write seats:1", [vec![2], vec![], vec![]]),
        ] {
            let mut program = Program::with(&[rule]);
            let refused = [(); 3].map(|()| program.sends(1, "alice", &BOOKING));
            assert_eq!(refused, expected, "{rule}");
        }
    }

    #[test]
    fn who_tries_again_is_told_from_who_gives_up() {
        let mut program = Program::with(&["commit:every 2"]);
        for _ in 0..6 {
            program.sends(1, "alice", &BOOKING);
        }
        assert_eq!(program.told(), "refused 3, retried 2, given up 1");
        let mut program = Program::with(&["commit:1"]);
        program.sends(1, "alice", &BOOKING);
        program.sends(1, "alice", &["begin", "select * from shows", "commit"]);
        assert_eq!(program.told(), "refused 1, retried 0, given up 1");
        program.sends(2, "alice", &BOOKING);
        assert_eq!(program.told(), "refused 1, retried 0, given up 1", "the first is still there");
    }

    #[test]
    fn a_statement_may_be_tried_again_in_its_block() {
        let mut program = Program::with(&["update seats:1"]);
        let book = "update seats set a = 2";
        program.sends(1, "alice", &["begin", "select 1 from shows", "savepoint a", book]);
        assert_eq!(program.told(), "refused 1, retried 0, given up 1");
        program.histories.get_mut(&1).unwrap().status = TransactionStatus::InTransaction;
        program.sends(1, "alice", &[book, "commit"]);
        assert_eq!(program.told(), "refused 1, retried 1, given up 0");
    }

    #[test]
    fn whose_connection_was_cut_may_try_again_on_another() {
        let mut program = Program::with(&["commit:1 as lost"]);
        program.sends(1, "alice", &BOOKING);
        program.refusals.left(ClientId(1));
        program.sends(2, "bob", &BOOKING);
        assert_eq!(program.told(), "refused 1, retried 0, given up 1");
        program.sends(3, "alice", &BOOKING);
        assert_eq!(program.told(), "refused 1, retried 1, given up 0");
    }

    #[test]
    fn in_a_failed_block_nothing_is_counted() {
        let mut program = Program::with(&["update seats:1", "commit:1"]);
        assert_eq!(program.sends(1, "alice", &BOOKING), [2]);
        let tallies: Vec<_> = program.refusals.tallies().map(|(_, tally)| tally.seen).collect();
        assert_eq!(tallies, [1, 0]);
    }

    #[test]
    fn of_several_rules_all_count_and_the_first_refuses() {
        let mut program = Program::with(&["commit:1 as 40P01", "commit:every 1 as 55P03"]);
        let statement = Statement::read("commit", Strings::Conforming);
        let mut history = GuestHistory::default();
        history.status = TransactionStatus::InTransaction;
        let mut code = || {
            let outcome = program.refusals.arrives(ClientId(1), &history, &statement);
            match outcome.refused {
                Some((_, Verdict::Refuse { code, .. })) => code,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!([code(), code()], ["40P01", "55P03"]);
    }

    #[test]
    fn a_share_is_the_same_for_the_same_seed() {
        let refused = |rule: &str| {
            let mut program = Program::with(&[rule]);
            (0..400)
                .map(|_| program.sends(1, "a", &["update seats set a = 1"]).len())
                .collect::<Vec<_>>()
        };
        let (once, again) = (refused("10% seed 7"), refused("10% seed 7"));
        assert_eq!(once, again);
        assert_ne!(once, refused("10% seed 8"));
        let count: usize = once.iter().sum();
        assert!((20..=60).contains(&count), "{count}");
        assert!(refused("100%").iter().all(|refused| *refused == 1));
        assert!(refused("0%").iter().all(|refused| *refused == 0));
    }

    #[test]
    fn noise_is_not_refused() {
        let mut program = Program::with(&["100%"]);
        let noise = ["select 1", "set a.b = 1", "begin", "rollback", "discard all"];
        assert!(program.sends(1, "alice", &noise).is_empty());
    }

    #[test]
    fn what_is_never_tried_again_is_not_kept_without_end() {
        let mut program = Program::with(&["100%"]);
        for nth in 0..MOST_PENDING + 5 {
            program.sends(nth as u64, "alice", &["update seats set a = 1"]);
            program.refusals.first.clear();
            program.histories.clear();
        }
        assert_eq!(program.refusals.pending.len(), MOST_PENDING);
    }
}
