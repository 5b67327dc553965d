//! Plays orders without a server, for tests: counters that are read and written without any lock.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;

use crate::core::event::answer::Outcome;
use crate::core::event::{Column, TransactionStatus};
use crate::core::scenario::{Scenario, Schedules, spec_file};
use crate::explorer::classes::Counted;
use crate::explorer::explore::{Next, Orders};
use crate::explorer::played::{Answered, End, Guide, Launched, Played, Player, TableRows};
use crate::explorer::program::Program;
use crate::explorer::serial::Along;

/// A scenario in isolationtester's language.
pub(super) fn scenario(text: &str) -> (Scenario, Program) {
    let scenario = spec_file::parse(text, Path::new("a.spec"), "a").unwrap();
    let program = Program::of(&scenario);
    (scenario, program)
}

/// Two sessions that read a counter and write one more.
pub(super) const TWO: &str = "
session Alice
step a1 { begin }
step a2 { select x }
step a3 { update x }
step a4 { commit }
session Bob
step b1 { begin }
step b2 { select x }
step b3 { update x }
step b4 { commit }";

/// Understands `begin`, `commit`, `select NAME` and `update NAME`, which writes one more than what
/// the session has read last.
pub(super) struct Counters {
    pub(super) steps: Vec<Vec<String>>,
    pub(super) plays: u64,
}

impl Counters {
    pub(super) fn of(scenario: &Scenario, program: &Program) -> Self {
        let sql = |&step: &usize| scenario.steps[step].sql.trim().to_owned();
        let sessions = program.sessions.iter();
        Self { steps: sessions.map(|own| own.iter().map(sql).collect()).collect(), plays: 0 }
    }
}

fn answer(sql: &str, read: &mut u64, counters: &mut BTreeMap<String, u64>) -> Outcome {
    let done = |tag: &str| Outcome::Done { tag: tag.to_owned() };
    match sql.split_once(' ') {
        Some(("select", name)) => {
            *read = counters.get(name).copied().unwrap_or(0);
            Outcome::Result {
                columns: vec![Column { name: "n".to_owned(), type_oid: 23 }],
                rows: vec![vec![Some(read.to_string())]],
                count: 1,
                tag: "SELECT 1".to_owned(),
            }
        }
        Some(("update", name)) => {
            counters.insert(name.to_owned(), *read + 1);
            done("UPDATE 1")
        }
        _ => done(&sql.to_uppercase()),
    }
}

impl Player for Counters {
    type Error = Infallible;

    async fn play(&mut self, guide: &mut (dyn Guide + Send)) -> Result<Played, Infallible> {
        self.plays += 1;
        let mut next = vec![0; self.steps.len()];
        let mut read = vec![0; self.steps.len()];
        let mut counters = BTreeMap::new();
        let mut launches = Vec::new();
        loop {
            for (session, own) in self.steps.iter().enumerate() {
                while next[session] < own.len() && guide.leaves_out(session, next[session]) {
                    next[session] += 1;
                }
            }
            let enabled: Vec<usize> =
                (0..self.steps.len()).filter(|&it| next[it] < self.steps[it].len()).collect();
            if enabled.is_empty() {
                break;
            }
            let Some(session) = guide.next(&launches, &enabled) else {
                return Ok(Played { launches, enabled, ..Played::default() });
            };
            let step = next[session];
            next[session] += 1;
            let sql = &self.steps[session][step];
            let outcomes = vec![answer(sql, &mut read[session], &mut counters)];
            let has_begun = self.steps[session].first().is_some_and(|first| first == "begin");
            let status = if has_begun && sql != "commit" {
                TransactionStatus::InTransaction
            } else {
                TransactionStatus::Idle
            };
            let answer = Some(Answered { outcomes, status, lost: None, after: launches.len() });
            launches.push(Launched { session, step, enabled, answer });
        }
        let rows = counters.into_iter().map(|(name, n)| vec![Some(name), Some(n.to_string())]);
        let columns = ["name", "n"].map(str::to_owned).to_vec();
        let table = TableRows { table: "counters".to_owned(), columns, rows: rows.collect() };
        let end = Some(End { tables: vec![table], ..End::default() });
        Ok(Played { launches, end, ..Played::default() })
    }
}

/// Every order, one after the other.
pub(super) struct EveryOrder(Vec<Vec<usize>>);

impl EveryOrder {
    pub(super) fn of(program: &Program) -> Self {
        let whose =
            |step: usize| program.sessions.iter().position(|own| own.contains(&step)).unwrap();
        let piles = program.sessions.clone();
        let all = crate::core::scenario::Interleavings::new(piles);
        let all = Schedules::Interleavings(all);
        let orders = all
            .iter()
            .map(|schedule| schedule.launches.iter().map(|launch| whose(launch.step)).collect());
        let mut orders: Vec<Vec<usize>> = orders.collect();
        orders.reverse();
        Self(orders)
    }
}

/// Along an order, which it knows.
pub(super) struct Turn(Along, Vec<usize>);

impl Guide for Turn {
    fn next(&mut self, so_far: &[Launched], enabled: &[usize]) -> Option<usize> {
        self.0.next(so_far, enabled)
    }
}

impl Orders for EveryOrder {
    type Turn = Turn;

    fn next(&mut self) -> Next<Turn> {
        match self.0.pop() {
            Some(order) => Next::Turn(Turn(Along::turns(order.clone()), order)),
            None => Next::Done,
        }
    }

    fn take(&mut self, turn: Turn, _: &Played) -> Option<Counted> {
        Some(Counted { orders: Some(1), witness: turn.1 })
    }
}
