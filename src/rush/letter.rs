//! A request as a message: what stands in a queue that a part keeps.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::tally::Settled;
use super::trace::Request;

/// A request, and by which number its sender waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Letter {
    ticket: u64,
    /// Each asks once: their number is the request's own.
    passenger: i32,
    seat: i32,
    compartment: i32,
}

impl Letter {
    pub(super) fn new(ticket: u64, request: Request) -> Self {
        let Request { passenger, seat, compartment, .. } = request;
        Self { ticket, passenger, seat, compartment }
    }

    pub(super) fn request(&self) -> Request {
        let Self { passenger, seat, compartment, .. } = *self;
        Request { passenger, seat, compartment, at: Duration::ZERO }
    }

    pub(super) fn compartment(&self) -> i32 {
        self.compartment
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        // Four numbers.
        serde_json::to_vec(&self).unwrap_or_default()
    }

    /// Nothing where the bytes are no letter of ours.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// What a sender hears.
pub(super) enum Reply {
    Settled(Box<Settled>),
    /// The part had accepted the request and has it no more.
    Lost,
}

/// Those who wait for an answer to a letter of one queue.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Waiters>);

#[derive(Default)]
struct Waiters {
    open: HashMap<u64, Waiter>,
    /// Nobody answers any more.
    closed: bool,
    /// How often the part has lost what it had accepted.
    losses: u64,
}

struct Waiter {
    due: Instant,
    answer: oneshot::Sender<Reply>,
    accepted: bool,
}

impl Waiting {
    fn waiters(&self) -> MutexGuard<'_, Waiters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more; nothing where nobody answers any more.
    pub(super) fn enter(&self, ticket: u64, due: Instant) -> Option<oneshot::Receiver<Reply>> {
        let mut waiters = self.waiters();
        if waiters.closed {
            return None;
        }
        let (answer, answered) = oneshot::channel();
        waiters.open.insert(ticket, Waiter { due, answer, accepted: false });
        Some(answered)
    }

    /// How often something was lost so far.
    pub(super) fn losses(&self) -> u64 {
        self.waiters().losses
    }

    /// The part has accepted the letter; false if it has lost something since it was sent.
    pub(super) fn accept(&self, ticket: u64, losses: u64) -> bool {
        let mut waiters = self.waiters();
        if let Some(waiter) = waiters.open.get_mut(&ticket) {
            waiter.accepted = true;
            return waiters.losses == losses;
        }
        true
    }

    /// Since when its sender waits; now, if nobody does.
    pub(super) fn due(&self, letter: &Letter) -> Instant {
        let waiters = self.waiters();
        waiters.open.get(&letter.ticket).map_or_else(Instant::now, |waiter| waiter.due)
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiters().open.len()
    }

    /// Answers the letter, unless that was done before.
    pub(super) fn answer(&self, letter: &Letter, settled: Settled) {
        let waiter = self.waiters().open.remove(&letter.ticket);
        if let Some(waiter) = waiter {
            // Whoever does not wait any more needs no answer.
            let _ = waiter.answer.send(Reply::Settled(Box::new(settled)));
        }
    }

    /// The sender does not wait any more.
    pub(super) fn leave(&self, ticket: u64) {
        self.waiters().open.remove(&ticket);
    }

    /// The part has lost everything that it had accepted; how much of it somebody waits for.
    pub(super) fn lose(&self) -> u64 {
        let mut waiters = self.waiters();
        waiters.losses += 1;
        let lost = waiters.open.extract_if(|_, waiter| waiter.accepted);
        let lost = lost.map(|(_, waiter)| waiter.answer.send(Reply::Lost));
        lost.count() as u64
    }

    /// From now on nobody answers.
    pub(super) fn close(&self) {
        let mut waiters = self.waiters();
        waiters.closed = true;
        waiters.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(ticket: u64) -> Letter {
        let request = Request { passenger: 7, seat: 3, compartment: 1, at: Duration::ZERO };
        Letter::new(ticket, request)
    }

    #[test]
    fn a_letter_is_read_as_it_was_written_and_nothing_else_is() {
        assert_eq!(Letter::read(&letter(9).to_bytes()), Some(letter(9)));
        assert_eq!(Letter::read(b"seat 7, please"), None);
    }

    #[test]
    fn only_what_was_accepted_can_be_lost() {
        let waiting = Waiting::default();
        let due = Instant::now();
        let mut accepted = waiting.enter(1, due).unwrap();
        let mut on_its_way = waiting.enter(2, due).unwrap();
        let losses = waiting.losses();
        assert!(waiting.accept(1, losses));
        assert_eq!((waiting.lose(), waiting.len()), (1, 1));
        assert!(matches!(accepted.try_recv(), Ok(Reply::Lost)));
        assert!(on_its_way.try_recv().is_err());
        assert!(!waiting.accept(2, losses), "it was sent before the loss");
        waiting.close();
        assert!(waiting.enter(3, due).is_none() && on_its_way.try_recv().is_err());
    }
}
