//! Who takes part: the sessions in screen order, and the runner, who sets up and looks at the end
//! and is no player.

use super::actor::{Actor, SessionState};
use crate::core::event::{Blocker, Event, Pid, SessionName, SubmissionId, TransactionStatus};
use crate::core::syntax::Strings;

/// The runner's name, which no player can have.
const RUNNER: &str = "the runner";

/// Everybody, and how far their work has come.
#[derive(Debug)]
pub(crate) struct Cast {
    players: Vec<Actor>,
    runner: Actor,
    /// How many submissions were sent.
    submissions: u64,
    /// Counts what was sent and what was answered whole: what was asked of the database before the
    /// last of these may be stale.
    epoch: u64,
}

impl Cast {
    /// Nobody but the runner, connecting.
    pub(crate) fn new() -> Self {
        let runner = Actor::new(SessionName::new(RUNNER));
        Self { players: Vec::new(), runner, submissions: 0, epoch: 0 }
    }

    /// One more player, connecting.
    pub(crate) fn join(&mut self, name: &SessionName) {
        self.players.push(Actor::new(name.clone()));
    }

    /// One more player, who is nobody's own session.
    pub(crate) fn join_guest(&mut self, name: &SessionName) {
        self.players.push(Actor::guest(name.clone()));
    }

    /// A guest has gone for good, and with him his place.
    pub(crate) fn part(&mut self, name: &SessionName) {
        self.players.retain(|actor| !actor.is_guest() || actor.name() != name);
    }

    /// The players, in screen order.
    pub(crate) fn players(&self) -> impl Iterator<Item = &Actor> {
        self.players.iter()
    }

    /// The players, in screen order.
    pub(crate) fn players_mut(&mut self) -> impl Iterator<Item = &mut Actor> {
        self.players.iter_mut()
    }

    /// The players that are busy, in screen order.
    pub(crate) fn busy_players_mut(&mut self) -> impl Iterator<Item = &mut Actor> {
        self.players_mut().filter(|actor| actor.state.is_busy())
    }

    /// The player of that name.
    pub(crate) fn player_mut(&mut self, name: &SessionName) -> Option<&mut Actor> {
        self.players_mut().find(|actor| actor.name() == name)
    }

    /// The player whose event it is.
    pub(crate) fn player_of(&mut self, event: &Event) -> Option<&mut Actor> {
        self.player_mut(event.session.as_ref()?)
    }

    /// Who sets up and looks at the end.
    pub(crate) fn runner(&self) -> &Actor {
        &self.runner
    }

    /// Who sets up and looks at the end.
    pub(crate) fn runner_mut(&mut self) -> &mut Actor {
        &mut self.runner
    }

    /// Whether an event comes from the runner.
    pub(crate) fn is_runners(&self, event: &Event) -> bool {
        event.session.as_ref() == Some(self.runner.name())
    }

    /// The players and the runner.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = &Actor> {
        self.players.iter().chain([&self.runner])
    }

    /// Where the session of that name stands, the runner's perhaps.
    pub(crate) fn state_mut(&mut self, name: &SessionName) -> Option<&mut SessionState> {
        let everybody = self.players.iter_mut().chain([&mut self.runner]);
        everybody.into_iter().find(|actor| actor.name() == name).map(|actor| &mut actor.state)
    }

    /// The number of what is sent next.
    pub(crate) fn next_submission(&mut self) -> SubmissionId {
        self.submissions += 1;
        self.epoch += 1;
        SubmissionId(self.submissions)
    }

    /// What was asked of the database so far may be stale.
    pub(crate) fn moved(&mut self) {
        self.epoch += 1;
    }

    /// How often that was so.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The players' names, in screen order.
    pub(crate) fn names(&self) -> Vec<SessionName> {
        self.players().map(|actor| actor.name().clone()).collect()
    }

    /// Which player is connected, or was last, as which backend.
    pub(crate) fn roster(&self) -> Vec<(SessionName, Pid)> {
        let backend = |actor: &Actor| actor.state.pid.or(actor.state.lost_pid);
        let named = |actor: &Actor| Some((actor.name().clone(), backend(actor)?));
        self.players().filter_map(named).collect()
    }

    /// The backends of all players who are connected.
    pub(crate) fn connected(&self) -> Vec<Pid> {
        self.players().filter_map(|actor| actor.state.pid).collect()
    }

    /// The backends of the players of whom this is so.
    pub(crate) fn backends_of(&self, is_it: impl Fn(&Actor) -> bool) -> Vec<Pid> {
        self.players().filter(|actor| is_it(actor)).filter_map(|actor| actor.state.pid).collect()
    }

    /// The players' backends with something in flight.
    pub(crate) fn busy(&self) -> Vec<Pid> {
        self.backends_of(|actor| actor.state.is_busy())
    }

    /// Whether everybody has connected, the runner included, or is known not to.
    pub(crate) fn is_complete(&self) -> bool {
        self.everybody().all(|actor| actor.state.is_settled())
    }

    /// Whether anybody's answer is still to come that is not meant to go on while others act.
    pub(crate) fn is_anybody_awaited(&self) -> bool {
        self.everybody().any(|actor| actor.state.is_busy() && !actor.state.is_under_way)
    }

    /// Players with an open transaction and nothing in flight.
    pub(crate) fn idle_in_transaction(&self) -> Vec<Blocker> {
        let open = |actor: &&Actor| {
            !actor.state.is_busy() && actor.state.status != TransactionStatus::Idle
        };
        self.players().filter(open).map(|actor| Blocker::Session(actor.name().clone())).collect()
    }

    /// How a player reads the strings of what is sent into it.
    pub(crate) fn strings_of(&self, name: &SessionName) -> Strings {
        let actor = self.players().find(|actor| actor.name() == name);
        actor.map(|actor| actor.state.strings).unwrap_or_default()
    }
}
