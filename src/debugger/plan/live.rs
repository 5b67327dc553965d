//! A plan against what programs send now.
//!
//! ```text
//!  a statement arrives, and it is …
//!    the plan's next of its actor        ──▶ held until all of its release are, and nothing moves
//!    one that the plan has later for it  ──▶ the plan no longer fits
//!    one that the plan does not know     ──▶ passes by itself
//! ```
//!
//! In which order clients come in is a race of its own: of two with one name, `Shop` and `Shop 2`,
//! either may be the one that was recorded as the first. So a client becomes one of the plan's
//! actors by the first statement of it that is the next of an actor with its name, and stays it
//! until its transaction is over; then another client, as a pool gives them out, may go on in its
//! place. Two of one name that begin alike and go on differently need names of their own.

use std::collections::HashMap;
use std::fmt;

use super::{Plan, Release, Turn};
use crate::core::event::TransactionStatus;
use crate::core::syntax::Verb;
use crate::debugger::noise::{Noise, noise};
use crate::debugger::statement::Statement;
use crate::gateway::ClientId;

/// A plan that is being played.
#[derive(Clone, Debug)]
pub struct LivePlan {
    plan: Plan,
    /// How far it is: the release that comes next.
    next: usize,
    /// Of each release's turns.
    states: Vec<Vec<State>>,
    clients: HashMap<ClientId, Bound>,
    /// What the actors have sent last that the plan does not know.
    passed: HashMap<String, Turn>,
}

/// A statement that has arrived.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    pub client: ClientId,
    /// The actor's name, without the number that tells it from another of the same name.
    pub actor: &'a str,
    pub statement: &'a Statement,
    /// What the server would say before it.
    pub status: TransactionStatus,
}

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The plan does not know it.
    Passes,
    /// It waits for its turn, in this release, counted from 0.
    Held { release: usize },
    /// The program does not do any more what the plan says.
    Misfits(Box<Misfit>),
}

/// Where a plan no longer fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The release, counted from 1.
    pub step: usize,
    pub planned: Turn,
    /// What came in its place, if anything did.
    pub sent: Option<Turn>,
    /// Who waits in the database, and for whom, in words.
    pub waits: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Awaited,
    Held(ClientId),
    LetGo,
}

/// Which of the plan's actors a client is.
#[derive(Clone, Debug)]
struct Bound {
    actor: String,
    is_in_transaction: bool,
}

