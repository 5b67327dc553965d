//! The orders of programs, one of each that can be told apart, grouped by what came of them.
//!
//! ```text
//!  one after another ──▶ Reading: what steps touch ──▶ Orders ──▶ Outside ──▶ classes
//!                          ▲                                       │
//!                          └─ a statement that was not known: again ─┘
//! ```
//!
//! To begin again costs little: what was played is looked up. A class is like one after another
//! where whole programs, one after another, come to the same; a program that was refused and gave
//! up is left out of it, and what a program does again is what counts.

use std::collections::BTreeMap;

use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::reading::{Reading, Relations, Snapshot};
use super::{Outside, OutsideError, Programs, Sent};
use crate::core::event::answer::Outcome as Answer;
use crate::core::event::{SessionName, TransactionStatus};
use crate::core::scenario::{Invariant, Scenario, Step};
use crate::debugger::plan::Plan;
use crate::explorer::classes::{Classes, Counted};
use crate::explorer::effects::Effects;
use crate::explorer::explore::{Found, Judged, News, Next, Orders, Progress, Shown};
use crate::explorer::naming;
use crate::explorer::outcome::{Noise, Outcome};
use crate::explorer::played::{Guide, Launched, Played, Player as _};
use crate::explorer::program::Program;
use crate::explorer::serial::{Along, Verdict};
use crate::explorer::transaction::{Fate, REFUSALS, Transaction};

/// With more programs than this not all of their orders are played.
const MOST_PROGRAMS: usize = 5;

/// How it is explored.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// No more orders than this are played on programs.
    pub budget: Option<u64>,
    /// How often each witness is played again.
    pub repeat: u32,
    pub news: &'a UnboundedSender<News>,
    pub stop: &'a CancellationToken,
}

/// What was found.
#[derive(Debug)]
pub struct Explored {
    /// The programs' statements as far as they are known, as a scenario has its steps.
    pub scenario: Scenario,
    pub program: Program,
    pub found: Found,
    /// How each class's witness is played again: in the order of the classes.
    pub plans: Vec<Plan>,
    /// What was sent in each witness.
    pub sent: Vec<Vec<Sent>>,
    /// What was read of when transactions look at what others have committed.
    pub snapshot: Snapshot,
    /// How many orders were played on programs, those of whole programs among them.
    pub plays: usize,
}

/// Explores programs; `begin` makes the orders that steps with such effects have.
pub async fn explore<P: Programs, O: Orders>(
    outside: &mut Outside<P>,
    (relations, snapshot): (Relations, Snapshot),
    wanted: Wanted<'_>,
    begin: impl Fn(&[Vec<Effects>]) -> O,
) -> Result<Explored, OutsideError> {
    let mut explorer = Explorer {
        reading: Reading::new(relations, snapshot),
        noise: Noise::default(),
        serial: BTreeMap::new(),
        written: 0,
        outside,
        wanted,
    };
    explorer.learn_serial_orders().await?;
    let mut round = loop {
        if let Some(round) = explorer.round(&begin).await? {
            break round;
        }
    };
    explorer.judge(&mut round).await?;
    explorer.play_again(&mut round).await?;
    explorer.tell(&round);
    Ok(explorer.explored(round))
}

struct Explorer<'a, P: Programs> {
    outside: &'a mut Outside<P>,
    wanted: Wanted<'a>,
    reading: Reading,
    noise: Noise,
    /// What came of whole programs one after another; nothing where they do not all come to their
    /// end.
    serial: BTreeMap<Vec<usize>, Option<Played>>,
    /// How many tables were looked at in the end of these.
    written: usize,
}

/// What was found since the search began last.
#[derive(Default)]
struct Round {
    classes: Classes,
    verdicts: Vec<Option<Verdict>>,
    again: Vec<Vec<(usize, u32)>>,
    plays: u64,
    orders: Option<u64>,
    is_complete: bool,
}

