//! Ties everything together: orders are handed out, played, taken in, and each class that is found
//! is judged at once by whoever found it.
//!
//! ```text
//!  Orders ── turn ──▶ worker: plays ── Played ──▶ Classes ── new? ──▶ SerialOrders: verdict
//!    ▲                  │ one a player                │
//!    └── Played ────────┘                             └──▶ News: to a screen, a progress bar
//! ```

use std::cmp::Reverse;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use crate::core::scenario::Scenario;
use crate::core::scenario::claim::AnomalyKind;
use crate::explorer::classes::{Class, Classes, Counted, Taken};
use crate::explorer::naming;
use crate::explorer::outcome::{Noise, Outcome};
use crate::explorer::played::{Guide, Played, Player};
use crate::explorer::program::Program;
use crate::explorer::serial::{Along, SerialOrders, Verdict};

/// How often it is told how far everything is.
const BETWEEN_NEWS: Duration = Duration::from_millis(100);

/// With more classes than this, not every new one is told at once.
const MOST_TOLD_AT_ONCE: usize = 50;

/// Beyond so many classes each witness is played again once, not as often as was asked for.
const MOST_TO_REPEAT: usize = 50;

/// Where orders come from, and where what was played goes.
pub trait Orders {
    /// Guides one order.
    type Turn: Guide + Send;

    /// The next order to play.
    fn next(&mut self) -> Next<Self::Turn>;

    /// Takes in what was played along a turn that was handed out; nothing where that is no order of
    /// its own.
    fn take(&mut self, turn: Self::Turn, played: &Played) -> Option<Counted>;

    /// How often everything has begun again, because steps do more than was known.
    fn restarts(&self) -> u64 {
        0
    }

    /// How many orders were possible and could not be played again.
    fn diverged(&self) -> u64 {
        0
    }
}

/// What is to be played next.
#[derive(Debug)]
pub enum Next<T> {
    Turn(T),
    /// That depends on what others, who are playing now, bring back.
    Later,
    /// Everything has been played.
    Done,
}

/// What is explored, and how.
#[derive(Clone, Copy)]
pub struct Exploring<'a> {
    pub scenario: &'a Scenario,
    pub program: &'a Program,
    pub noise: &'a Noise,
    /// No more plays than this.
    pub budget: Option<u64>,
    /// How often each witness is played again.
    pub repeat: u32,
    /// Whether each order that was played is told.
    pub tells_orders: bool,
    /// What an anomaly is called that was played so.
    pub kind: &'a (dyn Fn(&Played) -> Option<AnomalyKind> + Sync),
}

/// What is told while it goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// So far it has come.
    Progress(Progress),
    /// A class was found or is known better: all of them, as they are known now.
    Classes(Vec<Shown>),
    /// An order was played.
    Order { turns: Vec<usize>, class: usize, orders: Option<u64> },
}

/// How far it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub plays: u64,
    /// How many orders these stand for; `None` where nobody can count them.
    pub orders: Option<u64>,
    pub classes: usize,
}

/// A class as it is known so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub name: String,
    /// How many orders it stands for so far.
    pub orders: Option<u64>,
    /// The sessions' turns in the order that shows it best.
    pub witness: Vec<usize>,
    /// Nothing while it is not judged.
    pub verdict: Option<Verdict>,
    /// What it is called, if it is an anomaly of a known pattern.
    pub kind: Option<AnomalyKind>,
    /// Whether an invariant was broken.
    pub is_broken: bool,
}

/// Where a class stands among all: those that are like one after another first, then by how many
/// orders they stand for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    is_bad: bool,
    orders: Reverse<Option<u64>>,
    witness: Vec<usize>,
}

impl Rank {
    pub fn of(is_bad: bool, orders: Option<u64>, witness: &[usize]) -> Self {
        Self { is_bad, orders: Reverse(orders), witness: witness.to_vec() }
    }
}