impl LivePlan {
    pub fn new(plan: Plan) -> Self {
        let awaited = |release: &Release| vec![State::Awaited; release.turns.len()];
        let states = plan.releases.iter().map(awaited).collect();
        Self { plan, next: 0, states, clients: HashMap::new(), passed: HashMap::new() }
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The release that is to come, counted from 0, if the plan is not over.
    pub fn awaited(&self) -> Option<(usize, &Release)> {
        self.plan.releases.get(self.next).map(|release| (self.next, release))
    }

    pub fn is_over(&self) -> bool {
        self.awaited().is_none()
    }

    /// A statement has arrived.
    pub fn arrives(&mut self, sent: Sent) -> Arrival {
        let noise = noise(sent.statement, sent.status);
        // A pool's ROLLBACK where there is no transaction is not the one that was let go.
        if self.is_over() || noise == Some(Noise::NoTransaction) {
            return Arrival::Passes;
        }
        let turn = Turn::of(sent.actor, sent.statement);
        let actors = self.candidates(&sent);
        for actor in &actors {
            if let Some((release, nth)) = self.next_of(actor)
                && self.plan.releases[release].turns[nth].shape == turn.shape
            {
                self.states[release][nth] = State::Held(sent.client);
                let bound = Bound { actor: actor.clone(), is_in_transaction: true };
                self.clients.insert(sent.client, bound);
                return Arrival::Held { release };
            }
        }
        if let Some(misfit) = actors.iter().find_map(|actor| self.skips(actor, &turn)) {
            return Arrival::Misfits(Box::new(misfit));
        }
        // Whoever begins has not said yet what it is about.
        if noise.is_none() && !begins(sent.statement) {
            self.passed.extend(actors.into_iter().map(|actor| (actor, turn.clone())));
        }
        Arrival::Passes
    }

    /// The next release, if all of it is held. Whoever asks lets it go, and asks again when nothing
    /// moves any more: what was let go is answered, or waits for somebody else.
    pub fn due(&mut self) -> Option<Vec<ClientId>> {
        let states = self.states.get_mut(self.next)?;
        let held = states.iter().map(|state| match state {
            State::Held(client) => Some(*client),
            State::Awaited | State::LetGo => None,
        });
        let clients: Vec<_> = held.collect::<Option<_>>()?;
        states.fill(State::LetGo);
        let turns = &self.plan.releases[self.next].turns;
        self.next += 1;
        for turn in turns {
            // What it had sent before has had its place.
            self.passed.remove(&turn.actor);
        }
        Some(clients)
    }

    /// The client's held statement is gone: cancelled, or its client has hung up.
    pub fn dropped(&mut self, client: ClientId) {
        let states = self.states.iter_mut().flatten();
        states.filter(|state| **state == State::Held(client)).for_each(|state| {
            *state = State::Awaited;
        });
    }

    /// The client's transaction is over: another may be who it was.
    pub fn transaction_over(&mut self, client: ClientId) {
        if let Some(bound) = self.clients.get_mut(&client) {
            bound.is_in_transaction = false;
        }
    }

    pub fn left(&mut self, client: ClientId) {
        self.dropped(client);
        self.clients.remove(&client);
    }

    /// The program of this actor has ended: what the plan still wants of it does not come.
    pub fn ended(&self, actor: &str) -> Option<Misfit> {
        let releases = self.plan.releases.iter().enumerate().skip(self.next);
        let mut turns = releases.flat_map(|(release, all)| {
            all.turns.iter().enumerate().map(move |(nth, turn)| (release, nth, turn))
        });
        turns
            .find(|(release, nth, turn)| {
                is_called(&turn.actor, actor) && self.states[*release][*nth] == State::Awaited
            })
            .map(|(release, _, turn)| self.misfit(release, turn, None))
    }

    /// Nothing moves any more: what the plan waits for does not come.
    pub fn stalled(&self) -> Option<Misfit> {
        let (release, all) = self.awaited()?;
        let states = self.states[release].iter();
        let nth = states.clone().position(|state| *state == State::Awaited)?;
        Some(self.misfit(release, &all.turns[nth], None))
    }

    /// The plan's actors that the client may be, the likeliest first.
    fn candidates(&self, sent: &Sent) -> Vec<String> {
        let own = self.clients.get(&sent.client);
        if let Some(bound) = own.filter(|_| sent.status != TransactionStatus::Idle)
            && is_called(&bound.actor, sent.actor)
        {
            return vec![bound.actor.clone()];
        }
        let mut actors: Vec<&str> = Vec::new();
        let turns = self.plan.releases.iter().flat_map(|release| &release.turns);
        for turn in turns.filter(|turn| is_called(&turn.actor, sent.actor)) {
            if !actors.contains(&turn.actor.as_str()) {
                actors.push(&turn.actor);
            }
        }
        let taken = |actor: &str| {
            let mut others = self.clients.iter().filter(|(client, _)| **client != sent.client);
            others.find(|(_, bound)| bound.actor == actor).map(|(_, bound)| bound.is_in_transaction)
        };
        // Whose transaction is in flight is nobody else.
        actors.retain(|actor| taken(actor) != Some(true));
        actors.sort_by_key(|actor| {
            let is_own = own.is_some_and(|bound| bound.actor == *actor);
            (!is_own, taken(actor).is_some(), *actor != sent.actor)
        });
        actors.into_iter().map(str::to_owned).collect()
    }

    /// Where the actor's next turn is, if it is not there already.
    fn next_of(&self, actor: &str) -> Option<(usize, usize)> {
        let turns = self.turns_of(actor).find(|(at, _)| self.states[at.0][at.1] != State::LetGo);
        turns.map(|(at, _)| at).filter(|at| self.states[at.0][at.1] == State::Awaited)
    }

    fn turns_of(&self, actor: &str) -> impl Iterator<Item = ((usize, usize), &Turn)> {
        let releases = self.plan.releases.iter().enumerate();
        let turns = releases.flat_map(|(release, all)| {
            all.turns.iter().enumerate().map(move |(nth, turn)| ((release, nth), turn))
        });
        turns.filter(move |(_, turn)| turn.actor == actor)
    }

    /// The misfit of an actor who sends what the plan has for it later, and not what comes next.
    fn skips(&self, actor: &str, sent: &Turn) -> Option<Misfit> {
        let next = self.next_of(actor)?;
        let mut later = self.turns_of(actor).filter(|(at, _)| *at > next);
        later.find(|(_, turn)| turn.shape == sent.shape)?;
        let planned = &self.plan.releases[next.0].turns[next.1];
        Some(self.misfit(next.0, planned, Some(sent)))
    }

    fn misfit(&self, release: usize, planned: &Turn, sent: Option<&Turn>) -> Misfit {
        let sent = sent.or_else(|| self.passed.get(&planned.actor)).cloned();
        Misfit { step: release + 1, planned: planned.clone(), sent, waits: Vec::new() }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, planned, sent, waits } = self;
        let own = waits.iter().any(|(actor, _)| is_called(&planned.actor, actor));
        write!(f, "step {step} of the plan no longer fits: it says `{planned}`, ")?;
        match sent {
            // Who waits cannot have sent what comes next.
            _ if own => f.write_str("and it has not come")?,
            Some(sent) => write!(f, "and what came is `{sent}`")?,
            None => f.write_str("and nothing came")?,
        }
        waits.iter().try_for_each(|(actor, wait)| write!(f, "; {actor} waits for {wait}"))
    }
}

