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
use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::explained::explained;
use super::reading::{Reading, Relations, Snapshot};
use super::{Outside, OutsideError, Programs, Record, Sent};
use crate::core::event::SessionName;
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
use crate::explorer::transaction::{Fate, Transaction};

/// With more programs than this not all of their orders are played.
const MOST_PROGRAMS: usize = 5;

/// How it is explored.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// No more orders than this are played on programs, beside those of whole programs.
    pub budget: Option<u64>,
    /// How often each witness is played again.
    pub repeat: u32,
    pub news: &'a UnboundedSender<News>,
    pub stop: &'a CancellationToken,
}

/// What the server tells before anything is played.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pub relations: Relations,
    /// When transactions look at what others have committed, where they do not say it.
    pub snapshot: Snapshot,
    /// Columns that sequences fill: table and column, and whose values these are.
    pub sequences: BTreeMap<(String, String), String>,
}

/// What was found.
#[derive(Debug)]
pub struct Explored {
    /// The programs' statements as far as they are known, as a scenario has its steps.
    pub scenario: Scenario,
    pub program: Program,
    pub found: Found,
    /// How each class's witness was played, in the order of the classes.
    pub witnesses: Vec<Witness>,
    /// What was read of when transactions look at what others have committed.
    pub snapshot: Snapshot,
    /// How many orders were played on programs, those of whole programs among them.
    pub plays: usize,
    /// How many orders were possible and could not be played again.
    pub diverged: u64,
}

/// What shows a class best.
#[derive(Clone, Debug)]
pub struct Witness {
    /// What was sent, turn by turn.
    pub sent: Vec<Sent>,
    /// How it is played again.
    pub plan: Plan,
    /// What the programs said that did not end well.
    pub complaints: Vec<String>,
}

/// Explores programs; `begin` makes the orders that steps with such effects have.
pub async fn explore<P: Programs, O: Orders>(
    outside: &mut Outside<P>,
    catalog: Catalog,
    wanted: Wanted<'_>,
    begin: impl Fn(&[Vec<Effects>]) -> O,
) -> Result<Explored, OutsideError> {
    let reading = Reading::new(catalog.relations, catalog.snapshot);
    let mut explorer = Explorer {
        reading: reading.asked(outside.stand().check.as_deref()),
        noise: Noise::of_programs(catalog.sequences),
        serial: BTreeMap::new(),
        written: 0,
        spent: 0,
        has_learned: false,
        complaints: Vec::new(),
        outside,
        wanted,
    };
    explorer.learn_serial_orders().await?;
    let mut round = loop {
        if let Some(round) = explorer.round(&begin).await? {
            break round;
        }
    };
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
    serial: BTreeMap<Vec<usize>, Option<Record>>,
    /// How many tables were looked at in the end of these.
    written: usize,
    /// How much of the budget.
    spent: u64,
    /// Whether something was not known when the search began last.
    has_learned: bool,
    /// What programs said that were played one after another and did not end well.
    complaints: Vec<String>,
}

/// What was found since the search began last.
#[derive(Default)]
struct Round {
    classes: Classes,
    verdicts: Vec<Option<Verdict>>,
    again: Vec<Vec<(usize, u32)>>,
    /// How each class was played.
    records: Vec<Record>,
    plays: u64,
    orders: Option<u64>,
    diverged: u64,
    is_complete: bool,
}

impl Round {
    /// Files an order; the class, if it is new.
    fn file(&mut self, outcome: Outcome, record: Record, counted: Counted) -> Option<usize> {
        let taken = self.classes.take(outcome, record.played.clone(), counted);
        if taken.is_new {
            self.verdicts.push(None);
            self.again.push(Vec::new());
            self.records.push(record);
        } else if taken.is_better {
            self.records[taken.class] = record;
        }
        taken.is_new.then_some(taken.class)
    }
}

