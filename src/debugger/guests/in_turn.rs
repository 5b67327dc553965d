//! Statements that are let go one after the other: each once the one before it is answered, or is
//! seen to wait. Let go in the same instant, the server would serve them in any order, and what was
//! seen could not be told again.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Course, Guests, HeldId};
use crate::gateway::{ClientId, Verdict};

/// What goes in its turn.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<HeldId>,
    /// Whose statement has gone last.
    ahead: Option<ClientId>,
}

impl Guests {
    /// Lets these go in this order, behind those that are to go already.
    pub(super) fn let_go_in_turn(&mut self, held: impl IntoIterator<Item = HeldId>, now: Instant) {
        for id in held {
            if !self.queue.waiting.contains(&id) {
                self.queue.waiting.push_back(id);
            }
        }
        self.go_on_in_turn(now);
    }

    /// Lets the next go, if the one before it has come as far as it comes by itself.
    pub(super) fn go_on_in_turn(&mut self, now: Instant) {
        while self.queue.ahead.is_none_or(|client| self.is_settled(client)) {
            self.queue.ahead = None;
            let Some(id) = self.queue.waiting.pop_front() else { return };
            // Somebody may have let it go, answered it or cancelled it meanwhile.
            let Some(client) = self.held.get(&id).map(|held| held.client) else { continue };
            self.record(&[id]);
            self.let_go(id, Verdict::Pass, now);
            self.queue.ahead = Some(client);
        }
    }

    /// Whether all that a client has sent is answered, or waits.
    fn is_settled(&self, client: ClientId) -> bool {
        let Some(guest) = self.clients.get(&client) else { return true };
        // Whether somebody without a pane waits is not seen.
        if guest.place.as_ref().is_none_or(|place| !self.places.is_shown(place)) {
            return true;
        }
        let mut open = guest.in_flight.iter();
        let open = open.find(|it| !matches!(it.progress, Course::Answered(..)));
        open.is_none_or(|it| it.wait.is_some())
    }
}
