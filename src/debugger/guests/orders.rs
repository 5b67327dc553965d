//! What a key, a plan or the control socket wants done with what is held.

use std::time::Instant;

use super::{CutAfter, Guests, Held, HeldId, InFlight, Output};
use crate::core::event::{Fate, Kind, SessionName, SqlState, TransactionStatus};
use crate::core::syntax::Verb;
use crate::debugger::breakpoints::{Breakpoint, HoldMode};
use crate::debugger::statement::Statement;
use crate::gateway::{CONFLICT, ClientId, Verdict};

/// Something to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Let the statement go that is held there.
    LetGo(SessionName),
    /// Let these go, one after the other in this order; none of them where one of them is not held.
    LetTheseGo(Vec<SessionName>),
    /// Let all go that is held, one after the other.
    LetAllGo,
    /// Let all go at the same instant, inside the table with the gate.
    LetGoTogether,
    /// Let all go, and hold only what meets a breakpoint from now on.
    Run,
    /// Answer in the server's place; the statement does not go there, or its answer does not come
    /// back.
    Answer(SessionName, Answer),
    /// What is held from now on.
    Hold(HoldMode),
    /// These breakpoints from now on, in the place of those before.
    Break(Vec<Breakpoint>),
}

/// What a client is told in the place of its statement's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 57014, as a cancellation would.
    Cancelled,
    /// 40001, as PostgreSQL's snapshot isolation would.
    SerializationFailure,
    /// 40P01.
    Deadlock,
    /// OC000, as Aurora DSQL would.
    Conflict,
    /// 55P03.
    LockNotAvailable,
    /// Nothing: the connection ends, and the statement has not gone to the server.
    Cut,
    /// Nothing: the statement goes to the server, and the connection ends before its answer.
    CutAfter,
}

/// Why an order cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("nothing of {0} is held")]
    NotHeld(SessionName),
    #[error("nothing is held")]
    NothingHeld,
    #[error("no table has a gate; start with --gate TABLE")]
    NoGate,
}

impl Answer {
    /// All of them, as a menu shows them.
    pub const ALL: [Self; 7] = [
        Self::Cancelled,
        Self::SerializationFailure,
        Self::Deadlock,
        Self::Conflict,
        Self::LockNotAvailable,
        Self::Cut,
        Self::CutAfter,
    ];

    /// What it is called where somebody writes it: `40001`, `cut-after`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "57014",
            Self::SerializationFailure => "40001",
            Self::Deadlock => "40P01",
            Self::Conflict => "OC000",
            Self::LockNotAvailable => "55P03",
            Self::Cut => "cut",
            Self::CutAfter => "cut-after",
        }
    }

    /// The answer of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.name().eq_ignore_ascii_case(name))
    }

    /// What it is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Cancelled => "canceling statement due to user request",
            Self::SerializationFailure => "could not serialize access due to concurrent update",
            Self::Deadlock => "deadlock detected",
            Self::Conflict => CONFLICT,
            Self::LockNotAvailable => "canceling statement due to lock timeout",
            Self::Cut => "cut the connection before the statement goes to the server",
            Self::CutAfter => "cut the connection after the statement, before its answer",
        }
    }

    pub(in crate::debugger) fn verdict(self) -> Verdict {
        let code = match self {
            Self::Cut => return Verdict::Cut,
            Self::CutAfter => return Verdict::CutAfter,
            Self::Conflict => Self::SerializationFailure.name(),
            other => other.name(),
        };
        Verdict::Refuse { code: code.to_owned(), message: self.words().to_owned() }
    }
}

impl Guests {
    /// Does what is wanted, or says why not.
    pub fn obey(&mut self, order: Order, now: Instant) -> Result<(), OrderError> {
        match order {
            Order::LetGo(place) => {
                let held = self.held_in(&place).ok_or(OrderError::NotHeld(place))?;
                self.record(&[held]);
                self.let_go(held, Verdict::Pass, now);
            }
            Order::LetTheseGo(places) => self.let_these_go(&places, now)?,
            Order::LetAllGo if self.held.is_empty() => return Err(OrderError::NothingHeld),
            Order::LetAllGo => self.let_all_go(now),
            Order::Run => {
                self.rules.mode = HoldMode::Breakpoints;
                self.let_all_go(now);
            }
            Order::Answer(place, answer) => {
                let held = self.held_in(&place).ok_or(OrderError::NotHeld(place))?;
                self.record_answer(held, answer);
                self.let_go(held, answer.verdict(), now);
            }
            // Whoever holds the debugger opens the gate for it.
            Order::LetGoTogether => {
                let all: Vec<HeldId> = self.held.keys().copied().collect();
                self.let_go_at_once(&all, now);
            }
            Order::Hold(mode) => self.rules.mode = mode,
            Order::Break(breakpoints) => self.rules.breakpoints = breakpoints,
        }
        Ok(())
    }

