//! What was let go by hand, as a plan.

use super::{Answer, Guests, HeldId};
use crate::debugger::plan::{Plan, Turn};
use crate::gateway::ClientId;

/// What was let go by hand.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    plan: Plan,
    /// Those that were let go into the same instant and are not all answered yet.
    meetings: Vec<Meeting>,
}

/// Statements that were let go into the same instant: which of them the server serves first is
/// known from its answers only.
#[derive(Debug)]
struct Meeting {
    release: usize,
    turns: Vec<(ClientId, Turn)>,
    served: Vec<ClientId>,
}

impl Meeting {
    fn has_to_serve(&self, client: ClientId) -> bool {
        self.turns.iter().any(|(it, _)| *it == client) && !self.served.contains(&client)
    }

    /// Those that were served, in that order, and then the others.
    fn in_order(&self) -> Vec<Turn> {
        let mut turns: Vec<_> = self.turns.iter().collect();
        let place = |client| self.served.iter().position(|it| *it == client);
        turns.sort_by_key(|(client, _)| place(*client).unwrap_or(usize::MAX));
        turns.into_iter().map(|(_, turn)| turn.clone()).collect()
    }
}

impl Guests {
    /// What was let go by hand so far.
    /// Where some were let go together, the tables with a gate are a part of it.
    pub fn recorded(&self) -> Plan {
        let plan = &self.recorded.plan;
        let together = plan.releases.iter().any(|release| release.turns.len() > 1);
        let gates = if together { self.gates.clone() } else { Vec::new() };
        Plan { gates, ..plan.clone() }
    }

    /// Somebody lets these go at the same instant.
    pub(super) fn record(&mut self, released: &[HeldId]) {
        self.record_as(released, None);
    }

    /// Somebody answers this in the server's place.
    pub(super) fn record_answer(&mut self, held: HeldId, answer: Answer) {
        self.record_as(&[held], Some(answer));
    }

    fn record_as(&mut self, released: &[HeldId], answer: Option<Answer>) {
        let held = released.iter().filter_map(|id| self.held.get(id));
        let turn = |held: &super::Held| Turn { answer, ..Turn::of(&held.actor, &held.statement) };
        let turns: Vec<_> = held.map(|held| (held.client, turn(held))).collect();
        let release = self.recorded.plan.releases.len();
        self.recorded.plan.add(turns.iter().map(|(_, turn)| turn.clone()).collect());
        if turns.len() > 1 {
            self.recorded.meetings.push(Meeting { release, turns, served: Vec::new() });
        }
    }

    /// A statement of this client has been answered.
    pub(super) fn note_served(&mut self, client: ClientId) {
        let Recorded { plan, meetings } = &mut self.recorded;
        let Some(at) = meetings.iter().position(|meeting| meeting.has_to_serve(client)) else {
            return;
        };
        let meeting = &mut meetings[at];
        meeting.served.push(client);
        plan.releases[meeting.release].turns = meeting.in_order();
        if meeting.served.len() == meeting.turns.len() {
            meetings.remove(at);
        }
    }
}
