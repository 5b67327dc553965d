//! The people of the room: who is in it, what their presses have come to, what is asked of the run
//! for them.
//!
//! ```text
//!  name, press ──┐              ┌──▶ Command, Command: sessions that join, statements
//!  reports ──────┼──▶  People ──┼──▶ parts of what is shown
//!  time, orders ─┘              └──▶ a glance for the console
//! ```
//!
//! It waits for nothing and knows no clock: each call says what time it is.

use std::time::Duration;

use super::booking::{Attempt, Next, Outcome};
use super::name::{self, NameError};
use super::question::Question;
use super::sales::{GivenBack, Sale, Sales};
use super::token::Visitor;
use super::typed::TypedError;
use super::view::shown;
use crate::core::event::{Event, Kind, SessionName};
use crate::run::{Command, MOST_PEOPLE, Report};
use crate::stage::Stage;
use crate::stage::room::{Order, Rules};

mod bucket;
mod panes;
mod seat;
mod shown;

use bucket::Bucket;
use panes::OwnPane;
use seat::seat;

/// Everybody who has said a name.
#[derive(Debug, Default)]
pub(super) struct People {
    all: Vec<Person>,
    rules: Rules,
    sales: Sales,
    /// Who has waited longest, and for how long.
    longest: Option<(String, Duration)>,
    /// What was asked last, and how many questions there were.
    question: Option<Question>,
    asked: usize,
    commands: Vec<Command>,
}

#[derive(Debug)]
struct Person {
    visitor: Visitor,
    number: usize,
    name: SessionName,
    session: Session,
    attempt: Option<Attempt>,
    /// Until when it thinks.
    thinks_until: Option<Duration>,
    /// What came of the last press, and of which seat.
    outcome: Option<(String, Outcome)>,
    bucket: Bucket,
    pane: OwnPane,
}

/// Whether there is a session of the person's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    Away,
    Coming,
    Here,
    /// It was taken back, and is not closed yet.
    Going,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(
        "the name {0} is taken: somebody in the room, on the stage or on the map of seats has it"
    )]
    Taken(String),
    #[error("the room is full: {MOST_PEOPLE} people are in it, and no more can be")]
    Full,
    #[error("say your name first")]
    Nameless,
    #[error("booking is closed: wait for the teacher to open it")]
    Closed,
    #[error("not so fast")]
    TooFast,
    #[error("your last press is still under way")]
    Busy,
    #[error("there is no map of seats on the stage now")]
    NoMap,
    #[error("there is no such seat")]
    NoSeat,
    #[error("you have {0} already: one seat each")]
    HasSeat(String),
    #[error("nothing is asked now")]
    NotAsked,
    #[error("that is none of the answers")]
    NoAnswer,
    #[error("you have no pane: the teacher gives them")]
    NoPane,
    #[error("you have a pane: type your UPDATE there")]
    HasPane,
    #[error("your last statement is still under way")]
    StillRuns,
    #[error("your session is not connected yet")]
    NotConnected,
    #[error("not sent: {0}")]
    Typed(TypedError),
    #[error("{0}")]
    Cannot(String),
}

impl People {
    /// Somebody is called so from now on; their number.
    pub(super) fn call(
        &mut self,
        visitor: Visitor,
        text: &str,
        stage: &Stage,
    ) -> Result<usize, Refusal> {
        let name = name::name(text)?;
        let is_taken = |other: &str| other.to_lowercase() == name.to_lowercase();
        if let Some(person) = self.of(visitor) {
            if person.name.as_str() == name {
                return Ok(person.number);
            }
            return Err(Refusal::Cannot(format!("you are {} already", person.name)));
        }
        let reserved = SessionName::pause();
        let others = self.all.iter().map(|it| &it.name);
        let sessions = stage.panes().iter().map(|pane| &pane.name);
        let is_called = others.chain(sessions).chain([&reserved]).any(|it| is_taken(it.as_str()));
        // Where a name may stand at one seat only, whoever is called so could book none.
        if is_called || seat::holders(stage).any(is_taken) {
            return Err(Refusal::Taken(name));
        }
        if self.all.len() >= MOST_PEOPLE {
            return Err(Refusal::Full);
        }
        let number = self.all.len() + 1;
        self.all.push(Person {
            visitor,
            number,
            name: SessionName::new(&name),
            session: Session::Away,
            attempt: None,
            thinks_until: None,
            outcome: None,
            bucket: Bucket::default(),
            pane: OwnPane::default(),
        });
        Ok(number)
    }

    fn of(&self, visitor: Visitor) -> Option<&Person> {
        self.all.iter().find(|it| it.visitor == visitor)
    }

    /// The number and the name of a visitor who has said one.
    pub(super) fn who(&self, visitor: Visitor) -> Option<(usize, String)> {
        self.of(visitor).map(|it| (it.number, it.name.as_str().to_owned()))
    }