impl Shown {
    /// Where it stands among all, as far as it is known.
    pub fn rank(&self) -> Rank {
        let is_bad = self.is_broken || self.verdict.as_ref().is_some_and(Verdict::is_anomaly);
        Rank::of(is_bad, self.orders, &self.witness)
    }

    /// A class with its name, and what is known of it.
    pub(super) fn of(
        class: &Class,
        name: String,
        verdict: Option<Verdict>,
        kind: Option<AnomalyKind>,
    ) -> Self {
        let (orders, witness) = (class.orders, class.witness.clone());
        let is_broken = !class.broken.is_empty();
        Self { name, orders, witness, verdict, kind, is_broken }
    }

    /// All classes, with their names and what is known of them, in the order of the classes.
    pub(super) fn all(
        classes: &Classes,
        names: Vec<String>,
        verdicts: &[Option<Verdict>],
        kinds: &[Option<AnomalyKind>],
    ) -> Vec<Self> {
        let classes = classes.all().iter().zip(names).zip(verdicts).enumerate();
        let shown = classes.map(|(at, ((class, name), verdict))| {
            Self::of(class, name, verdict.clone(), kinds.get(at).copied().flatten())
        });
        shown.collect()
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub classes: Vec<Judged>,
    pub plays: u64,
    /// How many orders the plays stand for.
    pub orders: Option<u64>,
    /// Whether every order was played, or one that is equivalent to it.
    pub is_complete: bool,
    /// Whether somebody stopped it.
    pub is_interrupted: bool,
}

/// A class and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    pub class: Class,
    /// Nothing where it was stopped before.
    pub verdict: Option<Verdict>,
    /// Which classes its witness came to when it was played again: a place among the classes, and
    /// how often.
    pub again: Vec<(usize, u32)>,
}

/// What differs between plays of one and the same order: the first of whole transactions is played
/// by each player, and twice where there is but one.
pub async fn learn_noise<P: Player>(
    program: &Program,
    noise: &mut Noise,
    players: &mut [P],
) -> Result<(), P::Error> {
    let turns = program.sessions.iter().enumerate();
    let turns: Vec<usize> = turns.flat_map(|(session, steps)| vec![session; steps.len()]).collect();
    let Some((first, others)) = players.split_first_mut() else { return Ok(()) };
    let one = first.play(&mut Along::turns(turns.clone())).await?;
    if others.is_empty() {
        noise.learn(&one, &first.play(&mut Along::turns(turns.clone())).await?);
    }
    for other in others {
        noise.learn(&one, &other.play(&mut Along::turns(turns.clone())).await?);
    }
    Ok(())
}

/// Plays orders until there is none left, the budget is spent, or somebody stops it.
pub async fn explore<P: Player, O: Orders>(
    exploring: Exploring<'_>,
    orders: O,
    players: &mut [P],
    news: &UnboundedSender<News>,
    stop: &CancellationToken,
) -> Result<Found, P::Error> {
    let Exploring { scenario, program, noise, .. } = exploring;
    let explorer = Explorer {
        exploring,
        book: Mutex::new(Book::new(orders)),
        came_back: Notify::new(),
        serial: tokio::sync::Mutex::new(SerialOrders::new(scenario, program, noise)),
        news,
        stop,
    };
    try_join_all(players.iter_mut().map(|player| explorer.work(player))).await?;
    explorer.play_again(players).await?;
    explorer.tell();
    Ok(explorer.found())
}

/// What is written down.
struct Book<O> {
    orders: O,
    classes: Classes,
    verdicts: Vec<Option<Verdict>>,
    kinds: Vec<Option<AnomalyKind>>,
    again: Vec<Vec<(usize, u32)>>,
    handed_out: u64,
    plays: u64,
    counted: Option<u64>,
    restarts: u64,
    is_done: bool,
    told: Instant,
}

impl<O: Orders> Book<O> {
    fn new(orders: O) -> Self {
        Self {
            orders,
            classes: Classes::default(),
            verdicts: Vec::new(),
            kinds: Vec::new(),
            again: Vec::new(),
            handed_out: 0,
            plays: 0,
            counted: Some(0),
            restarts: 0,
            is_done: false,
            told: Instant::now(),
        }
    }

