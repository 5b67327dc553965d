//! Statements are let go in the order of a plan, and what was let go by hand becomes one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::{Answer, Course, Guests, HeldId};
use crate::core::event::{SessionName, TransactionStatus};
use crate::debugger::noise::noise;
use crate::debugger::plan::{Arrival, LivePlan, Misfit, Plan, Release, Sent, is_called};
use crate::debugger::statement::Statement;
use crate::debugger::tables::TableName;
use crate::gateway::{ClientId, Verdict};

/// How a plan is being played.
#[derive(Debug)]
pub(super) struct Playing {
    live: LivePlan,
    misfit: Option<Misfit>,
    /// Those that were let go and have not come to anything else that the plan has of them: what it
    /// does not name of theirs happens before its next release, and not at some time beside it.
    going: BTreeSet<ClientId>,
    /// Whose statements wait for their turn, also those that the plan does not know.
    actors: BTreeSet<String>,
    /// What the plan does not know, of those whose turn has not come.
    before_turn: BTreeSet<HeldId>,
    /// What those are answered in the server's place who are due.
    answers: BTreeMap<SessionName, Answer>,
}

impl Playing {
    /// Whether this actor's next turn is still to come. What it sends that the plan does not know
    /// belongs to that turn: sent at some time beside others', it would make each play another one.
    fn is_before_turn(&self, actor: &str) -> bool {
        let is_named = self.actors.iter().any(|named| is_called(named, actor));
        let next = self.live.awaited().map_or(usize::MAX, |(next, _)| next);
        // Behind the last release, those who were let go come to their end first.
        if !is_named || (self.live.is_over() && self.going.is_empty()) {
            return false;
        }
        let releases = self.live.plan().releases.iter().enumerate();
        let turns = releases
            .filter(|(_, release)| release.turns.iter().any(|turn| is_called(&turn.actor, actor)));
        let mut turns = turns.map(|(number, _)| number).peekable();
        // Who has no turn at all comes after the plan.
        let has_none = turns.peek().is_none();
        has_none || turns.find(|number| *number >= next).is_some_and(|number| number > next)
    }
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
    pub fn play(&mut self, plan: Plan, actors: BTreeSet<String>) {
        self.heard_of.clear();
        self.plan = Some(Playing {
            live: LivePlan::new(plan),
            misfit: None,
            going: BTreeSet::new(),
            actors,
            before_turn: BTreeSet::new(),
            answers: BTreeMap::new(),
        });
    }

    /// No plan says anything any more; what is held because of one goes on.
    pub fn stop_playing(&mut self, now: Instant) {
        if self.plan.take().is_none() {
            return;
        }
        let all: Vec<HeldId> = self.held.keys().copied().collect();
        for held in all {
            self.let_go(held, Verdict::Pass, now);
        }
    }

    /// These tables have a gate from now on.
    pub fn note_gates(&mut self, gates: Vec<TableName>) {
        self.gates = gates;
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
        if is_quiet
            && is_settled
            && let Some(place) = self.next_whose_turn_has_come()
        {
            return PlanState::Due(vec![place]);
        }
        let Some(playing) = &mut self.plan else { return PlanState::Over };
        if let Some(misfit) = &playing.misfit {
            return PlanState::Misfit(Box::new(misfit.clone()));
        }
        if playing.live.is_over() {
            // What its actors still do belongs to their last turns.
            let is_over = is_quiet && is_settled;
            return if is_over { PlanState::Over } else { PlanState::Waiting { is_quiet } };
        }
        // What is taken as due is let go, so it is not taken before it may be.
        let release = playing.live.awaited().map(|(_, release)| release.clone());
        match (is_quiet && is_settled).then(|| playing.live.due()).flatten().zip(release) {
            Some((clients, release)) => {
                playing.going.extend(&clients);
                PlanState::Due(self.are_due(&clients, &release))
            }
            None => PlanState::Waiting { is_quiet },
        }
    }

    /// Where they are held, and notes what they are answered in the server's place.
    fn are_due(&mut self, clients: &[ClientId], release: &Release) -> Vec<SessionName> {
        let turns = clients.iter().zip(&release.turns);
        let held = turns.filter_map(|(client, turn)| Some((self.held_of(*client)?, turn.answer)));
        let held: Vec<_> = held.collect();
        if let Some(playing) = &mut self.plan {
            let answers = held.iter().filter_map(|(name, answer)| Some((name.clone(), (*answer)?)));
            playing.answers.extend(answers);
        }
        held.into_iter().map(|(name, _)| name).collect()
    }

    /// What the plan has this one answered in the server's place, if it does; once.
    pub fn planned_answer(&mut self, place: &SessionName) -> Option<Answer> {
        self.plan.as_mut()?.answers.remove(place)
    }

    /// Who sent something before its turn that the plan does not know, and has its turn now.
    fn next_whose_turn_has_come(&mut self) -> Option<SessionName> {
        let playing = self.plan.as_mut()?;
        let all = &self.held;
        playing.before_turn.retain(|id| all.contains_key(id));
        let has_come =
            |id: &&HeldId| all.get(id).is_some_and(|held| !playing.is_before_turn(&held.actor));
        let id = playing.before_turn.iter().find(has_come).copied()?;
        playing.before_turn.remove(&id);
        let held = all.get(&id)?;
        playing.going.insert(held.client);
        Some(held.place.clone())
    }

    /// Whether somebody whom the plan has let go is in the middle of a transaction.
    pub fn is_amid_transaction(&self) -> bool {
        let going = self.plan.iter().flat_map(|playing| &playing.going);
        let mut guests = going.filter_map(|client| self.clients.get(client));
        guests.any(|guest| guest.status == TransactionStatus::InTransaction)
    }

    /// What the plan still wants of this actor, whose program has ended.
    pub fn wanted_of(&self, actor: &str) -> Option<Misfit> {
        self.plan.as_ref()?.live.ended(actor)
    }

    /// What the plan waits for.
    pub fn awaited(&self) -> Option<Misfit> {
        let misfit = self.plan.as_ref()?.live.stalled()?;
        let waits = self.clients.values().filter_map(|guest| {
            let wait = guest.in_flight.iter().find_map(|it| it.wait.as_ref())?;
            let blockers: Vec<_> = wait.blockers.iter().map(ToString::to_string).collect();
            let wait = format!("{}: {}", blockers.join(", "), wait.target);
            Some((guest.history.actor.clone(), wait))
        });
        Some(Misfit { waits: waits.collect(), ..misfit })
    }

    /// Why the plan has this statement held, if it has one; `None` where no plan is played.
    pub(super) fn planned(
        &mut self,
        client: ClientId,
        statement: &Statement,
    ) -> Option<Option<String>> {
        let playing = self.plan.as_mut()?;
        let guest = self.clients.get(&client)?;
        let (actor, status) = (&guest.history.actor, guest.status);
        let sent = Sent { client, actor, statement, status };
        Some(match playing.live.arrives(sent) {
            Arrival::Passes
                if playing.is_before_turn(actor) && noise(statement, status).is_none() =>
            {
                playing.going.remove(&client);
                // The next number that is given to something held.
                playing.before_turn.insert(HeldId(self.holds + 1));
                Some("its turn in the plan has not come".to_owned())
            }
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