impl<P: Programs> Explorer<'_, P> {
    fn actors(&self) -> usize {
        self.outside.stand().programs.actors().len()
    }

    fn is_stopped(&self) -> bool {
        self.wanted.stop.is_cancelled()
    }

    /// The steps as they are known.
    fn program(&self) -> Program {
        let mut next = 0..;
        let steps = self.reading.effects().iter().map(Vec::len);
        Program { sessions: steps.map(|count| next.by_ref().take(count).collect()).collect() }
    }

    /// Two of the orders of whole programs teach most of what there is to know, and one of them,
    /// played twice, what is never the same.
    async fn learn_serial_orders(&mut self) -> Result<(), OutsideError> {
        let order: Vec<usize> = (0..self.actors()).collect();
        let reversed: Vec<usize> = order.iter().rev().copied().collect();
        let one = self.play_serial(&order).await?;
        self.serial.clear();
        let other = self.play_serial(&order).await?;
        if let (Some(one), Some(other)) = (one, other) {
            self.noise.learn(&one, &other);
        }
        self.play_serial(&reversed).await.map(drop)
    }

    /// Plays orders until there is none left; nothing where it has to begin again.
    async fn round<O: Orders>(
        &mut self,
        begin: &impl Fn(&[Vec<Effects>]) -> O,
    ) -> Result<Option<Round>, OutsideError> {
        let mut orders = begin(self.reading.effects());
        let mut round = Round { orders: Some(0), ..Round::default() };
        let before = self.outside.plays() as u64;
        loop {
            let spent = self.outside.plays() as u64 - before;
            if self.is_stopped() || self.wanted.budget.is_some_and(|budget| spent >= budget) {
                return Ok(Some(round));
            }
            let mut turn = match orders.next() {
                Next::Turn(turn) => turn,
                // Nobody else plays.
                Next::Later | Next::Done => {
                    round.is_complete = true;
                    return Ok(Some(round));
                }
            };
            let stop = self.wanted.stop.clone();
            let played = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Some(round)),
                played = self.outside.play(&mut turn) => played?,
            };
            if self.learn() {
                return Ok(None);
            }
            let counted = orders.take(turn, &played);
            if let Some(counted) = counted.filter(|_| played.end.is_some()) {
                self.take(&mut round, played, counted);
            }
        }
    }

    /// Whether something in the last order was not known.
    fn learn(&mut self) -> bool {
        let sessions = self.outside.names().len();
        let has_grown =
            self.outside.written() > std::mem::replace(&mut self.written, self.outside.written());
        if has_grown {
            self.serial.clear();
        }
        let is_stricter = self.reading.is_at_least(self.outside.snapshot());
        let sent = self.outside.last_sent().to_vec();
        self.reading.learn(sessions, &sent) || is_stricter || has_grown
    }

    fn take(&self, round: &mut Round, played: Played, counted: Counted) {
        let outcome = Outcome::of(&self.program(), &played, &self.noise);
        round.plays += 1;
        round.orders =
            round.orders.zip(counted.orders).map(|(known, more)| known.saturating_add(more));
        let taken = round.classes.take(outcome, played, counted);
        if taken.is_new {
            round.verdicts.push(None);
            round.again.push(Vec::new());
            self.tell(round);
        }
        let progress = Progress {
            plays: round.plays,
            orders: round.orders,
            classes: round.classes.all().len(),
        };
        let _ = self.wanted.news.send(News::Progress(progress));
    }

    async fn judge(&mut self, round: &mut Round) -> Result<(), OutsideError> {
        for class in 0..round.classes.all().len() {
            if self.is_stopped() {
                return Ok(());
            }
            if round.verdicts[class].is_none() {
                let played = round.classes.all()[class].played.clone();
                round.verdicts[class] = Some(self.verdict(&played).await?);
                self.tell(round);
            }
        }
        Ok(())
    }

    async fn verdict(&mut self, played: &Played) -> Result<Verdict, OutsideError> {
        let seen = explained(played);
        let mut actors: Vec<usize> = Vec::new();
        for launch in &seen.launches {
            let owner = self.outside.owner(launch.session).unwrap_or_default();
            if !actors.contains(&owner) {
                actors.push(owner);
            }
        }
        if actors.len() > MOST_PROGRAMS {
            return Ok(Verdict::Unknown);
        }
        let all = permutations(&actors);
        for order in &all {
            let Some(serial) = self.play_serial(order).await? else { continue };
            // What was learned of that order changes how long outcomes are.
            let program = self.program();
            let seen = Outcome::of(&program, &seen, &self.noise);
            if Outcome::of(&program, &explained(&serial), &self.noise) == seen {
                return Ok(Verdict::Serial(
                    order.iter().map(|actor| whole(*actor, &serial)).collect(),
                ));
            }
        }
        Ok(Verdict::Anomaly { orders: all.len() })
    }

    /// What comes of these whole programs, one after another.
    async fn play_serial(&mut self, order: &[usize]) -> Result<Option<Played>, OutsideError> {
        if let Some(known) = self.serial.get(order) {
            return Ok(known.clone());
        }
        let owners: Vec<Option<usize>> =
            (0..self.outside.names().len()).map(|session| self.outside.owner(session)).collect();
        let mut guide = OneByOne { order: order.to_vec(), owners };
        let (played, sent) = self.outside.play_anew(order, &mut guide).await?;
        let sessions = self.outside.names().len();
        self.written = self.outside.written();
        self.reading.is_at_least(self.outside.snapshot());
        self.reading.learn(sessions, &sent);
        let whole = played.end.is_some().then_some(played);
        self.serial.insert(order.to_vec(), whole.clone());
        Ok(whole)
    }

    /// Plays every witness again, on programs.
    async fn play_again(&mut self, round: &mut Round) -> Result<(), OutsideError> {
        let everybody: Vec<usize> = (0..self.actors()).collect();
        for class in 0..round.classes.all().len() {
            for _ in 0..self.wanted.repeat {
                if self.is_stopped() {
                    return Ok(());
                }
                let witness = round.classes.all()[class].witness.clone();
                let mut along = Along::turns(witness.clone());
                let (played, _) = self.outside.play_anew(&everybody, &mut along).await?;
                let outcome = Outcome::of(&self.program(), &played, &self.noise);
                let place = match round.classes.find(&outcome) {
                    Some(known) => known,
                    None => {
                        let counted = Counted { orders: Some(0), witness };
                        round.classes.take(outcome, played.clone(), counted);
                        round.verdicts.push(Some(self.verdict(&played).await?));
                        round.again.push(Vec::new());
                        round.classes.all().len() - 1
                    }
                };
                match round.again[class].iter_mut().find(|(known, _)| *known == place) {
                    Some((_, count)) => *count += 1,
                    None => round.again[class].push((place, 1)),
                }
            }
        }
        Ok(())
    }

    fn names(&self, round: &Round) -> Vec<String> {
        let (scenario, program) = (self.scenario(), self.program());
        let outcomes: Vec<&Outcome> = round.classes.all().iter().map(|it| &it.outcome).collect();
        naming::names(&scenario, &program, &outcomes)
    }

    fn tell(&self, round: &Round) {
        let shown = Shown::all(&round.classes, self.names(round), &round.verdicts);
        // Who does not listen any more has left.
        let _ = self.wanted.news.send(News::Classes(shown));
    }

    /// The programs' statements as the steps of a scenario.
    fn scenario(&self) -> Scenario {
        let names: Vec<SessionName> =
            self.outside.names().iter().map(|name| SessionName::new(name)).collect();
        let mut scenario = Scenario::blank(names.clone(), Vec::new(), Vec::new());
        for (session, own) in self.program().sessions.iter().enumerate() {
            for step in 0..own.len() {
                let (does, sql) = self.reading.text(session, step).unwrap_or_default();
                scenario.steps.push(Step {
                    name: format!("{} {}", names[session], step + 1),
                    session: names[session].clone(),
                    narration: does,
                    sql: sql.to_string(),
                    expectations: Vec::new(),
                    line: 1,
                });
            }
        }
        let check = self.outside.stand().check.iter();
        scenario.invariants = check.map(|sql| Invariant { sql: sql.clone(), line: 1 }).collect();
        scenario
    }

    fn explored(&self, round: Round) -> Explored {
        let (mut plans, mut sent) = (Vec::new(), Vec::new());
        for class in round.classes.all() {
            let order: Vec<usize> = class.played.launches.iter().map(|it| it.session).collect();
            let known = self.outside.sent(&class.witness).or_else(|| self.outside.sent(&order));
            let of_witness = known.map(<[Sent]>::to_vec).unwrap_or_default();
            plans.push(self.outside.plan(&of_witness));
            sent.push(of_witness);
        }
        let judged = round.classes.all().iter().cloned().zip(round.verdicts).zip(round.again);
        let classes =
            judged.map(|((class, verdict), again)| Judged { class, verdict, again }).collect();
        Explored {
            found: Found {
                classes,
                plays: round.plays,
                orders: round.orders,
                is_complete: round.is_complete,
                is_interrupted: self.is_stopped(),
            },
            scenario: self.scenario(),
            program: self.program(),
            plans,
            sent,
            snapshot: self.reading.snapshot(),
            plays: self.outside.plays(),
        }
    }
}