    fn next(&mut self, budget: Option<u64>) -> Next<O::Turn> {
        if budget.is_some_and(|budget| self.handed_out >= budget) {
            return Next::Done;
        }
        let next = self.orders.next();
        match next {
            Next::Turn(_) => self.handed_out += 1,
            Next::Done => self.is_done = true,
            Next::Later => {}
        }
        next
    }

    fn take(
        &mut self,
        outcome: Outcome,
        turn: O::Turn,
        played: Played,
    ) -> Option<(Taken, Option<u64>)> {
        let counted = self.orders.take(turn, &played);
        if self.restarts != self.orders.restarts() {
            self.begin_again();
        }
        let counted = counted?;
        let orders = counted.orders;
        self.plays += 1;
        self.counted = self.counted.zip(orders).map(|(known, more)| known.saturating_add(more));
        Some((self.file(outcome, played, counted), orders))
    }

    /// What was counted so far is counted again; what was seen has been seen.
    fn begin_again(&mut self) {
        self.restarts = self.orders.restarts();
        self.counted = Some(0);
        for class in self.classes.all_mut() {
            class.orders = Some(0);
        }
    }

    fn file(&mut self, outcome: Outcome, played: Played, counted: Counted) -> Taken {
        let taken = self.classes.take(outcome, played, counted);
        if taken.is_new {
            self.verdicts.push(None);
            self.kinds.push(None);
            self.again.push(Vec::new());
        }
        taken
    }

    fn progress(&self) -> Progress {
        Progress { plays: self.plays, orders: self.counted, classes: self.classes.all().len() }
    }
}

struct Explorer<'a, O> {
    exploring: Exploring<'a>,
    book: Mutex<Book<O>>,
    /// Somebody has brought back what was played.
    came_back: Notify,
    serial: tokio::sync::Mutex<SerialOrders<'a>>,
    news: &'a UnboundedSender<News>,
    stop: &'a CancellationToken,
}

