//! Statements are let go in the order of a plan, and what was let go by hand becomes one.

use std::collections::BTreeSet;
use std::time::Instant;

use super::{Course, Guests, HeldId, Order};
use crate::core::event::SessionName;
use crate::debugger::plan::{Arrival, LivePlan, Misfit, Plan, Sent};
use crate::debugger::statement::Statement;
use crate::gateway::ClientId;

/// How a plan is being played.
#[derive(Debug)]
pub(super) struct Playing {
    live: LivePlan,
    misfit: Option<Misfit>,
    /// Those that were let go and have not come to anything else that the plan has of them: what it
    /// does not name of theirs happens before its next release, and not at some time beside it.
    going: BTreeSet<ClientId>,
}

/// Where a plan stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanState {
    /// These are next, and held: they can be let go, together if they are several.
    Due(Vec<SessionName>),
    /// Something that was let go is on its way, or what comes next has not arrived.
    Waiting {
        /// Whether nothing moves in the database, and only the programs may go on by themselves.
        is_quiet: bool,
    },
    /// The programs send something else.
    Misfit(Box<Misfit>),
    /// All of it was let go.
    Over,
}

impl Guests {
    /// From now on the plan says what is held and when it is let go.
    pub fn play(&mut self, plan: Plan) {
        self.plan =
            Some(Playing { live: LivePlan::new(plan), misfit: None, going: BTreeSet::new() });
    }

    /// No plan says anything any more; what is held because of one goes on.
    pub fn stop_playing(&mut self, now: Instant) {
        if self.plan.take().is_some() && !self.held.is_empty() {
            // Whatever is held can be let go.
            let _ = self.obey(Order::LetAllGo, now);
        }
    }

    /// What was let go by hand so far.
    pub fn recorded(&self) -> &Plan {
        &self.recorded
    }

    /// Takes what is due from the plan, where nothing moves but who waits in the database. Programs
    /// that were let go come to the next statement that the plan has of them first, or hang up;
    /// unless `is_late`, where that was waited for in vain.
    pub fn plan_state(&mut self, waiting: &BTreeSet<SessionName>, is_late: bool) -> PlanState {
        let is_quiet = self.is_quiet(waiting);
        let waits = |client: &ClientId| {
            let place = self.clients.get(client).and_then(|guest| guest.place.as_ref());
            place.is_some_and(|place| waiting.contains(place))
        };
        let is_settled =
            is_late || self.plan.as_ref().is_none_or(|playing| playing.going.iter().all(waits));
        let Some(playing) = &mut self.plan else { return PlanState::Over };
        if let Some(misfit) = &playing.misfit {
            return PlanState::Misfit(Box::new(misfit.clone()));
        }
        if playing.live.is_over() {
            return PlanState::Over;
        }
        // What is taken as due is let go, so it is not taken before it may be.
        match (is_quiet && is_settled).then(|| playing.live.due()).flatten() {
            Some(clients) => {
                playing.going.extend(&clients);
                PlanState::Due(clients.into_iter().filter_map(|it| self.held_of(it)).collect())
            }
            None => PlanState::Waiting { is_quiet },
        }
    }

    /// What the plan still wants of this actor, whose program has ended.
    pub fn wanted_of(&self, actor: &str) -> Option<Misfit> {
        self.plan.as_ref()?.live.ended(actor)
    }

    /// What the plan waits for.
    pub fn awaited(&self) -> Option<Misfit> {
        self.plan.as_ref()?.live.stalled()
    }

    /// Why the plan has this statement held, if it has one; `None` where no plan is played.
    pub(super) fn planned(
        &mut self,
        client: ClientId,
        statement: &Statement,
    ) -> Option<Option<String>> {
        let guest = self.clients.get(&client)?;
        let (actor, status) = (guest.history.actor.clone(), guest.status);
        let playing = self.plan.as_mut()?;
        let sent = Sent { client, actor: &actor, statement, status };
        Some(match playing.live.arrives(sent) {
            Arrival::Passes => None,
            Arrival::Held { release } => {
                playing.going.remove(&client);
                Some(format!("step {} of the plan", release + 1))
            }
            Arrival::Misfits(misfit) => {
                playing.misfit.get_or_insert(*misfit);
                None
            }
        })
    }

    pub(super) fn plan_dropped(&mut self, client: ClientId) {
        if let Some(playing) = &mut self.plan {
            playing.live.dropped(client);
        }
    }

    pub(super) fn plan_left(&mut self, client: ClientId) {
        if let Some(playing) = &mut self.plan {
            playing.live.left(client);
            playing.going.remove(&client);
        }
    }

    pub(super) fn plan_transaction_over(&mut self, client: ClientId) {
        if let Some(playing) = &mut self.plan {
            playing.live.transaction_over(client);
        }
    }

    /// Somebody lets these go at the same instant.
    pub(super) fn record(&mut self, released: &[HeldId]) {
        let held = released.iter().filter_map(|id| self.held.get(id));
        let turns: Vec<_> = held.map(|held| (held.actor.clone(), held.statement.clone())).collect();
        self.recorded.record(turns.iter().map(|(actor, statement)| (&**actor, statement)));
    }

    fn held_of(&self, client: ClientId) -> Option<SessionName> {
        let held = self.held.values().find(|held| held.client == client)?;
        Some(held.place.clone())
    }

    /// Whether nothing is on its way but what waits in the database.
    fn is_quiet(&self, waiting: &BTreeSet<SessionName>) -> bool {
        self.clients.values().all(|guest| {
            let is_answered = |it: &super::InFlight| matches!(it.progress, Course::Answered(..));
            let waits = guest.place.as_ref().is_some_and(|place| waiting.contains(place));
            waits || guest.in_flight.iter().all(is_answered)
        })
    }
}
