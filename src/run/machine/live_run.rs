//! A fresh setup that is being played on, from the runner's first connection to the last goodbye.
//!
//! ```text
//!  live_run            who takes part, where                       names, facts
//!  live_run::sending   from a step, typed SQL, a key               ──▶ what is sent
//!  live_run::settle    from what sessions say                  ──▶ events, and whether quiet
//!  live_run::guests    from what clients of the debugger do        ──▶ events like a session's
//!  live_run::waits     from what the observer says of waits        ──▶ events: Waiting, Resumed
//!  live_run::tables    from what it, and the gateway, say of rows  ──▶ events: WatchedTables
//!  live_run::parting   everybody's silence, rollbacks, goodbyes
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::actor::Actor;
use super::ahead::Ahead;
use super::cast::Cast;
use super::effects::Effects;
use super::hearing::Hearing;
use super::input::EngineFacts;
use super::observation_scheduler::ObservationScheduler;
use super::output::{Booking, Newcomer, Output, Role, earliest};
use super::reported::Reported;
use crate::core::event::SessionName;
use crate::core::scenario::{Application, EngineKind, Language};
use crate::gateway::ALONE;
use crate::observer::Watch;
use crate::run::{EngineLine, Production, Report};

mod guests;
mod parting;
mod sending;
mod settle;
mod tables;
mod waits;

/// A fresh setup, being played on.
#[derive(Debug)]
pub(crate) struct LiveRun {
    production: Arc<Production>,
    engine: EngineFacts,
    /// What the run's schema is called, where it has one.
    schema: Option<String>,
    watch: Watch,
    cast: Cast,
    scheduler: ObservationScheduler,
    reported: Reported,
    ahead: Ahead,
    hearing: Hearing,
    /// The watched tables that were not there after the setup.
    missing: Vec<String>,
    /// Whether the scenario was played to its end, and nothing was sent since.
    is_played_out: bool,
    /// Whose sessions are those of the room's people.
    people: BTreeSet<SessionName>,
}

/// Why nobody in the room is given a pane on the optimistic engine: the gateway works on the
/// database as its owner, whoever comes.
pub const NO_PANE: &str = "a pane can be given on the private PostgreSQL alone: on the optimistic \
                           engine everybody works as the database's owner";

impl LiveRun {
    /// In this schema, if it has one of its own, with nobody but the runner, who connects.
    pub(crate) fn new(
        production: Arc<Production>,
        engine: EngineFacts,
        schema: Option<String>,
        fx: &mut Effects,
    ) -> Self {
        let watch = Watch {
            schema: schema.clone(),
            seats: production.scenario.seats.clone(),
            tables: production.scenario.watch.clone(),
        };
        fx.put(Output::Watch(watch.clone()));
        let live = Self {
            watch,
            ahead: Ahead::of(&production, &engine),
            production,
            engine,
            schema,
            cast: Cast::new(),
            scheduler: ObservationScheduler::new(),
            reported: Reported::default(),
            hearing: Hearing::default(),
            missing: Vec::new(),
            is_played_out: false,
            people: BTreeSet::new(),
        };
        let runner = live.cast.runner().name();
        live.invite(runner, Application::Prefixed, Role::Runner, fx);
        live
    }

    /// One more session, connecting.
    pub(crate) fn add(&mut self, name: &SessionName, fx: &mut Effects) {
        self.cast.join(name);
        let role = self.player(name);
        self.invite(name, self.production.scenario.application, role, fx);
        // So that another quiet follows once it has connected: steps that are asked for meanwhile
        // are played then.
        self.reported.moved();
    }

    /// One more session of somebody in the room, who was here before perhaps; or why there can be
    /// none.
    pub(crate) fn add_person(
        &mut self,
        name: &SessionName,
        fx: &mut Effects,
    ) -> Result<(), String> {
        let only = "the room books on the private PostgreSQL only, in a scenario with a seat map";
        let role = self.person().ok_or(only)?;
        if self.people.contains(name) {
            self.reconnect(name, fx);
            return Ok(());
        }
        if self.cast.names().contains(name) {
            return Err(format!("there is already a session called {name}"));
        }
        self.people.insert(name.clone());
        self.cast.join(name);
        self.invite(name, self.production.scenario.application, role, fx);
        self.reported.moved();
        Ok(())
    }

    /// How many sessions are those of the room's people.
    pub(crate) fn people(&self) -> usize {
        self.people.len()
    }

    /// Whether it is the session of somebody in the room.
    pub(crate) fn is_person(&self, name: &SessionName) -> bool {
        self.people.contains(name)
    }