fn begins(statement: &Statement) -> bool {
    statement.parts.iter().all(|part| part.verb == Verb::Begin)
}

/// Whether an actor of a plan has this name, perhaps with a number behind it.
pub(crate) fn is_called(planned: &str, actor: &str) -> bool {
    planned.strip_prefix(actor).is_some_and(|rest| {
        let number = rest.strip_prefix(' ').unwrap_or_default();
        rest.is_empty() || number.parse::<usize>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::statement;
    use super::*;
    use TransactionStatus::{Idle, InTransaction};

    const READ: &str = "select * from seats where id = 4";
    const BOOK: &str = "update seats set booked_by = 'x' where id = 4";

    fn plan(turns: &[(&str, &str)]) -> LivePlan {
        let mut plan = Plan::default();
        for (actor, sql) in turns {
            plan.record([(*actor, &statement(sql))]);
        }
        LivePlan::new(plan)
    }

    fn sends(live: &mut LivePlan, client: u64, actor: &str, sql: &str) -> Arrival {
        within(live, client, actor, sql, InTransaction)
    }

    fn within(
        live: &mut LivePlan,
        client: u64,
        actor: &str,
        sql: &str,
        status: TransactionStatus,
    ) -> Arrival {
        let statement = &statement(sql);
        live.arrives(Sent { client: ClientId(client), actor, statement, status })
    }

    fn race() -> LivePlan {
        plan(&[("alice", READ), ("bob", READ), ("alice", BOOK), ("bob", BOOK)])
    }

    #[test]
    fn statements_are_let_go_in_the_plans_order_whoever_comes_first() {
        let mut live = race();
        assert_eq!(sends(&mut live, 2, "bob", READ), Arrival::Held { release: 1 });
        assert_eq!(live.due(), None);
        assert_eq!(sends(&mut live, 1, "alice", "begin"), Arrival::Passes);
        assert_eq!(sends(&mut live, 1, "alice", READ), Arrival::Held { release: 0 });
        assert_eq!(live.due(), Some(vec![ClientId(1)]));
        assert_eq!(live.due(), Some(vec![ClientId(2)]));
        assert_eq!(live.due(), None);
        assert_eq!(sends(&mut live, 2, "bob", BOOK), Arrival::Held { release: 3 });
        assert_eq!(sends(&mut live, 1, "alice", BOOK), Arrival::Held { release: 2 });
        assert_eq!([live.due(), live.due()], [Some(vec![ClientId(1)]), Some(vec![ClientId(2)])]);
        assert!(live.is_over());
        assert_eq!(sends(&mut live, 1, "alice", READ), Arrival::Passes);
    }

    #[test]
    fn what_is_planned_together_is_let_go_together() {
        let mut plan = Plan::default();
        let (read, book) = (statement(READ), statement(BOOK));
        plan.record([("alice", &read), ("bob", &book)]);
        let mut live = LivePlan::new(plan);
        sends(&mut live, 2, "bob", BOOK);
        assert_eq!(live.due(), None);
        sends(&mut live, 1, "alice", READ);
        assert_eq!(live.due(), Some(vec![ClientId(1), ClientId(2)]));
    }

    #[test]
    fn what_the_plan_does_not_know_passes() {
        let mut live = race();
        for sql in ["begin", "select * from shows", "select 1", "commit", "rollback"] {
            assert_eq!(sends(&mut live, 1, "alice", sql), Arrival::Passes, "{sql}");
        }
        assert_eq!(sends(&mut live, 3, "carol", READ), Arrival::Passes);
    }

    #[test]
    fn who_skips_a_statement_is_told_with_both() {
        let mut live = race();
        let Arrival::Misfits(misfit) = sends(&mut live, 1, "alice", BOOK) else { panic!() };
        assert_eq!(
            misfit.to_string(),
            "step 1 of the plan no longer fits: it says `alice: reads seats 4 | select * from \
             seats where id = ?`, and what came is `alice: updates seats 4 | update seats set \
             booked_by = ? where id = ?`"
        );
    }

    #[test]
    fn who_ends_or_stalls_before_its_turn_is_told() {
        let mut live = race();
        sends(&mut live, 1, "alice", READ);
        sends(&mut live, 2, "bob", "select * from shows");
        let words = "step 2 of the plan no longer fits: it says `bob: reads seats 4 | select * \
            from seats where id = ?`, and what came is `bob: reads shows | select * from shows`";
        assert_eq!(live.ended("bob").unwrap().to_string(), words);
        assert_eq!(live.stalled(), None, "alice's statement is due");
        live.due();
        assert_eq!(live.stalled().unwrap().to_string(), words);
        assert!(live.ended("alice").unwrap().to_string().ends_with("and nothing came"));
        assert_eq!(live.ended("carol"), None);
    }

    #[test]
    fn of_two_with_one_name_either_may_come_first() {
        let turns = [("Shop", READ), ("Shop 2", BOOK), ("Shop", BOOK), ("Shop 2", "commit")];
        let mut live = plan(&turns);
        assert_eq!(sends(&mut live, 7, "Shop", BOOK), Arrival::Held { release: 1 });
        assert_eq!(sends(&mut live, 8, "Shop", READ), Arrival::Held { release: 0 });
        assert_eq!([live.due(), live.due()], [Some(vec![ClientId(8)]), Some(vec![ClientId(7)])]);
        // It stays who it is, though the other's next has the same shape.
        assert_eq!(sends(&mut live, 7, "Shop", "commit"), Arrival::Held { release: 3 });
        assert_eq!(sends(&mut live, 8, "Shop", BOOK), Arrival::Held { release: 2 });
    }

    #[test]
    fn a_pool_may_go_on_with_another_connection() {
        let mut live = plan(&[("Shop", READ), ("Shop", BOOK)]);
        assert_eq!(within(&mut live, 1, "Shop", READ, Idle), Arrival::Held { release: 0 });
        live.due();
        assert_eq!(within(&mut live, 2, "Shop", BOOK, Idle), Arrival::Passes, "it is in flight");
        live.transaction_over(ClientId(1));
        assert_eq!(within(&mut live, 2, "Shop", BOOK, Idle), Arrival::Held { release: 1 });
    }

    #[test]
    fn a_pools_rollback_is_not_the_one_that_was_planned() {
        let mut live = plan(&[("alice", "rollback")]);
        assert_eq!(within(&mut live, 1, "alice", "rollback", Idle), Arrival::Passes);
        assert_eq!(sends(&mut live, 1, "alice", "rollback"), Arrival::Held { release: 0 });
    }

    #[test]
    fn a_statement_that_is_gone_may_come_again() {
        let mut live = race();
        sends(&mut live, 1, "alice", READ);
        live.left(ClientId(1));
        assert_eq!(live.due(), None);
        assert_eq!(sends(&mut live, 5, "alice", READ), Arrival::Held { release: 0 });
        assert_eq!(live.due(), Some(vec![ClientId(5)]));
    }

    proptest! {
        /// Each of two sends what was recorded of it, and in whatever order they arrive, the plan
        /// is played to its end.
        #[test]
        fn what_was_recorded_plays_to_its_end(
            recorded in prop::collection::vec((0_usize..2, 0_usize..3), 0..12),
            arrivals in prop::collection::vec(any::<bool>(), 64),
        ) {
            const ACTORS: [&str; 2] = ["alice", "bob"];
            const SQL: [&str; 3] = [READ, BOOK, "commit"];
            let turns: Vec<_> =
                recorded.iter().map(|(who, what)| (ACTORS[*who], SQL[*what])).collect();
            let mut live = plan(&turns);
            let mut rest = [0, 1].map(|who| {
                turns.iter().filter(|turn| turn.0 == ACTORS[who]).map(|turn| turn.1).rev()
                    .collect::<Vec<_>>()
            });
            let mut is_held = [false; 2];
            let mut order = Vec::new();
            for who in arrivals.into_iter().map(usize::from).chain([0, 1].repeat(12)) {
                if !is_held[who] && let Some(sql) = rest[who].last() {
                    let arrival = sends(&mut live, who as u64, ACTORS[who], sql);
                    prop_assert!(matches!(arrival, Arrival::Held { .. }), "{:?}", arrival);
                    is_held[who] = true;
                }
                while let Some(clients) = live.due() {
                    for ClientId(client) in clients {
                        let who = usize::try_from(client).unwrap();
                        is_held[who] = false;
                        order.push((ACTORS[who], rest[who].pop().unwrap()));
                    }
                }
            }
            prop_assert!(live.is_over());
            prop_assert_eq!(order, turns);
        }
    }
}
