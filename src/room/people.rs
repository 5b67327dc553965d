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

use serde_json::json;

use super::board::{Acknowledged, Verdict, holder};
use super::booking::{Attempt, Next, Outcome, Seat};
use super::feed::{Part, Parts};
use super::name::{self, NameError};
use super::question::Question;
use super::token::Visitor;
use super::view::shown;
use crate::core::event::{Event, Kind, SessionName};
use crate::core::seats::{SeatColumns, WatchedRow, WatchedTable};
use crate::run::{Command, Report};
use crate::stage::Stage;
use crate::stage::room::{Board, Order, Overview, Present, Rules};
use crate::stage::words;

mod bucket;

use bucket::Bucket;

/// How many people there are at most.
const MOST: usize = 100;

/// The column that counts a row's changes, where a table has one.
const VERSION: &str = "version";

/// Everybody who has said a name.
#[derive(Debug, Default)]
pub(super) struct People {
    all: Vec<Person>,
    rules: Rules,
    told: Vec<Acknowledged>,
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
}

/// Whether there is a session of the person's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    Away,
    Coming,
    Here,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("there is somebody called {0} already")]
    Taken(String),
    #[error("the room is full: {MOST} people are in it")]
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
    #[error("nothing is asked now")]
    NotAsked,
    #[error("that is none of the answers")]
    NoAnswer,
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
        if others.chain(sessions).chain([&reserved]).any(|it| is_taken(it.as_str())) {
            return Err(Refusal::Taken(name));
        }
        if self.all.len() >= MOST {
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
        if person.attempt.is_some() {
            return Err(Refusal::Busy);
        }
        let engine = stage.course().engine().line().ok_or(Refusal::NoMap)?;
        if stage.watched().tables().tables.iter().all(|table| table.seats.is_none()) {
            return Err(Refusal::NoMap);
        }
        let seat = seat(stage, key).ok_or(Refusal::NoSeat)?;
        let attempt =
            Attempt::new(person.name.as_str(), seat, rules.strategy, engine.kind, rules.think());
        person.attempt = Some(attempt.map_err(|why| Refusal::Cannot(why.to_owned()))?);
        person.outcome = None;
        match person.session {
            Session::Here => {
                let begin = person.begin();
                self.commands.extend(begin);
            }
            Session::Coming => {}
            Session::Away => {
                person.session = Session::Coming;
                self.commands.push(Command::AddPerson(person.name.clone()));
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
            Order::Open | Order::Close => {}
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
            Report::Fresh(_) => self.begin_anew(),
            Report::Event(Event { session: Some(name), kind, .. }) => {
                if let (Kind::Sent { step: Some(_), .. }, Some(question)) =
                    (kind, &mut self.question)
                {
                    question.close();
                }
                self.happened(name, kind, now);
            }
            Report::Event(Event { session: None, kind: Kind::Quiet, .. }) => {
                self.told.iter_mut().for_each(|told| told.note_quiet(now));
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
        self.told.clear();
        self.longest = None;
        self.question = None;
    }

    fn happened(&mut self, name: &SessionName, kind: &Kind, now: Duration) {
        let Some(person) = self.all.iter_mut().find(|it| it.name == *name) else { return };
        // A session that nobody has asked for here is another's, which has come by that name since.
        if person.session == Session::Away {
            return;
        }
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
        let Some(next) = person.attempt.as_mut().and_then(|attempt| attempt.hear(kind)) else {
            return;
        };
        match next {
            Next::Send(sql) => {
                let session = person.name.clone();
                self.commands.push(Command::Submit { session, sql });
            }
            Next::Think(length) => person.thinks_until = Some(now + length),
            Next::Over(outcome) => {
                if let Some((key, who)) = person.end(outcome) {
                    self.told.push(Acknowledged { key, who, at: now, is_settled: false });
                }
            }
        }
    }

    /// The run has not done what was asked for somebody.
    fn refused(&mut self, name: &SessionName, why: &str) {
        let Some(person) = self.all.iter_mut().find(|it| it.name == *name) else { return };
        if person.session == Session::Coming {
            person.session = Session::Away;
        }
        person.end(Outcome::Broken(shown(why)));
    }

    /// When somebody has thought enough.
    pub(super) fn due(&self) -> Option<Duration> {
        self.all.iter().filter_map(|person| person.thinks_until).min()
    }

    /// It is that time now.
    pub(super) fn wake(&mut self, now: Duration) {
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

    /// Puts in what everybody sees of the people.
    pub(super) fn show(&self, stage: &Stage, parts: &mut Parts) {
        let mut put = |name: String, value: serde_json::Value| {
            parts.insert(name, Part::Value(value.to_string()));
        };
        let Rules { strategy, is_open, .. } = self.rules;
        let rules = json!({
            "open": is_open,
            "strategy": strategy.name(),
            "words": strategy.words(),
            "think": self.rules.think().as_secs(),
        });
        put("rules".to_owned(), rules);
        put("board".to_owned(), board_json(&self.board(stage)));
        put("question".to_owned(), self.question_json(stage));
        for person in &self.all {
            let (state, words) = person.stands(stage);
            let value = json!({
                "name": person.name.as_str(),
                "state": state,
                "words": words,
                "seat": person.seat(),
            });
            put(format!("person:{}", person.number), value);
        }
    }

    fn question_json(&self, stage: &Stage) -> serde_json::Value {
        let Some(question) = &self.question else { return json!({"seat": null}) };
        let tables = stage.watched().tables();
        let poll = question.poll(tables);
        let right = if poll.is_open { Vec::new() } else { question.right(tables) };
        json!({
            "number": self.asked,
            "seat": poll.seat,
            "open": poll.is_open,
            "bars": poll.bars,
            "outcome": poll.outcome,
            "right": right,
        })
    }

    /// What the console shows of the people.
    pub(super) fn overview(&self, stage: &Stage) -> Overview {
        Overview {
            rules: self.rules,
            people: self.present(stage),
            board: self.board(stage),
            poll: self.question.as_ref().map(|it| it.poll(stage.watched().tables())),
            ..Overview::default()
        }
    }

    /// Who is in it, and how they stand.
    fn present(&self, stage: &Stage) -> Vec<Present> {
        let present = |person: &Person| {
            let (state, words) = person.stands(stage);
            Present { name: person.name.as_str().to_owned(), state, words }
        };
        self.all.iter().map(present).collect()
    }

    /// How many have got what.
    pub(super) fn board(&self, stage: &Stage) -> Board {
        let verdict = Verdict::of(&self.told, stage.watched().tables());
        let count = |is_it: fn(&Person) -> bool| self.all.iter().filter(|it| is_it(it)).count();
        let longest = self.longest.as_ref();
        Board {
            people: self.all.len(),
            booked: count(|it| matches!(it.outcome, Some((_, Outcome::Booked)))),
            refused: count(|it| it.outcome.as_ref().is_some_and(|(_, it)| *it != Outcome::Booked)),
            waiting: count(|it| it.attempt.as_ref().is_some_and(|it| it.waits.is_some())),
            under_way: count(|it| it.attempt.is_some()),
            sold_twice: verdict.twice.len(),
            longest_wait: longest.map(|(who, waited)| format!("{who}, {}", words::wait(*waited))),
            verdict: verdict.words(),
        }
    }
}

fn board_json(board: &Board) -> serde_json::Value {
    json!({
        "people": board.people,
        "booked": board.booked,
        "refused": board.refused,
        "waiting": board.waiting,
        "underWay": board.under_way,
        "soldTwice": board.sold_twice,
        "longestWait": board.longest_wait,
        "verdict": board.verdict,
    })
}

impl Person {
    fn begin(&mut self) -> Option<Command> {
        let sql = self.attempt.as_mut()?.begin();
        Some(Command::Submit { session: self.name.clone(), sql })
    }

    /// The press is over; the seat and the person, if that was told to be theirs.
    fn end(&mut self, outcome: Outcome) -> Option<(String, String)> {
        self.thinks_until = None;
        let attempt = self.attempt.take()?;
        let key = attempt.seat.key;
        let told =
            (outcome == Outcome::Booked).then(|| (key.clone(), self.name.as_str().to_owned()));
        self.outcome = Some((key, outcome));
        told
    }

    /// The seat that it is about.
    fn seat(&self) -> Option<&str> {
        let under_way = self.attempt.as_ref().map(|attempt| attempt.seat.key.as_str());
        under_way.or(self.outcome.as_ref().map(|(key, _)| key.as_str()))
    }

    /// A word for how the person stands, and the words for it.
    fn stands(&self, stage: &Stage) -> (&'static str, String) {
        if let Some(attempt) = &self.attempt {
            let state = match (&attempt.waits, attempt.is_thinking()) {
                (Some(_), _) => "waits",
                (None, true) => "thinks",
                (None, false) => "works",
            };
            return (state, attempt.doing());
        }
        let Some((key, outcome)) = &self.outcome else { return ("idle", String::new()) };
        let other = holder(stage.watched().tables(), key).filter(|it| *it != self.name.as_str());
        match (outcome, other) {
            (Outcome::Booked, Some(other)) => {
                let other = shown(other);
                let words =
                    format!("you were told to have {key}; the database says {other} has it");
                ("overwritten", words)
            }
            _ => (outcome.name(), outcome.words(key)),
        }
    }
}

/// The seat with this key, where there is a map of seats with it.
fn seat(stage: &Stage, key: &str) -> Option<Seat> {
    stage.watched().tables().tables.iter().find_map(|table| {
        let columns = table.seats.as_ref()?;
        let place = table.places.iter().find(|place| place.committed && place.key == key)?;
        seat_of(table, columns, place)
    })
}

fn seat_of(table: &WatchedTable, columns: &SeatColumns, place: &WatchedRow) -> Option<Seat> {
    let value = |column: &str| {
        let at = table.columns.iter().position(|name| name == column)?;
        Some((column.to_owned(), place.values.get(at)?.clone()?))
    };
    let named = columns.compartment.iter().chain([&columns.row, &columns.number]);
    Some(Seat {
        key: place.key.clone(),
        table: table.name.clone(),
        place: named.map(|column| value(column)).collect::<Option<_>>()?,
        holder: columns.holder.clone(),
        version: table.columns.iter().find(|name| *name == VERSION).cloned(),
    })
}

#[cfg(test)]
mod tests;
