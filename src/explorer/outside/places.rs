//! What the debugger tells of programs, folded: what is held of whom, what is on its way, and what
//! each launch came to.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::reading::{Snapshot, level};
use crate::core::event::answer::{Answer, Outcome};
use crate::core::event::{Fate, HUNG_UP, Kind, SessionName, SubmissionId, TransactionStatus};
use crate::explorer::played::{Answered, Launched, Played};
use crate::run::guests::GuestNews;

/// What was sent in a launch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Which of the programs.
    pub session: usize,
    /// Which of its connections, among those of all.
    pub connection: usize,
    /// As it is shown, its parameters in their places.
    pub sql: Arc<str>,
    /// Without literals and parameters.
    pub shape: Arc<str>,
    /// What people call it.
    pub does: String,
    /// What the same program sent behind it that passed by itself.
    pub passed: Vec<Arc<str>>,
    /// Where its session stood before and after.
    pub before: TransactionStatus,
    pub after: TransactionStatus,
}

impl Sent {
    /// All texts that went to the server.
    pub fn texts(&self) -> impl Iterator<Item = &Arc<str>> {
        std::iter::once(&self.sql).chain(&self.passed)
    }
}

/// The programs of one order.
#[derive(Debug)]
pub(super) struct Places {
    /// Whose names: the actors, then whoever of theirs came beside another.
    pub(super) names: Vec<String>,
    actors: usize,
    all: Vec<Place>,
    /// How many steps each program has made.
    steps: Vec<usize>,
    /// How many statements have been held.
    count: usize,
    pub(super) launches: Vec<Launch>,
    /// Who could go on when it was looked last.
    pub(super) enabled: Vec<usize>,
    /// How seldom transactions look, as far as a statement has said it.
    pub(super) snapshot: Snapshot,
    /// Since when somebody waits.
    pub(super) waiting_since: Option<Instant>,
}

/// Where an actor's transactions are told.
#[derive(Debug, Default)]
struct Place {
    pid: Option<i32>,
    held: Option<Held>,
    /// Let go, and not told as sent.
    unsent: usize,
    submission: Option<SubmissionId>,
    answer: Answer,
    status: TransactionStatus,
    /// The launch that what is told belongs to.
    launch: Option<usize>,
}

/// A statement that is held.
#[derive(Debug, Default)]
struct Held {
    sql: Arc<str>,
    does: String,
    /// It was so many-th.
    nth: usize,
}

/// A launch as far as it has come.
#[derive(Debug)]
pub(super) struct Launch {
    sent: Sent,
    step: usize,
    enabled: Vec<usize>,
    outcomes: Vec<Outcome>,
    /// After which launch it was answered.
    answered: Option<usize>,
    lost: Option<String>,
}

impl Places {
    pub(super) fn new(names: Vec<String>, actors: usize) -> Self {
        let all = names.iter().map(|_| Place::default()).collect();
        let (launches, enabled) = (Vec::new(), Vec::new());
        let snapshot = Snapshot::default();
        let (steps, waiting_since) = (vec![0; actors], None);
        Self { names, actors, all, steps, count: 0, launches, enabled, snapshot, waiting_since }
    }

    /// Takes in all that has been told; whether there was anything.
    pub(super) fn drain(&mut self, news: &mut mpsc::Receiver<GuestNews>) -> bool {
        let mut any = false;
        while let Ok(news) = news.try_recv() {
            self.hear(news);
            any = true;
        }
        any
    }

    pub(super) fn hear(&mut self, news: GuestNews) {
        if let GuestNews::Happened(name, kind) = news
            && let Some(place) = self.place(&name)
        {
            self.happened(place, &kind);
        }
    }

    /// Where this is told. Whoever is none of the actors takes no part: what puts everything back.
    fn place(&mut self, name: &SessionName) -> Option<usize> {
        let known = self.names.iter().position(|known| known == name.as_str());
        if known.is_none() && actor(&self.names[..self.actors], name.as_str()).is_some() {
            self.names.push(name.to_string());
            self.all.push(Place::default());
            return Some(self.names.len() - 1);
        }
        known
    }

    fn happened(&mut self, at: usize, kind: &Kind) {
        let now = self.launches.len().saturating_sub(1);
        let place = &mut self.all[at];
        let mut launch = place.launch.and_then(|launch| self.launches.get_mut(launch));
        if let Some(outcome) = place.answer.apply(kind)
            && let Some(launch) = &mut launch
        {
            launch.outcomes.push(outcome);
        }
        match kind {
            Kind::Connected { pid } => place.pid = Some(pid.0),
            Kind::Held { sql, does, .. } => {
                let (sql, does) = (Arc::clone(sql), does.clone());
                place.held = Some(Held { sql, does, nth: self.count });
                self.count += 1;
            }
            Kind::LetGo { fate, .. } => {
                place.held = None;
                if *fate == Fate::Passed {
                    place.unsent += 1;
                }
            }
            Kind::Sent { submission, sql, .. } => {
                self.snapshot = self.snapshot.max(level(sql));
                if place.unsent == 0
                    && let Some(launch) = launch
                {
                    launch.sent.passed.push(Arc::clone(sql));
                }
                place.unsent = place.unsent.saturating_sub(1);
                place.submission = Some(*submission);
            }
            Kind::Ready { submission, status, .. } => {
                place.submission.take_if(|sent| sent == submission);
                place.status = *status;
                if let Some(launch) = launch {
                    launch.answered.get_or_insert(now);
                    launch.sent.after = *status;
                }
            }
            Kind::Lost { reason, .. } => {
                if let Some(launch) = launch {
                    // A program that has ended its connection got all that it wanted to know.
                    let was_cut = reason != HUNG_UP || launch.answered.is_none();
                    launch.lost = was_cut.then(|| reason.clone());
                    launch.answered.get_or_insert(now);
                    launch.sent.after = TransactionStatus::Idle;
                }
                *place = Place { launch: place.launch, ..Place::default() };
            }
            _ => {}
        }
    }