    /// Lets somebody in the room type into their session; or says why not.
    pub(crate) fn give_pane(&self, name: &SessionName, fx: &mut Effects) -> Result<(), String> {
        if self.engine.kind == EngineKind::Optimistic {
            return Err(NO_PANE.to_owned());
        }
        if !self.is_person(name) {
            return Err(format!("nobody in the room called {name} has a session"));
        }
        fx.report(Report::PaneGiven(name.clone()));
        Ok(())
    }

    /// Lets them type no longer.
    pub(crate) fn take_pane(&mut self, name: &SessionName, fx: &mut Effects) {
        if self.is_person(name) {
            self.cancel(name, fx);
            self.dismiss(name, fx);
            fx.report(Report::PaneTaken(name.clone()));
        }
    }

    /// As whom the room's people come, where they can.
    fn person(&self) -> Option<Role> {
        let seats = self.production.scenario.seats.as_ref()?;
        let schema = self.schema.clone().filter(|_| !self.engine.is_kept)?;
        Some(Role::Person(Booking { schema, table: seats.table.clone() }))
    }

    /// As whom this session comes.
    fn role_of(&self, name: &SessionName) -> Option<Role> {
        if self.people.contains(name) { self.person() } else { Some(self.player(name)) }
    }

    /// As which player of the scenario's it comes.
    fn player(&self, name: &SessionName) -> Role {
        match self.production.scenario.language_of(name) {
            Language::Sql => Role::Player,
            Language::Etcd => Role::Etcd,
        }
    }

    /// Looks at the tables.
    pub(crate) fn look_soon(&mut self, fx: &mut Effects) {
        self.scheduler.look_within(Duration::ZERO, fx);
    }

    /// Watches this table as well.
    pub(crate) fn watch_also(&mut self, table: String, fx: &mut Effects) {
        if !self.watch.tables.contains(&table) {
            self.watch.tables.push(table);
            fx.put(Output::WatchAlso(self.watch.clone()));
            self.scheduler.look_within(Duration::ZERO, fx);
        }
    }

    fn invite(&self, name: &SessionName, application: Application, role: Role, fx: &mut Effects) {
        fx.put(Output::Join(Newcomer {
            name: name.clone(),
            application: application.name(name),
            prelude: prelude(&self.production, self.engine.kind, self.schema.as_deref()),
            role,
        }));
    }

    /// What is played.
    pub(crate) fn production(&self) -> &Arc<Production> {
        &self.production
    }

    /// The players' names, in screen order.
    pub(crate) fn names(&self) -> Vec<SessionName> {
        self.cast.names()
    }

    /// Whether everybody has connected, the runner included, or is known not to.
    pub(crate) fn is_cast_complete(&self) -> bool {
        self.cast.is_complete()
    }

    /// Takes in which of the watched tables are not there after the setup.
    pub(crate) fn note_missing(&mut self, missing: Vec<String>) {
        self.missing = missing;
    }

    /// The watched tables that were not there after the setup.
    pub(crate) fn missing(&self) -> &[String] {
        &self.missing
    }

    /// The scenario has been played to its end.
    pub(crate) fn note_played_out(&mut self) {
        self.is_played_out = true;
    }

    /// The engine as the console's first line names it.
    pub(crate) fn engine_line(&self) -> EngineLine {
        let EngineFacts { kind, product, place, isolation, is_alone, .. } = &self.engine;
        EngineLine {
            kind: *kind,
            product: match kind {
                EngineKind::Optimistic => format!("optimistic on {product}"),
                _ => product.clone(),
            },
            place: place.clone(),
            isolation: self.production.isolation(*kind, *isolation),
            alone: is_alone.then_some(ALONE),
        }
    }

    /// Whether a schema was made for it, to be dropped in the end.
    pub(crate) fn has_a_schema(&self) -> bool {
        self.schema.is_some()
    }

    /// When something is due that nobody else brings about.
    pub(crate) fn due(&self) -> Option<Duration> {
        let repeats = self.cast.players().filter_map(|actor| actor.state.watch.as_ref()?.due);
        earliest([self.scheduler.due(), self.ahead.due(), self.hearing.due(), repeats.min()])
    }

    fn player_mut(&mut self, name: &SessionName) -> Option<&mut Actor> {
        self.cast.player_mut(name)
    }
}

/// SQL that every session begins with: where names are looked for and the isolation level, where
/// they are not as the server gives them.
pub(crate) fn prelude(
    production: &Production,
    on: EngineKind,
    schema: Option<&str>,
) -> Vec<String> {
    let path = production.scenario.search_path.value(schema);
    let path = path.map(|path| format!("set search_path = {path}"));
    let level = production.isolation_to_set(on);
    // The default, and not SET TRANSACTION: it holds for every BEGIN of the session and for its
    // statements outside of any.
    let level = level.map(|l| format!("set default_transaction_isolation = '{}'", l.as_sql()));
    path.into_iter().chain(level).collect()
}