impl<P: Programs> Explorer<'_, P> {
    fn actors(&self) -> usize {
        self.outside.stand().programs.actors().len()
    }

    fn everybody(&self) -> Vec<usize> {
        (0..self.actors()).collect()
    }

    fn is_stopped(&self) -> bool {
        self.wanted.stop.is_cancelled()
    }

    fn is_spent(&self) -> bool {
        self.wanted.budget.is_some_and(|budget| self.spent >= budget)
    }

    /// The steps as they are known.
    fn program(&self) -> Program {
        let mut next = 0..;
        let steps = self.reading.effects().iter().map(Vec::len);
        Program { sessions: steps.map(|count| next.by_ref().take(count).collect()).collect() }
    }

    fn outcome(&self, played: &Played) -> Outcome {
        Outcome::of(&self.program(), played, &self.noise)
    }

    /// Two of the orders of whole programs teach most of what there is to know, and one of them,
    /// played twice, what is never the same.
    async fn learn_serial_orders(&mut self) -> Result<(), OutsideError> {
        let order = self.everybody();
        let reversed: Vec<usize> = order.iter().rev().copied().collect();
        let one = self.play_serial(&order).await?;
        if one.is_some() {
            self.need_steps_of_all()?;
        }
        self.serial.clear();
        let other = self.play_serial(&order).await?;
        if let (Some(one), Some(other)) = (one, other) {
            self.noise.learn(&one.played, &other.played);
            let steps = |record: &Record| -> Vec<_> {
                record.sent.iter().map(|sent| (sent.session, Arc::clone(&sent.shape))).collect()
            };
            if steps(&one) != steps(&other) {
                return Err(OutsideError::NotReset("what the programs find".to_owned()));
            }
        }
        self.play_serial(&reversed).await.map(drop)
    }

    /// A program that sends nothing would seem to be in order whatever it does.
    fn need_steps_of_all(&self) -> Result<(), OutsideError> {
        let effects = self.reading.effects().iter().enumerate();
        let heard = effects.filter(|(_, steps)| !steps.is_empty());
        let heard: Vec<usize> = heard.map(|(session, _)| session).collect();
        let Some(silent) = self.everybody().into_iter().find(|it| !heard.contains(it)) else {
            return Ok(());
        };
        let name = self.outside.names()[silent].clone();
        let own = self.complaints.iter().find(|complaint| complaint.starts_with(&name));
        let why = match own {
            Some(complaint) => format!(": {complaint}"),
            None => "; is it connected to DATABASE_URL, or PGHOST and PGPORT? A statement is a \
                     step where it touches a table; --break says it otherwise"
                .to_owned(),
        };
        Err(OutsideError::Silent(name, why))
    }

    /// Plays orders until there is none left; nothing where it has to begin again.
    async fn round<O: Orders>(
        &mut self,
        begin: &impl Fn(&[Vec<Effects>]) -> O,
    ) -> Result<Option<Round>, OutsideError> {
        let mut orders = begin(self.reading.effects());
        let mut round = Round { orders: Some(0), ..Round::default() };
        self.has_learned = false;
        while !self.is_stopped() && !self.is_spent() {
            let Next::Turn(mut turn) = orders.next() else {
                // Nobody else plays, so there is none to be waited for.
                round.is_complete = true;
                break;
            };
            let Some(record) = self.play(&mut turn).await? else { break };
            if self.learn(&record) {
                return Ok(None);
            }
            let counted = orders.take(turn, &record.played);
            let Some(counted) = counted.filter(|_| record.played.end.is_some()) else { continue };
            if let Some(class) = self.take(&mut round, record, counted) {
                self.judge(&mut round, class).await?;
            }
            if self.has_learned {
                return Ok(None);
            }
        }
        round.diverged = orders.diverged();
        round.is_complete &= round.diverged == 0;
        Ok(Some(round))
    }

    /// Plays an order or looks it up; nothing where somebody stops it.
    async fn play(
        &mut self,
        guide: &mut (dyn Guide + Send),
    ) -> Result<Option<Record>, OutsideError> {
        let before = self.outside.plays();
        let stop = self.wanted.stop.clone();
        let played = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(None),
            played = self.outside.play(guide) => played?,
        };
        self.spent += (self.outside.plays() - before) as u64;
        let last = self.outside.last().cloned().unwrap_or_default();
        Ok(Some(Record { played, ..last }))
    }

    /// Plays an order of these programs whether it is known or not.
    async fn play_anew(
        &mut self,
        actors: &[usize],
        guide: &mut (dyn Guide + Send),
    ) -> Result<Option<Record>, OutsideError> {
        let stop = self.wanted.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => Ok(None),
            record = self.outside.play_anew(actors, guide) => record.map(Some),
        }
    }

    /// Whether something in this order was not known.
    fn learn(&mut self, record: &Record) -> bool {
        let sessions = self.outside.names().len();
        let has_grown =
            self.outside.written() > std::mem::replace(&mut self.written, self.outside.written());
        if has_grown {
            self.serial.clear();
        }
        let is_stricter = self.reading.is_at_least(self.outside.snapshot());
        let mut is_new = self.reading.learn(sessions, &record.sent);
        for (launch, sent) in record.played.launches.iter().zip(&record.sent) {
            for sql in sent.texts() {
                is_new |= self.noise.learn_text((launch.session, launch.step), sql);
            }
        }
        self.has_learned |= is_new || is_stricter || has_grown;
        self.has_learned
    }

    /// Takes in an order; the class that was found, if one was.
    fn take(&self, round: &mut Round, record: Record, counted: Counted) -> Option<usize> {
        let outcome = self.outcome(&record.played);
        round.plays += 1;
        round.orders =
            round.orders.zip(counted.orders).map(|(known, more)| known.saturating_add(more));
        let found = round.file(outcome, record, counted);
        if found.is_some() {
            self.tell(round);
        }
        let progress = Progress {
            plays: round.plays,
            orders: round.orders,
            classes: round.classes.all().len(),
        };
        let _ = self.wanted.news.send(News::Progress(progress));
        found
    }

    async fn judge(&mut self, round: &mut Round, class: usize) -> Result<(), OutsideError> {
        let record = round.records[class].clone();
        round.verdicts[class] = self.verdict(&record).await?;
        self.tell(round);
        Ok(())
    }

    /// Whether whole programs come to it, one after another; nothing where somebody stops it.
    async fn verdict(&mut self, record: &Record) -> Result<Option<Verdict>, OutsideError> {
        let seen = explained(&record.played, &record.sent);
        let mut actors: Vec<usize> = Vec::new();
        for launch in &seen.launches {
            if !actors.contains(&launch.session) {
                actors.push(launch.session);
            }
        }
        if actors.len() > MOST_PROGRAMS {
            return Ok(Some(Verdict::Unknown));
        }
        let all = permutations(&actors);
        for order in &all {
            let serial = self.play_serial(order).await?;
            if self.is_stopped() {
                return Ok(None);
            }
            let Some(serial) = serial else { continue };
            let whole_programs = explained(&serial.played, &serial.sent);
            if self.outcome(&whole_programs) == self.outcome(&seen) {
                let order = order.iter().map(|actor| whole(*actor, &serial.played));
                return Ok(Some(Verdict::Serial(order.collect())));
            }
        }
        Ok(Some(Verdict::Anomaly { orders: all.len() }))
    }

    /// What comes of these whole programs, one after another.
    async fn play_serial(&mut self, order: &[usize]) -> Result<Option<Record>, OutsideError> {
        if let Some(known) = self.serial.get(order) {
            return Ok(known.clone());
        }
        let mut guide = OneByOne { order: order.to_vec() };
        let Some(record) = self.play_anew(order, &mut guide).await? else { return Ok(None) };
        self.learn(&record);
        self.complaints.extend(record.complaints.clone());
        let whole = record.played.end.is_some().then_some(record);
        self.serial.insert(order.to_vec(), whole.clone());
        Ok(whole)
    }

    /// Plays every witness again, on programs.
    async fn play_again(&mut self, round: &mut Round) -> Result<(), OutsideError> {
        let everybody = self.everybody();
        for class in 0..round.classes.all().len() {
            for _ in 0..self.wanted.repeat {
                let witness = round.classes.all()[class].witness.clone();
                let mut along = Along::turns(witness.clone());
                let Some(record) = self.play_anew(&everybody, &mut along).await? else {
                    return Ok(());
                };
                let place = self.came_again(round, class, record, witness).await?;
                match round.again[class].iter_mut().find(|(known, _)| *known == place) {
                    Some((_, count)) => *count += 1,
                    None => round.again[class].push((place, 1)),
                }
            }
        }
        Ok(())
    }

    /// The class to which a witness has come that was played again.
    async fn came_again(
        &mut self,
        round: &mut Round,
        class: usize,
        record: Record,
        witness: Vec<usize>,
    ) -> Result<usize, OutsideError> {
        let outcome = self.outcome(&record.played);
        if let Some(known) = round.classes.find(&outcome) {
            if known == class {
                // The very order that is told.
                round.classes.all_mut()[class].played = record.played.clone();
                round.records[class] = record;
            }
            return Ok(known);
        }
        let counted = Counted { orders: Some(0), witness };
        let place = round.classes.all().len();
        round.file(outcome, record, counted);
        self.judge(round, place).await?;
        Ok(place)
    }

    fn names(&self, round: &Round) -> Vec<String> {
        let (scenario, program) = (self.scenario(), self.program());
        let outcomes: Vec<&Outcome> = round.classes.all().iter().map(|it| &it.outcome).collect();
        naming::names(&scenario, &program, &outcomes)
    }

    fn tell(&self, round: &Round) {
        let shown = Shown::all(&round.classes, self.names(round), &round.verdicts, &[]);
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
        let shown = round.classes.all().iter().zip(&round.records);
        let witnesses = shown.map(|(class, record)| {
            let sent = along(&class.witness, &record.sent);
            let plan = self.outside.plan(&sent);
            Witness { sent, plan, complaints: record.complaints.clone() }
        });
        let witnesses = witnesses.collect();
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
            witnesses,
            snapshot: self.reading.snapshot(),
            plays: self.outside.plays(),
            diverged: round.diverged,
        }
    }
}

