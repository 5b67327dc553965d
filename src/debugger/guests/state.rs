//! Everything as it stands, for whoever asks: the control socket, a plan, a test.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::{Guests, Progress};
use crate::core::event::TransactionStatus;
use crate::gateway::ClientId;

/// Everything as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct State {
    /// `watch`, `breakpoints` or `everything`.
    pub mode: String,
    /// How many clients are connected.
    pub connections: usize,
    /// How many statements have passed by themselves.
    pub passed_by_themselves: u64,
    /// The transactions in flight, by name.
    pub transactions: Vec<TransactionState>,
}

/// A transaction in flight.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TransactionState {
    /// Its name: `alice`, `alice 2`.
    pub name: String,
    /// The backend that works for it.
    pub pid: i32,
    pub status: TransactionStatus,
    /// What is held of it.
    pub held: Option<HeldState>,
    /// What the server is working on, or has not answered.
    pub running: Option<Arc<str>>,
}

/// A statement that is held.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeldState {
    /// With the parameters in their places.
    pub sql: Arc<str>,
    /// Without literals and parameters.
    pub shape: Arc<str>,
    /// What people call it: `updates A-4`.
    pub summary: String,
    /// Which breakpoint it has met.
    pub why: String,
    /// Since when, in milliseconds.
    pub milliseconds: u64,
    #[serde(skip)]
    pub client: ClientId,
}

impl Guests {
    /// Everything as it stands.
    pub fn state(&self, now: Instant) -> State {
        let guests = self.clients.iter().filter_map(|(id, guest)| {
            let place = guest.place.as_ref()?;
            let held = self.held_in(place).and_then(|held| self.held.get(&held));
            let running = guest.in_flight.iter();
            let mut running = running.filter(|it| !matches!(it.progress, Progress::Answered(..)));
            Some(TransactionState {
                name: place.to_string(),
                pid: guest.client.pid.0,
                status: guest.status,
                held: held.map(|held| HeldState {
                    sql: Arc::clone(&held.sql),
                    shape: Arc::clone(&held.shape),
                    summary: held.summary.clone(),
                    why: held.why.clone(),
                    milliseconds: milliseconds(now, held.since),
                    client: *id,
                }),
                running: running.next_back().map(|it| Arc::clone(&it.sql)),
            })
        });
        let mut transactions: Vec<_> = guests.collect();
        transactions.sort_by(|one, other| one.name.cmp(&other.name));
        State {
            mode: self.rules.mode.to_string(),
            connections: self.clients.len(),
            passed_by_themselves: self.noise,
            transactions,
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
}