    /// Somebody presses a seat.
    pub(super) fn press(
        &mut self,
        visitor: Visitor,
        key: &str,
        stage: &Stage,
        now: Duration,
    ) -> Result<(), Refusal> {
        let rules = self.rules;
        let person = self.all.iter_mut().find(|it| it.visitor == visitor);
        let person = person.ok_or(Refusal::Nameless)?;
        if !person.bucket.takes(now) {
            return Err(Refusal::TooFast);
        }
        if !rules.is_open {
            return Err(Refusal::Closed);
        }
        if person.pane.is_given {
            return Err(Refusal::HasPane);
        }
        if person.attempt.is_some() {
            return Err(Refusal::Busy);
        }
        let engine = stage.course().engine().line().ok_or(Refusal::NoMap)?;
        if stage.watched().tables().tables.iter().all(|table| table.seats.is_none()) {
            return Err(Refusal::NoMap);
        }
        let seat = seat(stage, key).ok_or(Refusal::NoSeat)?;
        let booked = person.outcome.as_ref().filter(|(_, outcome)| *outcome == Outcome::Booked);
        if let Some((own, _)) = booked {
            return Err(Refusal::HasSeat(own.clone()));
        }
        let attempt =
            Attempt::new(person.name.as_str(), seat, rules.strategy, engine.kind, rules.think());
        person.attempt = Some(attempt.map_err(|why| Refusal::Cannot(why.to_owned()))?);
        person.outcome = None;
        match person.session {
            Session::Here => {
                let begin = person.begin();
                self.commands.extend(begin);
            }
            Session::Away | Session::Coming | Session::Going => {
                let come = person.come();
                self.commands.extend(come);
            }
        }
        Ok(())
    }

    /// The console wants it so from now on.
    pub(super) fn obey(&mut self, order: &Order, stage: &Stage) {
        match order {
            Order::Strategy => self.rules.strategy = self.rules.strategy.next(),
            Order::Think => self.rules.lengthen(),
            Order::Booking => self.rules.is_open = !self.rules.is_open,
            Order::Ask => self.ask(stage),
            Order::Pane(name) => self.give_or_take_pane(name, stage),
            Order::Open | Order::Close | Order::OfferRemote | Order::WithdrawRemote => {}
        }
    }

    /// Asks who will have a seat; what is asked already is answered no more.
    fn ask(&mut self, stage: &Stage) {
        match &mut self.question {
            Some(question) if question.is_open() => question.close(),
            _ => {
                self.question = Question::about(stage);
                self.asked += 1;
            }
        }
    }

    /// Somebody answers.
    pub(super) fn answer(
        &mut self,
        visitor: Visitor,
        number: Option<usize>,
        option: &str,
        now: Duration,
    ) -> Result<(), Refusal> {
        let person = self.all.iter_mut().find(|it| it.visitor == visitor);
        let person = person.ok_or(Refusal::Nameless)?;
        if !person.bucket.takes(now) {
            return Err(Refusal::TooFast);
        }
        // A page that was slow answers a question that is asked no more.
        let is_asked = number.is_none_or(|number| number == self.asked);
        let question = self.question.as_mut().filter(|question| is_asked && question.is_open());
        let question = question.ok_or(Refusal::NotAsked)?;
        if question.answer(person.number, option) { Ok(()) } else { Err(Refusal::NoAnswer) }
    }

    /// Takes in what the run tells.
    pub(super) fn hear(&mut self, report: &Report, now: Duration) {
        match report {
            Report::Fresh(fresh) => {
                self.begin_anew();
                self.give_panes_anew(fresh.engine.kind);
            }
            Report::Event(Event { session: Some(name), kind, at }) => {
                if let (Kind::Sent { step: Some(_), .. }, Some(question)) =
                    (kind, &mut self.question)
                {
                    question.close();
                }
                self.happened(name, kind, *at, now);
            }
            Report::Event(Event { kind: Kind::WatchedTables(tables), at, .. }) => {
                let given_back = self.sales.look(tables, *at);
                self.note_given_back(&given_back);
            }
            Report::Refused { session: Some(name), why } => self.refused(name, why),
            _ => {}
        }
    }

    /// All sessions are gone, and with them what they were doing.
    fn begin_anew(&mut self) {
        for person in &mut self.all {
            person.session = Session::Away;
            person.attempt = None;
            person.thinks_until = None;
            person.outcome = None;
        }
        self.sales = Sales::default();
        self.longest = None;
        self.question = None;
    }