impl<O: Orders> Explorer<'_, O> {
    fn book(&self) -> MutexGuard<'_, Book<O>> {
        // What is written in it is whole between any two calls.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn work<P: Player>(&self, player: &mut P) -> Result<(), P::Error> {
        while !self.stop.is_cancelled() {
            let came_back = self.came_back.notified();
            let next = self.book().next(self.exploring.budget);
            match next {
                Next::Done => break,
                Next::Later => {
                    tokio::select! { () = came_back => {}, () = self.stop.cancelled() => break }
                }
                Next::Turn(turn) => self.play(player, turn).await?,
            }
        }
        // Nobody must go on waiting for one who has gone.
        self.came_back.notify_waiters();
        Ok(())
    }

    async fn play<P: Player>(&self, player: &mut P, mut turn: O::Turn) -> Result<(), P::Error> {
        let played = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Ok(()),
            played = player.play(&mut turn) => played?,
        };
        // An order that its guide has broken off is equivalent to one that was played.
        if played.end.is_none() {
            let _ = self.book().orders.take(turn, &played);
            self.came_back.notify_waiters();
            return Ok(());
        }
        let Exploring { program, noise, .. } = self.exploring;
        let outcome = Outcome::of(program, &played, noise);
        let taken = self.book().take(outcome, turn, played.clone());
        self.came_back.notify_waiters();
        let Some((taken, orders)) = taken else { return Ok(()) };
        if self.exploring.tells_orders {
            let turns = played.launches.iter().map(|launch| launch.session).collect();
            let _ = self.news.send(News::Order { turns, class: taken.class, orders });
        }
        if taken.is_new {
            self.judge(player, taken.class, &played).await?;
        }
        self.tell_from_time_to_time(taken);
        Ok(())
    }

    async fn judge<P: Player>(
        &self,
        player: &mut P,
        class: usize,
        played: &Played,
    ) -> Result<(), P::Error> {
        let mut serial = self.serial.lock().await;
        let verdict = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Ok(()),
            verdict = serial.judge(player, played) => verdict?,
        };
        let kind = if verdict.is_anomaly() { (self.exploring.kind)(played) } else { None };
        let mut book = self.book();
        (book.verdicts[class], book.kinds[class]) = (Some(verdict), kind);
        Ok(())
    }

    /// Plays every witness again: whether it comes to the same, and whether the order that is told
    /// best, which need not be the one that was played, does.
    async fn play_again<P: Player>(&self, players: &mut [P]) -> Result<(), P::Error> {
        let classes = self.book().classes.all().len();
        let often = if classes > MOST_TO_REPEAT {
            self.exploring.repeat.min(1)
        } else {
            self.exploring.repeat
        };
        let todo = Mutex::new((0..classes).flat_map(|class| vec![class; often as usize]));
        let next = || todo.lock().unwrap_or_else(PoisonError::into_inner).next();
        let worker = |player| self.play_each_again(player, &next);
        try_join_all(players.iter_mut().map(worker)).await?;
        Ok(())
    }

    async fn play_each_again<P: Player>(
        &self,
        player: &mut P,
        next: &(impl Fn() -> Option<usize> + Sync),
    ) -> Result<(), P::Error> {
        while let Some(class) = next() {
            let witness = self.book().classes.all()[class].witness.clone();
            let mut along = Along::turns(witness.clone());
            let played = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                played = player.play(&mut along) => played?,
            };
            let Exploring { program, noise, .. } = self.exploring;
            let outcome = Outcome::of(program, &played, noise);
            let taken = self.came_again(class, outcome, &played, witness);
            if taken.is_new {
                self.judge(player, taken.class, &played).await?;
            }
        }
        Ok(())
    }

    fn came_again(
        &self,
        class: usize,
        outcome: Outcome,
        played: &Played,
        witness: Vec<usize>,
    ) -> Taken {
        let mut book = self.book();
        let taken = match book.classes.find(&outcome) {
            Some(known) => Taken { class: known, is_new: false, is_better: false },
            // Orders are counted once: those of this witness are with the class that it showed.
            None => book.file(outcome, played.clone(), Counted { orders: Some(0), witness }),
        };
        if taken.class == class {
            // The very order that is told.
            book.classes.all_mut()[class].played = played.clone();
        }
        let again = &mut book.again[class];
        match again.iter_mut().find(|(place, _)| *place == taken.class) {
            Some((_, count)) => *count += 1,
            None => again.push((taken.class, 1)),
        }
        taken
    }

    fn tell_from_time_to_time(&self, taken: Taken) {
        let is_due = {
            let mut book = self.book();
            let is_due = book.told.elapsed() >= BETWEEN_NEWS;
            if is_due {
                book.told = Instant::now();
            }
            is_due || taken.is_new && book.classes.all().len() <= MOST_TOLD_AT_ONCE
        };
        if is_due {
            self.tell();
        }
    }

    /// Tells of all classes.
    fn tell(&self) {
        let book = self.book();
        let Exploring { scenario, program, .. } = self.exploring;
        let outcomes: Vec<&Outcome> = book.classes.all().iter().map(|it| &it.outcome).collect();
        let names = naming::names(scenario, program, &outcomes);
        let shown = Shown::all(&book.classes, names, &book.verdicts, &book.kinds);
        let _ = self.news.send(News::Classes(shown));
        let _ = self.news.send(News::Progress(book.progress()));
    }

    fn found(&self) -> Found {
        let mut book = self.book();
        let classes = std::mem::take(&mut book.classes);
        let known = std::mem::take(&mut book.verdicts).into_iter();
        let known = known.zip(std::mem::take(&mut book.again));
        let classes = classes.all().iter().cloned().zip(known);
        Found {
            classes: classes
                .map(|(class, (verdict, again))| Judged { class, verdict, again })
                .collect(),
            plays: book.plays,
            orders: book.counted,
            is_complete: book.is_done && !self.stop.is_cancelled(),
            is_interrupted: self.stop.is_cancelled(),
        }
    }
}

#[cfg(test)]
mod tests;