/// Whole programs, one after another.
struct OneByOne {
    order: Vec<usize>,
    /// Whose each session is.
    owners: Vec<Option<usize>>,
}

impl Guide for OneByOne {
    fn next(&mut self, _: &[Launched], enabled: &[usize]) -> Option<usize> {
        let owner = |session: &usize| self.owners.get(*session).copied().flatten();
        let turn = |actor: &usize| enabled.iter().find(|it| owner(it) == Some(*actor)).copied();
        // A connection that nobody has known is somebody's too.
        self.order.iter().find_map(turn).or_else(|| enabled.first().copied())
    }
}

/// What was played without the transactions that were refused: nobody has to explain what they
/// saw, and whoever begins again has seen something else.
fn explained(played: &Played) -> Played {
    let mut kept: Vec<Launched> = Vec::new();
    let sessions = played.launches.iter().map(|it| it.session + 1).max().unwrap_or_default();
    for session in 0..sessions {
        let own = played.launches.iter().filter(|it| it.session == session);
        let told = of_transactions(own.cloned().collect()).into_iter().flatten();
        kept.extend(told.enumerate().map(|(step, launch)| Launched { step, ..launch }));
    }
    kept.sort_by_key(|launch| {
        let mut launches = played.launches.iter();
        launches.position(|it| it.session == launch.session && it.answer == launch.answer)
    });
    Played { launches: kept, ..played.clone() }
}