    /// Tells everybody whose statement is held.
    pub fn tell_all_held(&mut self, words: &str) {
        let places: Vec<_> = self.held.values().map(|held| held.place.clone()).collect();
        for place in places {
            self.tell(&place, Kind::Note(words.to_owned()));
        }
    }

    /// Tells those who have met inside that they have.
    pub fn tell_met(&mut self, names: &[&str]) {
        for name in names {
            let others: Vec<&str> = names.iter().filter(|it| *it != name).copied().collect();
            let words = match &others[..] {
                [] => "nobody else came to the gate".to_owned(),
                others => format!("met {} inside the statement", others.join(", ")),
            };
            self.tell(&SessionName::new(name), Kind::Note(words));
        }
    }

    /// Lets these go at the same instant, those that are still held.
    pub fn let_go_at_once(&mut self, held: &[HeldId], now: Instant) {
        self.record(held);
        for id in held {
            self.let_go(*id, Verdict::Pass, now);
        }
    }

    fn let_these_go(&mut self, places: &[SessionName], now: Instant) -> Result<(), OrderError> {
        let held = places
            .iter()
            .map(|place| self.held_in(place).ok_or_else(|| OrderError::NotHeld(place.clone())));
        let held = held.collect::<Result<Vec<_>, _>>()?;
        self.let_go_in_turn(held, now);
        Ok(())
    }

    fn let_all_go(&mut self, now: Instant) {
        let all: Vec<HeldId> = self.held.keys().copied().collect();
        self.let_go_in_turn(all, now);
    }

    /// Behind this statement its connection is cut.
    fn note_last(&mut self, client: ClientId, statement: &Statement) {
        let Some(guest) = self.clients.get_mut(&client) else { return };
        let verb = statement.parts.last().map(|part| part.verb);
        let commits = match guest.status {
            TransactionStatus::Idle => verb != Some(Verb::Begin),
            TransactionStatus::InTransaction => verb == Some(Verb::Commit),
            TransactionStatus::Failed => false,
        };
        guest.cut_after = Some(CutAfter { commits, outcome: None });
    }

    /// The one that is held there.
    pub(super) fn held_in(&self, place: &SessionName) -> Option<HeldId> {
        self.held.iter().find(|(_, held)| &held.place == place).map(|(id, _)| *id)
    }

    pub(super) fn let_go(&mut self, id: HeldId, verdict: Verdict, now: Instant) {
        self.let_go_by(None, id, verdict, now);
    }

    /// The same, where a rule wants it so.
    pub(super) fn let_go_by(
        &mut self,
        rule: Option<&str>,
        id: HeldId,
        verdict: Verdict,
        now: Instant,
    ) {
        let refused = |code: &str| {
            let code = SqlState(code.to_owned());
            match rule {
                Some(rule) => Fate::RefusedByRule { code, rule: rule.to_owned() },
                None => Fate::Refused(code),
            }
        };
        let Some(held) = self.held.remove(&id) else { return };
        let Held { client, place, sql, since, is_query, statement, .. } = held;
        let fate = match &verdict {
            Verdict::Pass => Fate::Passed,
            Verdict::Refuse { message, .. } if message == CONFLICT => {
                refused(Answer::Conflict.name())
            }
            Verdict::Refuse { code, .. } => refused(code),
            Verdict::Cut => Fate::Cut,
            Verdict::CutAfter => Fate::CutAfter,
        };
        let held = now.saturating_duration_since(since);
        self.tell(&place, Kind::LetGo { held, fate });
        let is_last = verdict == Verdict::CutAfter;
        let goes = matches!(verdict, Verdict::Pass | Verdict::CutAfter);
        self.outputs.push(Output::LetGo(id, verdict));
        if goes {
            if is_last {
                self.note_last(client, &statement);
            }
            self.note_sent(client, &statement, now);
            self.send(client, InFlight::new(&sql, is_query), now);
        }
    }
}
