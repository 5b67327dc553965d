//! Everything as it stands, for whoever asks: the control socket, a plan, a test.

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{Course, Guest, Guests, Held, HeldId};
use crate::core::event::{TransactionStatus, Wait};
use crate::gateway::ClientId;

/// Everything as it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// `watch`, `breakpoints` or `everything`.
    pub mode: String,
    /// As they are written; where there is none, what touches a watched table is held.
    pub breakpoints: Vec<String>,
    /// Where programs can connect; nowhere yet while it is empty.
    pub listening: Vec<String>,
    /// How many clients are connected.
    pub connections: usize,
    /// How many statements have passed by themselves.
    pub passed_by_themselves: u64,
    /// The transactions in flight, by name.
    pub transactions: Vec<TransactionState>,
    /// Whose transactions are over, by name.
    pub ended: Vec<EndedState>,
}

/// A transaction in flight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransactionState {
    /// Its name: `alice`, `alice-2`.
    pub name: String,
    /// The backend that works for it.
    pub pid: i32,
    pub status: TransactionStatus,
    /// What is held of it.
    pub held: Option<HeldState>,
    /// What the server is working on, or has not answered.
    pub running: Option<Arc<str>>,
    /// For whom that waits, if it is seen to wait.
    pub waits: Option<WaitState>,
}

/// A statement that is held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldState {
    /// With the parameters in their places.
    pub sql: Arc<str>,
    /// Without literals and parameters.
    pub shape: Arc<str>,
    /// The tables that it names.
    pub tables: Arc<[String]>,
    /// What people call it: `updates A-4`.
    pub summary: String,
    /// Which breakpoint it has met.
    pub why: String,
    /// Since when, in milliseconds.
    pub milliseconds: u64,
    #[serde(skip, default = "nobody")]
    pub client: ClientId,
    #[serde(skip)]
    pub id: HeldId,
}

/// A statement's wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaitState {
    /// Who is in the way.
    #[serde(rename = "for")]
    pub blockers: Vec<String>,
    /// What is waited for: `row A-4 of seats`.
    pub what: String,
}

/// Whose last transaction is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedState {
    pub name: String,
    /// Whether its connection is closed.
    pub gone: bool,
}

fn nobody() -> ClientId {
    ClientId(0)
}

impl Guests {
    /// Everything as it stands.
    pub fn state(&self, now: Instant) -> State {
        let guests = self.clients.iter();
        let in_flight = guests.filter_map(|(id, guest)| self.transaction(*id, guest, now));
        let mut transactions: Vec<_> = in_flight.collect();
        transactions.sort_by(|one, other| one.name.cmp(&other.name));
        let ended = self.places.ended();
        let ended = ended.map(|(name, gone)| EndedState { name: name.to_string(), gone });
        let mut ended: Vec<_> = ended.collect();
        ended.sort_by(|one, other| one.name.cmp(&other.name));
        State {
            mode: self.rules.mode.to_string(),
            breakpoints: self.rules.breakpoints.iter().map(ToString::to_string).collect(),
            listening: self.listening.iter().map(ToString::to_string).collect(),
            connections: self.clients.len(),
            passed_by_themselves: self.noise,
            transactions,
            ended,
        }
    }

    fn transaction(&self, id: ClientId, guest: &Guest, now: Instant) -> Option<TransactionState> {
        let place = guest.place.as_ref()?;
        let held = self.held_in(place).and_then(|held| Some((held, self.held.get(&held)?)));
        let running = guest.in_flight.iter();
        let mut running = running.filter(|it| !matches!(it.progress, Course::Answered(..)));
        let waits = running.clone().find_map(|it| it.wait.as_ref());
        Some(TransactionState {
            name: place.to_string(),
            pid: guest.client.pid.0,
            status: guest.status,
            held: held.map(|(held_id, held)| HeldState::of(held, (held_id, id), now)),
            running: running.next_back().map(|it| Arc::clone(&it.sql)),
            waits: waits.map(WaitState::from),
        })
    }
}

impl HeldState {
    fn of(held: &Held, (id, client): (HeldId, ClientId), now: Instant) -> Self {
        Self {
            sql: Arc::clone(&held.sql),
            shape: Arc::clone(&held.shape),
            tables: Arc::clone(&held.tables),
            summary: held.summary.clone(),
            why: held.why.clone(),
            milliseconds: milliseconds(now, held.since),
            client,
            id,
        }
    }
}

impl From<&Wait> for WaitState {
    fn from(wait: &Wait) -> Self {
        Self {
            blockers: wait.blockers.iter().map(ToString::to_string).collect(),
            what: wait.target.to_string(),
        }
    }
}

fn milliseconds(now: Instant, since: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(since).as_millis()).unwrap_or(u64::MAX)
}

impl State {
    /// The transaction of that name.
    pub fn of(&self, name: &str) -> Option<&TransactionState> {
        self.transactions.iter().find(|transaction| transaction.name == name)
    }

    /// Whether somebody's transaction is open and nobody works for it.
    pub fn is_idle_in_transaction(transaction: &TransactionState) -> bool {
        transaction.status != TransactionStatus::Idle && transaction.running.is_none()
    }

    /// Everybody who has a name here, in flight or not.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let in_flight = self.transactions.iter().map(|it| it.name.as_str());
        in_flight.chain(self.ended.iter().map(|it| it.name.as_str()))
    }
}

/// What tests elsewhere say of a transaction; each changes what it is about.
#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    pub(crate) fn transaction(name: &str) -> TransactionState {
        TransactionState {
            name: name.to_owned(),
            pid: 1,
            status: TransactionStatus::InTransaction,
            held: None,
            running: None,
            waits: None,
        }
    }

    pub(crate) fn held(sql: &str) -> HeldState {
        HeldState {
            sql: sql.into(),
            shape: "".into(),
            tables: [].into(),
            summary: "updates A-4".to_owned(),
            why: String::new(),
            milliseconds: 0,
            client: nobody(),
            id: HeldId::default(),
        }
    }
}