/// A session's transactions that were not refused.
fn of_transactions(launches: Vec<Launched>) -> Vec<Vec<Launched>> {
    let mut all = vec![Vec::new()];
    for launch in launches {
        let answer = launch.answer.as_ref();
        let is_over = answer.is_some_and(|it| it.status == TransactionStatus::Idle);
        if let Some(last) = all.last_mut() {
            last.push(launch);
        }
        if is_over {
            all.push(Vec::new());
        }
    }
    all.retain(|transaction: &Vec<Launched>| !is_refused(transaction));
    all
}

fn is_refused(transaction: &[Launched]) -> bool {
    let answers = transaction.iter().filter_map(|launch| launch.answer.as_ref());
    let outcomes: Vec<&Answer> = answers.flat_map(|answer| &answer.outcomes).collect();
    let is_refusal = |answer: &&Answer| match answer {
        Answer::Failed(error) => REFUSALS.contains(&error.code.as_str()),
        _ => false,
    };
    let commits = |answer: &&Answer| matches!(answer, Answer::Done { tag } if tag == "COMMIT");
    outcomes.iter().any(is_refusal) && !outcomes.last().is_some_and(commits)
}

/// A program as one whole transaction.
fn whole(actor: usize, played: &Played) -> Transaction {
    let steps = played.launches.iter().filter(|launch| launch.session == actor).count();
    Transaction { session: actor, steps: 0..steps, fate: Fate::Committed }
}

/// All orders of these, the given one first.
fn permutations(all: &[usize]) -> Vec<Vec<usize>> {
    if all.is_empty() {
        return vec![Vec::new()];
    }
    let first = |at: usize| {
        let mut rest = all.to_vec();
        let first = rest.remove(at);
        permutations(&rest).into_iter().map(move |mut order| {
            order.insert(0, first);
            order
        })
    };
    (0..all.len()).flat_map(first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::ServerMessage;
    use crate::explorer::played::Answered;

    fn launched(session: usize, step: usize, said: &str, is_over: bool) -> Launched {
        let outcomes = vec![match said {
            "40001" => {
                Answer::Failed(ServerMessage { code: said.to_owned(), ..ServerMessage::default() })
            }
            tag => Answer::Done { tag: tag.to_owned() },
        }];
        let status =
            if is_over { TransactionStatus::Idle } else { TransactionStatus::InTransaction };
        let answer = Some(Answered { outcomes, status, lost: None, after: 0 });
        Launched { session, step, enabled: Vec::new(), answer }
    }

    #[test]
    fn what_was_refused_and_done_again_counts_once() {
        let launches = vec![
            launched(0, 0, "UPDATE 1", false),
            launched(1, 0, "40001", true),
            launched(0, 1, "COMMIT", true),
            launched(1, 1, "UPDATE 1", false),
            launched(1, 2, "COMMIT", true),
        ];
        let kept = explained(&Played { launches, ..Played::default() }).launches;
        let kept: Vec<_> = kept.iter().map(|it| (it.session, it.step)).collect();
        assert_eq!(kept, [(0, 0), (0, 1), (1, 0), (1, 1)]);
    }

    #[test]
    fn a_refusal_that_was_committed_over_is_an_answer() {
        let launches = vec![launched(0, 0, "40001", false), launched(0, 1, "COMMIT", true)];
        assert_eq!(explained(&Played { launches, ..Played::default() }).launches.len(), 2);
    }

    #[test]
    fn all_orders_of_programs_are_tried_the_one_that_was_seen_first() {
        assert_eq!(permutations(&[2, 0, 1])[0], [2, 0, 1]);
        assert_eq!(permutations(&[2, 0, 1]).len(), 6);
    }
}
