//! A statement has arrived: it passes by itself, goes on, or is held.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::overview::one_line;
use super::{Answer, Course, Dropped, Guests, Held, HeldId, InFlight, Output, PassedStatement};
use crate::core::event::{Kind, SessionName, TransactionStatus};
use crate::core::syntax::Strings;
use crate::debugger::breakpoints::{Decision, decide};
use crate::debugger::noise::noise;
use crate::debugger::signals::{Signal, signals};
use crate::debugger::statement::Statement;
use crate::gateway::{ClientId, Verdict};
use crate::run::guests::GuestNews;

/// How many of the tables that are touched are shown.
const MOST_SHOWN: usize = 12;

/// How many statements that passed by themselves are told with the transaction that follows them.
const TOLD: usize = 5;

/// How many of all are remembered.
const MOST_PASSED: usize = 200;

/// A statement that a client has sent.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub client: ClientId,
    /// As the client wrote it.
    pub sql: Arc<str>,
    /// With the parameters in their places.
    pub shown: Arc<str>,
    /// Whether it came as a Query message, perhaps with others.
    pub is_query: bool,
    /// What the server would say before it.
    pub status: TransactionStatus,
    /// How its session reads strings.
    pub strings: Strings,
    /// What the client calls itself now, perhaps nothing.
    pub application: Arc<str>,
}

impl Guests {
    /// Takes in a statement; the number under which it is held, if it is.
    pub fn arrived(&mut self, arrival: &Arrival, now: Instant) -> Option<HeldId> {
        let client = arrival.client;
        self.settle_dropped(client, Dropped::Cancelled, now);
        let Arrival { sql, shown, strings, .. } = arrival;
        let statement = Statement::with_parameters(sql, shown, *strings);
        let guest = self.clients.get_mut(&client)?;
        guest.status = arrival.status;
        guest.identity.calls_itself(&arrival.application);
        guest.identity.hear(&arrival.shown, arrival.strings, arrival.status);
        guest.history.status = arrival.status;
        guest.history.actor = guest.identity.actor(&mut self.names).name;
        self.heard_of.insert(guest.history.actor.clone());
        let history = &self.clients.get(&client)?.history;
        let outcome = self.refusals.arrives(client, history, &statement);
        if let Some((rule, verdict)) = outcome.refused {
            return self.refuse_now(arrival, statement, (&rule, verdict), outcome.is_retry, now);
        }
        let why = match self.planned(client, &statement) {
            Some(planned) => planned,
            None => match decide(&self.rules, &self.clients.get(&client)?.history, &statement) {
                Decision::Hold { why } => Some(why),
                Decision::Pass(_) => None,
            },
        };
        if why.is_none() && noise(&statement, arrival.status).is_some() {
            self.note_sent(client, &statement, now);
            self.pass_noise(arrival);
            return None;
        }
        self.end_answered(client, TransactionStatus::InTransaction, now);
        let place = self.place_of(client)?;
        self.tell_retry(outcome.is_retry, &place, &statement);
        self.tell_tables(&statement);
        let Some(why) = why else {
            self.note_sent(client, &statement, now);
            self.send(client, InFlight::new(&arrival.shown, arrival.is_query), now);
            return None;
        };
        Some(self.hold(arrival, statement, place, &why, now))
    }

    /// Answers in the server's place at once, as a rule wants it.
    fn refuse_now(
        &mut self,
        arrival: &Arrival,
        statement: Statement,
        (rule, verdict): (&str, Verdict),
        is_retry: bool,
        now: Instant,
    ) -> Option<HeldId> {
        self.end_answered(arrival.client, TransactionStatus::InTransaction, now);
        let place = self.place_of(arrival.client)?;
        self.tell_retry(is_retry, &place, &statement);
        let held = self.hold(arrival, statement, place, rule, now);
        self.let_go_by(Some(rule), held, verdict, now);
        Some(held)
    }

    /// Of what a rule has refused it is told when the program tries that again.
    fn tell_retry(&mut self, is_retry: bool, place: &SessionName, statement: &Statement) {
        if is_retry {
            let words = format!("retried after a refusal: {}", statement.summary());
            self.tell(place, Kind::Note(words));
        }
    }

    fn hold(
        &mut self,
        arrival: &Arrival,
        statement: Statement,
        place: SessionName,
        why: &str,
        now: Instant,
    ) -> HeldId {
        let actor = self.clients.get(&arrival.client).map(|guest| guest.history.actor.clone());
        self.holds += 1;
        let held = HeldId(self.holds);
        let does = statement.summary();
        let patience = actor.as_ref().and_then(|actor| self.patience.get(actor)).copied();
        let kind = Kind::Held {
            sql: Arc::clone(&arrival.shown),
            does: does.clone(),
            why: why.to_owned(),
            patience,
        };
        self.tell(&place, kind);
        self.held.insert(
            held,
            Held {
                client: arrival.client,
                place,
                actor: actor.unwrap_or_default(),
                sql: Arc::clone(&arrival.shown),
                shape: statement.shape.as_str().into(),
                tables: tables_of(&statement),
                summary: does,
                statement,
                why: why.to_owned(),
                since: now,
                is_query: arrival.is_query,
            },
        );
        held
    }