    /// Notes that what is held of a connection is let go.
    pub(super) fn launch(&mut self, connection: usize, shape: Arc<str>, enabled: Vec<usize>) {
        let at = self.launches.len();
        let session = self.owner(connection).unwrap_or_default();
        let place = &mut self.all[connection];
        let Held { sql, does, .. } = place.held.take().unwrap_or_default();
        let (before, passed) = (place.status, Vec::new());
        let sent = Sent { session, connection, sql, shape, does, passed, before, after: before };
        let (outcomes, answered, lost) = (Vec::new(), None, None);
        place.launch = Some(at);
        let step = self.steps[session];
        self.steps[session] += 1;
        self.launches.push(Launch { sent, step, enabled, outcomes, answered, lost });
    }

    /// Whose connection it is.
    fn owner(&self, connection: usize) -> Option<usize> {
        actor(&self.names[..self.actors], self.names.get(connection)?)
    }

    /// The programs of which a statement is held.
    pub(super) fn held(&self) -> Vec<usize> {
        (0..self.actors).filter(|session| self.next_of(*session).is_some()).collect()
    }

    /// The connection of a program whose statement goes next: of several, that which was held
    /// first.
    pub(super) fn next_of(&self, session: usize) -> Option<usize> {
        let own = (0..self.all.len()).filter(|at| self.owner(*at) == Some(session));
        let held = own.filter_map(|at| Some((self.all[at].held.as_ref()?.nth, at)));
        held.min().map(|(_, at)| at)
    }

    /// The backends that have not answered.
    pub(super) fn running(&self) -> Vec<i32> {
        self.all.iter().filter(|place| place.is_running()).filter_map(|place| place.pid).collect()
    }

    pub(super) fn pids(&self) -> BTreeSet<i32> {
        self.all.iter().filter_map(|place| place.pid).collect()
    }

    /// Whether one of the programs has nothing held and nothing on its way, and may come to more;
    /// or has ended in the middle of a transaction, and the server has not heard of it.
    pub(super) fn think(&self, alive: &[bool]) -> bool {
        let names = &self.names[..self.actors];
        alive.iter().enumerate().any(|(at, alive)| {
            let places = self.names.iter().zip(&self.all);
            let mut own = places.filter(|(name, _)| actor(names, name) == Some(at));
            if *alive {
                own.all(|(_, place)| place.held.is_none() && !place.is_running())
            } else {
                own.any(|(_, place)| place.status != TransactionStatus::Idle)
            }
        })
    }

    /// Whether one of the programs has not come to its first statement.
    pub(super) fn start(&self, alive: &[bool]) -> bool {
        let begins = |at: usize| self.steps[at] == 0 && self.next_of(at).is_none();
        alive.iter().enumerate().any(|(at, alive)| *alive && begins(at))
    }

    /// Who of the programs has not come to its end, and what it did last.
    pub(super) fn unfinished(&self, alive: &[bool]) -> (String, String) {
        let names = &self.names[..self.actors];
        let is_alive = |at: usize| alive.get(at).copied().unwrap_or_default();
        let mut theirs = self.launches.iter().rev().filter_map(|launch| {
            let owner = launch.sent.session;
            is_alive(owner).then(|| (names[owner].clone(), launch.does()))
        });
        let nobodys = || {
            let who = (0..self.actors).find(|at| is_alive(*at));
            let who = who.map(|at| names[at].clone()).unwrap_or_default();
            (who, "has sent nothing that could be a step".to_owned())
        };
        theirs.next().unwrap_or_else(nobodys)
    }

    pub(super) fn launched(&self) -> Vec<Launched> {
        self.launches.iter().map(Launch::launched).collect()
    }

    /// The order as it was played, and what was sent in it.
    pub(super) fn into_played(self) -> (Played, Vec<Sent>) {
        let launches: Vec<Launched> = self.launched();
        let waiting = launches.iter().filter(|launch| launch.answer.is_none());
        let waiting = waiting.map(|launch| launch.session).collect();
        let played = Played { launches, enabled: self.enabled, waiting, end: None };
        (played, self.launches.into_iter().map(|launch| launch.sent).collect())
    }
}

/// Whose place it is: `alice`, and `alice-2` too.
pub(super) fn actor(actors: &[String], place: &str) -> Option<usize> {
    let is_his = |actor: &String| {
        let number = place.strip_prefix(actor.as_str()).and_then(|rest| rest.strip_prefix('-'));
        number.is_some_and(|number| number.parse::<usize>().is_ok())
    };
    let own = actors.iter().position(|actor| actor == place);
    own.or_else(|| actors.iter().position(is_his))
}

impl Place {
    fn is_running(&self) -> bool {
        self.unsent > 0 || self.submission.is_some()
    }
}

impl Launch {
    fn does(&self) -> String {
        let does = &self.sent.does;
        if self.answered.is_some() { does.clone() } else { format!("{does} without an answer") }
    }

    fn launched(&self) -> Launched {
        let answer = self.answered.map(|after| Answered {
            outcomes: self.outcomes.clone(),
            status: self.sent.after,
            lost: self.lost.clone(),
            after,
        });
        let (session, step) = (self.sent.session, self.step);
        Launched { session, step, enabled: self.enabled.clone(), answer }
    }
}

#[cfg(test)]
mod tests;