/// What was sent in an order, as it is sent in one that is equivalent to it: each session sends the
/// same.
fn along(turns: &[usize], sent: &[Sent]) -> Vec<Sent> {
    let mut next = vec![0; turns.iter().max().map_or(0, |most| most + 1)];
    let told = turns.iter().filter_map(|&session| {
        let own = sent.iter().filter(|it| it.session == session).nth(next[session])?;
        next[session] += 1;
        Some(own.clone())
    });
    told.collect()
}

/// Whole programs, one after another.
struct OneByOne {
    order: Vec<usize>,
}

impl Guide for OneByOne {
    fn next(&mut self, _: &[Launched], enabled: &[usize]) -> Option<usize> {
        self.order.iter().copied().find(|session| enabled.contains(session))
    }
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

    #[test]
    fn all_orders_of_programs_are_tried_the_one_that_was_seen_first() {
        assert_eq!(permutations(&[2, 0, 1])[0], [2, 0, 1]);
        assert_eq!(permutations(&[2, 0, 1]).len(), 6);
    }

    #[test]
    fn an_equivalent_order_sends_the_same_session_by_session() {
        let sent =
            |session: usize, does: &str| Sent { session, does: does.to_owned(), ..Sent::default() };
        let all = [sent(0, "a"), sent(1, "c"), sent(0, "b")];
        let told: Vec<String> = along(&[1, 0, 0], &all).into_iter().map(|it| it.does).collect();
        assert_eq!(told, ["c", "a", "b"]);
    }
}