    /// Does to those who are held what the statement would do to them if they ran.
    fn obey_signals(&mut self, statement: &Statement, now: Instant) {
        for signal in signals(statement) {
            let (pid, verdict) = match signal {
                Signal::Cancel(pid) => (pid, Answer::Cancelled.verdict()),
                Signal::Terminate(pid) => (pid, Verdict::Cut),
            };
            let is_it =
                |held: &Held| self.clients.get(&held.client).is_some_and(|it| it.client.pid == pid);
            let held = self.held.iter().find(|(_, held)| is_it(held)).map(|(id, _)| *id);
            if let Some(held) = held {
                self.let_go(held, verdict, now);
            }
        }
    }

    /// What goes to the server is a part of its transaction from now on.
    pub(super) fn note_sent(&mut self, client: ClientId, statement: &Statement, now: Instant) {
        let Some(guest) = self.clients.get_mut(&client) else { return };
        guest.history.let_go(statement);
        // In a failed block the server does nothing of it.
        if guest.status != TransactionStatus::Failed {
            self.obey_signals(statement, now);
        }
    }

    /// Where nobody has said which tables to show, those are shown that are touched.
    fn tell_tables(&mut self, statement: &Statement) {
        if !self.rules.watched.is_empty() {
            return;
        }
        let tables = statement.parts.iter().flat_map(|part| part.tables.all());
        for table in tables.filter(|table| !table.is_catalog()) {
            if self.shown.len() < MOST_SHOWN && self.shown.insert(table.to_string()) {
                self.outputs.push(Output::News(GuestNews::Touches(table.to_string())));
            }
        }
    }

    fn pass_noise(&mut self, arrival: &Arrival) {
        self.noise += 1;
        let Some(guest) = self.clients.get_mut(&arrival.client) else { return };
        let passed = PassedStatement::new(&guest.history.actor, &arrival.shown);
        remember(&mut self.passed, passed, MOST_PASSED);
        let sent = InFlight::new(&arrival.shown, arrival.is_query);
        guest.in_flight.push_back(InFlight { progress: Course::Silent, ..sent });
        match guest.place.clone() {
            Some(place) => self.tell(&place, Kind::Note(note_of(&[&arrival.shown]))),
            None if !arrival.sql.trim().is_empty() => {
                remember(&mut guest.passed, Arc::clone(&arrival.shown), TOLD);
            }
            None => {}
        }
    }

    /// Where the client's transaction is told; it begins with this statement if none is in flight.
    fn place_of(&mut self, client: ClientId) -> Option<SessionName> {
        let guest = self.clients.get_mut(&client)?;
        if let Some(place) = &guest.place {
            return Some(place.clone());
        }
        let pid = guest.client.pid;
        let taken = self.places.take(&guest.history.actor, pid);
        guest.place = Some(taken.name.clone());
        let noise: Vec<_> = guest.passed.drain(..).collect();
        if let Some(parted) = taken.parted {
            self.outputs.push(Output::News(GuestNews::Parted(parted)));
        }
        if taken.is_shown && taken.is_new {
            self.outputs.push(Output::News(GuestNews::Joined(taken.name.clone())));
        }
        if taken.is_other_backend {
            self.tell(&taken.name, Kind::Connected { pid });
        }
        if !noise.is_empty() {
            let noise: Vec<&str> = noise.iter().map(|sql| &**sql).collect();
            self.tell(&taken.name, Kind::Note(note_of(&noise)));
        }
        Some(taken.name)
    }

    /// It goes to the server.
    pub(super) fn send(&mut self, client: ClientId, statement: InFlight, now: Instant) {
        let Some(guest) = self.clients.get_mut(&client) else { return };
        guest.in_flight.push_back(statement);
        self.tell_next(client, now);
    }
}

/// The tables that a statement names, each once.
fn tables_of(statement: &Statement) -> Arc<[String]> {
    let tables = statement.parts.iter().flat_map(|part| part.tables.all());
    tables.map(ToString::to_string).collect::<BTreeSet<_>>().into_iter().collect()
}

fn note_of(statements: &[&str]) -> String {
    let shown: Vec<String> = statements.iter().map(|sql| one_line(sql, 60)).collect();
    format!("passed by itself: {}", shown.join("; "))
}

/// Forgets the oldest where there are more than so many.
fn remember<T>(all: &mut VecDeque<T>, newest: T, most: usize) {
    all.push_back(newest);
    if all.len() > most {
        all.pop_front();
    }
}