    /// These have given back what they had booked.
    fn note_given_back(&mut self, given_back: &[GivenBack]) {
        for (who, key) in given_back {
            let booked = self.all.iter_mut().find(|it| it.name.as_str() == who);
            let booked = booked.and_then(|it| it.outcome.as_mut());
            if let Some((_, outcome)) =
                booked.filter(|(seat, it)| seat == key && *it == Outcome::Booked)
            {
                *outcome = Outcome::GivenBack;
            }
        }
    }

    /// Something has happened in a session at this moment, of which is heard now.
    fn happened(&mut self, name: &SessionName, kind: &Kind, at: Duration, now: Duration) {
        let Some(person) = self.all.iter_mut().find(|it| it.name == *name) else { return };
        // A session that nobody has asked for here is another's, which has come by that name since.
        if person.session == Session::Away {
            return;
        }
        if person.session == Session::Going {
            if matches!(kind, Kind::Closed | Kind::Lost { .. }) {
                let again = person.is_gone();
                self.commands.extend(again);
            }
            return;
        }
        person.pane.hear(kind);
        match kind {
            Kind::Connected { .. } => {
                let is_new = person.session != Session::Here;
                person.session = Session::Here;
                if is_new && person.attempt.is_some() {
                    let begin = person.begin();
                    self.commands.extend(begin);
                }
                return;
            }
            // The next press opens it again.
            Kind::Closed => person.session = Session::Away,
            Kind::Lost { .. } if person.session == Session::Coming => {
                person.session = Session::Away;
            }
            Kind::Resumed { waited } => {
                let is_longest = self.longest.as_ref().is_none_or(|(_, most)| most < waited);
                if is_longest {
                    self.longest = Some((person.name.as_str().to_owned(), *waited));
                }
            }
            _ => {}
        }
        let Some(next) = person.attempt.as_mut().and_then(|attempt| attempt.hear(kind, at)) else {
            return;
        };
        match next {
            Next::Send(sql) => {
                let session = person.name.clone();
                self.commands.push(Command::Submit { session, sql });
            }
            Next::Think(length) => person.thinks_until = Some(now + length),
            Next::Over(outcome) => {
                if let Some(sale) = person.end(outcome, at) {
                    let given_back = self.sales.sell(sale, now);
                    self.note_given_back(&given_back);
                }
            }
        }
    }

    /// The run has not done what was asked for somebody.
    fn refused(&mut self, name: &SessionName, why: &str) {
        let Some(person) = self.all.iter_mut().find(|it| it.name == *name) else { return };
        if matches!(person.session, Session::Coming | Session::Going) {
            person.session = Session::Away;
        }
        if person.pane.is_given && person.attempt.is_none() {
            person.pane.note_refused(&shown(why), person.session == Session::Here);
            return;
        }
        person.end(Outcome::Broken(shown(why)), Duration::ZERO);
    }

    /// When somebody has thought enough, or the tables are known to show what somebody was told.
    pub(super) fn due(&self) -> Option<Duration> {
        let thought = self.all.iter().filter_map(|person| person.thinks_until);
        thought.chain(self.sales.due()).min()
    }

    /// It is that time now.
    pub(super) fn wake(&mut self, now: Duration) {
        self.sales.wake(now);
        let is_due = |it: &&mut Person| it.thinks_until.is_some_and(|until| until <= now);
        for person in self.all.iter_mut().filter(is_due) {
            person.thinks_until = None;
            if let Some(attempt) = person.attempt.as_mut().filter(|it| it.is_thinking()) {
                let (session, sql) = (person.name.clone(), attempt.thought());
                self.commands.push(Command::Submit { session, sql });
            }
        }
    }

    /// Everybody's session is closed: the room is.
    pub(super) fn leave(&mut self) {
        let here = self.all.iter().filter(|it| it.session != Session::Away);
        let close: Vec<_> = here.map(|it| Command::Close(it.name.clone())).collect();
        self.commands.extend(close);
    }

    /// What is asked of the run.
    pub(super) fn take_commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }
}

impl Person {
    fn begin(&mut self) -> Option<Command> {
        let sql = self.attempt.as_mut()?.begin();
        Some(Command::Submit { session: self.name.clone(), sql })
    }

    /// The press is over at this moment; what was sold, if anything was.
    fn end(&mut self, outcome: Outcome, at: Duration) -> Option<Sale> {
        self.thinks_until = None;
        let Attempt { seat, free_at, .. } = self.attempt.take()?;
        let (key, who) = (seat.key, self.name.as_str().to_owned());
        let is_sold = outcome == Outcome::Booked;
        self.outcome = Some((key.clone(), outcome));
        is_sold.then_some(Sale { key, who, at, free_at })
    }

    /// The seat that it is about.
    fn seat(&self) -> Option<&str> {
        let under_way = self.attempt.as_ref().map(|attempt| attempt.seat.key.as_str());
        under_way.or(self.outcome.as_ref().map(|(key, _)| key.as_str()))
    }
}

#[cfg(test)]
mod tests;
