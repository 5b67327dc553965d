//! What tidying up asks of those who took part.

use std::collections::BTreeSet;

use super::LiveRun;
use crate::core::event::{Event, SessionName, TransactionStatus};
use crate::run::machine::actor::Actor;
use crate::run::machine::effects::Effects;
use crate::run::machine::output::Demand;
use crate::run::participant::Silence;

impl LiveRun {
    /// Whether the scenario was played to its end, and nothing was sent since.
    pub(crate) fn is_played_out(&self) -> bool {
        self.is_played_out
    }

    /// Takes in what a session still says, and tells nobody.
    pub(crate) fn overhear(&mut self, event: &Event) {
        if let Some(state) = event.session.as_ref().and_then(|name| self.cast.state_mut(name)) {
            state.apply(&event.kind);
        }
    }

    /// Asks everybody to send nothing more, the runner too; who was asked.
    pub(crate) fn ask_for_silence(&self, fx: &mut Effects) -> BTreeSet<SessionName> {
        let asked = self.cast.everybody().filter(|actor| actor.ask(Demand::Silence, fx));
        asked.map(|actor| actor.name().clone()).collect()
    }

    /// Nothing of this session's is in flight any more.
    pub(crate) fn fell_silent(&mut self, session: &SessionName, silence: Silence) {
        if let Some(state) = self.cast.state_mut(session) {
            state.fall_silent(silence);
        }
    }

    /// Whose transactions are open.
    pub(crate) fn in_transaction(&self) -> Vec<SessionName> {
        let is_open =
            |actor: &&Actor| !actor.is_guest() && actor.state.status != TransactionStatus::Idle;
        self.cast.everybody().filter(is_open).map(|actor| actor.name().clone()).collect()
    }

    /// Lets all players go; who they are.
    pub(crate) fn dismiss_players(&mut self, fx: &mut Effects) -> BTreeSet<SessionName> {
        let players = self.cast.players_mut().filter_map(|actor| {
            let was_here = actor.dismiss(fx);
            was_here.then(|| actor.name().clone())
        });
        players.collect()
    }

    /// Lets the runner go.
    pub(crate) fn dismiss_runner(&mut self, fx: &mut Effects) -> BTreeSet<SessionName> {
        let runner = self.cast.runner_mut();
        let was_here = runner.dismiss(fx);
        was_here.then(|| runner.name().clone()).into_iter().collect()
    }
}
